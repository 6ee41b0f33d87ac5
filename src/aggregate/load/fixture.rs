//! Small load runs, made through the store like any other.

use std::path::Path;

use crate::aggregate::fixture::{ended, judging, manifest, stored, task, usd};
use crate::store::{
    LoadOutcome, LoadRecord, NewRun, RequestRecord, RequestSource, Store, StoreMode,
};
use crate::units::{
    Histogram, LoadMode, LoadSlo, LoadSpec, Manifest, RunEnding, Usage, Validity, ValidityMark,
};
use crate::wire::ErrorClass;

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const S: u64 = 1_000 * MS;
/// When the window of every run begins, since the anchor.
pub(crate) const START: u64 = S / 2;

/// A load run to be made.
pub(crate) struct LoadRun {
    pub spec: LoadSpec,
    pub records: Vec<LoadRecord>,
    /// How many endpoints of the fixture it has.
    pub endpoints: u32,
    /// The requests that were intended: 0 up to this one.
    pub intended: u64,
    pub mark: ValidityMark,
    pub finished: bool,
}

impl LoadRun {
    /// Plays the run in a folder.
    pub(crate) fn play(self, dir: &Path) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(self.record(dir)).expect("recorded");
    }

    async fn record(self, dir: &Path) -> Result<(), crate::store::StoreError> {
        let (endpoints, tasks): (Vec<_>, _) =
            ((0..self.endpoints).map(stored).collect(), [task(0, "chat"), task(1, "code")]);
        let manifest = Manifest {
            load: Some(self.spec),
            virtual_time: self.mark == ValidityMark::Virtual,
            name: "load".into(),
            ..manifest(&judging(None, &[]))
        };
        let new = NewRun {
            manifest: &manifest,
            tasks: &tasks,
            endpoints: &endpoints,
            keep_content: false,
        };
        // Only the thread keeps what was recorded when a run is given up.
        let mode = if self.finished { StoreMode::Inline } else { StoreMode::Threaded };
        let store = Store::create(dir, mode, new, std::iter::empty())?;
        store.intend_load(0, self.intended.max(1)).await?;
        let mut gaps = vec![Histogram::new(); self.endpoints as usize];
        for record in self.records.iter().filter(|r| r.outcome() == LoadOutcome::Ok && !r.warmup) {
            (0..4).for_each(|_| gaps[record.endpoint as usize].record_us(10_000));
        }
        let last = self.records.iter().filter_map(|r| r.request.ended_ns).max().unwrap_or(START);
        store.load(self.records).await?;
        for (endpoint, gaps) in (0..).zip(&gaps) {
            store.load_histogram(endpoint, "icl", gaps).await?;
        }
        if !self.finished {
            return Ok(());
        }
        let validity = Validity { mark: self.mark, reasons: vec![], ..ended().validity };
        store.finish(RunEnding { validity, duration_ns: last + 100 * MS, ..ended() }).await
    }
}

/// An open loop at an even rate, every request answered; the window is as long as it takes.
pub(crate) fn open(n: u64, per_s: u64) -> LoadRun {
    let records: Vec<_> = (0..n)
        .map(|request| {
            let due = START + request * S / per_s;
            scheduled(due, answered(request, due + MS / 5))
        })
        .collect();
    LoadRun {
        spec: LoadSpec {
            mode: LoadMode::Open,
            asked: None,
            window_ns: Some(n * S / per_s),
            warmup_ns: 0,
            ramp_ns: 0,
            slos: vec![],
            per_hour: [].into(),
            shape: format!("constant {per_s}/s"),
            speed: 1.0,
            max_cost: Some(usd("0.5")),
            requests: None,
            budget: None,
        },
        records,
        endpoints: 1,
        intended: n,
        mark: ValidityMark::Valid,
        finished: true,
    }
}

/// A closed loop of so many places, each of `rounds` requests of 60 ms that follow each other after
/// a pause.
pub(crate) fn closed(concurrency: u32, rounds: u64, pause_ns: u64) -> LoadRun {
    let n = rounds * u64::from(concurrency);
    let records = (0..n)
        .map(|request| {
            let round = request / u64::from(concurrency);
            answered(request, START + round * (61 * MS + pause_ns))
        })
        .collect();
    let run = open(0, 1);
    let spec = LoadSpec {
        mode: LoadMode::Closed { concurrency },
        asked: Some(n),
        window_ns: None,
        shape: format!("{concurrency} at a time"),
        ..run.spec
    };
    LoadRun { spec, records, intended: n, ..run }
}

/// First token after 20 ms, one each 10 ms after that, five in all; its stream ends 1 ms later.
pub(crate) fn answered(number: u64, dispatched: u64) -> LoadRecord {
    let request = RequestRecord {
        source: RequestSource::Load,
        bound: Some(usd("0.01")),
        http_status: Some(200),
        simulated: true,
        dispatched_ns: Some(dispatched),
        headers_ns: Some(dispatched + 19 * MS),
        first_token_ns: Some(dispatched + 20 * MS),
        first_output_ns: Some(dispatched + 20 * MS),
        last_token_ns: Some(dispatched + 60 * MS),
        ended_ns: Some(dispatched + 61 * MS),
        token_events: 5,
        token_reads: 5,
        usage: Usage { input: Some(100), output: Some(5), ..Usage::default() },
        cost: Some(usd("0.001")),
        ..RequestRecord::default()
    };
    LoadRecord { number, task: u32::from(number % 2 == 1), request, ..LoadRecord::default() }
}

/// The same request of an open loop, scheduled at this time.
pub(crate) fn scheduled(due: u64, record: LoadRecord) -> LoadRecord {
    let request = RequestRecord { scheduled_ns: Some(due), ..record.request };
    LoadRecord { request, ..record }
}

/// The same request, sent and failed.
pub(crate) fn failed(record: &LoadRecord, class: ErrorClass) -> LoadRecord {
    let request = RequestRecord {
        error: Some(class),
        first_token_ns: None,
        first_output_ns: None,
        last_token_ns: None,
        token_events: 0,
        token_reads: 0,
        usage: Usage::default(),
        cost: None,
        ..record.request.clone()
    };
    LoadRecord { request, ..record.clone() }
}

/// The same request, never sent.
pub(crate) fn dropped(record: &LoadRecord) -> LoadRecord {
    let request = RequestRecord {
        source: RequestSource::Load,
        scheduled_ns: record.request.scheduled_ns,
        ..RequestRecord::default()
    };
    LoadRecord { retried_stale: false, request, ..record.clone() }
}

/// 20 s at 200/s in which the server stands still for 1.4 s and the client, whose connections are
/// all taken, can send only afterwards: each request is then served as fast as ever.
pub(crate) fn stalled() -> LoadRun {
    let mut run = open(4_000, 200);
    let (from, to) = (START + 10 * S, START + 10 * S + 1_400 * MS);
    for record in &mut run.records {
        let due = record.request.scheduled_ns.expect("open loop");
        if (from..to).contains(&due) {
            *record = scheduled(due, answered(record.number, to));
        }
    }
    run
}

/// An objective in milliseconds.
pub(crate) fn slo(metric: &str, limit_ms: u64) -> LoadSlo {
    LoadSlo { metric: metric.into(), limit_ns: limit_ms * MS }
}
