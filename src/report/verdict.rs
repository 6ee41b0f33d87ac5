//! The verdicts in words, and what the whole mixture of the weights brings.

use super::number::{currency, difference, dollars, percent, points, share};
use super::run_text::{Names, missing, sentence};
use super::text::escape_control;
use crate::aggregate::RunMetrics;
use crate::stats::Estimate;
use crate::units::Goal;
use crate::units::prose::group_thousands;
use crate::weights::{CategoryWeights, PARTS, Verdict, VerdictWord, WeightsFile};

/// A category's verdict with all that its sentence needs.
pub(super) struct CategoryVerdict<'a> {
    /// The category.
    pub category: String,
    /// Its share of traffic.
    pub share: f64,
    /// The verdict.
    pub verdict: &'a Verdict,
    /// Today's endpoint.
    pub today: Option<&'a str>,
    /// Where the traffic goes: endpoint and share, the largest first.
    pub mix: Vec<(&'a str, f64)>,
}

/// The verdicts, most traffic first; a category without weights has none.
pub(super) fn verdicts<'a>(
    metrics: &RunMetrics,
    weights: &'a WeightsFile,
) -> Vec<CategoryVerdict<'a>> {
    if metrics.counts.scored == 0 || metrics.today.endpoint.is_none() {
        return Vec::new();
    }
    let mut verdicts: Vec<CategoryVerdict> = metrics
        .categories
        .iter()
        .filter_map(|category| {
            let found = weights.categories.get(category.name.as_str())?;
            Some(CategoryVerdict {
                category: escape_control(category.name.as_str()).into_owned(),
                share: category.share,
                verdict: &found.verdict,
                today: weights.objective.today.as_deref(),
                mix: mix(found),
            })
        })
        .collect();
    verdicts.sort_by(|a, b| b.share.total_cmp(&a.share));
    verdicts
}

/// The categories that have no verdict beside others that have one, as plain names.
pub(super) fn unjudged(metrics: &RunMetrics, weights: &WeightsFile) -> Vec<String> {
    if weights.categories.is_empty() {
        return Vec::new();
    }
    let names = metrics.categories.iter().map(|c| c.name.as_str());
    let missing = names.filter(|name| !weights.categories.contains_key(*name));
    missing.map(|name| escape_control(name).into_owned()).collect()
}

