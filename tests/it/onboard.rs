//! A key and a glob and nothing else: the provider, its models and their prices are found.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use weighbridge::catalog::Price;
use weighbridge::store::Reader;

use crate::support::{Ran, Sim, csv, file, files, folder, measured, weighbridge};

/// Long enough for a real key, and nowhere else in the world.
const KEY: &str = "sk-or-Mark7Qx93LpTz0";
const PROMPTS: &str = "id,question,expected\n1,hello,ok\n2,what is 2+2,4\n";

/// Runs with these variables in the environment.
fn run(dir: &Path, variables: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut command = weighbridge(dir);
    Ran::of(command.envs(variables.iter().copied()).args(args).output().expect("the binary runs"))
}

/// A server of documents: each path has an answer of its own, written as it stands.
pub struct Lists {
    pub url: String,
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Lists {
    pub fn start(answers: &[(&str, String)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let answers: BTreeMap<String, String> =
            answers.iter().map(|(path, answer)| ((*path).to_owned(), answer.clone())).collect();
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let Ok(mut socket) = socket else { return };
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && socket.read(&mut byte).is_ok_and(|n| n > 0) {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                if head.is_empty() {
                    return;
                }
                let path = head.split(' ').nth(1).unwrap_or_default();
                let missing = || says("404 Not Found", "no");
                let answer = answers.get(path).cloned().unwrap_or_else(missing);
                seen.lock().expect("no thread panics").push(head.clone());
                let _ = socket.write_all(answer.as_bytes());
            }
        });
        Self { url: format!("http://{address}"), address, asked }
    }

    /// The heads of what it was asked so far.
    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no thread panics").clone()
    }
}

impl Drop for Lists {
    fn drop(&mut self) {
        // A connection without a request ends the thread.
        let _ = TcpStream::connect(self.address);
    }
}

/// A whole answer.
pub fn says(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A list of OpenRouter's kind of so many models, `acme/m0` and so on, beside a router without a
/// price.
fn openrouter(n: usize) -> String {
    let model = |i| {
        format!(
            "{{\"id\":\"acme/m{i}\",\"context_length\":131072,\"pricing\":{{\"prompt\":\
             \"0.00000{}\",\"completion\":\"0.000015\"}}}}",
            i % 9 + 1
        )
    };
    let router = r#"{"id":"acme/auto","pricing":{"prompt":"-1","completion":"-1"}}"#.to_owned();
    let all: Vec<String> = (0..n).map(model).chain([router]).collect();
    says("200 OK", &format!("{{\"data\":[{}]}}", all.join(",")))
}

/// A list of models.dev's kind: so many models of OpenAI's, one of Anthropic's and one of somebody
/// whose key is not here.
fn models_dev(n: usize) -> String {
    let model = |i| {
        format!(
            "\"gpt-{i}\":{{\"cost\":{{\"input\":2.5,\"output\":15}},\"limit\":{{\"context\":400000,\"output\":128000}}}}"
        )
    };
    let openai: Vec<String> = (0..n).map(model).collect();
    let one = |name: &str| {
        format!("{{\"models\":{{\"{name}\":{{\"cost\":{{\"input\":3,\"output\":15.25}}}}}}}}")
    };
    says(
        "200 OK",
        &format!(
            "{{\"openai\":{{\"models\":{{{}}}}},\"anthropic\":{},\"mistral\":{}}}",
            openai.join(","),
            one("claude-9"),
            one("large")
        ),
    )
}

#[test]
fn a_key_and_a_glob_weigh_a_real_provider() {
    measured(a_key_and_a_glob_weigh_a_real_provider_once);
}

fn a_key_and_a_glob_weigh_a_real_provider_once() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &["--instant"]);
    file(dir.path(), "p.csv", PROMPTS);
    let base = format!("{}/v1", sim.url());
    let env = [("OPENROUTER_BASE_URL", base.as_str()), ("OPENROUTER_API_KEY", KEY)];
    let args = ["run", "-m", "elm/*", "--suite", "p.csv", "--budget", "1", "--out", "run"];
    let ran = run(dir.path(), &env, &args).weighed().says(&[
        "2 of 10 endpoints, $ per million tokens",
        "elm/moe@openrouter           0.09 in, 0.6 out    262144 tokens",
        &format!("prices are those of {base}/models, read 20"),
    ]);
    // What was matched is said before what it came to.
    assert!(ran.stderr.find("2 of 10 endpoints") < ran.stderr.find("2 tasks"), "{}", ran.stderr);
    let out = dir.path().join("run");
    assert_eq!(csv(&out.join("trials.csv")).len(), 4);
    let report = std::fs::read_to_string(out.join("report.md")).expect("a report");
    assert!(report.contains("rices are those of http") && report.contains("/models, read 20"));
    let stored = Reader::open(&out).expect("a run").endpoints().expect("endpoints");
    assert!(stored.iter().all(|s| matches!(s.endpoint.price, Price::Rates(_))), "{stored:?}");
    assert!(stored.iter().all(|s| s.endpoint.provider.name == "openrouter"));
    for (name, bytes) in files(dir.path()) {
        assert!(!String::from_utf8_lossy(&bytes).contains("Mark7"), "{name} holds the key");
    }
    drop(sim);
}

