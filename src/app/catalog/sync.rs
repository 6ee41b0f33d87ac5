//! `catalog sync`: a price list to a dated snapshot.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use super::find;
use crate::app::catalog_source;
use crate::app::snapshots::{self, Kept};
use crate::catalog::diff::{self, Difference, Kind};
use crate::catalog::source::{self, Reading};
use crate::catalog::{Catalog, SnapshotStamp, snapshot};
use crate::cli::args::CatalogSyncArgs;
use crate::cli::{Exit, Failure, Outcome, console, refused};
use crate::client::{fetch, runtime};
use crate::report;
use crate::units::Clock;
use crate::units::names::glob_matches;

/// OpenRouter's list of models.
const OPENROUTER: &str = "https://openrouter.ai/api/v1/models";
/// LiteLLM's price map.
const LITELLM: &str =
    "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json";
/// Lines of a kind that are shown; the rest is counted, and `catalog diff` shows it.
const SHOWN: usize = 8;

/// `weighbridge catalog sync`.
pub fn sync(args: &CatalogSyncArgs) -> Outcome {
    let now = Clock::real().wall_anchor();
    let reading = read(&args.from)?;
    let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let name = name_of(&args.from);
    let dated = || Path::new(snapshots::FOLDER).join(format!("{name}-{day}.toml"));
    let path = args.out.clone().unwrap_or_else(dated);
    let previous = previous(args.out.as_deref(), &name)?;
    // What stands after a question mark may be a key.
    let source = if args.from.contains("://") { without_query(&args.from) } else { &args.from };
    let stamp = SnapshotStamp { source: source.to_owned(), fetched_at: format!("{now:.0}") };
    if let Some((before, catalog)) = &previous {
        guard(catalog, &reading.catalog, before, &args.accept)?;
    }
    let text = snapshot::to_toml(&reading.catalog, &stamp);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    report::write_whole(&path, text.as_bytes()).with_context(|| path.display().to_string())?;
    tell(&reading);
    if let Some((before, catalog)) = &previous {
        tell_changes(before, &diff::between(catalog, &reading.catalog));
    }
    console::data(&format!("{}\n", path.display()))?;
    Ok(Exit::Ok)
}

fn read(from: &str) -> Result<Reading, Failure> {
    read_list(from).map_err(|error| kept(format!("{error:#}")))
}

/// The price list, wherever it is.
pub fn read_list(from: &str) -> Result<Reading, anyhow::Error> {
    let mirrored = catalog_source::models_dev();
    let url = match from {
        "openrouter" => OPENROUTER,
        "litellm" => LITELLM,
        "models-dev" => &mirrored,
        other => other,
    };
    if url.contains("://") {
        let io = runtime::with_threads(1, || {})?;
        let text = io.block_on(fetch::get(url, []))?;
        return Ok(source::read(&text, without_query(url))?);
    }
    let path = Path::new(from);
    if path.is_dir() {
        return Ok(source::read_folder(path)?);
    }
    if !path.exists() {
        return Err(anyhow!(
            "{from:?} is no file here and no known price list; there are openrouter, litellm, \
             models-dev, a file, or a URL that begins with https://"
        ));
    }
    let size = std::fs::metadata(path).with_context(|| from.to_owned())?.len();
    if size > fetch::MOST_BYTES as u64 {
        let most = fetch::MOST_BYTES >> 20;
        return Err(anyhow!("{from} has {} MB; no price list has more than {most}", size >> 20));
    }
    let text = std::fs::read_to_string(path).with_context(|| from.to_owned())?;
    Ok(source::read(&text, from)?)
}

/// A URL before its first question mark.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

/// A refusal that says that what was there is still there.
fn kept(error: impl std::fmt::Display) -> Failure {
    refused(anyhow!("{error}; the previous snapshot stays as it is"))
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
fn previous(out: Option<&Path>, name: &str) -> Result<Option<(PathBuf, Catalog)>, Failure> {
    let path = match out {
        Some(path) => path.is_file().then(|| path.to_owned()),
        None => newest(name),
    };
    let Some(path) = path else { return Ok(None) };
    match find::load(&path) {
        Ok(catalog) => Ok(Some((path, catalog))),
        Err(failure) => Err(refused(anyhow!(
            "the previous snapshot does not load, so no price can be held against it; move it away \
             or name another --out: {:#}",
            failure.error
        ))),
    }
}

/// The snapshot of this name of the latest day.
fn newest(name: &str) -> Option<PathBuf> {
    let is_ours = |kept: &Kept| kept.day.is_some() && kept.source == name;
    snapshots::all().into_iter().rfind(is_ours).map(|kept| kept.path)
}

/// Refuses prices that jumped, unless they were named: dollars taken for cents look so.
fn guard(before: &Catalog, after: &Catalog, path: &Path, accept: &[String]) -> Result<(), Failure> {
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
    Err(refused(anyhow!(
        "{} prices moved by more than {}× since {}:\n{}\nA list in another unit looks like this. \
         If they are right, name them: --accept {first:?}, or --accept '*' for all; the previous \
         snapshot stays as it is",
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
fn tell(reading: &Reading) {
    let (n, entries) = (reading.catalog.endpoints.len(), reading.entries);
    // models.dev writes what several providers share into files of their own.
    let shared = entries.saturating_sub(n + reading.left_out.len());
    let rest = match shared {
        0 => String::new(),
        shared => format!("; {shared} describe providers, or models for the others"),
    };
    console::say(&format!("{n} endpoints of {entries} entries{rest}"));
    for left in &reading.left_out {
        console::say(&format!("left out: {}: {}", left.entry, left.why));
    }
    if !reading.not_read.is_empty() {
        let fields: Vec<String> =
            reading.not_read.iter().map(|(field, n)| format!("{field} ({n})")).collect();
        console::say(&format!(
            "prices that nothing here is charged by were passed over: {}",
            fields.join(", ")
        ));
    }
}

fn tell_changes(before: &Path, differences: &[Difference]) {
    if differences.is_empty() {
        console::say(&format!("nothing changed since {}", before.display()));
        return;
    }
    console::say(&format!("since {}:", before.display()));
    for kind in [Kind::Dearer, Kind::Cheaper, Kind::Vanished, Kind::Appeared, Kind::Changed] {
        let of_kind: Vec<&Difference> = differences.iter().filter(|d| d.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        console::say(&format!("{}: {}", kind.word(), of_kind.len()));
        for difference in of_kind.iter().take(SHOWN) {
            console::say(&format!("  {}", line(difference)));
        }
    }
}
