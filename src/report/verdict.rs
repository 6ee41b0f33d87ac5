//! The verdicts in words, and what the whole mixture of the weights brings.

use super::model::{Estimate, RunReport, Verdict};
use super::names::Names;
use super::number::{currency, dollars, money, percent, points, share};
use super::run_text::missing;
use super::text::{escape_control, sentence};
use crate::units::EndpointId;
use crate::units::prose::group_thousands;
use crate::weights::VerdictWord;

/// A category's verdict with all that its sentence needs.
pub(super) struct CategoryVerdict<'a> {
    /// The category.
    pub category: String,
    /// Its share of traffic.
    pub share: f64,
    /// The quality loss that is accepted in it.
    pub margin: f64,
    /// The verdict.
    pub verdict: &'a Verdict,
    /// Today's endpoint.
    pub today: Option<&'a str>,
    /// Where the traffic goes: endpoint and share, the largest first.
    pub mix: &'a [(String, f64)],
}

/// The verdicts, most traffic first; a category without weights has none.
pub(super) fn verdicts(report: &RunReport) -> Vec<CategoryVerdict<'_>> {
    let today = report.today.endpoint.as_ref().map(EndpointId::as_str);
    let mut verdicts: Vec<CategoryVerdict> = report
        .categories
        .iter()
        .filter(|_| today.is_some())
        .filter_map(|category| {
            let routing = category.routing.as_ref()?;
            Some(CategoryVerdict {
                category: escape_control(&category.name).into_owned(),
                share: category.share,
                margin: report.objective.margin_in(&category.name),
                verdict: &routing.verdict,
                today,
                mix: &routing.mix,
            })
        })
        .collect();
    verdicts.sort_by(|a, b| b.share.total_cmp(&a.share));
    verdicts
}

/// The categories that have no verdict beside others that have one, escaped.
pub(super) fn unjudged(report: &RunReport) -> Vec<String> {
    let missing = report.categories.iter().filter(|category| category.routing.is_none());
    let missing: Vec<String> =
        missing.map(|category| escape_control(&category.name).into_owned()).collect();
    if missing.len() == report.categories.len() { Vec::new() } else { missing }
}

