//! The commands: one file each. The only place that prints or reads the environment.

pub mod args;
mod catalog;
pub mod console;
pub mod exit;
pub mod interrupts;
mod panics;
mod sim;
mod suite;
pub mod table;
pub mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use exit::Exit;

use crate::app::{calibrate, grade, init, load, merge, plan, report, run, tune};
use args::{Cli, Command};

/// A failure that ends a command: what to say, and how to exit.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub error: anyhow::Error,
}

/// What a command gives.
pub type Outcome = Result<Exit, Failure>;

/// Bad input or a refusal: exit 2.
pub fn refused(error: impl Into<anyhow::Error>) -> Failure {
    Failure { exit: Exit::Usage, error: error.into() }
}

/// Everything else that goes wrong: exit 1.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { exit: Exit::Internal, error: error.into() }
    }
}

/// The whole program.
#[must_use]
pub fn main() -> ExitCode {
    panics::report_without_content();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            let _ = error.print();
            return exit.into();
        }
    };
    log_to_stderr(cli.verbose);
    let outcome = match cli.command {
        Command::Init(args) => init::init(&args),
        Command::Run(args) => run::run(&args),
        Command::Load(args) => load::load(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Report(args) => report::report(&args),
        Command::Grade(args) => grade::grade(&args),
        Command::Tune(args) => tune::tune(&args),
        Command::Suite(command) => suite::suite(&command),
        Command::Catalog(command) => catalog::catalog(&command),
        Command::Merge(args) => merge::merge(&args),
        Command::Sim(args) => sim::sim(&args),
        Command::Calibrate => calibrate::calibrate(),
        Command::Completions { shell } => completions(shell),
        Command::Man => man(),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            console::say(&format!("weighbridge: {:#}", failure.error));
            failure.exit.into()
        }
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
