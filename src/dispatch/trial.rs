//! One trial: what is asked, what it has come to so far, how it ended.

use std::time::Duration;

use super::budget::BudgetScope;
use super::pacing::TokenUse;
use crate::client::AttemptRecord;
use crate::store::{StoreError, TrialStatus};
use crate::units::{Body, Stamp, TrialKey, Usd};
use crate::wire::ErrorClass;

/// One trial, ready to be asked.
#[derive(Clone, Debug)]
pub struct TrialJob {
    /// Its position in the plan.
    pub trial: u32,
    /// Its task's position in the plan.
    pub task: u32,
    /// Its identity.
    pub key: TrialKey,
    /// Its repeat.
    pub repeat: u32,
    /// The index of its endpoint.
    pub endpoint: usize,
    /// The index of its suite's budget.
    pub suite: usize,
    /// Requests that earlier sessions intended for it.
    pub attempts: u32,
    /// Of those, the ones that ended. The others are in doubt, and each is asked again under the key
    /// that it had.
    pub ended: u32,
    /// Of those that ended, the ones that warmed a prompt cache: they are no attempts to answer.
    pub cache_warmups: u32,
    /// Of those that ended, the ones that count against no limit on attempts.
    pub uncounted: u32,
    /// The request body.
    pub body: Body,
    /// The most that one attempt can cost; `None`: unknown price.
    pub bound: Option<Usd>,
    /// The most output tokens that it asks for; `None`: not known.
    pub max_output: Option<u64>,
    /// What a request is expected to use of limits on tokens.
    pub token_use: TokenUse,
    /// Whether it is sent once ahead of the request that counts, for the provider's prompt cache.
    pub warm_cache: bool,
}

/// How a trial ended, for progress.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialOutcome {
    /// The index of its endpoint.
    pub endpoint: usize,
    /// How it ended.
    pub status: TrialStatus,
    /// The time to the first token of the attempt that answered, without connection set-up.
    pub ttft: Option<Duration>,
    /// What it cost as far as known.
    pub cost: Usd,
    /// The most that its requests of unknown cost may have cost beside that.
    pub open_cost: Usd,
}

/// Why a trial could not be dispatched.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// The run database takes no more records: the run must stop.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A budget is used up.
    #[error("the budget does not allow another trial")]
    Budget(BudgetScope),
    /// The run was interrupted before the trial's first request was sent.
    #[error("the run was interrupted before the trial was asked")]
    Interrupted,
    /// The endpoint takes no more requests in this run.
    #[error("the endpoint takes no more requests")]
    Closed,
}

/// What a trial accumulates over its attempts.
pub(super) struct TrialState {
    /// Requests intended, in earlier sessions too: the number of the next one.
    pub attempts: u32,
    /// Of those, the ones that ended.
    pub ended: u32,
    /// Of those that ended, the ones that warmed a cache.
    pub cache_warmups: u32,
    /// Of those that ended, the ones that count against no limit on attempts: a stale connection lost
    /// them, the next one left out a refused parameter,
    /// or what they were refused for was mended since.
    pub uncounted: u32,
    pub backoff: Duration,
    pub pacing: Duration,
    pub cost: Usd,
    pub open_cost: Usd,
    pub first_dispatch: Option<Stamp>,
    /// The last attempt of this session, which failed.
    pub failed: Option<Box<AttemptRecord>>,
}

impl TrialState {
    pub fn new(job: &TrialJob) -> Self {
        Self {
            attempts: job.attempts,
            ended: job.ended,
            cache_warmups: job.cache_warmups,
            uncounted: job.uncounted,
            backoff: Duration::ZERO,
            pacing: Duration::ZERO,
            cost: Usd::ZERO,
            open_cost: Usd::ZERO,
            first_dispatch: None,
            failed: None,
        }
    }

    /// Attempts to answer that ended. The next one's key bears this number, so that a request in
    /// doubt is asked again under the key that it had.
    pub fn n_answering(&self) -> u32 {
        self.ended - self.cache_warmups
    }

    /// Attempts that count against [`RetryPolicy::attempts`](super::RetryPolicy::attempts). A stale
    /// connection is not the provider's failure, and the request after it has a new connection, so
    /// a trial sends at most twice as many requests. Those of earlier sessions count.
    pub fn n_counted(&self) -> u32 {
        self.n_answering() - self.uncounted
    }

    /// Whether a stale connection lost the last attempt.
    pub fn needs_fresh(&self) -> bool {
        let error = self.failed.as_deref().and_then(AttemptRecord::error);
        error == Some(ErrorClass::StaleConnection)
    }
}
