//! What the calendar month has cost so far, by the runs that are here.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::app::error::{AppError, chain, refused};
use crate::app::events::Events;
use crate::app::finish::WEIGHTS;
use crate::store::{FILE_NAME as RUN_DATABASE, Reader, StoreError, check_not_lost};
use crate::units::{Clock, Usd, plain_file};

/// Folders that a refusal names; the rest is counted.
const NAMED: usize = 3;
/// The rows of a run as a table, and how they begin.
const ROWS: &str = "trials.csv";
const ROWS_BEGIN: &[u8; 16] = b"run,trial,suite,";
/// How often a run is read that does not read: it may be in the making.
const ATTEMPTS: u32 = 3;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);

/// What real runs of the history spent since the first of the month, UTC: what is known, and the
/// bounds of what is not. What cannot be read spent `unread` together.
///
/// # Errors
/// [`AppError::Refused`] where something cannot be read and `unread` is not told.
pub(crate) fn spent(
    dir: &Path,
    now: &Clock,
    unread: Option<Usd>,
    events: &dyn Events,
) -> Result<Usd, AppError> {
    let today = now.wall_anchor().to_zoned(jiff::tz::TimeZone::UTC);
    let first = today.first_of_month()?.start_of_day()?.timestamp();
    let mut spent = Usd::ZERO;
    let (folders, mut broken) = history(dir);
    for run in folders {
        match spent_by_run(&run, first) {
            Ok(usd) => spent += usd,
            Err(why) => broken.push(format!("{}: {why}", shown(&run))),
        }
    }
    match (broken.as_slice(), unread) {
        ([], _) => Ok(spent),
        (broken, Some(unread)) => {
            let named = named(broken);
            events.notice(format!("counted as ${unread} in [spend] per_month: {named}"));
            Ok(spent + unread)
        }
        (broken, None) => Err(refused(format!(
            "what was spent this month is not known, so [spend] per_month cannot hold, for a run \
             does not read: {}. Mend it, move it to another folder, or say what such runs spent: \
             --unread-spend USD",
            named(broken)
        ))),
    }
}

fn named(broken: &[String]) -> String {
    let more = broken.len().saturating_sub(NAMED);
    let first = broken[..broken.len() - more].join("; ");
    if more == 0 { first } else { format!("{first}; and {more} more") }
}

/// A folder as the user names it: from here where it is below.
fn shown(run: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    run.strip_prefix(&here).unwrap_or(run).display().to_string()
}

/// What a run spent since then; why it cannot be told.
fn spent_by_run(run: &Path, since: jiff::Timestamp) -> Result<Usd, String> {
    let length = match run.join(RUN_DATABASE).symlink_metadata() {
        Ok(metadata) => metadata.len(),
        Err(error) if !is_absent(&error) => return Err(error.to_string()),
        // No run, unless its rows are here.
        Err(_) if has_rows(run) && !is_simulated(run) => {
            return Err(format!("{RUN_DATABASE} is missing beside its {ROWS}"));
        }
        Err(_) => return Ok(Usd::ZERO),
    };
    if length == 0 {
        // Before its first request a run has written its plan: one that is being made spent nothing.
        let lost = |_| format!("{RUN_DATABASE} is empty beside a run's files");
        return check_not_lost(run).map(|()| Usd::ZERO).map_err(lost);
    }
    let mut last = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            std::thread::sleep(BETWEEN_ATTEMPTS);
        }
        match spent_by(run, since) {
            Ok(usd) => return Ok(usd),
            Err(error) => last = chain(&error),
        }
    }
    Err(last)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a folder holds the rows of a run: others have a report or a summary too.
fn has_rows(run: &Path) -> bool {
    let mut begin = [0; ROWS_BEGIN.len()];
    let read = plain_file::open(&run.join(ROWS), OpenOptions::new().read(true))
        .and_then(|mut rows| rows.read_exact(&mut begin));
    read.is_ok() && begin == *ROWS_BEGIN
}

/// Whether the weights of a run say that a simulator answered.
fn is_simulated(run: &Path) -> bool {
    let text = plain_file::read_to_string(&run.join(WEIGHTS)).unwrap_or_default();
    let weights: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    weights["simulated"] == true
}

/// What a run spent since then, if its dollars are real.
fn spent_by(run: &Path, since: jiff::Timestamp) -> Result<Usd, StoreError> {
    let reader = Reader::open(run)?;
    let manifest = reader.manifest()?;
    let is_elsewhere = manifest.imported.is_some();
    if manifest.virtual_time || manifest.demo || manifest.embedded || is_elsewhere {
        return Ok(Usd::ZERO);
    }
    // A start that does not read counts the whole run: a cap errs on the safe side.
    let started = manifest.started_at.parse().unwrap_or(since);
    let from = since.duration_since(started).as_nanos().max(0);
    reader.spent_from(u64::try_from(from).unwrap_or(u64::MAX))
}

/// The folders that may hold runs: this one, those beside it, and those in `results/`; and what of
/// them cannot be listed.
fn history(dir: &Path) -> (BTreeSet<PathBuf>, Vec<String>) {
    let beside = dir.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let beside = if beside.as_os_str().is_empty() { PathBuf::from(".") } else { beside };
    let (mut found, mut broken) = (BTreeSet::new(), Vec::new());
    for folder in [beside, PathBuf::from("results")] {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => continue,
            Err(error) => {
                broken.push(format!("{}: {error}", folder.display()));
                continue;
            }
        };
        // `latest` points at a run that is there anyway.
        found.extend(entries.flatten().filter_map(|entry| entry.path().canonicalize().ok()));
    }
    found.extend(dir.canonicalize().ok());
    (found, broken)
}
