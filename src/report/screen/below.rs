//! The lines below the table of kinds of work: what the words mean, what would decide, and what serving
//! takes.

use super::size::COLUMNS;
use super::work::{self, ONE_RUN_IN};
use crate::report::in_service;
use crate::report::model::RunReport;
use crate::report::number::{currency, dollars, share};
use crate::report::text::{escape_control, fit_end, wrap};
use crate::report::verdict::CategoryVerdict;
use crate::units::Goal;
use crate::units::prose::group_thousands;
use crate::weights::VerdictWord;

/// Where the text of a line with a name begins.
const NAME: usize = 9;
/// The most lines of one of them.
const MOST: usize = 3;

/// A paragraph, and how much it is needed: 0 the most.
struct Part {
    need: u8,
    lines: Vec<String>,
}

/// What the words mean, how often such verdicts were wrong, what would decide, and what serving by the
/// weights takes: on at most so many lines. What is needed least is left out.
pub(super) fn below(
    report: &RunReport,
    verdicts: &[CategoryVerdict<'_>],
    most: usize,
) -> Vec<String> {
    let parts = if report.run.demo { demo(report, verdicts) } else { own(report, verdicts) };
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|at| parts[*at].need);
    let (mut left, mut is_kept) = (most, vec![false; parts.len()]);
    for at in order {
        if parts[at].lines.len() <= left {
            left -= parts[at].lines.len();
            is_kept[at] = true;
        }
    }
    let kept = parts.into_iter().zip(is_kept).filter(|(_, is_kept)| *is_kept);
    kept.flat_map(|(part, _)| part.lines).map(|line| fit_end(&line, COLUMNS)).collect()
}

fn demo(report: &RunReport, verdicts: &[CategoryVerdict<'_>]) -> Vec<Part> {
    let shown = match report.objective.goal {
        Goal::Cheaper => format!("shown: one was false in 1 run of {ONE_RUN_IN}"),
        Goal::Better | Goal::Faster => "shown".to_owned(),
    };
    let words = vec![
        format!("MOVE   {shown:<40} TRY      likely: begin with 10 %"),
        "STAY   nothing that pays is near enough         NOT YET  needs more tasks".to_owned(),
    ];
    let one = |need, line: Option<String>| Part { need, lines: line.into_iter().collect() };
    vec![
        Part { need: 1, lines: words },
        one(0, work::truth(report, verdicts)),
        one(2, in_service::brief_outage(report)),
        Part { need: 3, lines: waiting(report, verdicts) },
    ]
}

fn own(report: &RunReport, verdicts: &[CategoryVerdict<'_>]) -> Vec<Part> {
    let named = |need, line: Option<in_service::Line>| {
        let lines = line.map(|(name, text)| paragraph(name, &text)).unwrap_or_default();
        Part { need, lines }
    };
    let is_off = report.service.money.as_ref().is_some_and(|money| !money.fits());
    let has_move = verdicts.iter().any(|v| v.verdict.word == VerdictWord::Move);
    let error = (has_move && report.objective.goal == Goal::Cheaper).then(|| {
        let text = format!(
            "one MOVE or more was false in 1 of {ONE_RUN_IN} simulated runs like the demo."
        );
        ("Error", text)
    });
    vec![
        Part { need: 2, lines: work::truth(report, verdicts).into_iter().collect() },
        Part { need: 1, lines: waiting(report, verdicts) },
        named(6, in_service::speed(report)),
        named(3, in_service::room(report).filter(|_| has_move)),
        named(4, in_service::outage(report)),
        named(if is_off { 0 } else { 3 }, in_service::money_line(report)),
        named(5, error),
    ]
}

/// `Room     at your peak …`, its further lines below the text.
fn paragraph(name: &str, text: &str) -> Vec<String> {
    let lines = wrap(&text.replace(" %", "\u{a0}%"), COLUMNS - NAME, MOST);
    let lines = lines.iter().map(|line| line.trim_start().replace('\u{a0}', " "));
    let begins = |at| if at == 0 { name } else { "" };
    lines.enumerate().map(|(at, line)| format!("{:<NAME$}{line}", begins(at))).collect()
}

/// `extract  2,000 more tasks decide with a chance of 50 %: $41`
fn waiting(report: &RunReport, verdicts: &[CategoryVerdict<'_>]) -> Vec<String> {
    let lines = verdicts.iter().filter_map(|v| {
        let needed = v.verdict.tasks_needed?;
        let cost = cost_of_tasks(report, v, needed.high);
        Some(format!(
            "{}  {} more tasks decide with a chance of {}{}",
            v.category,
            group_thousands(needed.high),
            share(needed.chance),
            cost.map_or_else(String::new, |cost| format!(": {}", currency(&dollars(cost))))
        ))
    });
    lines.collect()
}

/// What it costs to ask today's endpoint and the candidate so many tasks.
fn cost_of_tasks(report: &RunReport, verdict: &CategoryVerdict<'_>, tasks: u64) -> Option<f64> {
    let at = report
        .categories
        .iter()
        .position(|category| escape_control(&category.name) == verdict.category.as_str())?;
    let of = |id: &str| {
        let endpoint = report.endpoints.iter().find(|e| e.id.as_str() == id)?;
        Some(endpoint.cells[at].cost_per_task.as_ref()?.value)
    };
    Some(tasks as f64 * (of(verdict.today?)? + of(verdict.verdict.candidate.as_deref()?)?))
}
