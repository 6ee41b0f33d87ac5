//! Expected prices of real usage, as another project computes them from its own price data: ours,
//! from the same data and the same counts, agree to the last digit.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;
use weighbridge::catalog::{Change, Hours, Rate, Rates, Terms};
use weighbridge::units::{Usage, Usd};

use crate::support::shared_data;

/// Their expectations were computed with the prices of this time: before the start dates of later
/// prices, and within the daytime window of one provider.
const AT: &str = "2026-08-01T12:00:00Z";

/// Models whose expectation needs a rate that the stored price data does not hold: images in their
/// output are dearer than text, and the data states one rate for both.
const NOT_IN_THE_DATA: [&str; 2] = ["gemini-3-pro-image-preview", "gemini-2.5-flash-image"];

fn matches(clause: &Value, name: &str) -> bool {
    let (kind, value) = clause.as_object().expect("a clause").iter().next().expect("of one key");
    let text = || value.as_str().expect("a text").to_lowercase();
    match kind.as_str() {
        "or" => value.as_array().expect("clauses").iter().any(|c| matches(c, name)),
        "and" => value.as_array().expect("clauses").iter().all(|c| matches(c, name)),
        "equals" => name == text(),
        "starts_with" => name.starts_with(&text()),
        "ends_with" => name.ends_with(&text()),
        "contains" => name.contains(&text()),
        "regex" => {
            regex::Regex::new(value.as_str().expect("a text")).expect("a regex").is_match(name)
        }
        other => panic!("{other}"),
    }
}

/// Their rates by ours.
const KEYS: [(&str, Rate); 6] = [
    ("input_mtok", Rate::Input),
    ("output_mtok", Rate::Output),
    ("cache_read_mtok", Rate::CachedInput),
    ("cache_write_mtok", Rate::CacheWrite),
    ("input_audio_mtok", Rate::AudioInput),
    ("cache_audio_read_mtok", Rate::CachedAudio),
];

fn number(text: &str) -> Usd {
    Usd::from_number(text).expect(text)
}

fn usd(number: &Value) -> Usd {
    // The data's decimals are few enough for the shortest text of their float to be their own.
    let per_million = Usd::from_number(&number.to_string()).expect("a number").to_string();
    Usd::per_million(&per_million).expect("few decimals")
}

/// A set of prices: the base rates and one change for each threshold.
fn one(prices: &Value) -> (BTreeMap<Rate, Usd>, Vec<Change>) {
    let mut base = BTreeMap::new();
    let mut tiers: BTreeMap<u64, BTreeMap<Rate, Usd>> = BTreeMap::new();
    for (key, rate) in KEYS {
        match &prices[key] {
            Value::Null => {}
            Value::Object(tiered) => {
                base.insert(rate, usd(&tiered["base"]));
                for tier in tiered["tiers"].as_array().expect("tiers") {
                    let start = tier["start"].as_u64().expect("a count");
                    tiers.entry(start).or_default().insert(rate, usd(&tier["price"]));
                }
            }
            number => drop(base.insert(rate, usd(number))),
        }
    }
    let change = |(n, rates)| Change { above_input: Some(n), rates, ..Change::default() };
    (base, tiers.into_iter().map(change).collect())
}

/// Prices under conditions: the first are the base, and of the later ones the last that holds wins.
fn price(prices: &Value) -> Option<Rates> {
    let Value::Array(list) = prices else {
        let (base, changes) = one(prices);
        return with_output(base).map(|rates| Rates { changes, ..rates });
    };
    let (base, mut changes) = one(&list[0]["prices"]);
    for conditional in &list[1..] {
        let constraint = &conditional["constraint"];
        let (rates, tiers) = one(&conditional["prices"]);
        let day = constraint["start_date"].as_str().map(|day| day.parse().expect("a day"));
        let clock = |key: &str| constraint[key].as_str().map(|text| text[..5].to_owned());
        let hours = clock("start_time").zip(clock("end_time"));
        let hours: Vec<Hours> =
            hours.iter().map(|(a, b)| Hours::parse(&format!("{a}-{b}")).expect("hours")).collect();
        changes.push(Change { from: day, hours: hours.clone(), rates, ..Change::default() });
        changes.extend(tiers.into_iter().map(|t| Change { from: day, hours: hours.clone(), ..t }));
    }
    with_output(base).map(|rates| Rates { changes, ..rates })
}

fn with_output(mut base: BTreeMap<Rate, Usd>) -> Option<Rates> {
    base.entry(Rate::Output).or_default();
    base.entry(Rate::Input).or_default();
    Rates::from_map(base)
}

fn usage(counts: &Value) -> Usage {
    let count = |key: &str| counts[key].as_u64();
    Usage {
        input: Some(count("input_tokens").unwrap_or(0)),
        output: Some(count("output_tokens").unwrap_or(0)),
        cached_input: count("cache_read_tokens"),
        cache_write: count("cache_write_tokens"),
        reasoning: count("output_reasoning_tokens"),
        audio_input: count("input_audio_tokens"),
        image_input: count("input_image_tokens"),
        image_output: count("output_image_tokens"),
        ..Usage::UNKNOWN
    }
}

#[test]
fn real_usage_costs_what_is_expected_of_it() {
    let Some(data) = shared_data("oracles/genai_prices_data_trimmed.json") else { return };
    let Some(usages) = shared_data("oracles/genai_prices_usages_trimmed.json") else { return };
    let read = |path: std::path::PathBuf| -> Value {
        serde_json::from_str(&std::fs::read_to_string(path).expect("it reads")).expect("JSON")
    };
    let (data, usages) = (read(data), read(usages));
    let providers: BTreeMap<&str, &Value> = data
        .as_array()
        .expect("providers")
        .iter()
        .map(|p| (p["id"].as_str().expect("id"), p))
        .collect();
    let at: Timestamp = AT.parse().expect("a time");
    let terms = Terms { at: Some(at), tier: None };
    let (mut agree, mut elsewhere, mut no_model) = (0, 0, 0);
    let mut differ = BTreeSet::new();
    for item in usages.as_array().expect("usages") {
        for extracted in item["extracted"].as_array().expect("extracted") {
            let usage = usage(&extracted["usage"]);
            for expected in extracted["extractors"].as_array().expect("extractors") {
                let Some(input_price) = expected["input_price"].as_str() else { continue };
                let Some(provider) = providers.get(expected["provider_id"].as_str().expect("id"))
                else {
                    elsewhere += 1;
                    continue;
                };
                let name = item["model"].as_str().unwrap_or_default().to_lowercase();
                let models = provider["models"].as_array().expect("models");
                let model = models.iter().find(|m| !name.is_empty() && matches(&m["match"], &name));
                let Some(model) = model else {
                    no_model += 1;
                    continue;
                };
                let price = price(&model["prices"]).expect("rates");
                let cost = |usage: &Usage| price.cost(usage, &terms).expect("all is known");
                let prompt =
                    cost(&Usage { output: Some(0), reasoning: None, image_output: None, ..usage });
                let answer = cost(&usage) - prompt;
                let output_price = expected["output_price"].as_str().expect("a price");
                if (prompt, answer) == (number(input_price), number(output_price)) {
                    agree += 1;
                } else {
                    assert!(
                        NOT_IN_THE_DATA.contains(&name.as_str()),
                        "{name}: {prompt} and {answer}, expected {input_price} and {output_price}"
                    );
                    differ.insert((name, extracted["usage"].to_string()));
                }
            }
        }
    }
    // The others are of providers whose price data is not stored, or name no model.
    assert_eq!((agree, differ.len(), no_model, elsewhere), (249, 4, 7, 311));
}
