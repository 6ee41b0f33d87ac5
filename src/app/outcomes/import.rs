//! `outcomes import`: tables into a run folder. No model is called.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::judging::judging;
use super::stored::StoredTable;
use crate::app::error::{AppError, refused};
use crate::app::events::Events;
use crate::app::finish::finish;
use crate::app::options::ImportOptions;
use crate::app::outcome::RunOutcome;
use crate::app::run_folder;
use crate::outcomes::{Outcome, OutcomeFormat, OutcomeTable, ReadOptions, read_tables};
use crate::run::RunEnd;
use crate::store::{NewRun, import_run};
use crate::units::names::{glob_matches, matches_none};
use crate::units::prose::pluralize;
use crate::units::{
    CacheMode, Clock, ContentHash, Fact, ImportStamp, ImportedFile, Manifest, RunEnding,
    SuiteStamp, Validity, ValidityMark,
};

/// Imports outcome tables as one run, and finishes it: aggregates, tunes, reports.
///
/// # Errors
/// [`AppError::Refused`] for a table that is not read, with file, line and remedy, and for a folder
/// that holds a run.
pub fn import(options: &ImportOptions, events: &dyn Events) -> Result<RunOutcome, AppError> {
    if let Some(out) = &options.out {
        run_folder::is_free(out)?;
    }
    let read = ReadOptions { max_score: options.max_score, scorer: options.scorer.clone() };
    let (mut table, files) = read_tables(&options.files, options.format, &read).map_err(refused)?;
    select(&mut table, options)?;
    let stored = StoredTable::new(&table);
    let categories: BTreeSet<&str> = stored.tasks.iter().map(|t| t.category.as_str()).collect();
    let now = Clock::real();
    let mut notes = vec![Fact::Imported { files: names(&options.files) }];
    notes.extend(table.notes.iter().cloned().map(Fact::from));
    if !options.keep_content {
        notes.push(Fact::NoContent);
    }
    let judging = judging(options, &stored.endpoints, &categories, &mut notes)?;
    let measured_at = options.measured_at.or(table.measured_at);
    let started_at = measured_at.unwrap_or_else(|| now.wall_anchor()).to_string();
    let suites = suites(&table);
    let manifest = Manifest {
        run: run_id(&files, options, &started_at),
        name: name(&options.files),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: 1,
        virtual_time: false,
        demo: false,
        started_at,
        repeats: table.outcomes.iter().map(|o| o.repeat + 1).max().unwrap_or(1),
        suites,
        plan_hash: plan_hash(&stored),
        prices_hash: String::new(),
        judging,
        notes,
        load: None,
        calibration: None,
        embedded: false,
        skills: BTreeMap::new(),
        cache: CacheMode::AsIs,
        shard: None,
        imported: Some(stamp(&options.files, &files, &table)),
        ended: None,
    };
    events.notice(format!(
        "{} · {} × {} · {}",
        manifest.name,
        pluralize(stored.tasks.len() as u64, "task"),
        pluralize(stored.endpoints.len() as u64, "model"),
        pluralize(table.outcomes.len() as u64, "outcome"),
    ));
    for note in &manifest.notes {
        events.notice(format!("  {note}"));
    }
    let dir = run_folder::create(options.out.as_deref(), &manifest.name, "-imported", &now)?;
    let new = NewRun {
        manifest: &manifest,
        tasks: &stored.tasks,
        endpoints: &stored.endpoints,
        keep_content: options.keep_content,
    };
    import_run(&dir, &new, &ending(), stored.trials(&table)).map_err(refused)?;
    run_folder::point_latest_to(&dir);
    // What follows reads the run folder: the table need not be held twice.
    drop((table, stored));
    finish(&dir, RunEnd { complete: true, why: None }, events)
}

