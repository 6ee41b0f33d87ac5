//! The scheduler: a thread that wakes at absolute times.
//!
//! A runtime's timer wheel has slots of a millisecond. This thread sleeps on the system's clock until
//! an absolute time (so that errors do not add up) and spins over the last few microseconds, which the
//! system needs to wake a thread.

use std::time::Duration;

use crate::units::{Clock, Stamp};

/// How long before its time the thread stops sleeping and polls the clock: about the time that
/// waking takes. At 1,000 requests a second this is 3 % of a core.
const SPIN: Duration = Duration::from_micros(30);
/// The longest uninterrupted sleep, so that an interrupted run ends soon.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// A request that is later than this is dropped: the machine slept, or cannot keep the rate.
pub const MOST_LATE: Duration = Duration::from_secs(10);

/// What the scheduler thread drives.
pub trait Timekeeper {
    /// Whether the schedule is over.
    fn is_over(&self) -> bool;

    /// There is this much time until the next arrival: something can be prepared.
    fn idle(&mut self, until_next: Duration) -> Worked;

    /// The time of this index has come.
    fn due(&mut self, idx: usize, scheduled: Stamp);
}

/// Whether [`Timekeeper::idle`] found something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    /// It did, and there may be more.
    Some,
    /// There was nothing to prepare.
    Nothing,
}

/// Calls [`Timekeeper::due`] at each time, in order, once, never early. Late requests do not catch up
/// in one burst: each keeps half its gap, so that after a stall the provider gets at most twice the
/// rate of the list. Returns how many were due.
pub fn keep_time<K: Timekeeper>(clock: &Clock, start: Stamp, at_ns: &[u64], keeper: &mut K) -> u64 {
    wake_precisely();
    let mut before: Option<(u64, Stamp)> = None;
    for (idx, at) in at_ns.iter().enumerate() {
        let due = start.after(Duration::from_nanos(*at));
        let previous = before.map(|(before, left)| (Duration::from_nanos(at - before), left));
        let leaves = leaves_at(due, previous, clock.now());
        loop {
            if keeper.is_over() {
                return idx as u64;
            }
            let left = leaves.since(clock.now());
            if left.is_zero() {
                break;
            }
            if keeper.idle(left) == Worked::Nothing {
                wait(clock, leaves, left);
            }
        }
        keeper.due(idx, due);
        before = Some((*at, clock.now()));
    }
    at_ns.len() as u64
}

/// When a request that is due leaves: at its moment, or half its gap after the request before it
/// left, whichever is later. One that is later than [`MOST_LATE`] leaves at once. `previous` is the
/// gap to the request before it, and when that one left.
fn leaves_at(due: Stamp, previous: Option<(Duration, Stamp)>, now: Stamp) -> Stamp {
    let is_lost = now.since(due) > MOST_LATE;
    previous.filter(|_| !is_lost).map_or(due, |(gap, left)| left.after(gap / 2).max(due))
}

/// Waits until a time or for [`LONGEST_SLEEP`].
fn wait(clock: &Clock, due: Stamp, left: Duration) {
    if left > SPIN {
        sleep(clock, clock.now().after(left.saturating_sub(SPIN).min(LONGEST_SLEEP)));
    } else {
        while clock.now() < due {
            std::hint::spin_loop();
        }
    }
}

/// By default the kernel may wake a thread 50 µs late, to save power.
fn wake_precisely() {
    #[cfg(target_os = "linux")]
    {
        // Where this is refused, the delay shows in the lag.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    }
}

#[cfg(target_os = "linux")]
fn sleep(_: &Clock, until: Stamp) {
    let nanos = until.as_nanos();
    let until = rustix::thread::Timespec {
        tv_sec: i64::try_from(nanos / 1_000_000_000).expect("a clock of centuries"),
        tv_nsec: i64::try_from(nanos % 1_000_000_000).expect("below a second"),
    };
    // Interrupted by a signal: the caller looks at the clock again anyway.
    let _ = rustix::thread::clock_nanosleep_absolute(rustix::thread::ClockId::Monotonic, &until);
}

#[cfg(not(target_os = "linux"))]
fn sleep(clock: &Clock, until: Stamp) {
    std::thread::sleep(until.since(clock.now()));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting {
        clock: Clock,
        over_after: usize,
        seen: Vec<(usize, bool)>,
        left: Vec<Stamp>,
        spare: u32,
    }

    impl Timekeeper for Counting {
        fn is_over(&self) -> bool {
            self.seen.len() >= self.over_after
        }

        fn idle(&mut self, _: Duration) -> Worked {
            self.spare = self.spare.saturating_sub(1);
            if self.spare > 0 { Worked::Some } else { Worked::Nothing }
        }

        fn due(&mut self, idx: usize, scheduled: Stamp) {
            let now = self.clock.now();
            self.seen.push((idx, now >= scheduled));
            self.left.push(now);
        }
    }

    fn check(start_ago: Duration, at_ns: &[u64], over_after: usize, expected: u64) -> Vec<Stamp> {
        let clock = Clock::real();
        let (seen, left) = (Vec::new(), Vec::new());
        let mut keeper = Counting { clock: clock.clone(), over_after, seen, left, spare: 3 };
        let ago = u64::try_from(start_ago.as_nanos()).expect("short");
        // The clock of a machine that has just started is near zero.
        let start = Stamp::from_nanos(clock.now().as_nanos().saturating_sub(ago));
        assert_eq!(keep_time(&clock, start, at_ns, &mut keeper), expected);
        let seen: Vec<(usize, bool)> =
            (0..usize::try_from(expected).expect("few")).map(|i| (i, true)).collect();
        assert_eq!(keeper.seen, seen, "in order, once each, never early");
        keeper.left
    }

    #[test]
    fn moments_come_in_order_and_never_early() {
        check(Duration::ZERO, &[0, 200_000, 200_000, 2_500_000], 9, 4);
    }

    #[test]
    fn what_is_late_is_not_bunched_up_and_an_end_is_an_end() {
        let left = check(Duration::from_millis(20), &[0, 1_000_000, 5_000_000], 9, 3);
        let gaps: Vec<Duration> = left.windows(2).map(|w| w[1].since(w[0])).collect();
        assert!(gaps[0] >= Duration::from_micros(500), "{gaps:?}");
        assert!(gaps[1] >= Duration::from_millis(2), "{gaps:?}");
        check(Duration::from_millis(5), &[0, 1_000_000, 2_000_000], 2, 2);
    }

    #[test]
    fn a_request_that_is_lost_is_not_spread_out() {
        let second = |n: u64| Stamp::from_nanos(n * 1_000_000_000);
        let gap = Duration::from_secs(4);
        let leaves = |now| leaves_at(second(100), Some((gap, second(105))), now);
        assert_eq!(leaves_at(second(100), None, second(200)), second(100));
        assert_eq!(leaves(second(105)), second(107), "late: half its gap after the one before");
        assert_eq!(leaves(second(110)), second(107), "just not lost");
        assert_eq!(leaves(second(111)), second(100), "lost: at once");
        let on_time = leaves_at(second(100), Some((gap, second(96))), second(96));
        assert_eq!(on_time, second(100), "on time: its own moment");
    }
}
