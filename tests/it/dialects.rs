//! One small suite in all four dialects, streamed and not: the same answers, scores, tokens and
//! dollars, and a ledger that agrees with each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use weighbridge::units::{Dialect, Usd};

use crate::support::{Sim, csv, file, folder, measured, run};

const MODELS: [&str; 3] = ["gale/small", "elm/moe", "fir/agent"];

/// The values that do not depend on the dialect.
const SAME: [&str; 9] = [
    "status",
    "score",
    "finish_reason",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_usd",
    "attempts",
];

type Row = BTreeMap<String, String>;

/// The bundled tasks in all dialects, streamed and (as a variant) not.
fn weigh(dir: &Path, sim_args: &[&str]) -> (Vec<Row>, Vec<serde_json::Value>) {
    let dialects = Dialect::ALL.map(Dialect::name).join(",");
    let sim = Sim::start(dir, &[&["--dialect", &dialects, "--seed", "7"], sim_args].concat());
    let mut catalog = std::fs::read_to_string(sim.catalog()).expect("written");
    for model in MODELS {
        catalog.push_str(&format!(
            "\n[[variant]]\nname = \"whole-{}\"\nmatch = \"{model}@*\"\nstream = false\n",
            model.replace('/', "-")
        ));
    }
    let catalog = file(dir, "both.toml", &catalog);
    let mut args = vec!["run", "--catalog", &catalog, "--limit", "36", "--out", "run"];
    args.extend(["--concurrency", "64"]);
    for model in MODELS {
        args.extend(["-m", model]);
    }
    run(dir, &args).weighed();
    (csv(&dir.join("run/trials.csv")), sim.ledger())
}

/// The answers of the run database by task, model and host: one line for each lane.
fn answers(run: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let database = rusqlite::Connection::open(run.join("run.sqlite")).expect("a run database");
    let mut rows = database
        .prepare(
            "SELECT task.suite || '/' || task.task, endpoint.id, content.body FROM trial
             JOIN task ON task.idx = trial.task JOIN endpoint ON endpoint.idx = trial.endpoint
             JOIN content ON content.hash = trial.answer",
        )
        .expect("the schema");
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let rows = rows.query_map([], row).expect("rows");
    let mut found = BTreeMap::<_, BTreeSet<_>>::new();
    for row in rows {
        let (task, endpoint, body): (String, String, String) = row.expect("text");
        found.entry(format!("{task} {}", served(&endpoint))).or_default().insert(body);
    }
    found
}

/// The endpoint of the fleet behind one of the catalog: without dialect and variant.
fn served(endpoint: &str) -> String {
    let base = endpoint.split('#').next().expect("a first part");
    let (model, provider) = base.split_once('@').expect("a provider");
    format!("{model}@{}", provider.split('-').next().expect("a name"))
}

fn usd(text: &str) -> Usd {
    text.parse().expect("a decimal")
}

#[test]
fn a_suite_over_every_dialect_is_the_same_suite() {
    measured(a_suite_over_every_dialect_is_the_same_suite_once);
}

fn a_suite_over_every_dialect_is_the_same_suite_once() {
    let dir = folder();
    let (trials, ledger) = weigh(dir.path(), &["--instant"]);
    // Three models at four hosts, in four dialects, streamed and not.
    let lanes: BTreeSet<&str> = trials.iter().map(|trial| trial["endpoint"].as_str()).collect();
    let hosts: BTreeSet<String> = lanes.iter().map(|lane| served(lane)).collect();
    assert_eq!(lanes.len(), hosts.len() * 8, "{lanes:?}");
    let mut seen = BTreeMap::<String, BTreeSet<Vec<&str>>>::new();
    for trial in &trials {
        let key = format!("{}/{} {}", trial["suite"], trial["task"], served(&trial["endpoint"]));
        let cells = SAME.iter().map(|column| trial[*column].as_str()).collect();
        seen.entry(key).or_default().insert(cells);
    }
    assert!(seen.len() >= 100, "{}", seen.len());
    for (what, cells) in &seen {
        assert_eq!(cells.len(), 1, "{what} differs between dialects: {cells:?}");
    }
    let scores: BTreeSet<&str> = trials.iter().map(|trial| trial["score"].as_str()).collect();
    assert!(scores.contains("0") && scores.contains("1"), "{scores:?}");
    let reasons: BTreeSet<&str> = trials.iter().map(|t| t["finish_reason"].as_str()).collect();
    assert!(reasons.contains("tool_calls") && reasons.contains("stop"), "{reasons:?}");
    let answers = answers(&dir.path().join("run"));
    assert!(answers.len() >= 100, "{}", answers.len());
    for (what, texts) in &answers {
        assert_eq!(texts.len(), 1, "{what} is answered otherwise in another dialect: {texts:?}");
    }
    let asked = trials.iter().filter(|trial| trial["status"] == "ok").count();
    assert_eq!(ledger.len(), asked, "a request is an attempt");
    let billed: Usd = ledger.iter().map(|l| usd(l["billed_usd"].as_str().expect("text"))).sum();
    let counted = trials.iter().filter(|t| t["status"] == "ok").map(|t| usd(&t["cost_usd"])).sum();
    assert_eq!(billed, counted);
    assert!(billed > Usd::ZERO);
}