/// Keeps the sources that are asked for, and gives every query its category.
fn select(table: &mut OutcomeTable, options: &ImportOptions) -> Result<(), AppError> {
    if !options.sources.is_empty() {
        let names: BTreeSet<&str> = table.queries.iter().map(|q| q.source.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        for glob in &options.sources {
            if !names.iter().any(|name| glob_matches(glob, name)) {
                return Err(refused(format!(
                    "--source {glob:?} matches nothing in the table; {}",
                    matches_none(glob, &names)
                )));
            }
        }
        keep_sources(table, &options.sources);
    }
    for query in &mut table.queries {
        if options.category_from_source || query.category.is_none() {
            query.category = Some(query.source.clone());
        }
    }
    Ok(())
}

/// Drops the queries of other sources, and the models that were asked nothing else.
fn keep_sources(table: &mut OutcomeTable, globs: &[String]) {
    let is_wanted = |source: &str| globs.iter().any(|glob| glob_matches(glob, source));
    let wanted: Vec<bool> = table.queries.iter().map(|q| is_wanted(&q.source)).collect();
    table.outcomes.retain(|outcome| wanted[outcome.query as usize]);
    let has = |model: u32| table.outcomes.iter().any(|outcome| outcome.model == model);
    let asked: Vec<bool> = (0..).zip(&table.models).map(|(i, _)| has(i)).collect();
    let (query_at, model_at) = (places(&wanted), places(&asked));
    for Outcome { query, model, .. } in &mut table.outcomes {
        (*query, *model) = (query_at[*query as usize], model_at[*model as usize]);
    }
    let mut wanted = wanted.iter();
    table.queries.retain(|_| *wanted.next().expect("as many"));
    let mut asked = asked.iter();
    table.models.retain(|_| *asked.next().expect("as many"));
}

/// Where each thing stands when only those that are kept are counted.
fn places(kept: &[bool]) -> Vec<u32> {
    let count = |n: &mut u32, kept: &bool| {
        let at = *n;
        *n += u32::from(*kept);
        Some(at)
    };
    kept.iter().scan(0, count).collect()
}

fn names(files: &[PathBuf]) -> Vec<String> {
    files.iter().map(|file| file_name(file)).collect()
}

fn file_name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The first file without its endings, and how many more there are.
fn name(files: &[PathBuf]) -> String {
    let name = files.first().map(|file| file_name(file)).unwrap_or_default();
    let stem = name.split('.').find(|part| !part.is_empty()).unwrap_or("outcomes");
    match files.len() {
        0 | 1 => stem.to_owned(),
        n => format!("{stem} and {} more", n - 1),
    }
}

/// Each source of the table. What it asked is known by the ids of its queries.
fn suites(table: &OutcomeTable) -> Vec<SuiteStamp> {
    let mut ids: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for query in &table.queries {
        ids.entry(&query.source).or_default().insert(&query.id);
    }
    let stamp = |(source, ids): (&str, BTreeSet<&str>)| SuiteStamp {
        name: source.to_owned(),
        version: "imported".to_owned(),
        hash: ContentHash::of_parts(ids.into_iter().map(str::as_bytes)).hex(),
    };
    ids.into_iter().map(stamp).collect()
}

fn run_id(files: &[(OutcomeFormat, ContentHash)], options: &ImportOptions, at: &str) -> String {
    let chosen = options.sources.iter().map(String::as_bytes);
    let hashes = files.iter().map(|(_, hash)| hash.as_bytes().as_slice());
    ContentHash::of_parts(hashes.chain(chosen).chain([at.as_bytes()])).hex()[..16].to_owned()
}

/// Parts of one table, which ask the same models, are of one plan: they merge.
fn plan_hash(stored: &StoredTable) -> String {
    let ids = stored.endpoints.iter().map(|stored| stored.endpoint.id.as_str().as_bytes());
    ContentHash::of_parts([b"weighbridge import 1".as_slice()].into_iter().chain(ids)).hex()
}

fn stamp(
    files: &[PathBuf],
    read: &[(OutcomeFormat, ContentHash)],
    table: &OutcomeTable,
) -> ImportStamp {
    let file = |(path, (format, hash)): (&PathBuf, &(OutcomeFormat, ContentHash))| ImportedFile {
        name: file_name(path),
        format: format.name().to_owned(),
        hash: hash.hex(),
    };
    ImportStamp {
        files: files.iter().zip(read).map(file).collect(),
        graders: table.graders.clone(),
    }
}

/// Nothing was measured here, so nothing of the client can be wrong.
fn ending() -> RunEnding {
    RunEnding {
        complete: true,
        why: None,
        validity: Validity {
            mark: ValidityMark::Valid,
            reasons: Vec::new(),
            lag_p99_us: None,
            io_cpu_peak: None,
        },
        duration_ns: 0,
        waited_ns: 0,
        paced: Vec::new(),
        unknown_events: BTreeMap::new(),
        notes: Vec::new(),
        usage_faults: BTreeMap::new(),
    }
}
