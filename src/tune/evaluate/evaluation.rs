//! A weights file on the tasks of a run.

use std::collections::BTreeMap;

use serde::Serialize;

use super::figures::{Figures, Percentiles, Weights, figures};
use super::outage::{self, Outage};
use super::policies::Choices;
use super::served::Served;
use crate::aggregate::RunMetrics;
use crate::stats::{Estimate, Level, Method};
use crate::units::{Slo, prose};
use crate::weights::{CategoryWeights, PARTS, WeightsFile};

/// What a file gives on the tasks of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Whether any of the run's answers were simulated.
    pub simulated: bool,
    /// The run.
    pub run: String,
    /// Its tasks.
    pub tasks: u64,
    /// The latency objective that misses are counted by: the file's, else the run's.
    pub slo: Option<Slo>,
    /// The file, and the policies that it is held against; the file first.
    pub policies: Vec<Policy>,
    /// The share of the traffic of each provider under the file.
    pub providers: BTreeMap<String, f64>,
    /// What happens while each provider is down.
    pub outages: Vec<Outage>,
    /// What the reader must know, one sentence each.
    pub notes: Vec<String>,
}

/// One policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Policy {
    /// Its name.
    pub name: &'static str,
    /// The endpoint, where there is only one.
    pub endpoint: Option<String>,
    /// Its figures; `None`: it is not possible on these tasks.
    pub figures: Option<Figures>,
    /// The exact optimum's quality at the same cost, less this quality, in score units; 0 at least
    /// for what routes by category. The oracle, which routes by task, is below 0.
    pub regret: Option<f64>,
}

/// Why a file cannot be evaluated on a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// Endpoints with weight that the run did not ask.
    #[error(
        "the run lacks {endpoints}, which {have} weight in the file: what {they} would give is not \
         known; evaluate on a run that asked {them}"
    )]
    Endpoints {
        /// Their names.
        endpoints: String,
        /// `has` or `have`.
        have: &'static str,
        /// `it` or `they`.
        they: &'static str,
        /// `it` or `them`.
        them: &'static str,
    },
    /// No category in common.
    #[error("the run has no category of the file: it has {run}, the file {file}")]
    Categories {
        /// The run's.
        run: String,
        /// The file's.
        file: String,
    },
    /// No answer is scored.
    #[error("nothing in the run is scored; grade it first: weighbridge grade")]
    Unscored,
}

/// Evaluates a file on a run: what its mixes give on the run's tasks under the run's shares of traffic.
///
/// # Errors
/// [`EvaluateError`] where the run does not have what the file routes to.
pub fn evaluate(file: &WeightsFile, metrics: &RunMetrics) -> Result<Evaluation, EvaluateError> {
    let metrics = &*metrics.at_traffic();
    let shares = served_shares(file, metrics)?;
    let served = served(file, metrics, &shares);
    let slo = file.objective.slo.or(metrics.judging().slo);
    Ok(Evaluation {
        simulated: metrics.simulated,
        run: metrics.manifest.run.clone(),
        tasks: metrics.scores.tasks().len() as u64,
        slo,
        policies: policies(&served, slo),
        providers: served.providers(),
        outages: outage::outages(&served, slo),
        notes: notes(file, metrics),
    })
}

/// What happens while each provider of a file is down, the largest share of the traffic first.
///
/// # Errors
/// [`EvaluateError`] where the run does not have what the file routes to.
pub fn outages(file: &WeightsFile, metrics: &RunMetrics) -> Result<Vec<Outage>, EvaluateError> {
    let metrics = &*metrics.at_traffic();
    let shares = served_shares(file, metrics)?;
    let slo = file.objective.slo.or(metrics.judging().slo);
    Ok(outage::outages(&served(file, metrics, &shares), slo))
}

