//! `suite check` and `suite list`.

use std::fmt::Write;
use std::path::PathBuf;

use super::args::{Format, SuiteCommand};
use super::failure::Outcome;
use super::{Exit, console};
use crate::app::AppError;
use crate::app::csv_rows::csv_of;
use crate::app::error::refused;
use crate::app::suites::bundled_suites;
use crate::suite::{ColumnMap, LoadedSuite, Severity, Suite, check_suite, load_path};

/// `weighbridge suite …`.
pub(super) fn suite(command: SuiteCommand) -> Outcome {
    match command {
        SuiteCommand::Check { paths, map } => check(&paths, &map.unwrap_or_default()),
        SuiteCommand::List { paths, format } => list(&paths, format),
    }
}

fn load(paths: &[PathBuf], columns: &ColumnMap) -> Result<Vec<LoadedSuite>, AppError> {
    if paths.is_empty() {
        return Ok(bundled_suites());
    }
    paths.iter().map(|path| load_path(path, columns).map_err(refused)).collect()
}

fn check(paths: &[PathBuf], columns: &ColumnMap) -> Outcome {
    let mut errors = 0;
    let mut out = String::new();
    for loaded in load(paths, columns)? {
        for note in &loaded.notes {
            console::say(note);
        }
        let findings = check_suite(&loaded);
        let wrong = findings.iter().filter(|f| f.severity == Severity::Error).count();
        let warned = findings.len() - wrong;
        let suite = &loaded.suite;
        let (name, tasks) = (&suite.name, suite.tasks.len());
        writeln!(out, "{name}: {tasks} tasks, {wrong} errors, {warned} warnings")?;
        for finding in &findings {
            writeln!(out, "  {finding}")?;
        }
        errors += wrong;
    }
    console::table(&out)?;
    Ok(if errors == 0 { Exit::Ok } else { Exit::Usage })
}

/// One line of `suite list`.
#[derive(serde::Serialize)]
struct Listed {
    suite: String,
    version: String,
    tasks: usize,
    categories: String,
    graders: String,
    license: String,
}

impl Listed {
    fn of(suite: &Suite) -> Self {
        let joined = |names: std::collections::BTreeSet<&str>| {
            names.into_iter().collect::<Vec<_>>().join(" ")
        };
        Self {
            suite: suite.name.clone(),
            version: suite.version.clone(),
            tasks: suite.tasks.len(),
            categories: joined(suite.tasks.iter().map(|t| t.category.as_str()).collect()),
            graders: joined(suite.tasks.iter().map(|t| t.grader.id()).collect()),
            license: suite.license.clone().unwrap_or_default(),
        }
    }
}

fn list(paths: &[PathBuf], format: Format) -> Outcome {
    let listed: Vec<Listed> =
        load(paths, &ColumnMap::default())?.iter().map(|l| Listed::of(&l.suite)).collect();
    let text = match format {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&listed)?),
        Format::Csv => csv_of(&listed)?,
        Format::Table => {
            let mut text = format!(
                "{:<16} {:<12} {:>6}  {:<20} {}\n",
                "suite", "version", "tasks", "categories", "graders"
            );
            for l in &listed {
                writeln!(
                    text,
                    "{:<16} {:<12} {:>6}  {:<20} {}",
                    l.suite, l.version, l.tasks, l.categories, l.graders
                )?;
            }
            text
        }
    };
    match format {
        Format::Table => console::table(&text)?,
        Format::Json | Format::Csv => console::data(&text)?,
    }
    Ok(Exit::Ok)
}
