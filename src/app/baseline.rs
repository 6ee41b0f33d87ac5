//! The baseline that every saving is measured against, and the traffic that it is scaled to.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::error::{AppError, refused};
use crate::catalog::Endpoint;
use crate::plan::{Config, OTHERS, select};
use crate::units::{CategoryTraffic, Fact, Judging, names};

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

/// A sentence for each share that is nearly the name of a category without one.
fn mistyped_shares(
    shares: &BTreeMap<String, f64>,
    categories: &BTreeSet<&str>,
) -> impl Iterator<Item = String> {
    let free: Vec<&str> =
        categories.iter().copied().filter(|name| !shares.contains_key(*name)).collect();
    let unknown = shares.keys().filter(|name| !categories.contains(name.as_str()));
    unknown
        .filter_map(|name| {
            let near = names::nearest(name, free.iter().copied(), 1).first().copied()?;
            Some(format!(
                "[traffic] share `{name}` is no category of this run; did you mean `{near}`?"
            ))
        })
        .collect::<Vec<String>>()
        .into_iter()
}

/// A sentence for each name of a margin or of a figure of the traffic that is no category.
fn unknown_names(
    judging: &Judging,
    categories: &BTreeSet<&str>,
) -> impl Iterator<Item = String> + use<> {
    let margins = judging.margins.keys().map(|name| ("[objective] margin", name));
    let traffic = judging.traffic.keys().map(|name| ("[traffic]", name));
    let unknown = margins.chain(traffic).filter(|(table, name)| {
        !categories.contains(name.as_str()) && (*table != "[traffic]" || *name != OTHERS)
    });
    let sentences: Vec<String> = unknown
        .map(|(table, name)| {
            let near = names::nearest(name, categories.iter().copied(), 1);
            let what = format!("{table} names `{name}`, which is no category of this run");
            if let Some(near) = near.first() {
                format!("{what}; did you mean `{near}`?")
            } else {
                let known: Vec<&str> = categories.iter().copied().collect();
                format!("{what} ({})", known.join(", "))
            }
        })
        .collect();
    sentences.into_iter()
}

/// What requests are like in each category of the run, of those of which anything is said.
fn by_category(
    traffic: &BTreeMap<String, CategoryTraffic>,
    categories: &BTreeSet<&str>,
) -> BTreeMap<String, CategoryTraffic> {
    let said = |name: &str| traffic.get(name).or_else(|| traffic.get(OTHERS)).copied();
    categories.iter().filter_map(|name| Some(((*name).to_owned(), said(name)?))).collect()
}

/// The objective, the baseline and the traffic of a run. What had to be assumed is in the notes.
pub(crate) fn judging(
    config: &Config,
    categories: &BTreeSet<&str>,
    notes: &mut Vec<Fact>,
) -> Result<Judging, AppError> {
    let mut judging = config.judging();
    if judging.today.is_none() {
        notes.push(Fact::TodayAssumed);
    }
    notes.extend(unknown_names(&judging, categories).map(Fact::from));
    judging.margins.retain(|name, _| categories.contains(name.as_str()));
    judging.traffic = by_category(&judging.traffic, categories);
    if judging.shares.is_empty() {
        if categories.len() > 1 {
            notes.push(Fact::SharesAssumed);
        }
        return Ok(judging);
    }
    let covered: f64 =
        categories.iter().map(|name| judging.shares.get(*name).copied().unwrap_or(0.0)).sum();
    let is_zero = judging.shares.keys().any(|name| categories.contains(name.as_str()));
    if covered <= 0.0 && is_zero {
        let names: Vec<&str> = categories.iter().copied().collect();
        return Err(refused(format!(
            "[traffic] share gives nothing to the categories of this run ({}); give one of them a share above 0",
            names.join(", ")
        )));
    }
    notes.extend(mistyped_shares(&judging.shares, categories).map(Fact::from));
    if covered <= 0.0 {
        let names: Vec<&str> = categories.iter().copied().collect();
        notes.push(Fact::from(format!(
            "[traffic] share names no category of this run ({}), so they weigh equally",
            names.join(", ")
        )));
        judging.shares.clear();
        return Ok(judging);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_kit;

    #[test]
    fn a_name_that_is_no_category_is_said_with_the_nearest() {
        let judging = Judging {
            margins: [("replies".to_owned(), 0.1), ("reply".to_owned(), 0.1)].into(),
            traffic: ["default", "x"].map(|n| (n.to_owned(), CategoryTraffic::default())).into(),
            ..test_kit::judging()
        };
        let categories = BTreeSet::from(["classify", "reply"]);
        assert_eq!(
            unknown_names(&judging, &categories).collect::<Vec<_>>(),
            [
                "[objective] margin names `replies`, which is no category of this run; did you \
                 mean `reply`?",
                "[traffic] names `x`, which is no category of this run (classify, reply)",
            ]
        );
    }
}
