//! A server that closes kept connections when a request arrives on them: each request that it reads
//! is on record, with its reservation.

use std::collections::BTreeMap;
use std::path::Path;

use crate::stub::Stub;
use crate::support::{csv, file, folder, measured, run};

fn count(run: &Path, query: &str) -> u64 {
    let database = rusqlite::Connection::open(run.join("run.sqlite")).expect("a run database");
    let count: i64 = database.query_row(query, [], |row| row.get(0)).expect(query);
    count.unsigned_abs()
}

/// A server, and a folder with its catalog and a suite of so many tasks.
fn setup(tasks: usize) -> (Stub, tempfile::TempDir) {
    let (stub, dir) = (Stub::closing_reused("ok"), folder());
    let rows: String = (0..tasks).map(|i| format!("{i},say {i},ok\n")).collect();
    file(dir.path(), "tasks.csv", &format!("id,question,expected\n{rows}"));
    file(dir.path(), "catalog.toml", &stub.catalog("max_output = 50\n"));
    (stub, dir)
}

#[test]
fn every_request_of_a_run_is_on_record() {
    measured(every_request_of_a_run_is_on_record_once);
}

fn every_request_of_a_run_is_on_record_once() {
    let (stub, dir) = setup(200);
    let args = ["run", "--suite", "tasks.csv", "--catalog", "catalog.toml", "--out", "run"];
    run(dir.path(), &[&args[..], &["-c", "4", "--budget", "5"]].concat()).weighed();
    let folder = dir.path().join("run");
    let sent = stub.asked().len() as u64;
    let rows = count(&folder, "SELECT count(*) FROM attempt WHERE bound IS NOT NULL");
    assert_eq!((rows, rows > 300), (sent, true), "as many intents as requests");
    let lost = count(&folder, "SELECT count(*) FROM attempt WHERE error = 'stale_connection'");
    assert_eq!(lost, sent - 200, "each request is answered or lost");
    let trials = csv(&folder.join("trials.csv"));
    assert_eq!(trials.len(), 200);
    for trial in &trials {
        assert_eq!((trial["status"].as_str(), trial["backoff_us"].as_str()), ("ok", "0"));
        let was_lost = trial["attempts"] != "1";
        assert!(["1", "2"].contains(&trial["attempts"].as_str()), "{trial:?}");
        assert_eq!(trial["cost_upper_usd"] != trial["cost_usd"], was_lost, "its bound may be due");
    }
    let keys: BTreeMap<_, u32> = stub.asked().iter().fold(BTreeMap::new(), |mut keys, asked| {
        *keys.entry(asked.header("idempotency-key").map(str::to_owned)).or_default() += 1;
        keys
    });
    assert_eq!(keys.len() as u64, sent, "each request has a key of its own");
}

#[test]
fn every_request_of_a_load_is_on_record() {
    measured(every_request_of_a_load_is_on_record_once);
}

fn every_request_of_a_load_is_on_record_once() {
    for mode in [&["-q", "100", "-n", "200"][..], &["-c", "4", "-n", "200"]] {
        let (stub, dir) = setup(20);
        let args = ["load", "--suite", "tasks.csv", "--catalog", "catalog.toml", "--out", "run"];
        run(dir.path(), &[&args[..], mode, &["--budget", "5"]].concat()).completed();
        let folder = dir.path().join("run");
        let sent = stub.asked().len() as u64;
        let rows = "SELECT count(*) FROM load_request WHERE bound IS NOT NULL";
        let intents = "SELECT sum(past - first) FROM load_intent";
        assert_eq!((count(&folder, rows), count(&folder, intents)), (sent, sent), "{mode:?}");
        let metric = |name: &str| {
            let rows = csv(&folder.join("summary.csv"));
            let all =
                |row: &&BTreeMap<String, String>| row["endpoint"] == "*" && row["metric"] == name;
            rows.iter().find(all).map_or(0, |row| row["value"].parse().expect("a count"))
        };
        let found = ["asked", "sent", "ok", "failed", "dropped", "in_doubt"].map(metric);
        assert_eq!(found, [200, 200, 200, 0, 0, 0], "{mode:?}");
        assert_eq!((metric("retried_stale"), sent > 300), (sent - 200, true), "{mode:?}");
    }
}
