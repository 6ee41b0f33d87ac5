//! MOVE, TRY, STAY, NOT YET or NO DATA, with the reason in one sentence.

use super::admit::{Block, Candidate, CategoryTable, TuneContext};
use super::exclusion::{Exclusion, MIN_TASKS, PAYS};
use super::expected::mean_value;
use super::{forecast, round, text};
use crate::units::{Goal, Usd, prose};
use crate::weights::{CountedDifference, PARTS, Verdict, VerdictWord};

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
    worth_a_try(context, table)
        .or_else(|| not_yet(context, table))
        .or_else(|| unmeasured(table))
        .unwrap_or_else(|| kept(context, table))
}

fn others<'a>(table: &'a CategoryTable<'_>) -> impl Iterator<Item = (usize, &'a Candidate<'a>)> {
    table.candidates.iter().enumerate().filter(|(i, _)| table.today != Some(*i))
}

fn stay(why: String) -> Verdict {
    Verdict {
        word: VerdictWord::Stay,
        candidate: None,
        difference: None,
        at_worst: None,
        at_best: None,
        counted: None,
        within_margin: None,
        saves_per_1000_usd: None,
        tasks_needed: None,
        why,
    }
}

/// A verdict that speaks of one candidate, with what is known of it.
fn about(word: VerdictWord, candidate: &Candidate<'_>, why: String) -> Verdict {
    let costs = candidate.todays_cost.zip(candidate.cost());
    let evidence = candidate.evidence.as_ref();
    Verdict {
        word,
        candidate: Some(candidate.endpoint.id.as_str().to_owned()),
        difference: evidence.map(|evidence| round::estimate(evidence.estimate())),
        at_worst: evidence.map(|evidence| round::six_digits(evidence.difference.quantile(0.05))),
        at_best: evidence.map(|evidence| round::six_digits(evidence.difference.quantile(0.95))),
        counted: candidate.paired.as_ref().map(|paired| CountedDifference {
            value: round::six_digits(paired.estimate.value),
            n: paired.estimate.n,
            better: paired.better,
            worse: paired.worse,
        }),
        within_margin: evidence
            .map(|evidence| round::six_digits(evidence.within(candidate.margin))),
        saves_per_1000_usd: costs.and_then(|(now, then)| saves(now, then)),
        ..stay(why)
    }
}

