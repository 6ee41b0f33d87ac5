//! Runs that earlier versions wrote: read as they are, brought to the newest format, continued and
//! merged.

use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use super::super::*;
use super::{
    create, dropped, ended, endpoint, known, load_rows, manifest, planned, play, rows, sent, task,
};
use crate::units::{Manifest, ShardStamp};

/// What each format added to the one before it, and rows that a run of that format held.
const FORMATS: [(&str, &str); 3] = [
    (include_str!("../schema_v1.sql"), include_str!("formats/v1.sql")),
    (include_str!("../schema_v2.sql"), include_str!("formats/v2.sql")),
    (include_str!("../schema_v3.sql"), include_str!("formats/v3.sql")),
];

/// A run as this format held it.
fn make(dir: &Path, format: usize) {
    let file = Connection::open(dir.join(FILE_NAME)).expect("made");
    for (schema, rows) in &FORMATS[..format] {
        file.execute_batch(schema).expect("a schema");
        file.execute_batch(rows).expect("rows");
    }
    file.pragma_update(None, "application_id", sql::APPLICATION_ID).expect("set");
    let version = i32::try_from(format).expect("small");
    file.pragma_update(None, "user_version", version).expect("set");
}

/// The same run as this version writes it.
async fn made_today() -> TempDir {
    let dir = TempDir::new().expect("a folder");
    let store = create(dir.path(), StoreMode::Inline, 6, true);
    play(&store).await.expect("recorded");
    store.finish(ended()).await.expect("finished");
    dir
}

fn texts(dir: &Path, query: &str) -> Vec<String> {
    let file = Connection::open(dir.join(FILE_NAME)).expect("there");
    let mut statement = file.prepare(query).expect("SQL");
    let found = statement.query_map([], |row| row.get::<_, Option<String>>(0)).expect("rows");
    found.filter_map(|text| text.expect("a text")).collect()
}

fn version(dir: &Path) -> i32 {
    let file = Connection::open(dir.join(FILE_NAME)).expect("there");
    file.pragma_query_value(None, "user_version", |row| row.get(0)).expect("set")
}

/// What the run holds, whatever its format.
fn check(dir: &Path, first_format: usize, today: &Path) {
    assert_eq!(rows(dir, Order::Plan), rows(today, Order::Plan), "format {first_format}");
    let reader = Reader::open(dir).expect("a run");
    assert_eq!(reader.manifest().expect("there"), Manifest { ended: Some(ended()), ..manifest() });
    assert_eq!(
        reader.tasks().expect("there"),
        [task(0), task(1)].map(|task| StoredTask { content_hash: None, ..task })
    );
    let in_doubt = |request| LoadRow::InDoubt { request };
    let load = [known(sent(0)), known(sent(1)), in_doubt(2), in_doubt(3), known(dropped(4))];
    let expected = if first_format >= 2 { load.to_vec() } else { Vec::new() };
    assert_eq!(load_rows(dir), expected, "format {first_format}");
    assert!(reader.load_histograms().expect("none").is_empty());
}

#[tokio::test]
async fn a_run_of_every_format_reads_and_is_brought_to_the_newest() {
    let today = made_today().await;
    let schema = "SELECT sql FROM sqlite_schema ORDER BY 1";
    for format in 1..=FORMATS.len() {
        let dir = TempDir::new().expect("a folder");
        make(dir.path(), format);
        check(dir.path(), format, today.path());
        assert_eq!(version(dir.path()), i32::try_from(format).expect("small"), "only read");
        let lock = RunLock::take(dir.path()).expect("free");
        drop(Writer::open(&lock).expect("a run"));
        drop(lock);
        assert_eq!(version(dir.path()), sql::FORMAT);
        check(dir.path(), format, today.path());
        assert_eq!(texts(dir.path(), schema), texts(today.path(), schema), "as if made today");
        let gradings = "SELECT grader || version FROM grading";
        assert_eq!(texts(dir.path(), gradings), ["number1"]);
    }
}

#[tokio::test]
async fn a_run_of_every_format_is_continued() {
    for format in 1..=FORMATS.len() {
        let dir = TempDir::new().expect("a folder");
        make(dir.path(), format);
        let existing = ExistingRun::open(dir.path()).expect("readable").expect("a run");
        let (tasks, endpoints) = ([task(0), task(1)], [endpoint(0), endpoint(1)]);
        let manifest = manifest();
        let new = NewRun {
            manifest: &manifest,
            tasks: &tasks,
            endpoints: &endpoints,
            keep_content: true,
        };
        let trials: Vec<PlannedTrial> = (0..7).map(planned).collect();
        let run = existing.resume(StoreMode::Inline, new, &trials, 6_000_000_000).expect("resumed");
        let open: Vec<bool> = run.progress.iter().map(|trial| trial.open).collect();
        // The plan has trial 6 again, which format 3 kept aside with its answer.
        let retired = format >= 3;
        assert_eq!(open, [false, false, true, true, true, true, !retired], "format {format}");
        run.store.finish(ended()).await.expect("finished");
        let scores: Vec<_> = rows(dir.path(), Order::Plan).iter().map(|row| row.score).collect();
        let last = retired.then_some(Some(0.5));
        assert_eq!(scores, [Some(Some(1.0)), None, None, None, None, None, last]);
        let tasks = Reader::open(dir.path()).expect("a run").tasks().expect("there");
        assert_eq!(tasks, [task(0), task(1)], "the plan's tasks bring their content hashes");
    }
}

#[tokio::test]
async fn runs_of_every_format_merge() {
    let today = made_today().await;
    for format in 1..=FORMATS.len() {
        let part = TempDir::new().expect("a folder");
        make(part.path(), format);
        let out = TempDir::new().expect("a folder");
        let shard = ShardStamp {
            k: 1,
            n: 1,
            plan_hash: String::new(),
            trials: 6,
            suites: Vec::new(),
            tasks: vec![0, 1],
        };
        let manifest = Manifest { shard: Some(shard), ..manifest() };
        let dir = part.path().to_owned();
        let parts = [MergePart { dir, manifest: manifest.clone(), later_ns: 0 }];
        let into = out.path().join("merged");
        merge_runs(&into, &manifest, &ended(), &parts).expect("merged");
        let merged = rows(&into, Order::Plan);
        assert_eq!(merged, rows(today.path(), Order::Plan), "format {format}");
    }
}
