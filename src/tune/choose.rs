//! Which categories may move, so that a whole run is seldom wrong.
//!
//! Each move alone is right with a probability of at least 95 %, and a run with ten of them would
//! often hold one that is wrong. So the surest are admitted first, while the sum of their risks stays
//! within 5 %: a run then has 0.05 false moves in expectation. The others are worth a try.
//!
//! For the goal `better` the mix as a whole must be shown better than today's endpoint, since one
//! category may pay for another.

use super::admit::{CategoryTable, TuneContext};
use super::mix::{Mix, mix};
use crate::units::Goal;
use crate::weights::PARTS;

/// The most that the risks of all moves of a run may add up to.
const RISK_OF_RUN: f64 = 0.05;

/// The mixes of tables that share one budget and one set of limits, in their order. Tables that are
/// left out for the sum of the risks name the endpoint that would have been chosen.
pub(super) fn choose(context: &TuneContext<'_>, tables: &mut [&mut CategoryTable<'_>]) -> Vec<Mix> {
    let first = mixes(context, tables);
    let is_held = match context.judging.goal {
        Goal::Better if is_gain(context, tables, &first) => false,
        Goal::Better => {
            for (table, mix) in tables.iter_mut().zip(&first) {
                table.held_back = main_endpoint(table, mix);
            }
            true
        }
        Goal::Cheaper | Goal::Faster => hold_back(tables, &first),
    };
    if is_held { mixes(context, tables) } else { first }
}

/// Holds back what exceeds the risk of the run. Returns whether anything was.
fn hold_back(tables: &mut [&mut CategoryTable<'_>], mixes: &[Mix]) -> bool {
    let risks = tables.iter().zip(mixes).map(|(table, mix)| risk(table, mix));
    let mut moves: Vec<(f64, usize)> =
        risks.enumerate().map(|(at, risk)| (risk, at)).filter(|(risk, _)| *risk > 0.0).collect();
    moves.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut sum = 0.0;
    for (risk, at) in moves {
        sum += risk;
        if sum > RISK_OF_RUN {
            tables[at].held_back = main_endpoint(&*tables[at], &mixes[at]);
        }
    }
    sum > RISK_OF_RUN
}

fn mixes(context: &TuneContext<'_>, tables: &[&mut CategoryTable<'_>]) -> Vec<Mix> {
    mix(context, &tables.iter().map(|table| &**table).collect::<Vec<_>>())
}

/// The probability that what the mix adds to a category is beyond the margin there, weighted by its
/// parts; 0 where nothing moves.
fn risk(table: &CategoryTable<'_>, mix: &Mix) -> f64 {
    let risks = table.candidates.iter().zip(&mix.parts);
    risks.map(|(candidate, part)| f64::from(*part) / f64::from(PARTS) * candidate.risk()).sum()
}

/// The endpoint other than today's with the most weight.
fn main_endpoint(table: &CategoryTable<'_>, mix: &Mix) -> Option<usize> {
    let others = (0..mix.parts.len()).filter(|i| table.today != Some(*i) && mix.parts[*i] > 0);
    others.max_by_key(|i| mix.parts[*i])
}

/// Whether the mixes together are shown to be better than today's endpoint: the lower end of the 95 %
/// interval is above 0. Also where they move nothing.
fn is_gain(context: &TuneContext<'_>, tables: &[&mut CategoryTable<'_>], mixes: &[Mix]) -> bool {
    let whole: f64 = tables.iter().map(|table| table.share).sum();
    let mut weights = Vec::new();
    for (table, mix) in tables.iter().zip(mixes) {
        for (endpoint, part) in mix.parts.iter().enumerate() {
            let weight = table.share_of(whole) * f64::from(*part) / f64::from(PARTS);
            if weight > 0.0 && table.today != Some(endpoint) {
                weights.extend(context.spread(table, endpoint, weight));
            }
        }
    }
    if weights.is_empty() {
        return true;
    }
    let gain = context.evidence.as_ref().and_then(|evidence| evidence.difference(&weights));
    gain.is_some_and(|gain| gain.quantile(0.025) > 0.0)
}
