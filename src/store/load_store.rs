//! Recording a load.

use std::ops::Range;

use super::load::{LoadChange, LoadRecord};
use super::{Record, Store, StoreError};
use crate::units::Histogram;

/// Rows in one command of the writer's queue: with a full queue, 50 MB wait for the disk.
const BATCH: usize = 64;

impl Store {
    /// Records that requests `from..to` may leave. When this returns on the real clock, that is on
    /// the disk; only then may the first of them be sent.
    pub async fn intend_load(&self, from: u64, to: u64) -> Result<(), StoreError> {
        self.durable(Record::Load(LoadChange::Intend { first: from, past: to })).await
    }

    /// Records that none of these requests was sent or will be: at the end of a run, what was
    /// intended and not needed is no longer in doubt. Queued.
    pub async fn unsent_load(&self, unsent: Range<u64>) -> Result<(), StoreError> {
        let Range { start: first, end: past } = unsent;
        self.record(Record::Load(LoadChange::Unsent { first, past })).await
    }

    /// Records requests that have ended or were dropped, in any order. Queued: a failure shows in
    /// a later call.
    pub async fn load(
        &self,
        records: impl IntoIterator<Item = LoadRecord>,
    ) -> Result<(), StoreError> {
        let mut records = records.into_iter();
        loop {
            let batch: Vec<LoadRecord> = records.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return Ok(());
            }
            self.record(Record::Load(LoadChange::Rows(batch))).await?;
        }
    }

    /// Adds a distribution to that of an endpoint and a metric. Queued.
    pub async fn load_histogram(
        &self,
        endpoint: u32,
        metric: &str,
        histogram: &Histogram,
    ) -> Result<(), StoreError> {
        let histogram = Box::new(histogram.clone());
        let metric = metric.to_owned();
        self.record(Record::Load(LoadChange::Histogram { endpoint, metric, histogram })).await
    }
}
