//! Choosing: endpoints and tasks by globs, and a sample of the tasks.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Endpoint;
use crate::suite::Task;
use crate::units::names::{glob_matches, matches_none};
use crate::units::{Category, Seed};

use super::key;

/// Why a selection selects nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// A glob that matches nothing.
    #[error("{what} {glob:?} matches nothing; {remedy}")]
    MatchesNothing {
        /// What it was matched against: `model`, `endpoint`, `category`, `tag`.
        what: &'static str,
        /// The glob.
        glob: String,
        /// The nearest names.
        remedy: String,
    },
    /// Every glob matches something, but nothing matches all that was asked.
    #[error("no {what} matches all that was asked; widen {flags}")]
    NothingLeft {
        /// What was selected: `endpoint` or `task`.
        what: &'static str,
        /// The flags that narrow it.
        flags: &'static str,
    },
    /// An endpoint that is not in the catalog.
    #[error("there is no endpoint {id:?}; {remedy}")]
    NoSuchEndpoint {
        /// The id.
        id: String,
        /// The nearest ids.
        remedy: String,
    },
}

/// The endpoints that match any of the model globs and any of the endpoint globs, in the order of
/// the catalog; an empty list of globs asks nothing.
///
/// A model glob matches `model`, `model@provider` (with all variants) or the whole id; an endpoint
/// glob matches the whole id alone.
pub fn endpoints(
    catalog: &[Endpoint],
    models: &[String],
    ids: &[String],
) -> Result<Vec<Endpoint>, SelectError> {
    let by_model = |glob: &str, e: &Endpoint| {
        let base = e.id.as_str().split('#').next().unwrap_or_default();
        [e.model.as_str(), base, e.id.as_str()].iter().any(|name| glob_matches(glob, name))
    };
    let by_id = |glob: &str, e: &Endpoint| glob_matches(glob, e.id.as_str());
    for glob in models {
        if !catalog.iter().any(|e| by_model(glob, e)) {
            let names = catalog.iter().flat_map(|e| [e.model.as_str(), e.id.as_str()]);
            return Err(matches_nothing("model", glob, names));
        }
    }
    for glob in ids {
        if !catalog.iter().any(|e| by_id(glob, e)) {
            return Err(matches_nothing("endpoint", glob, catalog.iter().map(|e| e.id.as_str())));
        }
    }
    let chosen = |e: &&Endpoint| {
        (models.is_empty() || models.iter().any(|glob| by_model(glob, e)))
            && (ids.is_empty() || ids.iter().any(|glob| by_id(glob, e)))
    };
    let left: Vec<Endpoint> = catalog.iter().filter(chosen).cloned().collect();
    if left.is_empty() && !catalog.is_empty() {
        return Err(SelectError::NothingLeft { what: "endpoint", flags: "-m or --endpoint" });
    }
    Ok(left)
}

/// The endpoint of this id, as `[today]` names it.
pub fn endpoint<'a>(catalog: &'a [Endpoint], id: &str) -> Result<&'a Endpoint, SelectError> {
    catalog.iter().find(|e| e.id.as_str() == id).ok_or_else(|| {
        let names: Vec<&str> = catalog.iter().map(|e| e.id.as_str()).collect();
        SelectError::NoSuchEndpoint { id: id.to_owned(), remedy: matches_none(id, &names) }
    })
}

/// The tasks whose category matches any of the category globs and that bear a tag which matches any
/// of the tag globs; an empty list of globs asks nothing.
pub fn tasks(
    all: Vec<Task>,
    categories: &[String],
    tags: &[String],
) -> Result<Vec<Task>, SelectError> {
    let by_category = |glob: &str, task: &Task| glob_matches(glob, task.category.as_str());
    let by_tag = |glob: &str, task: &Task| task.tags.iter().any(|tag| glob_matches(glob, tag));
    for glob in categories {
        if !all.iter().any(|task| by_category(glob, task)) {
            return Err(matches_nothing("category", glob, all.iter().map(|t| t.category.as_str())));
        }
    }
    for glob in tags {
        if !all.iter().any(|task| by_tag(glob, task)) {
            let names = all.iter().flat_map(|task| task.tags.iter().map(String::as_str));
            return Err(matches_nothing("tag", glob, names));
        }
    }
    let was_empty = all.is_empty();
    let chosen = |task: &Task| {
        (categories.is_empty() || categories.iter().any(|glob| by_category(glob, task)))
            && (tags.is_empty() || tags.iter().any(|glob| by_tag(glob, task)))
    };
    let left: Vec<Task> = all.into_iter().filter(chosen).collect();
    if left.is_empty() && !was_empty {
        return Err(SelectError::NothingLeft { what: "task", flags: "--category or --tag" });
    }
    Ok(left)
}

