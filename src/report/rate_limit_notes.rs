//! How requests were held back for the limits of keys, in words.

use super::names::Names;
use super::text::escape_control;
use crate::aggregate::RunMetrics;
use crate::units::{EnforcedLimit, PacingSummary};

/// Models of which it is told in full; of more, how many.
const MOST_TOLD: usize = 8;

/// A sentence for each model at a provider that was held back.
pub(super) fn notes(metrics: &RunMetrics) -> Vec<String> {
    let paced = paced(metrics);
    let mut notes: Vec<String> = paced.iter().take(MOST_TOLD).map(note).collect();
    if let Some(more) = paced.len().checked_sub(MOST_TOLD).filter(|n| *n > 0) {
        notes.push(format!("{more} more were held back for their limits"));
    }
    notes
}

/// All of them in one line; `None`: nothing was held back.
pub(super) fn line(paced: &[PacingSummary], names: &Names) -> Option<String> {
    let brief = |paced: &PacingSummary| {
        let name = names.short(paced.endpoints.first().map_or("", String::as_str));
        let mut facts = Vec::new();
        if paced.refused > 0 {
            facts.push(format!("429 ×{}", paced.refused));
        }
        if paced.least_at_once < paced.at_once {
            facts.push(format!("{} of {} at once", paced.least_at_once, paced.at_once));
        }
        let share = percent(paced.share);
        facts.extend(paced.limits.iter().map(|limit| {
            format!("{share} of {} {}/{}", limit.limit, limit.counted, short(&limit.per))
        }));
        format!("{name} ({})", facts.join(", "))
    };
    let each: Vec<String> = paced.iter().map(brief).collect();
    (!each.is_empty()).then(|| format!("held back: {}", each.join(", ")))
}

fn paced(metrics: &RunMetrics) -> &[PacingSummary] {
    metrics.manifest.ended.as_ref().map_or(&[], |ended| ended.paced.as_slice())
}

fn note(paced: &PacingSummary) -> String {
    let mut facts = Vec::new();
    if paced.refused > 0 && paced.least_at_once < paced.at_once {
        let (least, most) = (paced.least_at_once, paced.at_once);
        facts.push(format!(
            "429 ×{}, so that concurrency went down to {least} of {most}",
            paced.refused
        ));
    } else if paced.refused > 0 {
        facts.push(format!("429 ×{}", paced.refused));
    }
    for by_headers in [false, true] {
        let limits: Vec<String> =
            paced.limits.iter().filter(|l| l.by_headers == by_headers).map(limit).collect();
        if limits.is_empty() {
            continue;
        }
        let whose = if by_headers { "its headers state" } else { "the catalog states" };
        let share = percent(paced.share);
        facts.push(format!("kept to {share} of the {} that {whose}", limits.join(" and ")));
    }
    if paced.low_pauses > 0 {
        let times = if paced.low_pauses == 1 { "once" } else { "times" };
        let n =
            if paced.low_pauses == 1 { String::new() } else { format!("{} ", paced.low_pauses) };
        facts.push(format!("waited {n}{times} because less remained than is left to others"));
    }
    let first = paced.endpoints.first().map_or("", String::as_str);
    let whose = match paced.endpoints.len() {
        0 | 1 => escape_control(first).into_owned(),
        2 => format!("{} and its variant", escape_control(first)),
        n => format!("{} and its {} variants", escape_control(first), n - 1),
    };
    format!("{whose}: {}", facts.join("; "))
}

fn limit(limit: &EnforcedLimit) -> String {
    format!("{} {} a {}", limit.limit, limit.counted, limit.per)
}

fn short(per: &str) -> &str {
    match per {
        "minute" => "min",
        "second" => "s",
        "hour" => "h",
        other => other,
    }
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1e4).round() / 1e2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn kept(limit: u64, by_headers: bool) -> EnforcedLimit {
        EnforcedLimit {
            counted: "requests".to_owned(),
            limit,
            per: "minute".to_owned(),
            by_headers,
        }
    }

    fn told(paced: Vec<PacingSummary>) -> (Vec<String>, Option<String>) {
        let (mut metrics, _) = fixture::support();
        metrics.manifest.ended.as_mut().expect("ended").paced = paced;
        let names = Names::new(metrics.endpoints.iter().map(|endpoint| &endpoint.id));
        (notes(&metrics), line(super::paced(&metrics), &names))
    }

    fn paced(endpoints: &[&str]) -> PacingSummary {
        PacingSummary {
            endpoints: endpoints.iter().map(|id| (*id).to_owned()).collect(),
            share: 0.5,
            refused: 0,
            at_once: 16,
            least_at_once: 16,
            limits: Vec::new(),
            low_pauses: 0,
        }
    }

    #[test]
    fn what_happened_is_one_sentence() {
        let check = |paced: PacingSummary, note: &str, line: &str| {
            let told = told(vec![paced]);
            assert_eq!((told.0, told.1), (vec![note.to_owned()], Some(line.to_owned())));
        };
        let blank = paced(&["acme/large@azure"]);
        check(
            PacingSummary {
                refused: 12,
                least_at_once: 3,
                limits: vec![kept(500, true)],
                low_pauses: 2,
                ..blank.clone()
            },
            "acme/large@azure: 429 ×12, so that concurrency went down to 3 of 16; kept to 50 % of \
             the 500 requests a minute that its headers state; waited 2 times because less \
             remained than is left to others",
            "held back: large@azure (429 ×12, 3 of 16 at once, 50 % of 500 requests/min)",
        );
        check(
            PacingSummary {
                share: 0.125,
                limits: vec![kept(60, false)],
                low_pauses: 1,
                endpoints: vec!["acme/large@azure".to_owned(), "acme/large@azure#high".to_owned()],
                ..blank
            },
            "acme/large@azure and its variant: kept to 12.5 % of the 60 requests a minute that the \
             catalog states; waited once because less remained than is left to others",
            "held back: large@azure (12.5 % of 60 requests/min)",
        );
    }

    #[test]
    fn nothing_is_said_of_nothing_and_little_of_many() {
        assert_eq!(told(Vec::new()), (Vec::new(), None));
        let many: Vec<PacingSummary> = (0..10).map(|i| paced(&[&format!("a/m{i}@p")])).collect();
        let (notes, _) = told(many);
        assert_eq!(notes.len(), 9);
        assert_eq!(notes[8], "2 more were held back for their limits");
    }
}
