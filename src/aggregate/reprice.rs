//! A finished run's tokens at other prices. The run itself stays as it is.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::AggregateError;
use super::run::Run;
use crate::catalog::{Catalog, Endpoint};
use crate::store::{Reader, RequestRecord};
use crate::units::{EndpointId, Usage, Usd};
use crate::wire::{ErrorClass, usage};

/// What an endpoint's share of a run cost, and what it would cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PriceComparison {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Attempts that were made.
    pub attempts: u64,
    /// Dollars at the run's prices, of the attempts whose cost is known then and now; `None`: of
    /// none.
    #[serde(rename = "then_usd")]
    pub then: Option<Usd>,
    /// The same at the other prices; `None`: they do not name the endpoint, or no price for it.
    #[serde(rename = "now_usd")]
    pub now: Option<Usd>,
    /// Attempts whose cost is known on one side only, or on neither: they are in neither sum.
    pub unknown: u64,
    /// Whether the other prices name the endpoint.
    pub listed: bool,
}

/// Prices a run anew by the prices of a catalog.
pub fn reprice(dir: &Path, prices: &Catalog) -> Result<Vec<PriceComparison>, AggregateError> {
    let reader = Reader::open(dir)?;
    let run = Run::read(&reader)?;
    if run.manifest.load.is_some() {
        return Err(AggregateError::IsLoad(dir.display().to_string()));
    }
    let started = run.started()?;
    let own: Vec<&Endpoint> = run.endpoints.iter().map(|stored| &stored.endpoint).collect();
    let others: Vec<Option<Endpoint>> = own.iter().map(|e| at_prices(e, prices)).collect();
    let mut rows: Vec<PriceComparison> = own
        .iter()
        .zip(&others)
        .map(|(endpoint, other)| PriceComparison {
            endpoint: endpoint.id.clone(),
            attempts: 0,
            then: None,
            now: None,
            unknown: 0,
            listed: other.is_some(),
        })
        .collect();
    reader.for_each_attempt(|endpoint, attempt| {
        let idx = endpoint as usize;
        let (Some(row), Some(other)) = (rows.get_mut(idx), others.get(idx)) else {
            // Its trial is damaged.
            return Ok::<_, AggregateError>(());
        };
        row.attempts += 1;
        let now = other.as_ref().and_then(|endpoint| cost(endpoint, attempt, started));
        match (attempt.cost, now) {
            (Some(then), Some(now)) => {
                row.then = Some(row.then.unwrap_or_default() + then);
                row.now = Some(row.now.unwrap_or_default() + now);
            }
            (Some(then), None) if other.is_none() => {
                row.then = Some(row.then.unwrap_or_default() + then);
            }
            _ => row.unknown += 1,
        }
        Ok(())
    })?;
    Ok(rows)
}

/// The run's endpoint at the other catalog's price: that of the same id, else, for a variant, that of
/// its endpoint without the variant, whose parameters it keeps.
fn at_prices(own: &Endpoint, prices: &Catalog) -> Option<Endpoint> {
    let base = own.id.as_str().split('#').next().unwrap_or_default();
    let named = |id: &str| prices.endpoints.iter().find(|e| e.id.as_str() == id);
    let found = named(own.id.as_str()).or_else(|| named(base))?;
    Some(Endpoint { price: found.price.clone(), ..own.clone() })
}

/// What an attempt costs, by the rule that the run itself went by: see `dispatch::cost_of`.
fn cost(endpoint: &Endpoint, attempt: &RequestRecord, started: Timestamp) -> Option<Usd> {
    let usage = usage_of(endpoint, attempt.usage, attempt.usage_verbatim.as_deref());
    if !usage.is_unknown() {
        let nanos = i64::try_from(attempt.dispatched_ns?).unwrap_or(i64::MAX);
        let at = started.checked_add(SignedDuration::from_nanos(nanos)).ok()?;
        return endpoint.cost(&usage, at);
    }
    let refused = attempt.http_status.is_some_and(|status| status >= 300);
    let connect = [ErrorClass::Connect, ErrorClass::ConnectTimeout];
    let never_left = attempt.error.is_some_and(|class| connect.contains(&class));
    let is_free = !endpoint.price.is_billed();
    ((attempt.ended_ns.is_some() && (refused || never_left)) || is_free).then_some(Usd::ZERO)
}

/// The usage with what the database has no column for, which the provider's own words still hold.
pub(super) fn usage_of(endpoint: &Endpoint, kept: Usage, verbatim: Option<&str>) -> Usage {
    let Some(text) = verbatim else { return kept };
    // The columns stand: of a stream that broke, what had been counted is not what was billed.
    let Usage { input, cached_input, cache_write, output, reasoning, .. } = kept;
    let stated = usage::normal(endpoint.provider.dialect, text).usage;
    Usage { input, cached_input, cache_write, output, reasoning, ..stated }
}