/// The endpoints of a mix and their shares, the largest first.
pub(super) fn mix(weights: &CategoryWeights) -> Vec<(&str, f64)> {
    let mut mix: Vec<(&str, f64)> = weights
        .weights
        .iter()
        .filter(|(_, parts)| **parts > 0)
        .map(|(id, parts)| (id.as_str(), f64::from(*parts) / f64::from(PARTS)))
        .collect();
    mix.sort_by(|a, b| b.1.total_cmp(&a.1));
    mix
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
                let tell = match verdict.tasks_needed {
                    Some(n) => format!("; about {} more tasks would tell", group_thousands(n)),
                    None => String::new(),
                };
                let candidate = names.short(candidate);
                format!("Keep {keep} for now. {candidate} might pay{}{tell}.", self.effect())
            }
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
        if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
    }

    /// `mini@azure`, or `mini@azure (70 %) and tiny@birch (30 %)`.
    fn targets(&self, names: &Names) -> String {
        match self.mix.as_slice() {
            [] => self.verdict.candidate.as_deref().map_or_else(missing, |c| names.short(c)),
            [(id, _)] => names.short(id),
            [several @ .., last] => {
                let part =
                    |(id, part): &(&str, f64)| format!("{} ({})", names.short(id), share(*part));
                let first: Vec<String> = several.iter().map(part).collect();
                format!("{} and {}", first.join(", "), part(last))
            }
        }
    }

    /// For a narrow line.
    pub(super) fn columns(&self, names: &Names) -> Columns {
        let verdict = self.verdict;
        let today = self.today.map_or_else(missing, |id| names.model(id));
        let gap = verdict.difference.as_ref();
        let gap = gap.map_or_else(String::new, |d| format!("{} pt", difference(d)));
        match verdict.word {
            VerdictWord::Move => {
                // What stays with today's endpoint is what is not named.
                let moved = || self.mix.iter().filter(|(id, _)| Some(*id) != self.today);
                let part = |(id, part): &(&str, f64)| {
                    let name = names.model(id);
                    if *part < 0.995 { format!("{name} {}", share(*part)) } else { name }
                };
                let to: Vec<String> = moved().map(part).collect();
                let [to, brief] = match to.as_slice() {
                    [] => {
                        let to = verdict.candidate.as_deref();
                        let to = to.map_or_else(missing, |c| names.model(c));
                        [to.clone(), to]
                    }
                    [only] => [only.clone(), only.clone()],
                    [first, rest @ ..] => [to.join(", "), format!("{first} +{}", rest.len())],
                };
                let saves =
                    verdict.saves_per_1000_usd.map(|saves| saves_in_columns(saves.to_f64()));
                let what = [format!("{today} → {to}"), format!("→ {brief}")];
                Columns { what, gap, tail: saves.unwrap_or_default() }
            }
            VerdictWord::NotYet => {
                // The difference is the candidate's, so the line names it; without a number the
                // words say why there is none.
                let Some(candidate) = verdict.candidate.as_deref() else {
                    let why = escape_control(&verdict.why).into_owned();
                    let what = [format!("{today} stays"), today];
                    return Columns { what, gap, tail: [why.clone(), why.clone(), why] };
                };
                let tell = match verdict.tasks_needed.map(group_thousands) {
                    Some(n) => [
                        format!("≈ {n} tasks would tell"),
                        format!("≈ {n} more tasks"),
                        format!("≈ {n} tasks"),
                    ],
                    None => ["too near the margin", "too near", "too near"].map(str::to_owned),
                };
                let candidate = names.model(candidate);
                let what = [format!("{today} → {candidate}?"), format!("{candidate}?")];
                Columns { what, gap, tail: tell }
            }
            VerdictWord::Stay => {
                let kept = self.mix.first().map_or(today, |(id, _)| names.model(id));
                let why = escape_control(&verdict.why).into_owned();
                Columns {
                    what: [kept.clone(), kept],
                    gap: String::new(),
                    tail: [why.clone(), why.clone(), why],
                }
            }
        }
    }
}

/// A verdict for a narrow line, its parts from the longest form to the shortest.
pub(super) struct Columns {
    /// What happens.
    pub what: [String; 2],
    /// The difference; empty where nothing is compared.
    pub gap: String,
    /// What it brings, what would tell, or why; may be empty.
    pub tail: [String; 3],
}

