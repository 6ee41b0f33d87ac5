//! `weights why`.

use std::fmt::Write;

use super::figures::{percent, points, short};
use super::print::print;
use crate::app::weights;
use crate::cli::Exit;
use crate::cli::args::WeightsWhyArgs;
use crate::cli::failure::Outcome;
use crate::cli::wrap::wrapped;
use crate::tune::{Candidacy, Why};
use crate::units::prose;

/// `weighbridge weights why`.
pub(super) fn why(args: &WeightsWhyArgs) -> Outcome {
    let why = weights::why(&args.on, &args.category)?;
    print(&why, args.format, text)?;
    Ok(Exit::Ok)
}

fn text(why: &Why) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    if why.simulated {
        writeln!(text, "SIMULATED: the run's answers are a simulator's")?;
    }
    let chosen: Vec<String> = why
        .chosen
        .iter()
        .map(|(endpoint, share)| match *share {
            share if share < 1.0 => format!("{} {}", percent(share), short(endpoint)),
            _ => short(endpoint),
        })
        .collect();
    let chosen = if chosen.is_empty() { "nothing".to_owned() } else { prose::join_and(&chosen) };
    let line = format!("{} · {} · {chosen}: {}", why.category, why.verdict, why.reason);
    writeln!(text, "{}", wrapped(&line, 80, 78).join("\n  "))?;
    for other in &why.others {
        let line = format!("{} {}", short(&other.endpoint), sentence(other));
        writeln!(text, "{}", wrapped(&line, 80, 78).join("\n  "))?;
    }
    Ok(text)
}

/// What would have to change, and what stands in the way now.
fn sentence(other: &Candidacy) -> String {
    let now = match &other.reason {
        Some(reason) => reason.clone(),
        None => match (other.difference, other.saving) {
            (Some(difference), Some(saving)) => format!(
                "allowed, and not the best here: {} points, saves {}",
                points(difference),
                percent(saving)
            ),
            _ => "allowed, and not the best here".to_owned(),
        },
    };
    let mut ways = Vec::new();
    if let Some(fall) = other.price_fall {
        ways.push(format!("its price falls {}", percent(fall)));
    }
    if let Some(more) = other.solves_more {
        ways.push(format!("it solves {more} more of {}", other.tasks));
    }
    match (ways.as_slice(), other.difference) {
        // Today's endpoint, and what shares no scored task with it: nothing can be supposed of them.
        ([], None) => format!("is out: {now}"),
        ([], Some(_)) => format!(
            "is out, and neither a lower price alone nor more solved tasks alone let it in: {now}"
        ),
        (ways, _) => format!("enters if {} ({now})", ways.join(" or ")),
    }
}
