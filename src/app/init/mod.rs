//! `init`: a commented `weighbridge.toml` from what is here. Keys are looked for by name; no value
//! is read.

mod folder;
mod litellm;
mod propose;
mod text;

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use crate::app::{baseline, fleet};
use crate::catalog::Provider;
use crate::catalog::snapshot::{provider_text, quoted};
use crate::catalog::source::known_providers;
use crate::cli::args::InitArgs;
use crate::cli::{Exit, Failure, Outcome, console, refused};
use crate::plan::{Config, config};
use crate::report;
use folder::Suites;
use text::{Starter, at_rest, push_prose};

/// Endpoints proposed for each of so many providers.
const fn each(providers: usize) -> usize {
    match providers {
        0 | 1 => 5,
        2 | 3 => 3,
        _ => 2,
    }
}

/// `weighbridge init`.
pub fn init(args: &InitArgs) -> Outcome {
    if args.out.exists() && !args.force {
        return Err(refused(anyhow!(
            "{} is there already; --force writes over it, --out FILE writes another",
            args.out.display()
        )));
    }
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(refused(anyhow!("{} is no folder; make it first", folder.display())));
    }
    let suites = folder::look(folder);
    tell_suites(&suites);
    let mut starter = match args.from.as_slice() {
        [] => from_keys(args, &suites)?,
        [tool, file] if tool == "litellm" => from_proxy(args, Path::new(file), folder)?,
        [tool, ..] => {
            return Err(refused(anyhow!("--from {tool:?} is not read; there is: litellm")));
        }
    };
    starter.categories = suites.categories();
    starter.suites.clone_from(&suites.paths);
    write(&args.out, &starter)?;
    next(args, &starter);
    console::data(&format!("{}\n", args.out.display()))?;
    Ok(Exit::Ok)
}

fn tell_suites(suites: &Suites) {
    match suites.paths.as_slice() {
        [] => console::say("no suite here: a folder in suites/, a .jsonl or a .csv"),
        paths => {
            let tasks = match suites.tasks.len() {
                1 => "1 task".to_owned(),
                n => format!("{n} tasks"),
            };
            console::say(&format!("suites: {} ({tasks})", paths.join(", ")));
        }
    }
    for (path, why) in &suites.left_out {
        console::say(&format!("left out: {path}: {why}"));
    }
}

/// Endpoints for the keys of the environment.
fn from_keys(args: &InitArgs, suites: &Suites) -> Result<Starter, Failure> {
    let providers = propose::with_keys();
    let mut starter = Starter { priced: true, ..Starter::default() };
    starter.catalog.push_str(&elsewhere());
    if providers.is_empty() {
        say_no_key(&mut starter);
        return Ok(starter);
    }
    let variables: Vec<&str> = providers.iter().filter_map(|p| p.api_key_env.as_deref()).collect();
    console::say(&format!("keys: {} (names only; no value is read)", variables.join(", ")));
    let lists = match propose::lists(args.prices.as_deref(), &providers) {
        Ok(lists) => lists,
        Err(why) if args.prices.is_some() => return Err(refused(anyhow!("--prices {why}"))),
        Err(why) => {
            console::say(&format!("no price list: {why}"));
            Vec::new()
        }
    };
    let bundled;
    let tasks = if suites.tasks.is_empty() {
        bundled =
            fleet::bundled_suites().into_iter().flat_map(|l| l.suite.tasks).collect::<Vec<_>>();
        &bundled
    } else {
        &suites.tasks
    };
    for provider in &providers {
        match propose::endpoints(provider, &lists, tasks, each(providers.len())) {
            Some(proposal) => {
                console::say(&proposal.group.about);
                starter.catalog.push_str(&proposal.catalog);
                starter.models.push(proposal.group);
            }
            None => say_no_price(&mut starter, provider),
        }
    }
    Ok(starter)
}

