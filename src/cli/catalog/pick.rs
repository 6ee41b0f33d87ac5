//! `catalog pick`.

use std::fmt::Write as _;

use crate::app::catalog::pick::{PickOptions, pick as choose, write};
use crate::cli::args::CatalogPickArgs;
use crate::cli::failure::Outcome;
use crate::cli::terminal::Terminal;
use crate::cli::{Exit, console};
use crate::plan::pick::SHOWN_TASKS;
use crate::units::Usd;

/// `weighbridge catalog pick`.
pub(super) fn pick(args: CatalogPickArgs) -> Outcome {
    let options = PickOptions {
        n: args.n.into(),
        suite: args.suite,
        columns: args.map,
        catalog: args.catalog,
        config: args.config,
        filter: args.filter,
    };
    let choice = choose(&options, &Terminal::default())?;
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
        let path = write(&options, &ids)?;
        console::say(&format!("models of {} are these now", path.display()));
    }
    Ok(Exit::Ok)
}
