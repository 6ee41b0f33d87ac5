//! `report.md` of a load run.

use std::fmt::Write as _;

use super::story::{self, Measured, heading, millis};
use crate::aggregate::{LoadCell, LoadFigures};
use crate::report::markdown::list;
use crate::report::number::{count, percentile};
use crate::report::text::markdown as escaped;

/// The percentiles of the table, in tenths of a percent.
const KEYS: [u16; 5] = [500, 900, 950, 990, 999];

/// The whole file.
pub(super) fn summary(figures: &LoadFigures) -> String {
    let facts = heading(figures);
    let mut text = String::new();
    let _ = writeln!(text, "## {}\n", escaped(&facts[0]));
    let facts: Vec<String> = facts[1..].iter().map(|fact| escaped(fact)).collect();
    let _ = writeln!(text, "{}\n", facts.join(" · "));
    if figures.simulated {
        text.push_str("> **SIMULATED**: no real model gave any of these answers.\n\n");
    }
    for reason in story::reasons(figures) {
        let _ = writeln!(text, "> {}\n", escaped(&reason));
    }
    let all = &figures.all;
    let _ =
        writeln!(text, "{}; {}.\n", escaped(&story::asked(figures)), escaped(&story::sent(all)));
    sums(&mut text, figures);
    latencies(&mut text, figures);
    let notes: Vec<String> =
        figures.manifest.notes.iter().map(|note| crate::report::story::sentence(note)).collect();
    list(&mut text, "Notes", &notes);
    let asked = story::spec(figures);
    let asked: Vec<String> = asked.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    list(&mut text, "Asked", &asked);
    let _ = writeln!(
        text,
        "<sub>Run {} · seed {} · all figures, charts and definitions are in report.html.</sub>",
        escaped(&figures.manifest.run),
        figures.manifest.seed
    );
    text
}

fn sums(text: &mut String, figures: &LoadFigures) {
    text.push_str(
        "| endpoint | asked | ok | goodput, per s (95 %) | good, % (95 %) | answered, per s | \
         available, % | $ per 1,000 tasks |\n|---|---:|---:|---|---|---:|---:|---:|\n",
    );
    let mut row = |name: &str, cell: &LoadCell| {
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} | {} | {} |",
            count(cell.counts.asked),
            count(cell.counts.ok),
            story::goodput(cell),
            story::good(cell),
            story::known_rate(cell.requests_per_s),
            story::availability(cell),
            story::per_1000(cell),
        );
    };
    for endpoint in &figures.endpoints {
        row(&escaped(endpoint.id.as_str()), &endpoint.cell);
    }
    if figures.endpoints.len() > 1 {
        row("**all**", &figures.all);
    }
    text.push('\n');
    let met = story::objectives(&figures.spec);
    let _ = match met {
        Some(met) => writeln!(text, "Good: {}.\n", escaped(&met)),
        None => writeln!(text, "Good: any answer; no objective was stated.\n"),
    };
}

fn latencies(text: &mut String, figures: &LoadFigures) {
    let error = story::timing_error(figures);
    text.push_str("| endpoint | milliseconds |");
    for key in KEYS {
        let _ = write!(text, " {} |", percentile(key));
    }
    text.push_str(" max |\n|---|---|---:|---:|---:|---:|---:|---:|\n");
    for endpoint in &figures.endpoints {
        for Measured { metric, label, latency } in story::measured(&figures.spec, &endpoint.cell) {
            let median = latency.percentiles.get(&500).map(|p50| p50.value);
            let error = error.zip(median).and_then(|(e, median)| e.beside(metric, median));
            let error = error.map_or_else(String::new, |error| format!(" {error}"));
            let _ = write!(text, "| {} | {label}{error} |", escaped(endpoint.id.as_str()));
            for key in KEYS {
                let _ = write!(text, " {} |", story::at(latency, key));
            }
            let _ = writeln!(text, " {} |", millis(latency.max));
        }
    }
    text.push('\n');
}
