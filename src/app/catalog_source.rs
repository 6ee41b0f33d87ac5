//! Where the catalog comes from: a file, the configuration, or, with neither but a glob, the price
//! lists of the providers whose keys are in the environment.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::app::error::{AppError, Context, refused};
use crate::app::snapshots;
use crate::catalog::source::{self, EnvProvider, Omission, Reading};
use crate::catalog::{
    Catalog, CatalogText, Dialect, Endpoint, Price, Provider, Router, SnapshotStamp, snapshot,
};
use crate::client::fetch::{self, FetchError};
use crate::client::runtime;
use crate::dispatch::{Key, headers_of};
use crate::plan::config;
use crate::units::Clock;
use crate::units::names::glob_matches;
use crate::units::text_file::read_text;

/// The prices of providers whose own lists tell none.
pub(crate) const MODELS_DEV: &str = "https://models.dev/api.json";
/// The variable that names a mirror of it.
const MODELS_DEV_URL: &str = "MODELS_DEV_URL";
/// Models whose single endpoints are looked up: one request each.
const MOST_PINNED: usize = 20;

/// What the flags mean: texts that load together as one catalog.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The configuration, by its path.
    pub config: Option<(String, String)>,
    /// The catalog file, or the price lists that were fetched, by path or address.
    pub catalogs: Vec<(String, String)>,
    /// Whether they were fetched.
    pub fetched: bool,
    /// What the reader of the run must know of them.
    pub notes: Vec<String>,
}

impl Sources {
    /// The catalogs, ready to load.
    pub(crate) fn texts(&self) -> Vec<CatalogText<'_>> {
        self.catalogs.iter().map(|(path, text)| CatalogText { path, text }).collect()
    }
}

/// The configuration of this folder or of one above it.
pub(crate) fn config_here() -> Option<PathBuf> {
    config::find(&std::env::current_dir().ok()?)
}

/// Reads the files that the flags name. Where they hold no endpoint and `globs` (else the
/// configuration's `models`) say what is meant, the price lists are fetched; `None`: never.
pub(crate) fn sources(
    catalog: Option<&Path>,
    config: Option<&Path>,
    globs: Option<&[String]>,
) -> Result<Sources, AppError> {
    let found = config.map(Path::to_owned).or_else(config_here);
    let config = found.as_deref().map(read).transpose()?;
    if let Some(path) = catalog {
        return Ok(Sources { config, catalogs: vec![read(path)?], ..Sources::default() });
    }
    if let Some((path, text)) = &config
        && let Ok(Named { catalog: Some(file), .. }) = toml::from_str::<Named>(text)
    {
        let catalog = Path::new(path).with_file_name("").join(file);
        return Ok(Sources {
            catalogs: vec![read(&catalog)?],
            config,
            fetched: false,
            ..Sources::default()
        });
    }
    let Some(globs) = globs else { return Ok(Sources { config, ..Sources::default() }) };
    let mut globs = globs.to_vec();
    if let Some((_, text)) = &config {
        // What does not read is told by whoever loads it.
        let Ok(named) = toml::from_str::<Named>(text) else {
            return Ok(Sources { config, ..Sources::default() });
        };
        if !named.endpoint.is_empty() {
            return Ok(Sources { config, ..Sources::default() });
        }
        if globs.is_empty() {
            globs = named.models;
        }
        if !globs.is_empty() {
            globs.extend(named.today.and_then(|today| today.endpoint));
        }
    }
    if globs.is_empty() {
        return Ok(Sources { config, ..Sources::default() });
    }
    let Fetched { texts, notes } = lists(&globs)?;
    Ok(Sources { config, catalogs: texts, fetched: true, notes })
}

/// What of a configuration says whether there is a catalog, and what is meant of it.
#[derive(Deserialize)]
struct Named {
    /// A catalog file, by its path from the configuration.
    catalog: Option<String>,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default)]
    endpoint: Vec<IgnoredAny>,
    today: Option<NamedToday>,
}

#[derive(Deserialize)]
struct NamedToday {
    endpoint: Option<String>,
}

