//! What a load run says, in words: shared by the screen, the page and the Markdown summary.

use std::fmt::Write as _;

use crate::aggregate::LatencyMetric;
use crate::report::model::{Latency, LatencyObjective, LoadCell, LoadReport, LoadSettings};
use crate::report::number::{self, dollars, percent, rate};
use crate::report::run_text::{self, State, bill, missing, state_of, with_state};
use crate::report::text::escape_control;
use crate::report::timing_error::TimingError;
use crate::units::Usd;
use crate::units::prose::{group_thousands, pluralize};
use crate::weights::VerdictWord;

/// The facts of the heading: the name first, then what is wrong with the run.
pub(super) fn heading(report: &LoadReport) -> Vec<String> {
    let counts = &report.all.counts;
    let requests = pluralize(counts.asked, "request");
    let hours = report.hourly_cost.unwrap_or_default();
    let mut facts = vec![
        escape_control(&report.run.name).into_owned(),
        escape_control(&report.load.arrivals).into_owned(),
        match report.endpoints.len() {
            1 => requests,
            n => format!("{requests} × {n} endpoints"),
        },
        bill(report.cost + hours, report.cost_upper + hours, report.cost_is_partial),
    ];
    facts.extend(duration(report));
    with_state(facts, state(report))
}

/// How long it took.
pub(super) fn duration(report: &LoadReport) -> Option<String> {
    run_text::duration(&report.run)
}

/// How the run stands.
pub(super) fn state(report: &LoadReport) -> State {
    let is_dead = |cell: &LoadCell| cell.counts.ok == 0 && cell.counts.failed > 0;
    let ending = report.run.ending.as_ref();
    let ending = ending.map(|ending| (ending.complete, ending.validity));
    let wrong = if is_dead(&report.all) {
        vec!["ALL FAILED"]
    } else if report.endpoints.iter().any(|e| is_dead(&e.cell)) {
        vec![VerdictWord::NoData.word()]
    } else {
        Vec::new()
    };
    state_of(wrong, ending)
}

/// What is wrong with the run, one sentence each.
pub(super) fn reasons(report: &LoadReport) -> &[String] {
    report.run.ending.as_ref().map_or(&[], |ending| &ending.reasons)
}

/// The metrics of the run in the order of reports, with their names for people: in open loop those
/// from the schedule first.
pub(super) fn latency_metrics(load: &LoadSettings) -> &'static [(LatencyMetric, &'static str)] {
    if load.is_open() {
        &[
            (LatencyMetric::TtftSched, "TTFT, from schedule"),
            (LatencyMetric::E2eSched, "e2e, from schedule"),
            (LatencyMetric::Ttft, "TTFT, service"),
            (LatencyMetric::Ttfo, "TTFO, service"),
            (LatencyMetric::Itl, "ITL"),
            (LatencyMetric::Icl, "ICL"),
            (LatencyMetric::E2e, "e2e, service"),
            (LatencyMetric::Connect, "connect"),
            (LatencyMetric::Queue, "send lag"),
        ]
    } else {
        &[
            (LatencyMetric::Ttft, "TTFT"),
            (LatencyMetric::Ttfo, "TTFO"),
            (LatencyMetric::Itl, "ITL"),
            (LatencyMetric::Icl, "ICL"),
            (LatencyMetric::E2e, "e2e"),
            (LatencyMetric::Connect, "connect"),
        ]
    }
}

/// What is told of a cell's latency: the metrics that were measured. The first output token is
/// left out where it is the first token.
pub(super) fn measured<'a>(load: &LoadSettings, cell: &'a LoadCell) -> Vec<Measured<'a>> {
    let ttft = cell.latency.get(&LatencyMetric::Ttft);
    latency_metrics(load)
        .iter()
        .filter_map(|(metric, label)| {
            Some(Measured { metric: *metric, label, latency: cell.latency.get(metric)? })
        })
        .filter(|Measured { metric, latency, .. }| {
            let shown = |latency: &Latency| [500, 990].map(|key| at(latency, key));
            *metric != LatencyMetric::Ttfo || ttft.is_none_or(|ttft| shown(ttft) != shown(latency))
        })
        .collect()
}

/// One row of the latencies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured<'a> {
    pub metric: LatencyMetric,
    /// Its name for people.
    pub label: &'static str,
    pub latency: &'a Latency,
}

/// The error of the machine's own timing, at about as many streams as were under way.
pub(super) fn timing_error(report: &LoadReport) -> Option<TimingError<'_>> {
    TimingError::new(&report.run, report.streams)
}

/// The headline's first token and last: from the schedule in open loop.
pub(super) fn headline(load: &LoadSettings) -> [LatencyMetric; 2] {
    if load.is_open() {
        [LatencyMetric::TtftSched, LatencyMetric::E2eSched]
    } else {
        [LatencyMetric::Ttft, LatencyMetric::E2e]
    }
}

/// Milliseconds to about three digits.
pub(super) fn millis(seconds: f64) -> String {
    number::seconds(seconds * 1e3)
}

/// One percentile in milliseconds.
pub(super) fn at(latency: &Latency, key: u16) -> String {
    latency.percentiles.get(&key).map_or_else(missing, |found| millis(found.value))
}

/// The same with its interval: `1,221 (20.2–1,420)`; `1,221 (≥ 20.2)` where neighbours are so alike
/// that nothing bounds it above.
pub(super) fn at_with_interval(latency: &Latency, key: u16) -> String {
    let Some(found) = latency.percentiles.get(&key) else { return missing() };
    match (found.low, found.high) {
        (Some(low), None) => format!("{} (≥ {})", millis(found.value), millis(low)),
        _ => number::interval(found, millis),
    }
}