fn matches_nothing<'a>(
    what: &'static str,
    glob: &str,
    names: impl Iterator<Item = &'a str>,
) -> SelectError {
    let names: Vec<&str> = names.collect::<BTreeSet<_>>().into_iter().collect();
    SelectError::MatchesNothing { what, glob: glob.to_owned(), remedy: matches_none(glob, &names) }
}

/// A seeded sample of at most `limit` tasks, stratified by category. Which tasks are drawn depends
/// on the seed and on what they ask, not on the order of their file; a smaller sample is part of a
/// larger one as far as its categories' numbers allow. The tasks stay in their order.
#[must_use]
pub fn sample(all: Vec<Task>, limit: usize, seed: Seed) -> Vec<Task> {
    if all.len() <= limit {
        return all;
    }
    let contents = key::task_contents(&all);
    let mut strata: BTreeMap<&Category, Vec<usize>> = BTreeMap::new();
    for (i, task) in all.iter().enumerate() {
        strata.entry(&task.category).or_default().push(i);
    }
    let sizes: Vec<usize> = strata.values().map(Vec::len).collect();
    let mut keep = vec![false; all.len()];
    for ((category, mut members), n) in strata.into_iter().zip(apportion(&sizes, limit)) {
        members.sort_by_key(|&i| contents[i]);
        seed.draw("sample", &[category.as_str()]).shuffle(&mut members);
        members.iter().take(n).for_each(|&i| keep[i] = true);
    }
    all.into_iter().zip(keep).filter_map(|(task, keep)| keep.then_some(task)).collect()
}

