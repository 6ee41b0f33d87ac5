//! What decides whether a request is sent, and what is in it: privacy, capabilities, a router's pin,
//! prompt caches.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use weighbridge::units::Usd;

use crate::interrupt::Running;
use crate::stub::{Stub, events, stream, whole};
use crate::support::{Sim, csv, file, folder, made, measured, run, statuses, summary};

const PROMPTS: &str = "prompt,reference\nOne?,yes\nTwo?,yes\nThree?,yes\n";

fn report(dir: &Path) -> String {
    let text = std::fs::read_to_string(dir.join("run/report.md")).expect("written");
    text.replace('\\', "")
}

#[test]
fn prompts_go_to_those_alone_who_may_see_them() {
    measured(prompts_go_to_those_alone_who_may_see_them_once);
}

fn prompts_go_to_those_alone_who_may_see_them_once() {
    let (dir, stub) = (folder(), Stub::says("yes"));
    file(dir.path(), "prompts.csv", PROMPTS);
    let provider = |name: &str, more: &str| {
        format!(
            "\n[[provider]]\nname = \"{name}\"\nbase_url = \"http://unreachable.invalid/v1\"\n{more}\
             \n[[endpoint]]\nmodel = \"acme/large\"\nprovider = \"{name}\"\nprice = \"free\"\n"
        )
    };
    let catalog = stub.catalog(&(provider("elsewhere", "") + &provider("vouched", "zdr = true\n")));
    let config = format!(
        "models = [\"*\"]\nsuites = [\"prompts.csv\"]\n[privacy]\nproviders = [\"vouch*\"]\n\
         zdr = true\ndata_collection = \"deny\"\n{catalog}"
    );
    file(dir.path(), "weighbridge.toml", &config);
    let reasons = [
        "3 trials ineligible (privacy): [privacy] providers does not name its provider: \
         acme/large@elsewhere",
        "3 trials ineligible (privacy): its API cannot be told data_collection = \"deny\"",
    ];
    let plan = run(dir.path(), &["plan"]).exits(0).says(&reasons);
    assert!(plan.stdout.contains("Ineligible: large@elsewhere 3 (privacy)"), "{}", plan.stdout);
    run(dir.path(), &["run", "--out", "run"]).weighed().says(&reasons);
    let trials = csv(&dir.path().join("run/trials.csv"));
    let expected = BTreeMap::from([("ineligible".to_owned(), 6), ("ok".to_owned(), 3)]);
    assert_eq!(statuses(&trials), expected);
    assert_eq!(stub.asked().len(), 3);
    assert!(report(dir.path()).contains("3 trials ineligible (privacy)"));
    // With the contract on record, they are asked, and found unreachable.
    file(
        dir.path(),
        "weighbridge.toml",
        &config.replace("zdr = true\n\n[[", "zdr = true\ndata_collection = \"deny\"\n\n[["),
    );
    run(dir.path(), &["run", "--out", "again", "-m", "*vouched"]).exits(1);
    let trials = csv(&dir.path().join("again/trials.csv"));
    assert!(trials.iter().all(|trial| trial["status"] == "failed"), "{trials:?}");
}

#[test]
fn a_load_leaves_out_who_may_not_see_prompts() {
    measured(a_load_leaves_out_who_may_not_see_prompts_once);
}

fn a_load_leaves_out_who_may_not_see_prompts_once() {
    let (dir, stub) = (folder(), Stub::says("yes"));
    file(dir.path(), "prompts.csv", PROMPTS);
    let elsewhere = "\n[[provider]]\nname = \"elsewhere\"\nbase_url = \"http://unreachable.invalid/v1\"\n\
        [[endpoint]]\nmodel = \"acme/large\"\nprovider = \"elsewhere\"\nprice = \"free\"\n";
    let config = format!("[privacy]\nproviders = [\"us\"]\n{}", stub.catalog(elsewhere));
    file(dir.path(), "weighbridge.toml", &config);
    let load = ["load", "--suite", "prompts.csv", "-c", "1", "-n", "4", "--budget", "1"];
    run(dir.path(), &[&load[..], &["--out", "load"]].concat())
        .weighed()
        .says(&["acme/large@elsewhere is left out: ineligible (privacy)"]);
    // A load keeps caches cold unless it is told otherwise: no two requests are alike.
    let bodies: BTreeSet<String> = stub.asked().iter().map(|asked| asked.prompt.clone()).collect();
    assert_eq!(bodies.len(), 4, "{bodies:?}");
    assert!(bodies.iter().all(|prompt| prompt.starts_with("[request ")), "{bodies:?}");
    run(dir.path(), &[&load[..], &["-m", "*elsewhere", "--out", "none"]].concat())
        .exits(2)
        .says(&["none of the 1 endpoints may be asked"]);
}

