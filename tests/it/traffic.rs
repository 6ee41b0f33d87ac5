//! Margins, the least saving that is worth a move, and the traffic's own tokens, peaks and invoice.

use std::path::Path;

use serde_json::Value;

use crate::support::{Ran, file, folder, run};

const CONFIG: &str = r#"
models = ["cedar/large", "elm/moe@ember"]

[today]
endpoint = "cedar/large@crest"

[traffic]
requests_per_month = 2_000_000
share = { math = 0.7, reason = 0.3 }
INPUT
[objective]
goal = "cheaper"
margin = { default = 0.02, reason = 0.05 }
"#;

/// A run on the simulated fleet under a configuration; `more` stands in its `[traffic]`.
fn weigh(dir: &Path, more: &str, args: &[&str]) -> Ran {
    file(dir, "own.toml", &CONFIG.replace("INPUT", more));
    let fixed = ["run", "--virtual", "--config", "own.toml", "--limit", "96"];
    let categories = ["--category", "math", "--category", "reason"];
    let out = dir.join("run");
    if out.exists() {
        std::fs::remove_dir_all(&out).expect("its own");
    }
    run(dir, &[&fixed[..], &["--out", "run"], &categories, args].concat())
}

fn weights(dir: &Path) -> Value {
    let text = std::fs::read_to_string(dir.join("run/weights.json")).expect("written");
    serde_json::from_str(&text).expect("JSON")
}

fn todays_cost(dir: &Path, category: &str) -> f64 {
    let cost = &weights(dir)["categories"][category]["expected"]["today_cost_per_task_usd"];
    cost["value"].as_f64().expect("known")
}

/// The lines of the screen below the table.
fn below(screen: &str) -> String {
    let names = ["Speed ", "Room ", "Outage ", "Money ", "Error ", "         "];
    let lines = screen.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn costs_are_those_of_the_traffics_tokens() {
    let dir = folder();
    let tokens = "input_tokens = 1000\noutput_tokens = 100\ncached_input = 0\nretries = 0.5\n";
    weigh(dir.path(), tokens, &[]).exits(0);
    let truth = run(dir.path(), &["sim", "--truth"]).exits(0);
    let truth: Value = serde_json::from_str(&truth.stdout).expect("JSON");
    let mut endpoints = truth["endpoints"].as_array().expect("a list").iter();
    let large = endpoints.find(|row| row["endpoint"] == "cedar/large@crest").expect("listed");
    let rate =
        |name: &str| -> f64 { large[name].as_str().expect("a price").parse().expect("a decimal") };
    let tokens = 1000.0 * rate("input_usd_per_million") + 100.0 * rate("output_usd_per_million");
    let once = tokens / 1e6;
    for category in ["math", "reason"] {
        let cost = todays_cost(dir.path(), category);
        assert!((cost / (1.5 * once) - 1.0).abs() < 1e-5, "{category}: {cost}, {once} once");
    }
    let objective = &weights(dir.path())["objective"];
    assert_eq!(
        (&objective["margin"], &objective["margins"]["reason"]),
        (&0.02.into(), &0.05.into())
    );
}

#[test]
fn an_invoice_that_does_not_fit_takes_the_dollars_a_month_away() {
    let dir = folder();
    weigh(dir.path(), "", &[]).exits(0);
    let month =
        2e6 * (0.7 * todays_cost(dir.path(), "math") + 0.3 * todays_cost(dir.path(), "reason"));
    let fits = format!("invoice = \"{:.0}\"\n", month / 1.04);
    let screen = weigh(dir.path(), &fits, &[]).exits(0).stdout;
    assert!(screen.contains("comes out +4 %") && screen.contains(" a month ("), "{screen}");
    let off = format!("invoice = \"{:.0}\"\n", month / 1.5);
    let screen = weigh(dir.path(), &off, &[]).exits(0).stdout;
    assert!(screen.contains("comes out +50 %, so no dollars"), "{screen}");
    assert!(!screen.contains(" a month (") && screen.contains("$/1,000"), "{screen}");
}

#[test]
fn what_serving_takes_is_told() {
    let dir = folder();
    let more = "input_tokens = 1000\noutput_tokens = 100\npeak_requests_per_min = { math = 890, \
                reason = 10 }\n";
    let screen = weigh(dir.path(), more, &[]).exits(0).stdout;
    insta::assert_snapshot!(below(&screen));
}

#[test]
fn names_that_are_no_category_are_said() {
    let dir = folder();
    let said = "[traffic] names `maths`, which is no category of this run; did you mean `math`?";
    weigh(dir.path(), "retries = { maths = 0.1 }\n", &[]).exits(0).says(&[said]);
}

#[test]
fn a_saving_in_dollars_a_month_needs_the_months_requests() {
    let dir = folder();
    file(dir.path(), "own.toml", "[objective]\nworth = \"2000\"\n");
    let ran = run(dir.path(), &["plan", "--config", "own.toml"]).exits(2);
    ran.says(&["own.toml:2: worth is in dollars a month", "[traffic] requests_per_month"]);
}

#[test]
fn a_fleet_of_ones_own_is_weighed_under_a_configuration() {
    let dir = folder();
    file(dir.path(), "fleet.toml", include_str!("../../src/sim/fleet.toml"));
    weigh(dir.path(), "", &["--fleet", "fleet.toml"]).exits(0);
    let objective = &weights(dir.path())["objective"];
    assert_eq!(objective["today"], "cedar/large@crest");
    assert_eq!(
        (&objective["today_stated"], &objective["shares"]["math"]),
        (&true.into(), &0.7.into())
    );
}
