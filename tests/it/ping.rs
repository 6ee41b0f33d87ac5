//! `catalog ping` as a user meets it: who answers, who does not, and what it may cost.

use crate::stub::{Stub, stream, whole};
use crate::support::{Sim, file, folder, run, run_with};

/// Nowhere else in the world.
const KEY: &str = "sk-ping-Mark7Qx93LpTz0";

#[test]
fn a_ping_says_who_answers_and_why_others_do_not() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &["--instant", "3"]);
    let rejects = Stub::start(|asked| {
        let sent = asked.header("authorization").expect("the key is sent");
        whole("401 Unauthorized", "application/json", &format!("{{\"error\":\"bad {sent}\"}}"))
    });
    let url = sim.url();
    let catalog = format!(
        "[[provider]]\nname = \"good\"\nbase_url = \"{url}/v1\"\n\
         [[provider]]\nname = \"messages\"\ndialect = \"anthropic\"\nbase_url = \"{url}/v1\"\n\
         [[provider]]\nname = \"keyless\"\nbase_url = \"{url}/v1\"\napi_key_env = \"NOT_SET_KEY\"\n\
         [[provider]]\nname = \"strict\"\nbase_url = \"{}\"\napi_key_env = \"PING_KEY\"\n\
         [[endpoint]]\nmodel = \"elm/moe\"\nprovider = \"good\"\nprice = {{ input = \"1\", output = \"2\" }}\n\
         [[endpoint]]\nmodel = \"gale/small\"\nprovider = \"messages\"\nprice = \"free\"\n\
         [[endpoint]]\nmodel = \"no/such\"\nprovider = \"good\"\nprice = \"free\"\n\
         [[endpoint]]\nmodel = \"elm/moe\"\nprovider = \"keyless\"\nprice = \"free\"\n\
         [[endpoint]]\nmodel = \"a/b\"\nprovider = \"strict\"\nprice = \"free\"\n\
         [[endpoint]]\nmodel = \"gale/small\"\nprovider = \"good\"\n",
        rejects.url
    );
    let catalog = file(dir.path(), "c.toml", &catalog);
    let args = ["catalog", "ping", "--catalog", &catalog];
    let ran = run_with(dir.path(), ("PING_KEY", KEY), &args)
        .exits(0)
        .says(&["asking 4 endpoints, at most $0.0", "2 of 6 answered · $0.0000"]);
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("Mark7"), "{}", ran.stdout);
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    assert!(ran.stdout.starts_with("SIMULATED: no real model gave any of these answers\n"));
    let line = |id: &str| ran.stdout.lines().find(|l| l.starts_with(id)).expect(id).to_owned();
    let said = |id: &str, parts: &[&str]| {
        let line = line(id);
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    };
    said("elm/moe@good", &[" ok ", " s ", "+3 ", " elm/moe"]);
    said("gale/small@messages", &[" ok ", "gale/small"]);
    said("no/such@good", &["not_found", "HTTP 404: The model"]);
    said("elm/moe@keyless", &["not asked", "NOT_SET_KEY"]);
    said("a/b@strict", &["auth", "HTTP 401"]);
    said("gale/small@good", &["not asked", "its price is unknown; --yes"]);
    assert_eq!(rejects.asked()[0].body["max_tokens"], 16);

    let more = ["catalog", "ping", "--catalog", &catalog, "--yes", "--format", "json"];
    let ran = run(dir.path(), &more).exits(0).says(&["and what is not known", "SIMULATED"]);
    let rows: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let ok = rows[0].clone();
    assert_eq!((&ok["status"], &ok["output_tokens"]), (&"ok".into(), &3.into()), "{ok}");
    let tokens = ok["input_tokens"].as_u64().expect("counted") + 6;
    assert_eq!(ok["cost_usd"], format!("0.{tokens:06}"), "one a million in, two out: {ok}");
    assert_eq!((&ok["simulated"], &rows[5]["status"]), (&true.into(), &"ok".into()));
    assert_eq!(rows[5]["cost_usd"], serde_json::Value::Null, "unknown is not zero");
}

