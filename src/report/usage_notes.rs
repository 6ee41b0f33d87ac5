//! What was stated about usage and not believed, and what of the run database cannot be read.

use std::collections::BTreeMap;

use super::names::Names;
use crate::aggregate::{Damage, RunMetrics};
use crate::units::prose::{group_thousands, pluralize};
use crate::units::{UsageFault, UsageFaults};

/// Whose usage was not believed, one sentence for each endpoint.
pub(super) fn disbelieved(faults: &UsageFaults, names: &Names) -> Vec<String> {
    let what =
        |(fault, n): (&UsageFault, &u64)| format!("{} ({})", fault.name(), pluralize(*n, "answer"));
    let sentence = |(id, faults): (&String, &BTreeMap<UsageFault, u64>)| {
        let whats: Vec<String> = faults.iter().map(what).collect();
        let is_hidden = faults.keys().any(|fault| fault.hides_cost());
        let cost = if is_hidden {
            "These counts are unknown, and so is the cost: its upper bound is what was reserved."
        } else {
            "That charge is unknown."
        };
        format!("WARNING: {} states {}. {cost}", names.short(id), whats.join(", "))
    };
    faults.iter().filter(|(_, faults)| !faults.is_empty()).map(sentence).collect()
}

/// The same of a run.
pub(super) fn notes(metrics: &RunMetrics) -> Vec<String> {
    let names = Names::new(metrics.endpoints.iter().map(|endpoint| &endpoint.id));
    let ended = metrics.manifest.ended.as_ref();
    ended.map_or_else(Vec::new, |ended| disbelieved(&ended.usage_faults, &names))
}

/// All of them in one line; `None`: all usage was believed.
pub(super) fn line(faults: &UsageFaults, names: &Names) -> Option<String> {
    let whose: Vec<String> = faults.keys().map(|id| names.short(id)).collect();
    (!whose.is_empty()).then(|| {
        format!("WARNING: stated usage is not believed (see the notes): {}", whose.join(", "))
    })
}

/// What of the run database cannot be read; `None`: all can.
pub(super) fn damaged(damage: Damage) -> Option<String> {
    let Damage { rows, trials } = damage;
    let left_out = match trials {
        0 => String::new(),
        1 => "1 trial is left out, ".to_owned(),
        n => format!("{} trials are left out, ", group_thousands(n)),
    };
    (rows + trials > 0).then(|| {
        let rows = pluralize(rows.max(trials), "damaged row");
        format!("WARNING: the run database has {rows}: {left_out}what cannot be read is unknown.")
    })
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::units::EndpointId;

    #[test]
    fn each_endpoint_is_told_with_what_it_states() {
        let id = EndpointId::new("case/zero", "fake", None);
        let names = Names::new(std::iter::once(&id));
        let of = |faults: &[(UsageFault, u64)]| {
            let faults = faults.iter().copied().collect();
            disbelieved(&UsageFaults::from([("case/zero@fake".to_owned(), faults)]), &names)
                .join("\n")
        };
        assert_snapshot!(of(&[(UsageFault::Zero, 60), (UsageFault::NoCount, 1)]), @"WARNING: zero@fake states 0 tokens beside text (60 answers), a count that is no number of tokens (1 answer). These counts are unknown, and so is the cost: its upper bound is what was reserved.");
        assert_snapshot!(of(&[(UsageFault::NoCharge, 2)]), @"WARNING: zero@fake states a charge that no request can cost (2 answers). That charge is unknown.");
        assert_snapshot!(of(&[]), @"");
    }

    #[test]
    fn damage_is_told_once() {
        let of = |rows, trials| damaged(Damage { rows, trials }).unwrap_or_default();
        assert_snapshot!(of(0, 0), @"");
        assert_snapshot!(of(1, 0), @"WARNING: the run database has 1 damaged row: what cannot be read is unknown.");
        assert_snapshot!(of(3, 2), @"WARNING: the run database has 3 damaged rows: 2 trials are left out, what cannot be read is unknown.");
    }
}
