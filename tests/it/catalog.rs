//! `catalog …` and `report --prices` as a user meets them: price lists from files and from servers
//! of every kind, and what becomes of their prices in a run.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use crate::stub::Stub;
use crate::support::{csv, file, files, folder, measured, run, run_with, weighbridge};

/// A price list of OpenRouter's kind: id, price in, price out.
fn list(models: &[(&str, &str, &str)]) -> String {
    let one = |(id, prompt, completion): &(&str, &str, &str)| {
        format!(
            "{{\"id\":\"{id}\",\"created\":1700000000,\"context_length\":131072,\"pricing\":\
             {{\"prompt\":\"{prompt}\",\"completion\":\"{completion}\"}},\
             \"supported_parameters\":[\"tools\",\"temperature\"]}}"
        )
    };
    format!("{{\"data\":[{}]}}", models.iter().map(one).collect::<Vec<_>>().join(","))
}

const MODELS: [(&str, &str, &str); 4] = [
    ("acme/large", "0.000003", "0.000015"),
    ("acme/small", "0.0000001", "0.0000004"),
    ("birch/mid", "0.00000052999999999999999", "0.000001"),
    ("cedar/router", "-1", "-1"),
];

fn sync(dir: &Path, list: &str, more: &[&str]) -> crate::support::Ran {
    file(dir, "list.json", list);
    let usual = ["catalog", "sync", "--from", "list.json", "--out", "prices.toml"];
    run(dir, &[&usual[..], more].concat())
}

#[test]
fn a_synced_list_is_a_catalog() {
    let dir = folder();
    let ran = sync(dir.path(), &list(&MODELS), &[]).exits(0).says(&["4 endpoints of 4 entries"]);
    assert_eq!(ran.stdout, "prices.toml\n");
    let text = std::fs::read_to_string(dir.path().join("prices.toml")).expect("it is written");
    assert!(text.contains("unit = \"USD per million tokens\""), "{text}");
    assert!(text.contains("input = \"0.52999999999999999\""), "{text}");
    let args = ["catalog", "list", "--catalog", "prices.toml", "--format", "csv"];
    let listed = |condition: &str| {
        let out = run(dir.path(), &[&args[..], &["--where", condition]].concat()).exits(0).stdout;
        out.lines()
            .skip(1)
            .map(|l| l.split('@').next().expect("an id").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        listed("price.output < 2 and context >= 128_000 and tools"),
        ["acme/small", "birch/mid"]
    );
    assert_eq!(listed("not priced"), ["cedar/router"]);
    run(dir.path(), &[&args[..], &["--where", "price.outptu < 2"]].concat()).exits(2).says(&[
        "unknown field \"price.outptu\"",
        "did you mean \"price.output\"?",
        "max_output",
    ]);
}

#[test]
fn a_snapshot_is_dated_and_the_newest_is_held_against() {
    let dir = folder();
    file(dir.path(), "list.json", &list(&MODELS));
    let first = run(dir.path(), &["catalog", "sync", "--from", "list.json"]).exits(0).stdout;
    let name = first.trim().strip_prefix("catalogs/list-").expect("dated");
    assert!(name.strip_suffix(".toml").expect("a day").parse::<jiff::civil::Date>().is_ok());
    std::fs::rename(
        dir.path().join(first.trim()),
        dir.path().join("catalogs/list-2026-01-02.toml"),
    )
    .expect("renamed");
    run(dir.path(), &["catalog", "sync", "--from", "list.json"])
        .exits(0)
        .says(&["nothing changed since catalogs/list-2026-01-02.toml"]);
}

#[test]
fn a_price_that_jumps_is_refused_unless_it_is_named() {
    let dir = folder();
    sync(dir.path(), &list(&MODELS), &[]).exits(0);
    let before = files(dir.path());
    let mut cents = MODELS;
    cents[0].1 = "0.0003";
    cents[1].2 = "0.0000001";
    sync(dir.path(), &list(&cents), &[]).exits(2).says(&[
        "2 prices moved by more than 3×",
        "acme/large@openrouter input: 3 to 300 (+9900.0 %)",
        "acme/small@openrouter output: 0.4 to 0.1 (-75.0 %)",
        "--accept",
        "the previous snapshot is kept",
    ]);
    assert_eq!(files(dir.path())["prices.toml"], before["prices.toml"]);
    sync(dir.path(), &list(&cents), &["--accept", "acme/large"]).exits(2).says(&["1 prices moved"]);
    sync(dir.path(), &list(&cents), &["--accept", "acme/*"])
        .exits(0)
        .says(&["dearer: 1", "cheaper: 1"]);
    // Threefold is not more than threefold.
    cents[0].1 = "0.0001";
    sync(dir.path(), &list(&cents), &[]).exits(0);
}

#[test]
fn two_snapshots_are_compared() {
    let dir = folder();
    file(dir.path(), "a.json", &list(&MODELS));
    let later = [
        ("acme/large", "0.0000036", "0.000015"),
        ("acme/small", "0.0000001", "0.0000002"),
        ("dune/new", "0.000001", "0.000001"),
        ("cedar/router", "-1", "-1"),
    ];
    file(dir.path(), "b.json", &list(&later));
    for name in ["a", "b"] {
        let (from, out) = (format!("{name}.json"), format!("{name}.toml"));
        run(dir.path(), &["catalog", "sync", "--from", &from, "--out", &out]).exits(0);
    }
    let ran = run(dir.path(), &["catalog", "diff", "a.toml", "b.toml"])
        .exits(0)
        .says(&["1 dearer, 1 cheaper, 1 vanished, 1 appeared, 0 changed otherwise"]);
    insta::assert_snapshot!(ran.stdout);
    let checked = run(dir.path(), &["catalog", "check", "a.toml", "b.toml"])
        .exits(0)
        .says(&["8 endpoints: 2 disagree, 2 no price"]);
    insta::assert_snapshot!(checked.stdout);
}

/// A server that answers one request so, whatever it is asked, and then hangs up.
fn serve(answer: impl FnOnce(&mut std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/models", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a client");
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && socket.read(&mut byte).is_ok_and(|n| n > 0) {
            head.push(byte[0]);
        }
        answer(&mut socket);
    });
    url
}

