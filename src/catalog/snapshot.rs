//! Snapshots: catalog files made from price lists. They are dated and sorted, one block per endpoint,
//! so that a line diff of two shows the changes.

use std::fmt::Write as _;

use super::price::Price;
use super::rate::Rate;
use super::rates::Rates;
use super::{Capability, Catalog, Dialect, Endpoint, Facts, HttpVersion, Provider, SnapshotStamp};

/// The unit of a snapshot's prices.
pub const UNIT: &str = "USD per million tokens";

/// Writes a catalog as a snapshot: providers by name, endpoints by id. Loading it gives the same
/// prices, digit for digit.
#[must_use]
pub fn to_toml(catalog: &Catalog, stamp: &SnapshotStamp) -> String {
    let mut text = format!(
        "# A price list as it was published. Written by `weighbridge catalog sync`; what you write \
         in\n# weighbridge.toml beside it goes before it.\n\n[snapshot]\nsource = {}\nfetched_at = \
         {}\nunit = {}\n",
        quoted(&stamp.source),
        quoted(&stamp.fetched_at),
        quoted(UNIT)
    );
    let mut providers: Vec<&Provider> = catalog.endpoints.iter().map(|e| &e.provider).collect();
    providers.sort_by(|a, b| a.name.cmp(&b.name));
    providers.dedup_by(|a, b| a.name == b.name);
    for provider in providers {
        text.push_str(&provider_text(provider));
    }
    let mut endpoints: Vec<&Endpoint> = catalog.endpoints.iter().collect();
    endpoints.sort_by(|a, b| a.id.cmp(&b.id));
    for endpoint in endpoints {
        let (facts, price) = (catalog.facts.get(&endpoint.id), price_text(&endpoint.price));
        text.push_str(&endpoint_text(endpoint, facts, &price));
    }
    text
}

/// A provider as a table of a catalog file, without the keys that no price list states.
#[must_use]
pub fn provider_text(provider: &Provider) -> String {
    let mut text = format!("\n[[provider]]\nname = {}\n", quoted(&provider.name));
    if provider.dialect != Dialect::OpenaiChat {
        let dialect = serde_json::to_string(&provider.dialect).expect("a plain name");
        let _ = writeln!(text, "dialect = {dialect}");
    }
    if !provider.base_url.is_empty() {
        let _ = writeln!(text, "base_url = {}", quoted(&provider.base_url));
    }
    if let Some(variable) = &provider.api_key_env {
        let _ = writeln!(text, "api_key_env = {}", quoted(variable));
    }
    if provider.http == HttpVersion::Http2 {
        text.push_str("http = \"2\"\n");
    }
    if let Some(router) = provider.router {
        let _ = writeln!(text, "router = {}", quoted(router.name()));
    }
    text
}

/// An endpoint as a table of a catalog file, without its variant; `price` is the line of its price.
#[must_use]
pub fn endpoint_text(endpoint: &Endpoint, facts: Option<&Facts>, price: &str) -> String {
    let mut text = format!(
        "\n[[endpoint]]\nmodel = {}\nprovider = {}\n",
        quoted(&endpoint.model),
        quoted(&endpoint.provider.name)
    );
    if endpoint.upstream_model != endpoint.model {
        let _ = writeln!(text, "upstream_model = {}", quoted(&endpoint.upstream_model));
    }
    text.push_str(price);
    let mut number = |key: &str, value: Option<u64>| {
        if let Some(value) = value {
            let _ = writeln!(text, "{key} = {value}");
        }
    };
    number("context_window", endpoint.context_window);
    number("model_context_window", facts.and_then(|f| f.model_context_window));
    number("max_output", endpoint.max_output);
    let limits = [
        ("requests_per_min", endpoint.limits.requests_per_min.map(u64::from)),
        ("tokens_per_min", endpoint.limits.tokens_per_min),
        ("concurrency", endpoint.limits.concurrency.map(u64::from)),
    ];
    let limits: Vec<String> =
        limits.iter().filter_map(|(key, n)| Some(format!("{key} = {}", (*n)?))).collect();
    if !limits.is_empty() {
        let _ = writeln!(text, "limits = {{ {} }}", limits.join(", "));
    }
    if let Some(supports) = &endpoint.supports {
        let names: Vec<String> = supports.iter().map(|c: &Capability| quoted(c.name())).collect();
        let _ = writeln!(text, "supports = [{}]", names.join(", "));
    }
    let Some(facts) = facts else { return text };
    for (key, day) in [("created", facts.created), ("expires", facts.expires)] {
        if let Some(day) = day {
            let _ = writeln!(text, "{key} = \"{day}\"");
        }
    }
    if let Some(alias) = &facts.alias_of {
        let _ = writeln!(text, "alias_of = {}", quoted(alias));
    }
    if facts.responses_only {
        text.push_str("responses_only = true\n");
    }
    text
}

