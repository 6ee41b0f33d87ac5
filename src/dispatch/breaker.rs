//! Pauses an endpoint that fails repeatedly, probes it, and gives it up after a limit.
//!
//! The three states are those of the circuit breaker (Nygard, *Release It!*, 2nd ed. 2018, ch. 5).
//! While it is paused nothing is sent; then one request is sent as a probe, and the others wait for
//! its result.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::units::{Clock, Stamp};
use crate::wire::ErrorClass;

/// When an endpoint is paused and when it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that pause it; 0: it is never paused.
    pub failures: u32,
    /// The first pause; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// A probe that fails so long after the first pause began is the last.
    pub patience: Duration,
    /// The same for an endpoint to which no connection was ever made: its address is wrong, or nothing
    /// listens there.
    pub patience_unreached: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            // Half of the requests failing gives such a row once in a million.
            failures: 20,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(15),
            patience: Duration::from_secs(120),
            patience_unreached: Duration::from_secs(5),
        }
    }
}

/// One endpoint's breaker.
#[derive(Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: Mutex<State>,
    /// Whether a connection was ever made.
    reached: AtomicBool,
    changed: Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Requests are sent; so many failed in a row.
    Closed { failures: u32 },
    /// Nothing is sent before `until`; so many probes failed, and the first pause began at `since`.
    Paused { until: Stamp, probes: u32, since: Stamp },
    /// A probe is in flight.
    Probing { probes: u32, since: Stamp },
    /// Nothing is sent any more.
    GivenUp,
}

/// Permission for one request; its end must be reported.
#[derive(Debug)]
pub struct BreakerPermit<'a> {
    breaker: &'a Breaker,
    probe: bool,
    is_reported: bool,
}

/// An endpoint's health, by the end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answered, or refused this one request.
    Alive,
    /// It failed.
    Failing,
    /// No connection was made.
    Unreachable,
    /// Not known: it asked for a pause, which the gate keeps, or the request never reached it.
    Unknown,
}

impl Health {
    /// By an attempt's error; `asked`: whether the provider asked for a pause.
    #[must_use]
    pub const fn of(class: Option<ErrorClass>, asked: bool) -> Self {
        match class {
            // An error of the request says nothing of the next one.
            None | Some(ErrorClass::BadRequest | ErrorClass::TooLarge) => Self::Alive,
            Some(ErrorClass::RateLimited | ErrorClass::Overloaded) if asked => Self::Unknown,
            Some(ErrorClass::Interrupted | ErrorClass::StaleConnection) => Self::Unknown,
            Some(ErrorClass::Connect) => Self::Unreachable,
            Some(_) => Self::Failing,
        }
    }
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(policy: BreakerPolicy) -> Self {
        let state = Mutex::new(State::Closed { failures: 0 });
        Self { policy, state, reached: AtomicBool::new(false), changed: Notify::new() }
    }

    /// Whether requests would have to wait.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(*self.state(), State::Paused { .. } | State::Probing { .. })
    }

    /// Whether no request is sent any more.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        *self.state() == State::GivenUp
    }

    /// Waits until a request may be sent; notifies `held`, so that other endpoints go on meanwhile.
    pub async fn pass(&self, clock: &Clock, held: &Notify) -> BreakerPermit<'_> {
        loop {
            // Registered before the state is read, so that no change between the two is missed.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let until = match self.look(clock.now()) {
                Look::Go { probe } => {
                    return BreakerPermit { breaker: self, probe, is_reported: false };
                }
                Look::Wait(until) => until,
            };
            held.notify_one();
            match until {
                Some(until) => tokio::select! {
                    () = clock.sleep_until(until) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    fn look(&self, now: Stamp) -> Look {
        let mut state = self.state();
        match *state {
            State::Closed { .. } | State::GivenUp => Look::Go { probe: false },
            State::Probing { .. } => Look::Wait(None),
            State::Paused { until, .. } if now < until => Look::Wait(Some(until)),
            State::Paused { probes, since, .. } => {
                *state = State::Probing { probes, since };
                Look::Go { probe: true }
            }
        }
    }

    fn report(&self, sign: Health, probe: bool, now: Stamp) -> bool {
        if matches!(sign, Health::Alive | Health::Failing) {
            self.reached.store(true, Ordering::Relaxed);
        }
        let is_failing = matches!(sign, Health::Failing | Health::Unreachable);
        let mut state = self.state();
        let before = *state;
        *state = match (before, sign) {
            (State::GivenUp, _) => State::GivenUp,
            (_, Health::Alive) => State::Closed { failures: 0 },
            (State::Closed { failures }, _) if is_failing => self.counted(failures + 1, now),
            (State::Probing { probes, since }, _) if probe && is_failing => {
                if now.since(since) >= self.patience() {
                    State::GivenUp
                } else {
                    let probes = probes + 1;
                    State::Paused { until: now.after(self.pause(probes)), probes, since }
                }
            }
            (State::Probing { probes, since }, Health::Unknown) if probe => {
                State::Paused { until: now, probes, since }
            }
            // A request that was sent before the pause and ends in it says nothing new.
            (unchanged, _) => unchanged,
        };
        let given_up = *state == State::GivenUp && before != State::GivenUp;
        let changed = *state != before;
        drop(state);
        if changed {
            self.changed.notify_waiters();
        }
        given_up
    }

    fn patience(&self) -> Duration {
        let BreakerPolicy { patience, patience_unreached, .. } = self.policy;
        let reached = self.reached.load(Ordering::Relaxed);
        if reached { patience } else { patience.min(patience_unreached) }
    }

    fn counted(&self, failures: u32, now: Stamp) -> State {
        if failures == self.policy.failures {
            State::Paused { until: now.after(self.pause(0)), probes: 0, since: now }
        } else {
            State::Closed { failures }
        }
    }

    fn pause(&self, probes: u32) -> Duration {
        let pause = self.policy.first_pause.saturating_mul(1 << probes.min(16));
        pause.min(self.policy.longest_pause)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds a breaker")
    }
}

enum Look {
    Go {
        probe: bool,
    },
    /// Until then, or until something changes.
    Wait(Option<Stamp>),
}

impl BreakerPermit<'_> {
    /// Whether the request may still go: another's failure may have paused the endpoint meanwhile.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.probe || !self.breaker.is_open()
    }

    /// The attempt ended. `true`: the endpoint is given up with it.
    pub fn ended(mut self, sign: Health, now: Stamp) -> bool {
        self.is_reported = true;
        self.breaker.report(sign, self.probe, now)
    }
}

