//! `report.md` of a load run.

use std::fmt::Write as _;

use super::load_text::{self, Measured, heading, millis};
use crate::aggregate::{LoadCell, LoadMetrics};
use crate::report::markdown::list;
use crate::report::number::percentile;
use crate::report::run_text::sentence;
use crate::report::text::markdown as escaped;
use crate::units::prose::group_thousands;

/// The percentiles of the table, in tenths of a percent.
const KEYS: [u16; 5] = [500, 900, 950, 990, 999];

/// The whole file.
pub(super) fn summary(metrics: &LoadMetrics) -> String {
    let facts = heading(metrics);
    let mut text = String::new();
    let _ = writeln!(text, "## {}\n", escaped(&facts[0]));
    let facts: Vec<String> = facts[1..].iter().map(|fact| escaped(fact)).collect();
    let _ = writeln!(text, "{}\n", facts.join(" · "));
    if metrics.simulated {
        text.push_str("> **SIMULATED**: no real model gave any of these answers.\n\n");
    }
    for reason in load_text::reasons(metrics) {
        let _ = writeln!(text, "> {}\n", escaped(&reason));
    }
    let all = &metrics.all;
    let _ = writeln!(
        text,
        "{}; {}.\n",
        escaped(&load_text::asked(metrics)),
        escaped(&load_text::sent(all))
    );
    sums(&mut text, metrics);
    latencies(&mut text, metrics);
    let notes = metrics.manifest.notes.iter();
    let notes: Vec<String> = notes.map(|note| sentence(&note.to_string())).collect();
    list(&mut text, "Notes", &notes);
    let asked = load_text::spec(metrics);
    let asked: Vec<String> = asked.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    list(&mut text, "Asked", &asked);
    let _ = writeln!(
        text,
        "<sub>Run {} · seed {} · all figures, charts and definitions are in report.html.</sub>",
        escaped(&metrics.manifest.run),
        metrics.manifest.seed
    );
    text
}

fn sums(text: &mut String, metrics: &LoadMetrics) {
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
    for endpoint in &metrics.endpoints {
        row(&escaped(endpoint.id.as_str()), &endpoint.cell);
    }
    if metrics.endpoints.len() > 1 {
        row("**all**", &metrics.all);
    }
    text.push('\n');
    let met = load_text::objectives(&metrics.spec);
    let _ = match met {
        Some(met) => writeln!(text, "Good: {}.\n", escaped(&met)),
        None => writeln!(text, "Good: any answer; no objective was stated.\n"),
    };
}

fn latencies(text: &mut String, metrics: &LoadMetrics) {
    let error = load_text::timing_error(metrics);
    text.push_str("| endpoint | milliseconds |");
    for key in KEYS {
        let _ = write!(text, " {} |", percentile(key));
    }
    text.push_str(" max |\n|---|---|---:|---:|---:|---:|---:|---:|\n");
    for endpoint in &metrics.endpoints {
        for Measured { metric, label, latency } in
            load_text::measured(&metrics.spec, &endpoint.cell)
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
