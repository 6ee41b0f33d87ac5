//! One small suite over all four dialects, streamed and not: the same answers, scores, tokens and
//! dollars, and a ledger that agrees with each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use weighbridge::units::{Dialect, Usd};

use crate::support::{Sim, csv, file, folder, run};

const MODELS: [&str; 3] = ["gale/small", "elm/moe", "fir/agent"];

/// What may not depend on the dialect.
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

/// The trials of each task of a model as one provider and variant have it: one line each.
fn by_endpoint(trials: &[Row]) -> BTreeMap<(String, String), BTreeMap<String, Vec<String>>> {
    let mut found = BTreeMap::<_, BTreeMap<_, _>>::new();
    for trial in trials {
        let columns = SAME.iter().map(|column| trial[*column].clone()).collect();
        let host = trial["provider"].split('-').next().expect("a name").to_owned();
        let key = (trial["model"].clone(), host);
        let lane = format!("{}{}", trial["endpoint"], trial["task"]);
        found.entry(key).or_default().insert(lane, columns);
    }
    found
}

/// The answers of the run database, by task and model.
fn answers(dir: &Path) -> BTreeMap<(String, String), BTreeSet<String>> {
    let database = rusqlite::Connection::open(dir.join("run/run.sqlite")).expect("a run database");
    let mut found = database
        .prepare(
            "SELECT task.id, endpoint.model, answer.content FROM trial
             JOIN task ON task.idx = trial.task JOIN endpoint ON endpoint.idx = trial.endpoint
             JOIN answer ON answer.trial = trial.idx",
        )
        .expect("the schema");
    let rows = found
        .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get::<_, String>(2)?)))
        .expect("rows");
    let mut all = BTreeMap::<_, BTreeSet<_>>::new();
    for row in rows {
        let (key, text) = row.expect("text");
        all.entry(key).or_default().insert(text);
    }
    all
}

fn usd(text: &str) -> Usd {
    text.parse().expect("a decimal")
}
