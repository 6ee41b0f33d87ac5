//! `export`: weights as the configuration of a gateway. No model is called.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::app::catalog::find;
use crate::app::error::{AppError, Context, refused};
use crate::app::finish::WEIGHTS;
use crate::app::options::ExportOptions;
use crate::catalog::Endpoint;
use crate::export::{self, Blend, KindOfWork, Provenance, apply_keys, routing};
use crate::report;
use crate::store::{FILE_NAME, Reader};
use crate::units::{Clock, ContentHash, Manifest, ValidityMark, plain_file};
use crate::weights::WeightsFile;

/// What is added to the name of a file that was replaced.
const BEFORE: &str = ".before";

/// A configuration, and where it went.
#[derive(Clone, Debug)]
pub struct ExportOutcome {
    /// The configuration; `None`: it was written to a file.
    pub text: Option<String>,
    /// What of the weights it does not hold, one sentence each.
    pub losses: Vec<String>,
    /// What was done, one sentence each.
    pub notes: Vec<String>,
}

/// A weights file, and what is known of its run.
struct Source {
    path: PathBuf,
    file: WeightsFile,
    hash: ContentHash,
    bytes: Vec<u8>,
    run: Option<RunFacts>,
}

/// What a run folder adds to its weights.
struct RunFacts {
    manifest: Manifest,
    endpoints: Vec<Endpoint>,
    kinds: Vec<KindOfWork>,
}

/// Writes weights as the configuration of a gateway.
///
/// With `undo` and a file that an export replaced, that file comes back, byte for byte.
///
/// # Errors
/// [`AppError::Refused`] for weights that must not be served by: simulated (unless allowed), of an
/// invalid run, expired, of another format; or whose endpoints or keys are not known.
pub fn export(options: &ExportOptions) -> Result<ExportOutcome, AppError> {
    if let Some(outcome) = restored(options)? {
        return Ok(outcome);
    }
    let source = Source::read(&options.source)?;
    source.check(options)?;
    let old = options.from.as_deref().map(Source::read).transpose()?;
    if let Some(old) = &old {
        old.check_simulated(options)?;
    }
    let known = endpoints(options, &source, old.as_ref())?;
    let kinds = source.kinds();
    let blend = Blend {
        old: old.as_ref().map(|old| (&old.file, old.hash)),
        ramp: options.ramp,
        undo: options.undo,
    };
    let provenance = Provenance::of(&source.file, &source.bytes);
    let mut routing = routing(&source.file, provenance, &kinds, &known, blend).map_err(refused)?;
    apply_keys(&mut routing, &options.keys).map_err(refused)?;
    let exported = export::export(&routing, options.to).map_err(refused)?;
    let mut outcome = ExportOutcome { text: None, losses: exported.losses, notes: source.notes() };
    match &options.out {
        None => outcome.text = Some(exported.text),
        Some(path) => outcome.notes.push(write(path, exported.text.as_bytes())?),
    }
    Ok(outcome)
}

/// `--undo --out FILE`: the file that an export replaced changes places with the one there now.
fn restored(options: &ExportOptions) -> Result<Option<ExportOutcome>, AppError> {
    let (true, Some(path)) = (options.undo, &options.out) else { return Ok(None) };
    let kept = before(path);
    let Some(old) = bytes(&kept)? else { return Ok(None) };
    let new = bytes(path)?;
    report::write_whole(path, &old).context(path.display())?;
    match new {
        Some(new) => report::write_whole(&kept, &new).context(kept.display())?,
        None => std::fs::remove_file(&kept).context(kept.display())?,
    }
    let notes = vec![format!("{} is as it was before the last export", path.display())];
    Ok(Some(ExportOutcome { text: None, losses: Vec::new(), notes }))
}

/// Writes the file, and keeps the one that it replaces.
fn write(path: &Path, text: &[u8]) -> Result<String, AppError> {
    let shown = path.display();
    let kept = before(path);
    let said = match bytes(path)? {
        Some(old) if old == text => return Ok(format!("{shown} is the same already")),
        Some(old) => {
            report::write_whole(&kept, &old).context(kept.display())?;
            format!(
                "{shown} is new; the file before is {}, and --undo brings it back",
                kept.display()
            )
        }
        None => format!("{shown} is new"),
    };
    report::write_whole(path, text).context(shown)?;
    Ok(said)
}

fn before(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(BEFORE);
    name.into()
}

/// A plain file's bytes; `None`: there is none.
fn bytes(path: &Path) -> Result<Option<Vec<u8>>, AppError> {
    plain_file::check_to_write(path).context(path.display()).map_err(refused)?;
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        read => Ok(Some(read.context(path.display()).map_err(refused)?)),
    }
}

impl Source {
    /// Reads a weights file, or a run folder's.
    fn read(given: &Path) -> Result<Self, AppError> {
        let (path, folder) = if given.is_dir() {
            (given.join(WEIGHTS), Some(given.to_owned()))
        } else {
            (given.to_owned(), given.parent().map(Path::to_owned))
        };
        if given.is_dir() && !path.exists() {
            return Err(refused(format!(
                "{} has no {WEIGHTS}; make it: weighbridge tune {}",
                given.display(),
                given.display()
            )));
        }
        let text = plain_file::read_to_string(&path).context(path.display()).map_err(refused)?;
        let file = WeightsFile::from_json(&text, &path.display().to_string()).map_err(refused)?;
        let run = match folder.filter(|folder| folder.join(FILE_NAME).exists()) {
            Some(folder) => RunFacts::read(&folder)?,
            None => None,
        };
        let is_of = |run: &RunFacts| run.manifest.run == file.run;
        if given.is_dir() && run.as_ref().is_some_and(|run| !is_of(run)) {
            return Err(refused(format!(
                "{} is of run {}, not of the run in its folder",
                path.display(),
                file.run
            )));
        }
        let run = run.filter(is_of);
        let (hash, bytes) = (ContentHash::of(text.as_bytes()), text.into_bytes());
        Ok(Self { path, file, hash, bytes, run })
    }