#[test]
fn a_parameter_that_is_not_taken_is_not_dropped() {
    measured(a_parameter_that_is_not_taken_is_not_dropped_once);
}

fn a_parameter_that_is_not_taken_is_not_dropped_once() {
    let (dir, stub) = (folder(), Stub::says("yes"));
    file(dir.path(), "prompts.csv", PROMPTS);
    let variants = "supports = [\"temperature\"]\n[[variant]]\nname = \"high\"\nmatch = \"*\"\n\
        params = { reasoning_effort = \"high\" }\n[[variant]]\nname = \"warm\"\nmatch = \"*\"\n\
        params = { temperature = 1.0 }\n";
    let catalog = file(dir.path(), "catalog.toml", &stub.catalog(variants));
    let args = ["--suite", "prompts.csv", "--catalog", &catalog, "--out", "run"];
    run(dir.path(), &[&["run"], &args[..]].concat()).weighed().says(&[
        "3 trials ineligible (reasoning): the variant asks for reasoning, which the endpoint does not \
         take: acme/large@stub#high",
    ]);
    let trials = csv(&dir.path().join("run/trials.csv"));
    for trial in &trials {
        let status = if trial["variant"] == "high" { "ineligible" } else { "ok" };
        assert_eq!(trial["status"], status, "{trial:?}");
    }
    let asked = stub.asked();
    assert_eq!(asked.len(), 6);
    assert!(asked.iter().all(|asked| asked.body.get("reasoning_effort").is_none()));
}

/// An answer as OpenRouter streams it, by the provider of this name.
fn routed(name: &str) -> String {
    let chunk = |body: Value| {
        let mut body = body;
        body["provider"] = name.into();
        body.to_string()
    };
    let chunks = [
        chunk(json!({"choices": [{"delta": {"content": "yes"}}]})),
        chunk(json!({"choices": [{"delta": {}, "finish_reason": "stop"}]})),
        chunk(json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1}})),
        "[DONE]".to_owned(),
    ];
    events(&chunks.iter().map(String::as_str).collect::<Vec<_>>())
}

fn router(url: &str, providers: &[&str]) -> String {
    let endpoint = |provider: &&str| {
        format!(
            "[[endpoint]]\nmodel = \"elm/moe\"\nprovider = \"{provider}\"\n\
             price = {{ input = \"1.00\", output = \"2.00\" }}\n"
        )
    };
    format!(
        "[[provider]]\nname = \"openrouter\"\nbase_url = \"{url}\"\nrouter = \"openrouter\"\n{}",
        providers.iter().map(endpoint).collect::<String>()
    )
}

#[test]
fn a_pinned_endpoint_asks_for_its_provider_and_says_who_came() {
    measured(a_pinned_endpoint_asks_for_its_provider_and_says_who_came_once);
}

