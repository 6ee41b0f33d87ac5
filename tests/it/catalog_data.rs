//! The real price lists: every entry loads or is named with the reason, and no digit is lost on the
//! way from the list's own text to a snapshot and back.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;
use serde_json::value::RawValue;
use weighbridge::catalog::snapshot::to_toml;
use weighbridge::catalog::source::{self, Reading};
use weighbridge::catalog::{
    Catalog, Change, Endpoint, Price, Rate, Rates, SnapshotStamp, load_text,
};
use weighbridge::units::Usd;

use crate::support::shared_data;

type Raw = BTreeMap<String, Box<RawValue>>;

/// 10²⁴ times a number literal, by nothing that the product uses.
fn exact(literal: &str) -> BigInt {
    let text = literal.trim_matches('"').replace('_', "");
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().expect("an exponent")),
        None => (text.as_str(), 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: BigInt = format!("{whole}{fraction}").parse().expect("digits");
    let power = exponent - i32::try_from(fraction.len()).expect("few") + 24;
    let ten = BigInt::from(10);
    let scaled = if power >= 0 {
        BigRational::from_integer(digits * ten.pow(power.unsigned_abs()))
    } else {
        BigRational::new(digits, ten.pow(power.unsigned_abs()))
    };
    assert!(scaled.is_integer(), "{literal} has more than 24 decimals");
    scaled.to_integer()
}

fn raw(usd: Usd) -> BigInt {
    BigInt::from(usd.raw())
}

/// What the list gave, and what is left of it after a snapshot was written and read.
fn round_trip(reading: &Reading) -> Catalog {
    let stamp =
        SnapshotStamp { source: "a test".into(), fetched_at: "2026-06-16T00:00:00Z".into() };
    let text = to_toml(&reading.catalog, &stamp);
    let back = load_text(&text, "snapshot.toml").unwrap_or_else(|error| panic!("{error}"));
    let sorted = |catalog: &Catalog| {
        let by_id = catalog.endpoints.iter().map(|e| (e.id.clone(), e.clone()));
        by_id.collect::<BTreeMap<_, Endpoint>>()
    };
    assert_eq!(sorted(&back), sorted(&reading.catalog));
    assert_eq!(back.facts, reading.catalog.facts);
    assert_eq!(to_toml(&back, &stamp), text, "written again it is the same file");
    back
}

fn rates<'a>(catalog: &'a Catalog, id: &str) -> &'a Rates {
    let endpoint = catalog.endpoints.iter().find(|e| e.id.as_str() == id).expect(id);
    let Price::Rates(rates) = &endpoint.price else { panic!("{id}: {:?}", endpoint.price) };
    rates
}

fn price<'a>(catalog: &'a Catalog, id: &str) -> &'a Price {
    &catalog.endpoints.iter().find(|e| e.id.as_str() == id).expect(id).price
}

#[test]
fn all_of_openrouter_loads() {
    let Some(path) = shared_data("catalogs/openrouter_models_2026-06-16.json") else { return };
    let text = std::fs::read_to_string(path).expect("it reads");
    let reading = source::read(&text, "openrouter").expect("it loads");
    assert_eq!((reading.entries, reading.catalog.endpoints.len()), (337, 337));
    assert!(reading.left_out.is_empty() && reading.not_read.is_empty(), "{:?}", reading.not_read);
    let back = round_trip(&reading);
    let top: BTreeMap<String, Vec<Raw>> = serde_json::from_str(&text).expect("JSON");
    let (mut digits, mut unknown) = (0, 0);
    for model in &top["data"] {
        let id: String = serde_json::from_str(model["id"].get()).expect("a text");
        let pricing: BTreeMap<String, String> =
            serde_json::from_str(model["pricing"].get()).expect("texts");
        let endpoint = back.endpoints.iter().find(|e| e.model == id).expect("it is there");
        match &endpoint.price {
            Price::Unknown | Price::Recorded => {
                assert!(pricing.values().any(|text| text == "-1"), "{id}");
                unknown += 1;
            }
            Price::Free => assert!(pricing.values().all(|text| exact(text).is_zero()), "{id}"),
            Price::PerHour(_) => panic!("{id}"),
            Price::Rates(rates) => {
                for (key, text) in &pricing {
                    let rate = match key.as_str() {
                        "prompt" => Rate::Input,
                        "completion" => Rate::Output,
                        "input_cache_read" => Rate::CachedInput,
                        "input_cache_write" => Rate::CacheWrite,
                        "internal_reasoning" => Rate::Reasoning,
                        "web_search" => Rate::PerSearch,
                        "audio" => Rate::AudioInput,
                        "image" => Rate::PerImage,
                        other => panic!("{other}"),
                    };
                    let usd = rates.get(rate).unwrap_or_else(|| panic!("{id} {key}"));
                    assert_eq!(raw(usd), exact(text), "{id} {key}");
                    digits += 1;
                }
            }
        }
    }
    assert_eq!(unknown, 4);
    assert!(digits > 900, "{digits} prices were compared");
}

