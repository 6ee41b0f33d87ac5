//! This machine's timing error: the client's stamps compared with a server's log of its writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use super::load::{LoadError, Timekeeper, Worked, keep_time};
use crate::client::{AttemptRecord, Transport};
use crate::dispatch::{Budget, Call, Caller, EndpointClient, InMemory};
use crate::plan::{Shape, draw};
use crate::stats::{Level, quantile};
use crate::store::RequestSource;
use crate::units::{CalibratedError, Histogram, Seed, Stamp, Usd};

/// The client's record of each request, by its key.
pub type Seen = BTreeMap<String, AttemptRecord>;

/// The server's log of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// When the request was read.
    pub read: u64,
    /// When each token's write returned.
    pub writes: Vec<u64>,
}

/// Absolute errors of the client's stamps, by the server's log.
#[derive(Clone, Debug, Default)]
pub struct Errors {
    /// Of the time to the first token.
    pub ttft: Histogram,
    /// Of the gaps between tokens.
    pub icl: Histogram,
    /// Of the time to the last token.
    pub e2e: Histogram,
    /// Requests that are not in the log, that failed, or whose tokens were miscounted.
    pub wrong: u64,
}

/// The client side of a calibration.
#[derive(Debug)]
pub struct Calibrator<T> {
    /// What sends requests. The server shares its clock.
    pub caller: Caller<T>,
    /// The endpoint.
    pub endpoint: EndpointClient,
    /// The body of every request.
    pub body: Bytes,
}

impl<T: Transport> Calibrator<T> {
    async fn send(&self, part: u32, nth: u64) -> (String, AttemptRecord) {
        let key = format!("{part:016x}{nth:016x}-{nth}-0");
        let call = Call {
            endpoint: &self.endpoint,
            body: self.body.clone(),
            key: key.clone(),
            bound: Some(Usd::ZERO),
            max_output: None,
            source: RequestSource::Ping,
            fresh: false,
        };
        let budget = Budget::new(None);
        let admission = budget.reserve_now(Usd::ZERO).expect("no cap").into();
        let mut recorder = InMemory::default();
        let Ok(_) = self.caller.send(call, admission, &mut recorder).await;
        (key, recorder.0.expect("it is never cut off").record)
    }

    /// A number of concurrent streams, each repeated until the time is up.
    pub async fn streams(self: &Arc<Self>, part: u32, streams: u32, time: Duration) -> Seen {
        let until = self.caller.clock.now().after(time);
        let mut users = JoinSet::new();
        for user in 0..u64::from(streams) {
            let calibrator = Arc::clone(self);
            users.spawn(async move {
                let mut seen = Vec::new();
                let mut nth = user << 32;
                while calibrator.caller.clock.now() < until {
                    seen.push(calibrator.send(part, nth).await);
                    nth += 1;
                }
                seen
            });
        }
        users.join_all().await.into_iter().flatten().collect()
    }

    /// How late requests are sent at a rate, with the load test's scheduler thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub async fn lag(
        self: &Arc<Self>,
        part: u32,
        per_s: u32,
        time: Duration,
    ) -> Result<Histogram, LoadError> {
        let shape = Shape::Poisson { per_s: f64::from(per_s) };
        let arrivals = draw(&shape, time, None, Seed(u64::from(part)))
            .map_err(|_| LoadError::Broken("a short list of arrivals is too long"))?;
        let under_way = TaskTracker::new();
        let (lags, mut taken) = mpsc::channel(arrivals.len().max(1));
        let mut sender = Sender {
            calibrator: Arc::clone(self),
            part,
            runtime: tokio::runtime::Handle::current(),
            under_way: under_way.clone(),
            lags,
        };
        let start = self.caller.clock.now().after(Duration::from_millis(50));
        let thread = std::thread::Builder::new()
            .name("schedule".to_owned())
            .spawn(move || {
                let clock = sender.calibrator.caller.clock.clone();
                keep_time(&clock, start, &arrivals.at_ns, &mut sender);
            })
            .map_err(LoadError::Thread)?;
        let mut lag = Histogram::new();
        // It ends when the thread and every request have dropped their sender.
        while let Some(late) = taken.recv().await {
            lag.record(late);
        }
        thread.join().map_err(|_| LoadError::Broken("the scheduler thread panicked"))?;
        under_way.close();
        under_way.wait().await;
        Ok(lag)
    }
}

struct Sender<T> {
    calibrator: Arc<Calibrator<T>>,
    part: u32,
    runtime: tokio::runtime::Handle,
    under_way: TaskTracker,
    lags: mpsc::Sender<Duration>,
}

impl<T: Transport> Timekeeper for Sender<T> {
    fn is_over(&self) -> bool {
        false
    }

    fn idle(&mut self, _: Duration) -> Worked {
        Worked::Nothing
    }

