//! `init`: from options to a file.

use std::path::{Path, PathBuf};

use super::folder::{self, Suites};
use super::text::{Starter, at_rest, push_prose};
use super::{litellm, propose};
use crate::app::error::{AppError, Context, refused};
use crate::app::events::Events;
use crate::app::suites::bundled_suites;
use crate::catalog::Catalog;
use crate::catalog::Provider;
use crate::catalog::snapshot::{provider_text, quoted};
use crate::catalog::source::known_providers;
use crate::catalog::source::proxy::{self, ProxyConfig};
use crate::plan::{Config, config};
use crate::report;
use crate::units::prose::pluralize;
use crate::units::text_file::read_text;

/// The largest configuration of a proxy that is read; one of a thousand models has a few hundred
/// thousand bytes.
const MOST_PROXY_BYTES: u64 = 4 << 20;

/// What `init` writes, and from what.
#[derive(Debug)]
pub(crate) struct InitOptions {
    /// The `config.yaml` of a LiteLLM proxy to read.
    pub litellm: Option<PathBuf>,
    /// The alias of the proxy whose deployment is the baseline; `None`: the first.
    pub alias: Option<String>,
    /// Where prices come from; `None`: the snapshots here, else the public lists.
    pub prices: Option<String>,
    /// The configuration to write.
    pub out: PathBuf,
    /// Whether to overwrite it.
    pub force: bool,
}

/// Endpoints proposed for each of so many providers.
const fn each(providers: usize) -> usize {
    match providers {
        0 | 1 => 5,
        2 | 3 => 3,
        _ => 2,
    }
}

/// Writes a configuration.
pub(crate) fn init(options: &InitOptions, events: &dyn Events) -> Result<(), AppError> {
    let out = &options.out;
    if out.exists() && !options.force {
        return Err(refused(format!(
            "{} already exists; --force overwrites it, --out FILE writes another",
            out.display()
        )));
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(refused(format!("{} is no folder; make it first", folder.display())));
    }
    let suites = folder::look(folder);
    tell_suites(&suites, events);
    let mut starter = match &options.litellm {
        None => from_keys(options, &suites, events)?,
        Some(file) => from_proxy(options, file, folder, events)?,
    };
    starter.categories = suites.categories();
    starter.suites.clone_from(&suites.paths);
    write(out, &starter)?;
    next(options, &starter, events);
    Ok(())
}

fn tell_suites(suites: &Suites, events: &dyn Events) {
    match suites.paths.as_slice() {
        [] => events.notice("no suite here: a folder in suites/, a .jsonl or a .csv"),
        paths => {
            let tasks = pluralize(suites.tasks.len() as u64, "task");
            events.notice(format!("suites: {} ({tasks})", paths.join(", ")));
        }
    }
    for (path, why) in &suites.left_out {
        events.notice(format!("left out: {path}: {why}"));
    }
}

/// Endpoints for the keys of the environment.
fn from_keys(
    options: &InitOptions,
    suites: &Suites,
    events: &dyn Events,
) -> Result<Starter, AppError> {
    let providers = propose::with_keys(events);
    let mut starter = Starter { priced: true, ..Starter::default() };
    starter.catalog.push_str(&elsewhere(events));
    if providers.is_empty() {
        say_no_key(&mut starter, events);
        return Ok(starter);
    }
    let variables: Vec<&str> = providers.iter().filter_map(|p| p.api_key_env.as_deref()).collect();
    events.notice(format!("keys: {} (names only; no value is read)", variables.join(", ")));
    let lists = match propose::lists(options.prices.as_deref(), &providers, events) {
        Ok(lists) => lists,
        Err(why) if options.prices.is_some() => return Err(refused(format!("--prices {why}"))),
        Err(why) => {
            events.notice(format!("no price list: {why}"));
            Vec::new()
        }
    };
    let bundled;
    let tasks = if suites.tasks.is_empty() {
        bundled = bundled_suites().into_iter().flat_map(|l| l.suite.tasks).collect::<Vec<_>>();
        &bundled
    } else {
        &suites.tasks
    };
    for provider in &providers {
        match propose::endpoints(provider, &lists, tasks, each(providers.len())) {
            Some(proposal) => {
                events.notice(&proposal.group.about);
                starter.catalog.push_str(&proposal.catalog);
                starter.models.push(proposal.group);
            }
            None => say_no_price(&mut starter, provider, events),
        }
    }
    Ok(starter)
}

