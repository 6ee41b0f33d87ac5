//! `catalog pick`: a few endpoints worth weighing, out of a whole price list.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde::Deserialize;
use toml::Spanned;

use super::find::{self, find};
use crate::cli::args::CatalogPickArgs;
use crate::cli::{Exit, Failure, Outcome, console, refused};
use crate::plan::pick::{Choice, SHOWN_TASKS, pick as choose};
use crate::plan::{config, select};
use crate::report;
use crate::suite::{ColumnMap, load_path};
use crate::units::{Clock, Usd};

/// `weighbridge catalog pick`.
pub fn pick(args: &CatalogPickArgs) -> Outcome {
    let mut found = find(args.catalog.as_deref(), args.config.as_deref())?;
    if found.simulated {
        return Err(refused(anyhow!(
            "there is no catalog to pick from: name one with --catalog; `weighbridge catalog sync \
             --from openrouter` writes one"
        )));
    }
    let map: ColumnMap = match &args.map {
        Some(text) => text.parse().map_err(|e| refused(anyhow!("--map: {e}")))?,
        None => ColumnMap::default(),
    };
    let suite = load_path(&args.suite, &map).map_err(refused)?.suite;
    let today = found.config.as_ref().and_then(|config| config.today.clone());
    let today = match &today {
        Some(id) => {
            let endpoint = select::endpoint(&found.catalog.endpoints, id);
            let endpoint = endpoint.map_err(|e| refused(anyhow!("[today] endpoint: {e}")))?;
            Some(endpoint.id.clone())
        }
        None => None,
    };
    let all = found.catalog.endpoints.len();
    if let Some(filter) = &args.filter {
        let kept = |e: &crate::catalog::Endpoint| filter.chooses(e, &found.catalog);
        let chosen: Vec<bool> = found
            .catalog
            .endpoints
            .iter()
            .map(|e| Some(&e.id) == today.as_ref() || kept(e))
            .collect();
        let mut chosen = chosen.into_iter();
        found.catalog.endpoints.retain(|_| chosen.next().unwrap_or(false));
    }
    let on = Clock::real().wall_anchor().to_zoned(jiff::tz::TimeZone::UTC).date();
    let (tasks, n) = (&suite.tasks, usize::from(args.n));
    let privacy = found.config.as_ref().map(|config| config.privacy.clone()).unwrap_or_default();
    let choice = choose(&found.catalog, tasks, n, today.as_ref(), on, &privacy).map_err(refused)?;
    tell(&choice, all, tasks.len(), &suite.name, args);
    if choice.picked.is_empty() {
        return Err(refused(anyhow!("none of {} can be weighed on {}", found.name, suite.name)));
    }
    let cost = |usd: Option<Usd>| {
        usd.map_or_else(|| "?".to_owned(), |usd| format!("${}", usd.to_fixed(3)))
    };
    let mut text = format!("{:>10}  endpoint\n", format!("{SHOWN_TASKS} tasks"));
    for picked in &choice.picked {
        writeln!(text, "{:>10}  {}", cost(picked.cost), picked.endpoint)?;
        writeln!(text, "{:>10}  {}", "", picked.reason)?;
    }
    console::table(&text)?;
    if args.write {
        let ids: Vec<String> = choice.picked.iter().map(|p| p.endpoint.to_string()).collect();
        let path = write(args.config.as_deref(), &ids)?;
        console::say(&format!("models of {} are these now", path.display()));
    }
    Ok(Exit::Ok)
}

fn tell(choice: &Choice, all: usize, n_tasks: usize, suite: &str, args: &CatalogPickArgs) {
    console::say(&format!(
        "{} of {all} endpoints can be weighed on the {n_tasks} tasks of {suite}",
        choice.candidates + choice.picked.iter().filter(|p| p.reason.contains("today")).count()
    ));
    for (why, n) in &choice.dropped {
        console::say(&format!("dropped {n}: {why}"));
    }
    if choice.picked.len() < usize::from(args.n) {
        console::say(&format!("{} were asked for, {} are left", args.n, choice.picked.len()));
    }
}

/// The place of `models` in a configuration.
#[derive(Deserialize)]
struct Models {
    models: Option<Spanned<serde::de::IgnoredAny>>,
}

/// Writes the choice into the configuration, and leaves every other character of it as it is.
fn write(config: Option<&Path>, ids: &[String]) -> Result<PathBuf, Failure> {
    let here = config.map(Path::to_owned).or_else(|| config::find(&std::env::current_dir().ok()?));
    let path = here.unwrap_or_else(|| PathBuf::from(config::FILE_NAME));
    let text = if path.is_file() { find::text(&path)? } else { String::new() };
    let written = with_models(&text, ids).with_context(|| path.display().to_string())?;
    report::write_whole(&path, written.as_bytes()).with_context(|| path.display().to_string())?;
    Ok(path)
}

fn with_models(text: &str, ids: &[String]) -> Result<String, anyhow::Error> {
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
