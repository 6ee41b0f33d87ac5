//! MOVE, STAY or NOT YET, with the reason in one sentence.

use super::admit::{Exclusion, Row, Setting, Sheet};
use super::expected::mean_value;
use super::{PARTS, Verdict, VerdictWord, round, words};
use crate::aggregate::Goal;
use crate::stats::paired::{self, Paired};
use crate::units::Usd;

/// From this share of the weight on, a mix is a move.
const MOVED: u32 = PARTS / 2;
/// An estimate this many standard errors below the line may still turn out above it; further
/// below, more tasks would more likely end the hope than fulfil it.
const HOPE: f64 = 0.5;
/// An estimate nearer to the line than this many standard errors would need a hundred times the
/// sample: then no number of tasks is advice.
const TOO_NEAR: f64 = 0.25;

/// The verdict on one category, given its mix in parts per million by endpoint.
pub(super) fn verdict(
    setting: &Setting<'_>,
    sheet: &Sheet<'_>,
    parts: &[u32],
    held: Option<&str>,
) -> Verdict {
    if let Some(why) = sheet.blocked.as_deref().or(held) {
        return stay(why.to_owned());
    }
    let off: u32 = others(sheet).map(|(i, _)| parts[i]).sum();
    if off > 0 {
        return moved(setting, sheet, parts, off >= MOVED);
    }
    not_yet(setting, sheet).unwrap_or_else(|| stay(nothing_pays(setting, sheet)))
}

fn others<'a>(sheet: &'a Sheet<'_>) -> impl Iterator<Item = (usize, &'a Row<'a>)> {
    sheet.rows.iter().enumerate().filter(|(i, _)| sheet.today != Some(*i))
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

