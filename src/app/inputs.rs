//! From options and files to a plan: one resolved struct.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::app::error::{AppError, refused};
use crate::app::events::Events;
use crate::app::fleet::Fleet;
use crate::app::options::{PlanOptions, SelectOptions};
use crate::app::selection::{leave_out_unpriced, listed, matched};
use crate::app::{baseline, catalog_source, policy, served, suites};
use crate::catalog::{Catalog, Endpoint, Price, SnapshotStamp};
use crate::client;
use crate::dispatch::QuotaShare;
use crate::plan::{Config, Plan, Shard, Spend, select};
use crate::suite::Task;
use crate::units::Fact;
use crate::units::{Judging, Seed, ShardStamp, SuiteStamp};
use crate::weights::WeightsFile;

/// The demo's objective, baseline and traffic.
const DEMO: &str = include_str!("demo.toml");

/// Requests in flight per endpoint, unless the options or the catalog set another number.
const DEFAULT_CONCURRENCY: u32 = 16;

/// Everything that a run needs.
#[derive(Debug)]
pub(crate) struct Inputs {
    /// The plan.
    pub plan: Plan,
    /// The tasks of the whole plan, which the simulated fleet answers: some of its wrong answers are
    /// the right ones of other tasks.
    pub simulated_tasks: Arc<[Task]>,
    /// Objective, baseline and traffic.
    pub judging: Judging,
    /// The weights file that is served by today.
    pub served: Option<WeightsFile>,
    /// Notes for the user and for the report.
    pub notes: Vec<Fact>,
    /// The suites.
    pub suites: Vec<SuiteStamp>,
    /// The name for headings and folders.
    pub name: String,
    /// Whether this is the demo.
    pub demo: bool,
    /// Whether the embedded fleet serves it.
    pub simulated: bool,
    /// The fleet's true skills: see [`Manifest::skills`](crate::units::Manifest::skills).
    pub skills: BTreeMap<String, BTreeMap<String, f64>>,
    /// Whether the user chose endpoints, rather than taking a whole catalog.
    pub selected: bool,
    /// The configuration's own caps.
    pub spend: Spend,
    /// The share of a key's limits that the configuration allows; `None`: the simulated fleet, which
    /// has no other callers.
    pub rate_share: Option<f64>,
    /// Which part of a larger plan this is.
    pub shard: Option<ShardStamp>,
    /// Where its trials stand in the larger plan; empty: it is the whole.
    pub places: Vec<u32>,
}

impl Inputs {
    /// Requests under way at once, per endpoint.
    pub(crate) fn at_once(&self, flag: Option<u32>) -> Vec<usize> {
        let of = |endpoint: &Endpoint| {
            let limit = endpoint.limits.concurrency.unwrap_or(u32::MAX);
            let limit = endpoint.provider.concurrency.unwrap_or(u32::MAX).min(limit);
            // The provider's limit holds for all shards together: each keeps to its part.
            let limit = limit / self.among();
            let wanted = flag.or(endpoint.limits.concurrency).unwrap_or(DEFAULT_CONCURRENCY);
            wanted.min(limit).max(1) as usize
        };
        self.plan.endpoints.iter().map(of).collect()
    }

    /// How much of the keys' limits may be used.
    pub(crate) fn quota_share(&self, flag: Option<f64>) -> QuotaShare {
        QuotaShare { share: flag.or(self.rate_share), among: self.among() }
    }

    /// How many processes share the providers' limits.
    pub(crate) fn among(&self) -> u32 {
        self.shard.as_ref().map_or(1, |shard| shard.n)
    }

