//! MOVE, STAY, NOT YET or NO DATA, with the reason in one sentence.

use super::admit::{Block, Candidate, CategoryTable, Exclusion, MIN_TASKS, TuneContext};
use super::expected::mean_value;
use super::{round, text};
use crate::stats::paired::{self, Paired};
use crate::units::{Goal, Usd, prose};
use crate::weights::{PARTS, Verdict, VerdictWord};

/// An estimate up to this many standard errors below the line may turn out above it with more tasks.
const HOPE: f64 = 0.5;
/// An estimate nearer to the line than this many standard errors would need a hundred times the
/// sample: too many to recommend.
const TOO_NEAR: f64 = 0.25;

/// The verdict on one category, given its mix in parts per million by endpoint.
pub(super) fn verdict(
    context: &TuneContext<'_>,
    table: &CategoryTable<'_>,
    parts: &[u32],
    infeasible_reason: Option<&str>,
) -> Verdict {
    match &table.blocked {
        Some(Block::NoData(why)) => {
            return Verdict { word: VerdictWord::NoData, ..stay(why.clone()) };
        }
        Some(Block::Objective(why)) => return stay(why.clone()),
        None => {}
    }
    if let Some(why) = infeasible_reason {
        // The admitted endpoints cannot meet the limits; one that is not yet shown good enough might.
        return not_yet(context, table).unwrap_or_else(|| stay(why.to_owned()));
    }
    let off: u32 = others(table).map(|(i, _)| parts[i]).sum();
    if off > 0 {
        return moved(context, table, parts, off);
    }
    not_yet(context, table)
        .or_else(|| unmeasured(table))
        .unwrap_or_else(|| stay(nothing_pays(context, table)))
}

fn others<'a>(table: &'a CategoryTable<'_>) -> impl Iterator<Item = (usize, &'a Candidate<'a>)> {
    table.candidates.iter().enumerate().filter(|(i, _)| table.today != Some(*i))
}

fn stay(why: String) -> Verdict {
    Verdict {
        word: VerdictWord::Stay,
        candidate: None,
        difference: None,
        saves_per_1000_usd: None,
        tasks_needed: None,
        why,
    }
}

