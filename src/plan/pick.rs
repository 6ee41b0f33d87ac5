//! A few endpoints worth weighing, out of hundreds: those that can take the tasks, spread over
//! prices and authors.
//!
//! The range of prices is cut into as many bands as endpoints are wanted, equal in their ratio of
//! dearest to cheapest, for prices differ by a factor of a thousand. From each band comes the newest
//! model of the author who was chosen least often. Nothing is said here of which model is good: that
//! is what the weighing is for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::catalog::{Catalog, Endpoint, Facts, Price, author};
use crate::suite::Task;
use crate::units::{EndpointId, Seed, Usd};

use super::{Ineligible, Plan, PlanError, Privacy, RequestPolicy, estimate};

/// An endpoint that will be gone in so many days is not worth weighing.
const LEFT_DAYS: i32 = 30;
/// What a task costs is shown for so many tasks.
pub const SHOWN_TASKS: u64 = 1_000;

/// What was chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The endpoints, cheapest first, today's before all.
    pub picked: Vec<Picked>,
    /// How many endpoints were dropped for each reason.
    pub dropped: BTreeMap<String, usize>,
    /// How many could have been chosen.
    pub candidates: usize,
}

/// An endpoint that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    /// Which.
    pub endpoint: EndpointId,
    /// Dollars expected for [`SHOWN_TASKS`] tasks of the suite; `None`: not known (today's only).
    pub cost: Option<Usd>,
    /// Why.
    pub reason: String,
}

struct Candidate<'a> {
    endpoint: &'a Endpoint,
    created: Option<Date>,
    cost: Usd,
    band: usize,
}

/// Chooses `n` endpoints of a catalog for these tasks on a day. `today` is what serves now: it is
/// always among them, whatever speaks against it. Who may not see prompts is not.
pub fn pick(
    catalog: &Catalog,
    tasks: &[Task],
    n: usize,
    today: Option<&EndpointId>,
    on: Date,
    privacy: &Privacy,
) -> Result<Choice, PlanError> {
    let mut choice = Choice::default();
    let costs = costs(catalog, tasks, privacy)?;
    let mut candidates = Vec::new();
    for (endpoint, cost) in catalog.endpoints.iter().zip(costs) {
        if Some(&endpoint.id) == today {
            let reason = "serves today: every saving is against it".to_owned();
            let cost = cost.ok().flatten();
            choice.picked.push(Picked { endpoint: endpoint.id.clone(), cost, reason });
            continue;
        }
        let facts = catalog.facts.get(&endpoint.id).cloned().unwrap_or_default();
        match worth_weighing(endpoint, &facts, cost, on) {
            Ok(cost) => {
                candidates.push(Candidate { endpoint, created: facts.created, cost, band: 0 });
            }
            Err(why) => *choice.dropped.entry(why).or_default() += 1,
        }
    }
    choice.candidates = candidates.len();
    let bands = n.saturating_sub(choice.picked.len());
    spread(&mut candidates, bands);
    choose(candidates, bands, &mut choice);
    Ok(choice)
}

/// What [`SHOWN_TASKS`] tasks cost at each endpoint, or why it cannot take any of them.
fn costs(
    catalog: &Catalog,
    tasks: &[Task],
    privacy: &Privacy,
) -> Result<Vec<Result<Option<Usd>, Ineligible>>, PlanError> {
    // One endpoint at a time: a plan of all would have a row for each task of each.
    let policy = RequestPolicy { privacy: privacy.clone(), ..RequestPolicy::default() };
    let of_one = |endpoint: &Endpoint| {
        let plan = Plan::shaped(tasks.to_vec(), vec![endpoint.clone()], 1, Seed(1), &policy)?;
        if let Some(why) = plan.trials.iter().find_map(|trial| trial.ineligible) {
            return Ok(Err(why));
        }
        let expected = estimate(&plan, &[1], 1.0).expected;
        let n = tasks.len() as u64;
        Ok(Ok(expected.and_then(|usd| usd.times(SHOWN_TASKS).per(n))))
    };
    catalog.endpoints.iter().map(of_one).collect()
}

