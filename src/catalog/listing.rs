//! A resolved catalog.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::endpoint::Endpoint;
use crate::units::EndpointId;

/// What a price list says of an endpoint beside how to call it and what it costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The day after which it may be gone.
    pub expires: Option<Date>,
    /// The day it was first offered.
    pub created: Option<Date>,
    /// The model that this name stands for at present: what is measured today need not be what
    /// answers tomorrow.
    pub alias_of: Option<String>,
    /// The context window of the model, where this endpoint's differs.
    pub model_context_window: Option<u64>,
    /// Whether it answers on OpenAI's responses API alone.
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
    /// What looked odd but was accepted, one line each.
    pub warnings: Vec<String>,
    /// What else is known of endpoints, by id; those without anything are left out.
    pub facts: BTreeMap<EndpointId, Facts>,
    /// The snapshots that it was made of.
    pub snapshots: Vec<SnapshotStamp>,
}
