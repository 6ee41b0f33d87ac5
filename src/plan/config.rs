//! `weighbridge.toml`: what is measured, and why. How a run behaves is said by flags.

mod error;
mod objective;
mod raw;
#[cfg(test)]
mod tests;
mod traffic;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;

use crate::catalog::raw::RawCatalog;
use crate::catalog::{Catalog, CatalogError, CatalogFile, CatalogText, resolve};
use crate::units::toml_text::{DecimalText, TomlText, did_you_mean};
use crate::units::{CacheMode, CategoryTraffic, Goal, Judging, Slo, Usd};

use super::privacy::Privacy;
pub use error::ConfigError;
use raw::{RawConfig, RawLimits, RawSpend, RawSuite, RawToday};
pub(crate) use traffic::OTHERS;

/// The name of the file.
pub const FILE_NAME: &str = "weighbridge.toml";
/// The quality loss that is accepted where nothing is said: 2 percentage points.
pub const DEFAULT_MARGIN: f64 = 0.02;
/// The share of rate limits that is used where nothing is said: a nightly run must not starve
/// production on the same key.
pub const DEFAULT_RATE_SHARE: f64 = 0.5;

/// A resolved `weighbridge.toml`. The default is what holds without one.
#[derive(Clone, Debug)]
pub struct Config {
    /// Globs that select models; empty: nothing is selected here.
    pub models: Vec<String>,
    /// The suites.
    pub suites: Vec<SuiteEntry>,
    /// The id of the endpoint that serves now.
    pub today: Option<String>,
    /// The weights file that is served by now, or its run folder; relative to the configuration's folder
    /// where it was written so.
    pub today_weights: Option<PathBuf>,
    /// Shares of traffic by category, which sum to 1; empty: not said.
    pub shares: BTreeMap<String, f64>,
    /// Requests a month.
    pub requests_per_month: Option<u64>,
    /// The share of input tokens that production reads from prompt caches, 0..1; `None`: not said.
    pub cached_input: Option<f64>,
    /// What a request is like, by category; `default`: of those that are not named.
    pub traffic: BTreeMap<String, CategoryTraffic>,
    /// What the last month's invoice says.
    pub invoice: Option<Usd>,
    /// Who may see prompts.
    pub privacy: Privacy,
    /// What providers' prompt caches are to find; `None`: the lane's default.
    pub cache: Option<CacheMode>,
    /// What is optimised; `None`: not said.
    pub goal: Option<Goal>,
    /// The quality loss that is accepted, 0..1.
    pub margin: f64,
    /// The same by category, where another one is accepted.
    pub margins: BTreeMap<String, f64>,
    /// The least saving in dollars a month that is worth a move.
    pub worth: Option<Usd>,
    /// The latency objective on the whole mixture.
    pub slo: Option<Slo>,
    /// The largest share of traffic that one provider may get, 0..1.
    pub max_share_provider: Option<f64>,
    /// What may be spent.
    pub spend: Spend,
    /// The share of a key's rate limits that is used at most, above 0 and at most 1.
    pub rate_share: f64,
    /// The providers, endpoints and variants of this file and of the catalog files given with it.
    pub catalog: Catalog,
}

/// What may be spent; `None`: no cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spend {
    /// By a run.
    pub per_run: Option<Usd>,
    /// In a calendar month, by all runs.
    pub per_month: Option<Usd>,
    /// By a run at each endpoint.
    pub per_endpoint: Option<Usd>,
    /// By a run on each suite.
    pub per_suite: Option<Usd>,
}

/// A suite that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuiteEntry {
    /// A folder, a `.jsonl` or a `.csv`; relative to the configuration's folder where it was
    /// written so.
    pub path: PathBuf,
    /// Which column holds which field of a task, where the file does not use the usual names.
    pub map: Option<BTreeMap<String, String>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            models: Vec::new(),
            suites: Vec::new(),
            today: None,
            today_weights: None,
            shares: BTreeMap::new(),
            requests_per_month: None,
            cached_input: None,
            traffic: BTreeMap::new(),
            invoice: None,
            privacy: Privacy::default(),
            cache: None,
            goal: None,
            margin: DEFAULT_MARGIN,
            margins: BTreeMap::new(),
            worth: None,
            slo: None,
            max_share_provider: None,
            spend: Spend::default(),
            rate_share: DEFAULT_RATE_SHARE,
            catalog: Catalog::default(),
        }
    }
}