/// The cost of an endpoint that is worth weighing, or why it is not.
fn worth_weighing(
    endpoint: &Endpoint,
    facts: &Facts,
    cost: Result<Option<Usd>, Ineligible>,
    on: Date,
) -> Result<Usd, String> {
    let cost = cost.map_err(|why| why.to_string())?;
    if facts.expires.is_some_and(|day| (day - on).get_days() <= LEFT_DAYS) {
        return Err("gone, or going within 30 days".to_owned());
    }
    if facts.alias_of.is_some() {
        return Err("its name stands for another model, which may change".to_owned());
    }
    if facts.responses_only {
        return Err("answers on the responses API alone".to_owned());
    }
    if endpoint.provider.base_url.is_empty() {
        return Err("no address is known for its provider".to_owned());
    }
    match (&endpoint.price, cost) {
        (Price::Unknown, _) | (_, None) => Err("its price is not known".to_owned()),
        (Price::Free, _) if !endpoint.is_loopback() => {
            Err("free of charge, and so limited to a few requests a day".to_owned())
        }
        (_, Some(cost)) => Ok(cost),
    }
}

/// Gives each candidate its band of cost.
fn spread(candidates: &mut [Candidate<'_>], bands: usize) {
    // Below the smallest unit that is billed there is nothing to tell apart.
    let log = |cost: Usd| libm::log(cost.to_f64().max(1e-9));
    let all = candidates.iter().map(|c| log(c.cost));
    let (least, most) = all.fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(x), b.max(x)));
    for candidate in candidates {
        let share = (log(candidate.cost) - least) / (most - least).max(1e-9);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share from 0 to 1 times a small count"
        )]
        let band = (share * bands as f64) as usize;
        candidate.band = band.min(bands.saturating_sub(1));
    }
}

