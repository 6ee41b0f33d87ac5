//! `export`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::values::rate_share;
use crate::app::{ExportOptions, Gateway, KeyVariable};

/// `export`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    /// A weights file, or a run folder.
    #[arg(value_name = "WEIGHTS|RUN", default_value = "results/latest")]
    pub source: PathBuf,
    /// The gateway.
    #[arg(long, value_parser = gateway())]
    pub to: Gateway,
    /// Give the new weights this share of the traffic, above 0 and at most 1; TRY lines too.
    #[arg(long, value_name = "SHARE", value_parser = rate_share, conflicts_with = "undo")]
    pub ramp: Option<f64>,
    /// The weights before, or their run folder; default: today's endpoint serves everything.
    #[arg(long, value_name = "WEIGHTS|RUN")]
    pub from: Option<PathBuf>,
    /// Go back: the file that the last export replaced (--out), else what was before these weights.
    #[arg(long)]
    pub undo: bool,
    /// Write to a file; the one that it replaces is kept as FILE.before.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// A catalog with endpoints that the run does not hold; default: the configuration's.
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// The variable that holds a provider's key, or none; repeatable.
    #[arg(long = "key", value_name = "PROVIDER=VARIABLE", value_parser = key)]
    pub keys: Vec<KeyVariable>,
    /// Export weights that rest on simulated answers, to try things out.
    #[arg(long)]
    pub allow_simulated: bool,
}

impl ExportArgs {
    pub(in crate::cli) fn options(self) -> ExportOptions {
        let Self { source, to, ramp, from, undo, out, catalog, keys, allow_simulated } = self;
        ExportOptions { source, to, ramp, from, undo, out, catalog, keys, allow_simulated }
    }
}

fn gateway() -> impl TypedValueParser<Value = Gateway> {
    let values = Gateway::ALL.map(|to| PossibleValue::new(to.name()).help(to.about()));
    PossibleValuesParser::new(values).map(|name| {
        Gateway::ALL.into_iter().find(|to| to.name() == name).expect("one of the values")
    })
}

fn key(text: &str) -> Result<KeyVariable, String> {
    match text.split_once('=') {
        Some((provider, variable)) if !provider.is_empty() && !variable.is_empty() => {
            let variable = (variable != "none").then(|| variable.to_owned());
            Ok((provider.to_owned(), variable))
        }
        _ => {
            Err("a provider and the variable of its key, such as openai=OPENAI_API_KEY".to_owned())
        }
    }
}
