//! Everything in a weights file that a gateway should not serve by, each with its remedy.
//!
//! [`WeightsFile::from_json`](super::WeightsFile::from_json) stops at the first fault, which is right
//! for a reader. Here the JSON is read leniently, so that all faults are named at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::file::{FORMAT_VERSION, PARTS, WeightsFile};
use crate::units::{SuiteStamp, prose};

/// How far shares may sum from 1: they are written with six digits.
const SHARES: f64 = 1e-4;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The field, by its path in the file; empty: the whole file.
    pub field: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// The run that a file should rest on.
#[derive(Clone, Debug)]
pub struct RunStamp {
    /// Its folder, for messages.
    pub folder: String,
    /// Its id.
    pub run: String,
    /// Its suites.
    pub suites: Vec<SuiteStamp>,
    /// The hash of its prices.
    pub prices: String,
    /// Its endpoints.
    pub endpoints: BTreeSet<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// Everything wrong in a file's text, in the order of the file; empty: it can be served by. `now` is
/// what `valid_until` is held against; `run` is what it should rest on, where that is known.
#[must_use]
pub fn lint(text: &str, now: Timestamp, run: Option<&RunStamp>) -> Vec<Finding> {
    let mut findings = Findings::default();
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            findings.add(
                "",
                format!("not JSON: {error}"),
                "write the file again: weighbridge tune",
            );
            return findings.0;
        }
    };
    let Some(file) = value.as_object() else {
        findings.add("", "not a JSON object", "name a weights file, such as RUN/weights.json");
        return findings.0;
    };
    match file.get("format_version").and_then(Value::as_u64) {
        Some(version) if version == u64::from(FORMAT_VERSION) => {}
        Some(version) if version > u64::from(FORMAT_VERSION) => {
            findings.add(
                "format_version",
                format!("{version} is newer than {FORMAT_VERSION}, the one that is known here"),
                "update weighbridge",
            );
            return findings.0;
        }
        Some(version) => findings.add(
            "format_version",
            format!("{version} is older than {FORMAT_VERSION}"),
            "tune the run again",
        ),
        None => findings.add("format_version", "is missing or no number", "tune the run again"),
    }
    provenance(file, now, &mut findings);
    if let Some(run) = run {
        hashes(file, run, &mut findings);
    }
    objective(file, &mut findings);
    let known = endpoints(file);
    let categories = file.get("categories").and_then(Value::as_object);
    if categories.is_none_or(Map::is_empty) {
        findings.add("categories", "is missing or empty", "tune a run that has tasks");
    }
    let today = file.get("objective").and_then(|o| o.get("today")).and_then(Value::as_str);
    let mixes = categories.into_iter().flatten();
    let mixes = mixes.map(|(name, mix)| (name.as_str(), format!("categories.{name}"), mix));
    let default = file.get("default").map(|mix| ("*", "default".to_owned(), mix));
    if default.is_none() {
        findings.add("default", "is missing", "tune the run again: unlabelled traffic needs it");
    }
    for (name, at, mix) in mixes.chain(default) {
        let estimates = file.get("estimates").and_then(|e| e.get(name)).and_then(Value::as_object);
        Mix { at, value: mix, known: &known, run, estimates, today }.check(&mut findings);
    }
    caps(file, &mut findings);
    // What the checks above do not know: keys, types and what only a reader looks at.
    if findings.0.is_empty()
        && let Err(error) = WeightsFile::from_json(text, "")
    {
        let what = error.to_string();
        let what = what.trim_start_matches([':', ' ']).to_owned();
        findings.add("", what, "tune the run again instead of editing the file");
    }
    findings.0
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        field: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.0.push(Finding { field: field.into(), what: what.into(), remedy: remedy.into() });
    }
}

