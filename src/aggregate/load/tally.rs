//! The metrics of one set of requests, collected request by request.

use std::collections::BTreeMap;

use super::observed::{Observed, max_cost};
use super::{LoadCell, LoadCounts};
use crate::aggregate::latency::{Lag1, Stream, of_histogram};
use crate::aggregate::{AggregateError, LatencyMetric, TokenSums};
use crate::stats::{Estimate, Level, Method, proportion, quantile, special};
use crate::store::{LoadOutcome, LoadRecord};
use crate::units::{Histogram, LoadSpec, Usd, normal};
use crate::wire::ErrorClass;

/// What a good request meets.
pub(super) struct Slos(Vec<(Objective, u64)>);

/// What an objective limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Objective {
    Ttft,
    Ttfo,
    Itl,
    E2e,
}

impl Slos {
    pub(super) fn of(spec: &LoadSpec) -> Result<Self, AggregateError> {
        let read = |name: &str| match name {
            "ttft" => Ok(Objective::Ttft),
            "ttfo" => Ok(Objective::Ttfo),
            "itl" => Ok(Objective::Itl),
            "e2e" => Ok(Objective::E2e),
            _ => Err(AggregateError::Corrupt(format!("an objective on {name:?} is not known"))),
        };
        let slos = spec.slos.iter().map(|slo| Ok((read(&slo.metric)?, slo.limit_ns)));
        Ok(Self(slos.collect::<Result<_, AggregateError>>()?))
    }

    /// Whether a request was answered and met them all. With a schedule, a wait counts from there:
    /// a person who waits does not know when the client got round to sending. A missing metric is
    /// not met.
    pub(super) fn met(&self, record: &LoadRecord, observed: &Observed) -> bool {
        let open = record.request.scheduled_ns.is_some();
        let timing = observed.timing.as_ref();
        let value = |objective: Objective| match objective {
            Objective::Ttft if open => observed.ttft_sched_ns,
            Objective::Ttfo if open => observed.ttfo_sched_ns,
            Objective::E2e if open => observed.e2e_sched_ns,
            Objective::Ttft => timing?.ttft_ns,
            Objective::Ttfo => timing?.ttfo_ns,
            Objective::E2e => timing?.e2e_ns,
            Objective::Itl => timing?.itl_ns,
        };
        record.outcome() == LoadOutcome::Ok
            && self.0.iter().all(|(of, limit)| value(*of).is_some_and(|found| found <= *limit))
    }
}

/// What is known of a set of requests so far.
#[derive(Default)]
pub(super) struct Tally {
    pub counts: LoadCounts,
    /// The gaps between token events.
    pub gaps: Histogram,
    failures: BTreeMap<ErrorClass, u64>,
    retried_stale: u64,
    streams: BTreeMap<LatencyMetric, Stream>,
    /// Answers with a gap between token events.
    with_gaps: u64,
    answered: Share,
    good: Share,
    tokens: TokenSums,
    output_known: bool,
    cost: Usd,
    cost_unknown: u64,
    cost_upper: Usd,
    spread: Spread,
}

impl Tally {
    /// Counts a request.
    pub(super) fn record(&mut self, record: &LoadRecord, observed: &Observed, good: bool) {
        let counts = &mut self.counts;
        counts.asked += 1;
        self.good.add(good);
        let outcome = record.outcome();
        if outcome == LoadOutcome::Dropped {
            counts.dropped += 1;
            return;
        }
        counts.sent += 1;
        self.retried_stale += u64::from(record.retried_stale);
        self.answered.add(outcome == LoadOutcome::Ok);
        match outcome {
            LoadOutcome::Failed(class) => {
                counts.failed += 1;
                *self.failures.entry(class).or_default() += 1;
            }
            _ => counts.ok += 1,
        }
        for metric in LatencyMetric::ALL {
            if let Some(nanos) = observed.get(metric) {
                self.streams.entry(metric).or_default().record(nanos);
            }
        }
        if outcome == LoadOutcome::Ok {
            self.with_gaps += u64::from(record.request.token_events > 1);
            let usage = &record.request.usage;
            self.tokens.input += usage.input.unwrap_or(0);
            self.tokens.cached_input += usage.cached_input.unwrap_or(0);
            self.tokens.output += usage.output.unwrap_or(0);
            self.tokens.reasoning += usage.reasoning.unwrap_or(0);
            self.output_known |= usage.output.is_some();
        }
        self.pay(record);
    }

    /// Counts a request that a stale connection lost.
    pub(super) fn lost(&mut self, record: &LoadRecord) {
        if !record.warmup {
            self.retried_stale += 1;
            self.pay(record);
        }
    }

