//! The fleet as a catalog file.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::profile::{Fleet, Profile};
use crate::units::Dialect;

impl Fleet {
    /// The catalog of the fleet, served under a URL such as `http://127.0.0.1:8100`: the default
    /// endpoints, or all; each in every dialect that is given. Under more than one dialect, a
    /// provider that speaks another than the first is called `<provider>-<dialect>`.
    #[must_use]
    pub fn catalog_toml(
        &self,
        base_url: &str,
        include_chaos: bool,
        dialects: &[Dialect],
    ) -> String {
        let base_url = base_url.trim_end_matches('/');
        let mut text = String::from("# The simulated fleet: invented models, known behaviour.\n");
        let mut named = BTreeSet::new();
        let spoken: Vec<(usize, Dialect)> = dialects.iter().copied().enumerate().collect();
        for profile in self.listed(include_chaos) {
            if !named.insert(profile.provider.as_str()) {
                continue;
            }
            for (nth, dialect) in &spoken {
                append(&mut text, &provider(base_url, &profile.provider, *nth, *dialect));
            }
        }
        for profile in self.listed(include_chaos) {
            for (nth, dialect) in &spoken {
                append(&mut text, &endpoint(profile, &name_of(&profile.provider, *nth, *dialect)));
            }
        }
        text
    }
}

fn name_of(provider: &str, nth: usize, dialect: Dialect) -> String {
    if nth == 0 { provider.to_owned() } else { format!("{provider}-{}", dialect.name()) }
}

fn provider(base_url: &str, provider: &str, nth: usize, dialect: Dialect) -> String {
    let version = if dialect == Dialect::Gemini { "v1beta" } else { "v1" };
    format!(
        "\n[[provider]]\nname = {}\ndialect = \"{}\"\nbase_url = {}\n",
        quoted(&name_of(provider, nth, dialect)),
        dialect.name(),
        quoted(&format!("{base_url}/{provider}/{version}")),
    )
}

fn endpoint(profile: &Profile, provider: &str) -> String {
    let price = &profile.price_text;
    let cached = price
        .cached_input
        .as_deref()
        .map(|cached| format!(", cached_input = {}", quoted(cached)))
        .unwrap_or_default();
    let requests = profile.limits.requests_per_min.filter(|_| !profile.limits.unlisted);
    let requests = requests.map(|n| format!("requests_per_min = {n}, ")).unwrap_or_default();
    let supports = [
        ("tools", profile.tools),
        ("json_schema", true),
        // A model that thinks takes no temperature.
        ("temperature", !profile.reasoning),
        ("reasoning", profile.reasoning),
    ];
    let supports: Vec<String> =
        supports.into_iter().filter(|(_, has)| *has).map(|(name, _)| quoted(name)).collect();
    format!(
        "\n[[endpoint]]\nmodel = {}\nprovider = {}\nprice = {{ input = {}, output = {}{cached} }}\n\
         context_window = {}\nmax_output = {}\nlimits = {{ {requests}concurrency = {} }}\n\
         supports = [{}]\n",
        quoted(&profile.model),
        quoted(provider),
        quoted(&price.input),
        quoted(&price.output),
        profile.context_window,
        profile.max_output,
        profile.concurrency,
        supports.join(", "),
    )
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn append(text: &mut String, more: &str) {
    text.write_str(more).expect("a string takes every text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_is_toml_with_one_provider_each() {
        let fleet = Fleet::embedded();
        let text = fleet.catalog_toml("http://127.0.0.1:8100/", false, &[Dialect::OpenaiChat]);
        let catalog: toml::Table = text.parse().expect("TOML");
        let list = |key: &str| catalog[key].as_array().expect("a list").clone();
        assert_eq!(list("provider").len(), 8);
        assert_eq!(list("endpoint").len(), fleet.listed(false).count());
        assert_eq!(list("provider")[0]["base_url"].as_str(), Some("http://127.0.0.1:8100/apex/v1"));
        let flagship = &list("endpoint")[1];
        assert_eq!(flagship["price"]["cached_input"].as_str(), Some("0.125"));
        let supports: Vec<_> = flagship["supports"].as_array().into_iter().flatten().collect();
        assert!(supports.iter().all(|s| s.as_str() != Some("tools")));
        assert!(!text.contains("holm/"));
        let all = fleet.catalog_toml("http://x", true, &[Dialect::OpenaiChat]);
        assert!(all.contains("limits = { requests_per_min = 600, concurrency = 128 }"), "{all}");
        let two = fleet.catalog_toml("http://x", false, &[Dialect::Anthropic, Dialect::Gemini]);
        let catalog: toml::Table = two.parse().expect("TOML");
        let list = |key: &str, field: &str| -> Vec<&str> {
            let list = catalog[key].as_array().into_iter().flatten();
            list.filter_map(|table| table[field].as_str()).collect()
        };
        assert_eq!(list("provider", "name")[..2], ["apex", "apex-gemini"]);
        assert_eq!(list("provider", "base_url")[..2], ["http://x/apex/v1", "http://x/apex/v1beta"]);
        assert_eq!(list("endpoint", "provider")[..2], ["apex", "apex-gemini"]);
    }
}
