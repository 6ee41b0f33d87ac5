//! The run second by second: what ended in each, as histograms.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::observed::{Observed, endpoint_of, is_lost};
use crate::aggregate::run::Run;
use crate::aggregate::{AggregateError, LatencyMetric};
use crate::store::{LoadOutcome, Reader};
use crate::units::{EndpointId, Histogram, Manifest};

/// The histograms of one second: a series that had something earlier in the run is there even
/// where it is empty, so that a stall is seen.
pub type SecondSeries = BTreeMap<(EndpointId, LatencyMetric), Histogram>;

/// Empty seconds in a row that are still told: longer than any request may take.
const SILENCE_MOST: u64 = 3600;

/// The seconds of a load run.
#[derive(Debug)]
pub struct LoadSeconds {
    reader: Reader,
    run: Run,
}

impl LoadSeconds {
    /// Those of the run in this folder, finished or not.
    pub fn open(dir: &Path) -> Result<Self, AggregateError> {
        let reader = Reader::open(dir)?;
        let run = Run::read(&reader)?;
        Ok(Self { reader, run })
    }

    /// What the run is.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.run.manifest
    }

    /// The wall-clock time from which the seconds are counted.
    pub fn started(&self) -> Result<Timestamp, AggregateError> {
        self.run.started()
    }

    /// Visits each second from the first in which an answer ended to the last: its number since
    /// the start, and what ended in it. Failed requests and those of ramp and warm-up are left
    /// out, so that all seconds together are the distributions of the figures.
    pub fn for_each<E: From<AggregateError>>(
        &self,
        mut visit: impl FnMut(u64, &SecondSeries) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut now: Option<u64> = None;
        let mut series = SecondSeries::new();
        let mut failed = None;
        let visited = self.reader.for_each_load_by_end(|record| {
            if record.warmup || record.outcome() == LoadOutcome::Dropped || is_lost(record) {
                return Ok(());
            }
            let Some(endpoint) = endpoint_of(&self.run, record) else { return Ok(()) };
            let observed = Observed::of(record, endpoint);
            let second = record.request.ended_ns.unwrap_or(0) / 1_000_000_000;
            let mut turn = || -> Result<(), E> {
                let Some(before) = now.filter(|before| *before < second) else { return Ok(()) };
                visit(before, &series)?;
                for histogram in series.values_mut() {
                    *histogram = Histogram::new();
                }
                for silent in (before + 1..second).take(silence(before, second)) {
                    visit(silent, &series)?;
                }
                Ok(())
            };
            if let Err(error) = turn() {
                failed = Some(error);
                return Err(AggregateError::Corrupt("the visitor gave up".to_owned()));
            }
            now = Some(second);
            for metric in LatencyMetric::ALL {
                if let Some(nanos) = observed.get(metric) {
                    let key = (endpoint.id.clone(), metric);
                    series.entry(key).or_default().record_us(nanos / 1000);
                }
            }
            Ok(())
        });
        match (failed, visited) {
            (Some(error), _) => return Err(error),
            (None, visited) => visited.map_err(E::from)?,
        }
        match now {
            Some(last) if !series.is_empty() => visit(last, &series),
            _ => Ok(()),
        }
    }
}

/// How many of the empty seconds between two others are told.
fn silence(before: u64, after: u64) -> usize {
    usize::try_from((after - before - 1).min(SILENCE_MOST)).unwrap_or(0)
}