#[test]
fn listing_and_planning_and_pinning_need_no_file_either() {
    measured(listing_and_planning_and_pinning_need_no_file_either_once);
}

fn listing_and_planning_and_pinning_need_no_file_either_once() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &["--instant"]);
    file(dir.path(), "p.csv", PROMPTS);
    let base = format!("{}/v1", sim.url());
    let env = [("OPENROUTER_BASE_URL", base.as_str()), ("OPENROUTER_API_KEY", KEY)];
    let planned = |glob: &str| -> Vec<String> {
        let args = ["plan", "-m", glob, "--suite", "p.csv", "--format", "json"];
        let plan = run(dir.path(), &env, &args).exits(0).stdout;
        let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
        let endpoints = plan["endpoints"].as_array().expect("a list");
        endpoints.iter().map(|e| e["endpoint"].as_str().expect("an id").to_owned()).collect()
    };
    // OpenRouter's own routing, one provider of those it routes to, and all of them.
    assert_eq!(planned("elm/moe@openrouter"), ["elm/moe@openrouter"]);
    assert_eq!(planned("elm/moe@openrouter/fjord"), ["elm/moe@openrouter/fjord"]);
    assert_eq!(
        planned("elm/moe@openrouter/*"),
        ["elm/moe@openrouter/ember", "elm/moe@openrouter/fjord"]
    );
    run(dir.path(), &env, &["plan", "-m", "elm/moe@openrouter/nobody"])
        .exits(2)
        .says(&["none of the endpoints of elm/moe", "elm/moe@openrouter/fjord"]);
    // Of many models, not every one need be everywhere.
    assert_eq!(planned("elm/*@openrouter/fjord"), ["elm/moe@openrouter/fjord"]);
    run(dir.path(), &env, &["plan", "-m", "elm/meo"]).exits(2).says(&["nearest: elm/moe"]);
    // What is pinned is asked so, at a mirror too: the fleet has the other price there.
    let ping = ["catalog", "ping", "-m", "elm/moe@openrouter/fjord", "--format", "json"];
    let pinged = run(dir.path(), &env, &ping).exits(0);
    let rows: serde_json::Value = serde_json::from_str(&pinged.stdout).expect("JSON");
    assert_eq!(rows[0]["status"], "ok", "{rows}");
    let listed = run(dir.path(), &env, &["catalog", "list", "-m", "gale/*"]).exits(0);
    assert!(listed.stdout.contains("gale/small@openrouter"), "{}", listed.stdout);
    assert!(!listed.stdout.contains("SIMULATED"), "{}", listed.stdout);
    let moved = [("OPENAI_BASE_URL", base.as_str()), ("OPENAI_API_KEY", KEY)];
    let listed = run(dir.path(), &moved, &["catalog", "list", "-m", "gale/*"]).exits(0);
    assert!(listed.stdout.contains("gale/small@openai "), "{}", listed.stdout);
    let load = ["load", "-m", "gale/small", "-c", "1", "-n", "2", "--suite", "p.csv"];
    run(dir.path(), &env, &load).weighed().says(&["1 of 10 endpoints", "prices are those of"]);
}

