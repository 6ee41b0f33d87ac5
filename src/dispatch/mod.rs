//! Sends the requests that may cost money. [`Call`]: one request, from admission to its record.
//! [`Trials`]: retries and the ends of trials on top of it. No request is sent before its intent is
//! durable and its worst case is reserved.

mod admission;
mod breaker;
mod budget;
mod call;
mod cost;
mod endpoint_client;
mod gate;
mod give_up;
mod headers;
mod key;
mod pacing;
mod provider_slots;
mod record;
mod recorder;
mod redact;
mod request_form;
mod retry;
mod trial;
mod trials;

pub use admission::Admission;
pub use breaker::{Breaker, BreakerPolicy};
pub use budget::{Budget, BudgetScope, Budgets, Exhausted, Reservation};
pub use call::{Call, Caller};
pub use cost::cost_of;
pub use endpoint_client::EndpointClient;
pub use gate::{Gate, gates};
pub use give_up::GivenUp;
pub use headers::{BadKey, headers_of};
pub use key::{Key, Keys};
pub use pacing::{QuotaShare, TokenUse};
pub use provider_slots::provider_slots;
pub use record::request_record;
pub use recorder::{CallEnd, InMemory, Intent, Recorder};
pub use redact::Redactor;
pub use retry::RetryPolicy;
pub use trial::{DispatchError, TrialJob, TrialOutcome};
pub use trials::Trials;
