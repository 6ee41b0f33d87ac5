//! Whether a run costs much more than was expected of it.

use super::progress::Progress;
use crate::units::Usd;

/// Below this nobody needs to be asked.
const LEAST: Usd = Usd::from_raw(10_i128.pow(22));

/// What a run was expected to cost, and what happens once it costs more than twice as much.
pub struct SpendWatch<'a> {
    /// Dollars that were expected at the endpoints that count.
    pub expected: Usd,
    /// Dollars that earlier sessions spent there.
    pub before: Usd,
    /// Whether each endpoint counts.
    pub counts: Vec<bool>,
    /// Whether the run must stop for an answer. It then starts no more trials, and those in flight
    /// end first.
    pub stops: bool,
    /// Told what was spent; the answer is whether the run goes on.
    pub goes_on: &'a dyn Fn(Usd) -> bool,
}

impl std::fmt::Debug for SpendWatch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpendWatch").field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl SpendWatch<'_> {
    /// What was spent at most, where that is more than twice what was expected. What a request of
    /// unknown cost may have cost counts.
    pub(super) fn passed(&self, progress: &Progress) -> Option<Usd> {
        let now = progress.with(|endpoints| {
            let counted = endpoints.iter().zip(&self.counts).filter(|(_, counts)| **counts);
            counted.map(|(endpoint, _)| endpoint.cost + endpoint.open_cost).sum::<Usd>()
        });
        let spent = self.before + now;
        (spent > self.expected.times(2).max(LEAST)).then_some(spent)
    }

    /// Why the run stopped here.
    pub(super) fn why(&self, spent: Usd, left: &str) -> String {
        format!(
            "the run has cost up to ${}, more than twice the ${} that was expected; {left} left out. To go on, \
             add --yes, or cap it with --budget USD",
            spent.to_fixed(4),
            self.expected.to_fixed(4)
        )
    }
}

/// A watch in use.
pub(super) struct SpendCheck<'a> {
    watch: Option<SpendWatch<'a>>,
    /// What was spent when the run was halted for an answer.
    halted: Option<Usd>,
    /// Whether the answer was no.
    ended: bool,
}

impl<'a> SpendCheck<'a> {
    pub(super) fn new(watch: Option<SpendWatch<'a>>, progress: &Progress) -> Self {
        let mut check = Self { watch, halted: None, ended: false };
        // A run that is resumed may have cost too much before.
        check.look(progress);
        check
    }

    /// Looks at what was spent, after a trial.
    pub(super) fn look(&mut self, progress: &Progress) {
        if self.halted.is_some() {
            return;
        }
        let Some(watch) = &self.watch else { return };
        let Some(spent) = watch.passed(progress) else { return };
        if watch.stops {
            self.halted = Some(spent);
        } else if (watch.goes_on)(spent) {
            self.watch = None;
        }
    }

    /// Whether no trial may start.
    pub(super) fn is_halted(&self) -> bool {
        self.halted.is_some()
    }

    /// Asks, once nothing is in flight; whether the run goes on.
    pub(super) fn goes_on(&mut self) -> bool {
        let Some((watch, spent)) = self.watch.as_ref().zip(self.halted) else { return false };
        if (watch.goes_on)(spent) {
            (self.watch, self.halted) = (None, None);
            return true;
        }
        self.ended = true;
        false
    }

    /// Why the run ended, where this ended it.
    pub(super) fn why(&self, left: &str) -> Option<String> {
        let (watch, spent) = self.watch.as_ref().zip(self.halted).filter(|_| self.ended)?;
        Some(watch.why(spent, left))
    }
}
