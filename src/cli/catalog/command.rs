//! `catalog …`: one command or another.

use super::{check, diff, list, pick, ping};
use crate::app::catalog::sync::{SyncOptions, sync};
use crate::cli::args::{CatalogCommand, CatalogSyncArgs};
use crate::cli::failure::Outcome;
use crate::cli::terminal::Terminal;
use crate::cli::{Exit, console};

/// `weighbridge catalog …`.
pub(in crate::cli) fn catalog(command: CatalogCommand) -> Outcome {
    match command {
        CatalogCommand::List(args) => list::list(&args),
        CatalogCommand::Sync(args) => sync_to_file(args),
        CatalogCommand::Diff(args) => diff::diff(&args),
        CatalogCommand::Check(args) => check::check(&args),
        CatalogCommand::Pick(args) => pick::pick(args),
        CatalogCommand::Ping(args) => ping::ping(args),
    }
}

fn sync_to_file(CatalogSyncArgs { from, out, accept }: CatalogSyncArgs) -> Outcome {
    let path = sync(&SyncOptions { from, out, accept }, &Terminal::default())?;
    console::data(&format!("{}\n", path.display()))?;
    Ok(Exit::Ok)
}