#[test]
fn without_a_key_it_is_said_which_were_looked_for() {
    let dir = folder();
    run(dir.path(), &[], &["plan", "-m", "openai/*"]).exits(2).says(&[
        "none is set",
        "OPENROUTER_API_KEY",
        "ANTHROPIC_API_KEY",
        "GEMINI_API_KEY",
        "--catalog FILE",
        "--demo",
    ]);
    let env = [("OPENROUTER_API_KEY", KEY)];
    run(dir.path(), &env, &["plan", "-m", "claude*@anthropic"])
        .exits(2)
        .says(&["is at anthropic: export ANTHROPIC_API_KEY=…"]);
    run(dir.path(), &env, &["plan", "-m", "x@nobody"])
        .exits(2)
        .says(&["there are keys for openrouter", "--catalog FILE"]);
    run(dir.path(), &env, &["run", "--suite", &file(dir.path(), "p.csv", PROMPTS)])
        .exits(2)
        .says(&["-m GLOB", "OPENROUTER_API_KEY"]);
    let bare = [("OPENAI_API_KEY", KEY), ("OPENAI_BASE_URL", "mirror.example/v1")];
    run(dir.path(), &bare, &["plan", "-m", "*"])
        .exits(2)
        .says(&["OPENAI_BASE_URL: the address has no scheme"]);
    // Listing asks nothing of anybody: without a key it is the fleet's, and says so.
    let listed = run(dir.path(), &[], &["catalog", "list", "-m", "elm/*"]).exits(0);
    assert!(listed.stdout.starts_with("SIMULATED"), "{}", listed.stdout);
}

#[test]
fn many_are_shown_in_short_and_not_asked_without_a_word() {
    let dir = folder();
    let lists = Lists::start(&[("/api.json", models_dev(40))]);
    let mirror = format!("{}/api.json", lists.url);
    let env =
        [("MODELS_DEV_URL", mirror.as_str()), ("OPENAI_API_KEY", KEY), ("ANTHROPIC_API_KEY", KEY)];
    file(dir.path(), "p.csv", PROMPTS);
    run(dir.path(), &env, &["run", "-m", "*"]).exits(2).says(&[
        "41 of 41 endpoints",
        "  openai/gpt-0@openai",
        "2.5 in, 15 out",
        "… and 26 more",
        "the run would cost about $",
        "--budget USD",
    ]);
    assert!(!dir.path().join("results").exists(), "nothing was begun");
    run(dir.path(), &env, &["plan", "-m", "*@anthropic", "--suite", "p.csv"])
        .exits(0)
        .says(&["1 of 1 endpoints", "anthropic/claude-9@anthropic  3 in, 15.25 out"]);
    // A public list is asked without anybody's key.
    let asked = lists.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|head| !head.contains("Mark7")), "{asked:?}");
}

#[test]
fn what_has_no_price_is_not_caught_by_a_wildcard() {
    let dir = folder();
    let lists = Lists::start(&[("/v1/models", openrouter(2))]);
    let base = format!("{}/v1", lists.url);
    let env = [("OPENROUTER_BASE_URL", base.as_str()), ("OPENROUTER_API_KEY", KEY)];
    file(dir.path(), "p.csv", PROMPTS);
    run(dir.path(), &env, &["plan", "-m", "acme/*", "--suite", "p.csv"]).exits(0).says(&[
        "2 of 3 endpoints",
        "skipped acme/auto@openrouter: no listed price. Pass its full id with -m to include it",
    ]);
    run(dir.path(), &env, &["plan", "-m", "acme/auto", "--suite", "p.csv"])
        .exits(0)
        .says(&["1 of 3 endpoints", "acme/auto@openrouter  price unknown"]);
    let asked = lists.asked();
    let sent = format!("authorization: Bearer {KEY}");
    assert!(asked[0].starts_with("GET /v1/models ") && asked[0].contains(&sent), "{asked:?}");
}

#[test]
fn a_pin_does_not_look_up_a_whole_list() {
    let dir = folder();
    let lists = Lists::start(&[("/v1/models", openrouter(30))]);
    let base = format!("{}/v1", lists.url);
    let env = [("OPENROUTER_BASE_URL", base.as_str()), ("OPENROUTER_API_KEY", KEY)];
    run(dir.path(), &env, &["plan", "-m", "acme/*@openrouter/*"])
        .exits(2)
        .says(&["the endpoints of 31 models", "name at most 20"]);
    assert_eq!(lists.asked().len(), 1);
}

