//! `catalog pick`: a few endpoints worth weighing, out of a whole price list.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::find::{self, find};
use crate::app::error::{AppError, Context, refused};
use crate::app::events::Events;
use crate::catalog::filter::Filter;
use crate::plan::pick::{Choice, pick as choose};
use crate::plan::{config, select};
use crate::report;
use crate::suite::{ColumnMap, load_path};
use crate::units::Clock;

/// What to pick from, and for which suite.
#[derive(Debug)]
pub(crate) struct PickOptions {
    /// How many endpoints.
    pub n: usize,
    /// The suite that they will answer.
    pub suite: PathBuf,
    /// Which columns of a single-file suite hold which field.
    pub columns: Option<ColumnMap>,
    /// The catalog; `None`: the configuration's.
    pub catalog: Option<PathBuf>,
    /// The configuration; otherwise `weighbridge.toml` here or in a parent folder.
    pub config: Option<PathBuf>,
    /// Only endpoints for which this holds.
    pub filter: Option<Filter>,
}

/// Chooses a few endpoints of a catalog for a suite. No request is sent.
pub(crate) fn pick(options: &PickOptions, events: &dyn Events) -> Result<Choice, AppError> {
    let mut found = find(options.catalog.as_deref(), options.config.as_deref())?;
    if found.simulated {
        return Err(refused(
            "there is no catalog to pick from: name one with --catalog; `weighbridge catalog sync \
             --from openrouter` writes one",
        ));
    }
    let columns = options.columns.clone().unwrap_or_default();
    let suite = load_path(&options.suite, &columns).map_err(refused)?.suite;
    let baseline = found.config.as_ref().and_then(|config| config.today.as_ref());
    let baseline = baseline
        .map(|id| select::endpoint(&found.catalog.endpoints, id))
        .transpose()
        .map_err(|e| refused(format!("[today] endpoint: {e}")))?
        .map(|endpoint| endpoint.id.clone());
    let all = found.catalog.endpoints.len();
    if let Some(filter) = &options.filter {
        let mut chosen = Vec::new();
        for endpoint in std::mem::take(&mut found.catalog.endpoints) {
            let is_baseline = Some(&endpoint.id) == baseline.as_ref();
            if is_baseline || filter.chooses(&endpoint, &found.catalog).map_err(refused)? {
                chosen.push(endpoint);
            }
        }
        found.catalog.endpoints = chosen;
    }
    let on = Clock::real().wall_anchor().to_zoned(jiff::tz::TimeZone::UTC).date();
    let privacy = found.config.as_ref().map(|config| config.privacy.clone()).unwrap_or_default();
    let (tasks, n) = (&suite.tasks, options.n);
    let choice =
        choose(&found.catalog, tasks, n, baseline.as_ref(), on, &privacy).map_err(refused)?;
    tell(&choice, all, tasks.len(), &suite.name, n, events);
    if choice.picked.is_empty() {
        return Err(refused(format!("no endpoint of {} can take {}", found.name, suite.name)));
    }
    Ok(choice)
}

fn tell(
    choice: &Choice,
    all: usize,
    n_tasks: usize,
    suite: &str,
    wanted: usize,
    events: &dyn Events,
) {
    events.notice(format!(
        "{} of {all} endpoints can take the {n_tasks} tasks of {suite}",
        choice.candidates + choice.picked.iter().filter(|p| p.reason.contains("today")).count()
    ));
    for (why, n) in &choice.dropped {
        events.notice(format!("dropped {n}: {why}"));
    }
    if choice.picked.len() < wanted {
        events.notice(format!("{wanted} were asked for, {} are left", choice.picked.len()));
    }
}

/// The place of `models` in a configuration.
#[derive(Deserialize)]
struct Models {
    models: Option<Spanned<serde::de::IgnoredAny>>,
}

/// Writes the choice into the configuration, whose other characters stay the same.
pub(crate) fn write(config: Option<&Path>, ids: &[String]) -> Result<PathBuf, AppError> {
    let here = config.map(Path::to_owned).or_else(|| config::find(&std::env::current_dir().ok()?));
    let path = here.unwrap_or_else(|| PathBuf::from(config::FILE_NAME));
    let text = if path.is_file() { find::text(&path)? } else { String::new() };
    let written = with_models(&text, ids).context(path.display().to_string())?;
    report::write_whole(&path, written.as_bytes()).context(path.display().to_string())?;
    Ok(path)
}

fn with_models(text: &str, ids: &[String]) -> Result<String, toml::de::Error> {
    let quoted = |id: &String| format!("    {},\n", toml::Value::from(id.as_str()));
    let list = format!("[\n{}]", ids.iter().map(quoted).collect::<Vec<_>>().concat());
    let found: Models = toml::from_str(text)?;
    let Some(models) = found.models else {
        // A key before the first table belongs to the whole file.
        return Ok(format!("models = {list}\n{}{text}", if text.is_empty() { "" } else { "\n" }));
    };
    let span = models.span();
    Ok(format!("{}{list}{}", &text[..span.start], &text[span.end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_list_of_models_is_written() {
        let ids = ["a/b@c".to_owned()];
        let check = |before: &str, after: &str| {
            assert_eq!(with_models(before, &ids).expect("TOML"), after);
        };
        let list = "[\n    \"a/b@c\",\n]";
        check("", &format!("models = {list}\n"));
        check(
            "# why\n[today]\nendpoint = \"x\"\n",
            &format!("models = {list}\n\n# why\n[today]\nendpoint = \"x\"\n"),
        );
        check(
            "# ours\nmodels = [\"x\", # old\n \"y\"] # models\n[today]\n",
            &format!("# ours\nmodels = {list} # models\n[today]\n"),
        );
        assert!(with_models("models = [", &ids).is_err());
    }
}
