//! Whether the latencies of a load can be trusted.

use super::LoadCounts;
use crate::units::{Fact, Manifest, Validity, ValidityMark};

/// The mark of METRICS.md §5: what the run noted of its client, and what its rows say.
pub(super) fn validity(
    manifest: &Manifest,
    counts: &LoadCounts,
    little: Option<f64>,
) -> Option<Validity> {
    let mut validity = manifest.ended.as_ref()?.validity.clone();
    if validity.mark == ValidityMark::Virtual {
        return Some(validity);
    }
    // A fact that the run recorded is not listed twice.
    let mut found = |size: f64, degraded: f64, invalid: f64, fact: Fact| {
        if size > degraded {
            let mark = if size > invalid { ValidityMark::Invalid } else { ValidityMark::Degraded };
            validity.mark = validity.mark.max(mark);
            let kind = std::mem::discriminant(&fact);
            if !validity.reasons.iter().any(|reason| std::mem::discriminant(reason) == kind) {
                validity.reasons.push(fact);
            }
        }
    };
    let share = counts.dropped as f64 / counts.asked.max(1) as f64;
    let dropped = Fact::RequestsDropped { dropped: counts.dropped, asked: counts.asked };
    found(share, 0.0, 0.01, dropped);
    if let Some(little) = little {
        let off = (little - 1.0).abs();
        found(off, 0.02, 0.10, Fact::LittlesLaw { off });
    }
    Some(validity)
}
