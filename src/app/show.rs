//! `show`: prompts, answers and the grader's reasons of a run, finished or not. No model is called.

use std::path::Path;

use crate::aggregate::{self, AnswerFilter, AnswerViews};
use crate::app::error::{AppError, refused};
use crate::app::options::ShowOptions;
use crate::report::{answers_json, answers_text};
use crate::units::EndpointId;
use crate::units::names::{glob_matches, matches_none};

/// How today's endpoint may be called.
const TODAY: &str = "today";

/// The chosen answers of a run, read one task at a time.
#[derive(Debug)]
pub struct ShowOutcome {
    views: AnswerViews,
    pair: Option<(EndpointId, EndpointId)>,
    /// Whether the run keeps prompts and answers; otherwise there are ids, scores and reasons only.
    pub keeps_content: bool,
    /// Whether the run has ended.
    pub has_ended: bool,
}

impl ShowOutcome {
    /// The next task as text on lines of at most so many columns; `None`: that was the last.
    pub fn next_text(&mut self, columns: usize) -> Option<Result<String, AppError>> {
        let task = self.views.next()?;
        let pair = self.pair.as_ref().map(|(a, b)| (a, b));
        Some(task.map(|task| answers_text(&task, pair, columns)).map_err(AppError::from))
    }

    /// The next task as JSON Lines.
    pub fn next_json(&mut self) -> Option<Result<String, AppError>> {
        let task = self.views.next()?;
        let pair = self.pair.as_ref().map(|(a, b)| (a, b));
        Some(task.map(|task| answers_json(&task, pair)).map_err(AppError::from))
    }
}

/// Opens a run for reading its answers.
///
/// # Errors
/// [`AppError::Refused`] for a glob or a name that matches nothing, and for a load, which keeps no
/// answers.
pub fn show(options: &ShowOptions) -> Result<ShowOutcome, AppError> {
    let dir = &options.run;
    if dir.join("sweep.csv").exists() || aggregate::is_load(dir).map_err(refused)? {
        return Err(refused(format!("{} is a load: loads keep no answers to show", dir.display())));
    }
    let views = AnswerViews::open(dir)?;
    let ids: Vec<EndpointId> = views.endpoints().into_iter().cloned().collect();
    let pair = match &options.diff {
        None => None,
        Some((left, right)) => {
            let (a, b) = (position(dir, &ids, left)?, position(dir, &ids, right)?);
            if a == b {
                return Err(refused(format!(
                    "--diff {left},{right}: both are {}; name two endpoints",
                    ids[a]
                )));
            }
            Some((a, b))
        }
    };
    let filter = AnswerFilter {
        failed: options.failed,
        endpoints: endpoints(dir, &ids, &options.endpoints)?,
        tasks: tasks(&views.tasks(), &options.categories, &options.tasks)?,
        pair,
    };
    Ok(ShowOutcome {
        keeps_content: views.keeps_content(),
        has_ended: views.manifest().ended.is_some(),
        pair: pair.map(|(a, b)| (ids[a].clone(), ids[b].clone())),
        views: views.filtered(filter),
    })
}

/// Whether an endpoint is called so.
fn is_called(id: &EndpointId, glob: &str) -> bool {
    let base = id.as_str().split('#').next().unwrap_or_default();
    [id.as_str(), base, id.short()].iter().any(|name| glob_matches(glob, name))
}

/// The endpoint of one name.
fn position(dir: &Path, ids: &[EndpointId], name: &str) -> Result<usize, AppError> {
    if name == TODAY {
        return today(dir, ids);
    }
    if let Some(exact) = ids.iter().position(|id| id.as_str() == name) {
        return Ok(exact);
    }
    let found: Vec<usize> = (0..ids.len()).filter(|i| is_called(&ids[*i], name)).collect();
    match found.as_slice() {
        [only] => Ok(*only),
        [] => Err(no_endpoint("--diff", ids, name)),
        several => {
            let names: Vec<&str> = several.iter().map(|i| ids[*i].as_str()).collect();
            Err(refused(format!(
                "--diff {name:?} is several endpoints: {}; name one",
                names.join(", ")
            )))
        }
    }
}

fn no_endpoint(flag: &str, ids: &[EndpointId], name: &str) -> AppError {
    let names: Vec<&str> = ids.iter().flat_map(|id| [id.short(), id.as_str()]).collect();
    refused(format!("{flag} {name:?} is no endpoint of this run; {}", matches_none(name, &names)))
}

/// The endpoint that serves today, or stands for it.
fn today(dir: &Path, ids: &[EndpointId]) -> Result<usize, AppError> {
    let today = aggregate::compute_metrics(dir)?.today.endpoint;
    let found = today.and_then(|today| ids.iter().position(|id| *id == today));
    found.ok_or_else(|| refused("no endpoint of this run stands for today: nothing was scored"))
}

fn endpoints(
    dir: &Path,
    ids: &[EndpointId],
    globs: &[String],
) -> Result<Option<Vec<bool>>, AppError> {
    if globs.is_empty() {
        return Ok(None);
    }
    let mut wanted = vec![false; ids.len()];
    for glob in globs {
        if glob == TODAY {
            wanted[today(dir, ids)?] = true;
            continue;
        }
        if !ids.iter().any(|id| is_called(id, glob)) {
            return Err(no_endpoint("--endpoint", ids, glob));
        }
        ids.iter().zip(&mut wanted).for_each(|(id, wanted)| *wanted |= is_called(id, glob));
    }
    Ok(Some(wanted))
}

/// The tasks that match any of the category globs and any of the task globs.
fn tasks(
    labels: &[(&str, &str, &str)],
    categories: &[String],
    tasks: &[String],
) -> Result<Option<Vec<bool>>, AppError> {
    if categories.is_empty() && tasks.is_empty() {
        return Ok(None);
    }
    let by_category =
        |glob: &str, (_, _, category): &(&str, &str, &str)| glob_matches(glob, category);
    let by_task = |glob: &str, (suite, task, _): &(&str, &str, &str)| {
        glob_matches(glob, task) || glob_matches(glob, &format!("{suite}/{task}"))
    };
    for glob in categories {
        if !labels.iter().any(|label| by_category(glob, label)) {
            let mut names: Vec<&str> = labels.iter().map(|(_, _, category)| *category).collect();
            names.sort_unstable();
            names.dedup();
            return Err(refused(format!(
                "--category {glob:?} matches nothing in this run; {}",
                matches_none(glob, &names)
            )));
        }
    }
    for glob in tasks {
        if !labels.iter().any(|label| by_task(glob, label)) {
            let names: Vec<&str> = labels.iter().map(|(_, task, _)| *task).collect();
            return Err(refused(format!(
                "--task {glob:?} matches nothing in this run; {}",
                matches_none(glob, &names)
            )));
        }
    }
    let is_wanted = |label: &(&str, &str, &str)| {
        (categories.is_empty() || categories.iter().any(|glob| by_category(glob, label)))
            && (tasks.is_empty() || tasks.iter().any(|glob| by_task(glob, label)))
    };
    Ok(Some(labels.iter().map(is_wanted).collect()))
}
