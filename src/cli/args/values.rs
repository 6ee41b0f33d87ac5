//! Values of arguments.

use std::time::Duration;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::app::Timeouts;
use crate::units::{CacheMode, Goal};

/// Output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// For people, at most 80 columns.
    Table,
    /// JSON.
    Json,
    /// CSV.
    Csv,
}

/// How to print the result of a run or a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReportFormat {
    /// For people, at most 80 columns and 24 lines.
    Screen,
    /// JSON.
    Json,
}

/// Reads time-outs by phase: `connect=10s,total=10m`.
pub(super) fn timeouts(text: &str) -> Result<Timeouts, String> {
    let mut timeouts = Timeouts::default();
    for part in text.split(',') {
        let (phase, time) =
            part.split_once('=').ok_or_else(|| format!("{part:?} is not PHASE=TIME"))?;
        let time = self::time(time).map_err(|e| format!("{part:?}: {e}"))?;
        match phase {
            "connect" => timeouts.connect = time,
            "first_token" => timeouts.first_token = time,
            "stall" => timeouts.stall = time,
            "total" => timeouts.total = time,
            _ => {
                return Err(format!(
                    "{phase:?} is no phase; there are connect, first_token, stall, total"
                ));
            }
        }
    }
    Ok(timeouts)
}

/// Reads a time above zero.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let time: jiff::SignedDuration =
        text.parse().map_err(|_| format!("{text:?} is not a time such as 30s or 2m"))?;
    Duration::try_from(time)
        .ok()
        .filter(|t| !t.is_zero())
        .ok_or_else(|| "the time must be above zero".to_owned())
}

pub(super) fn rate_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 1.0 => Ok(value),
        _ => Err("a share above 0 and at most 1, such as 0.5".to_owned()),
    }
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("a share between 0 and 1, such as 0.02".to_owned()),
    }
}

/// Reads a cache mode.
pub(super) fn cache_mode() -> impl TypedValueParser<Value = CacheMode> {
    PossibleValuesParser::new(CacheMode::ALL.map(CacheMode::name))
        .map(|name| CacheMode::from_name(&name).expect("one of the names"))
}

/// Reads a goal.
pub(super) fn goal() -> impl TypedValueParser<Value = Goal> {
    const GOALS: [Goal; 3] = [Goal::Cheaper, Goal::Better, Goal::Faster];
    let help = |goal: Goal| match goal {
        Goal::Cheaper => "Minimize cost; quality at most the margin below today's",
        Goal::Better => "Maximize quality at today's cost",
        Goal::Faster => "Minimize P(TTFT > slo) at today's quality and cost",
    };
    let values = GOALS.map(|goal| PossibleValue::new(goal.name()).help(help(goal)));
    PossibleValuesParser::new(values)
        .map(|name| GOALS.into_iter().find(|goal| goal.name() == name).expect("one of the values"))
}