/// A provider of which nothing is known but its key.
fn say_no_price(starter: &mut Starter, provider: &Provider) {
    let source = if provider.name == "openrouter" { "openrouter" } else { "litellm" };
    let again = format!("weighbridge catalog sync --from {source}");
    console::say(&format!("{}: no prices; `{again}` gets them, then init again", provider.name));
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

fn say_no_key(starter: &mut Starter) {
    let known = known_providers();
    let names: Vec<String> = known.into_iter().filter_map(|p| p.api_key_env).collect();
    console::say(&format!("no key in the environment; known here: {}", names.join(", ")));
    starter.heading = vec![
        "No provider's key is in the environment, so nothing is weighed yet: everything is at rest.".into(),
        "Export one (OPENROUTER_API_KEY, OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY …) and run".into(),
        "`weighbridge init --force` again, or name a server of your own below. Without either,".into(),
        "`weighbridge run --demo` weighs a simulated fleet.".into(),
    ];
}

/// Tables at rest for keys whose provider is at an address of the user's own.
fn elsewhere() -> String {
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
            console::say(&format!("{variable} is set; its provider's address is yours to write"));
            text.push('\n');
            push_prose(&mut text, &format!("{variable} is set: write where that is."));
            text.push_str(&at_rest(&format!("{table}api_key_env = \"{variable}\"\n")));
        }
    }
    text
}

/// The deployments of a proxy's configuration.
fn from_proxy(args: &InitArgs, file: &Path, folder: &Path) -> Result<Starter, Failure> {
    let lists = match (&args.prices, propose::lists(args.prices.as_deref(), &[])) {
        (_, Ok(lists)) => lists,
        (Some(_), Err(why)) => return Err(refused(anyhow!("--prices {why}"))),
        (None, Err(_)) => Vec::new(),
    };
    let proxy = baseline::read(file, &lists)?;
    let left = proxy.left_out.len();
    console::say(&format!(
        "{}: {} aliases, {} deployments, {left} left out",
        file.display(),
        proxy.aliases.len(),
        proxy.deployments.len()
    ));
    for left in &proxy.left_out {
        console::say(&format!("left out: {}: {}", left.entry, left.why));
    }
    for deployment in proxy.deployments.iter().filter(|d| d.key_in_file) {
        let (id, provider) = (&deployment.endpoint.id, &deployment.endpoint.provider);
        let variable = provider.api_key_env.as_deref().unwrap_or_default();
        console::say(&format!(
            "{id}: its key stands in the file and was not copied: set {variable}"
        ));
    }
    for deployment in &proxy.deployments {
        for said in &deployment.conflicts {
            console::say(&format!("{}: {said}", deployment.endpoint.id));
        }
    }
    let unpriced = proxy.deployments.iter().filter(|d| d.priced_by.is_none()).count();
    if unpriced > 0 && lists.is_empty() {
        console::say(&format!(
            "{unpriced} without a price; `weighbridge catalog sync --from litellm` gets a list of them"
        ));
    }
    let path = seen_from(file, folder);
    litellm::starter(&proxy, &path.to_string_lossy(), args.alias.as_deref()).map_err(refused)
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
fn write(path: &Path, starter: &Starter) -> Result<(), Failure> {
    let text = starter.text();
    let shown = path.display().to_string();
    Config::load_text(&text, &shown, &[]).context("what was to be written does not load")?;
    report::write_whole(path, text.as_bytes()).with_context(|| shown)?;
    Ok(())
}

/// What to do next.
fn next(args: &InitArgs, starter: &Starter) {
    let here = args.out.file_name().is_some_and(|name| name == config::FILE_NAME)
        && args.out.parent().is_none_or(|folder| folder.as_os_str().is_empty());
    let config = if here { String::new() } else { format!(" --config {}", args.out.display()) };
    let open = format!("$EDITOR {}", args.out.display());
    let commands = if starter.models.is_empty() {
        let again = if here { String::new() } else { format!(" --out {}", args.out.display()) };
        let init = format!("weighbridge init --force{again}");
        let [first, second] = if propose::with_keys().is_empty() {
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
    console::say("next:");
    for command in commands {
        console::say(&format!("  {command}"));
    }
}