#[test]
fn a_configuration_without_a_catalog_means_the_lists_too() {
    let dir = folder();
    let lists = Lists::start(&[("/v1/models", openrouter(3))]);
    let base = format!("{}/v1", lists.url);
    let env = [("OPENROUTER_BASE_URL", base.as_str()), ("OPENROUTER_API_KEY", KEY)];
    file(dir.path(), "p.csv", PROMPTS);
    file(
        dir.path(),
        "weighbridge.toml",
        "models = [\"acme/m0\"]\nsuites = [\"p.csv\"]\n[today]\n\
         endpoint = \"acme/m2@openrouter\"\n[[provider]]\nname = \"openrouter\"\nfee = \"0.055\"\n",
    );
    run(dir.path(), &env, &["plan"]).exits(0).says(&[
        "1 of 4 endpoints",
        "prices are those of",
        "prices at openrouter are",
        "acme/m2@openrouter serves today, so it is measured too",
    ]);
    // Checking is of what is here.
    run(dir.path(), &[], &["catalog", "check"]).exits(2);
}

#[test]
fn a_list_that_does_not_come_is_one_error_with_a_remedy() {
    let dir = folder();
    let refused = |answer: String, expected: &[&str]| {
        let lists = Lists::start(&[("/v1/models", answer)]);
        let base = format!("{}/v1", lists.url);
        let env = [("OPENROUTER_BASE_URL", base.as_str()), ("OPENROUTER_API_KEY", KEY)];
        let ran = run(dir.path(), &env, &["run", "-m", "acme/*"]).exits(2).says(expected);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(!ran.stderr.contains("Mark7"), "{}", ran.stderr);
        assert!(!dir.path().join("results").exists(), "nothing was begun");
    };
    let remedy = "catalog sync --from FILE";
    refused(says("200 OK", "<!doctype html><h1>Hi</h1>"), &["is a web page", remedy]);
    refused(says("404 Not Found", "no"), &["answered 404 Not Found", remedy]);
    refused(says("200 OK", ""), &["is empty", remedy]);
    refused(says("200 OK", "{\"data\":[{\"id\":"), &["is not JSON", remedy]);
    refused(String::new(), &["could not be read", remedy]);
    refused(
        "HTTP/1.1 200 OK\r\ncontent-length: 314572800\r\n\r\n{".to_owned(),
        &["more than 64 MB", remedy],
    );
    refused(
        says("401 Unauthorized", &format!("bad key {KEY}")),
        &["answered 401", "it does not take the key in OPENROUTER_API_KEY"],
    );
    // A snapshot that is here is named, and used only when it is named.
    file(dir.path(), "catalogs/list-2026-01-02.toml", "");
    file(dir.path(), "catalogs/other-2026-01-03.toml", "");
    refused(
        says("503 Service Unavailable", ""),
        &["answered 503", "--catalog catalogs/other-2026-01-03.toml"],
    );
}

#[test]
fn a_certificate_that_does_not_verify_is_said_in_one_line() {
    let dir = folder();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a key");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
    let crypto = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.expect("a key"))
        .expect("a configuration");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let base = format!("https://{}/v1", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let tls = rustls::ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let Ok(socket) = socket else { return };
            let mut stream = rustls::StreamOwned::new(tls, socket);
            // A client that does not trust the certificate goes away.
            if stream.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {
                let _ = stream.write_all(openrouter(2).as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    let url = format!("{base}/models");
    file(dir.path(), "prices.toml", "");
    let sync = ["catalog", "sync", "--from", &url, "--out", "prices.toml"];
    let expected = ["127.0.0.1 has a certificate that does not verify", "SSL_CERT_FILE=corp.pem"];
    let ran = run(dir.path(), &[], &sync).exits(2).says(&expected);
    assert!(ran.stderr.contains("the previous snapshot is kept"), "{}", ran.stderr);
    assert_eq!(files(dir.path())["prices.toml"], b"");
    let env = [("OPENROUTER_BASE_URL", base.as_str()), ("OPENROUTER_API_KEY", KEY)];
    let ran = run(dir.path(), &env, &["plan", "-m", "acme/*"]).exits(2).says(&expected);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    // With the certificate named, as the error says, the list comes.
    let trusted = file(dir.path(), "corp.pem", &made.cert.pem());
    let env = [env[0], env[1], ("SSL_CERT_FILE", trusted.as_str())];
    run(dir.path(), &env, &["catalog", "list", "-m", "acme/*"]).exits(0);
}
