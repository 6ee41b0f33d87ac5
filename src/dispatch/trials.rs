//! Trials: admitted at the endpoint's pace, sent, retried until they end.

mod recorder;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::admission::{Admission, Turn};
use super::budget::{BudgetScope, Budgets};
use super::call::{Call, Caller};
use super::endpoint_client::EndpointClient;
use super::give_up::GivenUp;
use super::pacing::TokenUse;
use super::retry::RetryPolicy;
use super::trial::{DispatchError, TrialJob, TrialOutcome, TrialState};
use crate::client::Transport;
use crate::store::{RequestSource, Store, TrialStatus};
use crate::suite::Task;
use crate::units::{Seed, Usd};
use recorder::{Next, TrialRecorder};

/// Asks the trials of a run.
#[derive(Debug)]
pub struct Trials<T> {
    /// What sends their requests.
    pub caller: Caller<T>,
    /// The run database.
    pub store: Store,
    /// The tasks of the plan, for a run that keeps no content: answers are graded as they come.
    /// `None`: answers are kept, and graded later.
    pub tasks_to_grade: Option<Arc<[Task]>>,
    /// The run's seed, for the jitter of retries.
    pub seed: Seed,
    /// The endpoints.
    pub endpoints: Vec<EndpointClient>,
    /// The budgets.
    pub budgets: Budgets,
    /// When failed attempts are repeated.
    pub retry: RetryPolicy,
    /// How long after the run's anchor this session's clock was anchored: zero in the first one.
    pub since_start: Duration,
    /// The run's id. It is part of the idempotency keys, so that a gateway that honours them does
    /// not replay another run's answer.
    pub run: String,
    /// Notified when an endpoint is held or closed.
    pub held: Notify,
    /// Cancelled: no trial's first request is sent any more; trials that have begun are finished.
    pub drain: CancellationToken,
}

impl<T: Transport> Trials<T> {
    /// Asks one trial until it is answered, given up or cut off.
    ///
    /// # Errors
    /// When the run cannot go on: see [`DispatchError`]. A trial that fails is not an error.
    pub async fn ask(&self, job: &TrialJob) -> Result<TrialOutcome, DispatchError> {
        let mut state = TrialState::new(job);
        // On the heap, because most trials have none and all would carry its state.
        if job.warm_cache && !Box::pin(self.warm_cache(job, &mut state)).await? {
            return Ok(Self::in_doubt(job, &state));
        }
        loop {
            let admission = match self.admit(job, &mut state).await {
                Ok(admission) => admission,
                // Every attempt ended: the trial failed with the last one.
                Err(why) => {
                    return match state.failed.take() {
                        Some(record) => self.end_failed(job, &state, record).await,
                        None => Err(why),
                    };
                }
            };
            let number = state.n_answering().to_string();
            let call = self.call(job, RequestSource::Run, &number, state.needs_fresh());
            let mut recorder = TrialRecorder::new(self, job, &mut state);
            if !self.caller.send(call, admission, &mut recorder).await? {
                return Ok(Self::in_doubt(job, &state));
            }
            let wait = match recorder.next {
                Next::Over(outcome) => return Ok(outcome),
                Next::Again(wait) => wait,
            };
            let clock = &self.caller.clock;
            tokio::select! {
                () = clock.sleep_until(clock.now().after(wait)) => {}
                // The next round ends the trial.
                () = self.caller.abort.cancelled() => {}
                () = self.endpoints[job.endpoint].stopped() => {}
            }
        }
    }

