//! The metrics of one set of trials (a cell, or an endpoint's whole row), collected trial by trial.

use std::collections::BTreeMap;

use super::latency::{Gaps, Sample};
use super::run::Unit;
use super::timing::Timing;
use super::{CachedShareCost, Cell, Counts, LatencyMetric, TokenSums};
use crate::stats::{Estimate, Level, Method, mean, proportion, ratio, special};
use crate::store::{RequestRecord, TrialRow, TrialStatus};
use crate::units::{Slo, TokensSource, Usd};
use crate::wire::{ErrorClass, FinishReason};

/// What is known of a set of trials so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Counts,
    failures: BTreeMap<&'static str, u64>,
    answered_first: u64,
    money: Money,
    samples: BTreeMap<LatencyMetric, Sample>,
    gaps: Gaps,
    slo: SloTally,
    input: Mean,
    output: Mean,
    tokens: TokenSums,
    projected: Option<Projected>,
}

/// Dollars at another share of cached input.
#[derive(Debug, Default)]
struct Projected {
    sum: Usd,
    /// The cost and the independent unit of every trial whose cost is known.
    per_trial: Vec<(f64, Option<u32>)>,
}

/// Dollars, exact for the bill and as `f64` for the intervals.
#[derive(Debug, Default)]
struct Money {
    known: Usd,
    unknown: u64,
    /// Answers whose cost is not known.
    uncosted: u64,
    upper: Usd,
    reported: Option<Usd>,
    primed: Option<Usd>,
    /// The cost and the independent unit of every trial that counts and whose cost is known.
    per_trial: Vec<(f64, Option<u32>)>,
    /// Whether any unit is a cluster of several tasks.
    clustered: bool,
    /// Σ cost and Σ score by independent unit, over trials that were scored or failed.
    per_unit: BTreeMap<u32, (f64, f64)>,
    /// How many trials are in `per_unit`.
    judged: u64,
}

#[derive(Debug, Default)]
struct SloTally {
    measured: u64,
    missed: u64,
}

/// Σ and count of what is known.
#[derive(Debug, Default)]
struct Mean {
    sum: u64,
    n: u64,
}

impl Mean {
    fn add(&mut self, value: Option<u64>) {
        self.sum += value.unwrap_or(0);
        self.n += u64::from(value.is_some());
    }

    fn get(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum as f64 / self.n as f64)
    }
}

impl Tally {
    /// Counts a trial: its row, its state as shown, its durations where it answered, and the
    /// independent unit that its task belongs to.
    pub(super) fn record(
        &mut self,
        row: &TrialRow,
        status: TrialStatus,
        timing: Option<&Timing>,
        unit: Unit,
        slo: Option<Slo>,
    ) {
        self.count(row, status);
        self.money.record(row, status, unit);
        let answer = row.attempt.as_ref().filter(|_| status == TrialStatus::Ok);
        if let Some(attempt) = answer {
            self.add_tokens(attempt);
            if attempt.streamed {
                self.gaps.record(&attempt.gaps_us);
            }
        }
        if let Some(timing) = timing {
            for metric in LatencyMetric::ALL {
                if let Some(observed) = timing.get(metric) {
                    let sample = self.samples.entry(metric).or_default();
                    sample.record(row.idx, observed);
                }
            }
            self.slo.record(timing, slo);
        }
    }

    /// Adds what a trial would cost at the stated share of cached input; `None`: not known.
    pub(super) fn project(&mut self, status: TrialStatus, cost: Option<Usd>, unit: Unit) {
        let projected = self.projected.get_or_insert_default();
        let counts = matches!(status, TrialStatus::Ok | TrialStatus::Failed);
        if let Some(cost) = cost.filter(|_| counts) {
            projected.sum += cost;
            projected.per_trial.push((cost.to_f64(), Some(unit.id)));
        }
    }