impl Config {
    /// Reads a configuration. `path` is what errors name, and its folder is what suite paths are
    /// relative to. Its catalog is loaded together with the catalog files `beside` it.
    pub fn load_text(
        text: &str,
        path: &str,
        beside: &[CatalogText<'_>],
    ) -> Result<Self, ConfigError> {
        let toml = TomlText::new(path, text);
        let raw: RawConfig = toml.decode()?;
        let catalog =
            load_catalog(raw.provider, raw.endpoint, raw.variant, raw.price, toml, beside)?;
        let objective = objective::resolve(raw.objective.as_ref(), toml)?;
        let traffic = traffic::resolve(&raw.traffic.unwrap_or_default(), toml)?;
        if let Some(worth) = raw.objective.as_ref().and_then(|raw| raw.worth.as_ref())
            && traffic.requests_per_month.is_none()
        {
            return Err(ConfigError::WorthNeedsRequests { at: toml.place(&worth.span()) });
        }
        let folder = Path::new(path).parent().unwrap_or(Path::new(""));
        let (today, today_weights) = resolve_today(raw.today, toml)?;
        Ok(Self {
            models: resolve_models(&raw.models, toml)?,
            suites: resolve_suites(raw.suites, folder, toml)?,
            today,
            today_weights: today_weights.map(|path| folder.join(path)),
            shares: traffic.shares,
            requests_per_month: traffic.requests_per_month,
            cached_input: traffic.cached_input,
            traffic: traffic.by_category,
            invoice: traffic.invoice,
            privacy: raw.privacy.map(|raw| raw.resolve(toml)).transpose()?.unwrap_or_default(),
            cache: raw.cache.as_ref().map(|mode| resolve_cache(mode, toml)).transpose()?,
            spend: resolve_spend(raw.spend.as_ref(), toml)?,
            rate_share: resolve_rate_share(raw.limits.as_ref(), toml)?,
            catalog,
            ..objective
        })
    }

    /// What a run under this configuration is judged by. Without a goal of its own: `cheaper`
    /// where something serves today, else `better`.
    #[must_use]
    pub fn judging(&self) -> Judging {
        let unsaid = if self.today.is_some() { Goal::Cheaper } else { Goal::Better };
        Judging {
            today: self.today.clone(),
            shares: self.shares.clone(),
            requests_per_month: self.requests_per_month,
            cached_input: self.cached_input,
            traffic: self.traffic.clone(),
            invoice: self.invoice,
            goal: self.goal.unwrap_or(unsaid),
            margin: self.margin,
            margins: self.margins.clone(),
            worth: self.worth,
            slo: self.slo,
            max_share_provider: self.max_share_provider,
        }
    }
}

/// The configuration that holds in a folder: the one in it, else the one in the nearest folder
/// above it.
#[must_use]
pub fn find(start: &Path) -> Option<PathBuf> {
    start.ancestors().map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file())
}

