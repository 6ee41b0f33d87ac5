//! The command is there at once, and is one file of a decent size.
//!
//! ```sh
//! cargo bench --bench help
//! ```
//!
//! `weighbridge --help`, from the start of the process to its end, the median of 21 runs; and the
//! size of the optimised binary.
//!
//! Bars: below 20 ms; below 40 MB (of 10⁶ bytes).

mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use support::{Bars, finished, folder, weighbridge};

const RUNS: usize = 21;
const TIME_BAR: Duration = Duration::from_millis(20);
const SIZE_BAR: u64 = 40_000_000;

fn main() -> ExitCode {
    let Some(mut bars) = Bars::start("--help, and the binary") else { return ExitCode::SUCCESS };
    let dir = folder();
    let mut walls: Vec<Duration> = (0..RUNS).map(|_| help(dir.path())).collect();
    walls.sort_unstable();
    let ms = |wall: Duration| format!("{:.1} ms", wall.as_secs_f64() * 1e3);
    bars.figure("fastest and slowest", &format!("{} to {}", ms(walls[0]), ms(walls[RUNS - 1])));
    let median = walls[RUNS / 2];
    bars.bar("--help, median", &ms(median), "< 20 ms", median < TIME_BAR);
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_weighbridge")).expect("it is built").len();
    bars.bar("binary", &format!("{:.1} MB", size as f64 / 1e6), "< 40 MB", size < SIZE_BAR);
    bars.end()
}

#[expect(clippy::disallowed_methods, reason = "the wall time of a child process is the figure")]
fn help(dir: &std::path::Path) -> Duration {
    let begun = Instant::now();
    let said = finished(weighbridge(dir).arg("--help"), &[0]);
    let wall = begun.elapsed();
    assert!(said.contains("Usage: weighbridge"), "{said}");
    wall
}