/// The verdict where any weight moves: the word agrees with the weights, and the reason states the
/// part that moves.
fn moved(context: &TuneContext<'_>, table: &CategoryTable<'_>, parts: &[u32], off: u32) -> Verdict {
    let chosen: Vec<(usize, &Candidate<'_>)> =
        others(table).filter(|(i, _)| parts[*i] > 0).collect();
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
    let main = chosen.iter().rev().max_by_key(|(i, _)| parts[*i]).map(|(_, candidate)| *candidate);
    let found = main.expect("some weight moves");
    Verdict {
        saves_per_1000_usd: cost_now.zip(cost_then).and_then(|(now, then)| saves(now, then)),
        ..about(VerdictWord::Move, found, why)
    }
}

fn why_moved(
    context: &TuneContext<'_>,
    table: &CategoryTable<'_>,
    parts: &[u32],
    names: &str,
) -> String {
    let (today, margin) = (context.today_name(), text::points(table.margin));
    let mean = |of: &dyn Fn(&Candidate<'_>) -> Option<f64>| {
        let now = table.today().and_then(of);
        now.zip(mean_value(table, parts, of))
    };
    let falls = |(now, then): &(f64, f64)| then < now;
    let needed = || format!("{names} is needed to keep the whole traffic within its limits");
    match context.judging.goal {
        Goal::Cheaper => mean(&|c| c.cost()).filter(falls).map_or_else(needed, |(now, then)| {
            format!(
                "{} cheaper, quality shown to be within {margin} pt of {today}",
                prose::percent((now - then) / now)
            )
        }),
        Goal::Better => mean(&|c| Some(-c.gain())).filter(falls).map_or_else(needed, |(_, then)| {
            format!("{} pt better than {today} is expected, within today's cost", text::points(-then))
        }),
        Goal::Faster => mean(&|c| Some(c.miss())).filter(falls).map_or_else(needed, |(now, then)| {
            format!(
                "TTFT above the limit falls from {} to {}, quality shown to be within {margin} pt \
                 of {today}",
                prose::percent(now),
                prose::percent(then)
            )
        }),
    }
}

/// What the risk of the whole run held back, or the most valuable endpoint that is likely within the
/// margin.
fn worth_a_try(context: &TuneContext<'_>, table: &CategoryTable<'_>) -> Option<Verdict> {
    let (margin, today) = (text::points(table.margin), context.today_name());
    if let Some(candidate) = table.held_back.map(|i| &table.candidates[i]) {
        let name = candidate.endpoint.id.short();
        let why = format!(
            "{name} is likely within {margin} pt of {today}, less surely than the moves of this run"
        );
        return Some(about(VerdictWord::Try, candidate, why));
    }
    let likely = others(table).map(|(_, candidate)| candidate).filter(|candidate| {
        matches!(candidate.excluded, Some(Exclusion::Likely(..)))
            && is_shown_to_pay(context, table, candidate)
    });
    let value = |candidate: &Candidate<'_>| candidate.value(context.judging);
    let candidate = likely.min_by(|a, b| value(a).total_cmp(&value(b)))?;
    let within = candidate.evidence.as_ref()?.within(table.margin);
    let why = format!(
        "{} is within {margin} pt of {today} with a probability of {}",
        candidate.endpoint.id.short(),
        prose::percent(within)
    );
    Some(about(VerdictWord::Try, candidate, why))
}

fn is_shown_to_pay(
    context: &TuneContext<'_>,
    table: &CategoryTable<'_>,
    candidate: &Candidate<'_>,
) -> bool {
    let Some(evidence) = &candidate.evidence else { return false };
    match context.judging.goal {
        Goal::Cheaper => evidence.saving().is_some_and(|saving| saving.low > table.pays),
        Goal::Better => evidence.difference.quantile(0.025) > 0.0,
        Goal::Faster => true,
    }
}

/// The endpoint with the largest expected gain that the sample neither admits nor excludes.
fn not_yet(context: &TuneContext<'_>, table: &CategoryTable<'_>) -> Option<Verdict> {
    let (goal, margin) = (context.judging.goal, table.margin);
    let open = others(table).map(|(_, candidate)| candidate).filter(|candidate| {
        matches!(
            candidate.excluded,
            Some(
                Exclusion::Unproven(..)
                    | Exclusion::Likely(..)
                    | Exclusion::NotCheaper(_)
                    | Exclusion::TooFewTasks(_)
            )
        ) && (table.would_pay(candidate, goal) || table.would_be_faster(candidate, context.judging))
    });
    // A gain that is not there does harm, so the chance that it is counts twice.
    let promise = |candidate: &Candidate<'_>| {
        let within = 1.0 - candidate.risk();
        let gain = match goal {
            Goal::Cheaper => {
                candidate.cost().zip(candidate.todays_cost).map_or(0.0, |(c, t)| t - c)
            }
            Goal::Better => candidate.gain(),
            Goal::Faster => 1.0 - candidate.miss(),
        };
        gain * within * within
    };
    let candidate = open.max_by(|a, b| promise(a).total_cmp(&promise(b)))?;
    let (name, today) = (candidate.endpoint.id.short(), context.today_name());
    if let Some(Exclusion::TooFewTasks(n)) = candidate.excluded {
        let why = format!("{name}: {} scored, ≥ {MIN_TASKS} needed", prose::pluralize(n, "task"));
        return Some(about(VerdictWord::NotYet, candidate, why));
    }
    let evidence = candidate.evidence.as_ref()?;
    if let Some(Exclusion::NotCheaper(saving)) = &candidate.excluded {
        let why = format!("{name} saves {}: not shown yet", saving.in_percent());
        return Some(about(VerdictWord::NotYet, candidate, why));
    }
    let wanted = format!(
        "{name} is within {} pt of {today} with a probability of {}",
        text::points(margin),
        prose::percent(evidence.within(margin))
    );
    let needed = forecast::tasks_needed(evidence, candidate.paired.as_ref()?, margin);
    let why = match needed {
        Some(needed) => format!(
            "{wanted}; {} more tasks decide for it with a chance of {}",
            prose::group_thousands(needed.high),
            prose::percent(needed.chance)
        ),
        None => format!("{wanted}: too near the margin for a sample to tell"),
    };
    Some(Verdict { tasks_needed: needed, ..about(VerdictWord::NotYet, candidate, why) })
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

/// STAY. Where everything that would pay is shown worse, it speaks of what is nearest to the margin.
fn kept(context: &TuneContext<'_>, table: &CategoryTable<'_>) -> Verdict {
    let why = nothing_pays(context, table);
    let paying = others(table).map(|(_, candidate)| candidate);
    let paying: Vec<&Candidate<'_>> =
        paying.filter(|candidate| table.would_pay(candidate, context.judging.goal)).collect();
    let is_worse =
        |candidate: &&Candidate<'_>| matches!(candidate.excluded, Some(Exclusion::Worse(..)));
    let best = |candidate: &Candidate<'_>| {
        let evidence = candidate.evidence.as_ref();
        evidence.map_or(-1.0, |evidence| evidence.difference.quantile(0.95))
    };
    let nearest = paying.iter().max_by(|a, b| best(a).total_cmp(&best(b)));
    match nearest.filter(|_| paying.iter().all(is_worse)) {
        Some(nearest) => {
            Verdict { saves_per_1000_usd: None, ..about(VerdictWord::Stay, nearest, why) }
        }
        None => stay(why),
    }
}

