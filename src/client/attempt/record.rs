//! What an attempt came to.

use std::time::Duration;

use crate::client::transport::Protocol;
use crate::units::Stamp;
use crate::wire::{Answer, ErrorClass, RateLimits};

/// The stamps of METRICS.md §1. `None`: it did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// The request is about to be sent, its body already serialised.
    pub dispatched: Stamp,
    /// A new connection was ready; `None` on a reused one.
    pub connected: Option<Stamp>,
    /// The response head came.
    pub headers: Option<Stamp>,
    /// The first body byte came.
    pub first_byte: Option<Stamp>,
    /// The first token event came.
    pub first_token: Option<Stamp>,
    /// The first token event that is not reasoning came.
    pub first_output: Option<Stamp>,
    /// The last token event came (not streamed: the last body byte).
    pub last_token: Option<Stamp>,
    /// The stream was closed.
    pub ended: Stamp,
}

/// A finished attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRecord {
    pub stamps: Stamps,
    /// How it went.
    pub outcome: Outcome,
    /// The HTTP status, when a head came.
    pub status: Option<u16>,
    /// Whether the response bore the simulator's mark.
    pub simulated: bool,
    /// Whether the response was a stream of events.
    pub streamed: bool,
    /// The version of HTTP that carried the response; `None`: none came, or over no network.
    pub protocol: Option<Protocol>,
    /// How long the provider asks to wait, in a header or in the body of its refusal.
    pub retry_after: Option<Duration>,
    /// The parameters that the provider may have refused to take, the likeliest first.
    pub refused: Vec<String>,
    /// The key's rate limits as the response's headers state them; `None`: they do not.
    pub rate_limits: Option<Box<RateLimits>>,
    /// Reads of the socket that held token events.
    pub token_reads: u32,
    /// Token events.
    pub token_events: u32,
    /// Whether a reasoning delta was seen.
    pub reasoning_seen: bool,
    /// The gaps between consecutive token events, microseconds. Events of one read share their
    /// stamp, so their gaps are 0.
    pub gaps_us: Vec<u32>,
}

impl AttemptRecord {
    /// An attempt of which nothing has come yet.
    pub(crate) fn begun(dispatched: Stamp) -> Self {
        let stamps = Stamps {
            dispatched,
            connected: None,
            headers: None,
            first_byte: None,
            first_token: None,
            first_output: None,
            last_token: None,
            ended: dispatched,
        };
        Self {
            stamps,
            outcome: Outcome::Answered(Answer::default()),
            status: None,
            simulated: false,
            streamed: false,
            protocol: None,
            retry_after: None,
            refused: Vec::new(),
            rate_limits: None,
            token_reads: 0,
            token_events: 0,
            reasoning_seen: false,
            gaps_us: Vec::new(),
        }
    }

    /// Why it failed; `None`: it was answered.
    #[must_use]
    pub fn error(&self) -> Option<ErrorClass> {
        match self.outcome {
            Outcome::Failed { class, .. } => Some(class),
            Outcome::Answered(_) => None,
        }
    }

    /// The time to the first token without connection set-up.
    #[must_use]
    pub fn ttft(&self) -> Option<Duration> {
        let start = self.stamps.connected.unwrap_or(self.stamps.dispatched);
        self.stamps.first_token.map(|first| first.since(start))
    }
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// An answer.
    Answered(Answer),
    /// A failure; the answer as far as it came, for its usage.
    Failed {
        /// The class.
        class: ErrorClass,
        /// The provider's or the system's message.
        detail: String,
        /// The part that had come.
        partial: Answer,
    },
}
