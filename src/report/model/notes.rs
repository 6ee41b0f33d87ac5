//! What a reader must know beside the figures, one sentence each.

use std::collections::BTreeSet;

use crate::aggregate::RunMetrics;
use crate::report::text::{escape_control, sentence};
use crate::report::{
    billing_notes, rate_limit_notes, routing_notes, token_count_notes, usage_notes,
};
use crate::units::fact::{Fact, stand_in};
use crate::weights::WeightsFile;

/// What was assumed because nobody stated it, one sentence each.
pub(super) fn assumptions(metrics: &RunMetrics) -> Vec<String> {
    let mut said = Vec::new();
    if let (Some(id), false) = (&metrics.today.endpoint, metrics.today.stated) {
        said.push(format!(
            "No [today] was stated: {}, {}, stands for it.",
            stand_in(metrics.has_unpriced()),
            escape_control(id.as_str())
        ));
    }
    if metrics.categories.len() > 1 && metrics.categories.iter().any(|c| !c.share_stated) {
        said.push("No [traffic] shares were stated: categories count equally.".to_owned());
    }
    said
}

/// Whether the assumptions, or the reason why the run is incomplete, state this fact already.
fn is_stated(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::TodayAssumed
            | Fact::TodayStandsIn { .. }
            | Fact::SharesAssumed
            | Fact::SharesNotStated
            // The reason for which the run is incomplete names it.
            | Fact::EndpointGivenUp { .. }
    )
}

/// Why the run is not wholly valid, the run's notes and the weights' notes, each once.
pub(super) fn notes(metrics: &RunMetrics, weights: &WeightsFile) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let ended = metrics.manifest.ended.as_ref();
    let why = ended.and_then(|e| e.why.as_ref());
    let marks = ended.map(|e| e.validity.reasons.as_slice()).unwrap_or_default();
    let found = ended.map(|e| e.notes.as_slice()).unwrap_or_default();
    let facts = metrics.manifest.notes.iter().chain(found).chain(&weights.notes);
    why.cloned()
        .into_iter()
        .chain(marks.iter().map(Fact::to_string))
        .chain(usage_notes::damaged(metrics.damage))
        .chain(usage_notes::notes(metrics))
        .chain(rate_limit_notes::notes(metrics))
        .chain(billing_notes::notes(metrics))
        .chain(routing_notes::notes(metrics))
        .chain(facts.filter(|fact| !is_stated(fact)).map(Fact::to_string))
        .map(|note| sentence(&note))
        .filter(|note| !note.is_empty() && seen.insert(note.clone()))
        .chain(token_count_notes::notes(metrics))
        .collect()
}
