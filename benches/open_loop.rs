//! An open loop leaves when its list says: what the client notes of its own lag, and what the
//! server saw arrive.
//!
//! ```sh
//! cargo bench --bench open_loop              # 70 minutes: 20 seeds × 3 shapes × 1, 2, 4 workers
//! cargo bench --bench open_loop -- --quick   # 4 minutes: 2 seeds
//! ```
//!
//! `weighbridge load` against `weighbridge sim`, a process of its own on the same cores, whose
//! ledger says when each request was read. Bars:
//!
//! - at 200/s and 1,000/s, medians of 5 runs of 20 s: sent ÷ asked within the window 1 ± 0.1 %;
//!   p99 of the send lag at most 1 ms and 3 ms;
//! - 4,000 arrivals at 200/s, 20 seeds, 1, 2 and 4 workers: the gaps as the server read them pass
//!   Kolmogorov–Smirnov at p > .01 in at least 19, for Poisson and for gamma; the standard deviation
//!   of constant gaps is at most 1 ms.
//!
//! The gamma gaps have a coefficient of variation of 0.5. At 1.5 and above two fifths of the gaps
//! are shorter than 10 µs, less than any server's own jitter, and no sender can pass; their lists
//! are held to the law in the unit tests, below the network.

mod support;

use std::path::Path;
use std::process::ExitCode;

use support::{Bars, Sim, csv, finished, folder, weighbridge};

const RATE: f64 = 200.0;
const ARRIVALS: usize = 4_000;

fn main() -> ExitCode {
    let Some(mut bars) = Bars::start("an open loop, as sent and as received") else {
        return ExitCode::SUCCESS;
    };
    let quick = std::env::args().any(|arg| arg == "--quick");
    let dir = folder();
    for (rate, bar_us) in [(200, 1_000), (1_000, 3_000)] {
        on_time(&mut bars, dir.path(), rate, bar_us, if quick { 1 } else { 5 });
    }
    let seeds = if quick { 2 } else { 20 };
    for workers in ["1", "2", "4"] {
        for shape in ["poisson", "gamma:0.5", "constant"] {
            received(&mut bars, dir.path(), workers, shape, seeds);
        }
    }
    bars.end()
}

/// How much of what was asked for left within the window, and how late.
fn on_time(bars: &mut Bars, dir: &Path, rate: u64, bar_us: u64, runs: usize) {
    const WINDOW_S: u64 = 20;
    let (mut shares, mut lags) = (Vec::new(), Vec::new());
    for run in 0..runs {
        let sim = Sim::start(dir, &["--schedule", "ttft=20ms,gap=5ms,tokens=5"]);
        let out = format!("lag-{rate}-{run}");
        let (rate, seed) = (rate.to_string(), run.to_string());
        let window = format!("{WINDOW_S}s");
        load(dir, &["-q", &rate, "-z", &window, "--seed", &seed, "--out", &out]);
        drop(sim);
        let (mut asked, mut in_time, mut late) = (0_u64, 0_u64, Vec::new());
        let mut first = None;
        for row in csv(&dir.join(&out).join("requests.csv")) {
            let due: jiff::Timestamp = row["scheduled_at"].parse().expect("a time");
            let first = *first.get_or_insert(due);
            let after = due.duration_since(first).as_micros();
            asked += 1;
            let Ok(queue) = row["queue_us"].parse::<u64>() else { continue };
            late.push(queue);
            in_time += u64::from(after + i128::from(queue) <= i128::from(WINDOW_S * 1_000_000));
        }
        late.sort_unstable();
        shares.push(in_time as f64 / asked as f64);
        lags.push(late[(late.len() * 99).div_ceil(100) - 1]);
    }
    shares.sort_by(f64::total_cmp);
    lags.sort_unstable();
    let (share, lag) = (shares[shares.len() / 2], lags[lags.len() / 2]);
    let figure = format!("{share:.5}");
    bars.bar(&format!("{rate}/s: sent ÷ asked"), &figure, "1 ± 0.001", (share - 1.0).abs() <= 1e-3);
    let bar = format!("≤ {} ms", bar_us / 1_000);
    let figure = format!("{:.3} ms", lag as f64 / 1e3);
    bars.bar(&format!("{rate}/s: send lag p99"), &figure, &bar, lag <= bar_us);
}

/// The gaps between requests as the server read them.
fn received(bars: &mut Bars, dir: &Path, workers: &str, shape: &str, seeds: u32) {
    let (mut passed, mut worst_p, mut sds) = (0, 1.0_f64, Vec::new());
    for seed in 0..seeds {
        let sim = Sim::start(dir, &["--instant", "5"]);
        let name = shape.replace(':', "-");
        let out = format!("arrivals-{name}-{workers}-{seed}");
        let (seed, n) = (seed.to_string(), ARRIVALS.to_string());
        let flags = ["-q", "200", "-n", &n, "--arrivals", shape, "--seed", &seed];
        load(dir, &[&flags[..], &["--workers", workers, "--out", &out]].concat());
        let mut read: Vec<u64> =
            sim.ledger().iter().map(|entry| entry["read_ns"].as_u64().expect("ns")).collect();
        assert_eq!(read.len(), ARRIVALS, "every request arrived");
        read.sort_unstable();
        let gaps: Vec<f64> = read.windows(2).map(|w| (w[1] - w[0]) as f64 / 1e9).collect();
        let p = match shape {
            "constant" => f64::NAN,
            "poisson" => ks_p(&gaps, |gap| -(-gap * RATE).exp_m1()),
            _ => ks_p(&gaps, |gap| erlang_4(gap * RATE * 4.0)),
        };
        passed += u32::from(p > 0.01);
        worst_p = worst_p.min(p);
        sds.push(sd(&gaps));
    }
    let name = format!("{shape}, {workers} workers");
    if shape == "constant" {
        let worst = sds.iter().copied().fold(0.0, f64::max) * 1e3;
        bars.bar(&name, &format!("worst sd {worst:.3} ms"), "≤ 1 ms", worst <= 1.0);
    } else {
        let figure = format!("{passed} of {seeds}, worst p {worst_p:.3}");
        bars.bar(&name, &figure, "≥ 19 of 20", passed * 20 >= seeds * 19);
    }
}

fn load(dir: &Path, flags: &[&str]) {
    let mut load = weighbridge(dir);
    load.args(["load", "--catalog", Sim::CATALOG, "-m", "gale/small"]).args(flags);
    finished(&mut load, &[0, 13]);
}

/// The p-value of the one-sample Kolmogorov–Smirnov test: the limit law with Stephens' correction
/// (1970, *Journal of the Royal Statistical Society B* 32:115).
fn ks_p(values: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let d = sorted.iter().enumerate().fold(0.0_f64, |d, (i, value)| {
        let p = cdf(*value);
        d.max(p - i as f64 / n).max((i + 1) as f64 / n - p)
    });
    let lambda = (n.sqrt() + 0.12 + 0.11 / n.sqrt()) * d;
    let terms = (1..=100).map(|j| {
        let j = f64::from(j);
        let sign = if j % 2.0 == 0.0 { -1.0 } else { 1.0 };
        sign * (-2.0 * j * j * lambda * lambda).exp()
    });
    (2.0 * terms.sum::<f64>()).clamp(0.0, 1.0)
}

/// The distribution function of a gamma law of shape 4, whose coefficient of variation is 0.5.
fn erlang_4(x: f64) -> f64 {
    1.0 - (-x).exp() * (1.0 + x + x * x / 2.0 + x * x * x / 6.0)
}

fn sd(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)).sqrt()
}
