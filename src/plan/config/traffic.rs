//! `[traffic]`: how much there is of it, and what a request of each category is like.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::raw::{RawByCategory, RawTraffic};
use super::{ConfigError, resolve_money, within};
use crate::units::toml_text::TomlText;
use crate::units::{CategoryTraffic, Usd};

/// Shares written with a few decimals may miss 1 by this much.
const SHARE_TOLERANCE: f64 = 1e-6;
/// The name that stands for the categories that are not named.
pub(crate) const OTHERS: &str = "default";

/// What the table says.
pub(super) struct Traffic {
    pub shares: BTreeMap<String, f64>,
    pub requests_per_month: Option<u64>,
    /// The share of cached input of all traffic.
    pub cached_input: Option<f64>,
    pub by_category: BTreeMap<String, CategoryTraffic>,
    pub invoice: Option<Usd>,
}

pub(super) fn resolve(raw: &RawTraffic, toml: TomlText<'_>) -> Result<Traffic, ConfigError> {
    let cached_input = match raw.cached_input.as_ref().map(Spanned::get_ref) {
        Some(RawByCategory::All(share)) => Some(*share),
        _ => None,
    };
    let money = |key, text: &Option<_>| {
        text.as_ref().map(|text| resolve_money(key, text, toml)).transpose()
    };
    Ok(Traffic {
        shares: resolve_shares(raw.share.as_ref(), toml)?,
        requests_per_month: resolve_requests(raw.requests_per_month.as_ref(), toml)?,
        by_category: by_category(raw, toml)?,
        cached_input,
        invoice: money("invoice", &raw.invoice)?,
    })
}

/// What each category's requests are like, and under [`OTHERS`] what those of the rest are.
fn by_category(
    raw: &RawTraffic,
    toml: TomlText<'_>,
) -> Result<BTreeMap<String, CategoryTraffic>, ConfigError> {
    let of = |key, raw: &Option<Spanned<RawByCategory>>, range, inside: fn(f64) -> bool| {
        raw.as_ref().map_or(Ok(BTreeMap::new()), |raw| numbers(key, raw, toml, range, inside))
    };
    let range = "tokens of a request on average, 0 or more and below a billion";
    let tokens = |tokens: f64| (0.0..1e9).contains(&tokens);
    let input = of("input_tokens", &raw.input_tokens, range, tokens)?;
    let output = of("output_tokens", &raw.output_tokens, range, tokens)?;
    let range = "the share of input tokens that is read from caches, 0 to 1";
    let cached = of("cached_input", &raw.cached_input, range, |s| (0.0..=1.0).contains(&s))?;
    let range = "further attempts per request, 0 or more and below 100: 3 in a hundred are 0.03";
    let retries = of("retries", &raw.retries, range, |r| (0.0..100.0).contains(&r))?;
    let range = "requests in the busiest minute, above 0";
    let peak = of("peak_requests_per_min", &raw.peak_requests_per_min, range, |n| {
        n > 0.0 && n.is_finite()
    })?;
    let all = [&input, &output, &cached, &retries, &peak];
    let names: BTreeSet<&String> = all.into_iter().flat_map(BTreeMap::keys).collect();
    let made = names.into_iter().map(|name| {
        let get = |of: &BTreeMap<String, f64>| of.get(name).or_else(|| of.get(OTHERS)).copied();
        let traffic = CategoryTraffic {
            input_tokens: get(&input),
            output_tokens: get(&output),
            cached_input: get(&cached),
            retries: get(&retries),
            peak_requests_per_min: get(&peak),
        };
        (name.clone(), traffic)
    });
    Ok(made.collect())
}

/// A number for each category that is named, and under [`OTHERS`] the number of the rest.
pub(super) fn numbers(
    key: &str,
    raw: &Spanned<RawByCategory>,
    toml: TomlText<'_>,
    range: &'static str,
    inside: impl Fn(f64) -> bool,
) -> Result<BTreeMap<String, f64>, ConfigError> {
    match raw.get_ref() {
        RawByCategory::All(value) => {
            let value = within(key, &Spanned::new(raw.span(), *value), toml, range, inside)?;
            Ok([(OTHERS.to_owned(), value)].into())
        }
        RawByCategory::Each(values) => values
            .iter()
            .map(|(name, value)| {
                let value = within(format!("{key}.{name}"), value, toml, range, &inside)?;
                Ok((name.clone(), value))
            })
            .collect(),
    }
}

fn resolve_shares(
    raw: Option<&Spanned<BTreeMap<String, Spanned<f64>>>>,
    toml: TomlText<'_>,
) -> Result<BTreeMap<String, f64>, ConfigError> {
    let Some(raw) = raw else { return Ok(BTreeMap::new()) };
    let mut shares = BTreeMap::new();
    for (category, share) in raw.get_ref() {
        let key = format!("share.{category}");
        let share =
            within(key, share, toml, "a share of the whole, 0 to 1", |s| (0.0..=1.0).contains(&s))?;
        shares.insert(category.clone(), share);
    }
    let sum = shares.values().fold(0.0, |sum, share| sum + share);
    if (sum - 1.0).abs() > SHARE_TOLERANCE {
        let shown = |x: f64| {
            let text = format!("{x:.6}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        let remedy = match shares.len() {
            0 => "name the categories and their shares, or leave it out for equal ones".to_owned(),
            _ if sum < 1.0 => format!("{} is missing", shown(1.0 - sum)),
            _ => format!("{} is too much", shown(sum - 1.0)),
        };
        let at = toml.place(&raw.span());
        return Err(ConfigError::SharesDoNotSumTo1 { at, sum: shown(sum), remedy });
    }
    Ok(shares)
}

fn resolve_requests(
    raw: Option<&Spanned<u64>>,
    toml: TomlText<'_>,
) -> Result<Option<u64>, ConfigError> {
    match raw {
        Some(raw) if *raw.get_ref() == 0 => Err(ConfigError::OutOfRange {
            at: toml.place(&raw.span()),
            key: "requests_per_month".to_owned(),
            value: "0".to_owned(),
            range: "at least 1, or leave it out",
        }),
        raw => Ok(raw.map(|raw| *raw.get_ref())),
    }
}