/// The verdict where some of the weight goes elsewhere.
fn moved(setting: &Setting<'_>, sheet: &Sheet<'_>, parts: &[u32], mostly: bool) -> Verdict {
    let chosen: Vec<(usize, &Row<'_>)> = others(sheet).filter(|(i, _)| parts[*i] > 0).collect();
    let candidate = chosen.iter().rev().max_by_key(|(i, _)| parts[*i]).map(|(_, row)| *row);
    let names: Vec<&str> = chosen.iter().map(|(_, row)| row.endpoint.id.short()).collect();
    let why = if mostly {
        why_moved(setting, sheet, parts, &words::list(&names))
    } else {
        let off: u32 = chosen.iter().map(|(i, _)| parts[*i]).sum();
        format!(
            "{} of the traffic goes to {}; the limits leave the rest with {}",
            words::percent(f64::from(off) / f64::from(PARTS)),
            words::list(&names),
            setting.today_name()
        )
    };
    let cost_now = sheet.today().and_then(Row::cost);
    let cost_then = mean_value(sheet, parts, Row::cost);
    Verdict {
        word: if mostly { VerdictWord::Move } else { VerdictWord::Stay },
        candidate: candidate.map(|row| row.endpoint.id.as_str().to_owned()),
        difference: candidate.and_then(difference),
        saves_per_1000_usd: cost_now.zip(cost_then).and_then(|(now, then)| saves(now, then)),
        tasks_needed: None,
        why,
    }
}

fn why_moved(setting: &Setting<'_>, sheet: &Sheet<'_>, parts: &[u32], names: &str) -> String {
    let (today, margin) = (setting.today_name(), words::points(setting.judging.margin));
    let goal = setting.judging.goal;
    let now = sheet.today().map_or(0.0, |row| row.value(goal));
    let then = mean_value(sheet, parts, |row| Some(row.value(goal))).unwrap_or(now);
    if then >= now {
        return format!("{names} is needed to keep the whole traffic within its limits");
    }
    match goal {
        Goal::Cheaper => format!(
            "{} cheaper, quality shown to be within {margin} pt of {today}",
            words::percent((now - then) / now)
        ),
        Goal::Better => format!("{names} is shown better than {today}, within today's cost"),
        Goal::Faster => format!(
            "TTFT above the limit falls from {} to {}, quality shown to be within {margin} pt of \
             {today}",
            words::percent(now),
            words::percent(then)
        ),
    }
}

/// The endpoint that would pay most of those that the sample neither admits nor rules out.
fn not_yet(setting: &Setting<'_>, sheet: &Sheet<'_>) -> Option<Verdict> {
    let goal = setting.judging.goal;
    let hopes = others(sheet).filter_map(|(_, row)| {
        let paired = row.paired.as_ref()?;
        let above = match row.excluded.as_ref()? {
            Exclusion::Unproven(estimate, margin) => estimate.value + margin,
            Exclusion::NotBetter(estimate) => estimate.value,
            _ => return None,
        };
        let hope = sheet.would_pay(row, goal) && above > -HOPE * paired.se;
        hope.then_some((row, paired, above))
    });
    let value = |row: &Row<'_>| row.value(goal);
    let (row, paired, above) = hopes.min_by(|a, b| value(a.0).total_cmp(&value(b.0)))?;
    let more = more_tasks(paired, above);
    let wanted = match goal {
        Goal::Better => format!("better than {}", setting.today_name()),
        Goal::Cheaper | Goal::Faster => format!(
            "within {} pt of {}",
            words::points(setting.judging.margin),
            setting.today_name()
        ),
    };
    let name = row.endpoint.id.short();
    let why = match more {
        Some(more) => {
            format!("{name} might be {wanted}; ≈ {} more tasks would tell", words::thousands(more))
        }
        None => format!("{name} might be {wanted}, too near the line for a sample to tell"),
    };
    let costs = sheet.today().and_then(Row::cost).zip(row.cost());
    Some(Verdict {
        word: VerdictWord::NotYet,
        candidate: Some(row.endpoint.id.as_str().to_owned()),
        difference: difference(row),
        saves_per_1000_usd: costs.and_then(|(now, then)| saves(now, then)),
        tasks_needed: more,
        why,
    })
}

/// How many tasks beyond the present ones would show an effect of this size, if it is real.
fn more_tasks(paired: &Paired, above: f64) -> Option<u64> {
    if above <= TOO_NEAR * paired.se {
        return None;
    }
    let n = paired.estimate.n;
    let sd = paired.se * libm::sqrt(n as f64);
    let needed = paired::tasks_needed(sd, above)?;
    Some(two_digits(needed.saturating_sub(n).max(1)))
}

/// Two significant digits, rounded up: a forecast has no more.
fn two_digits(n: u64) -> u64 {
    let mut step = 1;
    while n / step >= 100 {
        step *= 10;
    }
    n.div_ceil(step) * step
}

/// Why today's endpoint keeps a category in which nothing is in doubt.
fn nothing_pays(setting: &Setting<'_>, sheet: &Sheet<'_>) -> String {
    let goal = setting.judging.goal;
    let today = setting.today_name();
    let margin = words::points(setting.judging.margin);
    let better = match goal {
        Goal::Cheaper => "cheaper",
        Goal::Better => "better",
        Goal::Faster => "faster",
    };
    if sheet.rows.len() < 2 {
        return format!("{today} was the only endpoint");
    }
    let paying: Vec<&Row<'_>> =
        others(sheet).map(|(_, row)| row).filter(|row| sheet.would_pay(row, goal)).collect();
    if let Some(row) = paying.iter().find(|row| row.excluded.is_none()) {
        let name = row.endpoint.id.short();
        return format!("{name} is {better}, but the limits on the whole traffic leave it no room");
    }
    let of_quality = |row: &&Row<'_>| {
        matches!(
            row.excluded,
            Some(Exclusion::Worse(..) | Exclusion::Unproven(..) | Exclusion::NotBetter(_))
        )
    };
    if let Some(row) = paying.iter().find(|row| !of_quality(row))
        && let Some(reason) = &row.excluded
    {
        return format!("{} is {better}, but {reason}", row.endpoint.id.short());
    }
    match (goal, paying.is_empty()) {
        (Goal::Cheaper, true) => format!("nothing is cheaper than {today}"),
        (Goal::Cheaper, false) => format!("nothing cheaper is within {margin} pt of {today}"),
        (Goal::Better, _) => format!("nothing is shown better than {today} within its cost"),
        (Goal::Faster, true) => format!("nothing is faster than {today} within its cost"),
        (Goal::Faster, false) => format!("nothing faster is within {margin} pt of {today}"),
    }
}

/// The paired difference as the file carries it.
fn difference(row: &Row<'_>) -> Option<crate::stats::Estimate> {
    row.paired.as_ref().map(|paired| round::estimate(paired.estimate))
}