/// Shares `limit` seats among strata in proportion to their sizes by largest remainder (Hamilton),
/// with at least one for each where there are enough; `limit` is below the sum of the sizes.
fn apportion(sizes: &[usize], limit: usize) -> Vec<usize> {
    let total: usize = sizes.iter().sum();
    let least = usize::from(limit >= sizes.len());
    let quota = |i: usize| limit * sizes[i];
    let mut seats: Vec<usize> = (0..sizes.len()).map(|i| (quota(i) / total).max(least)).collect();
    // How far a stratum is above its quota, in units of 1/total of a seat; below it: negative.
    let above = |seats: &[usize], i: usize| {
        i128::try_from(seats[i] * total).unwrap_or(i128::MAX)
            - i128::try_from(quota(i)).unwrap_or(0)
    };
    while seats.iter().sum::<usize>() > limit {
        let most = (0..sizes.len())
            .filter(|&i| seats[i] > least)
            .max_by_key(|&i| (above(&seats, i), std::cmp::Reverse(i)));
        seats[most.expect("more seats than strata, so some stratum has two")] -= 1;
    }
    while seats.iter().sum::<usize>() < limit {
        let fewest = (0..sizes.len())
            .filter(|&i| seats[i] < sizes[i])
            .min_by_key(|&i| (above(&seats, i), i));
        seats[fewest.expect("fewer seats than tasks, so some stratum has one left")] += 1;
    }
    seats
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{endpoint as made, task};

    fn strings(globs: &[&str]) -> Vec<String> {
        globs.iter().map(|&glob| glob.to_owned()).collect()
    }

    fn fleet() -> Vec<Endpoint> {
        let mut high = made("acme/large");
        high.id = crate::units::EndpointId::from_text("acme/large@local#high");
        vec![made("acme/large"), high, made("acme/mini"), made("birch/pro")]
    }

    fn check(models: &[&str], ids: &[&str], expected: &[&str]) {
        let chosen = endpoints(&fleet(), &strings(models), &strings(ids)).expect("some");
        let chosen: Vec<&str> = chosen.iter().map(|e| e.id.as_str()).collect();
        assert_eq!(chosen, expected);
    }

    #[test]
    fn endpoints_by_glob() {
        check(&["acme/mini"], &[], &["acme/mini@local"]);
        check(&["acme/large@local"], &[], &["acme/large@local", "acme/large@local#high"]);
        check(&["acme/large@local#high"], &[], &["acme/large@local#high"]);
        check(&[], &["acme/large@local"], &["acme/large@local"]);
        check(&["birch/*", "*mini*"], &[], &["acme/mini@local", "birch/pro@local"]);
        check(&["acme/*"], &["*#high"], &["acme/large@local#high"]);
        assert_eq!(endpoints(&fleet(), &[], &[]).expect("all").len(), 4);
    }

    #[test]
    fn a_glob_that_matches_nothing_gives_the_nearest() {
        let error = |models: &[&str], ids: &[&str]| {
            endpoints(&fleet(), &strings(models), &strings(ids)).expect_err("none").to_string()
        };
        assert_eq!(
            error(&["acme/lrage"], &[]),
            "model \"acme/lrage\" matches nothing; nearest: acme/large, acme/mini, acme/large@local"
        );
        assert_eq!(
            error(&[], &["acme/large"]),
            "endpoint \"acme/large\" matches nothing; nearest: acme/large@local, \
             acme/large@local#high"
        );
        assert_eq!(
            error(&["birch/*"], &["*#high"]),
            "no endpoint matches all that was asked; widen -m or --endpoint"
        );
        let missing = endpoint(&fleet(), "birch/por@local").expect_err("none").to_string();
        assert!(
            missing.starts_with("there is no endpoint \"birch/por@local\"; nearest: birch/pro")
        );
        assert!(endpoint(&fleet(), "birch/pro@local").is_ok());
    }

    #[test]
    fn tasks_by_glob() {
        let mut all = vec![task("1", "math", "a"), task("2", "code", "b"), task("3", "math", "c")];
        all[2].tags = vec!["hard".to_owned()];
        let ids = |categories: &[&str], tags: &[&str]| {
            tasks(all.clone(), &strings(categories), &strings(tags))
                .map(|left| left.into_iter().map(|t| t.id).collect::<Vec<_>>().join(" "))
                .map_err(|error| error.to_string())
        };
        assert_eq!(ids(&["ma*"], &[]).as_deref(), Ok("1 3"));
        assert_eq!(ids(&["ma*"], &["h*"]).as_deref(), Ok("3"));
        let none = "category \"maths\" matches nothing; nearest: math".to_owned();
        assert_eq!(ids(&["maths"], &[]), Err(none));
        let none = "tag \"easy\" matches nothing; there are: hard".to_owned();
        assert_eq!(ids(&[], &["easy"]), Err(none));
        let none = "no task matches all that was asked; widen --category or --tag".to_owned();
        assert_eq!(ids(&["code"], &["hard"]), Err(none));
    }

    #[test]
    fn seats_are_proportional_with_one_for_each() {
        assert_eq!(apportion(&[60, 30, 10], 10), [6, 3, 1]);
        assert_eq!(apportion(&[97, 2, 1], 10), [8, 1, 1]);
        assert_eq!(apportion(&[50, 50], 3), [2, 1]);
        assert_eq!(apportion(&[1, 1, 98], 2), [0, 0, 2]);
        assert_eq!(apportion(&[5, 5, 5], 14), [5, 5, 4]);
        assert_eq!(apportion(&[7], 3), [3]);
        assert_eq!(apportion(&[7, 1], 0), [0, 0]);
    }

    #[test]
    fn a_sample_does_not_know_the_order_of_the_file() {
        let make = |i: usize| {
            let category = if i.is_multiple_of(4) { "code" } else { "math" };
            task(&i.to_string(), category, &format!("question {i}"))
        };
        let all: Vec<Task> = (0..200).map(make).collect();
        let ids = |tasks: &[Task]| tasks.iter().map(|t| t.id.clone()).collect::<BTreeSet<_>>();
        let drawn = sample(all.clone(), 20, Seed(7));
        let of_code = drawn.iter().filter(|t| t.category.as_str() == "code").count();
        assert_eq!((drawn.len(), of_code), (20, 5));
        let reversed: Vec<Task> = all.iter().rev().cloned().collect();
        assert_eq!(ids(&sample(reversed, 20, Seed(7))), ids(&drawn));
        assert_ne!(ids(&sample(all.clone(), 20, Seed(8))), ids(&drawn));
        let first: BTreeSet<String> = (0..20).map(|i| i.to_string()).collect();
        assert_ne!(ids(&drawn), first);
        assert!(ids(&sample(all.clone(), 40, Seed(7))).is_superset(&ids(&drawn)));
        assert_eq!(sample(all, 500, Seed(7)).len(), 200);
    }
}