fn read(path: &Path) -> Result<(String, String), AppError> {
    let shown = path.display().to_string();
    let text = read_text(path).context(shown.clone()).map_err(refused)?;
    Ok((shown, text))
}

/// Every variable in which a key is looked for, in the order of the providers.
pub(crate) fn key_variables() -> Vec<&'static str> {
    source::env_providers().into_iter().flat_map(|keyed| keyed.keys).collect()
}

/// Whether a key of any provider is in the environment.
pub(crate) fn any_key() -> bool {
    key_variables().into_iter().any(|name| variable(name).is_some())
}

/// A variable that is set to something.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// A provider whose key is in the environment.
struct Offer {
    keyed: EnvProvider,
    provider: Provider,
    key: Key,
}

/// The price lists that were fetched, and what their readers must know.
struct Fetched {
    texts: Vec<(String, String)>,
    notes: Vec<String>,
}

/// A list that a provider gave.
struct Listed {
    reading: Reading,
    /// Whether its headers are those of a LiteLLM proxy.
    is_proxy: bool,
}

/// The price lists that the globs ask for, as snapshots.
fn lists(globs: &[String]) -> Result<Fetched, AppError> {
    let offers = wanted(globs, offers()?)?;
    let io = runtime::with_threads(1, || {})?;
    let now = format!("{:.0}", Clock::real().wall_anchor());
    let (mut texts, mut left_out) = (Vec::new(), Vec::new());
    let mut take = |url: String, catalog: &Catalog| {
        let stamp = SnapshotStamp { source: url.clone(), fetched_at: now.clone() };
        texts.push((url, snapshot::to_toml(catalog, &stamp)));
    };
    let (own, public): (Vec<Offer>, Vec<Offer>) =
        offers.into_iter().partition(|o| o.keyed.lists_prices || o.keyed.is_moved(&o.provider));
    for offer in &own {
        let url = format!("{}/models", offer.provider.base_url);
        // Anthropic's comes in pages of 20 where nothing is said.
        let is_paged = offer.provider.dialect == Dialect::Anthropic;
        let page = if is_paged { "?limit=1000" } else { "" };
        let Listed { reading, is_proxy } = offer.get(&io, &format!("{url}{page}"))?;
        left_out.extend(reading.left_out);
        let mut catalog = match offer.proxy_info(&io, &reading.catalog, is_proxy) {
            Some(info) => source::at_proxy(&offer.provider, reading.catalog, &info),
            None => source::with_provider(&offer.provider, reading.catalog),
        };
        if offer.keyed.lists_prices {
            offer.add_pinned(&io, globs, &mut catalog)?;
        }
        take(url, &catalog);
    }
    if !public.is_empty() {
        let url = models_dev();
        let list = io.block_on(fetch::get(&url, [])).map_err(|error| no_list(&error))?.text;
        let list = source::read(&list, &url).map_err(|error| no_list(&error))?;
        left_out.extend(list.left_out);
        let list = list.catalog;
        let mut all = Catalog::default();
        for offer in &public {
            let own = source::filter_by_provider(&offer.provider, &list);
            if own.endpoints.is_empty() {
                let name = offer.keyed.name;
                return Err(no_list(&format!("{url} lists nothing of {name}")));
            }
            all.endpoints.extend(own.endpoints);
            all.facts.extend(own.facts);
        }
        take(url, &all);
    }
    Ok(Fetched { texts, notes: meant(globs, &left_out) })
}

/// What of the entries that do not read a glob may mean, for the reader of the run.
fn meant(globs: &[String], left_out: &[Omission]) -> Vec<String> {
    let is_meant = |entry: &str| {
        let model = entry.split('@').next().unwrap_or(entry);
        let bare = model.rsplit('/').next().unwrap_or(model);
        globs.iter().any(|glob| {
            let glob = glob.split('@').next().unwrap_or(glob);
            [entry, model, bare].iter().any(|name| glob_matches(glob, name))
        })
    };
    let left_out = left_out.iter().filter(|left| is_meant(&left.entry));
    left_out
        .map(|left| format!("left out of the price list: {}: {}", left.entry, left.why))
        .collect()
}