impl CategoryVerdict<'_> {
    /// The verdict in a sentence or two.
    pub(super) fn sentences(&self, names: &Names) -> String {
        let today = self.today.map(|id| names.short(id));
        let verdict = self.verdict;
        match verdict.word {
            VerdictWord::Move => {
                let from = today.map_or_else(String::new, |t| format!(" from {t}"));
                let effect = self.effect();
                format!("Move{from} to {}{effect}.", self.targets(names))
            }
            VerdictWord::NotYet => {
                let keep = today.unwrap_or_else(|| self.targets(names));
                let Some(candidate) = &verdict.candidate else {
                    return format!("Keep {keep} for now. {}", sentence(&verdict.why));
                };
                let tell = verdict.tasks_needed.map_or_else(String::new, |needed| {
                    let tasks = group_thousands(needed.high);
                    format!(
                        "; {tasks} more tasks decide, with a chance of {}",
                        share(needed.chance)
                    )
                });
                let candidate = names.short(candidate);
                format!("Keep {keep} for now. {candidate} might pay{}{tell}.", self.effect())
            }
            VerdictWord::Try => {
                let candidate =
                    verdict.candidate.as_deref().map_or_else(missing, |c| names.short(c));
                format!("Try {candidate} with a part of the traffic{}.", self.effect())
            }
            VerdictWord::NoData => format!("No weights. {}", sentence(&verdict.why)),
            VerdictWord::Stay => {
                let keep = today.unwrap_or_else(|| self.targets(names));
                format!("Keep {keep}. {}", sentence(&verdict.why)).trim_end().to_owned()
            }
        }
    }

    /// `: quality +0.5 points (95 %: −2.3 to +2.8), $3.08 less per 1,000`.
    fn effect(&self) -> String {
        let mut parts = Vec::new();
        if let Some(gap) = &self.verdict.difference {
            let range = match (gap.low, gap.high) {
                (Some(low), Some(high)) => format!(" (95 %: {} to {})", points(low), points(high)),
                _ => String::new(),
            };
            parts.push(format!("quality {} points{range}", points(gap.value)));
        }
        if let Some(saves) = self.verdict.saves_per_1000_usd {
            parts.push(saves_in_words(saves.to_f64()));
        }
        // Only a simulated fleet knows it.
        parts.extend(self.verdict.truth.map(|truth| format!("in truth {} points", points(truth))));
        if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
    }

    /// `mini@azure`, or `mini@azure (70 %) and tiny@birch (30 %)`.
    pub(super) fn targets(&self, names: &Names) -> String {
        match self.mix {
            [] => self.verdict.candidate.as_deref().map_or_else(missing, |c| names.short(c)),
            [(id, _)] => names.short(id),
            [several @ .., last] => {
                let part =
                    |(id, part): &(String, f64)| format!("{} ({})", names.short(id), share(*part));
                let first: Vec<String> = several.iter().map(part).collect();
                format!("{} and {}", first.join(", "), part(last))
            }
        }
    }

    /// Where the traffic goes, or might go, for a narrow line; `None`: nowhere else.
    pub(super) fn to(&self, names: &Names) -> Option<String> {
        // What stays with today's endpoint is what is not named.
        let part = |(id, part): &(String, f64)| {
            let name = names.model(id);
            if *part < 0.995 { format!("{name} {}", share(*part)) } else { name }
        };
        let mut moved = self.mix.iter().filter(|(id, _)| Some(id.as_str()) != self.today);
        let first = moved.next().filter(|_| self.verdict.word == VerdictWord::Move);
        let Some(first) = first else {
            return self.verdict.candidate.as_deref().map(|id| names.model(id));
        };
        match moved.count() {
            0 => Some(part(first)),
            more => Some(format!("{} +{more}", part(first))),
        }
    }
}

/// `$3.08 less per 1,000`, `$0.12 more per 1,000`.
fn saves_in_words(saves: f64) -> String {
    let amount = currency(&dollars(saves.abs()));
    if saves < 0.0 {
        format!("{amount} more per 1,000")
    } else {
        format!("{amount} less per 1,000")
    }
}

/// ` (reply: 10, tools: 5)`: the margins of single categories; empty where there are none.
pub(super) fn margins(report: &RunReport) -> String {
    let margins = report.objective.margins.iter().map(|(name, margin)| {
        let size = points(*margin);
        format!("{}: {}", escape_control(name), size.trim_start_matches(['+', '±']))
    });
    let margins: Vec<String> = margins.collect();
    if margins.is_empty() { String::new() } else { format!(" ({})", margins.join(", ")) }
}

/// What a verdict's quality is tested by, in a sentence.
pub(super) fn test(report: &RunReport) -> String {
    let margin = points(report.objective.margin);
    let others = margins(report);
    format!(
        "A MOVE is within {} points{others} of today's with a probability of at least 95 %, under a model of \
         the whole run, and the risks of all MOVEs together are at most 5 %. A TRY is likely within \
         them. Intervals are two-sided, 95 %.",
        margin.trim_start_matches(['+', '±'])
    )
}

