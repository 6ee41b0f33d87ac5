//! The run watches its own client: how late its runtime is, how busy its I/O threads are.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::stats::{Level, quantile};
use crate::units::fact::{Fact, Lag};
use crate::units::{Clock, Histogram, Stamp, Validity, ValidityMark};

/// The threads whose CPU time is watched. They register themselves when they start.
#[derive(Clone, Debug, Default)]
pub struct IoThreads(Arc<Mutex<Vec<u32>>>);

impl IoThreads {
    /// Registers the calling thread (on Linux; elsewhere CPU time is not watched).
    pub fn register(&self) {
        #[cfg(target_os = "linux")]
        if let Ok(id) = u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()) {
            self.0.lock().expect("nothing panics while it holds the list").push(id);
        }
    }

    /// CPU time of each living thread so far, nanoseconds, where the kernel tells.
    fn cpu_ns(&self) -> BTreeMap<u32, u64> {
        let ids = self.0.lock().expect("nothing panics while it holds the list").clone();
        ids.into_iter().filter_map(|id| Some((id, thread_cpu_ns(id)?))).collect()
    }
}

/// The first figure of `schedstat`: time on the CPU in nanoseconds (Linux, `proc_pid_schedstat`).
fn thread_cpu_ns(id: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{id}/schedstat")).ok()?;
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// What was seen of the client itself.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    lag: Histogram,
    /// Sampled seconds.
    seconds: usize,
    /// Of those, how many each thread was busy for more than 97 %.
    full_seconds: BTreeMap<u32, usize>,
    cpu_peak_5s: Option<f64>,
}

/// The lag tick of METRICS.md §5.
const TICK: Duration = Duration::from_millis(1);
/// How often CPU time is read.
const CPU_SAMPLE: Duration = Duration::from_secs(1);

impl Watch {
    /// Watches until told to stop. Must run on the client's own I/O runtime: what it measures is
    /// how late a ready task is run there.
    pub async fn until(stop: CancellationToken, clock: Clock, threads: IoThreads) -> Self {
        let mut watch = Self::default();
        let mut samples = CpuSamples::new(&clock, &threads);
        let mut due = clock.now().after(TICK);
        while !stop.is_cancelled() {
            clock.sleep_until(due).await;
            let now = clock.now();
            due = watch.tick(due, now);
            if now.since(samples.last.0) >= CPU_SAMPLE {
                samples.take(&mut watch, now, &threads);
            }
        }
        watch
    }

    /// Records the lag of a tick that was due, and that of each further one that was missed while
    /// the runtime stood: a stall is felt by all that was due in it, and one sample among thousands
    /// would hide it. Gives when the next tick is due.
    fn tick(&mut self, mut due: Stamp, now: Stamp) -> Stamp {
        while due <= now {
            self.lag.record(now.since(due));
            due = due.after(TICK);
        }
        due
    }
}

struct CpuSamples {
    last: (Stamp, BTreeMap<u32, u64>),
    /// The last five seconds' shares of a core by thread.
    window: VecDeque<BTreeMap<u32, f64>>,
}

impl CpuSamples {
    fn new(clock: &Clock, threads: &IoThreads) -> Self {
        Self { last: (clock.now(), threads.cpu_ns()), window: VecDeque::new() }
    }

    fn take(&mut self, watch: &mut Watch, now: Stamp, threads: &IoThreads) {
        let cpu = threads.cpu_ns();
        let wall = now.since(self.last.0).as_secs_f64();
        let shares: BTreeMap<u32, f64> = cpu
            .iter()
            .filter_map(|(id, new)| {
                let used = Duration::from_nanos(new.saturating_sub(*self.last.1.get(id)?));
                Some((*id, used.as_secs_f64() / wall))
            })
            .collect();
        self.last = (now, cpu);
        if shares.is_empty() {
            return;
        }
        watch.seconds += 1;
        for (id, _) in shares.iter().filter(|(_, share)| **share > 0.97) {
            *watch.full_seconds.entry(*id).or_default() += 1;
        }
        self.window.push_back(shares);
        if self.window.len() > 5 {
            self.window.pop_front();
        }
        if self.window.len() == 5 {
            let mean = |id: &u32| {
                self.window
                    .iter()
                    .map(|second| second.get(id))
                    .sum::<Option<f64>>()
                    .map(|s| s / 5.0)
            };
            let peak = self.window[0].keys().filter_map(mean).fold(0.0, f64::max);
            watch.cpu_peak_5s = Some(watch.cpu_peak_5s.unwrap_or(0.0).max(peak));
        }
    }
}

/// The mark of METRICS.md §5 for the task lane, from what was seen and the run's median TTFT.
#[must_use]
pub fn judge(watch: &Watch, median_ttft: Option<Duration>) -> Validity {
    let mut mark = ValidityMark::Valid;
    let mut reasons = Vec::new();
    let ttft = median_ttft.unwrap_or_default();
    let lag = watch.lag.quantile(0.99);
    if let Some((found, lag)) = judge_lag(0.99, lag, ttft) {
        mark = found;
        reasons.push(Fact::RuntimeLate(lag));
    }
    if let Some(peak) = watch.cpu_peak_5s.filter(|peak| *peak > 0.80) {
        mark = mark.max(ValidityMark::Degraded);
        reasons.push(Fact::IoThreadBusy { share: peak });
    }
    let full = watch.full_seconds.values().max().copied().unwrap_or(0);
    if watch.seconds >= 2 && full * 2 > watch.seconds {
        mark = ValidityMark::Invalid;
        reasons.push(Fact::IoThreadSaturated);
    }
    let lag_p99_us = lag.map(|lag| u64::try_from(lag.as_micros()).unwrap_or(u64::MAX));
    Validity { mark, reasons, lag_p99_us, io_cpu_peak: watch.cpu_peak_5s }
}

