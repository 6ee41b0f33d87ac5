//! What stands for today, how far the others are from it, and how categories add up to traffic.

use super::{CategoryMetrics, Cell, Difference, EndpointMetrics, ScoreTable, Significance, Today};
use crate::stats::paired::{self, Paired};
use crate::stats::{Estimate, Level, Method, multiple, special};
use crate::units::{Category, EndpointId, Judging};

/// The level of an adjusted p at which a difference is said to be one.
const ALPHA: f64 = 0.05;
/// With so many tasks in each category with traffic, a third of them chooses what stands for today, and
/// the rest is enough to compare it.
const TASKS_TO_CHOOSE_APART: u64 = 30;

/// The categories with their shares: those of `[traffic]`, else equal ones.
pub(super) fn categories(
    names: &[Category],
    tasks_in: &[u64],
    judging: &Judging,
) -> Vec<CategoryMetrics> {
    let stated = !judging.shares.is_empty();
    let equal = 1.0 / names.len() as f64;
    let share = |name: &Category| {
        if stated { judging.shares.get(name.as_str()).copied().unwrap_or(0.0) } else { equal }
    };
    names
        .iter()
        .zip(tasks_in)
        .map(|(name, &tasks)| CategoryMetrics {
            name: name.clone(),
            tasks,
            share: share(name),
            share_stated: stated,
        })
        .collect()
}

/// The endpoint that stands for today: the one that `[today]` names, if it was measured; else the
/// best single endpoint of the run, by the mean of its categories' quality under their shares.
/// Only endpoints with a known price can stand in. Ties go to the more available, then to the cheaper,
/// then to the name.
///
/// It is chosen on a third of the tasks where there are enough, and compared on the others: on those it
/// was chosen by, the best of many looks better than it is.
#[must_use]
pub fn today(
    judging: &Judging,
    categories: &[CategoryMetrics],
    endpoints: &[EndpointMetrics],
    scores: &ScoreTable,
) -> Today {
    let stated = judging.today.as_ref().map(EndpointId::from_text);
    if let Some(id) = stated.filter(|id| endpoints.iter().any(|endpoint| endpoint.id == *id)) {
        return Today { endpoint: Some(id), stated: true, apart: false };
    }
    let apart = categories
        .iter()
        .filter(|category| category.share > 0.0)
        .all(|category| category.tasks >= TASKS_TO_CHOOSE_APART);
    let quality = |at: usize, category: usize| {
        if apart {
            chosen_quality(scores, category, at)
        } else {
            endpoints[at].cells[category].quality.map(|quality| quality.value)
        }
    };
    let best = endpoints
        .iter()
        .enumerate()
        .filter(|(_, endpoint)| endpoint.priced)
        .filter_map(|(at, endpoint)| {
            Some((endpoint, traffic_quality(categories, |category| quality(at, category))?))
        })
        .min_by(|(a, quality_a), (b, quality_b)| {
            let cost = |e: &EndpointMetrics| e.all.cost_per_task.map_or(f64::INFINITY, |c| c.value);
            // An endpoint that was not measured on all of the traffic must not win by what it
            // was spared.
            let by_quality = quality_b.covered.total_cmp(&quality_a.covered);
            let available =
                |e: &EndpointMetrics| e.all.availability_retried.map_or(0.0, |a| a.value);
            by_quality
                .then(quality_b.quality.total_cmp(&quality_a.quality))
                .then(available(b).total_cmp(&available(a)))
                .then(cost(a).total_cmp(&cost(b)))
                .then(a.id.cmp(&b.id))
        });
    Today { endpoint: best.map(|(endpoint, _)| endpoint.id.clone()), stated: false, apart }
}

/// An endpoint's quality over the traffic.
struct TrafficQuality {
    /// The share of traffic in categories where it was scored.
    covered: f64,
    /// The mean over them.
    quality: f64,
}

