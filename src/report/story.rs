//! What a run says, in words: shared by the screen, the page and the Markdown summary.
//!
//! Everything is plain text here; each place escapes it in its own way.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::number::{self, count, currency, difference, dollars, money, percent, points, share};
use super::text::plain;
use crate::aggregate::{Cell, DifferenceSays, EndpointFigures, Figures, LatencyMetric};
use crate::stats::Estimate;
use crate::weights::{CategoryWeights, PARTS, Verdict, VerdictWord, WeightsFile};

/// The facts of the heading, to be joined by ` · `: the run's name comes first.
pub(super) fn heading(figures: &Figures) -> Vec<String> {
    let tasks: u64 = figures.categories.iter().map(|c| c.tasks).sum();
    let mut facts = vec![
        plain(&figures.manifest.name).into_owned(),
        format!(
            "{} × {}",
            things(tasks, "task"),
            things(figures.endpoints.len() as u64, "endpoint")
        ),
        trials(figures),
        cost(figures),
    ];
    match &figures.manifest.ended {
        Some(ended) => {
            facts.push(number::duration(ended.duration_ns));
            facts.push(ended.validity.mark.word().to_owned());
            if !ended.complete {
                facts.push("INCOMPLETE".to_owned());
            }
        }
        None => facts.push("UNFINISHED".to_owned()),
    }
    facts
}

fn trials(figures: &Figures) -> String {
    let (done, planned) = (figures.counts.trials(), figures.counts.planned);
    if done == planned {
        things(done, "trial")
    } else {
        format!("{} of {}", count(done), things(planned, "trial"))
    }
}

fn cost(figures: &Figures) -> String {
    let (cost, upper) = (money(figures.cost), money(figures.cost_upper));
    if cost == upper || figures.cost_upper < figures.cost {
        cost
    } else {
        format!("{cost}–{}", upper.trim_start_matches('$'))
    }
}

/// `1 task`, `800 tasks`.
pub(super) fn things(n: u64, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{} {thing}s", count(n)) }
}

/// What was assumed because nobody stated it, one sentence each.
pub(super) fn assumptions(figures: &Figures) -> Vec<String> {
    let mut said = Vec::new();
    if let (Some(id), false) = (&figures.today.endpoint, figures.today.stated) {
        said.push(format!(
            "No [today] was stated: the best single endpoint of this run, {}, stands for it.",
            plain(id.as_str())
        ));
    }
    if figures.categories.len() > 1 && figures.categories.iter().any(|c| !c.share_stated) {
        said.push("No [traffic] shares were stated: categories count equally.".to_owned());
    }
    said
}

/// Names of endpoints and models as short as they may be without two of them being the same.
pub(super) struct Names {
    shown: BTreeMap<String, (String, String)>,
}

impl Names {
    /// For the endpoints of a run.
    pub(super) fn of(figures: &Figures) -> Self {
        let mut shorts: BTreeMap<&str, u32> = BTreeMap::new();
        let mut models: BTreeMap<&str, u32> = BTreeMap::new();
        for endpoint in &figures.endpoints {
            let short = endpoint.id.short();
            *shorts.entry(short).or_default() += 1;
            *models.entry(model_of(short)).or_default() += 1;
        }
        let shown = figures
            .endpoints
            .iter()
            .map(|endpoint| {
                let (id, short) = (endpoint.id.as_str(), endpoint.id.short());
                let short_name = if shorts[short] == 1 { short } else { id };
                let model = model_of(short);
                let alone = models[model] == 1 && !short.contains('#');
                let model_name = if alone { model } else { short_name };
                (id.to_owned(), (plain(short_name).into_owned(), plain(model_name).into_owned()))
            })
            .collect();
        Self { shown }
    }

    /// `name@provider`, or the whole id where that is not unique.
    pub(super) fn short(&self, id: &str) -> String {
        self.shown.get(id).map_or_else(|| plain(id).into_owned(), |(short, _)| short.clone())
    }

    /// The model's name alone where one endpoint has it, else as [`Names::short`].
    pub(super) fn model(&self, id: &str) -> String {
        self.shown.get(id).map_or_else(|| plain(id).into_owned(), |(_, model)| model.clone())
    }
}

fn model_of(short: &str) -> &str {
    match short.split_once('@') {
        Some(("", _)) | None => short,
        Some((model, _)) => model,
    }
}

