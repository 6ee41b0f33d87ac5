//! Checks catalogs for missing or contradictory prices, aliases, and endpoints that expire.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::diff;
use super::price::Price;
use super::{Catalog, Endpoint, Facts};
use crate::units::EndpointId;

/// The kind of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// Two sources state different prices.
    Disagree,
    /// The day after which it may be gone has passed.
    Expired,
    /// It will be gone within 30 days.
    Expiring,
    /// Its price is unknown.
    NoPrice,
    /// Its name resolves to another model, which may change.
    Alias,
    /// Its context window is not that of its model.
    Context,
    /// It is available only on the Responses API.
    ResponsesOnly,
    /// No address is known for its provider.
    NoAddress,
}

impl Concern {
    /// The word in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Disagree => "disagree",
            Self::Expired => "expired",
            Self::Expiring => "expiring",
            Self::NoPrice => "no price",
            Self::Alias => "alias",
            Self::Context => "context",
            Self::ResponsesOnly => "responses",
            Self::NoAddress => "no address",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was found.
    pub concern: Concern,
    /// In which file.
    pub file: String,
    /// At which endpoint (or provider).
    pub endpoint: String,
    /// What it says.
    pub what: String,
}

/// An endpoint that expires within so many days is reported.
const SOON_DAYS: i32 = 30;

/// Checks catalogs, each with the name of its file, as of a day. The prices of an endpoint are
/// compared with those of the first catalog that lists it.
#[must_use]
pub fn check(catalogs: &[(String, Catalog)], today: Date) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut first: BTreeMap<&EndpointId, (&Endpoint, &str)> = BTreeMap::new();
    for (file, catalog) in catalogs {
        let mut no_address: BTreeMap<&str, usize> = BTreeMap::new();
        for endpoint in &catalog.endpoints {
            let mut add = |concern, what: String| {
                let (file, endpoint) = (file.clone(), endpoint.id.to_string());
                findings.push(Finding { concern, file, endpoint, what });
            };
            of_endpoint(endpoint, catalog.facts.get(&endpoint.id), today, &mut add);
            match first.get(&endpoint.id) {
                None => drop(first.insert(&endpoint.id, (endpoint, file))),
                Some((other, theirs)) => {
                    for what in disagreements(other, theirs, endpoint) {
                        add(Concern::Disagree, what);
                    }
                }
            }
            if endpoint.provider.base_url.is_empty() {
                *no_address.entry(&endpoint.provider.name).or_default() += 1;
            }
        }
        for (provider, n) in no_address {
            findings.push(Finding {
                concern: Concern::NoAddress,
                file: file.clone(),
                endpoint: provider.to_owned(),
                what: format!(
                    "{n} endpoints; to call them write [[provider]] name = {provider:?}, base_url \
                     = … in weighbridge.toml"
                ),
            });
        }
    }
    findings
        .sort_by(|a, b| (a.concern, &a.endpoint, &a.what).cmp(&(b.concern, &b.endpoint, &b.what)));
    findings
}

fn of_endpoint(
    endpoint: &Endpoint,
    facts: Option<&Facts>,
    today: Date,
    add: &mut impl FnMut(Concern, String),
) {
    if endpoint.price == Price::Unknown {
        add(Concern::NoPrice, "never in weights, refused under a budget".to_owned());
    }
    let Some(facts) = facts else { return };
    if let Some(day) = facts.expires {
        let left = (day - today).get_days();
        if day < today {
            add(Concern::Expired, format!("since {day}"));
        } else if left <= SOON_DAYS {
            add(Concern::Expiring, format!("on {day}, in {left} days"));
        }
    }
    if let Some(alias) = &facts.alias_of {
        add(Concern::Alias, format!("stands for {alias}, which may change"));
    }
    if let (Some(model), Some(own)) = (facts.model_context_window, endpoint.context_window) {
        add(Concern::Context, format!("{own} here, {model} by the model"));
    }
    if facts.responses_only {
        add(Concern::ResponsesOnly, "answers on OpenAI's responses API alone".to_owned());
    }
}

/// Differences from another source, one line per rate that both state.
fn disagreements(theirs: &Endpoint, file: &str, own: &Endpoint) -> Vec<String> {
    let one = |endpoint: &Endpoint| Catalog {
        endpoints: vec![Endpoint {
            context_window: None,
            max_output: None,
            supports: None,
            ..endpoint.clone()
        }],
        ..Catalog::default()
    };
    let differences = diff::between(&one(theirs), &one(own)).into_iter();
    // A missing rate is no disagreement.
    let both = differences.filter(|d| !d.before.is_empty() && !d.after.is_empty());
    both.map(|d| format!("{}: {} here, {} in {file}", d.what, d.after, d.before)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::load_text;

    fn catalog(rest: &str) -> Catalog {
        let text = format!(
            "[snapshot]\nsource = \"t\"\nfetched_at = \"2026-06-16T00:00:00Z\"\nunit = \"USD per \
             million tokens\"\n[[provider]]\nname = \"p\"\n[[endpoint]]\nmodel = \"a/m\"\nprovider \
             = \"p\"\n{rest}"
        );
        load_text(&text, "c.toml").expect("it loads")
    }

    #[test]
    fn findings_are_sorted_by_concern() {
        let first = catalog(
            "price = { input = \"1\", output = \"2\" }\ncontext_window = 5\nmodel_context_window \
             = 8\nexpires = \"2026-06-01\"\nalias_of = \"a/m-1\"\n",
        );
        let second =
            catalog("price = { input = \"1\", output = \"3\" }\nexpires = \"2026-06-20\"\n");
        let files = [("one.toml".to_owned(), first), ("two.toml".to_owned(), second)];
        let findings = check(&files, "2026-06-16".parse().expect("a day"));
        let shown: Vec<String> = findings
            .iter()
            .map(|f| format!("{} {} {}: {}", f.concern.word(), f.file, f.endpoint, f.what))
            .collect();
        assert_eq!(
            shown[..5],
            [
                "disagree two.toml a/m@p: output: 3 here, 2 in one.toml",
                "expired one.toml a/m@p: since 2026-06-01",
                "expiring two.toml a/m@p: on 2026-06-20, in 4 days",
                "alias one.toml a/m@p: stands for a/m-1, which may change",
                "context one.toml a/m@p: 5 here, 8 by the model",
            ]
        );
        assert_eq!(shown.len(), 7, "and no address, twice: {shown:?}");
        assert!(check(&[], "2026-06-16".parse().expect("a day")).is_empty());
    }
}
