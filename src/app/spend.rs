//! Money: the caps of a run, and what the month has spent.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::app::error::{AppError, refused};
use crate::app::events::Events;
use crate::app::inputs::Inputs;
use crate::app::options::RunOptions;
use crate::catalog::Price;
use crate::dispatch::{Budget, Budgets};
use crate::run::{max_cost, suites};
use crate::store::{Reader, Spend, StoreError};
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
    /// this run's own earlier sessions included.
    pub(crate) fn look_up_month(
        &mut self,
        dir: &Path,
        now: &Clock,
        events: &dyn Events,
    ) -> Result<(), AppError> {
        if let Some((cap, spent)) = &mut self.month {
            *spent = spent_this_month(dir, now, events)?;
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

/// A cap holds only where every attempt has a price and a bound; and one that does not hold the
/// worst case of a single trial would end the run before that trial.
fn are_bounds(inputs: &Inputs, least: Usd) -> Result<(), AppError> {
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

/// The cap of a load, and never more than is left of the month's.
pub(crate) fn within_month(
    cap: Option<Usd>,
    inputs: &Inputs,
    dir: &Path,
    now: &Clock,
    events: &dyn Events,
) -> Result<Option<Usd>, AppError> {
    let Some(month) = inputs.spend.per_month.filter(|_| !inputs.simulated) else { return Ok(cap) };
    let spent = spent_this_month(dir, now, events)?;
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

/// What real runs of the history spent since the first of the month, UTC: what is known, and the
/// bounds of what is not.
fn spent_this_month(dir: &Path, now: &Clock, events: &dyn Events) -> Result<Usd, AppError> {
    let today = now.wall_anchor().to_zoned(jiff::tz::TimeZone::UTC);
    let first = today.first_of_month()?.start_of_day()?.timestamp();
    let mut spent = Usd::ZERO;
    for run in history(dir) {
        match spent_by(&run, first) {
            Ok(usd) => spent += usd,
            // No run, or one that is being made and has not spent anything.
            Err(StoreError::Missing { .. } | StoreError::NotOurs { .. }) => {}
            Err(error) => events.notice(format!("not counted in [spend] per_month: {error}")),
        }
    }
    Ok(spent)
}

/// What a run spent since then, if its dollars are real.
fn spent_by(run: &Path, since: jiff::Timestamp) -> Result<Usd, StoreError> {
    let reader = Reader::open(run)?;
    let manifest = reader.manifest()?;
    if manifest.virtual_time || manifest.demo || manifest.embedded {
        return Ok(Usd::ZERO);
    }
    // A start that does not read counts the whole run: a cap errs on the safe side.
    let started = manifest.started_at.parse().unwrap_or(since);
    let from = since.duration_since(started).as_nanos().max(0);
    reader.spent_from(u64::try_from(from).unwrap_or(u64::MAX))
}

/// The folders that may hold runs: this one, those beside it, and those in `results/`.
fn history(dir: &Path) -> BTreeSet<PathBuf> {
    let beside = dir.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let beside = if beside.as_os_str().is_empty() { PathBuf::from(".") } else { beside };
    let mut found = BTreeSet::new();
    for folder in [beside, PathBuf::from("results")] {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        // `latest` points at a run that is there anyway.
        found.extend(entries.flatten().filter_map(|entry| entry.path().canonicalize().ok()));
    }
    found.extend(dir.canonicalize().ok());
    found
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
