//! A resolved catalog.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::endpoint::Endpoint;
use crate::units::EndpointId;

/// What a price list states about an endpoint besides its call and its price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The last day on which it is sure to be offered.
    pub expires: Option<Date>,
    /// The day it was first offered.
    pub created: Option<Date>,
    /// The model that this name currently resolves to; it may change.
    pub alias_of: Option<String>,
    /// The model's context window, if this endpoint's differs.
    pub model_context_window: Option<u64>,
    /// Whether it is available only on OpenAI's Responses API.
    pub responses_only: bool,
}

/// Where and when the prices of a catalog were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotStamp {
    /// The source: `openrouter`, a file, a URL.
    pub source: String,
    /// RFC 3339.
    pub fetched_at: String,
}

/// A resolved catalog: endpoints in the order of the file, variants after their endpoint.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// All endpoints; ids are unique.
    pub endpoints: Vec<Endpoint>,
    /// Accepted oddities, one line each.
    pub warnings: Vec<String>,
    /// Further details by id; endpoints without any are absent.
    pub facts: BTreeMap<EndpointId, Facts>,
    /// The snapshots that it was made from.
    pub snapshots: Vec<SnapshotStamp>,
}
