//! Loss of power: the log cut anywhere, and writes that were not synced lost in any order.

use rusqlite::Connection;
use tempfile::TempDir;

use super::super::*;
use super::{answered, create, ending, id, intent, rows};

/// How far a run came whose log was left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Came {
    /// Trials that were intended.
    sent: usize,
    /// Trials that were answered.
    ok: usize,
}

/// A run of `trials` trials that were asked one after the other, cut off by a loss of power.
struct PowerLoss {
    trials: u32,
    /// The database file as it stood while the run was under way.
    file: Vec<u8>,
    /// The log as it stood at the end.
    log: Vec<u8>,
    /// How long the log was when each intent was acknowledged.
    acknowledged: Vec<usize>,
}

impl PowerLoss {
    async fn of(trials: u32) -> Self {
        let dir = TempDir::new().expect("a folder");
        let store = create(dir.path(), StoreMode::Threaded, trials, true);
        let log = dir.path().join("run.sqlite-wal");
        let mut acknowledged = Vec::new();
        for trial in 0..trials {
            store.intent(id(trial, 0), intent()).await.expect("recorded");
            acknowledged.push(std::fs::metadata(&log).expect("a log").len());
            let end = ending(trial, TrialStatus::Ok, 1);
            store.last_attempt(id(trial, 0), answered(), end, None).await.expect("recorded");
        }
        // The queue is in order: once this intent is durable, all before it is.
        store.intent(id(0, 1), intent()).await.expect("recorded");
        // Both before the store is closed, which folds the one into the other.
        let file = std::fs::read(dir.path().join(FILE_NAME)).expect("a file");
        let log = std::fs::read(log).expect("a log");
        let acknowledged =
            acknowledged.into_iter().map(|len| usize::try_from(len).expect("small")).collect();
        Self { trials, file, log, acknowledged }
    }

    /// Opens what is left with this log, checks that it is whole and a first part of what was
    /// committed, and says how far it came.
    fn after(&self, log: &[u8]) -> Came {
        let after = TempDir::new().expect("a folder");
        let file = after.path().join(FILE_NAME);
        std::fs::write(&file, &self.file).expect("written");
        std::fs::write(after.path().join("run.sqlite-wal"), log).expect("written");
        let conn = Connection::open(&file).expect("opens");
        let check: String =
            conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("readable");
        assert_eq!(check, "ok");
        drop(conn);
        let rows = rows(after.path(), Order::Plan);
        assert_eq!(rows.len(), self.trials as usize, "the plan is there from the start");
        let sent = rows.iter().take_while(|row| row.started_ns.is_some()).count();
        let ok = rows.iter().take_while(|row| row.status == TrialStatus::Ok).count();
        assert!(ok <= sent && sent <= ok + 1, "what was sent one after the other: {sent}, {ok}");
        assert!(rows[sent..].iter().all(|row| row.started_ns.is_none()), "and nothing else");
        let answered = rows.iter().filter(|row| row.attempt.is_some()).count();
        assert_eq!(answered, ok, "an answer is never without its trial");
        Came { sent, ok }
    }

    /// Intents that were acknowledged while the log was no longer than this.
    fn promised(&self, len: usize) -> usize {
        self.acknowledged.iter().take_while(|at| **at <= len).count()
    }
}

/// A loss of power leaves the file and some first part of its log: cut at every boundary of 4 KiB,
/// and inside frames and their headers.
#[tokio::test]
async fn a_log_that_is_cut_anywhere_loses_only_its_end() {
    const PAGE: usize = 4096;
    let run = PowerLoss::of(40).await;
    let boundaries = (0..=run.log.len()).step_by(PAGE);
    // A log is a header of 32 bytes and then frames, each a header of 24 and a page.
    let frames = (32..run.log.len()).step_by(24 + PAGE);
    let inside = frames.flat_map(|at| [at, at + 1, at + 23, at + 24, at + PAGE / 2, at + PAGE]);
    let mut cuts: Vec<usize> =
        boundaries.chain(inside).filter(|at| *at <= run.log.len()).chain([run.log.len()]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    assert!(cuts.len() > 500, "{}", cuts.len());
    let mut seen = Vec::new();
    for cut in cuts {
        let came = run.after(&run.log[..cut]);
        assert!(
            came.sent >= run.promised(cut),
            "{came:?} at {cut}: an acknowledged intent is gone"
        );
        seen.push(came);
    }
    assert!(seen.is_sorted(), "more of the log is never less of the run");
    assert_eq!((seen[0].ok, seen.last().map(|came| came.ok)), (0, Some(40)));
}

/// What was written after the last sync may reach the disk in any order, or not at all, page by
/// page: dropped writes read as zeros or as what stood there before.
#[tokio::test]
async fn writes_that_were_not_yet_synced_may_be_lost_in_any_order() {
    const PAGE: usize = 4096;
    let run = PowerLoss::of(30).await;
    let mut lost_some = 0;
    for round in 0..200_u32 {
        let mut draw = crate::units::Seed(1).draw("power loss", &[&round.to_string()]);
        // Power is lost just after this many intents were acknowledged.
        let promised = 1 + usize::from(draw.bits().to_le_bytes()[0]) % run.acknowledged.len();
        let synced = run.acknowledged[promised - 1];
        let mut log = run.log.clone();
        for page in (synced..log.len()).step_by(PAGE) {
            let end = (page + PAGE).min(log.len());
            match draw.bits() % 3 {
                0 => log[page..end].fill(0),
                1 => log[page..end].iter_mut().for_each(|byte| *byte = !*byte),
                _ => {}
            }
        }
        let came = run.after(&log);
        assert!(came.sent >= promised, "round {round}: {came:?}, {promised} were acknowledged");
        lost_some += u32::from(came.ok < 30);
    }
    assert!(lost_some > 100, "only {lost_some} rounds lost anything");
}
