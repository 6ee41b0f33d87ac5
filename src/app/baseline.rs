//! The baseline that every saving is measured against, and the traffic that it is scaled to.

use std::collections::BTreeSet;

use crate::app::error::{AppError, refused};
use crate::catalog::Endpoint;
use crate::plan::{Config, Plan, select};
use crate::units::{Fact, Judging};

/// Adds the baseline of every saving to the endpoints that are measured.
pub(crate) fn keep(
    config: &Config,
    endpoints: &mut Vec<Endpoint>,
    notes: &mut Vec<Fact>,
) -> Result<(), AppError> {
    let Some(today) = &config.today else { return Ok(()) };
    if endpoints.iter().any(|e| e.id.as_str() == today) {
        return Ok(());
    }
    let endpoint = select::endpoint(&config.catalog.endpoints, today)
        .map_err(|e| refused(format!("[today] endpoint: {e}")))?;
    notes.push(Fact::TodayAdded { endpoint: today.clone() });
    endpoints.insert(0, endpoint.clone());
    Ok(())
}

/// The objective, the baseline and the traffic of a run. What had to be assumed is in the notes.
pub(crate) fn judging(
    config: &Config,
    plan: &Plan,
    notes: &mut Vec<Fact>,
) -> Result<Judging, AppError> {
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
        return Err(refused(format!(
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
