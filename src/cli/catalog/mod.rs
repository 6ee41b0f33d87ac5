//! `catalog …`: what can be called, and at what price.

mod check;
mod diff;
mod list;

use super::Outcome;
use super::args::CatalogCommand;
use crate::app::catalog::{pick, ping, sync};

/// `weighbridge catalog …`.
pub fn catalog(command: &CatalogCommand) -> Outcome {
    match command {
        CatalogCommand::List(args) => list::list(args),
        CatalogCommand::Sync(args) => sync::sync(args),
        CatalogCommand::Diff(args) => diff::diff(args),
        CatalogCommand::Check(args) => check::check(args),
        CatalogCommand::Pick(args) => pick::pick(args),
        CatalogCommand::Ping(args) => ping::ping_all(args),
    }
}
