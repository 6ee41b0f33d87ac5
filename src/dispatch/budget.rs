//! Caps that hold: a request's worst case is reserved before it is sent and settled at its end.

use std::sync::Mutex;

use tokio::sync::Notify;

use crate::units::Usd;

/// A cap on dollars.
#[derive(Debug)]
pub struct Budget {
    limit: Option<Usd>,
    state: Mutex<State>,
    settled: Notify,
    /// Held by the request that waits for room: first come, first served. Otherwise cheap attempts
    /// would take all room, and an expensive endpoint would never get a request.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    spent: Usd,
    reserved: Usd,
    in_flight: u64,
    /// An attempt did not fit. From here on none is admitted: the cheap ones alone would unbalance
    /// the measurement.
    used_up: bool,
    /// Cost above the worst case: a provider stated more tokens than it was allowed.
    overrun: Usd,
}

/// An attempt's worst case, reserved. Dropped unsettled it counts as spent, because what the provider
/// billed is not known.
#[derive(Debug)]
pub struct Reservation<'a> {
    budget: &'a Budget,
    amount: Usd,
}

/// The budget does not allow the attempt, and no request in flight can change that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the budget does not allow another trial")]
pub struct Exhausted;

impl Budget {
    /// A budget with a cap; `None`: no cap, money is only counted.
    #[must_use]
    pub fn new(limit: Option<Usd>) -> Self {
        Self::begun(limit, Usd::ZERO)
    }

    /// A budget of which some was spent before.
    #[must_use]
    pub fn begun(limit: Option<Usd>, spent: Usd) -> Self {
        Self {
            limit,
            state: Mutex::new(State { spent, ..State::default() }),
            settled: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// The cap.
    #[must_use]
    pub fn limit(&self) -> Option<Usd> {
        self.limit
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

    /// Reserves the worst case of an attempt; waits while attempts in flight might leave room.
    ///
    /// # Errors
    /// [`Exhausted`] when it does not fit and nothing is in flight, and ever after.
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

    /// Reserves the worst case of an attempt if it fits now: an open loop does not wait.
    pub fn reserve_now(&self, worst: Usd) -> Option<Reservation<'_>> {
        self.try_reserve(worst)?.ok()
    }

    /// Whether what is spent leaves no room for this worst case, however the requests in flight end.
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
            state.in_flight += 1;
            return Some(Ok(Reservation { budget: self, amount: worst }));
        }
        state.used_up = state.in_flight == 0;
        state.used_up.then_some(Err(Exhausted))
    }

    fn settle(&self, reserved: Usd, spent: Usd) {
        let mut state = self.lock();
        state.reserved = state.reserved - reserved;
        state.spent += spent;
        state.overrun += (spent - reserved).max(Usd::ZERO);
        state.in_flight -= 1;
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

impl Reservation<'_> {
    /// Nothing was sent.
    pub fn release(self) {
        self.settle(Some(Usd::ZERO));
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.budget.settle(self.amount, self.amount);
    }
}

/// What a budget applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetScope {
    /// One endpoint.
    Endpoint,
    /// One suite.
    Suite {
        /// Its index.
        suite: usize,
    },
    /// The month, over all runs.
    Month,
    /// The run.
    Run,
}

/// All budgets of a run: an attempt must fit in each that applies to it.
#[derive(Debug)]
pub struct Budgets {
    /// The run's.
    pub run: Budget,
    /// The month's, with what other runs spent in it.
    pub month: Budget,
    /// Each endpoint's, in their order.
    pub endpoints: Vec<Budget>,
    /// Each suite's, by its index.
    pub suites: Vec<Budget>,
}

/// A request's worst case, reserved in every budget that it counts against.
#[derive(Debug)]
pub(super) struct Reservations<'a>([Option<Reservation<'a>>; 4]);

impl<'a> From<Reservation<'a>> for Reservations<'a> {
    fn from(reservation: Reservation<'a>) -> Self {
        Self([Some(reservation), None, None, None])
    }
}

