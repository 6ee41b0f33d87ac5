//! `catalog pick`: a few endpoints worth weighing, out of a whole price list.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::find::{self, find};
use crate::app::error::{AppError, Context, refused};
use crate::app::events::Events;
use crate::app::suites::configured_map;
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
    let configured = found.config.as_ref().map(|config| configured_map(&options.suite, config));
    let columns = match &options.columns {
        Some(columns) => columns.clone(),
        None => configured.transpose()?.flatten().unwrap_or_default(),
    };
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

/// What a configuration has of what a choice needs, and the place of `models` in it.
#[derive(Deserialize)]
struct Written {
    models: Option<Spanned<IgnoredAny>>,
    catalog: Option<IgnoredAny>,
    suites: Option<IgnoredAny>,
    #[serde(default)]
    endpoint: Vec<IgnoredAny>,
}

/// Writes the choice into the configuration, with the catalog and the suite that it was made from where
/// the file names none, so that it runs as it is. Its other characters stay the same.
pub(crate) fn write(options: &PickOptions, ids: &[String]) -> Result<PathBuf, AppError> {
    let here = options.config.clone();
    let here = here.or_else(|| config::find(&std::env::current_dir().ok()?));
    let path = here.unwrap_or_else(|| PathBuf::from(config::FILE_NAME));
    let text = if path.is_file() { find::text(&path)? } else { String::new() };
    let place = path.display().to_string();
    let written = with_models(&text, ids).context(place.clone())?;
    let found: Written = toml::from_str(&text).context(place)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut head = String::new();
    if let Some(catalog) = &options.catalog
        && found.catalog.is_none()
        && found.endpoint.is_empty()
    {
        let _ = writeln!(head, "catalog = {}", quoted_path(catalog, folder));
    }
    if found.suites.is_none() {
        let _ = writeln!(head, "suites = [{}]", suite_entry(options, folder));
    }
    let written = format!("{head}{written}");
    report::write_whole(&path, written.as_bytes()).context(path.display().to_string())?;
    Ok(path)
}

/// A path as the configuration in a folder names it, in quotes: absolute where it is not below.
fn quoted_path(path: &Path, folder: &Path) -> toml::Value {
    let absolute = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let whole = absolute(path);
    let shown = whole.strip_prefix(absolute(folder)).unwrap_or(&whole);
    toml::Value::from(shown.display().to_string())
}

fn suite_entry(options: &PickOptions, folder: &Path) -> String {
    let path = quoted_path(&options.suite, folder);
    let pairs: Vec<String> = options
        .columns
        .iter()
        .flat_map(ColumnMap::pairs)
        .map(|(field, column)| format!("{field} = {}", toml::Value::from(column)))
        .collect();
    if pairs.is_empty() {
        return path.to_string();
    }
    format!("{{ path = {path}, map = {{ {} }} }}", pairs.join(", "))
}

fn with_models(text: &str, ids: &[String]) -> Result<String, toml::de::Error> {
    let quoted = |id: &String| format!("    {},\n", toml::Value::from(id.as_str()));
    let list = format!("[\n{}]", ids.iter().map(quoted).collect::<Vec<_>>().concat());
    let found: Written = toml::from_str(text)?;
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