/// Whether it was simulated, when it was made, and until when it holds.
fn provenance(file: &Map<String, Value>, now: Timestamp, findings: &mut Findings) {
    match file.get("simulated").and_then(Value::as_bool) {
        Some(false) => {}
        Some(true) => findings.add(
            "simulated",
            "SIMULATED: the file rests on answers of a simulator",
            "measure the real endpoints: weighbridge run",
        ),
        None => findings.add("simulated", "is missing or neither true nor false", "tune again"),
    }
    let time = |field: &str, findings: &mut Findings| -> Option<Timestamp> {
        let text = file.get(field).and_then(Value::as_str);
        let time = text.and_then(|text| text.parse().ok());
        if time.is_none() {
            let found =
                text.map_or_else(|| "is missing".to_owned(), |t| format!("{t:?} is no time"));
            findings.add(field, found, "write RFC 3339, such as 2026-01-31T12:00:00Z");
        }
        time
    };
    let (made, until) = (time("made_at", findings), time("valid_until", findings));
    if let Some(until) = until.filter(|until| *until < now) {
        findings.add(
            "valid_until",
            format!("expired on {}", day(until)),
            "measure again: prices and models have changed since",
        );
    }
    if let Some(made) = made.filter(|made| *made > now) {
        findings.add(
            "made_at",
            format!("{} is in the future", day(made)),
            "set the clock of the machine that measured, and measure again",
        );
    }
    if let Some((made, until)) = made.zip(until)
        && until < made
    {
        findings.add("valid_until", "is before made_at", "tune the run again");
    }
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// Whether the file is of this run.
fn hashes(file: &Map<String, Value>, run: &RunStamp, findings: &mut Findings) {
    let folder = &run.folder;
    let text = |field: &str| file.get(field).and_then(Value::as_str).unwrap_or_default();
    if text("run") != run.run {
        findings.add(
            "run",
            format!("{:?} is not the run in {folder}, which is {:?}", text("run"), run.run),
            format!("name its run with --on, or tune this one: weighbridge tune {folder}"),
        );
        return;
    }
    if text("prices") != run.prices {
        findings.add(
            "prices",
            "the hash is not that of the run's prices",
            format!("tune again: weighbridge tune {folder}"),
        );
    }
    let hashes: BTreeMap<&str, &str> = file
        .get("suites")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|suite| Some((suite.get("name")?.as_str()?, suite.get("hash")?.as_str()?)))
        .collect();
    let theirs: BTreeMap<&str, &str> =
        run.suites.iter().map(|suite| (suite.name.as_str(), suite.hash.as_str())).collect();
    let names: BTreeSet<&str> = hashes.keys().chain(theirs.keys()).copied().collect();
    for name in names.into_iter().filter(|name| hashes.get(name) != theirs.get(name)) {
        let what = match (hashes.contains_key(name), theirs.contains_key(name)) {
            (true, true) => "the hash is not that of the run's suite",
            (true, false) => "the run has no such suite",
            _ => "is missing, and the run has it",
        };
        let remedy = format!("tune again: weighbridge tune {folder}");
        findings.add(format!("suites.{name}"), what, remedy);
    }
}

/// Margin and shares of the traffic.
fn objective(file: &Map<String, Value>, findings: &mut Findings) {
    let Some(objective) = file.get("objective").and_then(Value::as_object) else {
        findings.add("objective", "is missing", "tune the run again");
        return;
    };
    let margin = objective.get("margin").and_then(Value::as_f64);
    if !margin.is_some_and(|margin| (0.0..=1.0).contains(&margin)) {
        findings.add("objective.margin", "is not between 0 and 1", "tune with --margin 0.02");
    }
    let margins = objective.get("margins").and_then(Value::as_object);
    for (name, margin) in margins.into_iter().flatten() {
        if !margin.as_f64().is_some_and(|margin| (0.0..=1.0).contains(&margin)) {
            let field = format!("objective.margins.{name}");
            findings.add(field, format!("{margin} is not between 0 and 1"), "tune the run again");
        }
    }
    let shares = objective.get("shares").and_then(Value::as_object);
    let categories = file.get("categories").and_then(Value::as_object);
    let (mut sum, mut is_sound) = (0.0, shares.is_some_and(|shares| !shares.is_empty()));
    for (name, share) in shares.into_iter().flatten() {
        let field = format!("objective.shares.{name}");
        match share.as_f64() {
            Some(share) if (0.0..=1.0).contains(&share) => sum += share,
            _ => {
                is_sound = false;
                let what = format!("{share} is not between 0 and 1");
                findings.add(field, what, "write a share of the traffic, such as 0.25");
                continue;
            }
        }
        if share.as_f64() > Some(0.0) && categories.is_some_and(|known| !known.contains_key(name)) {
            let what = "has traffic and no weights";
            findings.add(field, what, format!("measure tasks of category {name}, and tune"));
        }
    }
    if is_sound && (sum - 1.0).abs() > SHARES {
        findings.add(
            "objective.shares",
            format!("sum to {}, not to 1", libm::round(sum * 1e6) / 1e6),
            "write shares of [traffic] that sum to 1, and tune",
        );
    }
}