    fn due(&mut self, idx: usize, scheduled: Stamp) {
        let (calibrator, part, lags) = (Arc::clone(&self.calibrator), self.part, self.lags.clone());
        let asked = async move {
            let (_, record) = calibrator.send(part, idx as u64).await;
            // There is room for all; an error means that the receiver is gone.
            let _ = lags.send(record.stamps.dispatched.since(scheduled)).await;
        };
        self.under_way.spawn_on(asked, &self.runtime);
    }
}

impl Errors {
    /// Compares records with the log; `tokens`: the number in each answer.
    #[must_use]
    pub fn new(seen: &Seen, written: &BTreeMap<String, Written>, tokens: usize) -> Self {
        let mut errors = Self::default();
        for (key, record) in seen {
            let log = written.get(key);
            if log.and_then(|log| errors.take(record, log, tokens)).is_none() {
                errors.wrong += 1;
            }
        }
        errors
    }

    fn take(&mut self, record: &AttemptRecord, log: &Written, tokens: usize) -> Option<()> {
        let stamps = &record.stamps;
        let (first, last) = (stamps.first_token?, stamps.last_token?);
        let counted = record.token_events as usize == tokens && log.writes.len() == tokens;
        if !counted || record.gaps_us.len() + 1 != tokens {
            return None;
        }
        let (wrote_first, wrote_last) = (*log.writes.first()?, *log.writes.last()?);
        let error = |to: Stamp, wrote: u64| {
            let seen = to.as_nanos().saturating_sub(stamps.dispatched.as_nanos());
            Duration::from_nanos(seen.abs_diff(wrote.saturating_sub(log.read)))
        };
        self.ttft.record(error(first, wrote_first));
        self.e2e.record(error(last, wrote_last));
        for (gap_us, pair) in record.gaps_us.iter().zip(log.writes.windows(2)) {
            let wrote_us = pair[1].saturating_sub(pair[0]) / 1_000;
            self.icl.record_us(u64::from(*gap_us).abs_diff(wrote_us));
        }
        Some(())
    }
}

/// The median and the highest percentile that a histogram's size allows; `None`: too small even for a
/// median.
#[must_use]
pub fn summary(errors: &Histogram) -> Option<CalibratedError> {
    const PERCENTILES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];
    let n = errors.len();
    let percentile = PERCENTILES
        .into_iter()
        .rev()
        .find(|percentile| quantile::min_sample(*percentile, Level::P95) <= n)?;
    let us = |p: f64| errors.quantile(p).map(|d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX));
    Some(CalibratedError { n, p50_us: us(0.5)?, percentile, high_us: us(percentile)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Outcome, Stamps};
    use crate::wire::Answer;

    fn record(dispatched: u64, tokens_at: &[u64]) -> AttemptRecord {
        let at = |ns: u64| Some(Stamp::from_nanos(ns));
        let gaps =
            tokens_at.windows(2).map(|w| u32::try_from((w[1] - w[0]) / 1_000).expect("small"));
        AttemptRecord {
            stamps: Stamps {
                dispatched: Stamp::from_nanos(dispatched),
                connected: None,
                headers: None,
                first_byte: None,
                first_token: tokens_at.first().copied().and_then(at),
                first_output: None,
                last_token: tokens_at.last().copied().and_then(at),
                ended: Stamp::from_nanos(u64::MAX),
            },
            outcome: Outcome::Answered(Answer::default()),
            status: Some(200),
            simulated: true,
            streamed: true,
            protocol: None,
            retry_after: None,
            refused: Vec::new(),
            rate_limits: None,
            token_reads: 1,
            token_events: u32::try_from(tokens_at.len()).expect("few"),
            reasoning_seen: false,
            gaps_us: gaps.collect(),
        }
    }

    #[test]
    fn errors_are_differences_of_durations() {
        let us = |n: u64| n * 1_000;
        let written = Written { read: us(500), writes: vec![us(20_500), us(25_500)] };
        let written = BTreeMap::from([("a".to_owned(), written)]);
        let client = record(us(400), &[us(20_700), us(25_690)]);
        let seen = BTreeMap::from([("a".to_owned(), client.clone()), ("lost".to_owned(), client)]);
        let errors = Errors::new(&seen, &written, 2);
        let only = |h: &Histogram| h.at_rank(1).map(|d| d.as_micros());
        assert_eq!((only(&errors.ttft), only(&errors.icl)), (Some(300), Some(10)));
        assert_eq!((only(&errors.e2e), errors.wrong), (Some(290), 1));
        assert_eq!(Errors::new(&seen, &written, 3).wrong, 2, "miscounted tokens");
    }

    #[test]
    fn a_percentile_is_told_where_its_floor_is_met() {
        let mut errors = Histogram::new();
        assert_eq!(summary(&errors), None);
        (1..=100).for_each(|us| errors.record_us(us));
        let found = summary(&errors).expect("a hundred");
        assert_eq!((found.percentile, found.p50_us, found.high_us), (0.95, 50, 95));
    }
}
