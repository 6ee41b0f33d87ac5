//! From the requests of a load to its metrics, in one pass.
//!
//! Requests come in the order of arrivals, once; memory does not grow with them.

use std::path::Path;

use super::observed::{Observed, endpoint_of, is_lost, max_cost};
use super::tally::{Slos, Tally};
use super::validity::validity;
use super::{LoadCell, LoadCounts, LoadEndpoint, LoadMetrics};
use crate::aggregate::run::Run;
use crate::aggregate::{AggregateError, LatencyMetric};
use crate::catalog::{Endpoint, Price};
use crate::store::{LoadRecord, LoadRow, LoadSpan, Reader};
use crate::units::{LoadMode, LoadSpec, Usd};

/// Whether the run in this folder is a load run.
pub fn is_load(dir: &Path) -> Result<bool, AggregateError> {
    Ok(Reader::open(dir)?.manifest()?.load.is_some())
}

/// The metrics of the load run in this folder, finished or not.
pub fn compute_load_metrics(dir: &Path) -> Result<LoadMetrics, AggregateError> {
    let reader = Reader::open(dir)?;
    let run = Run::read(&reader)?;
    let Some(spec) = run.manifest.load.clone() else {
        return Err(AggregateError::Corrupt("this is not a load run".to_owned()));
    };
    let span = reader.load_span()?;
    let mut pass = Pass {
        slos: Slos::of(&spec)?,
        span,
        all: Tally::default(),
        tallies: run.endpoints.iter().map(|_| Tally::default()).collect(),
        run: &run,
        spec: &spec,
        simulated: false,
        rows: 0,
        warmup: 0,
        lost: 0,
        in_doubt: 0,
        in_flight_ns: 0,
        cost: Usd::ZERO,
        cost_upper: Usd::ZERO,
    };
    reader.for_each_load(|row| {
        pass.visit(row);
        Ok::<(), AggregateError>(())
    })?;
    // What is damaged is in doubt.
    let records = reader.load_records()?;
    if pass.rows > records || pass.rows + reader.damaged_rows() < records {
        let why = "the run's requests and what was intended do not fit together".to_owned();
        return Err(AggregateError::Corrupt(why));
    }
    pass.add_gaps(&reader)?;
    Ok(pass.finish())
}

/// What the pass over the rows holds.
struct Pass<'a> {
    run: &'a Run,
    spec: &'a LoadSpec,
    slos: Slos,
    span: Option<LoadSpan>,
    all: Tally,
    tallies: Vec<Tally>,
    simulated: bool,
    rows: u64,
    warmup: u64,
    /// Requests that a stale connection lost.
    lost: u64,
    in_doubt: u64,
    /// Σ of the time that requests were under way between the first and the last start.
    in_flight_ns: u128,
    cost: Usd,
    cost_upper: Usd,
}

