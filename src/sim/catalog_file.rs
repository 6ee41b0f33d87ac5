//! The fleet as a catalog file.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::profile::{Fleet, Profile};

impl Fleet {
    /// The catalog of the fleet, served under a URL such as `http://127.0.0.1:8100`: the default
    /// endpoints, or all.
    #[must_use]
    pub fn catalog_toml(&self, base_url: &str, include_chaos: bool) -> String {
        let base_url = base_url.trim_end_matches('/');
        let mut text = String::from("# The simulated fleet: invented models, known behaviour.\n");
        let mut named = BTreeSet::new();
        for profile in self.listed(include_chaos) {
            if named.insert(profile.provider.as_str()) {
                let name = &profile.provider;
                let url = quoted(&format!("{base_url}/{name}/v1"));
                let name = quoted(name);
                append(
                    &mut text,
                    &format!(
                        "\n[[provider]]\nname = {name}\ndialect = \"openai-chat\"\nbase_url = {url}\n"
                    ),
                );
            }
        }
        for profile in self.listed(include_chaos) {
            append(&mut text, &endpoint(profile));
        }
        text
    }
}

fn endpoint(profile: &Profile) -> String {
    let price = &profile.price_text;
    let cached = price
        .cached_input
        .as_deref()
        .map(|cached| format!(", cached_input = {}", quoted(cached)))
        .unwrap_or_default();
    let requests =
        profile.requests_per_min.map(|n| format!("requests_per_min = {n}, ")).unwrap_or_default();
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
        quoted(&profile.provider),
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
        let text = fleet.catalog_toml("http://127.0.0.1:8100/", false);
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
        let all = fleet.catalog_toml("http://x", true);
        assert!(all.contains("limits = { requests_per_min = 600, concurrency = 64 }"), "{all}");
    }
}