    /// Keeps one part of the plan alone.
    pub(crate) fn take(&mut self, shard: Shard) {
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

/// Whether these options, in this folder, mean the demo: nothing of the user's is here or named.
pub(crate) fn is_demo(select: &SelectOptions) -> bool {
    let named = select.config.is_some()
        || select.catalog.is_some()
        || !select.suites.is_empty()
        || !select.models.is_empty();
    select.demo || (!named && catalog_source::config_here().is_none())
}

/// The inputs of a run. `simulated` asks for the simulated fleet, whatever else is here.
pub(crate) fn read(
    options: &PlanOptions,
    fleet: &Fleet,
    simulated: bool,
    events: &dyn Events,
) -> Result<Inputs, AppError> {
    let purpose = Purpose::Run { repeats: options.repeats };
    read_for(purpose, &options.select, fleet, simulated, events)
}

/// The inputs of a load.
pub(crate) fn read_for_load(
    select: &SelectOptions,
    fleet: &Fleet,
    events: &dyn Events,
) -> Result<Inputs, AppError> {
    read_for(Purpose::Load, select, fleet, false, events)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// A comparison of each endpoint with the baseline.
    Run { repeats: u32 },
    /// Load on the selected endpoints alone. No endpoints are compared, so no traffic is assumed.
    Load,
}

fn read_for(
    purpose: Purpose,
    select: &SelectOptions,
    fleet: &Fleet,
    fleet_asked: bool,
    events: &dyn Events,
) -> Result<Inputs, AppError> {
    let simulated = is_demo(select) || fleet_asked;
    // A fleet of the user's own is no demo: nothing is known of what serves today.
    let is_configured = select.config.is_some();
    let demo = simulated && select.suites.is_empty() && !fleet.is_own() && !is_configured;
    let (mut config, fetched) = match simulated {
        true if is_configured => (simulated_config(select)?, false),
        true if demo => (Config::load_text(DEMO, "demo.toml", &[])?, false),
        true => (Config::default(), false),
        false => own_config(select)?,
    };
    if simulated {
        config.catalog = fleet.catalog(false);
    }
    let mut notes = price_sources(&config.catalog);
    notes.extend(config.catalog.warnings.iter().cloned().map(Fact::from));
    if simulated
        && !is_configured
        && let Some(path) = catalog_source::config_here()
    {
        notes.push(Fact::ConfigIgnored { path: path.display().to_string() });
    }
    let suites = suites::load(select, &config, simulated, &mut notes)?;
    if config.catalog.endpoints.is_empty() {
        return Err(nothing_to_run_on());
    }
    let stamps: Vec<SuiteStamp> = suites.iter().map(suites::stamp).collect();
    let tasks = suites.into_iter().flat_map(|suite| suite.tasks).collect();
    let tasks = select::tasks(tasks, &select.categories, &select.tags).map_err(refused)?;
    let seed = Seed(select.seed);
    let tasks = match select.limit {
        Some(limit) => select::sample(tasks, limit as usize, seed),
        None => tasks,
    };
    let weighed: BTreeSet<&str> = tasks.iter().map(|task| task.suite.as_str()).collect();
    let stamps: Vec<SuiteStamp> =
        stamps.into_iter().filter(|stamp| weighed.contains(stamp.name.as_str())).collect();
    let name = if demo { "demo".to_owned() } else { suites::name_of(&stamps) };
    let models = if select.models.is_empty() { &config.models } else { &select.models };
    let selected = !models.is_empty() || !select.endpoints.is_empty();
    let mut endpoints = select::endpoints(&config.catalog.endpoints, models, &select.endpoints)
        .map_err(|error| {
            // What was asked for may be an entry that does not read.
            let warned = config.catalog.warnings.iter().filter(|_| fetched);
            refused(warned.fold(error.to_string(), |text, warning| format!("{text}; {warning}")))
        })?;
    if fetched {
        notes.extend(leave_out_unpriced(&mut endpoints, models));
    }
    let is_glob = |glob: &String| glob.contains(['*', '?']);
    if !simulated && (fetched || models.iter().chain(&select.endpoints).any(is_glob)) {
        events.notice(matched(&endpoints, config.catalog.endpoints.len()));
    }
    if let Some(endpoint) = endpoints.iter().find(|e| e.provider.base_url.is_empty()) {
        let name = &endpoint.provider.name;
        return Err(refused(format!(
            "{} cannot be called: its price list gives no address for {name}; write [[provider]] \
             name = {name:?}, base_url = … in weighbridge.toml, or leave it out",
            endpoint.id
        )));
    }
    notes.extend(listed(&config.catalog, &endpoints).into_iter().map(Fact::from));
    let repeats = match purpose {
        Purpose::Run { repeats } => repeats,
        Purpose::Load => 1,
    };
    let served = if purpose == Purpose::Load {
        None
    } else {
        served::read(&mut config, &mut endpoints, simulated, &mut notes)?
    };
    if purpose != Purpose::Load {
        baseline::keep(&config, &mut endpoints, &mut notes)?;
    }
    let policy = match purpose {
        Purpose::Run { .. } => policy::for_run(select, &config, simulated),
        Purpose::Load => {
            let policy = policy::for_load(select, &config, simulated)?;
            policy::exclude_refused(&mut endpoints, &policy, &mut notes)?;
            policy
        }
    };
    let plan = Plan::shaped(tasks, endpoints, repeats, seed, &policy).map_err(refused)?;
    notes.extend(plan.shape_notes());
    notes.extend(policy::cache_note(policy.cache));
    let judging = match purpose {
        Purpose::Run { .. } => {
            let categories = plan.tasks.iter().map(|task| task.category.as_str()).collect();
            baseline::judging(&config, &categories, &mut notes)?
        }
        Purpose::Load => config.judging(),
    };
    let categories: Vec<&str> = plan.tasks.iter().map(|task| task.category.as_str()).collect();
    notes.extend(served.as_ref().and_then(|file| served::unmeasured(file, &categories)));
    notes.extend(endpoint_notes(&plan, purpose, simulated));
    Ok(Inputs {
        simulated_tasks: Arc::clone(&plan.tasks),
        skills: if simulated { fleet.skills(&plan) } else { BTreeMap::new() },
        plan,
        judging,
        served,
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

/// Notes on how the endpoints are billed and reached.
fn endpoint_notes(plan: &Plan, purpose: Purpose, simulated: bool) -> Vec<Fact> {
    let mut notes = Vec::new();
    let per_hour = plan.endpoints.iter().filter(|e| matches!(e.price, Price::PerHour(_)));
    let per_hour: Vec<String> = per_hour.map(|e| e.id.to_string()).collect();
    if !per_hour.is_empty() && purpose != Purpose::Load {
        notes.push(Fact::PaidByHour { endpoints: per_hour });
    }
    let is_promoted =
        |e: &&Endpoint| matches!(&e.price, Price::Rates(rates) if rates.promotion.is_some());
    let promoted: Vec<&str> =
        plan.endpoints.iter().filter(is_promoted).map(|e| e.id.as_str()).collect();
    if !promoted.is_empty() {
        notes.push(Fact::from(format!(
            "listed at a promotion that a request need not get, so budgets reserve without it: {}",
            promoted.join(", ")
        )));
    }
    let providers = plan.endpoints.iter().map(|endpoint| &endpoint.provider);
    let mut proxied: Vec<String> = providers
        .filter(|provider| !simulated && client::through_proxy(provider))
        .map(|provider| provider.name.clone())
        .collect();
    proxied.dedup();
    if !proxied.is_empty() {
        notes.push(Fact::ThroughProxy { providers: proxied });
    }
    notes
}

/// Where the prices were read, and when.
fn price_sources(catalog: &Catalog) -> Vec<Fact> {
    let fact = |stamp: &SnapshotStamp| Fact::PricesRead {
        source: stamp.source.clone(),
        read_at: stamp.fetched_at.clone(),
    };
    catalog.snapshots.iter().map(fact).collect()
}

/// The user's own configuration, and whether its prices were fetched for this command.
fn own_config(select: &SelectOptions) -> Result<(Config, bool), AppError> {
    let sources = catalog_source::sources(
        select.catalog.as_deref(),
        select.config.as_deref(),
        Some(&select.models),
    )?;
    let texts = sources.texts();
    let mut config = match &sources.config {
        Some((path, text)) => Config::load_text(text, path, &texts).map_err(refused)?,
        None if texts.is_empty() => Config::default(),
        None => {
            let catalog = crate::catalog::load_texts(&texts).map_err(refused)?;
            Config { catalog, ..Config::default() }
        }
    };
    config.catalog.warnings.extend(sources.notes);
    Ok((config, sources.fetched))
}

/// The configuration that is named, of which a run on the simulated fleet takes all but the catalog.
fn simulated_config(select: &SelectOptions) -> Result<Config, AppError> {
    let sources = catalog_source::sources(None, select.config.as_deref(), None)?;
    let Some((path, text)) = &sources.config else { return Ok(Config::default()) };
    Config::load_text(text, path, &sources.texts()).map_err(refused)
}

/// Variables of keys that alone do not say where to call.
const CUSTOMERS_OWN: [&str; 2] = ["AZURE_OPENAI_API_KEY", "LITELLM_API_KEY"];

fn nothing_to_run_on() -> AppError {
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
    refused(format!(
        "there is nothing to run on: name endpoints in a catalog (--catalog FILE) or in \
         weighbridge.toml (`weighbridge init` writes one); {keys}. To try your prompts on the simulated fleet, add --demo"
    ))
}