/// The endpoints, best quality first; the unscored last; equal ones by cost, then as in the
/// catalog.
pub(super) fn ranked(figures: &Figures) -> Vec<&EndpointFigures> {
    let mut endpoints: Vec<&EndpointFigures> = figures.endpoints.iter().collect();
    endpoints.sort_by(|a, b| {
        descending(value(a.all.quality.as_ref()), value(b.all.quality.as_ref())).then_with(|| {
            let cost = |e: &EndpointFigures| value(e.all.cost_per_task.as_ref()).map(|c| -c);
            descending(cost(a), cost(b))
        })
    });
    endpoints
}

fn value(estimate: Option<&Estimate>) -> Option<f64> {
    estimate.map(|e| e.value).filter(|v| v.is_finite())
}

fn descending(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// Quality in percent with its interval.
pub(super) fn quality(cell: &Cell) -> String {
    cell.quality.as_ref().map_or_else(missing, |e| number::interval(e, percent))
}

/// Dollars per 1,000 tasks, without the sign.
pub(super) fn per_1000(cell: &Cell) -> String {
    value(cell.cost_per_task.as_ref()).map_or_else(missing, |cost| dollars(cost * 1e3))
}

/// Dollars per 1,000 passes; `≥ low` where Fieller's interval has no upper end.
pub(super) fn per_1000_passes(cell: &Cell) -> String {
    cell.cost_per_pass.as_ref().map_or_else(missing, |cost| match (cost.low, cost.high) {
        (Some(low), None) => format!("≥ {}", dollars(low * 1e3)),
        _ => dollars(cost.value * 1e3),
    })
}

/// The difference from today: `−3.5 worse`; a dash for today itself.
pub(super) fn vs_today(cell: &Cell, is_today: bool) -> String {
    match &cell.vs_today {
        _ if is_today => "–".to_owned(),
        None => missing(),
        Some(found) => format!("{} {}", points(found.estimate.value), says(found.says)),
    }
}

/// What may be said of a difference.
pub(super) const fn says(says: DifferenceSays) -> &'static str {
    match says {
        DifferenceSays::Better => "better",
        DifferenceSays::Worse => "worse",
        DifferenceSays::Unclear => "unclear",
    }
}

/// TTFT as `p50/p95`; the highest percentile whose floor is met, by name, where p95's is not.
pub(super) fn ttft_pair(cell: &Cell) -> String {
    let Some(latency) = cell.latency.get(&LatencyMetric::Ttft) else { return missing() };
    let at = |key: u16| latency.percentiles.get(&key).map(|e| number::seconds(e.value));
    match (at(500), at(950), latency.percentiles.range(501..950).next_back()) {
        (Some(p50), Some(p95), _) => format!("{p50}/{p95} s"),
        (Some(p50), None, Some((key, high))) => {
            format!("{p50}/{} {} s", number::percentile(*key), number::seconds(high.value))
        }
        (Some(p50), None, None) => format!("p50 {p50} s"),
        (None, ..) => missing(),
    }
}

/// One percentile of TTFT in seconds.
pub(super) fn ttft(cell: &Cell, key: u16) -> String {
    cell.latency
        .get(&LatencyMetric::Ttft)
        .and_then(|latency| latency.percentiles.get(&key))
        .map_or_else(missing, |e| number::seconds(e.value))
}

/// Availability in percent.
pub(super) fn availability(cell: &Cell) -> String {
    value(cell.availability.as_ref()).map_or_else(missing, percent)
}

