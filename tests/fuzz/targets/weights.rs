//! The weights file: a file that can be read is the same after it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weighbridge::weights::WeightsFile;

fuzz_target!(|text: &str| {
    let Ok(weights) = WeightsFile::from_json(text, "fuzz.json") else { return };
    for category in weights.categories.values() {
        let sum: u64 = category.weights.values().map(|w| u64::from(*w)).sum();
        assert_eq!(sum, 1_000_000);
    }
    let again = WeightsFile::from_json(&weights.to_json(), "again.json");
    assert_eq!(again.as_ref(), Ok(&weights));
});
