//! `weights diff`.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::figures::{known, per_1000, per_1000_change, percent, points, short};
use super::print::print;
use crate::app::weights;
use crate::cli::Exit;
use crate::cli::args::WeightsDiffArgs;
use crate::cli::failure::Outcome;
use crate::cli::table::table;
use crate::cli::wrap::wrapped;
use crate::weights::{CategoryDiff, Change, WeightsDiff};

/// `weighbridge weights diff`.
pub(super) fn diff(args: &WeightsDiffArgs) -> Outcome {
    let diff = weights::diff(&args.old, &args.new)?;
    print(&diff, args.format, text)?;
    Ok(Exit::Ok)
}

fn text(diff: &WeightsDiff) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for note in &diff.notes {
        writeln!(text, "{}", wrapped(note, 80, 78).join("\n  "))?;
    }
    let expected = &diff.expected;
    let change = |change: &Change<f64>, shown: &dyn Fn(f64) -> String| {
        format!("{} → {}", known(change.old, shown), known(change.new, shown))
    };
    let whole = format!(
        "{} of the traffic moves. Quality against today's {} points, $/1,000 {}, saving {}.",
        known(diff.moved, percent),
        change(&expected.difference, &points),
        change(&expected.cost_per_task_usd, &per_1000),
        change(&expected.saving, &percent),
    );
    writeln!(text, "{}", wrapped(&whole, 80, 78).join("\n  "))?;
    let all = || diff.categories.iter().chain([&diff.default]);
    let is_same = |c: &&CategoryDiff| c.moved == Some(0.0) && !c.fallbacks_change;
    let rows: Vec<Vec<String>> = all().filter(|c| !is_same(c)).map(row).collect();
    if !rows.is_empty() {
        let head = ["work", "share", "moves", "quality", "$/1,000", "saving", "from → to"];
        write!(text, "\n{}", table(&head, &rows))?;
    }
    let same: Vec<&str> = all().filter(is_same).map(|c| c.category.as_str()).collect();
    if !same.is_empty() {
        let line = format!("unchanged: {}", same.join(", "));
        writeln!(text, "{}", wrapped(&line, 80, 78).join("\n  "))?;
    }
    Ok(text)
}

fn row(category: &CategoryDiff) -> Vec<String> {
    let expected = &category.expected;
    // Between two endpoints the share stands in a column of its own.
    let is_split = category.from.len() + category.to.len() > 2;
    let ends = |ends: &BTreeMap<String, f64>| {
        let named = ends.iter().map(|(endpoint, share)| {
            let name = short(endpoint);
            if is_split { format!("{} {name}", percent(*share)) } else { name }
        });
        named.collect::<Vec<_>>().join(" + ")
    };
    let mut what = match category.moved {
        None => "no weights in one of the files".to_owned(),
        Some(0.0) => String::new(),
        Some(_) => format!("{} → {}", ends(&category.from), ends(&category.to)),
    };
    let is_default = category.category == "default";
    let missing = [("old", category.verdict.old), ("new", category.verdict.new)];
    for (which, _) in missing.into_iter().filter(|(_, word)| word.is_none() && !is_default) {
        let _ = write!(what, " (not in the {which} file: its default)");
    }
    if category.moved == Some(0.0) {
        what.push_str("other fallbacks");
    }
    vec![
        category.category.clone(),
        known(category.share, percent).replace('?', ""),
        known(category.moved, percent),
        known(expected.difference.by(), points),
        known(expected.cost_per_task_usd.by(), per_1000_change),
        known(expected.saving.by(), |by| format!("{} pt", points(by))),
        what.trim_start().to_owned(),
    ]
}
