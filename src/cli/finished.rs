//! Finished runs: `report`, `grade`, `tune`, `merge`.

use super::args::{MergeArgs, ReportArgs, ReportFormat, RunFolder, ShownArgs, TuneArgs};
use super::failure::Outcome;
use super::run::{conclude, say_no_data};
use super::terminal::Terminal;
use super::{Exit, console};
use crate::aggregate::PriceComparison;
use crate::app::{self, GradeOptions, MergeOptions, ReportOptions, ReportOutcome, TuneOptions};
use crate::graders::MAX_GRADING;
use crate::units::Usd;

/// `weighbridge report RUN`.
pub(super) fn report(args: ReportArgs) -> Outcome {
    let (run, shown, events) = (args.folder.run, args.shown, Terminal::default());
    if let Some(prices) = args.prices {
        let rows = app::reprice(&run, &prices, &events)?;
        console::table(&repriced(&rows))?;
    } else {
        let outcome = app::report(ReportOptions { run, with_content: args.with_content }, &events)?;
        console::data(&match shown.format {
            ReportFormat::Screen => outcome.screen(shown.detail()),
            ReportFormat::Json => outcome.to_json(),
        })?;
        return Ok(exit(&outcome));
    }
    Ok(Exit::Ok)
}

/// Says what has no data, in which case the weights are not whole.
fn exit(outcome: &ReportOutcome) -> Exit {
    let no_data = outcome.no_data();
    say_no_data(&no_data);
    if no_data.is_empty() { Exit::Ok } else { Exit::Incomplete }
}

/// `weighbridge grade RUN`.
pub(super) fn grade(RunFolder { run }: RunFolder) -> Outcome {
    let graded = app::grade(GradeOptions { run: run.clone() })?;
    if graded.ended > 0 {
        console::say(&format!(
            "weighbridge: {} of the unscored: the grader did not end within {} s",
            graded.ended,
            MAX_GRADING.as_secs()
        ));
    }
    console::say(&format!(
        "{} answers graded: {} scored, {} unscored. Next: weighbridge tune {run} and weighbridge \
         report {run}",
        graded.scored + graded.unscored,
        graded.scored,
        graded.unscored,
        run = run.display(),
    ));
    Ok(Exit::Ok)
}

/// `weighbridge tune RUN`.
pub(super) fn tune(args: TuneArgs) -> Outcome {
    let TuneArgs { folder: RunFolder { run }, goal, margin, require_proven, endpoints } = args;
    let outcome = app::tune(TuneOptions { run: run.clone(), goal, margin })?;
    let shown = ShownArgs { endpoints, ..ShownArgs::SCREEN };
    console::data(&outcome.screen(shown.detail()))?;
    if let Some(said) = &outcome.gate {
        console::say(said);
    }
    let test = outcome.weights.as_ref().and_then(|weights| weights.gate.as_ref());
    if require_proven && !test.is_some_and(|test| test.replaces) {
        if test.is_none() {
            console::say("not proven: the run was made without [today] weights");
        }
        return Ok(Exit::Unproven);
    }
    if test.is_some_and(|test| !test.replaces) {
        return Ok(exit(&outcome));
    }
    console::say(&format!(
        "weights.json is new; the report still shows the old weights: weighbridge report {}",
        run.display()
    ));
    Ok(exit(&outcome))
}

/// `weighbridge merge RUN… --out RUN`.
pub(super) fn merge(MergeArgs { runs, out }: MergeArgs) -> Outcome {
    conclude(&app::merge(MergeOptions { runs, out }, &Terminal::default())?, ShownArgs::SCREEN)
}

fn repriced(rows: &[PriceComparison]) -> String {
    let widest = rows.iter().map(|row| row.endpoint.as_str().chars().count()).max().unwrap_or(0);
    let widest = widest.clamp(8, 40);
    let line = |name: &str, cells: [&str; 4]| {
        let [then, now, change, note] = cells;
        let name: String = name.chars().take(widest).collect();
        let text = format!("{name:<widest$}  {then:>11}  {now:>11}  {change:>8}  {note}");
        format!("{}\n", text.trim_end())
    };
    let mut text = line("endpoint", ["$ then", "$ now", "change", ""]);
    let mut both = (Usd::ZERO, Usd::ZERO);
    let mut left_out = 0;
    for row in rows {
        let usd = |usd: Option<Usd>| usd.map_or_else(|| "unknown".to_owned(), |u| u.to_fixed(6));
        let change = row.then.zip(row.now).map(|(then, now)| percent(then, now));
        if let Some((then, now)) = row.then.zip(row.now) {
            both = (both.0 + then, both.1 + now);
        } else {
            left_out += 1;
        }
        let note = match (row.listed, row.unknown) {
            (false, _) => "not in the list".to_owned(),
            (true, 0) => String::new(),
            (true, n) => format!("{n} attempts without a known cost"),
        };
        let cells = [&usd(row.then), &usd(row.now), &change.unwrap_or_default(), &note];
        text.push_str(&line(row.endpoint.as_str(), cells.map(String::as_str)));
    }
    let total = if left_out == 0 { "all" } else { "those with both" };
    let (then, now) = both;
    text.push_str(&line(total, [&then.to_fixed(6), &now.to_fixed(6), &percent(then, now), ""]));
    text
}

/// `+20.0 %`; empty from nothing to something.
fn percent(then: Usd, now: Usd) -> String {
    if then == now {
        return "same".to_owned();
    }
    if then == Usd::ZERO {
        return String::new();
    }
    format!("{:+.1} %", (now.to_f64() / then.to_f64() - 1.0) * 100.0)
}
