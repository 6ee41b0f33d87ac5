//! A cap that holds: the worst case is reserved before a request leaves and settled after.

use std::sync::Mutex;

use tokio::sync::Notify;

use crate::units::Usd;

/// The money of a run.
#[derive(Debug)]
pub struct Budget {
    limit: Option<Usd>,
    state: Mutex<State>,
    settled: Notify,
    /// Whoever waits for room holds this: first come, first served. Otherwise cheap attempts would
    /// slip into every bit of room, and a dear endpoint would never be asked again.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    spent: Usd,
    reserved: Usd,
    under_way: u64,
    /// An attempt did not fit: from here on none is let through, or the cheap ones would go on alone
    /// and what was measured would be balanced no longer.
    used_up: bool,
    /// What settled above its worst case: a provider stated more tokens than it was allowed.
    overrun: Usd,
}

/// Money set aside for one attempt. It must be settled; dropped unsettled it counts as spent
/// whole, because nobody knows what the provider billed.
#[derive(Debug)]
pub struct Reservation<'a> {
    budget: &'a Budget,
    amount: Usd,
}

/// The budget does not allow the attempt, and nothing that is under way can change that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the budget does not allow another trial")]
pub struct Exhausted;

impl Budget {
    /// A budget with a cap; `None`: no cap, money is only counted.
    #[must_use]
    pub fn new(limit: Option<Usd>) -> Self {
        Self {
            limit,
            state: Mutex::default(),
            settled: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// What was spent for certain or may have been.
    #[must_use]
    pub fn spent(&self) -> Usd {
        self.lock().spent
    }

    /// By how much the cap was passed, which only a provider can do that states more tokens than
    /// the request allowed.
    #[must_use]
    pub fn passed_by(&self) -> Option<Usd> {
        let spent = self.spent();
        self.limit.filter(|limit| spent > *limit).map(|limit| spent - limit)
    }

    /// How much attempts cost above their worst case.
    #[must_use]
    pub fn overrun(&self) -> Usd {
        self.lock().overrun
    }

    /// Sets the worst case of an attempt aside; waits while attempts under way might leave room.
    ///
    /// # Errors
    /// [`Exhausted`] when it does not fit and nothing is under way, and ever after.
    pub async fn reserve(&self, worst: Usd) -> Result<Reservation<'_>, Exhausted> {
        let _turn = self.turn.lock().await;
        loop {
            // Registered before the check, so that no settlement between the two is missed.
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if let Some(decided) = self.try_reserve(worst) {
                return decided;
            }
            settled.await;
        }
    }

    /// Sets the worst case of an attempt aside if it fits now: an open loop waits for nothing.
    pub fn reserve_now(&self, worst: Usd) -> Option<Reservation<'_>> {
        self.try_reserve(worst)?.ok()
    }

    /// Whether what is spent already leaves no room for this worst case, whatever becomes of what is
    /// under way.
    #[must_use]
    pub fn is_used_up(&self, worst: Usd) -> bool {
        let state = self.lock();
        state.used_up || self.limit.is_some_and(|limit| state.spent + worst > limit)
    }

    fn try_reserve(&self, worst: Usd) -> Option<Result<Reservation<'_>, Exhausted>> {
        let mut state = self.lock();
        if state.used_up {
            return Some(Err(Exhausted));
        }
        let fits = self.limit.is_none_or(|limit| state.spent + state.reserved + worst <= limit);
        if fits {
            state.reserved += worst;
            state.under_way += 1;
            return Some(Ok(Reservation { budget: self, amount: worst }));
        }
        state.used_up = state.under_way == 0;
        state.used_up.then_some(Err(Exhausted))
    }

    fn settle(&self, reserved: Usd, spent: Usd) {
        let mut state = self.lock();
        state.reserved = state.reserved - reserved;
        state.spent += spent;
        state.overrun += (spent - reserved).max(Usd::ZERO);
        state.under_way -= 1;
        drop(state);
        self.settled.notify_waiters();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the budget")
    }
}

impl Reservation<'_> {
    /// The attempt ended and cost this much; `None`: not known, so its worst case counts.
    pub fn settle(self, cost: Option<Usd>) {
        let amount = self.amount;
        self.budget.settle(amount, cost.unwrap_or(amount));
        std::mem::forget(self);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.budget.settle(self.amount, self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().expect(text)
    }

    #[tokio::test]
    async fn what_does_not_fit_waits_for_settlements_and_then_ends() {
        let budget = Budget::new(Some(usd("1")));
        let first = budget.reserve(usd("0.7")).await.expect("fits");
        let waiting = budget.reserve(usd("0.6"));
        tokio::pin!(waiting);
        let early = tokio::time::timeout(std::time::Duration::ZERO, waiting.as_mut()).await;
        assert!(early.is_err(), "0.6 does not fit beside 0.7");
        first.settle(Some(usd("0.3")));
        let second = waiting.await.expect("0.3 + 0.6 fits");
        second.settle(None);
        assert_eq!(budget.spent(), usd("0.9"));
        assert_eq!(budget.reserve(usd("0.2")).await.err(), Some(Exhausted));
        assert_eq!(budget.reserve(usd("0.1")).await.err(), Some(Exhausted), "nor a cheaper one");
    }

    #[tokio::test]
    async fn nobody_overtakes_whoever_waits() {
        let budget = Budget::new(Some(usd("1")));
        let first = budget.reserve(usd("0.8")).await.expect("fits");
        let mut dear = std::pin::pin!(budget.reserve(usd("0.5")));
        let mut cheap = std::pin::pin!(budget.reserve(usd("0.1")));
        let now = std::time::Duration::ZERO;
        assert!(tokio::time::timeout(now, dear.as_mut()).await.is_err());
        assert!(tokio::time::timeout(now, cheap.as_mut()).await.is_err(), "0.1 would fit");
        first.settle(Some(usd("0.2")));
        let dear = dear.await.expect("0.2 + 0.5 fits");
        cheap.await.expect("and 0.1 beside it").settle(Some(usd("0.1")));
        dear.settle(Some(usd("0.6")));
        assert_eq!((budget.overrun(), budget.passed_by()), (usd("0.1"), None));
    }

    #[tokio::test]
    async fn an_attempt_that_vanishes_counts_whole() {
        let budget = Budget::new(None);
        drop(budget.reserve(usd("0.7")).await);
        assert_eq!(budget.spent(), usd("0.7"));
    }
}
