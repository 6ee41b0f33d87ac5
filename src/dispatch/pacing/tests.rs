use super::*;
use crate::wire::rate_limit::When;

const ALL: QuotaShare = QuotaShare { share: None, among: 1 };
const HALF: QuotaShare = QuotaShare { share: Some(0.5), among: 1 };

fn at(ms: u64) -> Stamp {
    Stamp::from_nanos(ms * 1_000_000)
}

fn wall() -> Timestamp {
    Timestamp::from_second(1_755_780_000).expect("in range")
}

fn per_min(n: u32) -> Limits {
    Limits { requests_per_min: Some(n), ..Limits::default() }
}

/// When so many requests leave that are all there at the start, milliseconds.
fn leave_at(pacer: &mut Pacer, start: u64, input: u64, n: usize) -> Vec<u64> {
    let mut now = at(start);
    let taken = TokenUse { input, output: 0 };
    let mut leave = || {
        now = pacer.next(now);
        pacer.leave(now, taken);
        now.as_nanos() / 1_000_000
    };
    (0..n).map(|_| leave()).collect()
}

fn said(limit: u64, remaining: u64, reset_ms: u64) -> RateLimits {
    let reset = Some(When::In(Duration::from_millis(reset_ms)));
    let (counted, per) = (LimitKind::Requests, None);
    let (limit, remaining, is_bare) = (Some(limit), Some(remaining), false);
    let window = Window { counted, per, limit, remaining, reset, is_bare };
    RateLimits { windows: vec![window], date: None }
}

#[test]
fn requests_leave_at_their_rate() {
    let check = |limits: Limits, quota_share, input, expected: &[u64]| {
        let mut pacer = Pacer::new(&limits, quota_share);
        assert_eq!(leave_at(&mut pacer, 5_000, input, expected.len()), expected);
    };
    check(per_min(60), ALL, 10, &[5_000, 6_000, 7_000, 8_000]);
    check(per_min(60), HALF, 10, &[5_000, 7_000, 9_000]);
    check(per_min(60), QuotaShare { among: 7, ..ALL }, 10, &[5_000, 12_000, 19_000]);
    check(per_min(1), HALF, 10, &[5_000, 65_000]);
    check(Limits::default(), HALF, 1 << 40, &[5_000, 5_000, 5_000]);
    let tokens = Limits { tokens_per_min: Some(6_000), ..Limits::default() };
    check(tokens, ALL, 200, &[5_000, 7_000, 9_000]);
    check(tokens, HALF, 200, &[5_000, 9_000, 13_000]);
}

#[test]
fn tokens_are_settled() {
    let tokens = Limits { tokens_per_min: Some(6_000), ..Limits::default() };
    let mut pacer = Pacer::new(&tokens, ALL);
    let expected = TokenUse { input: 100, output: 100 };
    pacer.leave(at(0), expected);
    assert_eq!(pacer.next(at(0)), at(2_000));
    pacer.settle(expected, TokenUse { input: 100, output: 900 });
    assert_eq!(pacer.next(at(0)), at(10_000));
    pacer.settle(TokenUse { input: 0, output: 900 }, TokenUse::default());
    assert_eq!(pacer.next(at(0)), at(1_000));
}

#[test]
fn a_usage_that_cannot_be_costs_a_window() {
    let tokens = Limits { tokens_per_min: Some(6_000), ..Limits::default() };
    let mut pacer = Pacer::new(&tokens, HALF);
    let expected = TokenUse { input: 50, output: 50 };
    pacer.leave(at(0), expected);
    pacer.settle(expected, TokenUse { input: 50, output: u64::MAX });
    assert_eq!(pacer.next(at(0)), at(62_000));
}

#[test]
fn a_pause_holds_everybody() {
    let mut pacer = Pacer::new(&Limits::default(), HALF);
    pacer.pause(at(3_000));
    pacer.pause(at(0));
    assert_eq!((pacer.next(at(0)), pacer.next(at(4_000))), (at(3_000), at(4_000)));
}

#[test]
fn what_left_before_a_limit_was_known_counts() {
    let mut pacer = Pacer::new(&Limits::default(), HALF);
    let first: Vec<Total> = (0..16).map(|_| pacer.leave(at(0), TokenUse::default())).collect();
    // 60 a minute, of which 59 remain after the first of sixteen.
    let low = pacer.learn(&said(60, 59, 1_000), first[0], (at(500), wall()), at(500));
    assert_eq!(low, None);
    let next = leave_at(&mut pacer, 500, 0, 3);
    assert_eq!(next, [32_000, 34_000, 36_000], "16 of 30 a minute are 32 s' worth");
    assert!(pacer.kept().next().is_none(), "nobody said that they waited");
}