/// The mix of each category of a run.
fn mixes<'a>(file: &'a WeightsFile, metrics: &RunMetrics) -> Vec<&'a CategoryWeights> {
    let names = metrics.categories.iter().map(|category| category.name.as_str());
    names.map(|name| file.categories.get(name).unwrap_or(&file.default)).collect()
}

/// A file's routing in a run's terms.
fn served<'a>(file: &'a WeightsFile, metrics: &'a RunMetrics, shares: &'a [f64]) -> Served<'a> {
    let mixes = mixes(file, metrics);
    let weights = mixes.iter().map(|mix| {
        let part = |id: &str| f64::from(mix.weights.get(id).copied().unwrap_or(0));
        metrics.endpoints.iter().map(|e| part(e.id.as_str()) / f64::from(PARTS)).collect()
    });
    Served { metrics, shares, weights: weights.collect(), mixes }
}

/// The shares of the traffic that a file serves.
fn served_shares(file: &WeightsFile, metrics: &RunMetrics) -> Result<Vec<f64>, EvaluateError> {
    if metrics.counts.scored == 0 {
        return Err(EvaluateError::Unscored);
    }
    let names = || metrics.categories.iter().map(|category| category.name.as_str());
    if !names().any(|name| file.categories.contains_key(name)) {
        let list = |names: Vec<&str>| prose::join_and(&names);
        return Err(EvaluateError::Categories {
            run: list(names().collect()),
            file: list(file.categories.keys().map(String::as_str).collect()),
        });
    }
    let mixes = mixes(file, metrics);
    let shares = traffic(metrics, &mixes);
    refuse_unknown(metrics, &mixes, &shares)?;
    Ok(shares)
}

/// The shares of the traffic that the file serves, of categories that were scored.
fn traffic(metrics: &RunMetrics, mixes: &[&CategoryWeights]) -> Vec<f64> {
    let is_scored =
        |category: usize| metrics.endpoints.iter().any(|e| e.cells[category].quality.is_some());
    let shares = metrics.categories.iter().zip(mixes).enumerate();
    let shares: Vec<f64> = shares
        .map(|(i, (category, mix))| {
            let counts = !mix.weights.is_empty() && is_scored(i);
            if counts { category.share } else { 0.0 }
        })
        .collect();
    let sum: f64 = shares.iter().sum();
    shares.into_iter().map(|share| if sum > 0.0 { share / sum } else { 0.0 }).collect()
}

fn refuse_unknown(
    metrics: &RunMetrics,
    mixes: &[&CategoryWeights],
    shares: &[f64],
) -> Result<(), EvaluateError> {
    let is_known = |id: &str| metrics.endpoints.iter().any(|endpoint| endpoint.id.as_str() == id);
    let served = mixes.iter().zip(shares).filter(|(_, share)| **share > 0.0);
    let mut missing: Vec<&str> = served
        .flat_map(|(mix, _)| mix.weights.keys().map(String::as_str))
        .filter(|id| !is_known(id))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    let (have, they, them) =
        if missing.len() == 1 { ("has", "it", "it") } else { ("have", "they", "them") };
    if missing.is_empty() {
        return Ok(());
    }
    Err(EvaluateError::Endpoints { endpoints: prose::join_and(&missing), have, they, them })
}

