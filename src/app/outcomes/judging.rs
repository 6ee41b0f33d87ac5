//! What an imported run is judged by: today, shares, goal, and what of an objective a table can show.

use std::collections::BTreeSet;

use crate::app::baseline;
use crate::app::catalog_source::sources;
use crate::app::error::{AppError, refused};
use crate::app::options::ImportOptions;
use crate::plan::Config;
use crate::store::StoredEndpoint;
use crate::units::names::matches_none;
use crate::units::{EndpointId, Fact, Goal, Judging};

/// How far shares may miss 1.
const SHARE_TOLERANCE: f64 = 1e-6;

/// The objective, the baseline and the traffic of an imported run.
pub(super) fn judging(
    options: &ImportOptions,
    endpoints: &[StoredEndpoint],
    categories: &BTreeSet<&str>,
    notes: &mut Vec<Fact>,
) -> Result<Judging, AppError> {
    let mut config = configuration(options)?;
    if let Some(today) = &options.today {
        let names: Vec<&str> = endpoints.iter().map(|e| e.endpoint.model.as_str()).collect();
        let found = find(endpoints, today).ok_or_else(|| {
            refused(format!(
                "--today {today:?} is no model of the table; {}",
                matches_none(today, &names)
            ))
        })?;
        config.today = Some(found.as_str().to_owned());
    } else if let Some(today) = &config.today {
        let found = find(endpoints, today);
        if found.is_none() {
            notes.push(Fact::from(format!(
                "[today] endpoint {today} is no model of the table; --today MODEL names one"
            )));
        }
        config.today = found.map(|id| id.as_str().to_owned());
    }
    if !options.shares.is_empty() {
        config.shares = shares(options, categories)?;
    }
    config.goal = options.goal.or(config.goal);
    config.margin = options.margin.unwrap_or(config.margin);
    if config.goal == Some(Goal::Faster) {
        return Err(refused(
            "goal faster rests on the time to the first token, which no outcome table holds; \
             choose --goal cheaper or --goal better",
        ));
    }
    leave_aside(&mut config, notes);
    baseline::judging(&config, categories, notes)
}

/// The configuration that holds here; the default where there is none.
fn configuration(options: &ImportOptions) -> Result<Config, AppError> {
    let sources = sources(None, options.config.as_deref(), None)?;
    match &sources.config {
        Some((path, text)) => Config::load_text(text, path, &sources.texts()).map_err(refused),
        None => Ok(Config::default()),
    }
}

/// The endpoint that is called so: by its id, its model, its model at another provider, or the last
/// part of its model's name where only one ends so.
fn find<'a>(endpoints: &'a [StoredEndpoint], name: &str) -> Option<&'a EndpointId> {
    let all = || endpoints.iter().map(|stored| &stored.endpoint);
    let model = name.rsplit_once('@').map_or(name, |(model, _)| model);
    let exact = all().find(|e| e.id.as_str() == name).or_else(|| {
        let mut same = all().filter(|e| e.model == name || e.model == model);
        same.next().filter(|_| same.next().is_none())
    });
    let last = |model: &str| model.rsplit(['/', ':']).next().unwrap_or_default().to_owned();
    let found = exact.or_else(|| {
        let mut alike = all().filter(|e| last(&e.model) == last(model));
        alike.next().filter(|_| alike.next().is_none())
    });
    found.map(|endpoint| &endpoint.id)
}

/// The shares that the options state, which name categories of the table and sum to 1.
fn shares(
    options: &ImportOptions,
    categories: &BTreeSet<&str>,
) -> Result<std::collections::BTreeMap<String, f64>, AppError> {
    if let Some(unknown) = options.shares.keys().find(|name| !categories.contains(name.as_str())) {
        let names: Vec<&str> = categories.iter().copied().collect();
        return Err(refused(format!(
            "--share {unknown:?} is no category of the table; {}",
            matches_none(unknown, &names)
        )));
    }
    let sum: f64 = options.shares.values().sum();
    if (sum - 1.0).abs() > SHARE_TOLERANCE {
        return Err(refused(format!("the --share options sum to {sum}, not to 1")));
    }
    Ok(options.shares.clone())
}

/// What needs more than a table holds is left aside, and said.
fn leave_aside(config: &mut Config, notes: &mut Vec<Fact>) {
    let aside: Vec<&str> = [
        (config.slo.take().is_some(), "[objective] slo (no time to the first token)"),
        (config.max_share_provider.take().is_some(), "[objective] max_share (no providers)"),
        (config.cached_input.take().is_some(), "[traffic] cached_input (no prices of tokens)"),
        (
            !std::mem::take(&mut config.traffic).is_empty(),
            "[traffic] figures of requests (no prices of tokens)",
        ),
    ]
    .into_iter()
    .filter_map(|(is_set, name)| is_set.then_some(name))
    .collect();
    if !aside.is_empty() {
        let aside = aside.join(", ");
        notes.push(Fact::from(format!("an outcome table cannot show, so left aside: {aside}")));
    }
}
