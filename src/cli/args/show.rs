//! `show`.

use clap::{Args, ValueEnum};

use super::finished::RunFolder;
use crate::app::ShowOptions;

/// `show`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    #[command(flatten)]
    pub folder: RunFolder,
    /// Show only what failed, or has not the full score.
    #[arg(long)]
    pub failed: bool,
    /// Show only these categories (repeatable).
    #[arg(long = "category", value_name = "GLOB")]
    pub categories: Vec<String>,
    /// Show only these endpoints: a whole id, name@provider, or today (repeatable).
    #[arg(long = "endpoint", value_name = "GLOB")]
    pub endpoints: Vec<String>,
    /// Show only these tasks, as TASK or SUITE/TASK (repeatable).
    #[arg(long = "task", value_name = "GLOB")]
    pub tasks: Vec<String>,
    /// Show two endpoints side by side, only tasks on which they differ.
    #[arg(long, value_name = "A,B", value_parser = pair)]
    pub diff: Option<(String, String)>,
    /// Output format: text, or JSON Lines with an object per answer (--diff: per task).
    #[arg(long, value_enum, default_value_t = ShowFormat::Text)]
    pub format: ShowFormat,
}

/// How to print answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ShowFormat {
    /// For people, as wide as the terminal.
    Text,
    /// JSON Lines.
    Json,
}

impl ShowArgs {
    pub(in crate::cli) fn options(self) -> ShowOptions {
        let Self { folder, failed, categories, endpoints, tasks, diff, format: _ } = self;
        ShowOptions { run: folder.run, failed, categories, endpoints, tasks, diff }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once(',') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() && !right.contains(',') => {
            Ok((left.to_owned(), right.to_owned()))
        }
        _ => Err("two endpoints with a comma between, such as today,mini@azure".to_owned()),
    }
}