fn says(status: &'static str, headers: &'static str, body: String) -> String {
    serve(move |socket| {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n");
        let _ = socket.write_all(head.as_bytes());
        let _ = socket.write_all(body.as_bytes());
    })
}

#[test]
fn a_server_that_gives_no_price_list_costs_nothing() {
    let dir = folder();
    sync(dir.path(), &list(&MODELS), &[]).exits(0);
    let before = files(dir.path());
    let refused = |url: &str, expected: &[&str]| {
        let args = ["catalog", "sync", "--from", url, "--out", "prices.toml"];
        run(dir.path(), &args).exits(2).says(expected);
        assert_eq!(files(dir.path()), before, "{url}");
    };
    let kept = "the previous snapshot is kept";
    refused(&says("200 OK", "", "<!doctype html><h1>Hi</h1>".into()), &["is a web page", kept]);
    refused(&says("404 Not Found", "", "no".into()), &["answered 404 Not Found", kept]);
    refused(
        &says("302 Found", "location: https://elsewhere.example/\r\n", String::new()),
        &["answered 302", "points to https://elsewhere.example/: name that address", kept],
    );
    refused(&says("200 OK", "", String::new()), &["is empty", kept]);
    refused(&says("200 OK", "", "{\"data\":[{\"id\":".into()), &["is not JSON", kept]);
    let negative = list(&[("acme/large", "-0.5", "1")]);
    refused(&says("200 OK", "", negative), &["acme/large", "prompt", "is negative", kept]);
    refused(&serve(|_| {}), &["could not be read", kept]);
    let announced = |socket: &mut std::net::TcpStream| {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 314572800\r\n\r\n{");
    };
    refused(&serve(announced), &["more than 64 MB", kept]);
    let unannounced = |socket: &mut std::net::TcpStream| {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        let chunk = [b"100000\r\n".to_vec(), vec![b' '; 1 << 20], b"\r\n".to_vec()].concat();
        // It ends when the client has had enough.
        while socket.write_all(&chunk).is_ok() {}
    };
    refused(&serve(unannounced), &["more than 64 MB", kept]);
    refused("https://me:secret@openrouter.example/models", &["holds credentials", kept]);
    refused("ftp://openrouter.example/models", &["a URL begins with https://", kept]);
    refused("nowhere.json", &["is no file here and no known price list"]);
}

#[test]
fn a_server_that_gives_one_is_read_and_no_key_is_kept() {
    let dir = folder();
    let url = format!("{}?key=sk-very-secret", says("200 OK", "", list(&MODELS)));
    let args = ["catalog", "sync", "--from", &url, "--out", "prices.toml"];
    let ran = run(dir.path(), &args).exits(0);
    let all = files(dir.path());
    let text = String::from_utf8_lossy(&all["prices.toml"]);
    assert!(text.contains("acme/large") && text.contains("source = \"http://127.0.0.1"), "{text}");
    assert!(![&*text, &ran.stdout, &ran.stderr].iter().any(|said| said.contains("secret")));
}

#[test]
fn a_choice_is_spread_explained_and_written() {
    let dir = folder();
    sync(dir.path(), &list(&MODELS), &[]).exits(0);
    file(
        dir.path(),
        "prompts.csv",
        "prompt,reference,category\nWhat is 2+2?,4,math\nSay hi,hi,chat\n",
    );
    file(
        dir.path(),
        "weighbridge.toml",
        "# what serves now\n[today]\nendpoint = \"acme/large@openrouter\"\n",
    );
    let args =
        ["catalog", "pick", "3", "--for", "prompts.csv", "--catalog", "prices.toml", "--write"];
    let ran = run(dir.path(), &args)
        .exits(0)
        .says(&["3 of 4 endpoints can take the 2 tasks", "dropped 1: its price is not known"]);
    insta::assert_snapshot!(ran.stdout);
    let config = std::fs::read_to_string(dir.path().join("weighbridge.toml")).expect("a file");
    assert!(
        config.ends_with("\n# what serves now\n[today]\nendpoint = \"acme/large@openrouter\"\n")
    );
    let head = "catalog = \"prices.toml\"\nsuites = [\"prompts.csv\"]\n\
        models = [\n    \"acme/large@openrouter\",\n";
    assert!(config.starts_with(head), "{config}");
    let key = ("OPENROUTER_API_KEY", "sk-test");
    let plan = ["plan", "--suite", "prompts.csv", "--catalog", "prices.toml"];
    let plan = run_with(dir.path(), key, &plan).exits(0);
    assert!(plan.stdout.contains("mid@openrouter"), "{}", plan.stdout);
}

#[test]
fn what_has_no_address_cannot_be_called() {
    let dir = folder();
    let entry = "{\"azure/m\":{\"litellm_provider\":\"azure\",\"mode\":\"chat\",\
                 \"input_cost_per_token\":1e-6,\"output_cost_per_token\":2e-6}}";
    sync(dir.path(), entry, &[]).exits(0);
    file(dir.path(), "prompts.csv", "prompt,reference\nWhat is 2+2?,4\n");
    let plan = ["plan", "--suite", "prompts.csv", "--catalog", "prices.toml"];
    run(dir.path(), &plan)
        .exits(2)
        .says(&["azure/m@azure cannot be called", "[[provider]] name = \"azure\", base_url"]);
    file(
        dir.path(),
        "weighbridge.toml",
        "[[provider]]\nname = \"azure\"\nbase_url = \"https://x.openai.azure.com/openai/v1\"\n",
    );
    run(dir.path(), &plan).exits(0);
}

#[test]
fn a_plan_says_that_a_key_is_missing() {
    let dir = folder();
    let catalog = "[[provider]]\nname = \"p\"\nbase_url = \"http://127.0.0.1:9/v1\"\n\
                   api_key_env = \"WEIGHBRIDGE_NO_KEY\"\n[[endpoint]]\nmodel = \"m\"\n\
                   provider = \"p\"\nprice = \"free\"\n";
    file(dir.path(), "prices.toml", catalog);
    file(dir.path(), "prompts.csv", "prompt,reference\nWhat is 2+2?,4\n");
    let plan = ["plan", "--suite", "prompts.csv", "--catalog", "prices.toml"];
    let missing = "a run would stop: provider \"p\" takes its key from WEIGHBRIDGE_NO_KEY, which is \
                   not set: export WEIGHBRIDGE_NO_KEY=…";
    run(dir.path(), &plan).exits(0).says(&[missing]);
    let ran = run_with(dir.path(), ("WEIGHBRIDGE_NO_KEY", "sk-test"), &plan).exits(0);
    assert!(!ran.stderr.contains("would stop"), "{}", ran.stderr);
}

/// The costs of a run of the stub's two models, by trial.
fn costs(dir: &Path, out: &str) -> Vec<weighbridge::units::Usd> {
    let rows = csv(&dir.join(out).join("trials.csv"));
    rows.iter().map(|row| row["cost_usd"].parse().expect("a cost")).collect()
}

#[test]
fn discounts_and_fees_are_paid_and_named() {
    measured(discounts_and_fees_are_paid_and_named_once);
}

fn discounts_and_fees_are_paid_and_named_once() {
    let dir = folder();
    let stub = Stub::says("4");
    file(dir.path(), "catalog.toml", &stub.catalog(""));
    file(dir.path(), "prompts.csv", "prompt,reference\nWhat is 2+2?,4\nWhat is 3+1?,4\n");
    let weigh = |out: &str| {
        let args = ["run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--yes", "--out"];
        let mut command = weighbridge(dir.path());
        crate::support::Ran::of(command.args(args).arg(out).output().expect("it runs")).weighed()
    };
    weigh("plain");
    let plain = costs(dir.path(), "plain");
    assert!(plain.iter().all(|usd| usd.raw() > 0), "{plain:?}");
    file(
        dir.path(),
        "weighbridge.toml",
        "[[provider]]\nname = \"stub\"\ndiscount = \"0.5\"\nfee = \"0.1\"\n\n[[price]]\nmatch = \
         \"*\"\nfee = \"1\"\n",
    );
    weigh("laid-over");
    let laid_over = costs(dir.path(), "laid-over");
    // (1 − 0.5) × (1 + 0.1) × (1 + 1) = 1.1
    let expected: Vec<i128> = plain.iter().map(|usd| usd.raw() * 11 / 10).collect();
    assert_eq!(laid_over.iter().map(|usd| usd.raw()).collect::<Vec<_>>(), expected);
    let report = std::fs::read_to_string(dir.path().join("laid-over/report.md")).expect("a report");
    for said in ["less a discount of 50 %, plus a fee of 10 %", "plus a fee of 100 %"] {
        assert!(report.contains(said), "{said} is not in:\n{report}");
    }
}

#[test]
fn a_finished_run_is_priced_anew() {
    let dir = folder();
    let args = ["run", "--virtual", "--limit", "30", "--out", "run"];
    run(dir.path(), &args).exits(0);
    let before = files(&dir.path().join("run"));
    let listed = run(dir.path(), &["catalog", "list", "--format", "csv"]).exits(0).stdout;
    file(dir.path(), "listed.csv", &listed);
    // The same prices give the same dollars; twice the prices, twice the dollars.
    let catalog = |times: u64| {
        let mut text = String::new();
        let mut providers = std::collections::BTreeSet::new();
        for row in csv(&dir.path().join("listed.csv")) {
            let id = row["endpoint"].split('#').next().expect("an id").to_owned();
            let (model, provider) = id.split_once('@').expect("model@provider");
            if providers.insert(format!(" {provider}")) {
                text += &format!(
                    "[[provider]]\nname = \"{provider}\"\nbase_url = \"https://x.example/v1\"\n"
                );
            }
            if !providers.insert(id.clone()) {
                continue;
            }
            let usd = |key: &str| {
                let usd: weighbridge::units::Usd = row[key].parse().expect("a price");
                usd.times(times)
            };
            let cached = if row["cached_input_usd_per_m"].is_empty() {
                String::new()
            } else {
                format!(", cached_input = \"{}\"", usd("cached_input_usd_per_m"))
            };
            text += &format!(
                "[[endpoint]]\nmodel = \"{model}\"\nprovider = \"{provider}\"\nprice = {{ input = \
                 \"{}\", output = \"{}\"{cached} }}\n",
                usd("input_usd_per_m"),
                usd("output_usd_per_m")
            );
        }
        text
    };
    for (times, change) in [(1, "same"), (2, "+100.0 %")] {
        file(dir.path(), "prices.toml", &catalog(times));
        let ran = run(dir.path(), &["report", "run", "--prices", "prices.toml"]).exits(0);
        let total = ran.stdout.lines().last().expect("a total").to_owned();
        assert!(total.starts_with("all") && total.ends_with(change), "{}", ran.stdout);
        for row in csv(&dir.path().join("run/repriced.csv")) {
            let usd = |key: &str| row[key].parse::<weighbridge::units::Usd>().expect("a cost");
            assert_eq!(usd("then_usd").times(times), usd("now_usd"), "{row:?}");
            assert_eq!(row["unknown"], "0");
        }
    }
    let mut after = files(&dir.path().join("run"));
    assert!(after.remove("repriced.csv").is_some());
    assert!(after == before, "the run itself stays as it was");
    file(
        dir.path(),
        "other.toml",
        "[[provider]]\nname = \"p\"\nbase_url = \"https://x.example\"\n",
    );
    run(dir.path(), &["report", "run", "--prices", "other.toml"])
        .exits(2)
        .says(&["lists none of the run's endpoints"]);
}
