//! A plan split over several processes: whole tasks to a shard, by a hash of the task.

use std::fmt;
use std::str::FromStr;

use super::{Plan, key};
use crate::units::ContentHash;

/// The most shards: beyond it, each would hold hardly a block of tasks.
const MOST_SHARDS: u32 = 10_000;

/// One of so many parts of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 1.
    pub k: u32,
    /// Of how many.
    pub n: u32,
}

/// Not a part of anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a shard: write k/n with k from 1 to n, such as 2/4, and n at most 10000")]
pub struct ParseShardError(String);

impl FromStr for Shard {
    type Err = ParseShardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts =
            text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        let shard = parts.and_then(|(k, n)| Self::new(k, n));
        shard.ok_or_else(|| ParseShardError(text.to_owned()))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.k, self.n)
    }
}

impl Shard {
    /// Part `k` of `n`; `None` where there is no such part.
    #[must_use]
    pub fn new(k: u32, n: u32) -> Option<Self> {
        (1..=n.min(MOST_SHARDS))
            .contains(&k)
            .then_some(Self { k, n })
            .filter(|s| s.n <= MOST_SHARDS)
    }

    /// Whether a task of this content belongs to it. The hash is of the content, so that a task
    /// stays in its shard whatever else the plan holds.
    fn holds(self, content: &ContentHash) -> bool {
        let bytes = content.as_bytes();
        let head = bytes[..8].try_into().expect("a hash has 32 bytes");
        u64::from_le_bytes(head) % u64::from(self.n) == u64::from(self.k - 1)
    }
}

/// A part of a plan, and where its pieces stand in the whole.
#[derive(Clone, Debug)]
pub struct Part {
    /// The part, as a plan of its own. The tasks and the trials keep their order.
    pub plan: Plan,
    /// Where each of its tasks stands in the whole plan.
    pub tasks: Vec<u32>,
    /// Where each of its trials stands in the whole plan.
    pub trials: Vec<u32>,
}

impl Plan {
    /// The part of this plan that is a shard's.
    #[must_use]
    pub fn part(&self, shard: Shard) -> Part {
        let contents = key::task_contents(&self.tasks);
        let mut place = vec![None; self.tasks.len()];
        let (mut tasks, mut task_places) = (Vec::new(), Vec::new());
        let mine = (0_u32..).zip(&contents).filter(|(_, content)| shard.holds(content));
        for (idx, _) in mine {
            place[idx as usize] = u32::try_from(tasks.len()).ok();
            tasks.push(self.tasks[idx as usize].clone());
            task_places.push(idx);
        }
        let (mut trials, mut trial_places) = (Vec::new(), Vec::new());
        for trial in &self.trials {
            let Some(task) = place[trial.task as usize] else { continue };
            let idx = u32::try_from(trials.len()).expect("fewer than in the whole");
            trials.push(super::Trial { idx, task, ..trial.clone() });
            trial_places.push(trial.idx);
        }
        let (endpoints, repeats, seed) = (self.endpoints.clone(), self.repeats, self.seed);
        let (cache, refused) = (self.cache, self.refused.clone());
        let plan = Self { tasks: tasks.into(), endpoints, repeats, seed, cache, refused, trials };
        Part { plan, tasks: task_places, trials: trial_places }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::tests::{endpoint, plan_of, task};

    #[test]
    fn shards_are_read() {
        let check = |text: &str, expected: Option<(u32, u32)>| {
            assert_eq!(text.parse::<Shard>().ok().map(|s| (s.k, s.n)), expected, "{text}");
        };
        check("2/4", Some((2, 4)));
        check("1/1", Some((1, 1)));
        for wrong in ["0/4", "5/4", "4", "a/b", "1/0", "-1/4", "1/10001", ""] {
            check(wrong, None);
        }
    }

    #[test]
    fn the_parts_make_the_whole_and_keep_its_order() {
        let tasks = (0..100).map(|i| task(&i.to_string(), "math", &format!("q {}", i / 2)));
        let whole = plan_of(tasks.collect(), vec![endpoint("a/b"), endpoint("c/d")]);
        let mut seen = BTreeSet::new();
        for k in 1..=4 {
            let part = whole.part(Shard { k, n: 4 });
            assert!((10..45).contains(&part.tasks.len()), "{}", part.tasks.len());
            assert!(part.trials.is_sorted() && part.tasks.is_sorted());
            for (trial, place) in part.plan.trials.iter().zip(&part.trials) {
                let there = &whole.trials[*place as usize];
                assert_eq!((trial.key, trial.repeat), (there.key, there.repeat));
                assert_eq!(part.tasks[trial.task as usize], there.task);
                assert_eq!(part.plan.task(trial).id, whole.task(there).id);
                assert!(seen.insert(*place), "in one part only");
            }
        }
        assert_eq!(seen.len(), whole.trials.len());
    }
}
