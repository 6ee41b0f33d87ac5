//! The endpoints of a plan, ready to be asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::app::error::{AppError, refused};
use crate::app::events::Events;
use crate::app::inputs::Inputs;
use crate::app::options::RunOptions;
use crate::catalog::Endpoint;
use crate::dispatch::{BreakerPolicy, EndpointClient, Gate, Keys};
use crate::units::{Fact, PacingSummary, UsageFaults};

/// When endpoints are paused and given up.
pub(crate) fn breaker(options: &RunOptions) -> BreakerPolicy {
    let usual = BreakerPolicy::default();
    let patience = options.patience.unwrap_or(usual.patience);
    BreakerPolicy { failures: options.breaker, patience, ..usual }
}

/// One lane for each endpoint of the plan.
pub(crate) fn lanes(
    inputs: &Inputs,
    keys: &Keys,
    breaker: BreakerPolicy,
) -> Result<Vec<EndpointClient>, AppError> {
    let lane = |endpoint: &Endpoint| EndpointClient::new(endpoint.clone(), keys, breaker);
    inputs.plan.endpoints.iter().map(lane).collect::<Result<_, _>>().map_err(refused)
}

/// Unknown stream events, by endpoint.
pub(crate) fn unknown_events(lanes: &[EndpointClient]) -> BTreeMap<String, u64> {
    let of = |lane: &EndpointClient| (lane.endpoint().id.to_string(), lane.unknown_events());
    lanes.iter().map(of).filter(|(_, n)| *n > 0).collect()
}

/// What the run came to know of these endpoints, told as it is returned.
pub(crate) fn notes(lanes: &[EndpointClient], events: &dyn Events) -> Vec<Fact> {
    let facts: Vec<Fact> = lanes.iter().flat_map(EndpointClient::facts).collect();
    tell(&facts, events);
    facts
}

/// Tells what a run came to know. Why an endpoint was given up is in the reason for which the run is
/// incomplete.
pub(crate) fn tell(facts: &[Fact], events: &dyn Events) {
    for fact in facts.iter().filter(|fact| !matches!(fact, Fact::EndpointGivenUp { .. })) {
        events.notice(format!("  {fact}"));
    }
}

/// What was wrong with the usage that the endpoints stated.
pub(crate) fn usage_faults(lanes: &[EndpointClient]) -> UsageFaults {
    let of = |lane: &EndpointClient| (lane.endpoint().id.to_string(), lane.usage_faults());
    lanes.iter().map(of).filter(|(_, faults)| !faults.is_empty()).collect()
}

/// The pacing summary of each gate of these lanes.
pub(crate) fn pacing(lanes: &[EndpointClient]) -> Vec<PacingSummary> {
    let mut gates: Vec<&Arc<Gate>> = Vec::new();
    for gate in lanes.iter().map(EndpointClient::gate) {
        if !gates.iter().any(|known| Arc::ptr_eq(known, gate)) {
            gates.push(gate);
        }
    }
    gates.into_iter().filter_map(|gate| gate.paced()).collect()
}