fn choose(mut candidates: Vec<Candidate<'_>>, bands: usize, choice: &mut Choice) {
    let mut authors: BTreeMap<String, usize> = BTreeMap::new();
    let mut models: BTreeSet<String> = BTreeSet::new();
    for picked in &choice.picked {
        let model = picked.endpoint.as_str().split('@').next().unwrap_or_default();
        *authors.entry(author(model).to_owned()).or_default() += 1;
        models.insert(model.to_owned());
    }
    // Band by band, and round again where a band was empty.
    let mut chosen = Vec::new();
    let mut band = 0;
    while chosen.len() < bands && !candidates.is_empty() {
        candidates.retain(|c| !models.contains(&c.endpoint.model));
        let best = candidates
            .iter()
            .enumerate()
            .filter(|(_, c)| c.band == band % bands)
            .min_by_key(|(_, c)| {
                let taken = authors.get(author(&c.endpoint.model)).copied().unwrap_or(0);
                (taken, std::cmp::Reverse(c.created), c.cost, &c.endpoint.id)
            })
            .map(|(idx, _)| idx);
        band += 1;
        let Some(idx) = best else { continue };
        let picked = candidates.swap_remove(idx);
        let taken = authors.entry(author(&picked.endpoint.model).to_owned()).or_default();
        models.insert(picked.endpoint.model.clone());
        chosen.push((picked, *taken));
        *taken += 1;
    }
    chosen.sort_by(|(a, _), (b, _)| (a.cost, &a.endpoint.id).cmp(&(b.cost, &b.endpoint.id)));
    choice.picked.extend(chosen.into_iter().map(|(c, before)| {
        let band = c.band + 1;
        let newest = match c.created {
            Some(day) => format!("the newest there ({day})"),
            None => "the cheapest there".to_owned(),
        };
        let author = author(&c.endpoint.model);
        let whose = match before {
            0 => format!("first of {author}"),
            n => format!("{author} has {n} already"),
        };
        let reason = format!("price band {band} of {bands}, {newest}, {whose}");
        Picked { endpoint: c.endpoint.id.clone(), cost: Some(c.cost), reason }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Rate, Rates};
    use crate::plan::tests::{endpoint, task};

    fn catalog(list: &[(&str, u64, &str)]) -> Catalog {
        let mut catalog = Catalog::default();
        for (model, micros, created) in list {
            let mut one = endpoint(model);
            let usd = Usd::from_raw(i128::from(*micros) * 1_000_000_000_000_000_000);
            let rates = [(Rate::Input, usd), (Rate::Output, usd)];
            one.price = Price::Rates(Rates::from_map(rates.into()).expect("both"));
            let created = Some(created.parse().expect("a day"));
            catalog.facts.insert(one.id.clone(), Facts { created, ..Facts::default() });
            catalog.endpoints.push(one);
        }
        catalog
    }

    fn check(catalog: &Catalog, n: usize, today: Option<&str>, expected: &[&str]) -> Choice {
        let today = today
            .map(|id| catalog.endpoints.iter().find(|e| e.id.as_str() == id).expect(id).id.clone());
        let on = "2026-06-16".parse().expect("a day");
        let tasks = [task("t", "math", "What is 2 + 2?")];
        let choice = pick(catalog, &tasks, n, today.as_ref(), on, &Privacy::default())
            .expect("tasks and endpoints");
        let picked: Vec<&str> = choice
            .picked
            .iter()
            .map(|p| p.endpoint.as_str().split('@').next().expect("a model"))
            .collect();
        assert_eq!(picked, expected);
        choice
    }

    #[test]
    fn a_choice_is_spread_over_prices_and_authors() {
        let catalog = catalog(&[
            ("acme/tiny", 1, "2026-01-01"),
            ("acme/mini", 2, "2026-05-01"),
            ("birch/tiny", 2, "2026-02-01"),
            ("acme/large", 900, "2026-03-01"),
            ("birch/large", 1_000, "2026-04-01"),
            ("cedar/mid", 40, "2025-01-01"),
            ("acme/mid", 40, "2026-06-01"),
        ]);
        // The newest of the cheap; of the middle and of the dear, one whose author is new.
        check(&catalog, 3, None, &["acme/mini", "cedar/mid", "birch/large"]);
        let choice = check(
            &catalog,
            3,
            Some("acme/large@local"),
            &["acme/large", "birch/tiny", "cedar/mid"],
        );
        assert!(choice.picked[0].reason.contains("serves today"));
        check(
            &catalog,
            20,
            None,
            &[
                "acme/tiny",
                "acme/mini",
                "birch/tiny",
                "acme/mid",
                "cedar/mid",
                "acme/large",
                "birch/large",
            ],
        );
    }

    #[test]
    fn what_is_not_worth_weighing_is_dropped_with_the_reason() {
        let mut catalog = catalog(&[
            ("a/expired", 1, "2026-01-01"),
            ("a/alias", 1, "2026-01-01"),
            ("a/dark", 1, "2026-01-01"),
            ("a/short", 1, "2026-01-01"),
            ("a/good", 1, "2026-01-01"),
        ]);
        let ids: Vec<EndpointId> = catalog.endpoints.iter().map(|e| e.id.clone()).collect();
        catalog.facts.get_mut(&ids[0]).expect("facts").expires =
            Some("2026-07-01".parse().expect("a day"));
        catalog.facts.get_mut(&ids[1]).expect("facts").alias_of = Some("a/good".to_owned());
        catalog.endpoints[2].price = Price::Unknown;
        catalog.endpoints[3].context_window = Some(1);
        let choice = check(&catalog, 4, None, &["a/good"]);
        assert_eq!(choice.candidates, 1);
        assert_eq!(choice.dropped.values().sum::<usize>(), 4, "{:?}", choice.dropped);
        assert_eq!(choice.dropped.len(), 4);
    }
}
