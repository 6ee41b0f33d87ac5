//! Public price lists, whatever their form. What does not load is an error or a reason; what does has
//! names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weighbridge::catalog::source::read;

fuzz_target!(|text: &str| {
    match read(text, "list.json") {
        Ok(reading) => {
            for endpoint in &reading.catalog.endpoints {
                assert!(!endpoint.model.is_empty(), "a name stays a name");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
