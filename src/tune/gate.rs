//! A new file against the one that is served by, on tasks that did not choose it.
//!
//! Each held-out task's difference is the mean score under the new weights less that under the old
//! ones. H0: over the categories that differ, under their shares, the mean is at most −margin. A bet
//! against H0 grows where the new file is better, and reaches 20 with a probability of at most 5 %
//! where H0 is true ([`crate::stats::betting`]). One test of the whole file, so nothing is added up over its
//! cells. Several nights are one test: the wealth goes on where the same mixes are proposed again, and
//! no task counts twice.
//!
//! The mix for traffic without a label goes along with the file: no task is without a label.

use std::collections::BTreeMap;

use super::build::tune;
use super::round::six_digits;
use crate::aggregate::{RunMetrics, ScoreTable};
use crate::stats::betting::Wager;
use crate::units::{ContentHash, EndpointId};
use crate::weights::{CategoryWeights, GateTest, PARTS, WeightsFile};

/// The probability that a file is replaced by one that is worse by more than the margin.
const ALPHA: f64 = 0.05;

/// What a run proposes in the place of the file that is served by.
#[derive(Clone, Debug)]
pub struct Gated {
    /// What the run proposes, with its test.
    pub proposal: WeightsFile,
    /// The file before, where it is kept, with the test that the next night goes on from.
    pub kept: Option<WeightsFile>,
}

/// Tunes on two thirds of the tasks, and holds the result against the file that is served by on the
/// others.
#[must_use]
pub fn tune_against(metrics: &RunMetrics, served: &WeightsFile) -> Gated {
    let choosing = RunMetrics { scores: metrics.scores.without_held_out(), ..metrics.clone() };
    let mut proposal = tune(&choosing);
    let test = gate(metrics, served, &proposal);
    let kept = (!test.replaces).then(|| WeightsFile { gate: Some(test.clone()), ..served.clone() });
    proposal.gate = Some(test);
    Gated { proposal, kept }
}

/// Holds a proposal against the file that is served by, on the held-out tasks of a run.
#[must_use]
pub fn gate(metrics: &RunMetrics, served: &WeightsFile, proposal: &WeightsFile) -> GateTest {
    let changes = changes(metrics, served, proposal);
    let hash = hash(&changes);
    let judging = metrics.judging();
    let share: f64 = changes.iter().map(|change| change.share).sum();
    let margin_of = |change: &Change| judging.margin_in(&change.name);
    let margins = changes.iter().map(margin_of);
    let smallest = margins.fold(f64::INFINITY, f64::min).clamp(0.0, 0.99);
    let weighted = changes.iter().map(|change| change.share / share * margin_of(change)).sum();
    let margin = six_digits(if share > 0.0 { weighted } else { judging.margin });
    let before = served.gate.as_ref().filter(|test| !test.replaces);
    let same = before.filter(|test| test.proposal == hash && (test.margin - margin).abs() < 1e-9);
    let mut wager = same
        .and_then(|test| Wager::resume(smallest, &test.log_wealth, test.tasks))
        .unwrap_or_else(|| Wager::new(smallest));
    let mut used = before.map(|test| test.used.clone()).unwrap_or_default();
    let held_out = metrics.scores.held_out();
    let mut rows: Vec<Row> = Vec::new();
    for (at, task) in metrics.scores.tasks().iter().enumerate() {
        let Some(change) = changes.iter().find(|change| change.category == task.category) else {
            continue;
        };
        let task_hash = task.key.hash().hex();
        if !held_out[at] || used.bars(&task_hash) {
            continue;
        }
        if let Some(difference) = change.difference(&metrics.scores, at) {
            let gain = difference + margin_of(change);
            rows.push(Row { category: task.category, cluster: task.cluster, gain });
            used.add(&task_hash);
        }
    }
    let is_covered = |change: &Change| rows.iter().any(|row| row.category == change.category);
    // A night that cannot speak of every category that differs adds nothing.
    let is_complete = changes.iter().all(is_covered);
    if is_complete {
        for (gain, n) in units(&rows, &changes) {
            wager.bet(gain, n);
        }
    }
    let is_known = changes.iter().all(|change| change.is_known);
    GateTest {
        replaces: changes.is_empty() || (is_known && wager.n() > 0 && wager.is_shown(ALPHA)),
        against: served.made_at.clone(),
        proposal: hash,
        margin,
        wealth: six_digits(wager.wealth()),
        needed: 1.0 / ALPHA,
        tasks: wager.n(),
        log_wealth: wager.log_wealth().to_vec(),
        used: if is_complete {
            used
        } else {
            before.map(|test| test.used.clone()).unwrap_or_default()
        },
    }
}