fn traffic_quality(
    categories: &[CategoryMetrics],
    quality: impl Fn(usize) -> Option<f64>,
) -> Option<TrafficQuality> {
    let scored = categories.iter().enumerate().filter_map(|(at, c)| Some((c.share, quality(at)?)));
    let (covered, sum) =
        scored.fold((0.0, 0.0), |(w, sum), (share, q)| (w + share, sum + share * q));
    (covered > 0.0).then(|| TrafficQuality { covered, quality: sum / covered })
}

/// The mean score on the tasks of a category that choose.
fn chosen_quality(scores: &ScoreTable, category: usize, endpoint: usize) -> Option<f64> {
    let tasks = scores.tasks().iter().enumerate();
    let tasks = tasks.filter(|(_, task)| task.category == category && task.key.is_for_choice());
    let (sum, n) = tasks
        .filter_map(|(at, _)| scores.get(at, endpoint))
        .fold((0.0, 0.0), |(sum, n), score| (sum + score, n + 1.0));
    (n > 0.0).then(|| sum / n)
}

/// The categories' weights in a mean over traffic: their shares, without those in which no
/// endpoint has an estimate, scaled to sum to 1.
pub(super) fn traffic(
    categories: &[CategoryMetrics],
    endpoints: &[EndpointMetrics],
    estimate: impl Fn(&Cell) -> Option<Estimate>,
) -> Vec<f64> {
    let measured =
        |category: usize| endpoints.iter().any(|e| estimate(&e.cells[category]).is_some());
    let shares: Vec<f64> = categories
        .iter()
        .enumerate()
        .map(|(idx, category)| if measured(idx) { category.share } else { 0.0 })
        .collect();
    let total: f64 = shares.iter().sum();
    shares.into_iter().map(|share| if total > 0.0 { share / total } else { 0.0 }).collect()
}

/// The weighted mean over categories; `None`: a category with weight has no estimate.
///
/// The interval is MOVER's: independent categories' distances from estimate to limit add up as
/// squares (Zou & Donner 2008, *Stat. Med.* 27:1693), so that each keeps the interval that suits
/// it. It is absent where one of theirs is.
pub(super) fn mixture(
    weights: &[f64],
    estimates: impl IntoIterator<Item = Option<Estimate>>,
) -> Option<Estimate> {
    let (mut value, mut n, mut level) = (0.0, 0, Level::P95);
    let (mut below, mut above) = (Some(0.0), Some(0.0));
    for (&weight, estimate) in weights.iter().zip(estimates).filter(|(weight, _)| **weight > 0.0) {
        let estimate = estimate?;
        let square = |end: f64| {
            let distance = weight * (end - estimate.value);
            distance * distance
        };
        value += weight * estimate.value;
        n += estimate.n;
        level = estimate.level;
        below = below.zip(estimate.low).map(|(sum, low): (f64, f64)| sum + square(low));
        above = above.zip(estimate.high).map(|(sum, high): (f64, f64)| sum + square(high));
    }
    (n > 0).then(|| Estimate {
        value,
        low: below.map(|sum| value - libm::sqrt(sum)),
        high: above.map(|sum| value + libm::sqrt(sum)),
        level,
        n,
        method: Method::Mover,
    })
}

/// Fills in every difference from today. The endpoints' rows are one family of tests, their cells
/// another: each is a grid that is shown together.
pub(super) fn against_today(
    endpoints: &mut [EndpointMetrics],
    categories: &[CategoryMetrics],
    scores: &ScoreTable,
    today: &Today,
) {
    let Some(base) =
        endpoints.iter().position(|endpoint| Some(&endpoint.id) == today.endpoint.as_ref())
    else {
        return;
    };
    let weights = traffic(categories, endpoints, |cell| cell.quality);
    let (mut rows, mut cells) = (Vec::new(), Vec::new());
    for endpoint in (0..endpoints.len()).filter(|&endpoint| endpoint != base) {
        let by_category: Vec<Option<Paired>> = (0..categories.len())
            .map(|category| difference(scores, Some(category), endpoint, base))
            .collect();
        let row = over_traffic(&weights, &by_category);
        rows.extend(row.map(|paired| (endpoint, paired)));
        for (category, paired) in by_category.into_iter().enumerate() {
            cells.extend(paired.map(|paired| ((endpoint, category), paired)));
        }
    }
    for (endpoint, found) in adjusted(rows) {
        endpoints[endpoint].all.vs_today = Some(found);
    }
    for ((endpoint, category), found) in adjusted(cells) {
        endpoints[endpoint].cells[category].vs_today = Some(found);
    }
}