#[test]
fn no_minute_holds_more_than_the_share() {
    let mut pacer = Pacer::new(&Limits::default(), HALF);
    let first = pacer.leave(at(0), TokenUse::default());
    pacer.learn(&said(7, 6, 8_571), first, (at(300), wall()), at(300));
    let left = leave_at(&mut pacer, 300, 0, 20);
    for start in &left {
        let within = left.iter().filter(|at| (*start..start + 60_000).contains(at)).count();
        assert!(within <= 3, "{within} of 7 a minute: {left:?}");
    }
}

#[test]
fn below_the_rest_one_request_looks_after_the_reset() {
    let mut pacer = Pacer::new(&Limits::default(), HALF);
    let first = pacer.leave(at(0), TokenUse::default());
    let low = pacer.learn(&said(60, 20, 40_000), first, (at(1_000), wall()), at(1_000));
    let low = low.expect("20 of 60 is less than half");
    assert_eq!((low.limit.limit, low.reset), (60, at(41_000)));
    assert_eq!(pacer.next(at(1_000)), at(41_000));
    let second = pacer.leave(at(41_000), TokenUse::default());
    let low = pacer.learn(&said(60, 59, 1_000), second, (at(42_000), wall()), at(42_000));
    assert_eq!((low, pacer.next(at(43_000))), (None, at(43_000)));
    assert_eq!(pacer.low_pauses(), 1);
    assert_eq!(pacer.kept().map(|kept| kept.limit).collect::<Vec<_>>(), [60]);
}

#[test]
fn a_limit_by_the_day_is_looked_at_every_minute() {
    let mut pacer = Pacer::new(&Limits::default(), HALF);
    let day = 86_400_000;
    let first = pacer.leave(at(0), TokenUse::default());
    // 30 of 200 a day are gone: there is no reason to go slow.
    pacer.learn(&said(200, 170, day / 200 * 30), first, (at(0), wall()), at(0));
    assert_eq!(leave_at(&mut pacer, 0, 0, 3), [0, 0, 0]);
    // 101 are: each look says so again.
    let fifth = pacer.leave(at(0), TokenUse::default());
    let low = pacer.learn(&said(200, 99, day / 200 * 101), fifth, (at(0), wall()), at(0));
    assert_eq!(low.expect("low").limit.per, Per::Day);
    assert_eq!(leave_at(&mut pacer, 0, 0, 3), [60_000, 120_000, 180_000]);
}

#[test]
fn what_is_on_its_way_counts_as_gone() {
    let mut pacer = Pacer::new(&Limits::default(), HALF);
    let day = 86_400_000;
    let first = pacer.leave(at(0), TokenUse::default());
    pacer.learn(&said(200, 103, day), first, (at(0), wall()), at(0));
    assert_eq!(leave_at(&mut pacer, 0, 0, 5), [0, 0, 0, 0, 60_000]);
}

#[test]
fn an_older_answer_says_nothing_new() {
    let mut pacer = Pacer::new(&Limits::default(), HALF);
    let first = pacer.leave(at(0), TokenUse::default());
    let second = pacer.leave(at(0), TokenUse::default());
    pacer.learn(&said(60, 58, 2_000), second, (at(100), wall()), at(100));
    let low = pacer.learn(&said(60, 1, 59_000), first, (at(200), wall()), at(200));
    assert_eq!(low, None);
}

#[test]
fn only_what_remains_is_stated() {
    let mut pacer = Pacer::new(&Limits::default(), HALF);
    let only = |remaining| {
        let mut said = said(1, remaining, 0);
        (said.windows[0].limit, said.windows[0].reset) = (None, None);
        said
    };
    let first = pacer.leave(at(0), TokenUse::default());
    assert_eq!(pacer.learn(&only(100), first, (at(0), wall()), at(0)), None);
    assert_eq!(pacer.next(at(0)), at(0), "no limit is stated, so none is kept by spacing");
    let second = pacer.leave(at(0), TokenUse::default());
    assert!(pacer.learn(&only(49), second, (at(0), wall()), at(0)).is_some());
    assert_eq!(pacer.next(at(0)), at(60_000));
}

#[test]
fn where_nobody_else_is_nothing_is_learnt() {
    let mut pacer = Pacer::new(&Limits::default(), ALL);
    let first = pacer.leave(at(0), TokenUse::default());
    assert_eq!(pacer.learn(&said(60, 1, 9_000), first, (at(0), wall()), at(0)), None);
    assert_eq!(leave_at(&mut pacer, 0, 0, 3), [0, 0, 0]);
}

