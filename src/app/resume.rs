//! Resuming a run: whether it may be resumed, and what has changed since.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::app::error::{AppError, refused};
use crate::app::events::{Answer, Events, Question};
use crate::app::inputs::Inputs;
use crate::app::manifest::stored_task;
use crate::app::options::RunOptions;
use crate::catalog::Endpoint;
use crate::graders::GraderSpec;
use crate::store::{ExistingRun, StoredTrial};

/// Names shown in a list; the rest is counted.
const NAMED: usize = 3;

/// The run that the options point at.
pub(crate) fn earlier(options: &RunOptions) -> Result<Option<(PathBuf, ExistingRun)>, AppError> {
    let dir = match (&options.out, options.resume) {
        (Some(out), _) => out.clone(),
        (None, true) => PathBuf::from("results/latest"),
        (None, false) => return Ok(None),
    };
    let found = ExistingRun::open(&dir).map_err(refused)?;
    if found.is_none() && options.out.is_none() {
        return Err(refused("--resume: results/latest holds no run; name its folder with --out"));
    }
    Ok(found.map(|earlier| (dir, earlier)))
}

/// Refuses a run that cannot be resumed with these options; asks where it may be unwanted.
pub(crate) fn check(
    options: &RunOptions,
    inputs: &Inputs,
    dir: &Path,
    earlier: &ExistingRun,
    events: &dyn Events,
) -> Result<(), AppError> {
    let shown = dir.display();
    let manifest = &earlier.manifest;
    if manifest.load.is_some() {
        return Err(refused(format!("{shown} holds a load run; choose another --out")));
    }
    if !options.keep_content && earlier.keep_content {
        return Err(refused(format!(
            "{shown} keeps prompts and answers, and --no-content would not remove them; choose \
             another --out, or resume without it"
        )));
    }
    let complete = manifest.ended.as_ref().is_some_and(|ended| ended.complete);
    if complete && !options.resume {
        return Err(refused(format!(
            "{shown} already holds a run, which is complete; choose another --out, or add to it \
             with --resume --amend"
        )));
    }
    if manifest.virtual_time != options.virtual_time || manifest.embedded != inputs.simulated {
        return Err(refused(format!(
            "{shown} ran on {}; this command runs on {}",
            served_by(manifest.virtual_time, manifest.embedded),
            served_by(options.virtual_time, inputs.simulated),
        )));
    }
    let part = |stamp: Option<&crate::units::ShardStamp>| match stamp {
        Some(stamp) => format!("shard {}/{}", stamp.k, stamp.n),
        None => "the whole plan".to_owned(),
    };
    let (had, has) = (part(manifest.shard.as_ref()), part(inputs.shard.as_ref()));
    if had != has {
        return Err(refused(format!("{shown} holds {had}; this command runs {has}")));
    }
    let changes = changes(earlier, inputs);
    if !changes.is_empty() && !options.amend {
        return Err(refused(format!(
            "{shown} was started with another plan:\n  {}\nRestore that plan, choose another --out, \
             or run what is new with --resume --amend",
            changes.join("\n  ")
        )));
    }
    if let Some(why) = grading_changed(earlier, inputs) {
        return Err(refused(format!(
            "{shown} keeps no answers (--no-content), so finished trials cannot be graded again, and \
             {why}. Restore it, or choose another --out"
        )));
    }
    let progress = progress(earlier);
    if !options.resume {
        let question =
            Question::ResumeUnfinished { dir: dir.to_owned(), progress: progress.clone() };
        match events.ask(&question) {
            Answer::Yes => {}
            Answer::No => return Err(refused(format!("{shown} is left as it is"))),
            Answer::None => {
                return Err(refused(format!(
                    "{shown} holds an unfinished run: {progress}. Resume it with --resume, or \
                     choose another --out"
                )));
            }
        }
    }
    events.notice(format!("resuming {shown}: {progress}"));
    for change in changes {
        events.notice(format!("  amended: {change}"));
    }
    Ok(())
}