/// A category in which two files differ.
struct Change {
    name: String,
    category: usize,
    share: f64,
    /// What is gained and lost, by the endpoints' names.
    mixes: String,
    /// What each endpoint of the run gains or loses, −1..1.
    weights: Vec<(usize, f64)>,
    /// Whether all endpoints of both files are in the run.
    is_known: bool,
}

/// A held-out task: the difference of its scores, plus the margin.
struct Row {
    category: usize,
    cluster: Option<u32>,
    gain: f64,
}

impl Change {
    /// The task's mean score under the new weights less that under the old ones.
    fn difference(&self, scores: &ScoreTable, task: usize) -> Option<f64> {
        let each = self.weights.iter().map(|(e, weight)| Some(weight * scores.get(task, *e)?));
        each.sum::<Option<f64>>().filter(|_| self.is_known)
    }
}

/// The categories with traffic in which the files differ.
fn changes(metrics: &RunMetrics, served: &WeightsFile, proposal: &WeightsFile) -> Vec<Change> {
    let categories = metrics.categories.iter().enumerate();
    let with_traffic = categories.filter(|(_, category)| category.share > 0.0);
    with_traffic
        .filter_map(|(at, category)| {
            let name = category.name.as_str();
            let (new, old) = (mix(proposal, name), mix(served, name));
            if new == old {
                return None;
            }
            let mut by_endpoint: BTreeMap<&str, i64> = BTreeMap::new();
            for (sign, mix) in [(1, new), (-1, old)] {
                for (endpoint, part) in mix {
                    *by_endpoint.entry(endpoint).or_default() += sign * i64::from(*part);
                }
            }
            by_endpoint.retain(|_, parts| *parts != 0);
            let weights: Vec<(usize, f64)> = by_endpoint
                .iter()
                .filter_map(|(endpoint, parts)| {
                    let id = EndpointId::from_text(*endpoint);
                    let found = metrics.endpoints.iter().position(|e| e.id == id)?;
                    Some((found, *parts as f64 / f64::from(PARTS)))
                })
                .collect();
            let is_known = weights.len() == by_endpoint.len() && !new.is_empty() && !old.is_empty();
            let (name, mixes) = (name.to_owned(), format!("{by_endpoint:?}"));
            Some(Change { name, mixes, category: at, share: category.share, weights, is_known })
        })
        .collect()
}

/// How a file serves a category: as it says, else as it serves traffic without a label.
fn mix<'a>(file: &'a WeightsFile, category: &str) -> &'a BTreeMap<String, u32> {
    let stated = file.categories.get(category).map(|CategoryWeights { weights, .. }| weights);
    stated.filter(|weights| !weights.is_empty()).unwrap_or(&file.default.weights)
}

/// The gains as they are bet on, with the tasks of each: a cluster is one, and each task weighs what
/// makes the mean one under the shares.
fn units(rows: &[Row], changes: &[Change]) -> Vec<(f64, u64)> {
    let mut weights: BTreeMap<usize, f64> = BTreeMap::new();
    for change in changes {
        let n = rows.iter().filter(|row| row.category == change.category).count();
        weights.insert(change.category, change.share / n as f64);
    }
    let mut clusters: BTreeMap<(bool, usize), (f64, f64, u64)> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        let unit = row.cluster.map_or((false, at), |cluster| (true, cluster as usize));
        let (gain, weight, n) = clusters.entry(unit).or_default();
        *gain += weights[&row.category] * row.gain;
        *weight += weights[&row.category];
        *n += 1;
    }
    let largest = clusters.values().map(|(_, weight, _)| *weight).fold(0.0, f64::max);
    clusters.into_values().map(|(gain, _, n)| (gain / largest, n)).collect()
}

