//! The closed set of failures of an attempt. Retries, breakers and reports branch on it alone.

use serde::{Deserialize, Serialize};

/// The class of an attempt's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// 429: too many requests or tokens.
    RateLimited,
    /// 503 or 529: the provider has no capacity now.
    Overloaded,
    /// Any other 5xx, or an error event inside a stream.
    Server,
    /// No connection: refused, unknown name, TLS.
    Connect,
    /// The connection was not established in time.
    ConnectTimeout,
    /// No token came in time.
    FirstTokenTimeout,
    /// The stream stopped between tokens for too long.
    StallTimeout,
    /// The whole answer took too long.
    TotalTimeout,
    /// The connection broke before the answer was complete.
    Reset,
    /// The server closed a kept connection before any byte of a response. The request is sent again
    /// on a new connection; this is not the provider's failure.
    StaleConnection,
    /// The stream ended without `[DONE]` and without a finish reason.
    Truncated,
    /// The response violates the dialect: an object that does not read, a web page, a compressed body.
    Protocol,
    /// An answer without any content.
    Empty,
    /// A line or a body larger than its limit.
    TooLarge,
    /// 401 or 403: the key is missing, wrong or not allowed.
    Auth,
    /// 402: no credit left.
    Payment,
    /// 404: no such model or path.
    NotFound,
    /// Another 4xx: the request is invalid.
    BadRequest,
    /// A redirect, which is never followed.
    Redirect,
    /// The run was interrupted after the request was sent.
    Interrupted,
}

impl ErrorClass {
    /// All classes.
    pub const ALL: [Self; 20] = [
        Self::RateLimited,
        Self::Overloaded,
        Self::Server,
        Self::Connect,
        Self::ConnectTimeout,
        Self::FirstTokenTimeout,
        Self::StallTimeout,
        Self::TotalTimeout,
        Self::Reset,
        Self::StaleConnection,
        Self::Truncated,
        Self::Protocol,
        Self::Empty,
        Self::TooLarge,
        Self::Auth,
        Self::Payment,
        Self::NotFound,
        Self::BadRequest,
        Self::Redirect,
        Self::Interrupted,
    ];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Server => "server",
            Self::Connect => "connect",
            Self::ConnectTimeout => "connect_timeout",
            Self::FirstTokenTimeout => "first_token_timeout",
            Self::StallTimeout => "stall_timeout",
            Self::TotalTimeout => "total_timeout",
            Self::Reset => "reset",
            Self::StaleConnection => "stale_connection",
            Self::Truncated => "truncated",
            Self::Protocol => "protocol",
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::Auth => "auth",
            Self::Payment => "payment",
            Self::NotFound => "not_found",
            Self::BadRequest => "bad_request",
            Self::Redirect => "redirect",
            Self::Interrupted => "interrupted",
        }
    }

    /// Reads [`ErrorClass::name`] back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The class of an HTTP status that is not a success.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            300..=399 => Self::Redirect,
            401 | 403 => Self::Auth,
            402 => Self::Payment,
            404 => Self::NotFound,
            408 => Self::TotalTimeout,
            429 => Self::RateLimited,
            400..=499 => Self::BadRequest,
            503 | 529 => Self::Overloaded,
            _ => Self::Server,
        }
    }

    /// Whether it is about the account or its key, and not about the request: once that is mended,
    /// the same request is asked again.
    #[must_use]
    pub const fn concerns_account(self) -> bool {
        matches!(self, Self::Auth | Self::Payment)
    }

    /// Whether it is about the caller: the account, the key, the form of the request. Where such a
    /// trial is answered later, the endpoint did not fail.
    #[must_use]
    pub const fn concerns_caller(self) -> bool {
        matches!(self, Self::Auth | Self::Payment | Self::BadRequest)
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::RateLimited
            | Self::Overloaded
            | Self::Server
            | Self::Connect
            | Self::ConnectTimeout
            | Self::Reset
            | Self::StaleConnection
            | Self::Truncated
            | Self::Protocol
            | Self::Empty => true,
            // What took too long is paid for, and takes as long again.
            Self::FirstTokenTimeout
            | Self::StallTimeout
            | Self::TotalTimeout
            | Self::TooLarge
            | Self::Auth
            | Self::Payment
            | Self::NotFound
            | Self::BadRequest
            | Self::Redirect
            | Self::Interrupted => false,
        }
    }
}