/// Why the scores of a run without content would not be comparable. References are not kept either,
/// so a changed suite may grade differently.
fn grading_changed(earlier: &ExistingRun, inputs: &Inputs) -> Option<String> {
    if earlier.keep_content {
        return None;
    }
    let same = |name: &str, hash: &str| {
        let mut had = earlier.manifest.suites.iter();
        had.all(|had| had.name != name || had.hash == hash)
    };
    if let Some(suite) = inputs.suites.iter().find(|suite| !same(&suite.name, &suite.hash)) {
        return Some(format!("suite {} has changed", suite.name));
    }
    let graders: BTreeMap<(&str, &str), &GraderSpec> = earlier
        .labels
        .iter()
        .zip(&earlier.rubrics)
        .map(|(task, rubric)| ((task.suite.as_str(), task.task.as_str()), &rubric.grader))
        .collect();
    let other = inputs.plan.tasks.iter().find(|task| {
        let had = graders.get(&(task.suite.as_str(), task.id.as_str()));
        had.is_some_and(|had| **had != task.grader)
    })?;
    Some(format!("task {}/{} has another grader", other.suite, other.id))
}

fn served_by(virtual_time: bool, embedded: bool) -> &'static str {
    match (virtual_time, embedded) {
        (true, _) => "the simulated fleet in virtual time",
        (false, true) => "the simulated fleet",
        (false, false) => "the endpoints of a catalog",
    }
}

/// How far the run came, in one line.
fn progress(earlier: &ExistingRun) -> String {
    let finished = earlier.trials.iter().filter(|trial| trial.is_finished()).count();
    let in_doubt: u32 = earlier.trials.iter().map(StoredTrial::in_doubt).sum();
    let doubt = match in_doubt {
        0 => String::new(),
        1 => ", 1 request is in doubt".to_owned(),
        n => format!(", {n} requests are in doubt"),
    };
    format!(
        "{finished} of {} trials finished{doubt}, at most ${} spent",
        earlier.trials.len(),
        earlier.spent.total.to_fixed(4)
    )
}

/// What has changed in the plan, one line each.
fn changes(earlier: &ExistingRun, inputs: &Inputs) -> Vec<String> {
    let plan = &inputs.plan;
    if earlier.manifest.plan_hash == plan.hash().hex() {
        return Vec::new();
    }
    let mut lines = Vec::new();
    let (had, has) = (earlier.manifest.repeats, plan.repeats);
    if had != has {
        lines.push(format!("repeats: {had} → {has}"));
    }
    if earlier.manifest.seed != plan.seed.0 {
        lines.push(format!("seed: {} → {}", earlier.manifest.seed, plan.seed.0));
    }
    lines.extend(suites(earlier, inputs));
    lines.extend(tasks(earlier, inputs));
    lines.extend(endpoints(earlier, inputs));
    if lines.is_empty() {
        lines.push("the order of the tasks or of the endpoints".to_owned());
    }
    lines
}

fn suites(earlier: &ExistingRun, inputs: &Inputs) -> Vec<String> {
    let mut lines = Vec::new();
    for suite in &inputs.suites {
        match earlier.manifest.suites.iter().find(|had| had.name == suite.name) {
            None => lines.push(format!("suite {} is new", suite.name)),
            Some(had) if had.hash != suite.hash => {
                let versions = if had.version == suite.version {
                    String::new()
                } else {
                    format!(" (version {} → {})", had.version, suite.version)
                };
                lines.push(format!("suite {} has changed{versions}", suite.name));
            }
            Some(_) => {}
        }
    }
    for had in &earlier.manifest.suites {
        if !inputs.suites.iter().any(|suite| suite.name == had.name) {
            lines.push(format!(
                "suite {} was removed from the plan; its results are kept",
                had.name
            ));
        }
    }
    lines
}