/// The difference on the tasks of a category that both were scored on.
fn difference(scores: &ScoreTable, category: Option<usize>, a: usize, b: usize) -> Option<Paired> {
    let pairs: Vec<_> =
        scores.pairs(category, a, b).iter().map(|pair| (pair.a, pair.b, pair.cluster)).collect();
    paired::difference(&pairs, Level::P95)
}

/// The difference of two endpoints over a category, or over the traffic (`None`).
pub(super) fn between(
    categories: &[CategoryMetrics],
    endpoints: &[EndpointMetrics],
    scores: &ScoreTable,
    category: Option<usize>,
    (a, b): (usize, usize),
) -> Option<Paired> {
    if category.is_some() {
        return difference(scores, category, a, b);
    }
    let weights = traffic(categories, endpoints, |cell| cell.quality);
    let by_category: Vec<Option<Paired>> =
        (0..categories.len()).map(|category| difference(scores, Some(category), a, b)).collect();
    over_traffic(&weights, &by_category)
}

/// One category is all of the traffic, and keeps its own test.
fn over_traffic(weights: &[f64], by_category: &[Option<Paired>]) -> Option<Paired> {
    match by_category {
        [only] => *only,
        _ => stratified(weights, by_category),
    }
}

/// The difference over the traffic: categories are independent strata with fixed weights, so the
/// variances add up, and Student's degrees of freedom are Welch & Satterthwaite's (1946,
/// *Biometrics* 2:110). `None`: a category with weight has no pairs.
fn stratified(weights: &[f64], strata: &[Option<Paired>]) -> Option<Paired> {
    let (mut value, mut variance, mut weight_of_df, mut n) = (0.0, 0.0, 0.0, 0);
    let (mut better, mut worse) = (0, 0);
    for (&weight, stratum) in weights.iter().zip(strata).filter(|(weight, _)| **weight > 0.0) {
        let stratum = stratum.as_ref()?;
        let part = weight * weight * stratum.se * stratum.se;
        value += weight * stratum.estimate.value;
        variance += part;
        // A stratum of one unit has no degree of freedom, and takes the mixture's away.
        weight_of_df += part * part / stratum.df;
        n += stratum.estimate.n;
        better += stratum.better;
        worse += stratum.worse;
    }
    if n == 0 {
        return None;
    }
    let (se, df) = (libm::sqrt(variance), variance * variance / weight_of_df);
    let half = (df > 0.0).then(|| special::t_quantile(Level::P95.upper(), df) * se);
    let estimate = Estimate {
        value,
        low: half.map(|half| (value - half).max(-1.0)),
        high: half.map(|half| (value + half).min(1.0)),
        level: Level::P95,
        n,
        method: Method::T,
    };
    let p = if df > 0.0 { 2.0 * special::t_sf((value / se).abs(), df) } else { 1.0 };
    Some(Paired { estimate, se, df, p, better, worse })
}

/// One family of tests, adjusted together (Benjamini & Hochberg 1995).
fn adjusted<T>(family: Vec<(T, Paired)>) -> Vec<(T, Difference)> {
    let p: Vec<f64> = family.iter().map(|(_, paired)| paired.p).collect();
    let adjusted = multiple::benjamini_hochberg(&p);
    family
        .into_iter()
        .zip(adjusted)
        .map(|((what, paired), p_adjusted)| {
            let value = paired.estimate.value;
            let significance = match p_adjusted < ALPHA {
                true if value > 0.0 => Significance::Better,
                true if value < 0.0 => Significance::Worse,
                _ => Significance::Unclear,
            };
            let found = Difference {
                estimate: paired.estimate,
                p: paired.p,
                p_adjusted,
                significance,
                se: paired.se,
                detectable: paired::detectable(paired.se),
            };
            (what, found)
        })
        .collect()
}