/// A provider of which nothing is known but its key.
fn say_no_price(starter: &mut Starter, provider: &Provider, events: &dyn Events) {
    let source = if provider.name == "openrouter" { "openrouter" } else { "litellm" };
    let again = format!("weighbridge catalog sync --from {source}");
    events.notice(format!("{}: no prices; `{again}` gets them, then init again", provider.name));
    let text = &mut starter.catalog;
    text.push('\n');
    push_prose(
        text,
        &format!("No price list here has a model of {}. To fill this in:", provider.name),
    );
    push_prose(text, &format!("    {again} && weighbridge init --force"));
    let model = quoted(&format!("author/name-at-{}", provider.name));
    let tables = format!(
        "{}\n[[endpoint]]\nmodel = {model}\nprovider = {}\nprice = {{ input = \"1.00\", output = \"2.00\" }}\n",
        provider_text(provider).trim_start(),
        quoted(&provider.name)
    );
    text.push_str(&at_rest(&tables));
}

fn say_no_key(starter: &mut Starter, events: &dyn Events) {
    let known = known_providers();
    let names: Vec<String> = known.into_iter().filter_map(|p| p.api_key_env).collect();
    events.notice(format!("no key in the environment; known here: {}", names.join(", ")));
    starter.heading = vec![
        "No provider's key is in the environment, so nothing is weighed yet: everything is at rest.".into(),
        "Export one (OPENROUTER_API_KEY, OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY …) and run".into(),
        "`weighbridge init --force` again, or name a server of your own below. Without either,".into(),
        "`weighbridge run --demo` weighs a simulated fleet.".into(),
    ];
}

/// Tables at rest for keys whose provider is at an address of the user's own.
fn elsewhere(events: &dyn Events) -> String {
    let mut text = String::new();
    let own = [
        (
            "AZURE_OPENAI_API_KEY",
            "[[provider]]\nname = \"azure\"\nbase_url = \"https://my-resource.openai.azure.com/openai/v1\"\n",
        ),
        (
            "LITELLM_API_KEY",
            "[[provider]]\nname = \"litellm\"\nrouter = \"litellm\"\nbase_url = \"http://127.0.0.1:4000/v1\"\n",
        ),
    ];
    for (variable, table) in own {
        if std::env::var_os(variable).is_some_and(|value| !value.is_empty()) {
            events.notice(format!("{variable} is set; its provider's address is yours to write"));
            text.push('\n');
            push_prose(&mut text, &format!("{variable} is set: write where that is."));
            text.push_str(&at_rest(&format!("{table}api_key_env = \"{variable}\"\n")));
        }
    }
    text
}

