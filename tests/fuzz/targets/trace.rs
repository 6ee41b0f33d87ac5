//! Traces of traffic, plain or gzipped.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use weighbridge::plan::read_trace;

fuzz_target!(|bytes: &[u8]| {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes).expect("written");
    let Ok(trace) = read_trace(file.path()) else { return };
    let arrivals = trace.arrivals(2.0, Some(Duration::from_secs(60)), Some(1000));
    assert!(arrivals.at_ns.is_sorted());
    assert!(arrivals.at_ns.len() <= trace.len().min(1000));
    assert!(!trace.to_string().is_empty() && trace.mean_per_s().is_none_or(f64::is_finite));
});
