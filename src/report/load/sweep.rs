//! The report of a sweep: a row for each rate that was tried.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::load_text;
use crate::aggregate::LatencyMetric;
use crate::report::csv;
use crate::report::error::ReportError;
use crate::report::model::{Estimate, LoadReport};
use crate::report::number::{interval, percent, rate};
use crate::report::screen::{COLUMNS, LINES, files, lines};
use crate::report::text::{fit_end, pad_left};
use crate::report::write::whole;
use crate::units::ValidityMark;
use crate::units::prose::group_thousands;

/// What a rate came to.
#[derive(Clone, Debug)]
pub struct SweepStep {
    /// Requests per second that were asked for.
    pub per_s: f64,
    /// Whether so large a share of the requests was good as was asked for.
    pub met: bool,
    /// Whether its latencies may be believed.
    pub mark: ValidityMark,
    simulated: bool,
    asked: u64,
    dropped: u64,
    failed: u64,
    good: Option<Estimate>,
    goodput_per_s: Option<Estimate>,
    /// p50 and a high percentile of TTFT and e2e from the schedule.
    latency: [String; 2],
    objectives: String,
    target: f64,
}

/// The columns of sweep.csv.
const SWEEP_COLUMNS: [&str; 12] = [
    "rate_per_s",
    "met",
    "asked",
    "dropped",
    "failed",
    "good_fraction",
    "ci_low",
    "ci_high",
    "goodput_per_s",
    "method",
    "validity",
    "simulated",
];

impl SweepStep {
    /// A rate and the figures of its run. `target`: the share of requests that must be good.
    #[must_use]
    pub fn new(per_s: f64, target: f64, report: &LoadReport) -> Self {
        let cell = &report.all;
        let pair = |metric: LatencyMetric| {
            let latency = cell.latency.get(&metric);
            load_text::pair(latency, load_text::highest(&latency.into_iter()))
        };
        Self {
            per_s,
            met: cell.good_fraction.is_some_and(|good| good.value >= target),
            mark: report.run.ending.as_ref().map_or(ValidityMark::Valid, |ending| ending.validity),
            simulated: report.simulated,
            asked: cell.counts.asked,
            dropped: cell.counts.dropped,
            failed: cell.counts.failed,
            good: cell.good_fraction,
            goodput_per_s: cell.goodput_per_s,
            latency: [pair(LatencyMetric::TtftSched), pair(LatencyMetric::E2eSched)],
            objectives: load_text::objectives(&report.load).unwrap_or_default(),
            target,
        }
    }

    /// `100/s: 97.2 % good (95.8–98.1) of 2,004, met`
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "{}/s: {} % good of {}, {}",
            self.per_s,
            self.good(),
            group_thousands(self.asked),
            self.word()
        )
    }

    fn good(&self) -> String {
        self.good
            .as_ref()
            .map_or_else(crate::report::run_text::missing, |good| interval(good, percent))
    }

    fn word(&self) -> &'static str {
        match (self.mark, self.met) {
            (ValidityMark::Invalid, _) => "INVALID",
            (_, true) if self.is_told() => "met",
            (_, true) => "met?",
            (_, false) if self.is_told() => "missed",
            (_, false) => "missed?",
        }
    }

    /// Whether the interval of the share lies on one side of what was asked for: otherwise chance
    /// may have decided.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.good.as_ref().is_some_and(|good| {
            good.low.is_some_and(|low| low >= self.target)
                || good.high.is_some_and(|high| high < self.target)
        })
    }

    fn cells(&self) -> [String; SWEEP_COLUMNS.len()] {
        let of = |value: Option<f64>| value.map_or_else(String::new, csv::number);
        let good = self.good.as_ref();
        [
            csv::number(self.per_s),
            self.met.to_string(),
            self.asked.to_string(),
            self.dropped.to_string(),
            self.failed.to_string(),
            of(good.map(|g| g.value)),
            of(good.and_then(|g| g.low)),
            of(good.and_then(|g| g.high)),
            of(self.goodput_per_s.as_ref().map(|g| g.value)),
            good.map_or_else(String::new, |g| g.method.name().to_owned()),
            self.mark.word().to_owned(),
            self.simulated.to_string(),
        ]
    }
}

/// Writes sweep.csv, by rate.
///
/// # Errors
/// When it cannot be written.
pub fn write_sweep(dir: &Path, steps: &[SweepStep]) -> Result<(), ReportError> {
    whole(&dir.join("sweep.csv"), |file| {
        let mut writer = ::csv::Writer::from_writer(file);
        writer.write_record(SWEEP_COLUMNS).map_err(csv::io_error)?;
        for step in by_rate(steps) {
            writer.write_record(step.cells()).map_err(csv::io_error)?;
        }
        io::Write::flush(&mut writer.into_inner().map_err(::csv::IntoInnerError::into_error)?)
    })
}

/// The answer of a sweep on one screen. `found`: what it came to, in words.
#[must_use]
pub fn sweep_answer(steps: &[SweepStep], found: &str, dir: &Path) -> String {
    let mut said = vec![fit_end(&format!("sweep · {found}"), COLUMNS)];
    if steps.iter().any(|step| step.simulated) {
        said.push("SIMULATED: no real model gave any of these answers".to_owned());
    }
    if let Some(step) = steps.first() {
        let mut asked = String::new();
        let _ = write!(asked, "{}, from the schedule", step.objectives);
        let _ = write!(asked, ", by at least {} % of the requests", percent(step.target));
        said.push(fit_end(&asked, COLUMNS));
    }
    said.push(String::new());
    let row = |cells: [&str; 7]| {
        let wide = [7, 7, 19, 7, 12, 13, 8];
        let line: Vec<String> =
            cells.iter().zip(wide).map(|(cell, wide)| pad_left(cell, wide)).collect();
        fit_end(line.join(" ").trim_end(), COLUMNS)
    };
    said.push(row(["rate", "asked", "good % (95 %)", "good/s", "TTFT ms", "e2e ms", ""]));
    let room = LINES - said.len() - 3;
    for step in by_rate(steps).into_iter().take(room) {
        let goodput = load_text::known_rate(step.goodput_per_s.as_ref().map(|g| g.value));
        let name = format!("{}/s", rate(step.per_s));
        let asked = group_thousands(step.asked);
        let [ttft, e2e] = &step.latency;
        said.push(row([&name, &asked, &step.good(), &goodput, ttft, e2e, step.word()]));
    }
    said.push("?: the interval holds the share that was asked for; a longer -z tells".to_owned());
    said.push(files("sweep.csv, and the report of each rate, in ", dir));
    lines(&said)
}

fn by_rate(steps: &[SweepStep]) -> Vec<&SweepStep> {
    let mut sorted: Vec<&SweepStep> = steps.iter().collect();
    sorted.sort_by(|a, b| a.per_s.total_cmp(&b.per_s));
    sorted
}
