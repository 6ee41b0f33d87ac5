//! Where requests are recorded: a trial's in its run, a load's in the load recorder, a ping's nowhere.

use std::convert::Infallible;
use std::future::Future;

use super::record::request_record;
use crate::client::AttemptRecord;
use crate::store::{RequestIntent, RequestRecord, RequestSource};
use crate::units::{Stamp, Usd};
use crate::wire::ErrorClass;

/// A request that is admitted and about to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Intent {
    /// What it is made for.
    pub source: RequestSource,
    /// The most that it can cost; `None`: its price is unknown.
    pub bound: Option<Usd>,
    /// When.
    pub at: Stamp,
}

/// How a request ended: redacted, priced and settled.
#[derive(Debug)]
pub struct CallEnd {
    /// Its intent.
    pub intent: Intent,
    /// The attempt.
    pub record: AttemptRecord,
    /// What it cost; `None`: not known.
    pub cost: Option<Usd>,
    /// Whether it was refused for a parameter that requests do without from now on: the same question
    /// may be asked again at once.
    pub in_new_form: bool,
}

/// Records one request.
pub trait Recorder: Send {
    /// Why nothing more can be recorded.
    type Error: Send;

    /// Records that the request is about to be sent; durable when this returns `true`. `false`: it
    /// must not be sent.
    fn intent(&mut self, intent: Intent) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Records how the request ended. A request that was cut off has an intent and no end.
    fn ended(&mut self, end: CallEnd) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Keeps the end of a request in memory, for pings and calibration.
#[derive(Debug, Default)]
pub struct InMemory(pub Option<CallEnd>);

impl Recorder for InMemory {
    type Error = Infallible;

    async fn intent(&mut self, _: Intent) -> Result<bool, Infallible> {
        Ok(true)
    }

    async fn ended(&mut self, end: CallEnd) -> Result<(), Infallible> {
        self.0 = Some(end);
        Ok(())
    }
}

impl CallEnd {
    /// Why it failed; `None`: it was answered.
    #[must_use]
    pub fn error(&self) -> Option<ErrorClass> {
        self.record.error()
    }

    /// The request's record, with the gaps taken out of the attempt. `since_anchor` gives
    /// nanoseconds since the run's anchor.
    pub fn take_request_record(&mut self, since_anchor: impl Fn(Stamp) -> u64) -> RequestRecord {
        let intent = self.intent.row(&since_anchor);
        let gaps_us = std::mem::take(&mut self.record.gaps_us);
        RequestRecord { gaps_us, ..request_record(intent, &self.record, self.cost, since_anchor) }
    }
}

impl Intent {
    /// The intent as it is recorded. `since_anchor` gives nanoseconds since the run's anchor.
    #[must_use]
    pub fn row(&self, since_anchor: impl Fn(Stamp) -> u64) -> RequestIntent {
        let at_ns = since_anchor(self.at);
        RequestIntent { source: self.source, bound: self.bound, at_ns }
    }
}
