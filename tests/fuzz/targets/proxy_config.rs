//! A LiteLLM proxy's configuration. What does not read is an error; a key that stands in it is in
//! nothing that comes out, an error included.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weighbridge::catalog::source::proxy::read;

/// What the corpus writes where a key may stand.
const KEY: &str = "sk-kept-0123456789";

fuzz_target!(|text: &str| {
    let said = match read(text, "config.yaml", &|_| None, &[]) {
        Ok(config) => format!("{config:?}"),
        Err(error) => {
            let said = error.to_string();
            assert!(!said.is_empty());
            said
        }
    };
    // A fuzzer may write the key where a name stands, so only where it is a key's.
    if text.contains(&format!("api_key: {KEY}")) && text.matches(KEY).count() == 1 {
        assert!(!said.contains(KEY), "{said}");
    }
});
