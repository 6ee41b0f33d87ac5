//! Runs that go on.

use rusqlite::Connection;
use tempfile::TempDir;

use super::super::*;
use super::{
    answered, counts, create, ended, ending, endpoint, files, id, intent, manifest, planned, play,
    rows, task, usd,
};

fn plan_again() -> (Vec<StoredTask>, Vec<StoredEndpoint>) {
    (vec![task(0), task(1)], vec![endpoint(0), endpoint(1)])
}

#[tokio::test]
async fn a_run_goes_on_where_it_was_cut() {
    for mode in [StoreMode::Threaded, StoreMode::Inline] {
        let dir = TempDir::new().expect("a folder");
        let store = create(dir.path(), mode, 5, true);
        play(&store).await.expect("recorded");
        store.finish(ended()).await.expect("finished");
        let earlier = ExistingRun::open(dir.path()).expect("readable").expect("a run");
        assert!(matches!(ExistingRun::open(dir.path()), Err(StoreError::InUse { .. })), "locked");
        // One attempt known, two refused without a cost, one in doubt: 0.5 each.
        assert_eq!(earlier.spent.total, usd("2.000000000000000000000001"));
        assert_eq!(earlier.spent.by_suite["words"], earlier.spent.total);
        let (tasks, endpoints) = plan_again();
        let manifest = manifest();
        let new = NewRun {
            manifest: &manifest,
            tasks: &tasks,
            endpoints: &endpoints,
            keep_content: true,
        };
        let trials: Vec<PlannedTrial> = (0..6).map(planned).collect();
        let resumed = earlier.resume(mode, new, &trials, 6_000_000_000).expect("it goes on");
        let progress = |stored, open, attempts, ended| {
            let primed = 0;
            TrialProgress { stored, open, attempts, ended, primed, uncounted: 0 }
        };
        assert_eq!(
            resumed.progress,
            [
                progress(0, false, 2, 2),
                progress(1, false, 1, 1),
                progress(2, true, 1, 0),
                progress(3, true, 1, 1),
                progress(4, true, 0, 0),
                progress(5, true, 0, 0),
            ]
        );
        assert_eq!((resumed.sessions.n, resumed.sessions.duration_ns), (1, 5));
        let store = resumed.store;
        store.intent(id(2, 1), intent()).await.expect("the next number");
        store
            .last_attempt(id(2, 1), answered(), ending(2, TrialStatus::Ok, 2), None)
            .await
            .expect("open again");
        store.finish(ended()).await.expect("finished");
        assert_eq!(counts(dir.path()), [("ok", 2), ("failed", 1), ("skipped", 3)]);
        let asked_again = &rows(dir.path(), Order::Plan)[2];
        assert_eq!((asked_again.attempts, asked_again.failed_attempts), (2, 0));
        assert_eq!((asked_again.cost_unknown, asked_again.cost()), (1, None));
    }
}

/// The beginnings of a run whose plan was never committed are no run.
#[test]
fn what_was_never_begun_is_cleared_away() {
    let dir = TempDir::new().expect("a folder");
    assert!(ExistingRun::open(dir.path()).expect("nothing there").is_none());
    let file = dir.path().join(FILE_NAME);
    std::fs::write(&file, "").expect("written");
    assert!(ExistingRun::open(dir.path()).expect("an empty file").is_none());
    let conn = Connection::open(&file).expect("made");
    conn.pragma_update(None, "journal_mode", "WAL").expect("set");
    drop(conn);
    assert!(ExistingRun::open(dir.path()).expect("an empty database").is_none());
    assert_eq!(files(dir.path()), Vec::<String>::new());
    let foreign = Connection::open(&file).expect("made");
    foreign.execute_batch("CREATE TABLE t (x)").expect("made");
    drop(foreign);
    assert!(matches!(ExistingRun::open(dir.path()), Err(StoreError::NotOurs { .. })));
    assert!(file.exists(), "somebody's database is left alone");
}