    fn pay(&mut self, record: &LoadRecord) {
        let known = record.request.cost.unwrap_or_default();
        self.cost += known;
        self.cost_unknown += u64::from(record.request.cost.is_none());
        self.cost_upper += max_cost(record).unwrap_or_default();
        // As in the task lane: an answer of unknown cost says nothing about the cost of a task; a
        // failure of unknown cost is seldom billed, and its bound is in `cost_upper`.
        if record.request.cost.is_some() || record.outcome() != LoadOutcome::Ok {
            self.spread.add(known.to_f64());
        }
    }

    /// The metrics over a run of this length; by the hour where it is priced so.
    pub(super) fn finish(self, duration_s: f64, per_hour: Option<Usd>, priced: bool) -> LoadCell {
        let counts = self.counts;
        let mut latency: BTreeMap<_, _> = self
            .streams
            .into_iter()
            .filter_map(|(metric, stream)| Some((metric, stream.finish()?)))
            .collect();
        // The gaps of one answer hang together, and how much was not kept: each answer counts as
        // one of them.
        let gaps = of_histogram(self.gaps, self.with_gaps);
        latency.extend(gaps.map(|gaps| (LatencyMetric::Icl, gaps)));
        let per_s = |count: u64| (duration_s > 0.0).then(|| count as f64 / duration_s);
        let good_fraction = self.good.estimate();
        let offered_per_s = per_s(counts.asked);
        let goodput_per_s = good_fraction.zip(offered_per_s).map(|(share, rate)| Estimate {
            value: share.value * rate,
            low: share.low.map(|low| low * rate),
            high: share.high.map(|high| high * rate),
            ..share
        });
        let cost_per_task = match per_hour {
            Some(price) => goodput_per_s.and_then(|goodput| by_the_hour(price, goodput)),
            None => self.spread.estimate().filter(|_| priced),
        };
        LoadCell {
            counts,
            priced,
            failures: self.failures,
            retried_stale: self.retried_stale,
            latency,
            availability: self.answered.estimate(),
            good: self.good.hits,
            good_fraction,
            goodput_per_s,
            requests_per_s: per_s(counts.ok),
            output_tokens_per_s: per_s(self.tokens.output).filter(|_| self.output_known),
            tokens: self.tokens,
            cost: self.cost,
            cost_unknown: self.cost_unknown,
            cost_upper: self.cost_upper,
            per_hour,
            cost_per_task,
        }
    }
}

/// The price of an hour ÷ the good requests of an hour; `None` where there were none.
fn by_the_hour(per_hour: Usd, goodput_per_s: Estimate) -> Option<Estimate> {
    let dollars = |per_s: f64| (per_s > 0.0).then(|| per_hour.to_f64() / 3600.0 / per_s);
    Some(Estimate {
        value: dollars(goodput_per_s.value)?,
        low: goodput_per_s.high.and_then(dollars),
        high: goodput_per_s.low.and_then(dollars),
        ..goodput_per_s
    })
}

/// A share of requests, and how much neighbours are alike: a stall spoils many in a row.
#[derive(Debug, Default)]
struct Share {
    hits: u64,
    n: u64,
    series: Lag1,
}

impl Share {
    fn add(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.n += 1;
        self.series.add(f64::from(u8::from(hit)));
    }

    fn estimate(&self) -> Option<Estimate> {
        let exact = proportion::pass_rate(self.hits, self.n, Level::P95)?;
        let effective = quantile::effective_n(self.n, self.series.get());
        if effective == self.n {
            return Some(exact);
        }
        let n = effective as f64;
        let (low, high) =
            proportion::wilson(exact.value * n, n, normal::quantile(exact.level.upper()));
        let method = Method::WilsonEffective;
        Some(Estimate { low: Some(low), high: Some(high), method, ..exact })
    }
}

/// Mean and variance in one pass (Welford 1962, *Technometrics* 4:419).
#[derive(Debug, Default)]
struct Spread {
    n: u64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, value: f64) {
        self.n += 1;
        let gap = value - self.mean;
        self.mean += gap / self.n as f64;
        self.squares += gap * (value - self.mean);
    }

    /// The mean with Student's interval.
    fn estimate(&self) -> Option<Estimate> {
        let n = self.n as f64;
        let half = (self.n > 1).then(|| {
            let se = libm::sqrt(self.squares.max(0.0) / (n - 1.0) / n);
            special::t_quantile(Level::P95.upper(), n - 1.0) * se
        });
        (self.n > 0).then(|| Estimate {
            value: self.mean,
            low: half.map(|half| (self.mean - half).max(0.0)),
            high: half.map(|half| self.mean + half),
            level: Level::P95,
            n: self.n,
            method: Method::T,
        })
    }
}
