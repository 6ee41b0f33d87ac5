//! `calibrate`.

use std::fmt::Write as _;

use super::failure::Outcome;
use super::terminal::Terminal;
use super::{Exit, console};
use crate::app;
use crate::app::calibrate::SCHEDULE;
use crate::units::{CalibratedError, Calibration};

/// `weighbridge calibrate`.
pub(super) fn calibrate() -> Outcome {
    let (found, path) = app::calibrate::calibrate(&Terminal::default())?;
    console::table(&table(&found))?;
    if !found.tokens_exact {
        return Ok(Exit::Invalid);
    }
    console::say(&format!("kept in {}: later runs on this machine quote it", path.display()));
    Ok(Exit::Ok)
}

/// What was found, for people: at most 24 lines of at most 80 columns.
fn table(found: &Calibration) -> String {
    let mut text = format!(
        "weighbridge {} on {}\nhow far off its own stamps are, against the server's log of its \
         writes\n({SCHEDULE})\n\n\
         {:>7} {:>9}  {:>20} {:>20} {:>18}\n",
        found.version, found.host, "streams", "requests", "TTFT", "ICL (every gap)", "e2e"
    );
    for at in &found.streams {
        let cells = [at.ttft, at.icl, at.e2e].map(cell);
        let _ = writeln!(
            text,
            "{:>7} {:>9}  {:>20} {:>20} {:>18}",
            at.streams, at.requests, cells[0], cells[1], cells[2]
        );
    }
    let _ = writeln!(text, "\n{:>7} {:>9}  {:>20}", "rate", "requests", "lag of the schedule");
    for at in &found.lag {
        let rate = format!("{}/s", at.per_s);
        let _ = writeln!(text, "{rate:>7} {:>9}  {:>20}", at.requests, cell(at.lag));
    }
    let tokens = if found.tokens_exact {
        "tokens counted exactly in every stream"
    } else {
        "NOT every stream was answered and counted exactly: do not rely on this machine"
    };
    let _ =
        writeln!(text, "\nms: median / highest percentile that so many requests give\n{tokens}");
    text
}

/// `0.12 / p99 0.85`.
fn cell(error: Option<CalibratedError>) -> String {
    let Some(error) = error else { return "n/a".to_owned() };
    let ms = |us: u64| match us as f64 / 1e3 {
        ms if ms >= 100.0 => format!("{ms:.0}"),
        ms if ms >= 10.0 => format!("{ms:.1}"),
        ms => format!("{ms:.2}"),
    };
    let name = (error.percentile * 1e3).round() / 10.0;
    format!("{} / p{name} {}", ms(error.p50_us), ms(error.high_us))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{CalibratedLag, CalibratedStreams};

    #[test]
    fn the_table_fits_a_screen() {
        let error =
            CalibratedError { n: 99_999, p50_us: 123_456, percentile: 0.999, high_us: 1_234_567 };
        let streams = |streams| CalibratedStreams {
            streams,
            requests: 9_999_999,
            ttft: Some(error),
            icl: Some(error),
            e2e: Some(error),
        };
        let lag = |per_s| CalibratedLag { per_s, requests: 9_999, lag: Some(error) };
        let text = table(&Calibration {
            host: "a-host-of-usual-length".to_owned(),
            version: "10.20.30".to_owned(),
            measured_at: String::new(),
            streams: vec![streams(1), streams(64), streams(512)],
            lag: vec![lag(100), lag(1_000)],
            tokens_exact: false,
        });
        assert!(text.lines().count() <= 24, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(cell(None), "n/a");
    }
}
