//! Intervals of quality cover the truth as often as they say.
//!
//! ```sh
//! cargo bench --bench coverage
//! ```
//!
//! 200 runs in virtual time, seeds 1 to 200, of the demo: 9 bundled suites × 11 endpoints. Of each,
//! every interval in `summary.csv` whose metric is `quality` is held against the skill that
//! `weighbridge sim --truth` states for that endpoint and category. In the rows over all categories
//! (`*`), the truth is the mean of the skills under the demo's shares of traffic, as the estimate is.
//! Then, where `suites/gsm8k_test.jsonl` is in `../shared/data` or where the environment variable
//! `WEIGHBRIDGE_SHARED_DATA` says, the same of 200 runs of all of GSM8K × 3 endpoints. Two runs at a
//! time; a few minutes. Seeds are fixed, so the figures are the same each time.
//!
//! Bars: 92–98 % of the cells' intervals, of the rows' over all categories, and of GSM8K's cover the
//! truth. The 95 % that they state lies in the middle; categories are shown beside, and so is the
//! method, since each has its own.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use support::{Bars, csv, finished, folder, grouped, shared_data, weighbridge};

const SEEDS: u64 = 200;
const AT_ONCE: usize = 2;
const BAR: std::ops::RangeInclusive<f64> = 0.92..=0.98;
/// What the demo is judged by: its shares weight the rows over all categories.
const DEMO: &str = include_str!("../src/app/demo.toml");
/// The category of all, in summary.csv.
const ALL: &str = "*";

fn main() -> ExitCode {
    let Some(mut bars) = Bars::start("200 seeds: does the interval cover the skill?") else {
        return ExitCode::SUCCESS;
    };
    let truth = Truth::read();
    bundled(&mut bars, &truth);
    if let Some(suite) = shared_data("suites/gsm8k_test.jsonl") {
        gsm8k(&mut bars, &truth, &suite);
    }
    bars.end()
}

fn bundled(bars: &mut Bars, truth: &Truth) {
    let found = over_seeds(&[], &|endpoint, category| truth.of(endpoint, category));
    let mut by_category: BTreeMap<&str, Share> = BTreeMap::new();
    let mut by_method: BTreeMap<&str, Share> = BTreeMap::new();
    for ((category, method), share) in &found {
        by_category.entry(category).or_default().add(*share);
        by_method.entry(method).or_default().add(*share);
    }
    let rows = by_category.remove(ALL).unwrap_or_default();
    for (category, share) in &by_category {
        bars.figure(category, &share.to_string());
    }
    for (method, share) in by_method {
        bars.figure(&format!("method {method}"), &share.to_string());
    }
    let mut cells = Share::default();
    for share in by_category.values() {
        cells.add(*share);
    }
    cells.judge(bars, "cells");
    rows.judge(bars, "rows over all categories");
}

fn gsm8k(bars: &mut Bars, truth: &Truth, suite: &Path) {
    let suite = suite.canonicalize().expect("it is there").display().to_string();
    let mut args = vec!["--suite", &suite, "--map", "prompt=question,reference=answer"];
    for endpoint in ["birch/flash@bluff", "delta/dense@dune", "elm/moe@fjord"] {
        args.extend(["--endpoint", endpoint]);
    }
    // Its one category has no line of its own in the profiles.
    let found = over_seeds(&args, &|endpoint, category| {
        (category != ALL).then(|| truth.skill(endpoint, "default")).flatten()
    });
    let mut all = Share::default();
    for share in found.values() {
        all.add(*share);
    }
    all.judge(bars, "GSM8K × 3 endpoints");
}

/// How many intervals there were, and how many covered the truth.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    covering: u64,
    of: u64,
}

impl Share {
    fn add(&mut self, other: Self) {
        self.covering += other.covering;
        self.of += other.of;
    }

    fn judge(self, bars: &mut Bars, name: &str) {
        let share = self.covering as f64 / self.of as f64;
        bars.bar(name, &self.to_string(), "92–98 %", BAR.contains(&share));
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = 100.0 * self.covering as f64 / self.of as f64;
        write!(f, "{percent:.2} % of {}", grouped(self.of))
    }
}

/// Shares by category and method.
type Found = BTreeMap<(String, String), Share>;

/// Runs every seed and counts the intervals of quality for which there is a truth.
fn over_seeds(args: &[&str], truth: &(dyn Fn(&str, &str) -> Option<f64> + Sync)) -> Found {
    let (next, found) = (AtomicU64::new(1), Mutex::new(Found::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > SEEDS {
                return;
            }
            let dir = folder();
            let mut run = weighbridge(dir.path());
            run.args(["run", "--virtual", "--seed", &seed.to_string(), "--out", "run"]).args(args);
            finished(&mut run, &[0]);
            let counted = count(&dir.path().join("run/summary.csv"), truth);
            let mut found = found.lock().expect("a panic ends the bench");
            for (key, share) in counted {
                found.entry(key).or_default().add(share);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    found.into_inner().expect("a panic ends the bench")
}

fn count(summary: &Path, truth: &dyn Fn(&str, &str) -> Option<f64>) -> Found {
    let mut found = Found::new();
    for row in csv(summary).filter(|row| row["metric"] == "quality") {
        let Some(truth) = truth(&row["endpoint"], &row["category"]) else { continue };
        let limit = |name: &str| row[name].parse::<f64>().ok();
        // Where an endpoint takes no tools, its row over all of the traffic has no figure.
        let (Some(low), Some(high)) = (limit("ci_low"), limit("ci_high")) else { continue };
        let key = (row["category"].clone(), row["method"].clone());
        let share = found.entry(key).or_default();
        share.add(Share { covering: u64::from(low <= truth && truth <= high), of: 1 });
    }
    found
}

/// What the simulator says of itself.
struct Truth {
    fleet: Value,
    shares: toml::Table,
}

impl Truth {
    fn read() -> Self {
        let dir = folder();
        let said = finished(weighbridge(dir.path()).args(["sim", "--truth"]), &[0]);
        let demo: toml::Table = DEMO.parse().expect("TOML");
        let shares = demo["traffic"]["share"].as_table().expect("shares").clone();
        Self { fleet: serde_json::from_str(&said).expect("JSON"), shares }
    }

    /// Over a category; `*` is the traffic of the demo.
    fn of(&self, endpoint: &str, category: &str) -> Option<f64> {
        if category != ALL {
            return self.skill(endpoint, category);
        }
        let part = |(name, share): (&String, &toml::Value)| {
            Some(self.skill(endpoint, name)? * share.as_float()?)
        };
        self.shares.iter().map(part).sum()
    }

    fn skill(&self, endpoint: &str, category: &str) -> Option<f64> {
        let endpoints = self.fleet["endpoints"].as_array()?;
        let found = endpoints.iter().find(|e| e["endpoint"] == endpoint)?;
        found["categories"][category]["skill"].as_f64()
    }
}