fn hash(changes: &[Change]) -> String {
    let each = changes.iter().map(|change| format!("{:?} {}\n", change.name, change.mixes));
    let text: String = each.collect();
    ContentHash::of(text.as_bytes()).hex()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::fixture::{endpoint, metrics};

    const TODAY: &str = "acme/large@azure";
    const MINI: &str = "acme/mini@birch";

    /// A category of so many tasks, of which mini is right on a block more than what serves today.
    fn run(tasks: usize, wrong: (usize, usize), minis: &[(usize, usize)]) -> RunMetrics {
        let today = endpoint(TODAY, 0.01).wrong(&[wrong]);
        metrics(&[("c", tasks, 1.0)], vec![today, endpoint(MINI, 0.002).wrong(minis)])
    }

    fn serving(metrics: &RunMetrics, endpoint: &str) -> WeightsFile {
        let mut file = tune(metrics);
        file.categories.get_mut("c").expect("there").weights =
            [(endpoint.to_owned(), PARTS)].into();
        file
    }

    #[test]
    fn a_file_that_is_better_replaces_and_one_that_is_worse_does_not() {
        let better = run(1200, (0, 5), &[]);
        let (old, new) = (serving(&better, TODAY), serving(&better, MINI));
        let test = gate(&better, &old, &new);
        assert!(test.replaces && test.wealth >= 20.0, "{test:?}");
        assert!((300..500).contains(&test.tasks), "{}", test.tasks);
        let test = gate(&better, &new, &old);
        assert!(!test.replaces && test.wealth < 1.0, "{test:?}");
    }

    #[test]
    fn the_same_mixes_replace_without_a_test() {
        let run = run(100, (0, 5), &[]);
        let file = serving(&run, TODAY);
        let test = gate(&run, &file, &file);
        assert_eq!((test.replaces, test.tasks), (true, 0));
    }

    #[test]
    fn over_nights_only_new_tasks_count() {
        let first = run(150, (0, 5), &[]);
        let (old, new) = (serving(&first, TODAY), serving(&first, MINI));
        let one = gate(&first, &old, &new);
        assert!(!one.replaces, "{one:?}");
        let kept = WeightsFile { gate: Some(one.clone()), ..old.clone() };
        let again = gate(&first, &kept, &new);
        assert_eq!((again.tasks, again.wealth), (one.tasks, one.wealth), "nothing new");
        let more = run(1200, (0, 5), &[]);
        let later = gate(&more, &kept, &new);
        assert_eq!(later.tasks, gate(&more, &old, &new).tasks, "each task once");
        assert!(later.replaces && later.wealth > one.wealth, "{later:?}");
        let mut other = new.clone();
        other.categories.get_mut("c").expect("there").weights =
            [(TODAY.to_owned(), PARTS / 2), (MINI.to_owned(), PARTS / 2)].into();
        let started = gate(&first, &kept, &other);
        assert_eq!((started.tasks, started.wealth), (0, 1.0), "other mixes start anew");
    }

    #[test]
    fn what_was_not_measured_is_kept() {
        let run = run(1200, (0, 5), &[]);
        let old = serving(&run, "acme/gone@azure");
        let test = gate(&run, &old, &serving(&run, MINI));
        assert_eq!((test.replaces, test.tasks), (false, 0));
    }

    #[test]
    fn a_proposal_is_tuned_without_the_tasks_that_test_it() {
        let metrics = run(1800, (0, 0), &[]);
        let served = serving(&metrics, TODAY);
        let Gated { proposal, kept } = tune_against(&metrics, &served);
        let counted = proposal.categories["c"].verdict.counted.expect("paired").n;
        let held_out = metrics.scores.held_out().iter().filter(|out| **out).count() as u64;
        assert_eq!(counted + held_out, 1800);
        assert_eq!(proposal.gate.as_ref().map(|test| test.tasks), Some(held_out));
        assert!(kept.is_none(), "{:?}", proposal.gate);
    }
}
