//! One request that may cost money: admitted, recorded as intended, sent once, redacted, priced,
//! settled, recorded as ended. No request is sent in any other way.

use std::future::Future;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::admission::Admission;
use super::cost::{cost_of, may_be_billed};
use super::endpoint_client::EndpointClient;
use super::recorder::{CallEnd, Intent, Recorder};
use crate::client::{AttemptLimits, Transport, attempt};
use crate::store::RequestSource;
use crate::units::{Clock, Usd};

/// A request to an endpoint.
#[derive(Debug)]
pub struct Call<'a> {
    /// The endpoint.
    pub endpoint: &'a EndpointClient,
    /// The body.
    pub body: Bytes,
    /// The idempotency key: no other request has it.
    pub key: String,
    /// The most that it can cost; `None`: its price is unknown.
    pub bound: Option<Usd>,
    /// The most output tokens that it asks for; `None`: not known.
    pub max_output: Option<u64>,
    /// What it is made for.
    pub source: RequestSource,
    /// Whether it needs a new connection, because a stale one lost the request before it.
    pub fresh: bool,
}

/// Sends calls.
#[derive(Debug)]
pub struct Caller<T> {
    /// How requests are sent.
    pub transport: T,
    /// The clock.
    pub clock: Clock,
    /// The time-outs.
    pub limits: AttemptLimits,
    /// Cancelled: requests in flight are cut off.
    pub abort: CancellationToken,
}

impl<T: Transport> Caller<T> {
    /// Sends a request and waits for its end. Returns `false` where it has none: the recorder did
    /// not take the intent, or the request was cut off.
    ///
    /// # Errors
    /// The recorder's: the request may then have been sent.
    pub fn send<R: Recorder>(
        &self,
        call: Call<'_>,
        admission: Admission<'_>,
        recorder: &mut R,
    ) -> impl Future<Output = Result<bool, R::Error>> + Send {
        // Not an `async fn`: one would hold its arguments twice, and many wait here at once.
        let Call { endpoint, body, key, bound, max_output, source, fresh } = call;
        let intent = Intent { source, bound, at: self.clock.now() };
        async move {
            let intended = recorder.intent(intent).await;
            if !matches!(intended, Ok(true)) {
                admission.release();
                return intended;
            }
            let (attempt, changes) = endpoint.attempt(body, key, self.limits, (fresh, max_output));
            let sent = attempt.outgoing.body.clone();
            let mut record = tokio::select! {
                biased;
                record = attempt::make(&self.transport, &self.clock, attempt) => record,
                // An intent without an end is in doubt, and its bound counts as spent.
                () = self.abort.cancelled() => return Ok(false),
            };
            let in_new_form = endpoint.learn(&sent, changes, &record);
            endpoint.redact(&mut record);
            endpoint.check_usage(&mut record, &sent);
            let cost = cost_of(endpoint.endpoint(), &record, &self.clock);
            // What may have been billed stays reserved.
            let settled = cost.filter(|_| !may_be_billed(&record));
            admission.end(endpoint, &record, settled, &self.clock);
            recorder.ended(CallEnd { intent, record, cost, in_new_form }).await?;
            Ok(true)
        }
    }
}