/// What 1,000 tasks cost less, to the millionth of a dollar.
fn saves(now: f64, then: f64) -> Option<Usd> {
    format!("{:.6}", (now - then) * 1000.0).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Figures;
    use crate::weights::fixture::{Plan, endpoint, figures, with_goal, with_slo};
    use crate::weights::tune;

    /// Checks word, candidate and reason of one category.
    fn check(figures: &Figures, category: &str, word: VerdictWord, candidate: &str, why: &str) {
        let file = tune(figures);
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

    fn support(endpoints: Vec<Plan>) -> Figures {
        figures(&[("classify", 400, 0.6), ("extract", 200, 0.25), ("reply", 200, 0.15)], endpoints)
    }

    #[test]
    fn three_categories_three_verdicts() {
        let figures = support(vec![large(), mini()]);
        let (name, today) = ("acme/mini@azure", "large@azure");
        let why = format!("70 % cheaper, quality shown to be within 2 pt of {today}");
        check(&figures, "classify", VerdictWord::Move, name, &why);
        let why =
            format!("mini@azure might be within 2 pt of {today}; ≈ 6,700 more tasks would tell");
        check(&figures, "extract", VerdictWord::NotYet, name, &why);
        let why = format!("nothing cheaper is within 2 pt of {today}");
        check(&figures, "reply", VerdictWord::Stay, "none", &why);

        let file = tune(&figures);
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
            let figures = support(std::iter::once(large()).chain(others).collect());
            check(&figures, "reply", VerdictWord::Stay, "none", why);
        };
        stay(vec![], "large@azure was the only endpoint");
        stay(vec![endpoint("acme/huge@birch", 0.02)], "nothing is cheaper than large@azure");
        stay(
            vec![endpoint("acme/large@birch", 0.005).failed(0.3)],
            "large@birch is cheaper, but 30 % of its trials failed, 0 % of today's",
        );
    }

    #[test]
    fn an_estimate_on_the_line_asks_for_no_number() {
        // −2 points against a margin of 2: whatever the sample, half of them would fail.
        let on_the_line = endpoint("acme/mini@azure", 0.002).wrong(&[(0, 8), (5, 17), (0, 20)]);
        let figures = support(vec![large(), on_the_line]);
        let why = "mini@azure might be within 2 pt of large@azure, too near the line for a sample \
                   to tell";
        check(&figures, "extract", VerdictWord::NotYet, "acme/mini@azure", why);
        // Well below the line the hope is gone, although nothing is proven.
        let below = endpoint("acme/mini@azure", 0.002).wrong(&[(0, 8), (5, 20), (0, 20)]);
        let why = "nothing cheaper is within 2 pt of large@azure";
        check(&support(vec![large(), below]), "extract", VerdictWord::Stay, "none", why);
    }

    #[test]
    fn better_and_faster_have_their_own_words() {
        let huge = endpoint("acme/huge@birch", 0.009).miss(0.01);
        let large = || large().miss(0.10);
        let better = with_goal(support(vec![large(), huge]), Goal::Better);
        let why = "huge@birch is shown better than large@azure, within today's cost";
        check(&better, "extract", VerdictWord::Move, "acme/huge@birch", why);
        let why = "nothing is shown better than large@azure within its cost";
        check(&better, "reply", VerdictWord::Stay, "none", why);
        let faster = with_slo(with_goal(better, Goal::Faster), 0.05);
        let why = "TTFT above the limit falls from 10 % to 1 %, quality shown to be within 2 pt of \
                   large@azure";
        check(&faster, "classify", VerdictWord::Move, "acme/huge@birch", why);
    }

    #[test]
    fn a_part_that_moves_is_no_move() {
        // 0.02 (1 − w) + 0.22 w ≤ 0.05, so 15 % of the traffic: a quarter of `classify`.
        let slow = endpoint("acme/mini@azure", 0.002).wrong(&[(0, 8), (0, 90), (0, 90)]).miss(0.22);
        let figures = with_slo(support(vec![large().miss(0.02), slow]), 0.05);
        let why = "25 % of the traffic goes to mini@azure; the limits leave the rest with \
                   large@azure";
        check(&figures, "classify", VerdictWord::Stay, "acme/mini@azure", why);
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