#[test]
fn all_of_litellm_loads_or_is_named() {
    let Some(path) = shared_data("catalogs/litellm_prices_1.109.1_trimmed.json") else { return };
    let text = std::fs::read_to_string(path).expect("it reads");
    let reading = source::read(&text, "litellm").expect("it loads");
    let top: BTreeMap<String, Raw> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(reading.entries, top.len());
    assert_eq!(reading.catalog.endpoints.len() + reading.left_out.len(), top.len());
    for left in &reading.left_out {
        let known = ["explanation", "listed twice", "cannot be part", "answers in no text"];
        assert!(known.iter().any(|why| left.why.contains(why)), "{left:?}");
    }
    let back = round_trip(&reading);
    let left: BTreeSet<&str> = reading.left_out.iter().map(|left| left.entry.as_str()).collect();
    let mut compared = 0;
    for (name, entry) in top.iter().filter(|(name, _)| !left.contains(name.as_str())) {
        let theirs: String = serde_json::from_str(entry["litellm_provider"].get()).expect("text");
        let upstream = name.strip_prefix(&format!("{theirs}/")).unwrap_or(name);
        let provider = match theirs.as_str() {
            "gemini" => "google",
            "together_ai" => "together",
            "vertex_ai" => "vertex",
            other => other,
        };
        let here = |e: &&Endpoint| e.upstream_model == upstream && e.provider.name == provider;
        let ours: Vec<&Endpoint> = reading.catalog.endpoints.iter().filter(here).collect();
        let flat = [
            ("input_cost_per_token", Rate::Input),
            ("output_cost_per_token", Rate::Output),
            ("cache_read_input_token_cost", Rate::CachedInput),
            ("cache_creation_input_token_cost", Rate::CacheWrite),
            ("cache_creation_input_token_cost_above_1hr", Rate::CacheWrite1h),
            ("output_cost_per_reasoning_token", Rate::Reasoning),
            ("input_cost_per_audio_token", Rate::AudioInput),
        ];
        let Some(input) = entry.get("input_cost_per_token") else {
            assert!(ours.iter().any(|e| e.price == Price::Unknown), "{name}");
            continue;
        };
        let is_it = |e: &&&Endpoint| match &e.price {
            Price::Rates(rates) => raw(rates.input) == exact(input.get()),
            Price::Free => exact(input.get()).is_zero(),
            _ => false,
        };
        let Some(ours) = ours.iter().find(is_it) else {
            // Of a model that is listed free and at a price, the price is kept, and that is said.
            let said = |e: &&Endpoint| {
                let why = format!("{} is listed twice: ", e.id);
                reading.left_out.iter().any(|left| left.why.starts_with(&why))
            };
            assert!(exact(input.get()).is_zero() && ours.iter().any(said), "{name}");
            continue;
        };
        let Price::Rates(_) = ours.price else { continue };
        let rates = rates(&back, ours.id.as_str());
        for (key, rate) in flat {
            let Some(literal) = entry.get(key) else { continue };
            let usd = rates.get(rate).unwrap_or_else(|| panic!("{name} {key}"));
            assert_eq!(raw(usd), exact(literal.get()), "{name} {key}");
            compared += 1;
        }
    }
    assert!(compared > 2_400, "{compared} prices were compared");
    let gpt = rates(&back, "openai/gpt-5.4@openai");
    let conditions: Vec<String> = gpt.changes.iter().map(Change::condition).collect();
    assert_eq!(
        conditions,
        [
            "above 272000 tokens",
            "flex",
            "above 272000 tokens, flex",
            "priority",
            "batch",
            "above 272000 tokens, batch"
        ]
    );
    let deep = rates(&back, "deepseek/deepseek-v4-flash@deepseek");
    assert_eq!(
        deep.changes[0].condition(),
        "00:00-01:00 04:00-06:00 10:00-00:00 UTC, Mon Tue Wed Thu Fri"
    );
}

#[test]
fn all_of_models_dev_loads_or_is_named() {
    let Some(folder) = shared_data("catalogs/models.dev") else { return };
    let reading = source::read_folder(&folder).expect("it loads");
    assert_eq!(reading.entries, 143, "files");
    // 4 files describe providers and 29 are bases, of which some are named by no provider's model.
    let not_bases = |left: &&source::Omission| !left.why.contains("is a base");
    assert_eq!(reading.left_out.iter().filter(not_bases).count(), 0, "{:?}", reading.left_out);
    assert_eq!(reading.catalog.endpoints.len(), 143 - 4 - 29);
    let back = round_trip(&reading);
    let sol = rates(&back, "openai/gpt-5.4@openai");
    assert_eq!(sol.input.to_string(), "0.0000025");
    let conditions: Vec<String> = sol.changes.iter().map(Change::condition).collect();
    assert_eq!(conditions, ["above 272000 tokens", "priority"]);
    // Inherited: the window from the base, the output limit of its own.
    let plus = back.endpoints.iter().find(|e| e.id.as_str() == "qwen/qwen3.7-plus@openrouter");
    let plus = plus.expect("it is there");
    assert_eq!((plus.context_window, plus.max_output), (Some(1_000_000), Some(65_536)));
    let literal = rates(&back, "google/gemini-3-flash-preview@openrouter").cache_write;
    assert_eq!(literal.expect("a price").to_string(), "0.000000083333");
    assert_eq!(*price(&back, "openai/gpt-image-1@openai"), Price::Unknown);
}