/// Every endpoint that the file knows figures of.
fn endpoints(file: &Map<String, Value>) -> BTreeSet<&str> {
    let estimates = file.get("estimates").and_then(Value::as_object);
    let cells = estimates.into_iter().flatten().filter_map(|(_, cells)| cells.as_object());
    cells.flat_map(|cells| cells.keys().map(String::as_str)).collect()
}

/// The mix of one category, or the default.
struct Mix<'a> {
    /// Its path in the file.
    at: String,
    value: &'a Value,
    known: &'a BTreeSet<&'a str>,
    run: Option<&'a RunStamp>,
    estimates: Option<&'a Map<String, Value>>,
    today: Option<&'a str>,
}

impl Mix<'_> {
    fn check(&self, findings: &mut Findings) {
        let at = |field: &str| format!("{}.{field}", self.at);
        let word = self.value.get("verdict").and_then(|v| v.get("word")).and_then(Value::as_str);
        let Some(weights) = self.value.get("weights").and_then(Value::as_object) else {
            findings.add(at("weights"), "is missing", "tune the run again");
            return;
        };
        if weights.is_empty() {
            let why = if word == Some("NO DATA") { "NO DATA: " } else { "" };
            findings.add(
                at("weights"),
                format!("{why}no endpoint serves this traffic"),
                "measure what serves today, and tune",
            );
            return;
        }
        self.weights(weights, findings);
        if let (Some("STAY"), Some(today)) = (word, self.today)
            && weights.keys().any(|endpoint| endpoint != today)
        {
            findings.add(
                at("verdict"),
                "STAY, and others than today's endpoint have weight",
                "tune again instead of editing the file",
            );
        }
        self.fallbacks(weights, findings);
    }

    fn weights(&self, weights: &Map<String, Value>, findings: &mut Findings) {
        let field = format!("{}.weights", self.at);
        let (mut sum, mut is_sound) = (0_u64, true);
        for (endpoint, part) in weights {
            match part.as_u64() {
                Some(0) => {
                    findings.add(&field, format!("{endpoint} has 0 parts"), "leave it out");
                }
                Some(part) => sum = sum.saturating_add(part),
                None => {
                    is_sound = false;
                    findings.add(
                        &field,
                        format!("{endpoint} has {part}, which is no count of parts"),
                        format!("write whole parts that sum to {PARTS}"),
                    );
                }
            }
            self.endpoint(&field, endpoint, findings);
            let cell = self.estimates.and_then(|cells| cells.get(endpoint));
            let excluded = cell.and_then(|cell| cell.get("excluded")).and_then(Value::as_str);
            if let Some(why) = excluded.filter(|_| self.today != Some(endpoint)) {
                findings.add(
                    &field,
                    format!("{endpoint} has weight, and was left out: {why}"),
                    "tune again, or take its weight away",
                );
            }
        }
        if is_sound && sum != u64::from(PARTS) {
            let parts = u64::from(PARTS);
            let remedy = if sum < parts {
                format!("{} parts are missing", prose::group_thousands(parts - sum))
            } else {
                format!("take {} parts away", prose::group_thousands(sum - parts))
            };
            findings.add(
                &field,
                format!("sum to {}, not to {}", prose::group_thousands(sum), "1,000,000"),
                remedy,
            );
        }
    }

    /// Whether an endpoint is one that was measured.
    fn endpoint(&self, field: &str, endpoint: &str, findings: &mut Findings) {
        if provider(endpoint).is_none() {
            findings.add(
                field,
                format!("{endpoint:?} names no provider"),
                "write author/model@provider",
            );
        } else if !self.known.contains(endpoint) {
            findings.add(
                field,
                format!("{endpoint} is unknown: the file has no estimate of it"),
                "measure it, and tune, or take it out",
            );
        } else if let Some(run) = self.run.filter(|run| !run.endpoints.contains(endpoint)) {
            findings.add(
                field,
                format!("{endpoint} is no endpoint of the run in {}", run.folder),
                "measure it, and tune, or take it out",
            );
        }
    }

    fn fallbacks(&self, weights: &Map<String, Value>, findings: &mut Findings) {
        let field = format!("{}.fallbacks", self.at);
        let given = self.value.get("fallbacks").and_then(Value::as_array);
        let fallbacks: Vec<&str> = given.into_iter().flatten().filter_map(Value::as_str).collect();
        if given.is_some_and(|given| given.len() != fallbacks.len()) {
            findings.add(&field, "holds what is no endpoint", "write endpoints' ids");
        }
        let mut seen = BTreeSet::new();
        for fallback in &fallbacks {
            if weights.contains_key(*fallback) {
                findings.add(&field, format!("{fallback} already has weight"), "take it out here");
            }
            if seen.insert(fallback) {
                self.endpoint(&field, fallback, findings);
            } else {
                findings.add(&field, format!("{fallback} is there twice"), "take one out");
            }
        }
        if fallbacks.is_empty() {
            findings.add(
                &field,
                "there is none: what fails stays failed",
                "measure an endpoint at another provider, and tune",
            );
            return;
        }
        let of_mix: BTreeSet<&str> = weights.keys().filter_map(|e| provider(e)).collect();
        let others = fallbacks.iter().filter(|endpoint| !weights.contains_key(**endpoint));
        let of_fallbacks: BTreeSet<&str> = others.filter_map(|e| provider(e)).collect();
        if let ([mix], [only]) = (&list(&of_mix)[..], &list(&of_fallbacks)[..])
            && mix == only
        {
            findings.add(
                &field,
                format!("all are at {only}, which has all the weight: its outage takes both"),
                "put an endpoint at another provider first",
            );
        } else if let [only] = &list(&of_fallbacks)[..]
            && fallbacks.len() > 1
        {
            findings.add(
                &field,
                format!("all {} are at {only}", fallbacks.len()),
                "put one at another provider among them",
            );
        }
    }
}

