//! Priming: a trial's request is sent once ahead of the one that counts, so that the provider's prompt
//! cache holds its prompt by then.

use super::{
    DispatchError, EndpointClient, Leave, TrialJob, TrialState, Trials, cost_of, request_record,
};
use crate::client::{Transport, attempt};
use crate::store::RequestSource;
use crate::units::Usd;

impl<T: Transport> Trials<T> {
    /// Sends the request and waits for its end. It is paced, reserved and recorded like any other;
    /// how it went decides nothing, for whether the cache is warm shows in the tokens of the request
    /// that counts. Gives whether the trial goes on: not where it was cut.
    pub(super) async fn prime(
        &self,
        lane: &EndpointClient,
        job: &TrialJob,
        state: &mut TrialState,
    ) -> Result<bool, DispatchError> {
        let paced = state.pacing;
        let Leave { pass, reservations, place } = self.leave(lane, job, state).await?;
        // What it waited for is not what the request that counts waited for.
        state.pacing = paced;
        let (id, intent) = self.intent(job, state, RequestSource::Prime);
        self.store.intent(id, intent).await?;
        state.attempts += 1;
        // A key of its own: a gateway that honours keys must neither replay to it the answer that
        // is in doubt, nor its own to the request that counts.
        let outgoing = self.outgoing(lane, job, &format!("p{}", state.primed));
        let made = attempt::make(&self.transport, &self.clock, outgoing);
        let mut record = tokio::select! {
            record = made => record,
            () = self.abort.cancelled() => return Ok(false),
        };
        lane.redact(&mut record);
        let cost = cost_of(&lane.endpoint, &record, &self.clock);
        reservations.settle(cost);
        state.cost += cost.unwrap_or(Usd::ZERO);
        self.tell(lane, job, state, &record);
        self.note(lane, pass, place, &record);
        let request = request_record(intent, &record, cost, |stamp| self.since_anchor(stamp));
        self.store.attempt(id, request).await?;
        state.ended += 1;
        state.primed += 1;
        Ok(true)
    }
}