/// The variant of an endpoint as a table of a catalog file; empty where it is none.
#[must_use]
pub fn variant_text(endpoint: &Endpoint) -> String {
    let Some(name) = &endpoint.variant else { return String::new() };
    let id = endpoint.id.as_str();
    let base = id.split('#').next().unwrap_or(id);
    format!(
        "\n[[variant]]\nname = {}\nmatch = {}\nparams = {}\n",
        quoted(name),
        quoted(base),
        table(&endpoint.params)
    )
}

/// A JSON object as an inline table; TOML has no null, and an absent key says the same.
fn table(pairs: &serde_json::Map<String, serde_json::Value>) -> String {
    let said = pairs.iter().filter(|(_, value)| !value.is_null());
    let pairs: Vec<String> = said.map(|(k, v)| format!("{} = {}", key(k), inline(v))).collect();
    format!("{{ {} }}", pairs.join(", "))
}

fn inline(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        Value::Object(pairs) => table(pairs),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A key, in quotes where it needs them.
#[must_use]
pub fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { quoted(name) }
}

/// A price as a line of an endpoint's table.
#[must_use]
pub fn price_text(price: &Price) -> String {
    let mut text = String::new();
    let out = &mut text;
    match price {
        Price::Free => out.push_str("price = \"free\"\n"),
        Price::Unknown | Price::Recorded => out.push_str("price = \"-1\"\n"),
        Price::PerHour(usd) => {
            let _ = writeln!(out, "price = {{ per_hour = \"{usd}\" }}");
        }
        Price::Rates(rates) => push_rates(out, rates),
    }
    text
}

fn push_rates(text: &mut String, rates: &Rates) {
    let base = Rate::ALL.into_iter().filter_map(|rate| Some((rate, rates.get(rate)?)));
    let pair = |(rate, usd): (Rate, _)| format!("{} = \"{}\"", rate.name(), rate.written(usd));
    let mut keys: Vec<String> = base.map(pair).collect();
    keys.extend(rates.factor.map(|factor| format!("factor = \"{factor}\"")));
    keys.extend(rates.promotion.map(|share| format!("net_of_discount = \"{share}\"")));
    if rates.changes.is_empty() {
        let _ = writeln!(text, "price = {{ {} }}", keys.join(", "));
        return;
    }
    let _ = writeln!(text, "price = {{ {}, when = [", keys.join(", "));
    for change in &rates.changes {
        let mut keys = Vec::new();
        keys.extend(change.above_input.map(|n| format!("above_input_tokens = {n}")));
        keys.extend(change.tier.map(|tier| format!("service_tier = \"{}\"", tier.name())));
        if !change.hours.is_empty() {
            let hours: Vec<String> = change.hours.iter().map(|h| format!("\"{h}\"")).collect();
            keys.push(format!("utc = [{}]", hours.join(", ")));
        }
        if !change.weekdays.is_empty() {
            let days: Vec<String> = change.weekdays.iter().map(i8::to_string).collect();
            keys.push(format!("weekdays = [{}]", days.join(", ")));
        }
        keys.extend(change.from.map(|day| format!("from = \"{day}\"")));
        keys.extend(change.until.map(|day| format!("until = \"{day}\"")));
        keys.extend(change.rates.iter().map(|(rate, usd)| pair((*rate, *usd))));
        let _ = writeln!(text, "  {{ {} }},", keys.join(", "));
    }
    text.push_str("] }\n");
}

/// A TOML basic string on one line. JSON's escapes are valid TOML; only U+007F, which JSON does not
/// escape, needs one.
#[must_use]
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}