/// A reservation whose attempt was not sent: released when it is dropped.
struct Unsent<'a>(Option<Reservation<'a>>);

impl Budgets {
    /// Reserves the worst case of an attempt in each budget; waits as [`Budget::reserve`] does.
    ///
    /// Always in the same order, so that no two wait for each other; a request that waits for a later
    /// budget keeps its reservation in the earlier ones.
    ///
    /// # Errors
    /// The first budget that does not allow it any more; nothing is reserved then.
    pub(super) async fn reserve(
        &self,
        endpoint: usize,
        suite: usize,
        worst: Usd,
    ) -> Result<Reservations<'_>, BudgetScope> {
        let unsent = |reserved: Result<_, Exhausted>, purse| match reserved {
            Ok(reservation) => Ok(Unsent(Some(reservation))),
            Err(Exhausted) => Err(purse),
        };
        let endpoint =
            unsent(self.endpoints[endpoint].reserve(worst).await, BudgetScope::Endpoint)?;
        let its = BudgetScope::Suite { suite };
        let suite = unsent(self.suites[suite].reserve(worst).await, its)?;
        let month = unsent(self.month.reserve(worst).await, BudgetScope::Month)?;
        let run = unsent(self.run.reserve(worst).await, BudgetScope::Run)?;
        Ok(Reservations([endpoint, suite, month, run].map(|unsent| Some(unsent.sent()))))
    }
}

impl<'a> Unsent<'a> {
    fn sent(mut self) -> Reservation<'a> {
        self.0.take().expect("taken once")
    }
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        if let Some(reservation) = self.0.take() {
            reservation.release();
        }
    }
}

impl Reservations<'_> {
    /// As [`Reservation::settle`].
    pub fn settle(self, cost: Option<Usd>) {
        self.0.into_iter().flatten().for_each(|reservation| reservation.settle(cost));
    }

    /// As [`Reservation::release`].
    pub fn release(self) {
        self.0.into_iter().flatten().for_each(Reservation::release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets(endpoint: &str, run: &str) -> Budgets {
        let of = |limit: &str| Budget::new(Some(usd(limit)));
        Budgets {
            run: of(run),
            month: Budget::begun(Some(usd("9")), usd("8.5")),
            endpoints: vec![of(endpoint), Budget::new(None)],
            suites: vec![Budget::new(None)],
        }
    }

    #[tokio::test]
    async fn each_purse_holds_for_its_own() {
        let budgets = budgets("0.2", "0.6");
        budgets.reserve(0, 0, usd("0.2")).await.expect("fits").settle(Some(usd("0.1")));
        let over = budgets.reserve(0, 0, usd("0.2")).await;
        assert_eq!(over.err(), Some(BudgetScope::Endpoint));
        budgets.reserve(1, 0, usd("0.3")).await.expect("the other has room").settle(None);
        let over = budgets.reserve(1, 0, usd("0.11")).await;
        assert_eq!(over.err(), Some(BudgetScope::Month), "8.5 + 0.4 + 0.11");
        assert_eq!((budgets.run.spent(), budgets.month.spent()), (usd("0.4"), usd("8.9")));
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_nothing_behind() {
        let budgets = budgets("0.5", "0.3");
        let first = budgets.reserve(1, 0, usd("0.3")).await.expect("fits");
        let waiting = budgets.reserve(0, 0, usd("0.2"));
        assert!(tokio::time::timeout(std::time::Duration::ZERO, waiting).await.is_err());
        assert_eq!(budgets.endpoints[0].spent(), Usd::ZERO, "it was never sent");
        first.release();
        assert_eq!(budgets.run.spent(), Usd::ZERO);
        drop(budgets.reserve(0, 0, usd("0.1")).await.expect("fits"));
        assert_eq!(budgets.run.spent(), usd("0.1"), "sent and never settled: all of it");
    }

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