fn a_pinned_endpoint_asks_for_its_provider_and_says_who_came_once() {
    let dir = folder();
    file(dir.path(), "prompts.csv", PROMPTS);
    let stub = Stub::start(|asked| {
        let pinned = asked.body.pointer("/provider/only/0").is_some();
        let name = if pinned && asked.prompt == "Two?" { "Together" } else { "DeepInfra" };
        routed(name)
    });
    let providers = ["openrouter", "openrouter/deepinfra/fp4"];
    let config = format!(
        "suites = [\"prompts.csv\"]\n[privacy]\ndata_collection = \"deny\"\nzdr = true\n{}",
        router(&stub.url, &providers)
    );
    file(dir.path(), "weighbridge.toml", &config);
    run(dir.path(), &["run", "--out", "run"]).weighed();
    let asked = stub.asked();
    assert_eq!(asked.len(), 6);
    let mut sessions = BTreeSet::new();
    for one in &asked {
        assert_eq!(one.header("x-openrouter-cache"), Some("false"), "{}", one.head);
        let mut told = json!({"data_collection": "deny", "zdr": true});
        if let Some(session) = one.header("x-session-id") {
            assert!(sessions.insert(session.to_owned()) && session.len() <= 256);
            told["only"] = json!(["deepinfra/fp4"]);
            told["allow_fallbacks"] = false.into();
        }
        assert_eq!(one.body["provider"], told);
    }
    assert_eq!(sessions.len(), 3);
    let trials = csv(&dir.path().join("run/trials.csv"));
    let served = |name: &str| trials.iter().filter(|t| t["served_by"] == name).count();
    assert_eq!((served("DeepInfra"), served("Together")), (5, 1));
    let page = report(dir.path());
    let warning = "is pinned to deepinfra/fp4, yet 1 of 3 answers are of others (1 Together)";
    assert!(page.contains(warning), "{page}");
}

/// Where a served fleet is, without the provider in its path.
fn root(sim: &Sim) -> String {
    let text = std::fs::read_to_string(sim.catalog()).expect("written");
    let (_, rest) = text.split_once("base_url = \"http://").expect("a provider");
    format!("http://{}/v1", rest.split('/').next().expect("an address"))
}

#[test]
fn the_fleet_routes_to_whom_it_is_pinned() {
    measured(the_fleet_routes_to_whom_it_is_pinned_once);
}

fn the_fleet_routes_to_whom_it_is_pinned_once() {
    let dir = folder();
    file(dir.path(), "prompts.csv", PROMPTS);
    let sim = Sim::start(dir.path(), &["--answers", "prompts.csv", "--instant"]);
    let catalog = router(&root(&sim), &["openrouter/ember", "openrouter/fjord"]);
    let catalog = file(dir.path(), "router.toml", &catalog);
    let args = ["run", "--suite", "prompts.csv", "--catalog", &catalog, "--out", "run"];
    run(dir.path(), &args).weighed();
    let trials = csv(&dir.path().join("run/trials.csv"));
    assert_eq!(trials.len(), 6);
    for trial in &trials {
        let (_, pinned) = trial["endpoint"].split_once("@openrouter/").expect("pinned");
        assert_eq!(trial["served_by"], pinned);
    }
    assert!(!report(dir.path()).contains("WARNING"));
    let ledger = sim.ledger();
    let at = |id: &str| ledger.iter().filter(|line| line["endpoint"] == id).count();
    assert_eq!((at("elm/moe@ember"), at("elm/moe@fjord")), (3, 3));
}

/// Prompts that are long enough for a cache.
fn long_prompts() -> String {
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(150);
    (0..3)
        .map(|i| format!("\"{text}{i}?\",yes\n"))
        .fold("prompt,reference\n".to_owned(), |a, b| a + &b)
}

fn tokens(trials: &[BTreeMap<String, String>], column: &str) -> u64 {
    trials.iter().map(|trial| trial[column].parse::<u64>().expect("a count")).sum()
}

#[test]
fn a_cold_cache_holds_nothing_and_a_run_goes_on_where_it_stood() {
    measured(a_cold_cache_holds_nothing_and_a_run_goes_on_where_it_stood_once);
}