/// Where models.dev's list is: there, or at the mirror that the environment names.
pub(crate) fn models_dev() -> String {
    variable(MODELS_DEV_URL).unwrap_or_else(|| MODELS_DEV.to_owned())
}

/// The providers whose keys are in the environment.
fn offers() -> Result<Vec<Offer>, AppError> {
    let mut offers = Vec::new();
    for keyed in source::env_providers() {
        let found = keyed.keys.iter().find_map(|name| Some((*name, variable(name)?)));
        let Some((name, key)) = found else { continue };
        let moved = keyed.address.and_then(|address| Some((address, variable(address)?)));
        let address = moved.as_ref().map(|(_, address)| address.as_str());
        let provider = keyed.provider(name, address).map_err(|bad| {
            refused(format!("{}: the address {bad}", keyed.address.unwrap_or_default()))
        })?;
        offers.push(Offer { keyed, provider, key: Key::new(key.into()) });
    }
    if offers.is_empty() {
        return Err(refused(format!(
            "-m without a catalog takes the provider from the key in the environment, and none is \
             set; looked for {}. Export one, name a catalog (--catalog FILE), or add --demo for the \
             simulated fleet",
            key_variables().join(", ")
        )));
    }
    Ok(offers)
}

/// The provider that a glob names behind its `@`, which stands but once in an id.
fn provider_of(glob: &str) -> Option<&str> {
    let (_, provider) = glob.split_once('@')?;
    Some(provider.split('#').next().unwrap_or(provider))
}

/// Whether a glob's provider may be this one or what it routes to.
fn is_at(glob: &str, name: &str) -> bool {
    let own = glob.split('/').next().unwrap_or(glob);
    glob_matches(own, name) || glob_matches(glob, name)
}

/// Those of the providers that a glob may mean.
fn wanted(globs: &[String], offers: Vec<Offer>) -> Result<Vec<Offer>, AppError> {
    for glob in globs {
        let Some(named) = provider_of(glob) else { continue };
        if offers.iter().any(|offer| offer.is_at(named)) {
            continue;
        }
        let known = source::env_providers().into_iter().find(|keyed| is_at(named, keyed.name));
        let names: Vec<&str> = offers.iter().map(|offer| offer.keyed.name).collect();
        let unknown = || {
            format!(
                "{glob:?} names a provider that no key in the environment is for; there are keys \
                 for {}. Any other provider stands in a catalog (--catalog FILE)",
                names.join(", ")
            )
        };
        let keyless = |keyed: EnvProvider| {
            format!("{glob:?} is at {}: export {}=…", keyed.name, keyed.keys.join("=… or "))
        };
        return Err(refused(known.map_or_else(unknown, keyless)));
    }
    let asked = |offer: &Offer| {
        let here = |glob: &String| provider_of(glob).is_none_or(|g| offer.is_at(g));
        globs.iter().any(here)
    };
    Ok(offers.into_iter().filter(asked).collect())
}

impl Offer {
    /// Whether a glob's provider may be this one, or the proxy that stands at its address.
    fn is_at(&self, glob: &str) -> bool {
        let is_proxy = self.keyed.is_moved(&self.provider) && is_at(glob, "litellm");
        is_at(glob, self.keyed.name) || is_proxy
    }

    /// Gets a list from the provider itself, with its key.
    fn get(&self, io: &tokio::runtime::Runtime, url: &str) -> Result<Listed, AppError> {
        let headers = headers_of(&self.provider, Some(&self.key)).map_err(refused)?;
        let key = self.key.redactor();
        let document = io.block_on(fetch::get(url, headers)).map_err(|error| {
            let said = key.clean(&error.to_string());
            match &error {
                FetchError::Status { status, .. } if [401, 403].contains(&status.as_u16()) => {
                    let variable = self.provider.api_key_env.as_deref().unwrap_or_default();
                    refused(format!("{said}: it does not take the key in {variable}"))
                }
                _ => no_list(&said),
            }
        })?;
        // A list is written into a snapshot, and its entries are named on the screen.
        let reading =
            source::read(&key.clean(&document.text), url).map_err(|error| no_list(&error))?;
        let mut names = document.headers.keys();
        let is_proxy = names.any(|name| name.as_str().starts_with("x-litellm-"));
        Ok(Listed { reading, is_proxy })
    }