fn tasks(earlier: &ExistingRun, inputs: &Inputs) -> Vec<String> {
    let plan = &inputs.plan;
    let known: BTreeMap<(&str, &str), usize> = earlier
        .labels
        .iter()
        .enumerate()
        .map(|(at, task)| ((task.suite.as_str(), task.task.as_str()), at))
        .collect();
    // The request of a task has changed when an unchanged endpoint has another key for it.
    let same: BTreeSet<&str> = plan
        .endpoints
        .iter()
        .filter(|e| endpoint_fields(earlier, e).is_some_and(|fields| fields.is_empty()))
        .map(|e| e.id.as_str())
        .collect();
    let mut asks_else = BTreeSet::new();
    for trial in plan.trials.iter().filter(|trial| trial.repeat < earlier.manifest.repeats) {
        if same.contains(plan.endpoint(trial).id.as_str()) && earlier.find(&trial.key).is_none() {
            asks_else.insert(trial.task);
        }
    }
    let (mut new, mut asked, mut judged) = (Vec::new(), Vec::new(), Vec::new());
    for (idx, task) in (0_u32..).zip(plan.tasks.iter()) {
        let name = format!("{}/{}", task.suite, task.id);
        let Some(&at) = known.get(&(task.suite.as_str(), task.id.as_str())) else {
            new.push(name);
            continue;
        };
        let (had, rubric, has) =
            (&earlier.labels[at], &earlier.rubrics[at], stored_task((idx, task)));
        let kept = earlier.keep_content;
        if asks_else.contains(&idx) {
            asked.push(name);
        } else if rubric.grader != has.grader
            || (kept && (&rubric.reference, &rubric.schema) != (&has.reference, &has.schema))
            || (&had.category, &had.cluster, &had.tags) != (&has.category, &has.cluster, &has.tags)
        {
            judged.push(name);
        }
    }
    let n_gone = earlier.labels.len() + new.len() - plan.tasks.len();
    let mut lines = Vec::new();
    for (what, names) in [
        ("new tasks", new),
        ("tasks with another request", asked),
        ("tasks with another grader, reference or category", judged),
    ] {
        if !names.is_empty() {
            lines.push(format!("{} {what}: {}", names.len(), listed(&names)));
        }
    }
    if n_gone > 0 {
        lines.push(format!("{n_gone} tasks were removed from the plan; their results are kept"));
    }
    lines
}

fn endpoints(earlier: &ExistingRun, inputs: &Inputs) -> Vec<String> {
    let mut lines = Vec::new();
    for endpoint in &inputs.plan.endpoints {
        match endpoint_fields(earlier, endpoint) {
            None => lines.push(format!("{} is new", endpoint.id)),
            Some(fields) => {
                lines.extend(fields.into_iter().map(|field| format!("{}: {field}", endpoint.id)));
            }
        }
    }
    let gone = earlier
        .endpoints
        .iter()
        .filter(|had| !inputs.plan.endpoints.iter().any(|endpoint| endpoint.id == had.endpoint.id));
    lines.extend(
        gone.map(|had| {
            format!("{} was removed from the plan; its results are kept", had.endpoint.id)
        }),
    );
    lines
}

/// The changed fields of an endpoint; `None`: it was not in the run.
fn endpoint_fields(earlier: &ExistingRun, endpoint: &Endpoint) -> Option<Vec<String>> {
    let had = earlier.endpoints.iter().find(|had| had.endpoint.id == endpoint.id)?;
    let (mut had, mut has) = (fields(&had.endpoint), fields(endpoint));
    if !earlier.keep_content {
        // A system message is content, which this run does not keep; a change shows in the keys.
        had.remove("system");
        has.remove("system");
    }
    let names: BTreeSet<&String> = had.keys().chain(has.keys()).collect();
    let differ = names.into_iter().filter(|name| had.get(*name) != has.get(*name));
    let shown = |value: Option<&Value>| value.map_or("none".to_owned(), Value::to_string);
    Some(differ.map(|n| format!("{n} {} → {}", shown(had.get(n)), shown(has.get(n)))).collect())
}

/// The fields of an endpoint without its address, as in the plan's hash.
fn fields(endpoint: &Endpoint) -> serde_json::Map<String, Value> {
    let mut endpoint = endpoint.clone();
    endpoint.provider.base_url.clear();
    endpoint.provider.api_key_env = None;
    match serde_json::to_value(&endpoint).expect("plain strings and numbers") {
        Value::Object(fields) => fields,
        _ => unreachable!("a struct is an object"),
    }
}

fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let first = names[..names.len() - more].join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}