fn policies(served: &Served<'_>, slo: Option<Slo>) -> Vec<Policy> {
    let metrics = served.metrics;
    let choices = Choices::new(metrics, served.shares);
    let of = |weights: &Weights| figures(metrics, served.shares, weights, slo);
    let quality = |figures: &Figures| figures.quality.map(|quality| quality.value);
    let file = of(&served.weights);
    let budget = file.cost_per_task_usd;
    let policy = |name, weights: Option<Weights>| {
        let found = weights.as_ref().map(&of);
        let regret = found.as_ref().and_then(|found| {
            let optimum = choices.optimum(found.cost_per_task_usd?)?;
            Some(quality(&of(&optimum))? - quality(found)?)
        });
        Policy { name, endpoint: weights.and_then(|w| only(metrics, &w)), figures: found, regret }
    };
    let single = |endpoint: Option<usize>| endpoint.map(|endpoint| choices.single(endpoint));
    let today = metrics.today.endpoint.as_ref();
    let today = today.and_then(|id| metrics.endpoints.iter().position(|e| e.id == *id));
    let mut all = vec![
        policy("this file", Some(served.weights.clone())),
        policy("today", single(today)),
        policy("best single", single(choices.best_single())),
        policy("cheapest single", single(choices.cheapest_single())),
        policy("uniform", choices.uniform()),
        policy("1/price²", choices.inverse_square()),
        policy("category argmax", choices.category_argmax()),
        policy("hull of singles", budget.and_then(|budget| choices.single_hull(budget))),
        policy("optimum", budget.and_then(|budget| choices.optimum(budget))),
    ];
    all.push(oracle(&choices, &of));
    all
}

/// The oracle, which has no latency: it routes task by task.
fn oracle(choices: &Choices<'_>, of: &dyn Fn(&Weights) -> Figures) -> Policy {
    let found = choices.oracle();
    let regret = found
        .and_then(|(quality, cost)| Some(of(&choices.optimum(cost)?).quality?.value - quality));
    let figures = found.map(|(quality, cost)| Figures {
        quality: Some(Estimate {
            value: quality,
            low: None,
            high: None,
            level: Level::P95,
            n: 0,
            method: Method::Exact,
        }),
        cost_per_task_usd: Some(cost),
        ttft_s: Percentiles::default(),
        e2e_s: Percentiles::default(),
        slo_miss: None,
    });
    Policy { name: "oracle", endpoint: None, figures, regret }
}

/// The only endpoint of a policy.
fn only(metrics: &RunMetrics, weights: &Weights) -> Option<String> {
    let used = |i: usize| weights.iter().any(|row| row.get(i).is_some_and(|weight| *weight > 0.0));
    let mut used = (0..metrics.endpoints.len()).filter(|i| used(*i));
    match (used.next(), used.next()) {
        (Some(endpoint), None) => Some(metrics.endpoints[endpoint].id.as_str().to_owned()),
        _ => None,
    }
}

fn notes(file: &WeightsFile, metrics: &RunMetrics) -> Vec<String> {
    let mut notes = Vec::new();
    if metrics.simulated {
        notes.push("SIMULATED: the run's answers are a simulator's".to_owned());
    }
    if file.run == metrics.manifest.run {
        notes.push(
            "the file was tuned on this run, so its figures here are too good: evaluate it on a run \
             with other tasks"
                .to_owned(),
        );
    }
    let runs: Vec<&str> = metrics.categories.iter().map(|c| c.name.as_str()).collect();
    let absent: Vec<&str> =
        file.categories.keys().map(String::as_str).filter(|name| !runs.contains(name)).collect();
    if !absent.is_empty() {
        let share: f64 = absent.iter().filter_map(|name| file.objective.shares.get(*name)).sum();
        notes.push(format!(
            "not evaluated: {}, {} of the file's traffic, of which the run has no task",
            prose::join_and(&absent),
            prose::percent(share)
        ));
    }
    let unnamed: Vec<&str> =
        runs.iter().copied().filter(|name| !file.categories.contains_key(*name)).collect();
    if !unnamed.is_empty() {
        notes.push(format!(
            "the file does not name {}: its default mix serves there",
            prose::join_and(&unnamed)
        ));
    }
    let mix = |name: &str| file.categories.get(name).unwrap_or(&file.default);
    let unserved: Vec<&str> =
        runs.iter().copied().filter(|name| mix(name).weights.is_empty()).collect();
    if !unserved.is_empty() {
        let names = prose::join_and(&unserved);
        notes.push(format!("not evaluated: {names}, which nothing serves in the file (NO DATA)"));
    }
    notes
}
