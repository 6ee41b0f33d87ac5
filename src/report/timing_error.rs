//! The published error of the timing: what `weighbridge calibrate` found on this machine, told
//! beside the figures that it applies to.

use super::model::RunRecord;
use super::number::significant;
use super::text::escape_control;
use crate::aggregate::LatencyMetric;
use crate::units::{CalibratedError, Calibration};

/// Streams under way where nobody knows how many there were: a task lane's over a few endpoints.
const USUAL_STREAMS: f64 = 64.0;

/// The error of one machine at a number of streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimingError<'a> {
    calibration: &'a Calibration,
    /// Streams under way, on average.
    streams: f64,
}

impl<'a> TimingError<'a> {
    /// That of the machine that a run was made on; `None`: it was not calibrated, or nothing was
    /// timed. `streams`: how many were under way, where it is known.
    pub(super) fn new(run: &'a RunRecord, streams: Option<f64>) -> Option<Self> {
        let calibration = run.calibration.as_ref()?;
        let streams = streams.unwrap_or(USUAL_STREAMS);
        // Beyond the most streams that were calibrated the error is larger, and not known.
        calibration.at(streams).map(|_| Self { calibration, streams })
    }

    fn error(&self, metric: LatencyMetric) -> Option<CalibratedError> {
        let at = self.calibration.at(self.streams)?;
        match metric {
            LatencyMetric::Ttft | LatencyMetric::Ttfo | LatencyMetric::TtftSched => at.ttft,
            LatencyMetric::E2e | LatencyMetric::E2eSched => at.e2e,
            LatencyMetric::Icl => at.icl,
            _ => None,
        }
    }

    /// `± 0.3`: the median error of a metric whose median is this, milliseconds; `None`: it was not
    /// calibrated. No value is told finer than the slot of its histogram.
    pub(super) fn beside(&self, metric: LatencyMetric, median_s: f64) -> Option<String> {
        let error = self.error(metric)?;
        Some(format!("± {}", millis((error.p50_us as f64).max(slot_us(median_s * 1e6)))))
    }

    /// What the record of a run says of it: name, value.
    pub(super) fn record(&self) -> Vec<(&'static str, String)> {
        let Some(at) = self.calibration.at(self.streams) else { return Vec::new() };
        let told = |name: &str, error: Option<CalibratedError>| {
            error.map(|e| {
                let percentile = significant(e.percentile * 100.0, 3);
                let (p50, high) = (millis(e.p50_us as f64), millis(e.high_us as f64));
                format!("{name} {p50} ms (p50), {high} ms (p{percentile})")
            })
        };
        let errors = [("TTFT", at.ttft), ("ICL", at.icl), ("e2e", at.e2e)];
        let errors: Vec<String> = errors.into_iter().filter_map(|(n, e)| told(n, e)).collect();
        let lags = self.calibration.lag.iter();
        let lags: Vec<String> =
            lags.filter_map(|lag| told(&format!("at {}/s", lag.per_s), lag.lag)).collect();
        let c = self.calibration;
        vec![
            (
                "Own error of the timing",
                format!("at {} streams: {}", at.streams, errors.join("; ")),
            ),
            ("Own lag of the schedule", lags.join("; ")),
            (
                "Calibrated",
                format!("{}, version {}, {}", escape_control(&c.host), c.version, c.measured_at),
            ),
        ]
    }
}

/// The width of the slot of a histogram of 3 significant digits, which has 2,048 to each power of two.
fn slot_us(us: f64) -> f64 {
    let power = libm::floor(libm::log2(us.max(1.0)));
    libm::exp2((power - 10.0).max(0.0))
}

fn millis(us: f64) -> String {
    let ms = us / 1e3;
    if ms >= 1.0 { significant(ms, 3) } else { format!("{:.2}", ms.max(0.01)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::RunMetrics;
    use crate::report::RunReport;
    use crate::report::fixture;
    use crate::units::{CalibratedLag, CalibratedStreams};

    fn calibrated() -> RunRecord {
        let error =
            |p50_us| Some(CalibratedError { n: 999, p50_us, percentile: 0.99, high_us: 2_345 });
        let streams = |streams, p50| CalibratedStreams {
            streams,
            requests: 999,
            ttft: error(p50),
            icl: None,
            e2e: error(4),
        };
        let calibration = Calibration {
            host: "h".into(),
            version: "1.2.3".into(),
            measured_at: "2026-01-01T00:00:00Z".into(),
            streams: vec![streams(1, 30), streams(64, 312)],
            lag: vec![CalibratedLag { per_s: 100, requests: 9, lag: error(50) }],
            tokens_exact: true,
        };
        let mut run = fixture::report(&fixture::demo()).run;
        run.calibration = Some(calibration);
        run
    }

    #[test]
    fn an_error_is_told_beside_its_metric() {
        let run = calibrated();
        let at = |streams, metric| TimingError::new(&run, streams)?.beside(metric, 0.02);
        assert_eq!(at(Some(0.4), LatencyMetric::Ttft).as_deref(), Some("± 0.03"));
        assert_eq!(at(None, LatencyMetric::TtftSched).as_deref(), Some("± 0.31"));
        assert_eq!(
            at(None, LatencyMetric::E2e).as_deref(),
            Some("± 0.02"),
            "no finer than a slot at 20 ms"
        );
        assert_eq!(at(None, LatencyMetric::Icl), None);
        assert_eq!(at(None, LatencyMetric::Itl), None);
        let slow = TimingError::new(&run, None).and_then(|e| e.beside(LatencyMetric::Ttft, 3.0));
        assert_eq!(slow.as_deref(), Some("± 2.05"), "no finer than a slot");
        assert!(TimingError::new(&run, Some(65.0)).is_none(), "beyond what was calibrated");
        let record = TimingError::new(&run, None).expect("calibrated").record();
        assert_eq!(
            record[0].1,
            "at 64 streams: TTFT 0.31 ms (p50), 2.35 ms (p99); e2e 0.01 ms (p50), 2.35 ms (p99)"
        );
    }

    #[test]
    fn virtual_time_has_no_error_of_its_own() {
        let (mut metrics, weights) = fixture::demo();
        metrics.manifest.calibration = calibrated().calibration;
        let found = |metrics: &RunMetrics| RunReport::new(metrics, &weights).run.calibration;
        metrics.manifest.virtual_time = false;
        assert!(found(&metrics).is_some());
        metrics.manifest.virtual_time = true;
        assert!(found(&metrics).is_none());
    }
}
