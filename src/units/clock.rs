//! Time. Instants come from here only.

use std::sync::Arc;
use std::time::Duration;

/// A moment: nanoseconds of a monotonic clock.
///
/// On the real clock of a Unix machine this is `CLOCK_MONOTONIC`, which every process of the
/// machine shares, so that a client's stamps can be held against a server's. In virtual time it
/// counts from the start of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(u64);

impl Stamp {
    /// From nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time since an earlier stamp; zero if that one is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This stamp, later by `wait`.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(nanos(wait)))
    }
}

/// A duration in nanoseconds; `u64::MAX` beyond 584 years.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The clock of a run: monotonic stamps and one wall-clock anchor.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Source,
    anchor: Stamp,
    wall: jiff::Timestamp,
}

#[derive(Debug)]
enum Source {
    Real,
    /// Tokio's paused clock, counted from this instant.
    Virtual(tokio::time::Instant),
}

impl Clock {
    /// The machine's clock, anchored now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn real() -> Self {
        let wall = jiff::Timestamp::now();
        Self(Arc::new(Inner { source: Source::Real, anchor: monotonic(), wall }))
    }

    /// Virtual time: must be made on a runtime whose clock is paused. Its wall anchor is fixed, so
    /// that the same run gives the same bytes.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "tokio's paused clock is what virtual time is")]
    pub fn virtual_time() -> Self {
        let source = Source::Virtual(tokio::time::Instant::now());
        let wall = "2026-01-01T00:00:00Z".parse().expect("a fixed timestamp");
        Self(Arc::new(Inner { source, anchor: Stamp(0), wall }))
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Stamp {
        match &self.0.source {
            Source::Real => monotonic(),
            Source::Virtual(start) => Stamp(nanos(start.elapsed())),
        }
    }

    /// The stamp at which the run's clock was anchored.
    #[must_use]
    pub fn anchor(&self) -> Stamp {
        self.0.anchor
    }

    /// The wall-clock time of the anchor.
    #[must_use]
    pub fn wall_anchor(&self) -> jiff::Timestamp {
        self.0.wall
    }

    /// The wall-clock time of a stamp.
    #[must_use]
    pub fn wall(&self, stamp: Stamp) -> jiff::Timestamp {
        let since = stamp.since(self.0.anchor);
        let nanos = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
        self.0.wall.checked_add(jiff::SignedDuration::from_nanos(nanos)).unwrap_or(self.0.wall)
    }

    /// The stamp of a moment just past that somebody else (the kernel) took from the wall clock,
    /// as the time since the Unix epoch. `None`: the wall clock was set in between, or the machine
    /// has no clock to compare with.
    #[must_use]
    pub fn just_past(&self, wall: Duration) -> Option<Stamp> {
        /// Nothing that waits in a socket's buffer is older while its reader still lives.
        const OLDEST: Duration = Duration::from_secs(60);
        if self.is_virtual() {
            return None;
        }
        let age = wall_now()?.checked_sub(wall).filter(|age| *age <= OLDEST)?;
        let nanos = u64::try_from(age.as_nanos()).ok()?;
        monotonic().0.checked_sub(nanos).map(Stamp)
    }

    /// Whether time is virtual.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        matches!(self.0.source, Source::Virtual(_))
    }

    /// Sleeps until a stamp, at the precision of tokio's timer (1 ms, never early).
    pub async fn sleep_until(&self, stamp: Stamp) {
        let wait = stamp.since(self.now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(unix)]
fn monotonic() -> Stamp {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let secs = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
    Stamp(secs * 1_000_000_000 + nanos)
}

#[cfg(unix)]
fn wall_now() -> Option<Duration> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    let secs = u64::try_from(now.tv_sec).ok()?;
    Some(Duration::new(secs, u32::try_from(now.tv_nsec).ok()?))
}

#[cfg(not(unix))]
fn wall_now() -> Option<Duration> {
    None
}

#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
fn monotonic() -> Stamp {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(std::time::Instant::now);
    Stamp(nanos(start.elapsed()))
}
