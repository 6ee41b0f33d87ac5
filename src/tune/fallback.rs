//! Where to go when the drawn endpoint fails.

use super::admit::{Row, Sheet};

/// How many fallbacks a category has at most: a request that failed at four endpoints has waited
/// long enough.
const MOST: usize = 3;

/// Up to three endpoints outside the mix. Those that could have been in it come first, then those
/// that only their quality kept out; within each, another provider than any before first (an
/// outage takes a whole provider), then the better, then the cheaper. Today's endpoint is always
/// among them, or in the mix.
pub(super) fn fallbacks(sheet: &Sheet<'_>, parts: &[u32]) -> Vec<String> {
    let outside = |i: &usize| parts.get(*i) == Some(&0);
    let mut used: Vec<&str> = (0..parts.len())
        .filter(|i| parts[*i] > 0)
        .map(|i| sheet.rows[i].endpoint.provider.as_str())
        .collect();
    let mut chosen: Vec<usize> = Vec::new();
    for admitted in [true, false] {
        let mut pool: Vec<usize> =
            (0..sheet.rows.len()).filter(outside).filter(|i| able(sheet, *i, admitted)).collect();
        pool.sort_by(|a, b| better_then_cheaper(&sheet.rows[*a], &sheet.rows[*b]).then(a.cmp(b)));
        while !pool.is_empty() {
            let fresh = pool
                .iter()
                .position(|i| !used.contains(&sheet.rows[*i].endpoint.provider.as_str()));
            let next = pool.remove(fresh.unwrap_or(0));
            used.push(&sheet.rows[next].endpoint.provider);
            chosen.push(next);
        }
    }
    let today = sheet.today.filter(|today| outside(today));
    if let Some(today) = today
        && !chosen[..chosen.len().min(MOST)].contains(&today)
    {
        chosen.truncate(MOST - 1);
        chosen.push(today);
    }
    chosen.truncate(MOST);
    chosen.into_iter().map(|i| sheet.rows[i].endpoint.id.as_str().to_owned()).collect()
}

/// Whether an endpoint may stand in, in the round of those that were admitted or in the other.
fn able(sheet: &Sheet<'_>, i: usize, admitted: bool) -> bool {
    let row = &sheet.rows[i];
    match &row.excluded {
        None => admitted,
        Some(exclusion) => !admitted && exclusion.may_stand_in() && row.cell.quality.is_some(),
    }
}

fn better_then_cheaper(a: &Row<'_>, b: &Row<'_>) -> std::cmp::Ordering {
    let quality = |row: &Row<'_>| row.cell.quality.map_or(f64::NEG_INFINITY, |q| q.value);
    let cost = |row: &Row<'_>| row.cost().unwrap_or(f64::INFINITY);
    quality(b).total_cmp(&quality(a)).then(cost(a).total_cmp(&cost(b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::admit::Setting;
    use crate::tune::fixture::{Plan, endpoint, metrics};
    use crate::weights::PARTS;

    /// Checks the fallbacks of a category in which endpoint `chosen` has all the weight.
    fn check(endpoints: Vec<Plan>, chosen: usize, expected: &[&str]) {
        let metrics = metrics(&[("c", 400, 1.0)], endpoints);
        let sheets = Setting::of(&metrics).sheets();
        let n = metrics.endpoints.len();
        let parts: Vec<u32> = (0..n).map(|i| if i == chosen { PARTS } else { 0 }).collect();
        assert_eq!(fallbacks(&sheets[0], &parts), expected);
    }

    fn today() -> Plan {
        endpoint("a/large@azure", 0.01).wrong(&[(0, 8)])
    }

    #[test]
    fn another_provider_comes_before_a_better_endpoint() {
        let mini = endpoint("a/mini@azure", 0.002).wrong(&[(0, 8)]);
        let twin = endpoint("a/large@birch", 0.011).wrong(&[(0, 9)]);
        check(vec![today(), mini, twin], 1, &["a/large@birch", "a/large@azure"]);
    }

    #[test]
    fn what_cannot_answer_or_be_paid_for_is_never_a_fallback() {
        let mini = endpoint("a/mini@birch", 0.002).wrong(&[(0, 8)]);
        let broken = endpoint("a/broken@cedar", 0.001).failed(0.5);
        let secret = endpoint("a/secret@dahlia", 0.001).unpriced();
        let narrow = endpoint("a/narrow@elm", 0.001).ineligible(3);
        check(vec![today(), mini, broken, secret, narrow], 1, &["a/large@azure"]);
    }

    #[test]
    fn the_weak_come_last_and_today_is_always_there() {
        let mini = || endpoint("a/mini@birch", 0.002).wrong(&[(0, 8)]);
        let weak = endpoint("a/weak@cedar", 0.001).wrong(&[(0, 40)]);
        check(vec![today(), mini(), weak], 1, &["a/large@azure", "a/weak@cedar"]);
        let better = |provider: &str| endpoint(&format!("a/large@{provider}"), 0.02);
        let four = vec![today(), mini(), better("cedar"), better("dahlia"), better("elm")];
        check(four, 1, &["a/large@cedar", "a/large@dahlia", "a/large@azure"]);
    }
}