    fn count(&mut self, row: &TrialRow, status: TrialStatus) {
        let counts = &mut self.counts;
        counts.planned += 1;
        match status {
            TrialStatus::Ok => counts.ok += 1,
            TrialStatus::Failed => counts.failed += 1,
            TrialStatus::Ineligible => counts.ineligible += 1,
            TrialStatus::Skipped => counts.skipped += 1,
            TrialStatus::InDoubt => counts.in_doubt += 1,
            TrialStatus::Planned => unreachable!("a state as shown is settled"),
        }
        if status == TrialStatus::Failed {
            let class = row.error.map_or("unknown", ErrorClass::name);
            *self.failures.entry(class).or_default() += 1;
        }
        if status != TrialStatus::Ok {
            return;
        }
        match row.score {
            Some(Some(_)) => counts.scored += 1,
            Some(None) => counts.unscored += 1,
            None => {}
        }
        let attempt = row.attempt.as_ref();
        let finish = attempt.and_then(|attempt| attempt.finish_reason);
        let filtered = finish == Some(FinishReason::ContentFilter);
        counts.truncated += u64::from(finish == Some(FinishReason::Length));
        counts.refused += u64::from(row.refused || filtered);
        // An attempt that a crash of ours cut off says nothing about the endpoint.
        let is_answered = attempt.is_some_and(|attempt| attempt.error.is_none());
        self.answered_first += u64::from(is_answered && row.failed_attempts == 0);
    }

    fn add_tokens(&mut self, attempt: &RequestRecord) {
        // Counts of different origin never mix; the provider's own are the ones that are billed.
        if attempt.tokens_source != Some(TokensSource::Usage) {
            return;
        }
        let usage = &attempt.usage;
        self.input.add(usage.input);
        self.output.add(usage.output);
        self.tokens.input += usage.input.unwrap_or(0);
        self.tokens.cached_input += usage.cached_input.unwrap_or(0);
        self.tokens.output += usage.output.unwrap_or(0);
        self.tokens.reasoning += usage.reasoning.unwrap_or(0);
    }

    /// The metrics. Quality and the difference from today rest on tasks and are added by the
    /// caller.
    pub(super) fn finish(self, priced: bool) -> Cell {
        let counts = self.counts;
        let trials = counts.trials();
        assert_eq!(
            counts.planned,
            trials + counts.ineligible + counts.skipped + counts.in_doubt,
            "every trial has one state"
        );
        let mut latency: BTreeMap<_, _> = self
            .samples
            .into_iter()
            .filter_map(|(metric, sample)| Some((metric, sample.finish()?)))
            .collect();
        latency.extend(self.gaps.finish().map(|gaps| (LatencyMetric::Icl, gaps)));
        let money = &self.money;
        let at_cached_share = self.projected.filter(|_| priced).map(|projected| CachedShareCost {
            cost: projected.sum,
            trials: projected.per_trial.len() as u64,
            per_task: per_task(&projected.per_trial, money.clustered).filter(|_| counts.ok > 0),
        });
        let told = priced && (counts.ok > 0 || money.known != Usd::ZERO);
        let cell = Cell {
            counts,
            failures: self.failures,
            quality: None,
            availability: proportion::pass_rate(self.answered_first, trials, Level::P95),
            availability_retried: proportion::pass_rate(counts.ok, trials, Level::P95),
            cost: money.known,
            cost_unknown: money.unknown,
            uncosted: money.uncosted,
            cost_upper: money.upper,
            cost_reported: money.reported,
            cost_cache_warmup: money.primed,
            cost_per_task: per_task(&money.per_trial, money.clustered).filter(|_| told),
            at_cached_share,
            at_traffic: None,
            cost_per_pass: money.per_pass().filter(|_| priced),
            vs_today: None,
            latency,
            slo_miss: proportion::pass_rate(self.slo.missed, self.slo.measured, Level::P95),
            output_tokens: self.output.get(),
            input_tokens: self.input.get(),
            tokens: self.tokens,
        };
        if cell.hides_costs() {
            return Cell { cost_per_task: None, cost_per_pass: None, ..cell };
        }
        cell
    }
}

/// What a trial adds to the cost of its task, dollars; `None`: nothing is known. An answer whose cost
/// is not known says nothing. A failure whose cost is not known is seldom billed: it counts with what
/// is known, and its bound is in the upper bound. What warmed a cache is in the bill, and no part of
/// what an answer costs.
pub(super) fn cost_of_task(row: &TrialRow, status: TrialStatus) -> Option<f64> {
    let is_known = match status {
        TrialStatus::Ok => row.attempt.as_ref().is_some_and(|attempt| attempt.cost.is_some()),
        TrialStatus::Failed => true,
        _ => false,
    };
    let cost = row.cost_known - row.cost_cache_warmup.unwrap_or_default();
    is_known.then(|| cost.to_f64())
}

