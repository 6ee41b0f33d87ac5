//! The whole answer in a sentence or two.

use super::size::COLUMNS;
use crate::report::model::{Expected, RunReport};
use crate::report::number::{self, currency, dollars, percent, points, share};
use crate::report::run_text::kinds_of_work;
use crate::report::text::{fit_end, wrap};
use crate::report::verdict::CategoryVerdict;
use crate::units::Goal;
use crate::weights::VerdictWord;

/// The most lines of it.
const LINES: usize = 3;

/// What moves, what that brings, and what it may cost in quality; empty without a verdict.
pub(super) fn headline(report: &RunReport, verdicts: &[CategoryVerdict<'_>]) -> Vec<String> {
    if verdicts.is_empty() {
        return Vec::new();
    }
    let moves: Vec<&CategoryVerdict<'_>> =
        verdicts.iter().filter(|v| v.verdict.word == VerdictWord::Move).collect();
    let said = if moves.is_empty() {
        nothing_moves(report, verdicts)
    } else {
        moved(report, verdicts, &moves)
    };
    // A number and its sign of percent stay on one line.
    let lines = wrap(&said.replace(" %", "\u{a0}%"), COLUMNS - 2, LINES);
    lines
        .iter()
        .map(|line| format!("  {}", line.trim_start()).replace('\u{a0}', " "))
        .map(|line| fit_end(&line, COLUMNS))
        .collect()
}

/// `No MOVE: 2 TRY, 3 NOT YET and 4 STAY of 9 kinds of work. All traffic stays at large@crest.`
fn nothing_moves(report: &RunReport, verdicts: &[CategoryVerdict<'_>]) -> String {
    let words = [VerdictWord::Try, VerdictWord::NotYet, VerdictWord::Stay, VerdictWord::NoData];
    let counts: Vec<String> = words
        .into_iter()
        .map(|word| (verdicts.iter().filter(|v| v.verdict.word == word).count(), word.word()))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    let of = kinds_of_work(verdicts.len() as u64);
    if verdicts.iter().all(|v| v.verdict.word == VerdictWord::NoData) {
        return format!("NO DATA for {of}. Nothing gets weight.");
    }
    let stays = report.today.endpoint.as_ref().map(|id| report.names.short(id.as_str()));
    let stays = stays.map_or_else(String::new, |id| format!(" All traffic stays at {id}."));
    format!("No MOVE: {} of {of}.{stays}", counts.join(", "))
}

fn moved(
    report: &RunReport,
    verdicts: &[CategoryVerdict<'_>],
    moves: &[&CategoryVerdict<'_>],
) -> String {
    let traffic: f64 = moves.iter().map(|v| v.share).sum();
    let what = match moves {
        [only] => {
            let to = only.targets(&report.names);
            format!("MOVE {}, {} of traffic, to {to}", only.category, share(traffic))
        }
        _ => format!(
            "MOVE {} of {}, {} of traffic",
            moves.len(),
            kinds_of_work(verdicts.len() as u64),
            share(traffic)
        ),
    };
    let brings = report.expected.as_ref().and_then(|expected| brings(report, expected));
    let brings = brings.map_or_else(String::new, |brings| format!(": {brings}"));
    format!("{what}{brings}.{}", quality(report, moves).unwrap_or_default())
}

/// What the mix brings to all traffic, by the goal.
fn brings(report: &RunReport, expected: &Expected) -> Option<String> {
    match report.objective.goal {
        Goal::Cheaper => saving(report, expected),
        Goal::Better => {
            let gain = expected.difference.as_ref()?;
            let range =
                range(gain.low, gain.high, |v| points(v).trim_start_matches('+').to_owned());
            let cost = expected.saving.as_ref().map_or_else(String::new, |saving| {
                let (size, side) =
                    (percent(saving.value.abs()), if saving.value < 0.0 { "more" } else { "less" });
                format!(" at {size} % {side} cost")
            });
            let points = points(gain.value);
            Some(format!("gains {} points{range}{cost}", points.trim_start_matches('+')))
        }
        Goal::Faster => {
            let (then, now) = (expected.slo_miss.as_ref()?, expected.today_slo_miss.as_ref()?);
            let late = |miss: f64| format!("{} %", percent(miss));
            Some(format!("late first tokens go from {} to {}", late(now.value), late(then.value)))
        }
    }
}

/// `saves $0.11 per 1,000 requests (0.10–0.13), 15 %`; with a volume `saves $29,600 a month
/// (28,900–30,200), 19 % of today's $155,800`.
fn saving(report: &RunReport, expected: &Expected) -> Option<String> {
    let (saving, cost) = (expected.saving.as_ref()?, expected.today_cost_per_task.as_ref()?);
    let requests = report.month();
    let scale = cost.value * requests.map_or(1e3, |n| n as f64);
    let sign = if saving.value < 0.0 { -1.0 } else { 1.0 };
    let verb = if saving.value < 0.0 { "costs" } else { "saves" };
    let amount = |share: f64| match requests {
        Some(_) => whole_dollars(sign * share * scale),
        None => dollars(sign * share * scale),
    };
    let ends = saving.low.zip(saving.high);
    let (low, high) = ends.map_or((None, None), |(low, high)| {
        let (a, b) = (sign * low, sign * high);
        (Some(sign * a.min(b)), Some(sign * a.max(b)))
    });
    let range = range(low, high, amount);
    let part = share(sign * saving.value);
    let more = if saving.value < 0.0 { " more" } else { "" };
    let value = currency(&amount(saving.value));
    Some(match requests {
        Some(_) => format!(
            "{verb} {value}{more} a month{range}, {part} of today's {}",
            currency(&whole_dollars(scale))
        ),
        None => format!("{verb} {value}{more} per 1,000 requests{range}, {part}"),
    })
}

/// In whole dollars from a hundred on.
fn whole_dollars(amount: f64) -> String {
    if amount < 99.5 { dollars(amount) } else { number::grouped(amount) }
}

fn range(low: Option<f64>, high: Option<f64>, show: impl Fn(f64) -> String) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!(" ({}–{})", show(low), show(high)),
        _ => String::new(),
    }
}

/// `5`, or `2 to 10` where categories differ.
fn allowed(moves: &[&CategoryVerdict<'_>]) -> String {
    let shown = |margin: f64| {
        let text = percent(margin);
        text.strip_suffix(".0").unwrap_or(&text).to_owned()
    };
    let margins = || moves.iter().map(|v| v.margin);
    let (least, most) =
        (margins().fold(f64::INFINITY, f64::min), margins().fold(f64::NEG_INFINITY, f64::max));
    if least < most { format!("{} to {}", shown(least), shown(most)) } else { shown(most) }
}

/// ` Quality in each is at worst 2.9 points below today's; you allow 5.`
fn quality(report: &RunReport, moves: &[&CategoryVerdict<'_>]) -> Option<String> {
    if report.objective.goal == Goal::Better {
        return None;
    }
    let worst = moves
        .iter()
        .map(|v| v.verdict.at_worst)
        .try_fold(f64::INFINITY, |least, at| at.map(|at| least.min(at)))?;
    let each = if moves.len() > 1 { " in each" } else { "" };
    let size = points(worst.abs());
    let size = size.trim_start_matches(['+', '±']);
    Some(if worst < 0.0 {
        let allowed = allowed(moves);
        format!(" Quality{each} is at worst {size} points below today's; you allow {allowed}.")
    } else {
        format!(" Quality{each} is at worst {size} points above today's.")
    })
}
