//! The table of endpoints, best quality first.

use super::size::COLUMNS;
use crate::aggregate::LatencyMetric;
use crate::report::model::{Endpoint, RunReport};
use crate::report::names::Names;
use crate::report::run_text::{self, per_1000, quality, ranked, ttft_pair, vs_today};
use crate::report::text::{escape_control, fit_end, fit_middle, pad_left, pad_right, width};
use crate::report::timing_error::TimingError;
use crate::weights::VerdictWord;

/// The header row and one line per endpoint.
pub(super) fn table(endpoints: &[&Endpoint], names: &Names) -> Vec<String> {
    let is_today = |e: &Endpoint| e.is_today;
    let header = ["quality (95 %)", "$/1,000", "vs today", "TTFT p50/p95"].map(str::to_owned);
    let rows: Vec<[String; 4]> = endpoints
        .iter()
        .map(|e| {
            [quality(&e.all), per_1000(&e.all), vs_today(&e.all, is_today(e)), ttft_pair(&e.all)]
        })
        .collect();
    let widest = |column: usize| {
        let cells = rows.iter().chain([&header]).map(|row| width(&row[column]));
        cells.max().unwrap_or(0)
    };
    let wide = [widest(0), widest(1), widest(2), widest(3)];
    // Two columns of space before each of the four.
    let left = COLUMNS.saturating_sub(wide.iter().sum::<usize>() + 8).max(8);
    let full = |e: &Endpoint| escape_control(e.id.as_str()).into_owned();
    let mark = |e: &Endpoint| if is_today(e) { " today" } else { "" };
    let all_fit = endpoints.iter().all(|e| width(&full(e)) + width(mark(e)) <= left);
    let shown: Vec<String> = endpoints
        .iter()
        .map(|e| {
            let name = if all_fit { full(e) } else { names.short(e.id.as_str()) };
            format!("{}{}", fit_middle(&name, left - width(mark(e))), mark(e))
        })
        .collect();
    let names_wide = shown.iter().map(|n| width(n)).max().unwrap_or(0).max(8);
    let line = |name: &str, row: &[String; 4]| {
        let cells = [
            pad_right(name, names_wide),
            pad_right(&row[0], wide[0]),
            pad_left(&row[1], wide[1]),
            pad_right(&row[2], wide[2]),
            row[3].clone(),
        ];
        fit_end(cells.join("  ").trim_end(), COLUMNS)
    };
    std::iter::once(line("endpoint", &header))
        .chain(endpoints.iter().zip(&shown).zip(&rows).map(|((e, name), row)| {
            // What never answered has no figures, and says why across their columns.
            match run_text::never_answered(&e.all) {
                Some(why) => fit_end(&format!("{}  {why}", pad_right(name, names_wide)), COLUMNS),
                None => line(name, row),
            }
        }))
        .collect()
}

/// The endpoints to show, best first: today's and those that traffic moves to before the rest.
pub(super) fn choose(report: &RunReport, most: usize) -> Vec<&Endpoint> {
    let order = ranked(report);
    let today = |e: &Endpoint| e.is_today;
    let target = |e: &Endpoint| {
        let routings = report.categories.iter().filter_map(|category| category.routing.as_ref());
        let mut moves = routings.filter(|routing| routing.verdict.word == VerdictWord::Move);
        moves.any(|routing| routing.mix.iter().any(|(id, _)| id == e.id.as_str()))
    };
    let mut by_need: Vec<usize> = (0..order.len()).collect();
    by_need.sort_by_key(|&i| (!today(order[i]), !target(order[i]), i));
    by_need.truncate(most);
    by_need.sort_unstable();
    by_need.into_iter().map(|i| order[i]).collect()
}

/// The timing error of the slowest TTFT, where it is known.
pub(super) fn timing_error(report: &RunReport) -> Option<String> {
    let medians = report.endpoints.iter().filter_map(|e| {
        let ttft = e.all.latency.get(&LatencyMetric::Ttft)?;
        Some(ttft.percentiles.get(&500)?.value)
    });
    let slowest = medians.fold(0.0, f64::max);
    let error = TimingError::new(&report.run, None);
    let error = error.and_then(|error| error.beside(LatencyMetric::Ttft, slowest));
    error.map(|e| format!("TTFT {e} ms"))
}