    /// What a LiteLLM proxy says of its aliases. A provider that was moved to another address and
    /// lists no price may be one; it is where its headers say so, or where it answers as one.
    fn proxy_info(
        &self,
        io: &tokio::runtime::Runtime,
        models: &Catalog,
        is_proxy: bool,
    ) -> Option<Catalog> {
        let unpriced = models.endpoints.iter().all(|e| e.price == Price::Unknown);
        if !self.keyed.is_moved(&self.provider) || !(is_proxy || unpriced) {
            return None;
        }
        let url = format!("{}/model/info", self.provider.base_url);
        let info = self.get(io, &url).ok().filter(|info| {
            let is_litellm = |e: &Endpoint| e.provider.router == Some(Router::Litellm);
            info.is_proxy || info.reading.catalog.endpoints.iter().all(is_litellm)
        });
        // Without its prices it is a proxy all the same.
        info.map(|info| info.reading.catalog).or_else(|| is_proxy.then(Catalog::default))
    }

    /// Looks up the endpoints that `m@openrouter/deepinfra` names among those that a model is routed
    /// to, and adds the ones that match.
    fn add_pinned(
        &self,
        io: &tokio::runtime::Runtime,
        globs: &[String],
        catalog: &mut Catalog,
    ) -> Result<(), AppError> {
        let is_pin = |glob: &&String| provider_of(glob).is_some_and(|g| g.contains('/'));
        let base = |glob: &String| glob.split('#').next().unwrap_or_default().to_owned();
        let pins: Vec<String> = globs.iter().filter(is_pin).map(base).collect();
        let model_of = |pin: &str| pin.split('@').next().unwrap_or_default().to_owned();
        let is_asked = |model: &String| pins.iter().any(|pin| glob_matches(&model_of(pin), model));
        let models: Vec<String> =
            catalog.endpoints.iter().map(|e| e.model.clone()).filter(is_asked).collect();
        if models.len() > MOST_PINNED {
            return Err(refused(format!(
                "{} would look up the endpoints of {} models, one by one; name at most {MOST_PINNED}",
                pins.join(", "),
                models.len()
            )));
        }
        for model in models {
            let url = format!("{}/models/{model}/endpoints", self.provider.base_url);
            let served = source::with_provider(&self.provider, self.get(io, &url)?.reading.catalog)
                .endpoints;
            for pin in pins.iter().filter(|pin| glob_matches(&model_of(pin), &model)) {
                let meant = source::match_pin(pin, &served);
                // Of many models, not every one need be everywhere.
                let is_missing = !model_of(pin).contains(['*', '?']) && meant.is_empty();
                if is_missing || meant.len() > 1 && !pin.contains(['*', '?']) {
                    let of_it = if is_missing { &served } else { &meant };
                    let ids: Vec<&str> = of_it.iter().map(|e| e.id.as_str()).collect();
                    return Err(refused(format!(
                        "{pin} names {} of the endpoints of {model}; there are {}",
                        if is_missing { "none" } else { "more than one" },
                        ids.join(", ")
                    )));
                }
                for endpoint in meant {
                    if catalog.endpoints.iter().all(|known| known.id != endpoint.id) {
                        catalog.endpoints.push(endpoint);
                    }
                }
            }
        }
        Ok(())
    }
}

/// A list that did not come, with what to do instead.
fn no_list(error: &impl std::fmt::Display) -> AppError {
    let newest = snapshots::all().into_iter().rfind(|kept| kept.day.is_some());
    let instead = match newest.map(|kept| kept.path) {
        Some(path) => format!("name the prices that are here: --catalog {}", path.display()),
        None => {
            "take a list that you have: weighbridge catalog sync --from FILE, and then --catalog \
                 catalogs/…"
                .to_owned()
        }
    };
    refused(format!("{error}. Without prices nothing is asked; {instead}"))
}
