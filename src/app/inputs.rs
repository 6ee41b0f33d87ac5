//! From flags and files to a plan: raw arguments in, one resolved struct out.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use secrecy::SecretString;

pub use crate::app::fleet::Fleet;
use crate::app::selection::{leave_out_unpriced, listed, matched};
use crate::app::{baseline, catalog_source, fleet, key_command, policy};
use crate::catalog::{Catalog, Endpoint, Price, Provider, SnapshotStamp};
use crate::cli::args::{PickArgs, WhatArgs};
use crate::cli::{Failure, console, refused};
use crate::client;
use crate::dispatch::{Keys, QuotaShare};
use crate::plan::{Config, Plan, Shard, Spend, SuiteEntry, select};
use crate::suite::{ColumnMap, Suite, Task, load_path};
use crate::units::Fact;
use crate::units::{Judging, Seed, ShardStamp, SuiteStamp};

/// What the demo is judged by.
const DEMO: &str = include_str!("demo.toml");

/// Requests under way at once where neither the flag nor the catalog says.
const DEFAULT_CONCURRENCY: u32 = 16;

/// Everything that a run needs, resolved.
#[derive(Debug)]
pub struct Inputs {
    /// The plan.
    pub plan: Plan,
    /// The tasks that the simulated fleet answers, where it is asked: those of the whole plan, for
    /// some of its wrong answers are other tasks' right ones.
    pub simulated_tasks: Arc<[Task]>,
    /// What it is judged by.
    pub judging: Judging,
    /// What the user must see.
    pub notes: Vec<Fact>,
    /// The suites.
    pub suites: Vec<SuiteStamp>,
    /// The name for headings and folders.
    pub name: String,
    /// Whether this is the demo.
    pub demo: bool,
    /// Whether the embedded fleet serves it.
    pub simulated: bool,
    /// Whether the user chose endpoints, rather than taking a whole catalog.
    pub selected: bool,
    /// The configuration's own caps.
    pub spend: Spend,
    /// The share of a key's limits that the configuration allows; `None`: the endpoints serve nobody
    /// else, being the fleet inside the binary.
    pub rate_share: Option<f64>,
    /// Which part of a larger plan this is.
    pub shard: Option<ShardStamp>,
    /// Where its trials stand in the larger plan; empty: it is the whole.
    pub places: Vec<u32>,
}

impl Inputs {
    /// Requests under way at once, per endpoint.
    pub fn at_once(&self, flag: Option<u32>) -> Vec<usize> {
        let of = |endpoint: &Endpoint| {
            let limit = endpoint.limits.concurrency.unwrap_or(u32::MAX);
            // A stated limit is the provider's, whoever asks: each shard keeps to its part.
            let limit = limit / self.among();
            let wanted = flag.or(endpoint.limits.concurrency).unwrap_or(DEFAULT_CONCURRENCY);
            wanted.min(limit).max(1) as usize
        };
        self.plan.endpoints.iter().map(of).collect()
    }

    /// How the keys' limits are used. The fleet inside the binary serves nobody else, so that
    /// there is nobody to leave a share to unless the flag says so.
    pub fn quota_share(&self, flag: Option<f64>) -> QuotaShare {
        QuotaShare { share: flag.or(self.rate_share), among: self.among() }
    }

    /// How many processes share the providers' limits.
    pub fn among(&self) -> u32 {
        self.shard.as_ref().map_or(1, |shard| shard.n)
    }

    /// Keeps one part of the plan alone.
    pub fn take(&mut self, shard: Shard) {
        let part = self.plan.part(shard);
        let whole = std::mem::replace(&mut self.plan, part.plan);
        let present: BTreeSet<&str> =
            self.plan.tasks.iter().map(|task| task.suite.as_str()).collect();
        let suites = self.suites.clone();
        self.suites.retain(|stamp| present.contains(stamp.name.as_str()));
        self.notes.push(Fact::Shard { k: shard.k, n: shard.n });
        self.shard = Some(ShardStamp {
            k: shard.k,
            n: shard.n,
            plan_hash: whole.hash().hex(),
            trials: whole.trials.len() as u64,
            suites,
            tasks: part.tasks,
        });
        self.places = part.trials;
    }
}

/// Whether these flags, in this folder, mean the demo: nothing of the user's is here or named.
pub fn is_demo(what: &PickArgs) -> bool {
    let named = what.config.is_some()
        || what.catalog.is_some()
        || !what.suite.is_empty()
        || !what.model.is_empty();
    what.demo || (!named && catalog_source::config_here().is_none())
}