/// Why today's endpoint keeps a category without open questions.
fn nothing_pays(context: &TuneContext<'_>, table: &CategoryTable<'_>) -> String {
    let goal = context.judging.goal;
    let today = context.today_name();
    let margin = text::points(table.margin);
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
    let is_worse =
        |candidate: &&Candidate<'_>| matches!(candidate.excluded, Some(Exclusion::Worse(..)));
    if let Some(candidate) = paying.iter().find(|candidate| !is_worse(candidate))
        && let Some(reason) = &candidate.excluded
    {
        return format!("{}: {reason}", candidate.endpoint.id.short());
    }
    let is_cheaper = |candidate: &Candidate<'_>| {
        candidate.cost().zip(candidate.todays_cost).is_some_and(|(c, t)| c < t * (1.0 - PAYS))
    };
    if let Some(worth) = context.judging.worth
        && goal == Goal::Cheaper
        && paying.is_empty()
        && others(table).any(|(_, candidate)| is_cheaper(candidate))
    {
        return format!("nothing saves ${worth} a month");
    }
    match (goal, paying.is_empty()) {
        (Goal::Cheaper, true) => format!("nothing is cheaper than {today}"),
        (Goal::Cheaper, false) => format!("nothing cheaper is within {margin} pt"),
        (Goal::Better, _) => "nothing is better within today's cost".to_owned(),
        (Goal::Faster, true) => "nothing is faster within today's cost".to_owned(),
        (Goal::Faster, false) => format!("nothing faster is within {margin} pt"),
    }
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
        let why = format!(
            "mini@azure is within 2 pt of {today} with a probability of 62 %; 5,500 more tasks \
             decide for it with a chance of 50.1 %"
        );
        check(&metrics, "extract", VerdictWord::NotYet, name, &why);
        let why = "nothing cheaper is within 2 pt";
        check(&metrics, "reply", VerdictWord::Stay, name, why);

        let file = tune(&metrics);
        let moved = &file.categories["classify"].verdict;
        assert_eq!(moved.saves_per_1000_usd.map(|usd| usd.to_string()).as_deref(), Some("6.66"));
        assert_eq!(moved.counted.map(|counted| (counted.value, counted.n)), Some((0.01, 400)));
        let not_yet = &file.categories["extract"].verdict;
        assert_eq!(not_yet.counted.map(|counted| counted.value), Some(-0.01));
        assert!(not_yet.tasks_needed.is_some_and(|needed| needed.low < needed.high));
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
        let why = "mini@azure is within 2 pt of large@azure with a probability of 45.1 %: too near \
                   the margin for a sample to tell";
        check(&metrics, "extract", VerdictWord::NotYet, "acme/mini@azure", why);
        // Well below the line it is shown to be worse.
        let below = endpoint("acme/mini@azure", 0.002).wrong(&[(0, 8), (5, 25), (0, 20)]);
        let why = "nothing cheaper is within 2 pt";
        check(&support(vec![large(), below]), "extract", VerdictWord::Stay, "acme/mini@azure", why);
    }

    #[test]
    fn better_and_faster_have_their_own_words() {
        let huge = endpoint("acme/huge@birch", 0.009).miss(0.01);
        let large = || large().miss(0.10);
        let better = with_goal(support(vec![large(), huge]), Goal::Better);
        let why = "9.9 pt better than large@azure is expected, within today's cost";
        check(&better, "extract", VerdictWord::Move, "acme/huge@birch", why);
        let why = "nothing is better within today's cost";
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
