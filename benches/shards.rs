//! Four shards of a plan, merged, against one run of the whole.
//!
//! ```sh
//! cargo bench --bench shards              # 50,000 trials
//! cargo bench --bench shards -- --quick   # 5,000
//! ```
//!
//! In virtual time, on the fleet without rate limits, drift and failures (`--steady`), where what a request meets
//! does not depend on what else is under way. 5,000 tasks × 10 endpoints; the shards are run one after the other
//! and merged in another order than theirs.
//!
//! Bars: `summary.csv`, `latency.csv` and `weights.json` are the same to the byte; `trials.csv` is the same but for
//! `started_at` and the columns of waiting (`queue_us`, `pacing_us`).

mod support;

use std::path::Path;
use std::process::ExitCode;

use support::{Bars, Row, csv, finished, folder, grouped, weighbridge};

const ENDPOINTS: [&str; 10] = [
    "acme/thinker@apex",
    "acme/flagship@apex",
    "birch/pro@bluff",
    "birch/flash@bluff",
    "cedar/large@crest",
    "delta/dense@dune",
    "elm/moe@ember",
    "elm/moe@fjord",
    "elm/moe-thinking@grove",
    "gale/small@fjord",
];
const SAME: [&str; 3] = ["summary.csv", "latency.csv", "weights.json"];
const WHEN: [&str; 3] = ["started_at", "queue_us", "pacing_us"];

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let tasks = if quick { 500 } else { 5_000 };
    let trials = tasks * ENDPOINTS.len() as u64;
    let mut bars =
        Bars::always(&format!("4 shards merged against 1 run, {} trials", grouped(trials)));
    let dir = folder();
    let rows: Vec<String> = (0..tasks)
        .map(|i| {
            format!(
                "t{i},What is {i} plus 7?,{},{}\n",
                i + 7,
                ["sums", "more sums"][(i % 2) as usize]
            )
        })
        .collect();
    let text = format!("id,question,expected,category\n{}", rows.concat());
    std::fs::write(dir.path().join("prompts.csv"), text).expect("written");
    weigh(dir.path(), "whole", &[]);
    for k in 1..=4 {
        weigh(dir.path(), &format!("shard-{k}"), &["--shard", &format!("{k}/4")]);
    }
    let mut merge = weighbridge(dir.path());
    merge.args(["merge", "shard-3", "shard-1", "shard-4", "shard-2", "--out", "merged"]);
    finished(&mut merge, &[0]);

    let read = |run: &str, file: &str| std::fs::read(dir.path().join(run).join(file)).expect(file);
    for file in SAME {
        let (whole, merged) = (read("whole", file), read("merged", file));
        let bytes = format!("{} bytes", grouped(whole.len() as u64));
        bars.bar(file, &bytes, "the same", whole == merged);
    }
    let (n, apart) = differing(dir.path());
    bars.bar("rows of trials.csv", &grouped(n), &format!("= {}", grouped(trials)), n == trials);
    bars.bar("rows that differ", &grouped(apart), "= 0", apart == 0);
    bars.end()
}

fn weigh(dir: &Path, out: &str, more: &[&str]) {
    let mut run = weighbridge(dir);
    run.args(["run", "--virtual", "--steady", "--suite", "prompts.csv", "--out", out]).args(more);
    for endpoint in ENDPOINTS {
        run.args(["--endpoint", endpoint]);
    }
    finished(&mut run, &[0]);
}

/// Rows of the whole run, and how many of them the merged one has otherwise.
fn differing(dir: &Path) -> (u64, u64) {
    let rows = |run: &str| {
        csv(&dir.join(run).join("trials.csv")).map(|mut row: Row| {
            row.retain(|column, _| !WHEN.contains(&column.as_str()));
            row
        })
    };
    let (mut n, mut apart) = (0, 0);
    let mut merged = rows("merged");
    for row in rows("whole") {
        n += 1;
        apart += u64::from(merged.next().as_ref() != Some(&row));
    }
    (n, apart + merged.count() as u64)
}
