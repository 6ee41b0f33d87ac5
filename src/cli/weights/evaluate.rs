//! `weights evaluate`.

use std::fmt::Write;

use super::figures::{known, per_1000, percent, points, short};
use super::print::print;
use crate::app::weights;
use crate::cli::Exit;
use crate::cli::args::WeightsEvaluateArgs;
use crate::cli::failure::Outcome;
use crate::cli::table::table;
use crate::cli::wrap::wrapped;
use crate::stats::Estimate;
use crate::tune::{Evaluation, Figures, Outage, Percentiles, Policy};
use crate::units::prose;

/// `weighbridge weights evaluate`.
pub(super) fn evaluate(args: &WeightsEvaluateArgs) -> Outcome {
    let evaluation = weights::evaluate(&args.file, &args.on)?;
    print(&evaluation, args.format, text)?;
    Ok(Exit::Ok)
}

fn text(evaluation: &Evaluation) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for note in &evaluation.notes {
        writeln!(text, "{}", lines(note))?;
    }
    let tasks = prose::pluralize(evaluation.tasks, "task");
    let slo = evaluation.slo.map(|slo| format!("; miss: TTFT above {} ms", slo.ttft_ms));
    writeln!(
        text,
        "{}\n",
        lines(&format!(
            "on {tasks}; TTFT and e2e in seconds, p50/p95 of the mixture; regret: points below the \
             optimum at the same cost{}",
            slo.unwrap_or_default()
        ))
    )?;
    let head = ["policy", "quality (95 %)", "$/1,000", "TTFT", "e2e", "miss", "regret"];
    let rows: Vec<Vec<String>> = evaluation.policies.iter().map(policy_row).collect();
    text.push_str(&table(&head, &rows));
    for policy in &evaluation.policies {
        if let Some(endpoint) = policy.endpoint.as_ref().filter(|_| policy.name != "this file") {
            writeln!(text, "{}", lines(&format!("{}: {}", policy.name, short(endpoint))))?;
        }
    }
    let mut providers: Vec<_> = evaluation.providers.iter().collect();
    providers.sort_by(|a, b| b.1.total_cmp(a.1).then(a.0.cmp(b.0)));
    let providers: Vec<String> =
        providers.iter().map(|(name, share)| format!("{name} {}", percent(**share))).collect();
    if evaluation.outages.is_empty() {
        return Ok(text);
    }
    writeln!(text, "\n{}\n", lines(&format!("traffic: {}", providers.join(", "))))?;
    let head = ["down", "share", "quality", "$/1,000", "TTFT", "takes over"];
    let rows: Vec<Vec<String>> = evaluation.outages.iter().map(outage_row).collect();
    text.push_str(&table(&head, &rows));
    Ok(text)
}

fn lines(text: &str) -> String {
    wrapped(text, 80, 78).join("\n  ")
}

fn policy_row(policy: &Policy) -> Vec<String> {
    let name = policy.name.to_owned();
    let Some(figures) = &policy.figures else {
        return vec![name, "not possible on these tasks".to_owned()];
    };
    vec![
        name,
        figures.quality.map_or_else(|| "?".to_owned(), quality),
        known(figures.cost_per_task_usd, per_1000),
        seconds(figures.ttft_s),
        seconds(figures.e2e_s),
        figures.slo_miss.map(percent).unwrap_or_default(),
        known(policy.regret, |regret| points(regret).trim_start_matches(['+', '±']).to_owned()),
    ]
}

fn outage_row(outage: &Outage) -> Vec<String> {
    let Figures { quality, cost_per_task_usd, ttft_s, .. } = &outage.figures;
    let names: Vec<String> = outage.takes_over.iter().map(|endpoint| short(endpoint)).collect();
    let mut takes_over = prose::join_and(&names);
    if !outage.not_measured.is_empty() {
        let names: Vec<String> = outage.not_measured.iter().map(|e| short(e)).collect();
        let _ = write!(takes_over, "; not measured here: {}", prose::join_and(&names));
    }
    if outage.unserved > 0.0 {
        let part = if takes_over.is_empty() { "" } else { "; " };
        let _ = write!(takes_over, "{part}nothing serves {}", percent(outage.unserved));
    }
    vec![
        outage.provider.clone(),
        percent(outage.share),
        known(quality.map(|quality| quality.value), |q| format!("{:.1}", q * 100.0)),
        known(*cost_per_task_usd, per_1000),
        seconds(*ttft_s),
        takes_over,
    ]
}

/// `92.1 (90.0–93.8)`.
fn quality(quality: Estimate) -> String {
    match (quality.low, quality.high) {
        (Some(low), Some(high)) => {
            format!("{:.1} ({:.1}–{:.1})", quality.value * 100.0, low * 100.0, high * 100.0)
        }
        _ => format!("{:.1}", quality.value * 100.0),
    }
}

/// `0.31/1.20`; empty where neither is known.
fn seconds(percentiles: Percentiles) -> String {
    let Percentiles { p50, p95 } = percentiles;
    if p50.is_none() && p95.is_none() {
        return String::new();
    }
    let shown = |value| known(value, |seconds: f64| format!("{seconds:.2}"));
    format!("{}/{}", shown(p50), shown(p95))
}
