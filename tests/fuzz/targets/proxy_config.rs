//! A LiteLLM proxy's configuration. What does not read is an error; what does has names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weighbridge::catalog::source::proxy::read;

fuzz_target!(|text: &str| {
    match read(text, "config.yaml", &|_| None, &[]) {
        Ok(config) => {
            for deployment in &config.deployments {
                assert!(!deployment.endpoint.model.is_empty(), "a name stays a name");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