fn a_cold_cache_holds_nothing_and_a_run_goes_on_where_it_stood_once() {
    let dir = folder();
    file(dir.path(), "prompts.csv", &long_prompts());
    let sim = Sim::start(dir.path(), &["--answers", "prompts.csv", "--instant"]);
    let catalog = sim.catalog();
    let args = ["run", "--suite", "prompts.csv", "--catalog", &catalog, "-m", "cedar/large"];
    let ask = |more: &[&str]| run(dir.path(), &[&args[..], &["--repeats", "2"], more].concat());
    ask(&["--out", "as-is"]).weighed();
    ask(&["--out", "run", "--cache", "cold"])
        .weighed()
        .says(&["prompt caches are kept cold: each request begins with a nonce of its own"]);
    let (as_is, cold) =
        (csv(&dir.path().join("as-is/trials.csv")), csv(&dir.path().join("run/trials.csv")));
    assert!(tokens(&as_is, "cached_input_tokens") > 3_000);
    assert_eq!(tokens(&cold, "cached_input_tokens"), 0);
    // The nonce is billed, and changes neither the answers nor the scores.
    assert_eq!(tokens(&cold, "input_tokens") - tokens(&as_is, "input_tokens"), 6 * 11);
    let scores = |trials: &[BTreeMap<String, String>]| {
        let of = |t: &BTreeMap<String, String>| {
            (t["task"].clone(), t["repeat"].clone(), t["score"].clone())
        };
        trials.iter().map(of).collect::<BTreeSet<_>>()
    };
    assert_eq!(scores(&as_is), scores(&cold));
    let keys = |trials: &[BTreeMap<String, String>]| {
        trials.iter().map(|trial| trial["trial"].clone()).collect::<BTreeSet<_>>()
    };
    assert!(keys(&as_is).is_disjoint(&keys(&cold)));
    // Nothing is asked twice because of its nonce; another mode is another plan.
    ask(&["--out", "run", "--cache", "cold", "--resume"]).weighed();
    ask(&["--out", "run", "--resume"]).exits(2).says(&["was started with another plan"]);
    assert_eq!(sim.ledger().len(), 12);
}

#[test]
fn cold_requests_are_the_same_bytes_in_virtual_time() {
    let dir = folder();
    for name in ["a", "b"] {
        let args = ["run", "--virtual", "--limit", "24", "--cache", "cold", "--out", name];
        run(dir.path(), &args).exits(0);
    }
    crate::support::assert_same(&made(&dir.path().join("a")), &made(&dir.path().join("b")));
}

#[test]
fn costs_at_the_share_of_cached_input_are_exact() {
    measured(costs_at_the_share_of_cached_input_are_exact_once);
}

fn costs_at_the_share_of_cached_input_are_exact_once() {
    let (dir, stub) = (folder(), Stub::says("yes"));
    file(dir.path(), "prompts.csv", PROMPTS);
    let catalog =
        stub.catalog("").replace("input = \"1.00\",", "input = \"1.00\", cached_input = \"0.1\",");
    let config = format!("suites = [\"prompts.csv\"]\n[traffic]\ncached_input = 0.64\n{catalog}");
    file(dir.path(), "weighbridge.toml", &config);
    run(dir.path(), &["run", "--out", "run"]).weighed();
    let here = dir.path().join("run");
    // Three answers of one token to ten each; of ten, 6.4 are 6.
    let million: Usd = "0.000001".parse().expect("a decimal");
    let tenth: Usd = "0.0000001".parse().expect("a decimal");
    let measured = million.times(3 * 10) + million.times(2 * 3);
    let projected = million.times(3 * 4) + tenth.times(3 * 6) + million.times(2 * 3);
    let cell = |metric| summary(&here, "acme/large@stub", "*", metric);
    assert_eq!(cell("cost_usd"), measured.to_string());
    assert_eq!(cell("cost_at_cached_share_usd"), projected.to_string());
    assert_eq!(cell("cost_per_task_at_cached_share"), "0.0000066");
    let page = report(dir.path());
    assert!(page.contains("with 64.0 % of the input read from caches"), "{page}");
}

#[test]
fn a_warm_cache_is_warmed_within_the_bill_and_outside_the_figures() {
    measured(a_warm_cache_is_warmed_within_the_bill_and_outside_the_figures_once);
}

