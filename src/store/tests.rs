//! The life of a run database: made, written, cut short, read.

mod formats;
mod power_loss;
mod resume;

use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use super::live::WriterMode;
use super::*;
use crate::test_kit;
use crate::units::{
    AnswerContent, ContentHash, LoadMode, LoadSlo, LoadSpec, Manifest, Message, RunEnding,
    TokensSource, TrialKey, Usage, Usd, Validity, ValidityMark,
};
use crate::wire::ErrorClass;

fn manifest() -> Manifest {
    Manifest {
        seed: u64::MAX,
        demo: true,
        plan_hash: "p".into(),
        notes: vec!["a note".to_owned().into()],
        ..test_kit::manifest("demo")
    }
}

fn ended() -> RunEnding {
    let ending = test_kit::run_ending(ValidityMark::Valid);
    let measured =
        Validity { lag_p99_us: Some(120), io_cpu_peak: Some(0.25), ..ending.validity.clone() };
    RunEnding { validity: measured, ..ending }
}

fn task(idx: u32) -> StoredTask {
    StoredTask {
        idx,
        suite: "words".into(),
        task: format!("t{idx}"),
        category: "math".into(),
        cluster: (idx == 1).then(|| "c".into()),
        tags: vec!["hard".into()],
        grader: serde_json::from_str(r#"{"kind":"number","tolerance":"0.5"}"#).expect("a grader"),
        reference: Some(serde_json::json!("42")),
        schema: None,
        messages: vec![Message { role: "user".into(), content: "six times seven?".into() }],
        content_hash: Some(ContentHash::of(&idx.to_le_bytes())),
    }
}

fn endpoint(idx: u32) -> StoredEndpoint {
    let endpoint = test_kit::endpoint(&format!("acme/m{idx}"), "p");
    StoredEndpoint { idx, endpoint }
}

fn planned(idx: u32) -> PlannedTrial {
    let hash = ContentHash::of(&idx.to_le_bytes());
    let key = TrialKey::from_hash(&hash);
    PlannedTrial { idx, key, task: idx % 2, endpoint: idx / 2 % 2, repeat: 0, ineligible: None }
}

fn create(dir: &Path, mode: StoreMode, trials: u32, keep_content: bool) -> Store {
    limited(dir, mode, trials, keep_content, None).expect("a new folder")
}

fn limited(
    dir: &Path,
    mode: StoreMode,
    trials: u32,
    keep_content: bool,
    max_pages: Option<u32>,
) -> Result<Store, StoreError> {
    let (tasks, endpoints) = ([task(0), task(1)], [endpoint(0), endpoint(1)]);
    let manifest = manifest();
    let new = NewRun { manifest: &manifest, tasks: &tasks, endpoints: &endpoints, keep_content };
    Store::create_limited(dir, mode, new, (0..trials).map(planned), max_pages)
}

fn usd(text: &str) -> Usd {
    text.parse().expect("a decimal")
}

fn id(trial: u32, attempt: u32) -> AttemptId {
    AttemptId { trial, attempt }
}

fn intent() -> RequestIntent {
    RequestIntent { source: RequestSource::Run, bound: Some(usd("0.5")), at_ns: 10 }
}

/// What every request here has from its intent.
fn intended() -> RequestRecord {
    let RequestIntent { source, bound, at_ns } = intent();
    RequestRecord { source, bound, intended_ns: Some(at_ns), ..RequestRecord::default() }
}

fn answered() -> RequestRecord {
    RequestRecord {
        http_status: Some(200),
        simulated: true,
        streamed: true,
        dispatched_ns: Some(20),
        connected_ns: Some(25),
        headers_ns: Some(30),
        first_byte_ns: Some(31),
        first_token_ns: Some(32),
        first_output_ns: Some(33),
        last_token_ns: Some(5_000_000_000),
        ended_ns: Some(5_000_000_001),
        token_reads: 3,
        token_events: 4,
        reasoning_seen: true,
        gaps_us: vec![0, 7, 4_000_000],
        usage: Usage { input: Some(9), output: Some(0), ..Usage::default() },
        usage_verbatim: Some("{\"x\": 1}".into()),
        tokens_source: Some(TokensSource::Usage),
        cost: Some(usd("0.000000000000000000000001")),
        cost_reported: Some(usd("0.25")),
        finish_reason: Some(crate::wire::FinishReason::Length),
        response_model: Some("m-0611".into()),
        served_by: Some("deep".into()),
        ..intended()
    }
}

fn refused() -> RequestRecord {
    RequestRecord {
        error: Some(ErrorClass::RateLimited),
        error_detail: Some("slow down".into()),
        dispatched_ns: Some(12),
        ended_ns: Some(15),
        ..intended()
    }
}

fn ending(trial: u32, status: TrialStatus, attempts: u32) -> TrialEnding {
    let answer =
        AnswerContent { text: "it is 42".into(), refusal: "no".into(), ..AnswerContent::default() };
    TrialEnding {
        trial,
        status,
        error: (status == TrialStatus::Failed).then_some(ErrorClass::RateLimited),
        attempts,
        backoff_ns: 1,
        pacing_ns: 2,
        e2e_with_retries_ns: Some(3),
        answer: (status == TrialStatus::Ok).then_some(answer),
    }
}

fn score(trial: u32, value: Option<f64>) -> ScoreRow {
    ScoreRow::overall(trial, &task(0).grader, value, "found 42".into())
}

/// Trials 0 (ok at the second attempt) and 1 (failed); 2 is in doubt, 3 was to be tried again, 4
/// was never sent.
async fn play(store: &Store) -> Result<(), StoreError> {
    store.intent(id(0, 0), intent()).await?;
    store.attempt(id(0, 0), refused()).await?;
    store.intent(id(0, 1), intent()).await?;
    store.attempt(id(0, 1), answered()).await?;
    store.trial(ending(0, TrialStatus::Ok, 2)).await?;
    store.score(score(0, Some(1.0))).await?;
    store.intent(id(1, 0), intent()).await?;
    store.attempt(id(1, 0), refused()).await?;
    store.trial(ending(1, TrialStatus::Failed, 1)).await?;
    store.intent(id(2, 0), intent()).await?;
    store.intent(id(3, 0), intent()).await?;
    store.attempt(id(3, 0), refused()).await
}

fn rows(dir: &Path, order: Order) -> Vec<TrialRow> {
    let mut rows = Vec::new();
    let reader = Reader::open(dir).expect("a run");
    let visited = reader.for_each_trial(order, |row| {
        rows.push(row.clone());
        Ok::<_, StoreError>(())
    });
    visited.expect("readable");
    rows
}

fn counts(dir: &Path) -> Vec<(&'static str, u64)> {
    let counts = Reader::open(dir).and_then(|reader| reader.status_counts()).expect("readable");
    counts.into_iter().map(|(status, n)| (status.name(), n)).collect()
}

fn files(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

async fn check_round_trip(mode: StoreMode) {
    let dir = TempDir::new().expect("a folder");
    let store = create(dir.path(), mode, 5, true);
    play(&store).await.expect("recorded");
    store.finish(ended()).await.expect("finished");

    assert_eq!(files(dir.path()), ["run.sqlite"], "one file that can be copied");
    assert_eq!(counts(dir.path()), [("ok", 1), ("failed", 1), ("skipped", 2), ("in_doubt", 1)]);

    let reader = Reader::open(dir.path()).expect("a run");
    assert_eq!(reader.manifest().expect("there"), Manifest { ended: Some(ended()), ..manifest() });
    assert_eq!(reader.tasks().expect("there"), [task(0), task(1)]);
    let rubric =
        |StoredTask { grader, reference, schema, .. }| TaskRubric { grader, reference, schema };
    assert_eq!(reader.rubrics().expect("there"), [task(0), task(1)].map(rubric));
    assert_eq!(reader.endpoints().expect("there"), [endpoint(0), endpoint(1)]);
    assert!(reader.keeps_content().expect("there"));

    let rows = rows(dir.path(), Order::Plan);
    let ok = &rows[0];
    assert_eq!(ok.attempt, Some(answered()), "every field of the attempt that answered");
    assert_eq!((ok.attempts, ok.backoff_ns, ok.pacing_ns), (2, 1, 2));
    assert_eq!(ok.e2e_with_retries_ns, Some(3));
    assert_eq!(ok.started_ns, Some(12), "the first attempt's dispatch");
    assert_eq!((ok.cost(), ok.cost_unknown), (None, 1));
    assert_eq!(ok.cost_known, usd("0.000000000000000000000001"));
    assert_eq!(ok.cost_upper, Some(usd("0.500000000000000000000001")));
    assert_eq!(ok.cost_reported, Some(usd("0.25")));
    assert_eq!((ok.score, ok.simulated), (Some(Some(1.0)), true));
    let failed = &rows[1];
    assert_eq!(failed.attempt, Some(refused()));
    assert_eq!((failed.error, failed.score), (Some(ErrorClass::RateLimited), None));
    let in_doubt = &rows[2];
    assert_eq!((in_doubt.attempt.as_ref(), in_doubt.started_ns), (None, Some(10)));
    assert_eq!((in_doubt.attempts, in_doubt.cost_upper), (1, Some(usd("0.5"))));
    assert_eq!((rows[3].attempts, rows[4].attempts), (1, 0));
    assert_eq!((in_doubt.unended, rows[3].unended, ok.refused), (true, false, true));
    assert_eq!((rows[4].cost(), rows[4].cost_upper), (None, Some(Usd::ZERO)));
}

#[tokio::test]
async fn what_a_thread_records_reads_back() {
    check_round_trip(StoreMode::Threaded).await;
}

#[tokio::test]
async fn what_is_recorded_inline_reads_back() {
    check_round_trip(StoreMode::Inline).await;
}

#[tokio::test]
async fn a_folder_holds_one_run() {
    let dir = TempDir::new().expect("a folder");
    let store = create(dir.path(), StoreMode::Inline, 2, true);
    let again = limited(dir.path(), StoreMode::Inline, 2, true, None);
    assert!(matches!(again, Err(StoreError::InUse { .. })), "{again:?}");
    play(&store).await.expect_err("trial 2 is not planned");
    drop(store);
    let again = limited(dir.path(), StoreMode::Inline, 2, true, None);
    assert!(matches!(again, Err(StoreError::Exists { .. })), "{again:?}");
    assert!(dir.path().join(FILE_NAME).exists(), "the run that was there is left alone");
}

#[test]
#[cfg(unix)]
fn only_the_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().expect("a folder");
    let _store = create(dir.path(), StoreMode::Threaded, 2, true);
    for file in files(dir.path()) {
        let mode = std::fs::metadata(dir.path().join(&file)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn what_is_not_a_run_is_refused() {
    let dir = TempDir::new().expect("a folder");
    let open = || Reader::open(dir.path()).map(|_| ());
    let file = dir.path().join(FILE_NAME);
    assert!(matches!(open(), Err(StoreError::Missing { .. })));

    std::fs::write(
        &file,
        "not a database, but longer than SQLite's header of 100 bytes: ".repeat(3),
    )
    .expect("written");
    assert!(matches!(open(), Err(StoreError::NotOurs { .. })), "{:?}", open());

    std::fs::remove_file(&file).expect("removed");
    let foreign = Connection::open(&file).expect("made");
    foreign.execute_batch("CREATE TABLE t (x); PRAGMA user_version = 99;").expect("made");
    assert!(matches!(open(), Err(StoreError::NotOurs { .. })), "{:?}", open());

    foreign.pragma_update(None, "application_id", sql::APPLICATION_ID).expect("set");
    assert!(
        matches!(open(), Err(StoreError::TooNew { found: 99, known: sql::FORMAT, .. })),
        "{:?}",
        open()
    );
}

#[test]
fn a_plan_that_does_not_fit_leaves_nothing_behind() {
    let dir = TempDir::new().expect("a folder");
    let made = limited(dir.path(), StoreMode::Threaded, 5_000, true, Some(20));
    assert!(matches!(made, Err(StoreError::Sqlite { .. })), "{made:?}");
    assert_eq!(files(dir.path()), Vec::<String>::new());
}

#[tokio::test]
async fn an_acknowledged_intent_is_on_the_disk() {
    let dir = TempDir::new().expect("a folder");
    let store = create(dir.path(), StoreMode::Threaded, 3, true);
    let other = Connection::open(dir.path().join(FILE_NAME)).expect("a second connection");
    for trial in 0..3 {
        store.intent(id(trial, 0), intent()).await.expect("recorded");
        let seen = other.query_row("SELECT max(trial) FROM attempt", [], |row| row.get(0));
        assert_eq!(seen, Ok(trial));
    }
    let level = |pragma: &str| other.pragma_query_value(None, pragma, |row| row.get(0));
    assert_eq!(level("journal_mode"), Ok("wal".to_owned()));
}

#[tokio::test]
async fn a_reader_sees_one_state_while_the_run_goes_on() {
    let dir = TempDir::new().expect("a folder");
    let store = create(dir.path(), StoreMode::Threaded, 5, true);
    let early = Reader::open(dir.path()).expect("a run under way");
    play(&store).await.expect("recorded");
    // The queue is in order: once this intent is durable, all before it is.
    store.intent(id(4, 0), intent()).await.expect("recorded");
    assert_eq!(counts(dir.path()), [("planned", 3), ("ok", 1), ("failed", 1)]);
    assert_eq!(early.manifest().expect("there").ended, None);
    store.finish(ended()).await.expect("a reader does not keep a run from ending");
    assert_eq!(early.status_counts().expect("readable")[&TrialStatus::Planned], 5);
    assert_eq!(counts(dir.path()), [("ok", 1), ("failed", 1), ("skipped", 1), ("in_doubt", 2)]);
}

#[tokio::test]
async fn a_run_that_is_given_up_keeps_what_was_queued() {
    let dir = TempDir::new().expect("a folder");
    let store = create(dir.path(), StoreMode::Threaded, 5, true);
    play(&store).await.expect("recorded");
    drop(store);
    assert_eq!(counts(dir.path()), [("planned", 3), ("ok", 1), ("failed", 1)]);
    let reader = Reader::open(dir.path()).expect("a run");
    assert_eq!(reader.manifest().expect("there").ended, None);
}

async fn check_full_disk(mode: StoreMode) {
    let dir = TempDir::new().expect("a folder");
    let store = limited(dir.path(), mode, 4_000, true, Some(220)).expect("the plan fits");
    let mut reason = None;
    let mut acknowledged = 0;
    for trial in 0..4_000 {
        let recorded = async {
            store.intent(id(trial, 0), intent()).await?;
            acknowledged = trial + 1;
            store.attempt(id(trial, 0), answered()).await?;
            store.trial(ending(trial, TrialStatus::Ok, 1)).await
        };
        if let Err(e) = recorded.await {
            reason = Some(e.to_string());
            break;
        }
    }
    let reason = reason.expect("220 pages do not hold 4,000 attempts");
    assert!(reason.contains("full"), "{reason}");
    let later = store.score(score(0, None)).await.expect_err("stopped");
    assert!(matches!(&later, StoreError::Stopped(why) if reason.contains(why)), "{later}");
    let end = store.finish(ended()).await.expect_err("stopped");
    assert_eq!(end.to_string(), reason);

    let rows = rows(dir.path(), Order::Plan);
    let sent = rows.iter().filter(|row| row.started_ns.is_some()).count();
    match mode {
        StoreMode::Threaded => assert_eq!(sent, acknowledged as usize, "every acknowledged intent"),
        StoreMode::Inline | StoreMode::InlineIntents => {
            assert!(sent > 0 && sent < acknowledged as usize, "whole batches");
        }
    }
    assert_eq!(rows[0].attempt, Some(answered()));
}

#[tokio::test]
async fn a_full_disk_stops_the_thread_and_what_was_written_reads() {
    check_full_disk(StoreMode::Threaded).await;
}

#[tokio::test]
async fn a_full_disk_stops_inline_and_what_was_written_reads() {
    check_full_disk(StoreMode::Inline).await;
}

#[tokio::test]
async fn endings_that_cannot_be_stop_the_run() {
    for record in [
        Record::Attempt(id(0, 0), Box::new(answered())),
        Record::Trial(Box::new(ending(9, TrialStatus::Ok, 1))),
        Record::Score(score(9, None)),
        Record::Intent(id(9, 0), intent()),
    ] {
        let dir = TempDir::new().expect("a folder");
        let store = create(dir.path(), StoreMode::Inline, 2, true);
        let WriterMode::Inline(lane) = &*store.0 else { unreachable!("made inline") };
        let refused = lane.lock().expect("not poisoned").record(&record);
        assert!(matches!(refused, Err(StoreError::Stopped(_))), "{record:?}");
    }
}

#[tokio::test]
async fn without_content_nothing_of_it_is_in_the_file() {
    for keep in [true, false] {
        let dir = TempDir::new().expect("a folder");
        let store = create(dir.path(), StoreMode::Inline, 5, keep);
        play(&store).await.expect("recorded");
        store.finish(ended()).await.expect("finished");
        let bytes = std::fs::read(dir.path().join(FILE_NAME)).expect("there");
        for secret in ["six times seven", "it is 42", "found 42", "slow down", "\"42\""] {
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert_eq!(found, keep, "{secret}");
        }
        let answer = Reader::open(dir.path()).expect("a run").answer_of(0).expect("readable");
        assert_eq!(answer.map(|answer| answer.text), keep.then(|| "it is 42".to_owned()));
        assert_eq!(rows(dir.path(), Order::Plan)[0].score, Some(Some(1.0)), "the score is kept");
    }
}

#[tokio::test]
async fn scores_are_replaced_all_at_once() {
    let dir = TempDir::new().expect("a folder");
    let store = create(dir.path(), StoreMode::Inline, 5, true);
    play(&store).await.expect("recorded");
    store.finish(ended()).await.expect("finished");
    let scores = || -> Vec<_> {
        rows(dir.path(), Order::Plan)
            .into_iter()
            .filter_map(|row| Some((row.idx, row.score?)))
            .collect()
    };
    let lock = RunLock::take(dir.path()).expect("free");
    let mut writer = Writer::open(&lock).expect("a run");
    writer.regrade(|_, _, _| Some(score(77, None))).expect_err("there is no trial 77");
    assert_eq!(scores(), [(0, Some(1.0))], "as before");
    let grade = |trial, task, answer: Option<AnswerContent>| {
        assert_eq!((trial, task, answer.expect("kept").text.as_str()), (0, 0, "it is 42"));
        let grading = Grading { grader: "number".into(), version: 9 };
        let cost = Some(usd("0.125"));
        Some(ScoreRow { grading, cost, ..score(trial, None) })
    };
    writer.regrade(grade).expect("replaced");
    assert_eq!(scores(), [(0, None)]);
    assert_eq!(rows(dir.path(), Order::Plan)[0].grading_cost, Some(usd("0.125")));
}

#[tokio::test]
async fn the_latest_grading_counts_and_only_for_the_whole_answer() {
    let dir = TempDir::new().expect("a folder");
    let store = create(dir.path(), StoreMode::Inline, 5, true);
    play(&store).await.expect("recorded");
    let later = Grading { version: 2, ..score(0, None).grading };
    store.score(ScoreRow { grading: later.clone(), ..score(0, Some(0.25)) }).await.expect("taken");
    let part = ScoreRow { criterion: "tone".into(), grading: later, ..score(0, Some(0.75)) };
    store.score(part).await.expect("taken");
    store.finish(ended()).await.expect("finished");
    let scores: Vec<_> = rows(dir.path(), Order::Plan).iter().map(|row| row.score).collect();
    assert_eq!(scores, [Some(Some(0.25)), None, None, None, None]);
}

#[test]
fn cells_come_one_after_the_other_by_key() {
    let dir = TempDir::new().expect("a folder");
    drop(create(dir.path(), StoreMode::Inline, 40, true));
    let keys: Vec<_> =
        rows(dir.path(), Order::Cell).iter().map(|row| (row.endpoint, row.key)).collect();
    assert_eq!(keys.len(), 40);
    assert!(keys.is_sorted(), "one category: endpoint, then key");
    let positions: Vec<_> = rows(dir.path(), Order::Plan).iter().map(|row| row.idx).collect();
    assert!(positions.into_iter().eq(0..40));
}

fn load_spec() -> LoadSpec {
    LoadSpec {
        mode: LoadMode::Closed { concurrency: 8 },
        asked: Some(10),
        window_ns: None,
        warmup_ns: 1,
        ramp_ns: 2,
        slos: vec![LoadSlo { metric: "ttft".into(), limit_ns: 500_000_000 }],
        per_hour: [("acme/m0@p".to_owned(), usd("4.20"))].into(),
        shape: "poisson 200/s".into(),
        speed: 1.0,
        max_cost: Some(usd("0.25")),
        requests: Some(40),
        budget: Some(usd("5")),
    }
}

/// A request whose every field is told apart.
fn sent(number: u64) -> LoadRecord {
    let request = RequestRecord {
        source: RequestSource::Load,
        bound: Some(usd("0.25")),
        scheduled_ns: Some(1_000 * number),
        http_status: Some(200),
        simulated: true,
        streamed: true,
        dispatched_ns: Some(1_000 * number + 10),
        connected_ns: Some(1_000 * number + 20),
        headers_ns: Some(1_000 * number + 30),
        first_token_ns: Some(1_000 * number + 40),
        first_output_ns: Some(1_000 * number + 50),
        last_token_ns: Some(1_000 * number + 60),
        // Later requests end earlier.
        ended_ns: Some(90_000 - number),
        token_events: 5,
        token_reads: 4,
        reasoning_seen: true,
        usage: Usage {
            input: Some(9),
            cached_input: Some(8),
            cache_write: Some(7),
            output: Some(6),
            reasoning: Some(5),
            ..Usage::UNKNOWN
        },
        tokens_source: Some(TokensSource::Usage),
        cost: Some(usd("0.000000000000000000000001")),
        ..RequestRecord::default()
    };
    let (warmup, retried_stale) = (number == 0, number == 1);
    LoadRecord { number, endpoint: 1, task: 1, warmup, retried_stale, request }
}

/// The same record with another request.
fn with(record: LoadRecord, change: impl FnOnce(&mut RequestRecord)) -> LoadRecord {
    let mut record = record;
    change(&mut record.request);
    record
}

fn dropped(number: u64) -> LoadRecord {
    with(LoadRecord { number, ..LoadRecord::default() }, |request| {
        (request.source, request.scheduled_ns) = (RequestSource::Load, Some(1_000 * number));
    })
}

fn load_rows(dir: &Path) -> Vec<LoadRow> {
    let mut rows = Vec::new();
    let visited = Reader::open(dir).expect("a run").for_each_load(|row| {
        rows.push(row.clone());
        Ok::<_, StoreError>(())
    });
    visited.expect("readable");
    rows
}

fn known(record: LoadRecord) -> LoadRow {
    LoadRow::Known(Box::new(record))
}

async fn check_load_round_trip(mode: StoreMode) {
    let dir = TempDir::new().expect("a folder");
    let store = create(dir.path(), mode, 0, false);
    let failed = with(sent(3), |request| {
        request.error = Some(ErrorClass::Reset);
        (request.scheduled_ns, request.cost) = (None, None);
    });
    let mut icl = crate::units::Histogram::new();
    icl.record_us(10_000);
    let play = async {
        store.intend_load(0, 4).await?;
        store.intend_load(6, 20).await?;
        // In any order, as requests end.
        store.load(vec![failed.clone(), sent(1), dropped(4), sent(0)]).await?;
        store.load(vec![dropped(7), sent(6)]).await?;
        store.unsent_load(9..u64::MAX).await?;
        store.load_histogram(1, "icl", &icl).await?;
        store.load_histogram(1, "icl", &icl).await
    };
    play.await.expect("recorded");
    store.finish(ended()).await.expect("finished");
    let reader = Reader::open(dir.path()).expect("a run");
    let in_doubt = |request| LoadRow::InDoubt { request };
    assert_eq!(
        load_rows(dir.path()),
        [
            known(sent(0)),
            known(sent(1)),
            in_doubt(2),
            known(failed),
            known(dropped(4)),
            known(sent(6)),
            known(dropped(7)),
            in_doubt(8),
        ]
    );
    assert_eq!(reader.load_records().expect("readable"), 6);
    let span = LoadSpan { first_start_ns: 1_000, last_start_ns: 7_000, last_end_ns: Some(89_999) };
    assert_eq!(reader.load_span().expect("readable"), Some(span), "the warm-up is left out");
    let mut ends = Vec::new();
    let visited = reader.for_each_load_by_end(|record| {
        ends.push(record.number);
        Ok::<_, StoreError>(())
    });
    visited.expect("readable");
    assert_eq!(ends, [6, 3, 1, 0]);
    let histograms = reader.load_histograms().expect("readable");
    assert_eq!(histograms.keys().collect::<Vec<_>>(), [&(1, "icl".to_owned())]);
    icl.merge(&icl.clone());
    assert!(histograms.values().all(|h| h.slots().eq(icl.slots())), "added slot by slot");
}

#[tokio::test]
async fn what_the_load_lane_records_reads_back() {
    check_load_round_trip(StoreMode::Threaded).await;
    check_load_round_trip(StoreMode::Inline).await;
}

#[tokio::test]
async fn load_records_that_cannot_be_stop_the_run() {
    for record in [
        sent(5),
        with(sent(0), |request| request.ended_ns = None),
        with(dropped(0), |request| request.dispatched_ns = Some(1)),
        with(dropped(0), |request| request.error = Some(ErrorClass::Reset)),
        LoadRecord { endpoint: 9, ..sent(0) },
    ] {
        let dir = TempDir::new().expect("a folder");
        let store = create(dir.path(), StoreMode::Inline, 0, true);
        store.intend_load(0, 5).await.expect("recorded");
        let refused = store.load(vec![record.clone()]).await;
        assert!(matches!(refused, Err(StoreError::Stopped(_))), "{record:?}");
    }
    let dir = TempDir::new().expect("a folder");
    let store = create(dir.path(), StoreMode::Inline, 0, true);
    store.intend_load(0, 5).await.expect("recorded");
    store.load(vec![sent(0)]).await.expect("recorded");
    store.load(vec![sent(0)]).await.expect_err("a request ends once");
}

#[tokio::test]
async fn an_intended_load_is_on_the_disk_and_many_rows_read_in_order() {
    let dir = TempDir::new().expect("a folder");
    let store = create(dir.path(), StoreMode::Threaded, 0, false);
    store.intend_load(0, 10_000).await.expect("recorded");
    let rows = load_rows(dir.path());
    assert_eq!(rows.len(), 10_000, "a crash now leaves them all in doubt");
    store.load((0..10_000).rev().map(sent)).await.expect("recorded");
    // Given up far ahead, with a gap that no window reaches across.
    store.load(vec![dropped(1_000_000)]).await.expect("recorded");
    store.finish(ended()).await.expect("finished");
    let rows = load_rows(dir.path());
    assert_eq!(rows.len(), 10_001);
    assert!(rows.iter().take(10_000).cloned().eq((0..10_000).map(sent).map(known)));
}

#[tokio::test]
async fn the_manifest_of_a_load_run_reads_back() {
    let dir = TempDir::new().expect("a folder");
    let manifest = Manifest { load: Some(load_spec()), ..manifest() };
    let new = NewRun { manifest: &manifest, tasks: &[], endpoints: &[], keep_content: false };
    drop(Store::create(dir.path(), StoreMode::Inline, new, std::iter::empty()));
    let reader = Reader::open(dir.path()).expect("a run");
    assert_eq!(reader.manifest().expect("there"), manifest);
}
