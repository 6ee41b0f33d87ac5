//! The whole program: arguments, a command, an exit code.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::args::{Cli, Command};
use super::failure::Outcome;
use super::{
    Exit, calibrate, catalog, console, export, finished, init, interrupts, load, outcomes, panics,
    plan, run, show, sim, suite, weights,
};
use crate::app::chain;
use crate::units::names::nearest;

/// The whole program.
#[must_use]
pub fn main() -> ExitCode {
    panics::report_without_content();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(mut error) => {
            suggest_command(&mut error);
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            let _ = error.print();
            return exit.into();
        }
    };
    log_to_stderr(cli.verbose);
    interrupts::survive_file_limits();
    let outcome = match cli.command {
        Command::Init(args) => init::init(args),
        Command::Run(args) => run::run(args),
        Command::Load(args) => load::load(*args),
        Command::Plan(args) => plan::plan(args),
        Command::Show(args) => show::show(args),
        Command::Report(args) => finished::report(args),
        Command::Grade(args) => finished::grade(args),
        Command::Tune(args) => finished::tune(args),
        Command::Weights(command) => weights::weights(command),
        Command::Outcomes(command) => outcomes::outcomes(command),
        Command::Export(args) => export::export(args),
        Command::Suite(command) => suite::suite(command),
        Command::Catalog(command) => catalog::catalog(command),
        Command::Merge(args) => finished::merge(args),
        Command::Sim(args) => sim::sim(args),
        Command::Calibrate => calibrate::calibrate(),
        Command::Completions { shell } => completions(shell),
        Command::Man => man(),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            console::say(&format!("weighbridge: {}", chain(&*failure.error)));
            failure.exit.into()
        }
    }
}

/// Names the command that a misspelt one resembles, where the parser finds none.
fn suggest_command(error: &mut clap::Error) {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return;
    };
    if error.get(ContextKind::SuggestedSubcommand).is_some() {
        return;
    }
    let commands = Cli::command();
    let names = commands.get_subcommands().map(clap::Command::get_name);
    let near: Vec<String> = nearest(typed, names, 1).into_iter().map(str::to_owned).collect();
    if !near.is_empty() {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(near));
    }
}

fn log_to_stderr(verbose: u8) {
    let filter = match verbose {
        0 => return,
        1 => Targets::new().with_target("weighbridge", LevelFilter::INFO),
        2 => Targets::new().with_target("weighbridge", LevelFilter::DEBUG),
        _ => Targets::new().with_default(LevelFilter::TRACE),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| console::Log)
        // The log shows escapes as text, so the layer must not write any.
        .with_ansi(false)
        // A closed stderr must not end a run.
        .log_internal_errors(false);
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}

fn completions(shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "weighbridge", &mut script);
    console::data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}

fn man() -> Outcome {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    console::data(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Ok)
}
