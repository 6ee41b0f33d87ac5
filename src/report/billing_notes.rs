//! What providers say they charged, where it is not what the prices come to.

use super::names::Names;
use crate::aggregate::{EndpointMetrics, RunMetrics};
use crate::units::prose::group_thousands;

/// A sentence each.
pub fn notes(metrics: &RunMetrics) -> Vec<String> {
    let names = Names::new(metrics.endpoints.iter().map(|endpoint| &endpoint.id));
    metrics.endpoints.iter().filter_map(|endpoint| factor(endpoint, &names)).collect()
}

fn factor(endpoint: &EndpointMetrics, names: &Names) -> Option<String> {
    let billed = endpoint.billed_factor?;
    Some(format!(
        "WARNING: {} charged {:.3} times what its listed prices come to, in each of {} answers: the \
         list misses a discount, a fee or a unit. Correct the price, or write discount or fee.",
        names.short(endpoint.id.as_str()),
        billed.factor,
        group_thousands(billed.answers),
    ))
}