    /// Refuses what must not be served by. What was before is never too old to go back to.
    fn check(&self, options: &ExportOptions) -> Result<(), AppError> {
        let shown = self.path.display();
        self.check_simulated(options)?;
        let manifest = self.run.as_ref().map(|run| &run.manifest);
        let validity = manifest.and_then(|m| m.ended.as_ref()).map(|ended| ended.validity.mark);
        if validity == Some(ValidityMark::Invalid) {
            return Err(refused(format!(
                "{shown}: its run is marked INVALID, for the client could not keep up; measure again \
                 before you export"
            )));
        }
        if options.undo {
            return Ok(());
        }
        let until: jiff::Timestamp = self.file.valid_until.parse().map_err(|_| {
            refused(format!(
                "{shown}: valid_until is {:?}, which is no time; tune again",
                self.file.valid_until
            ))
        })?;
        if until < self.now(manifest) {
            return Err(refused(format!(
                "{shown}: these weights were valid until {until}; prices and models have changed \
                 since: measure again"
            )));
        }
        Ok(())
    }

    /// In virtual time a run's own beginning, for its dates are of no real day.
    fn now(&self, manifest: Option<&Manifest>) -> jiff::Timestamp {
        let began = Clock::virtual_time().wall_anchor();
        let made_at = self.file.made_at.parse().ok();
        let is_virtual = manifest.is_none_or(|m| m.virtual_time);
        if self.file.simulated && is_virtual && made_at == Some(began) {
            return began;
        }
        Clock::real().wall_anchor()
    }

    fn check_simulated(&self, options: &ExportOptions) -> Result<(), AppError> {
        if !self.file.simulated || options.allow_simulated {
            return Ok(());
        }
        Err(refused(format!(
            "{} is SIMULATED: it rests on answers of a simulator, and no real traffic should be \
             routed by it; --allow-simulated exports it to try things out",
            self.path.display()
        )))
    }

    /// The categories with the suites that they are of.
    fn kinds(&self) -> Vec<KindOfWork> {
        if let Some(run) = &self.run {
            return run.kinds.clone();
        }
        let suites: Vec<&str> = self.file.suites.iter().map(|suite| suite.name.as_str()).collect();
        let suites_of = |category: &String| match suites.as_slice() {
            [only] => vec![(*only).to_owned()],
            several if several.contains(&category.as_str()) => vec![category.clone()],
            _ => Vec::new(),
        };
        let kind = |category: &String| KindOfWork {
            category: category.clone(),
            suites: suites_of(category),
        };
        self.file.categories.keys().map(kind).collect()
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.file.simulated {
            notes.push("SIMULATED: do not route real traffic by this".to_owned());
        }
        if self.run.is_none() && self.file.suites.len() > 1 {
            notes.push(format!(
                "{} lies outside its run folder, so it is not known which suite a category is of: \
                 aliases are named by suite only where a suite has the category's name",
                self.path.display()
            ));
        }
        notes
    }
}

impl RunFacts {
    /// `None`: a load, which has no weights.
    fn read(folder: &Path) -> Result<Option<Self>, AppError> {
        let reader = Reader::open(folder).map_err(refused)?;
        let manifest = reader.manifest().map_err(refused)?;
        if manifest.load.is_some() {
            return Ok(None);
        }
        let mut suites: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for task in reader.task_labels().map_err(refused)? {
            suites.entry(task.category).or_default().insert(task.suite);
        }
        let kinds = suites.into_iter().map(|(category, suites)| KindOfWork {
            category,
            suites: suites.into_iter().collect(),
        });
        let stored = reader.endpoints().map_err(refused)?;
        let endpoints = stored.into_iter().map(|stored| stored.endpoint).collect();
        Ok(Some(Self { manifest, endpoints, kinds: kinds.collect() }))
    }
}

/// The endpoints of the run, else of the run before, else of the catalog.
fn endpoints(
    options: &ExportOptions,
    source: &Source,
    old: Option<&Source>,
) -> Result<BTreeMap<String, Endpoint>, AppError> {
    let runs = [Some(source), old].into_iter().flatten().filter_map(|s| s.run.as_ref());
    let mut all: Vec<Endpoint> = runs.flat_map(|run| run.endpoints.clone()).collect();
    let is_whole = options.catalog.is_none() && source.run.is_some();
    let found = if is_whole && old.is_none_or(|old| old.run.is_some()) {
        None
    } else {
        Some(find::find(options.catalog.as_deref(), None)?)
    };
    all.extend(found.filter(|f| !f.simulated).into_iter().flat_map(|f| f.catalog.endpoints));
    let mut known = BTreeMap::new();
    for endpoint in all {
        known.entry(endpoint.id.as_str().to_owned()).or_insert(endpoint);
    }
    Ok(known)
}
