//! Catalog and configuration files. What loads has ids that are unique and names that stay names.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use weighbridge::catalog::{Catalog, load_text};
use weighbridge::plan::Config;

fn look_at(catalog: &Catalog) {
    let mut ids = BTreeSet::new();
    for endpoint in &catalog.endpoints {
        assert!(ids.insert(endpoint.id.clone()), "{} twice", endpoint.id);
        for name in [&endpoint.model, &endpoint.provider.name] {
            assert!(!name.is_empty() && !name.contains(char::is_control), "{name:?}");
        }
        assert!(!endpoint.provider.base_url.contains('@'), "{}", endpoint.provider.base_url);
    }
}

fuzz_target!(|text: &str| {
    match load_text(text, "fuzz.toml") {
        Ok(catalog) => look_at(&catalog),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(config) = Config::load_text(text, "weighbridge.toml", &[]) {
        look_at(&config.catalog);
        let _judging = config.judging();
    }
});
