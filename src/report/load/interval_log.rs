//! The interval log: a histogram per second, endpoint and metric, in the format of
//! `HdrHistogram`'s own log, which its viewers open.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::write::unread;
use crate::aggregate::{AggregateError, LatencyMetric, LoadSeconds};
use crate::report::error::ReportError;
use crate::report::text::escape_control;
use crate::report::write::whole;
use crate::units::Histogram;

/// An interval.
const SECOND: Duration = Duration::from_secs(1);
/// The viewers take values for nanoseconds, and show the longest of an interval in milliseconds.
const NANOS_PER_MICRO: u64 = 1_000;
const NANOS_PER_MILLI: f64 = 1e6;

/// Writes the interval log of the load run in this folder: for each second, endpoint and metric a
/// histogram of what ended in it, in nanoseconds, under the tag `metric:endpoint`. Failed requests
/// and the warm-up are left out, as in the figures.
///
/// # Errors
/// When the run cannot be read or the file cannot be written; one that was there is then still
/// there.
pub fn interval_log(dir: &Path, path: &Path) -> Result<(), ReportError> {
    let seconds = LoadSeconds::open(dir).map_err(unread)?;
    let started: SystemTime = seconds.started().map_err(unread)?.into();
    let mut unreadable = None;
    let written = whole(path, |mut file| {
        let mut serializer = V2DeflateSerializer::new();
        let mut log = IntervalLogWriterBuilder::new()
            .add_comment("[Histogram log format version 1.3]")
            .add_comment(&format!(
                "weighbridge load, run {}",
                escape_control(&seconds.manifest().run)
            ))
            .with_start_time(started)
            .with_base_time(started)
            .with_max_value_divisor(NANOS_PER_MILLI)
            .begin_log_with(&mut file, &mut serializer)?;
        let done = seconds.for_each(|second, series| {
            for ((endpoint, metric), histogram) in series {
                let tag = tag(endpoint.as_str(), *metric);
                let tag = Tag::new(&tag).expect("what a tag may not hold was replaced");
                let start = Duration::from_secs(second);
                log.write_histogram(&nanoseconds(histogram), start, SECOND, Some(tag))
                    .map_err(|error| Failure::Io(io::Error::other(error)))?;
            }
            Ok(())
        });
        match done {
            Ok(()) => Ok(()),
            Err(Failure::Io(error)) => Err(error),
            Err(Failure::Rows(error)) => {
                unreadable = Some(error);
                Err(io::Error::other("the requests could not be read"))
            }
        }
    });
    match unreadable {
        Some(error) => Err(unread(error)),
        None => written,
    }
}

enum Failure {
    Io(io::Error),
    Rows(AggregateError),
}

impl From<AggregateError> for Failure {
    fn from(error: AggregateError) -> Self {
        Self::Rows(error)
    }
}

/// `ttft:author/name@provider`, without what would end a tag or a line.
fn tag(endpoint: &str, metric: LatencyMetric) -> String {
    format!("{}:{}", metric.name(), escape_control(endpoint)).replace([',', ' '], "_")
}

/// The histogram in nanoseconds.
fn nanoseconds(histogram: &Histogram) -> hdrhistogram::Histogram<u64> {
    let digits = histogram.as_hdr().sigfig();
    let mut scaled = hdrhistogram::Histogram::new(digits).expect("those of another histogram");
    for (upto, count) in histogram.slots() {
        let nanos = u64::try_from(upto.as_micros()).unwrap_or(u64::MAX / NANOS_PER_MICRO);
        scaled.record_n(nanos * NANOS_PER_MICRO, count).expect("it resizes itself");
    }
    scaled
}
