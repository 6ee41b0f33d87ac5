//! `[objective]`: what is optimised, and within which limits.

use toml::Spanned;

use super::raw::{RawObjective, RawSlo};
use super::{Config, ConfigError, DEFAULT_MARGIN, resolve_money, traffic, within};
use crate::units::toml_text::{DecimalText, TomlText, did_you_mean};
use crate::units::{Goal, Slo};

/// The `[objective]` table, as a configuration that says nothing else.
pub(super) fn resolve(
    raw: Option<&RawObjective>,
    toml: TomlText<'_>,
) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    let Some(raw) = raw else { return Ok(config) };
    config.goal = raw.goal.as_ref().map(|goal| resolve_goal(goal, toml)).transpose()?;
    config.slo = raw.slo.as_ref().map(|slo| resolve_slo(slo, toml)).transpose()?;
    if let Some(margin) = &raw.margin {
        let range = "a share, 0 or more and below 1: two points are 0.02";
        let inside = |margin: f64| (0.0..1.0).contains(&margin);
        config.margins = traffic::numbers("margin", margin, toml, range, inside)?;
        config.margin = config.margins.remove(traffic::OTHERS).unwrap_or(DEFAULT_MARGIN);
    }
    if let Some(worth) = &raw.worth {
        config.worth = Some(resolve_money("worth", worth, toml)?);
    }
    let cap = raw.max_share.as_ref().and_then(|caps| caps.provider.as_ref());
    if let Some(cap) = cap {
        let range = "a share above 0 and at most 1";
        let inside = |share| share > 0.0 && share <= 1.0;
        config.max_share_provider = Some(within("max_share.provider", cap, toml, range, inside)?);
    }
    if let (Some(goal), Some(Goal::Faster), None) = (&raw.goal, config.goal, config.slo) {
        return Err(ConfigError::FasterNeedsSlo { at: toml.place(&goal.span()) });
    }
    Ok(config)
}

fn resolve_goal(raw: &Spanned<String>, toml: TomlText<'_>) -> Result<Goal, ConfigError> {
    const GOALS: [Goal; 3] = [Goal::Cheaper, Goal::Better, Goal::Faster];
    let goal = raw.get_ref();
    GOALS.into_iter().find(|known| known.name() == goal).ok_or_else(|| ConfigError::UnknownGoal {
        at: toml.place(&raw.span()),
        goal: goal.clone(),
        remedy: did_you_mean(goal, &GOALS.map(Goal::name)),
    })
}

fn resolve_slo(raw: &RawSlo, toml: TomlText<'_>) -> Result<Slo, ConfigError> {
    let at = toml.place(&raw.ttft.span());
    let DecimalText::Text(text) = raw.ttft.get_ref() else {
        let number = toml.as_decimal_string(&raw.ttft.span());
        return Err(ConfigError::DurationIsNumber { at, key: "ttft", number });
    };
    let Some(ttft_ms) = milliseconds(text) else {
        return Err(ConfigError::BadDuration { at, key: "ttft", text: text.clone() });
    };
    let range = "a share above 0 and below 1: one in twenty is 0.05";
    let miss = within("slo.miss", &raw.miss, toml, range, |m| m > 0.0 && m < 1.0)?;
    Ok(Slo { ttft_ms, miss })
}

/// Reads `800ms`, `5s`, `1.5s`; `None` for anything else and for no time at all.
pub(super) fn milliseconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let (number, factor) = match text.strip_suffix("ms") {
        Some(number) => (number, 1.0),
        None => (text.strip_suffix('s')?, 1000.0),
    };
    let number = number.trim_end();
    let plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value = number.parse::<f64>().ok().filter(|_| plain)? * factor;
    (value > 0.0).then_some(value)
}