/// The mark of a lag at a percentile against the median TTFT; `None`: it is within its limit.
fn judge_lag(
    percentile: f64,
    lag: Option<Duration>,
    ttft: Duration,
) -> Option<(ValidityMark, Lag)> {
    let degraded = ttft.mul_f64(0.1).max(Duration::from_millis(5));
    let invalid = ttft.max(Duration::from_millis(50));
    let lag = lag.filter(|lag| *lag > degraded)?;
    let mark = if lag > invalid { ValidityMark::Invalid } else { ValidityMark::Degraded };
    let (lag_ms, limit_ms) = (lag.as_secs_f64() * 1e3, degraded.as_secs_f64() * 1e3);
    Some((mark, Lag { percentile, lag_ms, limit_ms }))
}

/// What the load lane adds to the watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadChecks {
    /// Requests that count and whose time came.
    pub asked: u64,
    /// Of them, those that were dropped.
    pub dropped: u64,
    /// How late they left (open loop): at p99, or at the highest percentile that so many bear.
    pub queue: Option<(f64, Duration)>,
}

impl LoadChecks {
    /// How late requests left, from all of them.
    #[must_use]
    pub fn queue(lags: &Histogram) -> Option<(f64, Duration)> {
        let borne = |p: &f64| quantile::min_sample(*p, Level::P95) <= lags.len();
        let percentile = [0.99, 0.95, 0.9].into_iter().find(borne)?;
        Some((percentile, lags.quantile(percentile)?))
    }
}

/// The mark of METRICS.md §5 for the load lane, but for Little's law, which the figures hold the
/// rows against.
#[must_use]
pub fn judge_load(watch: &Watch, median_ttft: Option<Duration>, checks: LoadChecks) -> Validity {
    let mut validity = judge(watch, median_ttft);
    if let Some((percentile, lag)) = checks.queue {
        let ttft = median_ttft.unwrap_or_default();
        if let Some((mark, lag)) = judge_lag(percentile, Some(lag), ttft) {
            validity.mark = validity.mark.max(mark);
            validity.reasons.push(Fact::RequestsLate(lag));
        }
    }
    if checks.dropped > 0 {
        let share = checks.dropped as f64 / checks.asked.max(1) as f64;
        let mark = if share > 0.01 { ValidityMark::Invalid } else { ValidityMark::Degraded };
        validity.mark = validity.mark.max(mark);
        validity
            .reasons
            .push(Fact::RequestsDropped { dropped: checks.dropped, asked: checks.asked });
    }
    validity
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(lag_ms: u64, peak: f64, full: usize, ttft_ms: u64) -> ValidityMark {
        let mut watch = Watch { cpu_peak_5s: Some(peak), ..Watch::default() };
        watch.lag.record(Duration::from_millis(lag_ms));
        watch.seconds = 9;
        watch.full_seconds.insert(7, full);
        judge(&watch, Some(Duration::from_millis(ttft_ms))).mark
    }

    #[test]
    fn marks_follow_the_table() {
        assert_eq!(mark(4, 0.5, 0, 20), ValidityMark::Valid);
        assert_eq!(mark(6, 0.5, 0, 20), ValidityMark::Degraded);
        assert_eq!(mark(30, 0.5, 0, 400), ValidityMark::Valid);
        assert_eq!(mark(60, 0.5, 0, 20), ValidityMark::Invalid);
        assert_eq!(mark(1, 0.85, 0, 20), ValidityMark::Degraded);
        assert_eq!(mark(1, 0.99, 9, 20), ValidityMark::Invalid);
    }

    #[test]
    fn the_load_lane_adds_drops_and_the_lag_of_its_schedule() {
        let check = |asked, dropped| {
            let checks = LoadChecks { asked, dropped, ..LoadChecks::default() };
            judge_load(&Watch::default(), None, checks).mark
        };
        assert_eq!(check(1_000, 0), ValidityMark::Valid);
        assert_eq!(check(1_000, 10), ValidityMark::Degraded);
        assert_eq!(check(1_000, 11), ValidityMark::Invalid);
        let late = |n| {
            let mut lags = Histogram::new();
            (0..n).for_each(|_| lags.record(Duration::from_secs(1)));
            let checks = LoadChecks { queue: LoadChecks::queue(&lags), ..LoadChecks::default() };
            judge_load(&Watch::default(), None, checks)
        };
        assert_eq!(late(2).mark, ValidityMark::Valid, "two bear no percentile");
        assert!(late(40).reasons[0].to_string().contains("lag p90 1000"), "{:?}", late(40).reasons);
        assert_eq!(late(400).mark, ValidityMark::Invalid);
    }

    #[test]
    fn a_stall_is_felt_by_every_tick_that_was_due_in_it() {
        let mut watch = Watch { seconds: 9, ..Watch::default() };
        let at = |ms: u64| Stamp::from_nanos(ms * 1_000_000);
        // Ten seconds on time, and 1.4 s in which nothing ran.
        let mut due = at(1);
        for ms in 1..8_600 {
            due = watch.tick(due, at(ms));
        }
        due = watch.tick(due, at(10_000));
        assert_eq!((watch.lag.len(), due), (10_000, at(10_001)));
        assert_eq!(judge(&watch, Some(Duration::from_millis(200))).mark, ValidityMark::Invalid);
    }
}