pub(super) fn missing() -> String {
    number::NONE.to_owned()
}

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
    figures: &Figures,
    weights: &'a WeightsFile,
) -> Vec<CategoryVerdict<'a>> {
    let mut verdicts: Vec<CategoryVerdict> = figures
        .categories
        .iter()
        .filter_map(|category| {
            let found = weights.categories.get(category.name.as_str())?;
            Some(CategoryVerdict {
                category: plain(category.name.as_str()).into_owned(),
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
                    Some(n) => format!("; about {} more tasks would tell", count(n)),
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
                let to = match self.mix.first() {
                    Some((id, part)) if *part < 0.995 => {
                        format!("{} {}", names.model(id), share(*part))
                    }
                    Some((id, _)) => names.model(id),
                    None => verdict.candidate.as_deref().map_or_else(missing, |c| names.model(c)),
                };
                let saves =
                    verdict.saves_per_1000_usd.map(|saves| saves_in_columns(saves.to_f64()));
                let what = [format!("{today} → {to}"), format!("→ {to}")];
                Columns { what, gap, tail: saves.unwrap_or_default() }
            }
            VerdictWord::NotYet => {
                let tell = verdict.tasks_needed.map(count).map(|n| {
                    [
                        format!("≈ {n} tasks would tell"),
                        format!("≈ {n} more tasks"),
                        format!("≈ {n} tasks"),
                    ]
                });
                let what = [format!("{today} stays"), today];
                Columns { what, gap, tail: tell.unwrap_or_default() }
            }
            VerdictWord::Stay => {
                let kept = self.mix.first().map_or(today, |(id, _)| names.model(id));
                let why = plain(&verdict.why).into_owned();
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

/// A text as a sentence: a capital first, a full stop last.
pub(super) fn sentence(text: &str) -> String {
    let text = plain(text.trim());
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return String::new() };
    let mut sentence: String = first.to_uppercase().chain(characters).collect();
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

/// What serving by the weights is expected to give, against today: sentences, none without
/// weights.
pub(super) fn mixture(figures: &Figures, weights: &WeightsFile, names: &Names) -> Vec<String> {
    let expected = &weights.expected;
    let mut said = Vec::new();
    if weights.categories.is_empty() {
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
    said.extend(monthly(figures, weights));
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
fn monthly(figures: &Figures, weights: &WeightsFile) -> Option<String> {
    let requests = figures.judging().requests_per_month?;
    let new = weights.expected.cost_per_task_usd.as_ref()?.value;
    let old = weights.expected.today_cost_per_task_usd.as_ref()?.value;
    let saved = (old - new) * requests as f64;
    let less = if saved < 0.0 { "more" } else { "less" };
    Some(format!(
        "At {} requests a month that is {} {less}.",
        count(requests),
        currency(&dollars(saved.abs()))
    ))
}

/// The run's notes and the weights' notes, each once, and why the run is not wholly valid.
pub(super) fn notes(figures: &Figures, weights: &WeightsFile) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let ended = figures.manifest.ended.as_ref();
    let why = ended.and_then(|e| e.why.as_ref());
    let marks = ended.map(|e| e.validity.reasons.as_slice()).unwrap_or_default();
    why.into_iter()
        .chain(marks)
        .chain(&figures.manifest.notes)
        .chain(&weights.notes)
        .filter(|note| seen.insert(note.trim()))
        .map(|note| sentence(note))
        .filter(|note| !note.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_heading_is_the_run_in_one_line() {
        let (figures, _) = fixture::support();
        assert_eq!(
            heading(&figures).join(" · "),
            "support · 800 tasks × 3 endpoints · 2,400 trials · $18.54 · 11 min · VALID"
        );
    }

    #[test]
    fn a_model_at_two_providers_keeps_its_providers() {
        let (figures, _) = fixture::demo();
        let names = Names::of(&figures);
        assert_eq!(names.model("acme/large@azure"), "large");
        assert_eq!(names.model("birch/pro@birch"), "pro@birch");
        assert_eq!(names.short("birch/pro@cloudy"), "pro@cloudy");
    }

    #[test]
    fn verdicts_read_as_sentences() {
        let (figures, weights) = fixture::support();
        let names = Names::of(&figures);
        let said: Vec<String> =
            verdicts(&figures, &weights).iter().map(|v| v.sentences(&names)).collect();
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

    #[test]
    fn a_percentile_that_is_not_p95_is_named() {
        let (figures, _) = fixture::support();
        let mut cell = figures.endpoints[0].all.clone();
        assert_eq!(ttft_pair(&cell), "0.41/0.78 s");
        let ttft = cell.latency.get_mut(&LatencyMetric::Ttft).expect("measured");
        ttft.percentiles.retain(|key, _| *key <= 900);
        assert_eq!(ttft_pair(&cell), "0.41/p90 0.64 s");
        let ttft = cell.latency.get_mut(&LatencyMetric::Ttft).expect("measured");
        ttft.percentiles.remove(&900);
        assert_eq!(ttft_pair(&cell), "p50 0.41 s");
        cell.latency.clear();
        assert_eq!(ttft_pair(&cell), "n/a");
    }
}