/// The highest percentile up to p99 that every one of these bears; `None`: not all bear p90.
pub(super) fn highest<'a>(latencies: &(impl Iterator<Item = &'a Latency> + Clone)) -> Option<u16> {
    let borne = |key: &u16| latencies.clone().all(|l| l.percentiles.contains_key(key));
    [990, 950, 900].into_iter().find(borne)
}

/// `20.2/1,420`: the median and a high percentile in milliseconds.
pub(super) fn pair(latency: Option<&Latency>, high: Option<u16>) -> String {
    let Some(latency) = latency else { return missing() };
    match high {
        Some(high) => format!("{}/{}", at(latency, 500), at(latency, high)),
        None => at(latency, 500),
    }
}

/// `asked 4,000 (200/s) = 3,990 sent + 10 dropped`
pub(super) fn asked(report: &LoadReport) -> String {
    let counts = &report.all.counts;
    let per_s = report.asked_per_s.map_or_else(String::new, |r| format!(" ({}/s)", rate(r)));
    let mut text = format!(
        "asked {}{per_s} = {} sent + {} dropped",
        group_thousands(counts.asked),
        group_thousands(counts.sent),
        group_thousands(counts.dropped)
    );
    if report.warmup > 0 {
        let _ = write!(text, "; {} of the warm-up left out", group_thousands(report.warmup));
    }
    text
}

/// `sent = 3,980 ok + 10 failed (rate_limited 10)`
pub(super) fn sent(cell: &LoadCell) -> String {
    let counts = &cell.counts;
    let mut text = format!(
        "sent = {} ok + {} failed",
        group_thousands(counts.ok),
        group_thousands(counts.failed)
    );
    if counts.failed > 0 {
        let _ = write!(text, " ({})", failures(cell));
    }
    if counts.in_doubt > 0 {
        let _ = write!(text, " + {} in doubt", group_thousands(counts.in_doubt));
    }
    text
}

/// `rate_limited 10, reset 3`, the most frequent first.
pub(super) fn failures(cell: &LoadCell) -> String {
    let mut classes: Vec<_> = cell.failures.iter().collect();
    classes.sort_by_key(|(class, n)| (std::cmp::Reverse(**n), **class));
    let told: Vec<String> = classes
        .iter()
        .map(|(class, n)| format!("{} {}", class.name(), group_thousands(**n)))
        .collect();
    told.join(", ")
}

/// `TTFT ≤ 500 ms, e2e ≤ 5.0 s`; `None`: nothing was asked of an answer.
pub(super) fn objectives(load: &LoadSettings) -> Option<String> {
    let one = |objective: &LatencyObjective| {
        let metric = match objective.metric.as_str() {
            "e2e" => "e2e".to_owned(),
            other => escape_control(other).to_uppercase(),
        };
        format!("{metric} ≤ {}", duration_of(objective.limit_us))
    };
    let all: Vec<String> = load.objectives.iter().map(one).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn duration_of(us: u64) -> String {
    number::duration(us.saturating_mul(1_000))
}

/// Good requests a second with their interval.
pub(super) fn goodput(cell: &LoadCell) -> String {
    cell.goodput_per_s.as_ref().map_or_else(missing, |found| number::interval(found, rate))
}

/// The share of good requests in percent with its interval.
pub(super) fn good(cell: &LoadCell) -> String {
    cell.good_fraction.as_ref().map_or_else(missing, |found| number::interval(found, percent))
}

/// Answers first sent and answered, in percent.
pub(super) fn availability(cell: &LoadCell) -> String {
    cell.availability.as_ref().map_or_else(missing, |found| percent(found.value))
}

/// A rate, where it is known.
pub(super) fn known_rate(per_s: Option<f64>) -> String {
    per_s.map_or_else(missing, rate)
}

/// Dollars per 1,000 tasks, without the sign.
pub(super) fn per_1000(cell: &LoadCell) -> String {
    cell.cost_per_task.as_ref().map_or_else(missing, |cost| match (cost.low, cost.high) {
        // Where nothing bounds it above, at least what does below.
        (Some(low), None) if cell.per_hour.is_some() => format!("≥ {}", dollars(low * 1e3)),
        _ => dollars(cost.value * 1e3),
    })
}

/// The settings of the run: name, value.
pub(super) fn settings(report: &LoadReport) -> Vec<(String, String)> {
    let load = &report.load;
    let mode = match load.concurrency {
        None => "open: requests leave when they are due".to_owned(),
        Some(n) => format!("closed: {} under way at a time", group_thousands(u64::from(n))),
    };
    let mut rows = vec![("Loop", mode), ("Arrivals", load.arrivals.clone())];
    rows.extend(load.requests.map(|n| ("Requests asked for", group_thousands(n))));
    rows.extend(load.window_us.map(|us| ("Window", duration_of(us))));
    for (name, us) in [("Ramp, left out", load.ramp_us), ("Warm-up, left out", load.warmup_us)] {
        rows.extend((us > 0).then(|| (name, duration_of(us))));
    }
    if load.speed.to_bits() != 1.0_f64.to_bits() {
        rows.push(("Speed of the trace", format!("{} ×", number::significant(load.speed, 3))));
    }
    let met = objectives(load).unwrap_or_else(|| "any answer is good".to_owned());
    rows.push(("Objectives", met));
    let hours = |(id, price): (&String, &Usd)| {
        ("Price of an hour", format!("{}: ${price}", escape_control(id)))
    };
    rows.extend(load.price_per_hour_usd.iter().map(hours));
    if let Some(little) = report.littles_law {
        let text = format!("{} % of the concurrency was kept up", number::percent(little));
        rows.push(("Little's law", text));
    }
    rows.into_iter().map(|(k, v)| (k.to_owned(), escape_control(&v).into_owned())).collect()
}