/// Reads everything. `fleet` is the simulated fleet where the flags ask for it.
pub fn read(what: &WhatArgs, fleet: &Fleet, fleet_asked: bool) -> Result<Inputs, Failure> {
    read_for(Purpose::Weigh { repeats: what.repeats }, &what.pick, fleet, fleet_asked)
}

/// Reads everything for a load.
pub fn read_for_load(pick: &PickArgs, fleet: &Fleet) -> Result<Inputs, Failure> {
    read_for(Purpose::Load, pick, fleet, false)
}

/// What the inputs are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Weighing each endpoint against the one that serves today.
    Weigh {
        /// How often each task is asked.
        repeats: u32,
    },
    /// Load on what was picked and nothing else. Nothing is weighed, so nothing is assumed of
    /// traffic.
    Load,
}

fn read_for(
    purpose: Purpose,
    what: &PickArgs,
    fleet: &Fleet,
    fleet_asked: bool,
) -> Result<Inputs, Failure> {
    let simulated = is_demo(what) || fleet_asked;
    // A fleet of the user's own is no demo: nothing is known of what serves today.
    let demo = simulated && what.suite.is_empty() && !fleet.is_own();
    let (mut config, fetched) = match simulated {
        true if demo => (Config::load_text(DEMO, "demo.toml", &[])?, false),
        true => (Config::default(), false),
        false => own_config(what)?,
    };
    if simulated {
        config.catalog = fleet.catalog(false);
    }
    let mut notes = price_sources(&config.catalog);
    notes.extend(config.catalog.warnings.iter().cloned().map(Fact::from));
    if simulated && let Some(path) = catalog_source::config_here() {
        notes.push(Fact::ConfigIgnored { path: path.display().to_string() });
    }
    let suites = suites(what, &config, simulated, &mut notes)?;
    if config.catalog.endpoints.is_empty() {
        return Err(nothing_to_run_on());
    }
    let stamps: Vec<SuiteStamp> = suites.iter().map(stamp).collect();
    let tasks = suites.into_iter().flat_map(|suite| suite.tasks).collect();
    let tasks = select::tasks(tasks, &what.category, &what.tag).map_err(refused)?;
    let seed = Seed(what.seed);
    let tasks = match what.limit {
        Some(limit) => select::sample(tasks, limit as usize, seed),
        None => tasks,
    };
    let weighed: BTreeSet<&str> = tasks.iter().map(|task| task.suite.as_str()).collect();
    let stamps: Vec<SuiteStamp> =
        stamps.into_iter().filter(|stamp| weighed.contains(stamp.name.as_str())).collect();
    let name = if demo { "demo".to_owned() } else { name_of(&stamps) };
    let models = if what.model.is_empty() { &config.models } else { &what.model };
    let selected = !models.is_empty() || !what.endpoint.is_empty();
    let mut endpoints =
        select::endpoints(&config.catalog.endpoints, models, &what.endpoint).map_err(refused)?;
    if fetched {
        notes.extend(leave_out_unpriced(&mut endpoints, models));
    }
    let is_glob = |glob: &String| glob.contains(['*', '?']);
    if !simulated && (fetched || models.iter().chain(&what.endpoint).any(is_glob)) {
        console::say(&matched(&endpoints, config.catalog.endpoints.len()));
    }
    if let Some(endpoint) = endpoints.iter().find(|e| e.provider.base_url.is_empty()) {
        let name = &endpoint.provider.name;
        return Err(refused(anyhow!(
            "{} cannot be called: its price list gives no address for {name}; write [[provider]] \
             name = {name:?}, base_url = … in weighbridge.toml, or leave it out",
            endpoint.id
        )));
    }
    notes.extend(listed(&config.catalog, &endpoints).into_iter().map(Fact::from));
    let repeats = match purpose {
        Purpose::Weigh { repeats } => repeats,
        Purpose::Load => 1,
    };
    if purpose != Purpose::Load {
        keep_today(&config, &mut endpoints, &mut notes)?;
    }
    let manner = match purpose {
        Purpose::Weigh { .. } => policy::of_run(what, &config, simulated),
        Purpose::Load => {
            let manner = policy::of_load(what, &config, simulated)?;
            policy::leave_out_refused(&mut endpoints, &manner, &mut notes)?;
            manner
        }
    };
    let plan = Plan::shaped(tasks, endpoints, repeats, seed, &manner).map_err(refused)?;
    notes.extend(plan.shape_notes());
    notes.extend(policy::cache_note(manner.cache));
    let judging = match purpose {
        Purpose::Weigh { .. } => judging(&config, &plan, &mut notes)?,
        Purpose::Load => config.judging(),
    };
    let by_hour: Vec<String> = plan
        .endpoints
        .iter()
        .filter(|e| matches!(e.price, Price::PerHour(_)))
        .map(|e| e.id.to_string())
        .collect();
    if !by_hour.is_empty() && purpose != Purpose::Load {
        notes.push(Fact::PaidByHour { endpoints: by_hour });
    }
    let mut proxied: Vec<String> = plan
        .endpoints
        .iter()
        .filter(|e| !simulated && client::through_proxy(&e.provider))
        .map(|e| e.provider.name.clone())
        .collect();
    proxied.dedup();
    if !proxied.is_empty() {
        notes.push(Fact::ThroughProxy { providers: proxied });
    }
    Ok(Inputs {
        simulated_tasks: Arc::clone(&plan.tasks),
        plan,
        judging,
        notes,
        suites: stamps,
        name,
        demo,
        simulated,
        selected,
        spend: config.spend,
        rate_share: (!simulated || fleet.is_own()).then_some(config.rate_share),
        shard: None,
        places: Vec::new(),
    })
}