/// The verdict where any weight moves: the word agrees with the weights, and the reason states the
/// part that moves.
fn moved(context: &TuneContext<'_>, table: &CategoryTable<'_>, parts: &[u32], off: u32) -> Verdict {
    let chosen: Vec<(usize, &Candidate<'_>)> =
        others(table).filter(|(i, _)| parts[*i] > 0).collect();
    let candidate =
        chosen.iter().rev().max_by_key(|(i, _)| parts[*i]).map(|(_, candidate)| *candidate);
    let names: Vec<&str> =
        chosen.iter().map(|(_, candidate)| candidate.endpoint.id.short()).collect();
    let why = if off == PARTS {
        why_moved(context, table, parts, &prose::join_and(&names))
    } else {
        format!(
            "{} of the traffic goes to {}; the limits leave the rest with {}",
            prose::percent(f64::from(off) / f64::from(PARTS)),
            prose::join_and(&names),
            context.today_name()
        )
    };
    let cost_now = table.today().and_then(Candidate::cost);
    let cost_then = mean_value(table, parts, Candidate::cost);
    Verdict {
        word: VerdictWord::Move,
        candidate: candidate.map(|candidate| candidate.endpoint.id.as_str().to_owned()),
        difference: candidate.and_then(difference),
        saves_per_1000_usd: cost_now.zip(cost_then).and_then(|(now, then)| saves(now, then)),
        tasks_needed: None,
        why,
    }
}

fn why_moved(
    context: &TuneContext<'_>,
    table: &CategoryTable<'_>,
    parts: &[u32],
    names: &str,
) -> String {
    let (today, margin) = (context.today_name(), text::points(context.judging.margin));
    let goal = context.judging.goal;
    let now = table.today().map_or(0.0, |candidate| candidate.value(goal));
    let then = mean_value(table, parts, |candidate| Some(candidate.value(goal))).unwrap_or(now);
    if then >= now {
        return format!("{names} is needed to keep the whole traffic within its limits");
    }
    match goal {
        Goal::Cheaper => format!(
            "{} cheaper, quality shown to be within {margin} pt of {today}",
            prose::percent((now - then) / now)
        ),
        Goal::Better => format!("{names} is shown better than {today}, within today's cost"),
        Goal::Faster => format!(
            "TTFT above the limit falls from {} to {}, quality shown to be within {margin} pt of \
             {today}",
            prose::percent(now),
            prose::percent(then)
        ),
    }
}

/// The most valuable endpoint that the sample neither admits nor excludes.
fn not_yet(context: &TuneContext<'_>, table: &CategoryTable<'_>) -> Option<Verdict> {
    let goal = context.judging.goal;
    let margin = if goal == Goal::Better { 0.0 } else { context.judging.margin };
    let hopes = others(table).filter_map(|(_, candidate)| {
        let paired = candidate.paired.as_ref()?;
        let open = matches!(
            candidate.excluded.as_ref()?,
            Exclusion::Unproven(..) | Exclusion::NotBetter(_) | Exclusion::TooFewTasks(_)
        );
        let above = paired.estimate.value + margin;
        let pays =
            table.would_pay(candidate, goal) || table.would_be_faster(candidate, context.judging);
        let hope = open && pays && above > -HOPE * paired.se;
        hope.then_some((candidate, paired, above))
    });
    let value = |candidate: &Candidate<'_>| candidate.value(goal);
    let (candidate, paired, above) = hopes.min_by(|a, b| value(a.0).total_cmp(&value(b.0)))?;
    let few = match &candidate.excluded {
        Some(Exclusion::TooFewTasks(n)) => Some(*n),
        _ => None,
    };
    let least = few.map(|n| (MIN_TASKS as u64).saturating_sub(n));
    let more = more_tasks(paired, above).max(least);
    let wanted = match goal {
        Goal::Better => format!("better than {}", context.today_name()),
        Goal::Cheaper | Goal::Faster => format!(
            "within {} pt of {}",
            text::points(context.judging.margin),
            context.today_name()
        ),
    };
    let name = candidate.endpoint.id.short();
    let why = match more {
        _ if few.is_some() => format!(
            "{name}: {} scored, ≥ {MIN_TASKS} needed",
            prose::pluralize(few.unwrap_or(0), "task")
        ),
        Some(more) => {
            format!(
                "{name} might be {wanted}; ≈ {} more tasks would tell",
                prose::group_thousands(more)
            )
        }
        None => format!("{name} might be {wanted}, too near the line for a sample to tell"),
    };
    let costs = table.today().and_then(Candidate::cost).zip(candidate.cost());
    Some(Verdict {
        word: VerdictWord::NotYet,
        candidate: Some(candidate.endpoint.id.as_str().to_owned()),
        difference: difference(candidate),
        saves_per_1000_usd: costs.and_then(|(now, then)| saves(now, then)),
        tasks_needed: more,
        why,
    })
}

/// NOT YET where other endpoints were planned but not measured.
fn unmeasured(table: &CategoryTable<'_>) -> Option<Verdict> {
    let unasked = |candidate: &Candidate<'_>| {
        let counts = &candidate.cell.counts;
        candidate.endpoint.priced && counts.skipped > 0 && counts.trials() == 0
    };
    let n = others(table).filter(|(_, candidate)| unasked(candidate)).count() as u64;
    let why = match n {
        0 => return None,
        1 => "1 endpoint was not measured".to_owned(),
        n => format!("{n} endpoints were not measured"),
    };
    Some(Verdict { word: VerdictWord::NotYet, ..stay(why) })
}

/// The number of further tasks that would show an effect of this size.
fn more_tasks(paired: &Paired, above: f64) -> Option<u64> {
    if above <= TOO_NEAR * paired.se {
        return None;
    }
    let n = paired.estimate.n;
    let sd = paired.se * libm::sqrt(n as f64);
    let needed = paired::tasks_needed(sd, above)?;
    Some(two_digits(needed.saturating_sub(n).max(1)))
}

/// Rounded up to two significant digits, the precision of a forecast.
fn two_digits(n: u64) -> u64 {
    let mut step = 1;
    while n / step >= 100 {
        step *= 10;
    }
    n.div_ceil(step) * step
}

/// Why today's endpoint keeps a category without open questions.
fn nothing_pays(context: &TuneContext<'_>, table: &CategoryTable<'_>) -> String {
    let goal = context.judging.goal;
    let today = context.today_name();
    let margin = text::points(context.judging.margin);
    if table.candidates.len() < 2 {
        return format!("{today} was the only endpoint");
    }
    let paying: Vec<&Candidate<'_>> = others(table)
        .map(|(_, candidate)| candidate)
        .filter(|candidate| table.would_pay(candidate, goal))
        .collect();
    if let Some(candidate) = paying.iter().find(|candidate| candidate.excluded.is_none()) {
        let name = candidate.endpoint.id.short();
        return format!("{name}: no room within the limits");
    }
    let of_quality = |candidate: &&Candidate<'_>| {
        matches!(
            candidate.excluded,
            Some(Exclusion::Worse(..) | Exclusion::Unproven(..) | Exclusion::NotBetter(_))
        )
    };
    if let Some(candidate) = paying.iter().find(|candidate| !of_quality(candidate))
        && let Some(reason) = &candidate.excluded
    {
        return format!("{}: {reason}", candidate.endpoint.id.short());
    }
    match (goal, paying.is_empty()) {
        (Goal::Cheaper, true) => format!("nothing is cheaper than {today}"),
        (Goal::Cheaper, false) => format!("nothing cheaper is within {margin} pt"),
        (Goal::Better, _) => "nothing shown better within today's cost".to_owned(),
        (Goal::Faster, true) => "nothing is faster within today's cost".to_owned(),
        (Goal::Faster, false) => format!("nothing faster is within {margin} pt"),
    }
}