impl Drop for BreakerPermit<'_> {
    /// A probe without an end makes room for the next.
    fn drop(&mut self) {
        if !self.is_reported && self.probe {
            let mut state = self.breaker.state();
            if let State::Probing { probes, since } = *state {
                *state = State::Paused { until: since, probes, since };
            }
            drop(state);
            self.breaker.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> BreakerPolicy {
        BreakerPolicy {
            failures: 3,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(4),
            patience: Duration::from_secs(10),
            patience_unreached: Duration::from_secs(2),
        }
    }

    /// Sends requests one after the other until they are through or the endpoint is given up, each
    /// with the sign that its number gives; returns when each left, in whole seconds.
    async fn play(n: usize, sign: impl Fn(usize) -> Health) -> (Vec<u64>, bool) {
        let (clock, held) = (Clock::virtual_time(), Notify::new());
        let breaker = Breaker::new(policy());
        let mut left = Vec::new();
        for i in 0..n {
            let pass = breaker.pass(&clock, &held).await;
            left.push(clock.now().since(clock.anchor()).as_secs());
            if pass.ended(sign(i), clock.now()) {
                return (left, true);
            }
        }
        (left, false)
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_of_failures_pauses_probes_and_ends() {
        let (left, given_up) = play(20, |_| Health::Failing).await;
        assert_eq!(left, [0, 0, 0, 1, 3, 7, 11], "pauses of 1, 2, 4 and 4 s");
        assert!(given_up, "the probe at 11 s is past a patience of 10 s");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_reached_is_given_up_sooner() {
        let (left, given_up) = play(20, |_| Health::Unreachable).await;
        assert_eq!(left, [0, 0, 0, 1, 3], "pauses of 1 and 2 s");
        assert!(given_up);
        let sign = |i| if i == 0 { Health::Alive } else { Health::Unreachable };
        assert_eq!(play(20, sign).await.0, [0, 0, 0, 0, 1, 3, 7, 11], "it was there");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_ends_the_row() {
        let sign = |i| if i % 3 == 2 { Health::Alive } else { Health::Failing };
        assert_eq!(play(30, sign).await, (vec![0; 30], false));
        let sign = |i| if i < 4 { Health::Failing } else { Health::Alive };
        assert_eq!(play(7, sign).await, (vec![0, 0, 0, 1, 3, 3, 3], false));
        assert_eq!(play(9, |_| Health::Unknown).await.0, [0; 9]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_cut_leaves_its_place() {
        let (clock, held) = (Clock::virtual_time(), Notify::new());
        let breaker = Breaker::new(policy());
        for _ in 0..3 {
            let pass = breaker.pass(&clock, &held).await;
            assert!(pass.holds() && !pass.ended(Health::Failing, clock.now()));
        }
        assert!(breaker.is_open());
        let probe = breaker.pass(&clock, &held).await;
        let mut next = std::pin::pin!(breaker.pass(&clock, &held));
        let early = tokio::time::timeout(Duration::from_secs(60), next.as_mut()).await;
        assert!(early.is_err(), "one probe at a time");
        drop(probe);
        assert!(!next.await.ended(Health::Alive, clock.now()));
        assert!(!breaker.is_open());
    }

    #[test]
    fn whose_fault_it_was() {
        let check = |class, asked, expected| assert_eq!(Health::of(class, asked), expected);
        check(None, false, Health::Alive);
        check(Some(ErrorClass::BadRequest), false, Health::Alive);
        check(Some(ErrorClass::Server), false, Health::Failing);
        check(Some(ErrorClass::Connect), false, Health::Unreachable);
        check(Some(ErrorClass::Auth), false, Health::Failing);
        check(Some(ErrorClass::RateLimited), false, Health::Failing);
        check(Some(ErrorClass::RateLimited), true, Health::Unknown);
        check(Some(ErrorClass::StaleConnection), false, Health::Unknown);
    }
}
