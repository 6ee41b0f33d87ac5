//! Waiting for a moment more precisely than to tokio's millisecond.
//!
//! On Linux all who wait on one runtime share a kernel timer (`timerfd`) that is armed for the
//! earliest moment and wakes the runtime by the same `epoll_wait` that its sockets do: no thread is
//! woken from another, and what is due at the same time costs one wake-up. Elsewhere tokio's timer
//! serves; the ledger says in either case when each write really returned.

use std::io;

use crate::units::{Clock, Stamp};

#[cfg(any(target_os = "linux", target_os = "android"))]
use alarm::Alarm;

/// Keeps time for the connections of one runtime.
#[derive(Clone, Debug)]
pub(super) struct Pacer {
    clock: Clock,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    alarm: Option<std::sync::Arc<Alarm>>,
}

impl Pacer {
    /// A pacer for the runtime that this is called on. In virtual time it is tokio's timer.
    pub fn new(clock: &Clock) -> io::Result<Self> {
        Ok(Self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            alarm: if clock.is_virtual() { None } else { Some(Alarm::new()?.into()) },
            clock: clock.clone(),
        })
    }

    /// Wakes those who wait; somebody must run it as long as anybody waits.
    pub async fn drive(self) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(alarm) = &self.alarm {
            return alarm.drive(&self.clock).await;
        }
        std::future::pending().await
    }

    /// Waits for a moment, never less; a moment that has passed is not waited for.
    pub async fn sleep_until(&self, moment: Stamp) {
        if moment <= self.clock.now() {
            return;
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(alarm) = &self.alarm {
            return alarm.at(moment, &self.clock).await;
        }
        self.clock.sleep_until(moment).await;
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod alarm {
    use std::collections::BTreeMap;
    use std::io;
    use std::os::fd::OwnedFd;
    use std::pin::Pin;
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use std::task::{Context, Poll, Waker};

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    use crate::units::{Clock, Stamp};

    /// A kernel timer and those who wait for it.
    #[derive(Debug)]
    pub(super) struct Alarm {
        timer: AsyncFd<OwnedFd>,
        waiting: Mutex<Waiting>,
    }

    #[derive(Debug, Default)]
    struct Waiting {
        /// Who is to be woken when; the number tells apart those of one moment.
        wakers: BTreeMap<(Stamp, u64), Waker>,
        n_ever: u64,
        /// What the timer is set to.
        armed: Option<Stamp>,
    }

    impl Alarm {
        #[allow(
            deprecated,
            reason = "its successor is unsafe: it asks for a descriptor that stays open and the \
                      same, which an owned one is by its type"
        )]
        pub fn new() -> io::Result<Self> {
            // The clock of `units::clock`, so that stamps are its times.
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
            Ok(Self { timer, waiting: Mutex::default() })
        }

        /// Waits for a moment.
        pub fn at<'a>(&'a self, moment: Stamp, clock: &'a Clock) -> Sleep<'a> {
            Sleep { alarm: self, clock, moment, number: None }
        }

        /// Wakes who is due, in the order of their moments, again and again.
        pub async fn drive(&self, clock: &Clock) -> io::Result<()> {
            let mut due = Vec::new();
            loop {
                // The timer is never read: it is edge-triggered, and setting it resets it.
                self.timer.readable().await?.clear_ready();
                {
                    let mut waiting = self.lock();
                    let now = clock.now();
                    while let Some(first) = waiting.wakers.first_entry()
                        && first.key().0 <= now
                    {
                        due.push(first.remove());
                    }
                    waiting.armed = None;
                    let next = waiting.wakers.first_key_value().map(|(&(moment, _), _)| moment);
                    if let Some(next) = next {
                        self.arm(&mut waiting, next)?;
                    }
                }
                due.drain(..).for_each(Waker::wake);
            }
        }

        fn arm(&self, waiting: &mut Waiting, moment: Stamp) -> io::Result<()> {
            let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
            let nanos = moment.as_nanos();
            let value = Timespec {
                tv_sec: i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX),
                tv_nsec: i64::try_from(nanos % 1_000_000_000).unwrap_or(0),
            };
            let setting = Itimerspec { it_interval: zero, it_value: value };
            timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::ABSTIME, &setting)?;
            waiting.armed = Some(moment);
            Ok(())
        }

        fn lock(&self) -> MutexGuard<'_, Waiting> {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// Somebody waits for a moment.
    #[derive(Debug)]
    pub(super) struct Sleep<'a> {
        alarm: &'a Alarm,
        clock: &'a Clock,
        moment: Stamp,
        /// Its number among the waiting, once it is there.
        number: Option<u64>,
    }

    impl Future for Sleep<'_> {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            if self.moment <= self.clock.now() {
                return Poll::Ready(());
            }
            let mut waiting = self.alarm.lock();
            let number = self.number.unwrap_or(waiting.n_ever);
            if let Some(waker) = waiting.wakers.get_mut(&(self.moment, number)) {
                waker.clone_from(context.waker());
            } else {
                waiting.n_ever = waiting.n_ever.max(number + 1);
                waiting.wakers.insert((self.moment, number), context.waker().clone());
            }
            if waiting.armed.is_none_or(|armed| self.moment < armed) {
                // The system refuses no valid time. Were it to, the wait would never end, so it
                // becomes a busy one instead.
                if self.alarm.arm(&mut waiting, self.moment).is_err() {
                    context.waker().wake_by_ref();
                }
            }
            drop(waiting);
            self.number = Some(number);
            Poll::Pending
        }
    }

    impl Drop for Sleep<'_> {
        fn drop(&mut self) {
            if let Some(number) = self.number {
                self.alarm.lock().wakers.remove(&(self.moment, number));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn those_who_wait_are_woken_in_the_order_of_their_moments_and_never_early() {
        let clock = Clock::real();
        let pacer = Pacer::new(&clock).expect("a timer");
        let mut driver = JoinSet::new();
        driver.spawn(pacer.clone().drive());
        let start = clock.now();
        let mut sleepers = JoinSet::new();
        for i in [7_u64, 3, 0, 9, 1, 8, 2, 6, 5, 4] {
            let (pacer, clock) = (pacer.clone(), clock.clone());
            sleepers.spawn(async move {
                let moment = start.after(Duration::from_micros(500 * i));
                pacer.sleep_until(moment).await;
                assert!(clock.now() >= moment);
                i
            });
        }
        let order = sleepers.join_all().await;
        assert!(order.is_sorted(), "{order:?}");
    }

    #[tokio::test]
    async fn who_leaves_early_is_forgotten_and_keeps_nobody_waiting() {
        let clock = Clock::real();
        let pacer = Pacer::new(&clock).expect("a timer");
        let mut driver = JoinSet::new();
        driver.spawn(pacer.clone().drive());
        let soon = clock.now().after(Duration::from_millis(2));
        tokio::select! {
            biased;
            () = pacer.sleep_until(clock.now().after(Duration::from_millis(1))) => {}
            () = std::future::ready(()) => {}
        }
        pacer.sleep_until(soon).await;
        assert!(clock.now() >= soon);
    }
}