#[test]
fn nothing_is_sent_that_may_cost_more_than_was_said() {
    let (dir, stub) = (folder(), Stub::start(|_| stream(&["ready"])));
    let catalog = stub
        .catalog("[[variant]]\nname = \"long\"\nmatch = \"*\"\nparams = { max_tokens = 200000 }\n");
    let catalog = file(dir.path(), "c.toml", &catalog);
    let args = ["catalog", "ping", "--catalog", &catalog];
    run(dir.path(), &args).exits(2).says(&[
        "2 pings may cost $0.4",
        "more than $0.25",
        "--budget 0.4",
    ]);
    run(dir.path(), &[&args[..], &["--budget", "0.0001"]].concat()).exits(2);
    assert!(stub.asked().is_empty());
    run(dir.path(), &[&args[..], &["-m", "acme/large@stub", "--budget", "0.5"]].concat())
        .exits(0)
        .says(&["2 of 2 endpoints", "asking 2 endpoints", "2 of 2 answered"]);
    assert_eq!(stub.asked().len(), 2);
    run(dir.path(), &[&args[..], &["--endpoint", "*#nosuch"]].concat()).exits(2);
}

#[test]
fn a_price_without_a_bound_is_asked_with_a_word_alone() {
    let (dir, stub) = (folder(), Stub::says("ready"));
    // A limit that cannot be read, at an endpoint that states none of its own.
    let more = "[[variant]]\nname = \"odd\"\nmatch = \"*\"\n\
                params = { generationConfig = { maxOutputTokens = \"many\" } }\n";
    let catalog = stub.catalog(more).replace("base_url", "dialect = \"gemini\"\nbase_url");
    let catalog = file(dir.path(), "c.toml", &catalog);
    let args = ["catalog", "ping", "--catalog", &catalog, "-m", "*#odd"];
    let ran = run(dir.path(), &args);
    assert!(ran.stdout.contains("not asked  its parameters set no bound"), "{}", ran.stdout);
    assert!(!ran.stderr.contains("asking"), "{}", ran.stderr);
    let yes = [&args[..], &["--yes"]].concat();
    run(dir.path(), &yes).says(&["asking 1 endpoint, at most $0.000000 and what is not known"]);
}

#[test]
fn a_ping_says_what_a_run_says_to_a_router_and_keeps_prompts_from_others() {
    let (dir, stub) = (folder(), Stub::says("ready"));
    let url = &stub.url;
    let config = format!(
        "[privacy]\nproviders = [\"openrouter/*\"]\nzdr = true\n\
         [[provider]]\nname = \"openrouter/deepinfra\"\nbase_url = \"{url}\"\nrouter = \"openrouter\"\n\
         [[provider]]\nname = \"other\"\nbase_url = \"https://other.invalid/v1\"\n\
         [[endpoint]]\nmodel = \"a/b\"\nprovider = \"openrouter/deepinfra\"\nprice = \"free\"\n\
         [[endpoint]]\nmodel = \"a/b\"\nprovider = \"other\"\nprice = \"free\"\n"
    );
    file(dir.path(), "weighbridge.toml", &config);
    let ran = run(dir.path(), &["catalog", "ping"]).exits(0).says(&["asking 1 endpoint,"]);
    assert!(ran.stdout.contains("not asked  ineligible (privacy): "), "{}", ran.stdout);
    let said = &stub.asked()[0].body["provider"];
    assert_eq!(said["only"], serde_json::json!(["deepinfra"]), "{said}");
    assert_eq!((&said["allow_fallbacks"], &said["zdr"]), (&false.into(), &true.into()), "{said}");
}

#[test]
fn none_that_answers_is_a_failure() {
    let (dir, stub) = (folder(), Stub::start(|_| whole("500 Oops", "text/plain", "broken")));
    let catalog = file(dir.path(), "c.toml", &stub.catalog(""));
    let ran = run(dir.path(), &["catalog", "ping", "--catalog", &catalog]).exits(1);
    assert!(ran.stdout.contains("server") && ran.stdout.contains("HTTP 500"), "{}", ran.stdout);
    assert_eq!(stub.asked().len(), 1, "nothing is retried");
    // With nothing named the fleet answers, and says what it is.
    let ran = run(dir.path(), &["catalog", "ping", "--endpoint", "gale/small@fjord"]).exits(0);
    assert!(ran.stdout.starts_with("SIMULATED"), "{}", ran.stdout);
}
