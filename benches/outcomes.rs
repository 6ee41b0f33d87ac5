//! Outcome tables: 165,000 outcomes imported, and tuned again.
//!
//! ```sh
//! cargo bench --bench outcomes
//! ```
//!
//! The table is generated here: 11 models × 15,000 queries in 12 categories, each model with a skill
//! and a price, each query with a difficulty that all models share, two outcomes in a hundred
//! failed. `outcomes import` reads it and writes the whole run folder, report and weights included;
//! `tune` computes the weights again.
//!
//! Bars: `outcomes import` within 5 s; `tune` within 10 s and 300 MiB.

mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use support::{Bars, folder, grouped, high_mark_mib, weighbridge};
use weighbridge::units::Seed;

const MODELS: u64 = 11;
const QUERIES: u64 = 15_000;
const CATEGORIES: u64 = 12;
/// How often the high mark is read.
const LOOK_EVERY: Duration = Duration::from_millis(5);

fn main() -> ExitCode {
    let Some(mut bars) = Bars::start("an outcome table of 165,000 rows") else {
        return ExitCode::SUCCESS;
    };
    let dir = folder();
    let table = table();
    let rows = grouped(MODELS * QUERIES);
    std::fs::write(dir.path().join("table.csv"), &table).expect("it is written");
    let import = ["outcomes", "import", "table.csv", "--out", "run", "--today", "team/model-0"];
    let (took, peak) = watched(dir.path(), &import);
    bars.bar(&format!("import of {rows} rows"), &seconds(took), "≤ 5 s", took.as_secs_f64() <= 5.0);
    bars.figure("  its memory", &format!("{peak:.0} MiB"));
    let (took, peak) = watched(dir.path(), &["tune", "run"]);
    bars.bar("tune", &seconds(took), "≤ 10 s", took.as_secs_f64() <= 10.0);
    bars.bar("  its memory", &format!("{peak:.0} MiB"), "≤ 300 MiB", peak <= 300.0);
    bars.end()
}

fn seconds(took: Duration) -> String {
    format!("{:.2} s", took.as_secs_f64())
}

/// How long a command takes, and the high mark of its memory in MiB.
#[expect(clippy::disallowed_methods, reason = "the wall time of a child process is the figure")]
fn watched(dir: &Path, flags: &[&str]) -> (Duration, f64) {
    let begun = Instant::now();
    let mut child = weighbridge(dir)
        .args(flags)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let mut peak = 0.0_f64;
    loop {
        if let Some(ended) = child.try_wait().expect("it is ours") {
            assert!(ended.success(), "{flags:?} ended with {ended}");
            return (begun.elapsed(), peak);
        }
        peak = peak.max(high_mark_mib(child.id()).unwrap_or(0.0));
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The same table each time.
fn table() -> String {
    let mut draw = Seed(1).draw("outcomes", &[]);
    let mut text = "source,category,query_id,model,score,prompt_tokens,completion_tokens,cost_usd,\
                    latency_s,error\n"
        .to_owned();
    for query in 0..QUERIES {
        let category = query % CATEGORIES;
        let difficulty = draw.uniform();
        let tokens = 50 + query % 700;
        for model in 0..MODELS {
            let strength =
                0.9 - 0.04 * model as f64 + 0.02 * ((model * 7 + category * 3) % 5) as f64;
            let is_right = 0.6 * difficulty + 0.4 * draw.uniform() < strength;
            let output = 20 + (query * 31 + model * 17) % 400;
            let cost = (tokens as f64 + 4.0 * output as f64) * 1e-5 / (1.0 + 3.0 * model as f64);
            let latency = 0.3 + output as f64 / 90.0;
            let failed = draw.uniform() < 0.02;
            let (score, error) = if failed {
                ("", "429")
            } else if is_right {
                ("1", "0")
            } else {
                ("0", "0")
            };
            let _ = writeln!(
                text,
                "bench,kind-{category},q{query},team/model-{model},{score},{tokens},{output},{cost:e},\
                 {latency:.3},{error}"
            );
        }
    }
    text
}
