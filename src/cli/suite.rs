//! `suite check` and `suite list`.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::anyhow;

use super::args::{Format, SuiteCommand};
use super::{Exit, Failure, Outcome, console, refused};
use crate::app::fleet;
use crate::suite::{ColumnMap, LoadedSuite, Severity, Suite, check_suite, load_path};

/// `weighbridge suite …`.
pub fn suite(command: &SuiteCommand) -> Outcome {
    match command {
        SuiteCommand::Check { paths, map } => check(paths, map.as_deref()),
        SuiteCommand::List { paths, format } => list(paths, *format),
    }
}

fn load(paths: &[PathBuf], map: Option<&str>) -> Result<Vec<LoadedSuite>, Failure> {
    if paths.is_empty() {
        return Ok(fleet::bundled_suites());
    }
    let map: ColumnMap = match map {
        Some(text) => text.parse().map_err(|e| refused(anyhow!("--map: {e}")))?,
        None => ColumnMap::default(),
    };
    paths.iter().map(|path| load_path(path, &map).map_err(refused)).collect()
}

fn check(paths: &[PathBuf], map: Option<&str>) -> Outcome {
    let mut errors = 0;
    let mut out = String::new();
    for loaded in load(paths, map)? {
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
    let listed: Vec<Listed> = load(paths, None)?.iter().map(|l| Listed::of(&l.suite)).collect();
    let text = match format {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&listed)?),
        Format::Csv => crate::app::csv_rows::csv_of(&listed)?,
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