    /// Sends a trial's request once ahead of the one that counts, so that the provider's prompt
    /// cache holds its prompt by then. How it went decides nothing: whether the cache is warm shows
    /// in the tokens of the request that counts. Returns `false` where it was cut off.
    async fn warm_cache(
        &self,
        job: &TrialJob,
        state: &mut TrialState,
    ) -> Result<bool, DispatchError> {
        // A stale connection loses the request before the provider has it, and a refused parameter is
        // left out: then it is sent again.
        for fresh in [false, true] {
            let paced = state.pacing;
            let admission = self.admit(job, state).await?;
            // Its wait is not that of the request that counts.
            state.pacing = paced;
            // Its key differs from those of answers: a gateway that honours keys must neither
            // replay to it an answer in doubt, nor its answer to the request that counts.
            let number = format!("p{}", state.cache_warmups);
            let call = self.call(job, RequestSource::Prime, &number, fresh);
            let mut recorder = TrialRecorder::new(self, job, state);
            if !self.caller.send(call, admission, &mut recorder).await? {
                return Ok(false);
            }
            if !recorder.is_repeated {
                break;
            }
        }
        Ok(true)
    }

    /// A trial's request; `number` tells it from the trial's others.
    fn call(&self, job: &TrialJob, source: RequestSource, number: &str, fresh: bool) -> Call<'_> {
        let key = format!("{}-{}-{number}-{}", job.key.hex(), job.repeat, self.run);
        Call {
            endpoint: &self.endpoints[job.endpoint],
            body: job.body.of_request(&key),
            key,
            bound: job.bound,
            max_output: job.max_output,
            source,
            fresh,
        }
    }

    /// Waits until the next attempt may be sent: for the breaker, the endpoint's limits, the budgets.
    async fn admit(
        &self,
        job: &TrialJob,
        state: &mut TrialState,
    ) -> Result<Admission<'_>, DispatchError> {
        let endpoint = &self.endpoints[job.endpoint];
        // A trial that has begun is finished: a cache that was warmed is paid for.
        let is_first = state.attempts == job.attempts;
        let admitted = async {
            let (turn, paced) = self.pace(endpoint, job.token_use).await;
            let worst = job.bound.unwrap_or(Usd::ZERO);
            (turn, paced, self.budgets.reserve(job.endpoint, job.suite, worst).await)
        };
        let (turn, paced, reserved) = tokio::select! {
            biased;
            () = self.drain.cancelled(), if is_first => return Err(DispatchError::Interrupted),
            () = self.caller.abort.cancelled() => return Err(DispatchError::Interrupted),
            () = endpoint.stopped() => return Err(DispatchError::Closed),
            admitted = admitted => admitted,
        };
        state.pacing += paced;
        let reservations = reserved.map_err(|scope| {
            if scope == BudgetScope::Endpoint {
                let limit = self.budgets.endpoints[job.endpoint].limit().unwrap_or_default();
                let id = &endpoint.endpoint().id;
                let why = format!("the budget of ${limit} for {id} allows no further trial");
                endpoint.give_up(GivenUp { class: None, why });
                return DispatchError::Closed;
            }
            DispatchError::Budget(scope)
        })?;
        if endpoint.given_up().is_some() || endpoint.breaker.is_given_up() {
            reservations.release();
            return Err(DispatchError::Closed);
        }
        Ok(Admission::paced(reservations, turn))
    }

    /// Waits for the breaker, and for the limits of the endpoint and of its provider; returns how
    /// long that took.
    async fn pace<'a>(
        &'a self,
        endpoint: &'a EndpointClient,
        token_use: TokenUse,
    ) -> (Turn<'a>, Duration) {
        let clock = &self.caller.clock;
        let began = clock.now();
        loop {
            let permit = endpoint.breaker.pass(clock, &self.held).await;
            // Another's failure may pause the endpoint while this one waits for its turn.
            let slot = endpoint.gate.pass(clock, &self.held, token_use, || permit.holds()).await;
            if let Some(slot) = slot {
                let provider_slot = endpoint.provider_slot(&self.held).await;
                let (patience, held) = (self.retry.patience, &self.held);
                let turn = Turn { permit, slot, provider_slot, patience, held };
                return (turn, clock.now().since(began));
            }
        }
    }

    fn in_doubt(job: &TrialJob, state: &TrialState) -> TrialOutcome {
        let status = TrialStatus::InDoubt;
        let (cost, open_cost) = (state.cost, state.open_cost);
        TrialOutcome { endpoint: job.endpoint, status, ttft: None, cost, open_cost }
    }
}
