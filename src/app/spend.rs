//! Money: the caps of a run, and what the month has spent.

use std::path::Path;

use crate::app::error::{AppError, refused};
use crate::app::events::Events;
use crate::app::inputs::Inputs;
use crate::app::month;
use crate::app::options::RunOptions;
use crate::catalog::Price;
use crate::dispatch::{Budget, Budgets};
use crate::plan::PlanEstimate;
use crate::plan::estimate::EndpointEstimate;
use crate::run::{max_cost, suites};
use crate::store::Spend;
use crate::units::{Clock, Usd};

/// The share of the month's cap from which every run says so.
const WARN_ABOVE: f64 = 0.8;

/// The caps that a run keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caps {
    /// On the whole run.
    pub run: Option<Usd>,
    /// On each endpoint.
    pub endpoint: Option<Usd>,
    /// On each suite.
    pub suite: Option<Usd>,
    /// On the calendar month (UTC), and what was spent in it when the run began.
    pub month: Option<(Usd, Usd)>,
}

impl Caps {
    /// The caps that the flags and the configuration ask for; a shard's are its part.
    pub(crate) fn new(options: &RunOptions, inputs: &Inputs) -> Result<Self, AppError> {
        let config = &inputs.spend;
        let share = |cap: Option<Usd>| match (&inputs.shard, cap) {
            (Some(shard), Some(cap)) => Some(part(cap, shard.n)),
            _ => cap,
        };
        let caps = Self {
            run: share(options.budget.or(config.per_run)),
            endpoint: share(options.budget_per_endpoint.or(config.per_endpoint)),
            suite: share(options.budget_per_suite.or(config.per_suite)),
            // Invented dollars are not held against real ones.
            month: config.per_month.filter(|_| !inputs.simulated).map(|cap| (cap, Usd::ZERO)),
        };
        let month = caps.month.map(|(cap, _)| cap);
        let all = [caps.run, caps.endpoint, caps.suite, month];
        if all.iter().flatten().any(|cap| *cap <= Usd::ZERO) {
            return Err(refused("--budget must be above zero, and so must every cap of [spend]"));
        }
        if let Some(least) = all.into_iter().flatten().min() {
            are_bounds(inputs, least)?;
        }
        Ok(caps)
    }

    /// Whether anything caps the run as a whole.
    pub(crate) fn caps_run(&self) -> bool {
        self.run.is_some()
    }

    /// Looks up what was spent this month by the runs beside this one's folder and in `results/`,
    /// this run's own earlier sessions included; `unread`: what those spent that cannot be read.
    pub(crate) fn look_up_month(
        &mut self,
        dir: &Path,
        now: &Clock,
        unread: Option<Usd>,
        events: &dyn Events,
    ) -> Result<(), AppError> {
        if let Some((cap, spent)) = &mut self.month {
            *spent = month::spent(dir, now, unread, events)?;
            warn(*cap, *spent, events);
        }
        Ok(())
    }

    /// The budgets of a run of which some was spent before.
    pub(crate) fn budgets(&self, inputs: &Inputs, before: &Spend) -> Budgets {
        let spent = |by: &std::collections::BTreeMap<String, Usd>, name: &str| {
            by.get(name).copied().unwrap_or_default()
        };
        let plan = &inputs.plan;
        Budgets {
            run: Budget::begun(self.run, before.total),
            month: match self.month {
                Some((cap, spent)) => Budget::begun(Some(cap), spent),
                None => Budget::new(None),
            },
            endpoints: plan
                .endpoints
                .iter()
                .map(|e| Budget::begun(self.endpoint, spent(&before.by_endpoint, e.id.as_str())))
                .collect(),
            suites: suites(plan)
                .into_iter()
                .map(|suite| Budget::begun(self.suite, spent(&before.by_suite, suite)))
                .collect(),
        }
    }
}

/// What a run is expected to cost at the endpoints that really bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExpectedCost {
    /// In dollars.
    pub expected: Usd,
    /// The same if the endpoints reason of which it is not known.
    pub up_to: Usd,
    /// The endpoints of the plan, and whether each counts.
    pub counts: Vec<(String, bool)>,
}

impl ExpectedCost {
    /// What an estimate says; `None`: a price is not known, or nothing is billed.
    pub(crate) fn of(estimate: &PlanEstimate) -> Option<Self> {
        let counts = estimate.endpoints.iter().map(|e| (e.endpoint.to_string(), e.billed));
        (estimate.billed_endpoints > 0).then_some(Self {
            expected: estimate.billed_expected?,
            up_to: estimate.billed_up_to?,
            counts: counts.collect(),
        })
    }

    /// What of an earlier spend was at endpoints that count.
    pub(crate) fn counted(&self, spend: &Spend) -> Usd {
        let counted = self.counts.iter().filter(|(_, counts)| *counts);
        counted.filter_map(|(name, _)| spend.by_endpoint.get(name).copied()).sum()
    }
}

