//! A few endpoints for each key that the environment holds, with the prices of a list.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::text::Group;
use crate::app::catalog::source::read_list;
use crate::app::catalog_source::variable;
use crate::app::error::chain;
use crate::app::events::Events;
use crate::app::snapshots;
use crate::catalog::source;
use crate::catalog::{Catalog, Endpoint, Price, Provider, SnapshotStamp, load_text, snapshot};
use crate::plan::Privacy;
use crate::plan::pick::{SHOWN_TASKS, pick};
use crate::suite::Task;
use crate::units::text_file::read_text;
use crate::units::{Clock, Usd};

/// Parts of the names of models that are made for something else than answering a prompt in text.
const SPECIAL: [&str; 18] = [
    "audio",
    "codex",
    "computer-use",
    "deep-research",
    "embed",
    "ft:",
    "guard",
    "image",
    "live",
    "lyria",
    "ocr",
    "omni",
    "realtime",
    "robotics",
    "safeguard",
    "search",
    "transcribe",
    "tts",
];
/// Nobody means to pay more without having asked for it: dollars per million tokens of answer.
const DEAREST: f64 = 80.0;
/// So many tasks tell what an endpoint costs.
const TASKS: usize = 200;

/// Price lists to go by, or why there is none.
pub(super) fn lists(
    prices: Option<&str>,
    providers: &[Provider],
    events: &dyn Events,
) -> Result<Vec<Catalog>, String> {
    if let Some(from) = prices {
        return Ok(vec![fetch(from).map_err(|error| format!("{from}: {error}"))?]);
    }
    let kept: Vec<Catalog> = newest().iter().filter_map(|path| snapshot_at(path, events)).collect();
    if !kept.is_empty() {
        return Ok(kept);
    }
    let (router, others): (Vec<&Provider>, Vec<_>) =
        providers.iter().partition(|provider| provider.name == "openrouter");
    let mut wanted = Vec::new();
    // A mirror says its own prices.
    wanted.extend(router.first().map(|router| match router.router {
        Some(_) => format!("{}/models", router.base_url),
        None => "openrouter".to_owned(),
    }));
    wanted.extend((!others.is_empty()).then(|| "litellm".to_owned()));
    let mut lists = Vec::new();
    for from in wanted {
        events.notice(format!("fetching the price list of {from}"));
        lists.push(fetch(&from)?);
    }
    Ok(lists)
}

fn fetch(from: &str) -> Result<Catalog, String> {
    let mut catalog = read_list(from).map_err(|error| chain(&error))?.catalog;
    if catalog.snapshots.is_empty() {
        let fetched_at = format!("{:.0}", Clock::real().wall_anchor());
        let source = from.split('?').next().unwrap_or(from).to_owned();
        catalog.snapshots.push(SnapshotStamp { source, fetched_at });
    }
    Ok(catalog)
}

fn snapshot_at(path: &Path, events: &dyn Events) -> Option<Catalog> {
    let text = read_text(path).ok()?;
    match load_text(&text, &path.display().to_string()) {
        Ok(catalog) => (!catalog.snapshots.is_empty()).then_some(catalog),
        Err(error) => {
            events.notice(format!("left out: {error}"));
            None
        }
    }
}

/// The newest snapshot of each source.
fn newest() -> Vec<PathBuf> {
    // Later days come later, and take the place of the earlier.
    let newest: BTreeMap<String, PathBuf> =
        snapshots::all().into_iter().map(|kept| (kept.source, kept.path)).collect();
    newest.into_values().collect()
}

/// The providers whose key the environment holds, at the address that it says, where it says one.
pub(super) fn with_keys(events: &dyn Events) -> Vec<Provider> {
    let mut found = Vec::new();
    for keyed in source::env_providers() {
        let Some(key) = keyed.keys.iter().find(|key| variable(key).is_some()) else { continue };
        let address = keyed.address.and_then(variable);
        match keyed.provider(key, address.as_deref()) {
            Ok(provider) => found.push(provider),
            Err(error) => {
                let name = keyed.address.unwrap_or(keyed.name);
                events.notice(format!("{} is left out: {name} {error}", keyed.name));
            }
        }
    }
    found
}

/// What is proposed for one provider.
#[derive(Debug)]
pub(super) struct Proposal {
    /// The ids, with a heading.
    pub group: Group,
    /// The tables.
    pub catalog: String,
}

/// Proposes `n` endpoints of a provider out of the list that has most of it; `None`: no list has any.
pub(super) fn endpoints(
    provider: &Provider,
    lists: &[Catalog],
    tasks: &[Task],
    n: usize,
) -> Option<Proposal> {
    let of = |list: &Catalog| {
        let mut part = list.clone();
        part.endpoints.retain(|e| e.provider.name == provider.name && is_usual(e));
        part
    };
    let list = lists.iter().map(of).max_by_key(|part| part.endpoints.len())?;
    let on = Clock::real().wall_anchor().to_zoned(jiff::tz::TimeZone::UTC).date();
    let tasks = &tasks[..tasks.len().min(TASKS)];
    let choice = pick(&list, tasks, n, None, on, &Privacy::default()).ok()?;
    if choice.picked.is_empty() {
        return None;
    }
    let source = list.snapshots.first();
    let source = source.map_or_else(String::new, |stamp| {
        format!("; prices: {}, {}", stamp.source, stamp.fetched_at.get(..10).unwrap_or("undated"))
    });
    let key = provider.api_key_env.as_deref().unwrap_or_default();
    let all = list.endpoints.len();
    let about =
        format!("{}: {} of {all}, spread over prices{source}", provider.name, choice.picked.len());
    let mut catalog = format!("\n# The key is in {key}.{}", snapshot::provider_text(provider));
    let mut ids = Vec::new();
    for picked in &choice.picked {
        let endpoint = list.endpoints.iter().find(|e| e.id == picked.endpoint)?;
        let price = snapshot::price_text(&endpoint.price);
        catalog += &snapshot::endpoint_text(endpoint, list.facts.get(&endpoint.id), &price);
        let cost = |usd: Usd| format!("${} for {SHOWN_TASKS} tasks", usd.to_fixed(3));
        ids.push((picked.endpoint.to_string(), picked.cost.map(cost).unwrap_or_default()));
    }
    Some(Proposal { group: Group { about, ids }, catalog })
}

/// Whether one proposes it unasked.
fn is_usual(endpoint: &Endpoint) -> bool {
    let name = endpoint.upstream_model.as_str();
    // A rate is held per token.
    let dear = match &endpoint.price {
        Price::Rates(rates) => rates.output.to_f64() * 1e6 > DEAREST,
        _ => false,
    };
    !dear && !SPECIAL.iter().any(|part| name.contains(part))
}