fn load_catalog(
    provider: Vec<crate::catalog::raw::RawProvider>,
    endpoint: Vec<crate::catalog::raw::RawEndpoint>,
    variant: Vec<crate::catalog::raw::RawVariant>,
    price: Vec<crate::catalog::raw::RawOverlay>,
    toml: TomlText<'_>,
    beside: &[CatalogText<'_>],
) -> Result<Catalog, CatalogError> {
    let mut parts: Vec<CatalogFile<'_>> =
        beside.iter().map(|file| CatalogFile::read(*file)).collect::<Result<_, _>>()?;
    parts.push(CatalogFile {
        toml,
        tables: RawCatalog { snapshot: None, provider, endpoint, variant, price },
    });
    resolve(&parts)
}

fn resolve_models(raw: &[Spanned<String>], toml: TomlText<'_>) -> Result<Vec<String>, ConfigError> {
    let checked = |glob: &Spanned<String>| {
        if glob.get_ref().trim().is_empty() {
            return Err(ConfigError::Empty { at: toml.place(&glob.span()), what: "model" });
        }
        Ok(glob.get_ref().clone())
    };
    raw.iter().map(checked).collect()
}

/// The endpoint and the weights file that `[today]` names.
fn resolve_today(
    raw: Option<Spanned<RawToday>>,
    toml: TomlText<'_>,
) -> Result<(Option<String>, Option<String>), ConfigError> {
    let Some(raw) = raw else { return Ok((None, None)) };
    let at = toml.place(&raw.span());
    let RawToday { endpoint, weights } = raw.into_inner();
    if weights.as_ref().is_some_and(|path| path.trim().is_empty()) {
        return Err(ConfigError::Empty { at, what: "path of weights" });
    }
    if endpoint.is_none() && weights.is_none() {
        return Err(ConfigError::TodayIsEmpty { at });
    }
    Ok((endpoint, weights))
}

fn resolve_suites(
    raw: Vec<Spanned<RawSuite>>,
    folder: &Path,
    toml: TomlText<'_>,
) -> Result<Vec<SuiteEntry>, ConfigError> {
    let resolve_one = |raw: Spanned<RawSuite>| {
        let at = toml.place(&raw.span());
        let (path, map) = match raw.into_inner() {
            RawSuite::Path(path) => (path, None),
            RawSuite::Mapped { path, map } => (path, map),
        };
        if path.trim().is_empty() {
            return Err(ConfigError::Empty { at, what: "suite path" });
        }
        Ok(SuiteEntry { path: folder.join(path), map })
    };
    raw.into_iter().map(resolve_one).collect()
}

fn resolve_cache(raw: &Spanned<String>, toml: TomlText<'_>) -> Result<CacheMode, ConfigError> {
    CacheMode::from_name(raw.get_ref()).ok_or_else(|| ConfigError::UnknownCache {
        at: toml.place(&raw.span()),
        mode: raw.get_ref().clone(),
        remedy: did_you_mean(raw.get_ref(), &CacheMode::ALL.map(CacheMode::name)),
    })
}

fn resolve_spend(raw: Option<&RawSpend>, toml: TomlText<'_>) -> Result<Spend, ConfigError> {
    let Some(raw) = raw else { return Ok(Spend::default()) };
    let money = |key, text: &Option<Spanned<DecimalText>>| {
        text.as_ref().map(|text| resolve_money(key, text, toml)).transpose()
    };
    Ok(Spend {
        per_run: money("per_run", &raw.per_run)?,
        per_month: money("per_month", &raw.per_month)?,
        per_endpoint: money("per_endpoint", &raw.per_endpoint)?,
        per_suite: money("per_suite", &raw.per_suite)?,
    })
}

fn resolve_rate_share(raw: Option<&RawLimits>, toml: TomlText<'_>) -> Result<f64, ConfigError> {
    let Some(share) = raw.and_then(|raw| raw.rate_share.as_ref()) else {
        return Ok(DEFAULT_RATE_SHARE);
    };
    let range = "a share above 0 and at most 1: half of every limit is 0.5";
    within("rate_share", share, toml, range, |s| s > 0.0 && s <= 1.0)
}

fn resolve_money(
    key: &'static str,
    raw: &Spanned<DecimalText>,
    toml: TomlText<'_>,
) -> Result<Usd, ConfigError> {
    let at = toml.place(&raw.span());
    let DecimalText::Text(text) = raw.get_ref() else {
        let literal = toml.as_decimal_string(&raw.span());
        return Err(ConfigError::MoneyIsNumber { at, key, literal });
    };
    match text.parse::<Usd>() {
        Ok(usd) if usd < Usd::ZERO => {
            Err(ConfigError::BadMoney { at, key, why: format!("{text:?} is negative") })
        }
        Ok(usd) => Ok(usd),
        Err(error) => Err(ConfigError::BadMoney { at, key, why: error.to_string() }),
    }
}

fn within(
    key: impl Into<String>,
    raw: &Spanned<f64>,
    toml: TomlText<'_>,
    range: &'static str,
    inside: impl Fn(f64) -> bool,
) -> Result<f64, ConfigError> {
    let value = *raw.get_ref();
    if inside(value) {
        return Ok(value);
    }
    let at = toml.place(&raw.span());
    Err(ConfigError::OutOfRange { at, key: key.into(), value: value.to_string(), range })
}