/// Where the prices were read, and when.
fn price_sources(catalog: &Catalog) -> Vec<Fact> {
    let fact = |stamp: &SnapshotStamp| Fact::PricesRead {
        source: stamp.source.clone(),
        read_at: stamp.fetched_at.to_string(),
    };
    catalog.snapshots.iter().map(fact).collect()
}

/// The user's own configuration, and whether its prices were fetched for this command.
fn own_config(what: &PickArgs) -> Result<(Config, bool), Failure> {
    let sources = catalog_source::sources(
        what.catalog.as_deref(),
        what.config.as_deref(),
        Some(&what.model),
    )?;
    let texts = sources.texts();
    let config = match &sources.config {
        Some((path, text)) => {
            baseline::with_proxy(Config::load_text(text, path, &texts).map_err(refused)?)?
        }
        None if texts.is_empty() => Config::default(),
        None => {
            let catalog = crate::catalog::load_texts(&texts).map_err(refused)?;
            Config { catalog, ..Config::default() }
        }
    };
    Ok((config, sources.fetched))
}

fn suites(
    what: &PickArgs,
    config: &Config,
    simulated: bool,
    notes: &mut Vec<Fact>,
) -> Result<Vec<Suite>, Failure> {
    let map: ColumnMap = match &what.map {
        Some(text) => text.parse().map_err(|e| refused(anyhow!("--map: {e}")))?,
        None => ColumnMap::default(),
    };
    let mut loaded = Vec::new();
    let mut take = |path: &Path, map: &ColumnMap| -> Result<(), Failure> {
        let suite = load_path(path, map).map_err(refused)?;
        notes.extend(suite.notes.into_iter().map(Fact::from));
        loaded.push(suite.suite);
        Ok(())
    };
    if !what.suite.is_empty() {
        for path in &what.suite {
            take(path, &map)?;
        }
    } else if what.map.is_some() {
        return Err(refused(anyhow!("--map says which columns a --suite file has: name one")));
    } else {
        for SuiteEntry { path, map } in &config.suites {
            let map = map
                .as_ref()
                .map(|map| ColumnMap::from_pairs(map.iter().map(|(f, c)| (f.as_str(), c.as_str()))))
                .transpose()
                .map_err(refused)?;
            take(path, &map.unwrap_or_default())?;
        }
    }
    if loaded.is_empty() {
        if !simulated {
            notes.push(Fact::BundledSuites);
        }
        return Ok(fleet::bundled_suites().into_iter().map(|loaded| loaded.suite).collect());
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = loaded.iter().find(|suite| !names.insert(suite.name.clone())) {
        return Err(refused(anyhow!("two suites are named {:?}; rename one", twice.name)));
    }
    Ok(loaded)
}

fn stamp(suite: &Suite) -> SuiteStamp {
    SuiteStamp { name: suite.name.clone(), version: suite.version.clone(), hash: suite.hash.hex() }
}

/// What a run of these suites is called.
pub fn name_of(suites: &[SuiteStamp]) -> String {
    match suites {
        [only] => only.name.clone(),
        [first, rest @ ..] => format!("{} and {} more", first.name, rest.len()),
        [] => String::new(),
    }
}

/// Variables of keys that alone do not say where to call.
const CUSTOMERS_OWN: [&str; 2] = ["AZURE_OPENAI_API_KEY", "LITELLM_API_KEY"];

fn nothing_to_run_on() -> Failure {
    let variables = catalog_source::key_variables().into_iter().chain(CUSTOMERS_OWN);
    let found: Vec<&str> = variables.filter(|name| std::env::var_os(name).is_some()).collect();
    let keys = match found.as_slice() {
        [] => "no provider's key is set in the environment".to_owned(),
        names if catalog_source::any_key() => format!(
            "or with -m GLOB from all that the keys found in the environment are for ({})",
            names.join(", ")
        ),
        names => format!("keys found in the environment: {}", names.join(", ")),
    };
    refused(anyhow!(
        "there is nothing to run on: name endpoints in a catalog (--catalog FILE) or in \
         weighbridge.toml (`weighbridge init` writes one); {keys}. To try your prompts on the simulated fleet, add --demo"
    ))
}

/// What serves today is always measured: every saving is against it.
fn keep_today(
    config: &Config,
    endpoints: &mut Vec<Endpoint>,
    notes: &mut Vec<Fact>,
) -> Result<(), Failure> {
    let Some(today) = &config.today else { return Ok(()) };
    if endpoints.iter().any(|e| e.id.as_str() == today) {
        return Ok(());
    }
    let endpoint = select::endpoint(&config.catalog.endpoints, today)
        .map_err(|e| refused(anyhow!("[today] endpoint: {e}")))?;
    notes.push(Fact::TodayAdded { endpoint: today.clone() });
    endpoints.insert(0, endpoint.clone());
    Ok(())
}

/// What the run is judged by, and what had to be assumed.
fn judging(config: &Config, plan: &Plan, notes: &mut Vec<Fact>) -> Result<Judging, Failure> {
    let mut judging = config.judging();
    let categories: BTreeSet<&str> = plan.tasks.iter().map(|t| t.category.as_str()).collect();
    if judging.today.is_none() {
        notes.push(Fact::TodayAssumed);
    }
    if judging.shares.is_empty() {
        if categories.len() > 1 {
            notes.push(Fact::SharesAssumed);
        }
        return Ok(judging);
    }
    let covered: f64 =
        categories.iter().map(|name| judging.shares.get(*name).copied().unwrap_or(0.0)).sum();
    if covered <= 0.0 {
        let names: Vec<&str> = categories.into_iter().collect();
        return Err(refused(anyhow!(
            "[traffic] share names none of the categories that are weighed ({}); add them",
            names.join(", ")
        )));
    }
    let missing = categories.iter().filter(|name| !judging.shares.contains_key(**name));
    let missing: Vec<String> = missing.map(|name| (*name).to_owned()).collect();
    if !missing.is_empty() {
        notes.push(Fact::NoTraffic { categories: missing });
    }
    let left_out: Vec<String> =
        judging.shares.keys().filter(|name| !categories.contains(name.as_str())).cloned().collect();
    if !left_out.is_empty() {
        notes.push(Fact::TrafficNotMeasured { categories: left_out });
    }
    judging.shares = categories
        .iter()
        .map(|name| {
            let share = judging.shares.get(*name).copied().unwrap_or(0.0);
            ((*name).to_owned(), share / covered)
        })
        .collect();
    Ok(judging)
}

/// The keys of the plan's providers: each from its variable, or from its command, which is run once.
pub fn keys(plan: &Plan) -> Result<Keys, Failure> {
    let mut keys = Keys::new();
    for provider in plan.endpoints.iter().map(|endpoint| &endpoint.provider) {
        if !keys.contains_key(&provider.name)
            && let Some(key) = key_of(provider)?
        {
            keys.insert(provider.name.clone(), key);
        }
    }
    Ok(keys)
}

/// A provider's key; `None`: it takes none.
pub fn key_of(provider: &Provider) -> Result<Option<SecretString>, Failure> {
    match (&provider.api_key_cmd, &provider.api_key_env) {
        (Some(command), _) => key_command::run(command).map(Some).map_err(|e| {
            refused(anyhow!("provider {:?} takes its key from a command: {e}", provider.name))
        }),
        (None, Some(variable)) => in_environment(&provider.name, variable).map(Some),
        (None, None) => Ok(None),
    }
}

fn in_environment(provider: &str, variable: &str) -> Result<SecretString, Failure> {
    match std::env::var(variable) {
        Ok(key) if !key.trim().is_empty() => Ok(SecretString::from(key.trim().to_owned())),
        _ => Err(refused(anyhow!(
            "provider {provider:?} takes its key from {variable}, which is not set: \
             export {variable}=…"
        ))),
    }
}