impl Money {
    fn record(&mut self, row: &TrialRow, status: TrialStatus, unit: Unit) {
        self.known += row.cost_known;
        self.unknown += u64::from(row.cost_unknown);
        // Without a bound the price is unknown, and so is the most it may have been.
        self.upper += row.cost_upper.unwrap_or(row.cost_known);
        if let Some(primed) = row.cost_cache_warmup {
            self.primed = Some(self.primed.unwrap_or_default() + primed);
        }
        if let Some(reported) = row.cost_reported {
            self.reported = Some(self.reported.unwrap_or_default() + reported);
        }
        let Some(cost) = cost_of_task(row, status) else {
            self.uncosted += u64::from(status == TrialStatus::Ok);
            return;
        };
        self.per_trial.push((cost, Some(unit.id)));
        self.clustered |= unit.several_tasks;
        let score = match (status, row.score.flatten()) {
            (TrialStatus::Failed, _) => Some(0.0),
            (_, score) => score,
        };
        if let Some(score) = score {
            let sums = self.per_unit.entry(unit.id).or_default();
            sums.0 += cost;
            sums.1 += score;
            self.judged += 1;
        }
    }

    /// Σ cost / Σ score, the cost of failed trials included. Repeats and clusters are summed
    /// first, so that the pairs are independent.
    fn per_pass(&self) -> Option<Estimate> {
        let (costs, scores): (Vec<f64>, Vec<f64>) = self.per_unit.values().copied().unzip();
        Some(Estimate { n: self.judged, ..ratio::ratio(&costs, &scores, Level::P95)? })
    }
}

/// Σ cost / trials with Student's interval, the standard error over independent units (CR1).
/// Repeats of a task need no more than that; of clusters there must be enough.
fn per_task(per_trial: &[(f64, Option<u32>)], clustered: bool) -> Option<Estimate> {
    let spread = mean::spread(per_trial)?;
    let enough = !clustered || spread.units >= proportion::CLUSTERS_MIN;
    let se = spread.se.filter(|_| enough);
    let half = se.map(|se| special::t_quantile(Level::P95.upper(), spread.df()) * se);
    Some(Estimate {
        value: spread.mean,
        low: half.map(|half| (spread.mean - half).max(0.0)),
        high: half.map(|half| spread.mean + half),
        level: Level::P95,
        n: spread.n,
        method: if spread.is_clustered() { Method::TClustered } else { Method::T },
    })
}

impl SloTally {
    fn record(&mut self, timing: &Timing, slo: Option<Slo>) {
        if let (Some(slo), Some(ttft_ns)) = (slo, timing.ttft_ns) {
            self.measured += 1;
            self.missed += u64::from(ttft_ns as f64 > slo.ttft_ms * 1e6);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{trial_row, usd};
    use super::*;

    /// The cost per task over these trials: unit, cost in cents.
    fn per_task_of(trials: &[(u32, u32)], several_tasks: bool) -> Estimate {
        let mut money = Money::default();
        for (id, cents) in trials {
            let cost_known = usd(&format!("0.{cents:02}"));
            let row = TrialRow { cost_known, ..trial_row(TrialStatus::Failed) };
            money.record(&row, TrialStatus::Failed, Unit { id: *id, several_tasks });
        }
        per_task(&money.per_trial, money.clustered).expect("there are trials")
    }

    #[test]
    fn repeats_are_not_more_tasks() {
        let tasks = [(0, 10), (1, 20), (2, 30), (3, 40)];
        let thrice: Vec<_> = tasks.iter().flat_map(|task| [*task; 3]).collect();
        let (once, thrice) = (per_task_of(&tasks, false), per_task_of(&thrice, false));
        assert_eq!((once.method, thrice.method), (Method::T, Method::TClustered));
        assert_eq!((once.n, thrice.n), (4, 12));
        let width = |e: Estimate| e.high.zip(e.low).map(|(high, low)| high - low).expect("both");
        assert!((width(once) - width(thrice)).abs() < 1e-12, "{once:?} {thrice:?}");
    }

    #[test]
    fn few_clusters_have_no_interval() {
        let of = |clusters: u32| (0..clusters * 2).map(|i| (i / 2, i % 7 + 1)).collect::<Vec<_>>();
        assert_eq!(per_task_of(&of(9), true).low, None);
        assert!(per_task_of(&of(10), true).low.is_some());
    }

    #[test]
    fn what_was_never_answered_costs_no_task() {
        let mut money = Money::default();
        let unit = Unit { id: 0, several_tasks: false };
        let row = TrialRow { cost_known: usd("1"), ..trial_row(TrialStatus::InDoubt) };
        money.record(&row, TrialStatus::InDoubt, unit);
        assert_eq!(
            (money.known, per_task(&money.per_trial, false), money.per_pass()),
            (usd("1"), None, None)
        );
    }
}