/// The paired difference, rounded for the file.
fn difference(candidate: &Candidate<'_>) -> Option<crate::stats::Estimate> {
    candidate.paired.as_ref().map(|paired| round::estimate(paired.estimate))
}

/// The saving per 1,000 tasks, to a millionth of a dollar.
fn saves(now: f64, then: f64) -> Option<Usd> {
    format!("{:.6}", (now - then) * 1000.0).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::RunMetrics;
    use crate::tune::fixture::{Plan, endpoint, metrics, with_goal, with_slo};
    use crate::tune::tune;

    /// Checks word, candidate and reason of one category.
    fn check(metrics: &RunMetrics, category: &str, word: VerdictWord, candidate: &str, why: &str) {
        let file = tune(metrics);
        let verdict = &file.categories[category].verdict;
        let found = verdict.candidate.as_deref().unwrap_or("none");
        assert_eq!((verdict.word, found, verdict.why.as_str()), (word, candidate, why));
    }

    fn large() -> Plan {
        endpoint("acme/large@azure", 0.009_51).wrong(&[(0, 8), (0, 10), (0, 0)])
    }

    fn mini() -> Plan {
        endpoint("acme/mini@azure", 0.002_85).wrong(&[(0, 7), (5, 16), (0, 20)])
    }

    fn support(endpoints: Vec<Plan>) -> RunMetrics {
        metrics(&[("classify", 400, 0.6), ("extract", 200, 0.25), ("reply", 200, 0.15)], endpoints)
    }

    #[test]
    fn three_categories_three_verdicts() {
        let metrics = support(vec![large(), mini()]);
        let (name, today) = ("acme/mini@azure", "large@azure");
        let why = format!("70 % cheaper, quality shown to be within 2 pt of {today}");
        check(&metrics, "classify", VerdictWord::Move, name, &why);
        let why =
            format!("mini@azure might be within 2 pt of {today}; ≈ 6,700 more tasks would tell");
        check(&metrics, "extract", VerdictWord::NotYet, name, &why);
        let why = "nothing cheaper is within 2 pt";
        check(&metrics, "reply", VerdictWord::Stay, "none", why);

        let file = tune(&metrics);
        let moved = &file.categories["classify"].verdict;
        assert_eq!(moved.saves_per_1000_usd.map(|usd| usd.to_string()).as_deref(), Some("6.66"));
        assert_eq!(moved.difference.map(|d| (d.value, d.n)), Some((0.01, 400)));
        let not_yet = &file.categories["extract"].verdict;
        assert_eq!(not_yet.difference.map(|d| d.value), Some(-0.01));
        assert_eq!(not_yet.tasks_needed, Some(6700));
    }

    #[test]
    fn a_stay_says_what_stands_in_the_way() {
        let stay = |others: Vec<Plan>, why: &str| {
            let metrics = support(std::iter::once(large()).chain(others).collect());
            check(&metrics, "reply", VerdictWord::Stay, "none", why);
        };
        stay(vec![], "large@azure was the only endpoint");
        stay(vec![endpoint("acme/huge@birch", 0.02)], "nothing is cheaper than large@azure");
        stay(
            vec![endpoint("acme/large@birch", 0.005).failed(0.3)],
            "large@birch: 30 % of its trials failed, 0 % of today's",
        );
    }

    #[test]
    fn an_estimate_on_the_line_asks_for_no_number() {
        // −2 points against a margin of 2: whatever the sample, half of them would fail.
        let on_the_line = endpoint("acme/mini@azure", 0.002).wrong(&[(0, 8), (5, 17), (0, 20)]);
        let metrics = support(vec![large(), on_the_line]);
        let why = "mini@azure might be within 2 pt of large@azure, too near the line for a sample \
                   to tell";
        check(&metrics, "extract", VerdictWord::NotYet, "acme/mini@azure", why);
        // Well below the line the hope is gone, although nothing is proven.
        let below = endpoint("acme/mini@azure", 0.002).wrong(&[(0, 8), (5, 20), (0, 20)]);
        let why = "nothing cheaper is within 2 pt";
        check(&support(vec![large(), below]), "extract", VerdictWord::Stay, "none", why);
    }

    #[test]
    fn better_and_faster_have_their_own_words() {
        let huge = endpoint("acme/huge@birch", 0.009).miss(0.01);
        let large = || large().miss(0.10);
        let better = with_goal(support(vec![large(), huge]), Goal::Better);
        let why = "huge@birch is shown better than large@azure, within today's cost";
        check(&better, "extract", VerdictWord::Move, "acme/huge@birch", why);
        let why = "nothing shown better within today's cost";
        check(&better, "reply", VerdictWord::Stay, "none", why);
        let faster = with_slo(with_goal(better, Goal::Faster), 0.05);
        let why = "TTFT above the limit falls from 10 % to 1 %, quality shown to be within 2 pt of \
                   large@azure";
        check(&faster, "classify", VerdictWord::Move, "acme/huge@birch", why);
    }

    #[test]
    fn a_part_that_moves_says_how_large_it_is() {
        // 0.02 (1 − w) + 0.22 w ≤ 0.05, so 15 % of the traffic: a quarter of `classify`.
        let slow = endpoint("acme/mini@azure", 0.002).wrong(&[(0, 8), (0, 90), (0, 90)]).miss(0.22);
        let metrics = with_slo(support(vec![large().miss(0.02), slow]), 0.05);
        let why = "25 % of the traffic goes to mini@azure; the limits leave the rest with \
                   large@azure";
        check(&metrics, "classify", VerdictWord::Move, "acme/mini@azure", why);
        let file = tune(&metrics);
        for found in file.categories.values() {
            let stays = found.weights.get("acme/large@azure") == Some(&PARTS);
            assert_eq!(found.verdict.word == VerdictWord::Move, !stays, "word and weights agree");
        }
    }

    #[test]
    fn too_few_tasks_are_not_a_stay() {
        let huge = endpoint("acme/huge@birch", 0.009).wrong(&[]);
        let few = metrics(&[("c", 3, 1.0)], vec![large().wrong(&[(0, 40)]), huge]);
        let why = "huge@birch: 3 tasks scored, ≥ 10 needed";
        check(&few, "c", VerdictWord::NotYet, "acme/huge@birch", why);
        assert_eq!(tune(&few).categories["c"].verdict.tasks_needed, Some(7));
    }

    #[test]
    fn what_was_not_measured_is_not_ruled_out() {
        let mut unasked = support(vec![large(), mini()]);
        for cell in &mut unasked.endpoints[1].cells {
            cell.counts =
                crate::aggregate::Counts { planned: 200, skipped: 200, ..Default::default() };
            (cell.quality, cell.cost_per_task, cell.availability_retried) = (None, None, None);
        }
        for task in 0..unasked.scores.tasks().len() {
            unasked.scores.set(task, 1, None);
        }
        check(&unasked, "reply", VerdictWord::NotYet, "none", "1 endpoint was not measured");
    }

    #[test]
    fn what_would_meet_the_limits_but_is_not_shown_yet_is_named() {
        let slow = large().miss(0.5);
        let prompt = endpoint("acme/mini@birch", 0.002).wrong(&[(0, 8), (5, 16), (0, 0)]).miss(0.0);
        let one = metrics(
            &[("extract", 200, 1.0)],
            vec![slow.wrong(&[(0, 10)]), prompt.wrong(&[(5, 16)])],
        );
        let found = with_slo(one, 0.05);
        let file = tune(&found);
        let verdict = &file.categories["extract"].verdict;
        assert_eq!(verdict.word, VerdictWord::NotYet, "{verdict:?}");
        assert_eq!(verdict.candidate.as_deref(), Some("acme/mini@birch"));
        assert!(file.notes.iter().any(|n| n.to_string().contains("no mix keeps P(TTFT > 800 ms)")));
    }

    #[test]
    fn forecasts_have_two_digits() {
        for (n, shown) in [(1, 1), (99, 99), (100, 100), (1_401, 1_500), (99_999, 100_000)] {
            assert_eq!(two_digits(n), shown);
        }
    }

    #[test]
    fn savings_are_exact_to_six_decimals() {
        let check = |now, then, shown| {
            assert_eq!(saves(now, then).expect("finite").to_string(), shown);
        };
        check(0.009_51, 0.002_85, "6.66");
        check(0.002, 0.003_5, "-1.5");
        check(0.1 + 0.2, 0.3, "0");
        assert_eq!(saves(f64::NAN, 0.0), None);
    }
}