fn saves_in_columns(saves: f64) -> [String; 3] {
    let amount = currency(&dollars(saves.abs()));
    let (verb, sign) = if saves < 0.0 { ("costs", '+') } else { ("saves", '−') };
    [
        format!("{verb} {amount} per 1,000"),
        format!("{verb} {amount}/1,000"),
        format!("{sign}{amount}/1,000"),
    ]
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

/// What a verdict's quality is tested by, in a sentence.
pub(super) fn test(weights: &WeightsFile) -> String {
    let shown = match weights.objective.goal {
        Goal::Better => "better than today's".to_owned(),
        Goal::Cheaper | Goal::Faster => format!(
            "within {} points of today's",
            points(weights.objective.margin).trim_start_matches(['+', '±'])
        ),
    };
    format!(
        "A MOVE is shown {shown} by a one-sided test at 5 %; the intervals are two-sided, 95 %."
    )
}

/// What serving by the weights is expected to give, against today: sentences, none without
/// weights.
pub(super) fn mixture(metrics: &RunMetrics, weights: &WeightsFile, names: &Names) -> Vec<String> {
    let expected = &weights.expected;
    let mut said = Vec::new();
    if weights.categories.is_empty() || metrics.counts.scored == 0 {
        return said;
    }
    let cost = |e: &Estimate| format!("for {} per 1,000 tasks", currency(&dollars(e.value * 1e3)));
    let mut words: Vec<String> = Vec::new();
    words.extend(expected.quality.as_ref().map(quality_in_words));
    words.extend(expected.cost_per_task_usd.as_ref().map(cost));
    if words.is_empty() {
        return said;
    }
    let mut today: Vec<String> = Vec::new();
    today.extend(expected.today_quality.as_ref().map(|q| format!("{} %", percent(q.value))));
    today.extend(expected.today_cost_per_task_usd.as_ref().map(cost));
    let against = match (&weights.objective.today, today.is_empty()) {
        (Some(id), false) => {
            let today = today.join(" ").replace(" per 1,000 tasks", "");
            format!("; today {} gives {today}", names.short(id))
        }
        _ => String::new(),
    };
    said.push(format!(
        "Served by these weights, all traffic together gets {}{against}.",
        words.join(" ")
    ));
    if let Some(miss) = &expected.slo_miss {
        let today = expected.today_slo_miss.as_ref();
        let today = today.map_or_else(String::new, |m| format!(" (today {} %)", percent(m.value)));
        said.push(format!(
            "{} % of first tokens miss the latency objective{today}.",
            percent(miss.value)
        ));
    }
    said.extend(monthly(metrics, weights));
    said
}

/// `92.1 % quality (90.2–93.8)`.
fn quality_in_words(quality: &Estimate) -> String {
    let range = match (quality.low, quality.high) {
        (Some(low), Some(high)) => format!(" ({}–{})", percent(low), percent(high)),
        _ => String::new(),
    };
    format!("{} % quality{range}", percent(quality.value))
}

/// What a month at the stated traffic would save.
fn monthly(metrics: &RunMetrics, weights: &WeightsFile) -> Option<String> {
    let requests = metrics.judging().requests_per_month?;
    let new = weights.expected.cost_per_task_usd.as_ref()?.value;
    let old = weights.expected.today_cost_per_task_usd.as_ref()?.value;
    let saved = (old - new) * requests as f64;
    let less = if saved < 0.0 { "more" } else { "less" };
    Some(format!(
        "At {} requests a month that is {} {less}.",
        group_thousands(requests),
        currency(&dollars(saved.abs()))
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
        assert_eq!(unjudged(&metrics, &weights), ["reply"]);
        weights.categories.clear();
        assert!(unjudged(&metrics, &weights).is_empty());
    }

    #[test]
    fn without_a_score_there_is_neither_verdict_nor_mixture() {
        let (mut metrics, weights) = fixture::support();
        metrics.counts.scored = 0;
        assert!(verdicts(&metrics, &weights).is_empty());
        assert!(mixture(&metrics, &weights, &Names::of(&metrics)).is_empty());
    }

    #[test]
    fn a_line_that_waits_names_what_it_waits_for() {
        let (metrics, mut weights) = fixture::support();
        let found = weights.categories.get_mut("extract").expect("made");
        let names = Names::of(&metrics);
        let columns = |weights: &WeightsFile| verdicts(&metrics, weights)[1].columns(&names);
        found.verdict.tasks_needed = None;
        let line = columns(&weights);
        assert_eq!(line.what, ["large → mini?", "mini?"]);
        assert_eq!(line.tail[1], "too near");
    }

    #[test]
    fn verdicts_read_as_sentences() {
        let (metrics, weights) = fixture::support();
        let names = Names::of(&metrics);
        let said: Vec<String> =
            verdicts(&metrics, &weights).iter().map(|v| v.sentences(&names)).collect();
        assert_eq!(
            said,
            [
                "Move from large@azure to mini@azure: quality +0.5 points (95 %: −2.3 to +2.8), \
                 $3.08 less per 1,000.",
                "Keep large@azure for now. mini@azure might pay: quality −1.2 points \
                 (95 %: −5.0 to +2.6), $2.10 less per 1,000; about 1,400 more tasks would tell.",
                "Keep large@azure. Nothing cheaper is within 2 pt.",
            ]
        );
    }
}
