//! `report.md` of a load run.

use std::fmt::Write as _;

use super::load_text::{self, Measured, heading, millis};
use crate::report::markdown::list;
use crate::report::model::{LoadCell, LoadReport};
use crate::report::number::percentile;
use crate::report::text::markdown as escaped;
use crate::units::prose::group_thousands;

/// The percentiles of the table, in tenths of a percent.
const KEYS: [u16; 5] = [500, 900, 950, 990, 999];

/// The whole file.
pub(super) fn summary(report: &LoadReport) -> String {
    let facts = heading(report);
    let mut text = String::new();
    let _ = writeln!(text, "## {}\n", escaped(&facts[0]));
    let facts: Vec<String> = facts[1..].iter().map(|fact| escaped(fact)).collect();
    let _ = writeln!(text, "{}\n", facts.join(" · "));
    if report.simulated {
        text.push_str("> **SIMULATED**: no real model gave any of these answers.\n\n");
    }
    for reason in load_text::reasons(report) {
        let _ = writeln!(text, "> {}\n", escaped(reason));
    }
    let all = &report.all;
    let _ = writeln!(
        text,
        "{}; {}.\n",
        escaped(&load_text::asked(report)),
        escaped(&load_text::sent(all))
    );
    sums(&mut text, report);
    latencies(&mut text, report);
    list(&mut text, "Notes", &report.notes);
    let asked = load_text::settings(report);
    let asked: Vec<String> = asked.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    list(&mut text, "Asked", &asked);
    let _ = writeln!(
        text,
        "<sub>Run {} · seed {} · all figures, charts and definitions are in report.html.</sub>",
        escaped(&report.run.id),
        report.run.seed
    );
    text
}

fn sums(text: &mut String, report: &LoadReport) {
    text.push_str(
        "| endpoint | asked | ok | goodput, per s (95 %) | good, % (95 %) | answered, per s | \
         available, % | $ per 1,000 tasks |\n|---|---:|---:|---|---|---:|---:|---:|\n",
    );
    let mut row = |name: &str, cell: &LoadCell| {
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} | {} | {} |",
            group_thousands(cell.counts.asked),
            group_thousands(cell.counts.ok),
            load_text::goodput(cell),
            load_text::good(cell),
            load_text::known_rate(cell.requests_per_s),
            load_text::availability(cell),
            load_text::per_1000(cell),
        );
    };
    for endpoint in &report.endpoints {
        row(&escaped(endpoint.id.as_str()), &endpoint.cell);
    }
    if report.endpoints.len() > 1 {
        row("**all**", &report.all);
    }
    text.push('\n');
    let met = load_text::objectives(&report.load);
    let _ = match met {
        Some(met) => writeln!(text, "Good: {}.\n", escaped(&met)),
        None => writeln!(text, "Good: any answer; no objective was stated.\n"),
    };
}

fn latencies(text: &mut String, report: &LoadReport) {
    let error = load_text::timing_error(report);
    text.push_str("| endpoint | milliseconds |");
    for key in KEYS {
        let _ = write!(text, " {} |", percentile(key));
    }
    text.push_str(" max |\n|---|---|---:|---:|---:|---:|---:|---:|\n");
    for endpoint in &report.endpoints {
        for Measured { metric, label, latency } in load_text::measured(&report.load, &endpoint.cell)
        {
            let median = latency.percentiles.get(&500).map(|p50| p50.value);
            let error = error.zip(median).and_then(|(e, median)| e.beside(metric, median));
            let error = error.map_or_else(String::new, |error| format!(" {error}"));
            let _ = write!(text, "| {} | {label}{error} |", escaped(endpoint.id.as_str()));
            for key in KEYS {
                let _ = write!(text, " {} |", load_text::at(latency, key));
            }
            let _ = writeln!(text, " {} |", millis(latency.max));
        }
    }
    text.push('\n');
}