fn a_warm_cache_is_warmed_within_the_bill_and_outside_the_figures_once() {
    let dir = folder();
    file(dir.path(), "prompts.csv", &long_prompts());
    let sim = Sim::start(dir.path(), &["--answers", "prompts.csv", "--instant"]);
    let catalog = sim.catalog();
    let args = ["run", "--suite", "prompts.csv", "--catalog", &catalog, "-m", "cedar/large"];
    let more = ["--cache", "warm", "--out", "run", "--budget", "5"];
    run(dir.path(), &[&args[..], &more].concat()).weighed().says(&["prompt caches are warmed"]);
    let here = dir.path().join("run");
    let trials = csv(&here.join("trials.csv"));
    assert!(trials.iter().all(|trial| trial["cached_input_tokens"] != "0"), "{trials:?}");
    let again = [&args[..], &more, &["--resume"]].concat();
    run(dir.path(), &again).weighed();
    let ledger = sim.ledger();
    assert_eq!((trials.len(), ledger.len()), (3, 6), "each prompt is sent once ahead");
    let usd = |text: &str| text.parse::<Usd>().expect("a decimal");
    let billed = |line: &Value| usd(line["billed_usd"].as_str().expect("text"));
    let cell = |metric| usd(&summary(&here, "cedar/large@crest", "*", metric));
    let cold = |line: &&Value| line["cached_tokens"] == 0;
    assert_eq!(cell("cost_usd"), ledger.iter().map(billed).sum());
    assert_eq!(cell("cost_primed_usd"), ledger.iter().filter(cold).map(billed).sum());
    let counted: Usd = ledger.iter().filter(|line| !cold(line)).map(billed).sum();
    let per_task = summary(&here, "cedar/large@crest", "*", "cost_per_task");
    assert_eq!(Some(usd(&per_task)), counted.per(3));
    assert_eq!(summary(&here, "cedar/large@crest", "*", "availability"), "1");
    assert!(report(dir.path()).contains("went into warming prompt caches"));
    run(dir.path(), &["load", "--cache", "warm"]).exits(2).says(&["--cache as-is"]);
}

/// One prompt, and a server that holds the request of this number until the sender is dropped, and
/// tells of it; from the fourth request on it fails.
fn warming(held: usize) -> (tempfile::TempDir, Stub, Receiver<()>, Sender<()>) {
    let (dir, (arrives, arrived), (release, released)) = (folder(), channel(), channel::<()>());
    let (arrives, released) = (Mutex::new(arrives), Mutex::new(released));
    let stub = Stub::start(move |asked| {
        if asked.nth == held {
            let told = arrives.lock().map(|arrives| arrives.send(()));
            assert!(told.is_ok());
            let let_go = released.lock().map(|released| released.recv().is_err());
            assert!(let_go.is_ok_and(|dropped| dropped));
        }
        match asked.nth {
            0..3 => stream(&["yes"]),
            _ => whole("500 Internal Server Error", "application/json", "{}"),
        }
    });
    file(dir.path(), "prompts.csv", "prompt,reference\nOne?,yes\n");
    file(dir.path(), "catalog.toml", &stub.catalog(""));
    (dir, stub, arrived, release)
}

/// A test that waits longer than this has failed.
const BOUND: Duration = Duration::from_secs(60);

#[test]
fn what_warms_a_cache_takes_neither_the_key_nor_the_attempts_of_what_counts() {
    let (dir, stub, arrived, release) = warming(1);
    let running = Running::start(dir.path(), &["--cache", "warm"]);
    arrived.recv_timeout(BOUND).expect("the request that counts");
    running.interrupt(Signal::KILL);
    running.ends().exits(-1);
    drop(release);
    let again = ["--resume", "--cache", "warm", "--breaker", "0"];
    Running::start(dir.path(), &again).ends().says(&["1 request is in doubt"]);
    let trials = csv(&dir.path().join("run/trials.csv"));
    let (name, this) = (&trials[0]["trial"], &trials[0]["run"]);
    // In doubt is the first attempt: it is asked again under its key, and three more may follow.
    let expected =
        ["p0", "0", "p1", "0", "1", "2", "3"].map(|number| format!("{name}-0-{number}-{this}"));
    let asked = stub.asked();
    let keys: Vec<&str> =
        asked.iter().map(|one| one.header("idempotency-key").expect("sent")).collect();
    assert_eq!(keys, expected);
    assert_eq!((trials[0]["status"].as_str(), trials[0]["attempts"].as_str()), ("failed", "7"));
}

#[test]
fn a_cache_that_was_warmed_is_made_use_of() {
    let (dir, stub, arrived, release) = warming(0);
    let running = Running::start(dir.path(), &["--cache", "warm"]);
    arrived.recv_timeout(BOUND).expect("the request ahead");
    running.interrupt(Signal::INT);
    running.says("interrupted");
    drop(release);
    running.ends();
    assert_eq!(stub.asked().len(), 2, "the trial was begun, and is ended");
    let trials = csv(&dir.path().join("run/trials.csv"));
    assert_eq!(statuses(&trials), [("ok".to_owned(), 1)].into());
}