/// What serving by the weights is expected to give, against today: sentences, none without
/// weights.
pub(super) fn mixture(report: &RunReport) -> Vec<String> {
    let Some(expected) = &report.expected else { return Vec::new() };
    let mut said = Vec::new();
    let mut words: Vec<String> = Vec::new();
    words.extend(expected.difference.as_ref().map(difference_in_words));
    words.extend(expected.saving.as_ref().map(saving_in_words));
    if words.is_empty() {
        return said;
    }
    let cost = |e: &Estimate| format!("for {} per 1,000 tasks", currency(&dollars(e.value * 1e3)));
    let mut today: Vec<String> = Vec::new();
    today.extend(expected.today_quality.as_ref().map(|q| format!("{} %", percent(q.value))));
    today.extend(expected.today_cost_per_task.as_ref().map(cost));
    let against = match (&report.today.endpoint, today.is_empty()) {
        (Some(id), false) => {
            format!("; today {} gives {}", report.names.short(id.as_str()), today.join(" "))
        }
        _ => String::new(),
    };
    said.push(format!(
        "Served by these weights, all traffic together {}{against}.",
        words.join(" and ")
    ));
    if let Some(miss) = &expected.slo_miss {
        let today = expected.today_slo_miss.as_ref();
        let today = today.map_or_else(String::new, |m| format!(" (today {} %)", percent(m.value)));
        said.push(format!(
            "{} % of first tokens miss the latency objective{today}.",
            percent(miss.value)
        ));
    }
    said.extend(monthly(report));
    said
}

/// `gains 4.2 points (95 %: +1.0 to +7.1)`.
fn difference_in_words(gap: &Estimate) -> String {
    let verb = if gap.value < 0.0 { "loses" } else { "gains" };
    let size = points(gap.value);
    let range = match (gap.low, gap.high) {
        (Some(low), Some(high)) => format!(" (95 %: {} to {})", points(low), points(high)),
        _ => String::new(),
    };
    format!("{verb} {} points{range}", size.trim_start_matches(['+', '−', '±']))
}

/// `saves 15 % (10–20) of the cost`.
fn saving_in_words(saving: &Estimate) -> String {
    let verb = if saving.value < 0.0 { "adds" } else { "saves" };
    let sign = if saving.value < 0.0 { -1.0 } else { 1.0 };
    let ends = saving.low.zip(saving.high).map(|(low, high)| (sign * low, sign * high));
    let range = ends.map_or_else(String::new, |(a, b)| {
        format!(" ({}–{})", percent(a.min(b)), percent(a.max(b)))
    });
    format!("{verb} {} %{range} of the cost", percent(sign * saving.value))
}

/// What a month at the stated traffic would save.
fn monthly(report: &RunReport) -> Option<String> {
    let requests = report.month()?;
    let saved = report.saves_per_month_usd?;
    let less = if saved < 0.0 { "more" } else { "less" };
    Some(format!(
        "At {} requests a month that is {} {less}; this run cost {}.",
        group_thousands(requests),
        currency(&dollars(saved.abs())),
        money(report.cost)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_category_without_weights_is_named() {
        let (metrics, mut weights) = fixture::support();
        weights.categories.remove("reply");
        assert_eq!(unjudged(&RunReport::new(&metrics, &weights)), ["reply"]);
        weights.categories.clear();
        assert!(unjudged(&RunReport::new(&metrics, &weights)).is_empty());
    }

    #[test]
    fn without_a_score_there_is_neither_verdict_nor_mixture() {
        let (mut metrics, weights) = fixture::support();
        metrics.counts.scored = 0;
        let report = RunReport::new(&metrics, &weights);
        assert!(verdicts(&report).is_empty() && mixture(&report).is_empty());
    }

    #[test]
    fn verdicts_read_as_sentences() {
        let report = fixture::report(&fixture::support());
        let said: Vec<String> =
            verdicts(&report).iter().map(|v| v.sentences(&report.names)).collect();
        assert_eq!(
            said,
            [
                "Move from large@azure to mini@azure: quality +0.5 points (95 %: −2.3 to +2.8), \
                 $3.08 less per 1,000.",
                "Keep large@azure for now. mini@azure might pay: quality −1.2 points \
                 (95 %: −5.0 to +2.6), $2.10 less per 1,000; 1,400 more tasks decide, with a chance of 50 %.",
                "Keep large@azure. Nothing cheaper is within 2 pt.",
            ]
        );
    }
}