fn list<'a>(set: &BTreeSet<&'a str>) -> Vec<&'a str> {
    set.iter().copied().collect()
}

/// The provider in an endpoint's id.
fn provider(endpoint: &str) -> Option<&str> {
    let (model, provider) = endpoint.split_once('@')?;
    let provider = provider.split('#').next().unwrap_or(provider);
    (!model.is_empty() && !provider.is_empty()).then_some(provider)
}

/// Providers that have more of the traffic than the objective allows.
fn caps(file: &Map<String, Value>, findings: &mut Findings) {
    let objective = file.get("objective");
    let cap = objective.and_then(|o| o.get("max_share_provider")).and_then(Value::as_f64);
    let shares = objective.and_then(|o| o.get("shares")).and_then(Value::as_object);
    let (Some(cap), Some(shares)) = (cap, shares) else { return };
    let mut by_provider: BTreeMap<&str, f64> = BTreeMap::new();
    for (name, share) in shares {
        let mix = file.get("categories").and_then(|categories| categories.get(name));
        let weights = mix.and_then(|mix| mix.get("weights")).and_then(Value::as_object);
        for (endpoint, part) in weights.into_iter().flatten() {
            let of = part.as_f64().zip(share.as_f64()).zip(provider(endpoint));
            if let Some(((part, share), provider)) = of {
                *by_provider.entry(provider).or_default() += share * part / f64::from(PARTS);
            }
        }
    }
    // Shares are written with six digits.
    for (provider, share) in by_provider.into_iter().filter(|(_, share)| *share > cap + 1e-5) {
        findings.add(
            "objective.max_share_provider",
            format!(
                "{provider} has {} of the traffic, {} are allowed",
                prose::percent(share),
                prose::percent(cap)
            ),
            "tune again, or allow more",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_stand_behind_the_at_sign() {
        assert_eq!(provider("acme/large@azure"), Some("azure"));
        assert_eq!(provider("acme/large@azure/eu#high"), Some("azure/eu"));
        for none in ["acme/large", "@azure", "acme/large@", ""] {
            assert_eq!(provider(none), None, "{none}");
        }
    }
}
