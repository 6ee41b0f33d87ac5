//! `catalog sync`: a price list to a dated snapshot.

use std::path::{Path, PathBuf};

use super::find;
use super::source::{read_list, without_query};
use crate::app::error::{AppError, Context, chain, refused};
use crate::app::events::Events;
use crate::app::snapshots::{self, Kept};
use crate::catalog::diff::{self, Difference, Kind};
use crate::catalog::source::Reading;
use crate::catalog::{Catalog, Price, SnapshotStamp, snapshot};
use crate::report;
use crate::units::Clock;
use crate::units::names::glob_matches;

/// Lines of a kind that are shown; the rest is counted, and `catalog diff` shows it.
const SHOWN: usize = 8;

/// What to sync.
#[derive(Debug)]
pub(crate) struct SyncOptions {
    /// `openrouter`, `litellm`, `models-dev`, a file, a folder of models.dev, or a URL.
    pub from: String,
    /// The snapshot; `None`: `catalogs/<source>-<day>.toml`.
    pub out: Option<PathBuf>,
    /// Globs over the endpoints and models whose prices may have moved much.
    pub accept: Vec<String>,
}

/// Writes a price list to a dated snapshot, and gives the snapshot's path.
pub(crate) fn sync(options: &SyncOptions, events: &dyn Events) -> Result<PathBuf, AppError> {
    let SyncOptions { from, out, accept } = options;
    let now = Clock::real().wall_anchor();
    let reading = read(from)?;
    let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let name = name_of(from);
    let dated = || Path::new(snapshots::FOLDER).join(format!("{name}-{day}.toml"));
    let path = out.clone().unwrap_or_else(dated);
    let previous = previous(out.as_deref(), &name)?;
    // A query may hold a key.
    let source = if from.contains("://") { without_query(from) } else { from };
    let stamp = SnapshotStamp { source: source.to_owned(), fetched_at: format!("{now:.0}") };
    if let Some((before, catalog)) = &previous {
        guard(catalog, &reading.catalog, before, accept)?;
    }
    let text = snapshot::to_toml(&reading.catalog, &stamp);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).context(folder.display())?;
    }
    report::write_whole(&path, text.as_bytes()).context(path.display())?;
    tell(&reading, events);
    if let Some((before, catalog)) = &previous {
        tell_changes(before, &diff::between(catalog, &reading.catalog), events);
    }
    Ok(path)
}

fn read(from: &str) -> Result<Reading, AppError> {
    read_list(from).map_err(|error| kept(chain(&error)))
}

/// A refusal that says that what was there is still there.
fn kept(error: impl std::fmt::Display) -> AppError {
    refused(format!("{error}; the previous snapshot is kept"))
}