#[test]
fn with_the_whole_share_only_what_is_gone_is_waited_for() {
    let whole = QuotaShare { share: Some(1.0), among: 1 };
    let mut pacer = Pacer::new(&Limits::default(), whole);
    let first = pacer.leave(at(0), TokenUse::default());
    pacer.learn(&said(60, 1, 59_000), first, (at(0), wall()), at(0));
    assert_eq!(leave_at(&mut pacer, 0, 0, 2), [1_000, 59_000]);
}

/// What the period of a limit is taken for after responses `(limit, remaining, reset in ms)`, a second
/// apart.
fn per_after(is_bare: bool, responses: &[(u64, u64, u64)]) -> Per {
    let mut pacer = Pacer::new(&Limits::default(), HALF);
    for (n, (limit, remaining, reset_ms)) in (0..).zip(responses) {
        let came = at(n * 1_000);
        let left = pacer.leave(came, TokenUse::default());
        let mut said = said(*limit, *remaining, *reset_ms);
        said.windows[0].is_bare = is_bare;
        pacer.learn(&said, left, (came, wall()), came);
    }
    pacer.seen[&(LimitKind::Requests, None)].per
}

#[test]
fn one_response_does_not_tell_a_period() {
    let check = |responses: &[(u64, u64, u64)], expected| {
        assert_eq!(per_after(false, responses), expected, "{responses:?}");
    };
    // Windows of a minute that look like an hour's, a day's and a second's limit.
    check(&[(60, 59, 60_000)], Per::Minute);
    check(&[(60, 59, 60_000), (60, 58, 59_000), (60, 59, 60_000)], Per::Minute);
    check(&[(1_440, 1_439, 60_000), (1_440, 1_438, 59_000)], Per::Minute);
    check(&[(20, 0, 1_000), (20, 0, 1_000), (20, 10, 30_000)], Per::Minute);
    check(&[(3_000, 2_950, 60_000), (3_000, 2_949, 60_000)], Per::Minute);
    // Limits that do refill evenly.
    check(&[(10_000, 9_999, 8_640), (10_000, 9_998, 17_280)], Per::Day);
    check(&[(10_000, 9_999, 8_640), (10_000, 9_999, 8_640), (10_000, 9_997, 25_920)], Per::Day);
    check(&[(60, 59, 60_000), (60, 58, 120_000)], Per::Hour);
    check(&[(10, 9, 100), (10, 8, 200)], Per::Second);
    // A longer reset than that, or a number that does not fit, takes it back.
    check(&[(10, 9, 100), (10, 8, 200), (10, 8, 5_000)], Per::Minute);
    check(&[(60, 59, 60_000), (60, 58, 120_000), (60, 40, 30_000)], Per::Hour);
    check(&[(1_440, 1_439, 60_000), (1_440, 1_438, 120_000), (1_440, 1_400, 50_000)], Per::Hour);
}

#[test]
fn a_window_that_looks_like_an_hours_is_still_kept() {
    let mut pacer = Pacer::new(&Limits::default(), HALF);
    let first = pacer.leave(at(0), TokenUse::default());
    pacer.learn(&said(60, 59, 60_000), first, (at(0), wall()), at(0));
    assert_eq!(leave_at(&mut pacer, 0, 0, 3), [2_000, 4_000, 6_000]);
}

#[test]
fn a_bare_limit_is_for_a_second_only_where_its_reset_stays_there() {
    let last = (20, 0, 1_000);
    assert_eq!(per_after(true, &[last]), Per::Minute);
    assert_eq!(per_after(true, &[last, last]), Per::Minute);
    assert_eq!(per_after(true, &[last, last, (20, 19, 1_000)]), Per::Second);
    assert_eq!(per_after(true, &[last, last, (20, 19, 59_000)]), Per::Minute);
}

#[test]
fn resets_go_by_the_clock_of_the_response() {
    let check = |ours_is_ahead_by: i64| {
        let mut pacer = Pacer::new(&Limits::default(), HALF);
        let first = pacer.leave(at(0), TokenUse::default());
        let mut said = said(60, 20, 0);
        let theirs = wall();
        let ours = Timestamp::from_second(theirs.as_second() + ours_is_ahead_by).expect("in range");
        let full = Timestamp::from_second(theirs.as_second() + 40).expect("in range");
        (said.windows[0].reset, said.date) = (Some(When::At(full)), Some(theirs));
        let low = pacer.learn(&said, first, (at(1_000), ours), at(1_000));
        assert_eq!(low.expect("20 of 60 is less than half").reset, at(41_000));
    };
    check(0);
    check(90);
    check(-3_600);
}
