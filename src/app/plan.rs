//! `plan`: everything but the first request.

use crate::app::error::AppError;
use crate::app::events::Events;
use crate::app::fleet::Fleet;
use crate::app::options::PlanOptions;
use crate::app::spend;
use crate::app::{inputs, keys};
use crate::plan::{PlanEstimate, estimate};

/// What a run would ask, cost and take.
#[derive(Clone, Debug)]
pub struct PlanOutcome {
    /// Trials, tokens, dollars and minutes.
    pub estimate: PlanEstimate,
    /// Whether the plan is of the simulated fleet, whose prices are invented.
    pub simulated: bool,
}

/// Plans a run and sends nothing.
///
/// # Errors
/// [`AppError::Refused`] when the options or the files do not make a plan.
#[expect(clippy::needless_pass_by_value, reason = "options are handed over")]
pub fn plan(options: PlanOptions, events: &dyn Events) -> Result<PlanOutcome, AppError> {
    let inputs = inputs::read(&options, &Fleet::unserved(), false, events)?;
    for note in &inputs.notes {
        events.notice(note.to_string());
    }
    for unset in keys::unset(&inputs.plan) {
        events.notice(format!("a run would stop: {unset}"));
    }
    let share = inputs.quota_share(options.rate_share).share.unwrap_or(1.0);
    let judging = &inputs.judging;
    let mut estimate = estimate(&inputs.plan, &inputs.at_once(options.concurrency), share)
        .answering(|category| judging.margin_in(category));
    estimate.caps = spend::uncovered(&inputs, &estimate);
    Ok(PlanOutcome { estimate, simulated: inputs.simulated })
}