/// The name of a snapshot: the source's, the file's, the host's.
fn name_of(from: &str) -> String {
    if let Some((_, rest)) = from.split_once("://") {
        let host = rest.split(['/', '?', '#', ':']).next().unwrap_or(rest);
        return host.to_owned();
    }
    let path = Path::new(from);
    // A folder's name may have a dot of its own: models.dev.
    let stem = if path.is_dir() { path.file_name() } else { path.file_stem() };
    stem.map_or_else(|| "catalog".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// The snapshot before this one: the file that will be replaced, else the newest of the same name.
fn previous(out: Option<&Path>, name: &str) -> Result<Option<(PathBuf, Catalog)>, AppError> {
    let path = match out {
        Some(path) => path.is_file().then(|| path.to_owned()),
        None => newest(name),
    };
    let Some(path) = path else { return Ok(None) };
    match find::load(&path) {
        Ok(catalog) => Ok(Some((path, catalog))),
        Err(failure) => Err(refused(format!(
            "the previous snapshot does not load, so prices cannot be compared with it; move it away \
             or name another --out: {}",
            chain(&failure)
        ))),
    }
}

/// The snapshot of this name of the latest day.
fn newest(name: &str) -> Option<PathBuf> {
    let is_ours = |kept: &Kept| kept.day.is_some() && kept.source == name;
    snapshots::all().into_iter().rfind(is_ours).map(|kept| kept.path)
}

/// Refuses prices that jumped, unless they were named: dollars taken for cents look so.
fn guard(
    before: &Catalog,
    after: &Catalog,
    path: &Path,
    accept: &[String],
) -> Result<(), AppError> {
    let accepted = |id: &str| {
        let model = id.split('@').next().unwrap_or(id);
        accept.iter().any(|glob| glob_matches(glob, id) || glob_matches(glob, model))
    };
    let differences = diff::between(before, after);
    let jumps: Vec<&Difference> =
        differences.iter().filter(|d| d.is_jump && !accepted(&d.endpoint)).collect();
    if jumps.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<String> =
        jumps.iter().take(SHOWN).map(|d| format!("  {}", line(d))).collect();
    if jumps.len() > SHOWN {
        lines.push(format!("  … and {} more", jumps.len() - SHOWN));
    }
    let first = &jumps[0].endpoint;
    Err(refused(format!(
        "{} prices moved by more than {}× since {}:\n{}\nA list in another unit looks like this. \
         If they are right, name them: --accept {first:?}, or --accept '*' for all; the previous \
         snapshot is kept",
        jumps.len(),
        diff::JUMP,
        path.display(),
        lines.join("\n")
    )))
}

/// A difference with its percent.
fn line(d: &Difference) -> String {
    if d.percent.is_empty() { d.to_string() } else { format!("{d} ({} %)", d.percent) }
}

/// What was read, and what was not.
fn tell(reading: &Reading, events: &dyn Events) {
    let (n, entries) = (reading.catalog.endpoints.len(), reading.entries);
    // models.dev writes what several providers share into files of their own.
    let shared = entries.saturating_sub(n + reading.left_out.len());
    let rest = match shared {
        0 => String::new(),
        shared => format!("; {shared} describe providers, or models for the others"),
    };
    events.notice(format!("{n} endpoints of {entries} entries{rest}"));
    for left in &reading.left_out {
        events.notice(format!("left out: {}: {}", left.entry, left.why));
    }
    for note in reading.notes.iter().take(SHOWN) {
        events.notice(note);
    }
    if reading.notes.len() > SHOWN {
        events.notice(format!("… and {} more of this kind", reading.notes.len() - SHOWN));
    }
    tell_odd_prices(reading, events);
    if !reading.not_read.is_empty() {
        let fields: Vec<String> =
            reading.not_read.iter().map(|(field, n)| format!("{field} ({n})")).collect();
        events
            .notice(format!("ignored prices that no request is charged by: {}", fields.join(", ")));
    }
}

/// Names the prices that seem to be in another unit.
fn tell_odd_prices(reading: &Reading, events: &dyn Events) {
    let odd = reading.catalog.endpoints.iter().filter_map(|endpoint| {
        let Price::Rates(rates) = &endpoint.price else { return None };
        let odd = rates.oddity()?;
        Some(format!("warning: {} of {} {odd}", odd.rate(), endpoint.id))
    });
    let odd: Vec<String> = odd.collect();
    for line in odd.iter().take(SHOWN) {
        events.notice(line);
    }
    if odd.len() > SHOWN {
        events.notice(format!("warning: and {} more prices like these", odd.len() - SHOWN));
    }
}

fn tell_changes(before: &Path, differences: &[Difference], events: &dyn Events) {
    if differences.is_empty() {
        events.notice(format!("nothing changed since {}", before.display()));
        return;
    }
    events.notice(format!("since {}:", before.display()));
    for kind in [Kind::Dearer, Kind::Cheaper, Kind::Vanished, Kind::Appeared, Kind::Changed] {
        let of_kind: Vec<&Difference> = differences.iter().filter(|d| d.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        events.notice(format!("{}: {}", kind.word(), of_kind.len()));
        for difference in of_kind.iter().take(SHOWN) {
            events.notice(format!("  {}", line(difference)));
        }
    }
}
