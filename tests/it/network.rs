//! Corporate networks: proxies, headers of a provider's own, certificates of one's own.

use crate::stub::Stub;
use crate::support::{file, folder, measured, run, run_with};

const PROMPTS: &str = "id,question,expected\n1,hello,ok\n";
const RUN: [&str; 7] = ["run", "--suite", "p.csv", "--catalog", "catalog.toml", "--out", "run"];

fn catalog(base_url: &str, more: &str) -> String {
    format!(
        "[[provider]]\nname = \"corp\"\nbase_url = \"{base_url}\"\n{more}\n\
         [[endpoint]]\nmodel = \"acme/large\"\nprovider = \"corp\"\nprice = \"free\"\n"
    )
}

#[test]
fn a_proxy_is_used_and_named() {
    measured(a_proxy_is_used_and_named_once);
}

fn a_proxy_is_used_and_named_once() {
    let dir = folder();
    let proxy = Stub::says("ok");
    file(dir.path(), "p.csv", PROMPTS);
    // A host that nobody resolves: only the proxy can have answered.
    file(dir.path(), "catalog.toml", &catalog("http://models.invalid/v1", ""));
    let address = proxy.url.trim_end_matches("/v1").to_owned();
    let ran = run_with(dir.path(), ("http_proxy", &address), &RUN).weighed();
    let said = "asked through the proxy that the environment names";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(proxy.asked()[0].head.starts_with("POST http://models.invalid/v1/chat/completions"));
    let report = std::fs::read_to_string(dir.path().join("run/report.html")).expect("a report");
    assert!(report.to_lowercase().contains(said), "the report says so too");
}

#[test]
fn a_providers_own_headers_are_sent() {
    measured(a_providers_own_headers_are_sent_once);
}

fn a_providers_own_headers_are_sent_once() {
    let dir = folder();
    let stub = Stub::says("ok");
    file(dir.path(), "p.csv", PROMPTS);
    let headers = "headers = { \"X-Team\" = \"search\" }";
    file(dir.path(), "catalog.toml", &catalog(&stub.url, headers));
    run(dir.path(), &RUN).weighed();
    assert_eq!(stub.asked()[0].header("x-team"), Some("search"));
}

#[test]
fn a_ca_file_that_does_not_read_is_refused() {
    let dir = folder();
    file(dir.path(), "p.csv", PROMPTS);
    let named = "ca_file = \"corp.pem\"";
    file(dir.path(), "catalog.toml", &catalog("https://models.invalid/v1", named));
    run(dir.path(), &RUN).exits(2).says(&["corp: ca_file corp.pem: "]);
    file(dir.path(), "corp.pem", "not a certificate");
    std::fs::remove_dir_all(dir.path().join("run")).ok();
    run(dir.path(), &RUN).exits(2).says(&["it holds no PEM certificate"]);
}