/// A cap holds only where every attempt has a price and a bound; and one that does not hold the
/// worst case of a single trial would end the run before that trial.
pub(crate) fn are_bounds(inputs: &Inputs, least: Usd) -> Result<(), AppError> {
    let plan = &inputs.plan;
    if let Some(unknown) = plan.endpoints.iter().find(|e| e.price == Price::Unknown) {
        return Err(refused(format!(
            "{} has no known price, so a budget cannot hold for it: write its price in the \
             catalog, or leave it out",
            unknown.id
        )));
    }
    let of = |trial: u32| plan.endpoint(&plan.trials[trial as usize]).id.clone();
    match max_cost(plan) {
        Ok(Some((trial, most))) if most > least => Err(refused(format!(
            "one trial at {} may cost ${} at most, which a budget of ${least} does not hold: \
             raise it, give the task a max_tokens, or leave the endpoint out",
            of(trial),
            most.to_fixed(4),
        ))),
        Ok(_) => Ok(()),
        Err(trial) => Err(refused(format!(
            "nothing bounds an answer of {}, so a budget cannot hold: give the endpoint \
             max_output",
            of(trial)
        ))),
    }
}

/// What the configured caps do not cover of a plan, a sentence each.
pub(crate) fn uncovered(inputs: &Inputs, estimate: &PlanEstimate) -> Vec<String> {
    let config = &inputs.spend;
    let each =
        |of: fn(&EndpointEstimate) -> Option<Usd>| estimate.endpoints.iter().filter_map(of).max();
    let caps = [
        ("per_run", config.per_run, "the run", estimate.expected, estimate.up_to),
        ("per_month", config.per_month, "the run", estimate.expected, estimate.up_to),
        (
            "per_endpoint",
            config.per_endpoint,
            "the dearest endpoint",
            each(|e| e.expected),
            each(|e| e.up_to),
        ),
    ];
    let caps = caps
        .into_iter()
        .filter_map(|(key, cap, what, expected, up_to)| Some((key, cap?, what, expected, up_to)));
    let mut said = Vec::new();
    for (key, cap, what, expected, up_to) in caps {
        if let Err(refusal) = are_bounds(inputs, cap) {
            said.push(format!("[spend] {key} = \"{cap}\" refuses the run: {refusal}."));
            continue;
        }
        let (how, usd) = match (expected, up_to) {
            (Some(expected), _) if expected > cap => ("is expected to cost", expected),
            (_, Some(up_to)) if up_to > cap => ("may cost up to", up_to),
            _ => continue,
        };
        said.push(format!(
            "[spend] {key} = \"{cap}\" does not cover it: {what} {how} ${} and stops at the cap.",
            usd.to_fixed(2)
        ));
    }
    said
}

/// The cap of a load, and never more than is left of the month's.
pub(crate) fn within_month(
    cap: Option<Usd>,
    inputs: &Inputs,
    dir: &Path,
    now: &Clock,
    unread: Option<Usd>,
    events: &dyn Events,
) -> Result<Option<Usd>, AppError> {
    let Some(month) = inputs.spend.per_month.filter(|_| !inputs.simulated) else { return Ok(cap) };
    let spent = month::spent(dir, now, unread, events)?;
    warn(month, spent, events);
    if spent >= month {
        let message = format!("[spend] per_month = \"{month}\" is used up; nothing was sent");
        return Err(AppError::Incomplete(message.into()));
    }
    let left = month - spent;
    Ok(Some(cap.map_or(left, |cap| cap.min(left))))
}

/// Says that most of the month's money is gone.
fn warn(cap: Usd, spent: Usd, events: &dyn Events) {
    let share = spent.to_f64() / cap.to_f64();
    if share >= WARN_ABOVE {
        events.notice(format!(
            "weighbridge: ${} of [spend] per_month = \"{cap}\" is spent ({:.0} %)",
            spent.to_fixed(2),
            share * 100.0
        ));
    }
}

/// An equal part of a cap, rounded so that the parts never come to more than the whole.
fn part(cap: Usd, n: u32) -> Usd {
    let part = cap.per(u64::from(n)).unwrap_or(cap);
    let least: Usd = "0.000000000000000000000001".parse().expect("a decimal");
    if part.times(u64::from(n)) > cap { part - least } else { part }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_never_come_to_more_than_the_whole() {
        let usd = |text: &str| -> Usd { text.parse().expect("a decimal") };
        for (cap, n) in [("5", 3), ("5", 4), ("0.01", 7), ("1", 6), ("0.000001", 10_000)] {
            let one = part(usd(cap), n);
            let all = one.times(u64::from(n));
            let missing = usd(cap) - all;
            assert!(all <= usd(cap) && missing < usd("0.00000000000000000001"), "{cap}/{n}");
        }
    }
}