/// The deployments of a proxy's configuration.
fn from_proxy(
    options: &InitOptions,
    file: &Path,
    folder: &Path,
    events: &dyn Events,
) -> Result<Starter, AppError> {
    let lists = match (&options.prices, propose::lists(options.prices.as_deref(), &[], events)) {
        (_, Ok(lists)) => lists,
        (Some(_), Err(why)) => return Err(refused(format!("--prices {why}"))),
        (None, Err(_)) => Vec::new(),
    };
    let proxy = read_proxy(file, &lists)?;
    let left = proxy.left_out.len();
    events.notice(format!(
        "{}: {} aliases, {} deployments, {left} left out",
        file.display(),
        proxy.aliases.len(),
        proxy.deployments.len()
    ));
    for left in &proxy.left_out {
        events.notice(format!("left out: {}: {}", left.entry, left.why));
    }
    for deployment in proxy.deployments.iter().filter(|d| d.key_in_file) {
        let (id, provider) = (&deployment.endpoint.id, &deployment.endpoint.provider);
        let variable = provider.api_key_env.as_deref().unwrap_or_default();
        events
            .notice(format!("{id}: its key stands in the file and was not copied: set {variable}"));
    }
    for deployment in &proxy.deployments {
        for said in &deployment.conflicts {
            events.notice(format!("{}: {said}", deployment.endpoint.id));
        }
    }
    let unpriced = proxy.deployments.iter().filter(|d| d.priced_by.is_none()).count();
    if unpriced > 0 && lists.is_empty() {
        events.notice(format!(
            "{unpriced} without a price; `weighbridge catalog sync --from litellm` gets a list of them"
        ));
    }
    let path = seen_from(file, folder);
    litellm::starter(&proxy, &path.to_string_lossy(), options.alias.as_deref()).map_err(refused)
}

/// Reads a proxy's configuration. Variables of addresses are looked up, those of keys are not.
fn read_proxy(path: &Path, lists: &[Catalog]) -> Result<ProxyConfig, AppError> {
    let shown = path.display().to_string();
    let size = std::fs::metadata(path).context(&shown).map_err(refused)?.len();
    if size > MOST_PROXY_BYTES {
        return Err(refused(format!(
            "{shown} has {size} bytes, too many for the configuration of a proxy"
        )));
    }
    let text = read_text(path).context(&shown).map_err(refused)?;
    let variable = |name: &str| std::env::var(name).ok();
    proxy::read(&text, &shown, &variable, lists).map_err(refused)
}

/// A path as a file in a folder names it.
fn seen_from(file: &Path, folder: &Path) -> PathBuf {
    if folder == Path::new(".") || file.is_absolute() {
        return file.to_owned();
    }
    match file.strip_prefix(folder) {
        Ok(below) => below.to_owned(),
        Err(_) => file.canonicalize().unwrap_or_else(|_| file.to_owned()),
    }
}

/// Writes the file, once it is known that it loads.
fn write(path: &Path, starter: &Starter) -> Result<(), AppError> {
    let text = starter.text();
    let shown = path.display().to_string();
    Config::load_text(&text, &shown, &[])
        .context("the configuration to be written does not load")?;
    report::write_whole(path, text.as_bytes()).context(&shown)?;
    Ok(())
}

/// What to do next.
fn next(options: &InitOptions, starter: &Starter, events: &dyn Events) {
    let here = options.out.file_name().is_some_and(|name| name == config::FILE_NAME)
        && options.out.parent().is_none_or(|folder| folder.as_os_str().is_empty());
    let config = if here { String::new() } else { format!(" --config {}", options.out.display()) };
    let open = format!("$EDITOR {}", options.out.display());
    let commands = if starter.models.is_empty() {
        let again = if here { String::new() } else { format!(" --out {}", options.out.display()) };
        let init = format!("weighbridge init --force{again}");
        let [first, second] = if propose::with_keys(events).is_empty() {
            ["export OPENROUTER_API_KEY=…   # or another provider's".to_owned(), init]
        } else {
            let list = format!("{init} --prices FILE   # a price list that you have");
            [list, format!("{init}   # or again, when the public lists can be read")]
        };
        let meanwhile = "weighbridge run --demo         # a simulated fleet, meanwhile".to_owned();
        [first, second, meanwhile]
    } else {
        [
            format!("{open}   # what serves today, your traffic, your goal"),
            format!("weighbridge plan{config}   # what a run would ask and cost"),
            format!("weighbridge run{config} --limit 50"),
        ]
    };
    events.notice("next:");
    for command in commands {
        events.notice(format!("  {command}"));
    }
}