impl Pass<'_> {
    fn visit(&mut self, row: &LoadRow) {
        let LoadRow::Known(record) = row else {
            self.in_doubt += 1;
            return;
        };
        let Some(endpoint) = endpoint_of(self.run, record) else {
            self.in_doubt += 1;
            return;
        };
        self.rows += 1;
        self.simulated |= record.request.simulated;
        self.cost += record.request.cost.unwrap_or_default();
        // Without a bound the price is unknown, and so is the most it may have been.
        self.cost_upper += max_cost(record).unwrap_or_default();
        self.add_in_flight(record);
        if is_lost(record) {
            self.lost += 1;
            for tally in [&mut self.all, &mut self.tallies[record.endpoint as usize]] {
                tally.lost(record);
            }
            return;
        }
        if record.warmup {
            self.warmup += 1;
            return;
        }
        let observed = Observed::of(record, endpoint);
        let good = self.slos.met(record, &observed);
        for tally in [&mut self.all, &mut self.tallies[record.endpoint as usize]] {
            tally.record(record, &observed, good);
        }
    }

    /// Requests of the warm-up fill the loop too: what of them is after its end counts.
    fn add_in_flight(&mut self, record: &LoadRecord) {
        let (Some(span), Some(from), Some(to)) =
            (self.span, record.request.dispatched_ns, record.request.ended_ns)
        else {
            return;
        };
        let (from, to) = (from.max(span.first_start_ns), to.min(span.last_start_ns));
        self.in_flight_ns += u128::from(to.saturating_sub(from));
    }

    /// The gaps between token events, which the lane pooled while it ran.
    fn add_gaps(&mut self, reader: &Reader) -> Result<(), AggregateError> {
        for ((endpoint, metric), histogram) in reader.load_histograms()? {
            let Some(tally) = self.tallies.get_mut(endpoint as usize) else { continue };
            if metric == LatencyMetric::Icl.name() {
                tally.gaps.merge(&histogram);
                self.all.gaps.merge(&histogram);
            }
        }
        Ok(())
    }

    fn finish(self) -> LoadMetrics {
        let manifest = &self.run.manifest;
        let complete = manifest.ended.as_ref().is_some_and(|ended| ended.complete);
        let duration_s = self.span.map_or(0.0, |span| self.duration_s(span, complete));
        let littles_law = self.littles_law();
        let priced = |endpoint: &Endpoint| endpoint.price != Price::Unknown;
        let per_hour = |endpoint: &Endpoint| self.spec.per_hour.get(endpoint.id.as_str()).copied();
        let endpoints = self.run.endpoints.iter().map(|stored| &stored.endpoint);
        let hours: Vec<Option<Usd>> = endpoints.clone().map(per_hour).collect();
        let hourly: Option<Usd> = hours
            .iter()
            .copied()
            .collect::<Option<Vec<_>>>()
            .filter(|all| !all.is_empty())
            .map(|all| all.into_iter().sum());
        let mut all = self.all.finish(duration_s, hourly, endpoints.clone().all(priced));
        if hourly.is_none() && hours.iter().any(Option::is_some) {
            // Some are paid by the hour and some by tokens: no one price fits.
            all.cost_per_task = None;
        }
        all.counts.in_doubt = self.in_doubt;
        all.counts.sent += self.in_doubt;
        all.counts.asked += self.in_doubt;
        let endpoints: Vec<LoadEndpoint> = endpoints
            .zip(self.tallies)
            .map(|(endpoint, tally)| LoadEndpoint {
                id: endpoint.id.clone(),
                model: endpoint.model.clone(),
                provider: endpoint.provider.name.clone(),
                cell: tally.finish(duration_s, per_hour(endpoint), priced(endpoint)),
            })
            .collect();
        conserved(&all, &endpoints, self.rows - self.warmup - self.lost);
        let paid_hours: Vec<Usd> = hours.into_iter().flatten().collect();
        let took_ms = manifest.ended.as_ref().map(|ended| ended.duration_ns / 1_000_000);
        let hourly_cost = took_ms
            .filter(|_| !paid_hours.is_empty())
            .and_then(|took_ms| paid_hours.into_iter().sum::<Usd>().times(took_ms).per(3_600_000));
        LoadMetrics {
            validity: validity(manifest, &all.counts, littles_law),
            simulated: self.simulated,
            warmup: self.warmup,
            duration_s,
            asked_per_s: asked_per_s(self.spec, duration_s, &all.counts),
            littles_law,
            cost: self.cost,
            cost_upper: {
                let doubt = self.spec.max_cost.unwrap_or_default().times(self.in_doubt);
                let upper = self.cost_upper + doubt;
                // What the cap did not let through cannot have cost anything.
                self.spec.budget.map_or(upper, |cap| upper.min(cap.max(self.cost_upper)))
            },
            hourly_cost,
            manifest: manifest.clone(),
            spec: self.spec.clone(),
            all,
            endpoints,
        }
    }

    /// The time in which the requests that count were asked: what rates are divided by. A straggler
    /// that ends long after it belongs to a rate as much as any other, and makes none smaller.
    fn duration_s(&self, span: LoadSpan, complete: bool) -> f64 {
        let spec = self.spec;
        let window = spec
            .window_ns
            .filter(|_| complete)
            .map(|window| window.saturating_sub(spec.warmup_ns + spec.ramp_ns) as f64 / 1e9);
        let n = self.all.counts.asked;
        let between = span.last_start_ns.saturating_sub(span.first_start_ns) as f64 / 1e9;
        let end = span.last_end_ns.unwrap_or(0).max(span.last_start_ns);
        let took = end.saturating_sub(span.first_start_ns) as f64 / 1e9;
        let LoadMode::Closed { .. } = spec.mode else {
            // Without a window: so many gaps lie between the first and the last.
            let open_ended = if n > 1 { between * n as f64 / (n - 1) as f64 } else { took };
            return window.unwrap_or(open_ended);
        };
        let asked = match window.filter(|_| spec.requests != Some(n)) {
            Some(window) => window,
            None => between,
        };
        // A loop that starts empty asks once for each place without anything having ended. One
        // that was hardly filled has no steady state: then all that it took counts.
        let places = self.places();
        let filling = if spec.warmup_ns + spec.ramp_ns > 0 { 0 } else { places };
        if n > FILLS * places { asked * n as f64 / (n - filling) as f64 } else { took }
    }

    /// Requests under way at a time in a closed loop.
    fn places(&self) -> u64 {
        match self.spec.mode {
            LoadMode::Closed { concurrency } => {
                u64::from(concurrency) * self.run.endpoints.len() as u64
            }
            LoadMode::Open => 0,
        }
    }

    /// The time-average of requests under way ÷ the concurrency that was asked for. By Little's
    /// law (1961, *Oper. Res.* 9:383) that average is throughput × mean latency; taken as the area
    /// under the requests it needs no correction for those that cross an edge.
    fn littles_law(&self) -> Option<f64> {
        let (places, span) = (self.places(), self.span.filter(|_| self.places() > 0)?);
        // A request in doubt occupied its place for an unknown time; and a loop that was hardly
        // filled once has no steady state.
        // Endpoints that share a number of requests are not all done at the same time.
        let together = self.run.endpoints.len() == 1 || self.spec.requests.is_none();
        let enough = together && self.all.counts.sent > FILLS * places && self.in_doubt == 0;
        let window = span.last_start_ns.saturating_sub(span.first_start_ns);
        let asked = places as f64 * window as f64;
        let ended = self.run.manifest.ended.as_ref();
        // A place that was empty on purpose was not the client's failing.
        let waited = ended.map_or(0.0, |ended| ended.waited_ns as f64);
        (enough && asked > 0.0).then(|| {
            let kept = self.in_flight_ns as f64 / asked;
            if kept < 1.0 { (kept + waited / asked).min(1.0) } else { kept }
        })
    }
}

/// How often each place of a closed loop must have been filled before its average says anything.
const FILLS: u64 = 4;

/// Every request has one fate and one endpoint, and nothing else was counted.
fn conserved(all: &LoadCell, endpoints: &[LoadEndpoint], counted: u64) {
    for counts in endpoints.iter().map(|e| &e.cell.counts).chain([&all.counts]) {
        assert_eq!(counts.asked, counts.sent + counts.dropped, "asked = sent + dropped");
        let sent = counts.ok + counts.failed + counts.in_doubt;
        assert_eq!(counts.sent, sent, "sent = ok + failed + in doubt");
    }
    let asked: u64 = endpoints.iter().map(|e| e.cell.counts.asked).sum();
    assert_eq!(asked, all.counts.asked - all.counts.in_doubt, "each is of one endpoint");
    assert_eq!(asked, counted, "and was counted once");
}

/// How many came due a second, of those that are known.
fn asked_per_s(spec: &LoadSpec, duration_s: f64, counts: &LoadCounts) -> Option<f64> {
    let known = (counts.asked - counts.in_doubt) as f64;
    let rate = (spec.mode == LoadMode::Open && known > 1.0).then_some(known / duration_s);
    rate.filter(|rate| rate.is_finite() && *rate > 0.0)
}
