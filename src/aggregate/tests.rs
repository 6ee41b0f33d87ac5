//! A run small enough to be worked out by hand.

use tempfile::TempDir;

use super::fixture::{BOUND, Made, Outcome, judging, usd};
use super::*;
use crate::stats::proportion::wilson;
use crate::stats::{Estimate, Method};
use crate::units::{EndpointId, Judging, Slo, normal};

const LARGE: &str = "acme/large@azure#high";
const MINI: &str = "acme/mini@azure";

/// Four tasks in two categories; a large endpoint, a small one, one that was never reached.
const OUTCOMES: [&[Outcome]; 3] = [
    &[
        Outcome::Ok { cost: "0.01", score: Some(1.0) },
        Outcome::Ok { cost: "0.02", score: Some(1.0) },
        Outcome::Retried { cost: "0.03", score: Some(1.0) },
        Outcome::Failed { cost: "0.04" },
    ],
    &[
        Outcome::Ok { cost: "0.001", score: Some(1.0) },
        Outcome::Ok { cost: "0.001", score: Some(0.0) },
        Outcome::InDoubt,
        Outcome::Ok { cost: "0.002", score: None },
    ],
    &[Outcome::Ineligible, Outcome::Left, Outcome::Left, Outcome::Ineligible],
];

async fn play(judging: Judging, finished: bool) -> TempDir {
    let dir = TempDir::new().expect("a folder");
    let categories = ["a", "a", "b", "b"];
    let made = Made { categories: &categories, outcomes: &OUTCOMES, judging, finished };
    made.play(dir.path()).await;
    dir
}

async fn figures_of(judging: Judging) -> RunMetrics {
    compute_metrics(play(judging, true).await.path()).expect("a run")
}

fn close(found: Option<Estimate>, value: f64, n: u64, method: Method) {
    let found = found.expect("an estimate");
    assert!((found.value - value).abs() < 1e-12, "{found:?}, expected {value}");
    assert_eq!((found.n, found.method), (n, method), "{found:?}");
}

#[tokio::test]
async fn counts_and_money_add_up() {
    let found = figures_of(judging(None, &[])).await;
    let counts = Counts {
        planned: 12,
        ok: 6,
        failed: 1,
        ineligible: 2,
        skipped: 2,
        in_doubt: 1,
        scored: 5,
        unscored: 1,
        ..Counts::default()
    };
    assert_eq!(found.counts, counts);
    assert_eq!(found.cost, usd("0.104"));
    assert_eq!(found.cost_upper, usd("1.104"), "two attempts of unknown cost, {BOUND} each");
    assert!(found.simulated);
    let [large, mini, secret] = found.endpoints.as_slice() else { unreachable!("three") };
    assert_eq!((large.all.cost, large.all.cost_unknown), (usd("0.1"), 1));
    assert_eq!((large.cells[0].cost, large.cells[1].cost), (usd("0.03"), usd("0.07")));
    assert_eq!((mini.all.cost, mini.all.cost_upper), (usd("0.004"), usd("0.504")));
    assert!(!secret.priced && secret.all.cost_per_task.is_none());
    assert_eq!((secret.all.counts.ineligible, secret.all.counts.skipped), (2, 2));
    let tokens = TokenSums { input: 300, output: 15, ..TokenSums::default() };
    assert_eq!((large.all.tokens, large.all.output_tokens), (tokens, Some(5.0)));
}

#[tokio::test]
async fn estimates_are_those_of_the_hand() {
    let found = figures_of(judging(None, &[])).await;
    let (large, mini) = (&found.endpoints[0].all, &found.endpoints[1].all);
    close(large.availability, 2.0 / 4.0, 4, Method::Wilson);
    close(large.availability_retried, 3.0 / 4.0, 4, Method::Wilson);
    // Shares that nobody stated are equal, and weigh as stated ones do.
    close(large.quality, 1.0, 3, Method::Mover);
    close(large.cost_per_task, 0.5 * 0.015 + 0.5 * 0.035, 4, Method::Mover);
    close(large.cost_per_pass, 0.1 / 3.0, 4, Method::Fieller);
    assert_eq!(mini.quality, None, "not scored in b, so not comparable over the traffic");
    close(mini.cost_per_task, 0.5 * 0.001 + 0.5 * 0.002, 3, Method::Mover);
    close(mini.cost_per_pass, 0.002, 2, Method::Fieller);
    let mini = &found.endpoints[1].cells[0];
    close(mini.quality, 0.5, 2, Method::Wilson);
    close(mini.cost_per_task, 0.001, 2, Method::T);
    assert_eq!(large.slo_miss, None, "no objective, so nothing to miss");
    close(found.endpoints[0].cells[1].quality, 1.0, 1, Method::Wilson);
    assert_eq!(found.endpoints[1].cells[1].quality, None);
}

#[tokio::test]
async fn what_never_answered_has_failures_and_no_cost() {
    let right = Outcome::Ok { cost: "0.01", score: Some(1.0) };
    let failed = Outcome::Failed { cost: "0" };
    let dir = TempDir::new().expect("a folder");
    let made = Made {
        categories: &["a", "a"],
        outcomes: &[&[right, failed], &[failed, failed]],
        judging: judging(None, &[]),
        finished: true,
    };
    made.play(dir.path()).await;
    let found = compute_metrics(dir.path()).expect("a run");
    let [some, none] = found.endpoints.as_slice() else { unreachable!("two") };
    assert_eq!(some.all.failures.get("server"), Some(&1));
    close(some.all.cost_per_task, 0.005, 2, Method::T);
    assert_eq!(none.all.failures.get("server"), Some(&2));
    assert_eq!(none.all.cost_per_task, None, "nobody knows what an answer of it costs");
}

#[tokio::test]
async fn latencies_are_of_answers_only() {
    let slo = Some(Slo { ttft_ms: 4.0, miss: 0.1 });
    let found = figures_of(Judging { slo, ..judging(None, &[]) }).await;
    let large = &found.endpoints[0].all;
    // Trials 0, 3 and 6 of the plan answered, after 1, 4 and 7 ms.
    let ttft = &large.latency[&LatencyMetric::Ttft];
    assert_eq!((ttft.n, ttft.percentiles.len()), (3, 0), "below every floor");
    assert!((ttft.mean - 0.004).abs() < 1e-12 && (ttft.max - 0.007).abs() < 1e-12, "{ttft:?}");
    assert_eq!(large.latency[&LatencyMetric::Icl].n, 12);
    let itl = &large.latency[&LatencyMetric::Itl];
    assert_eq!((itl.n, itl.slots.as_slice()), (3, &[(1000, 3)][..]), "five tokens in 4 ms");
    assert!(!large.latency.contains_key(&LatencyMetric::Connect), "connections were reused");
    close(large.slo_miss, 1.0 / 3.0, 3, Method::Wilson);
    assert_eq!(found.endpoints[0].cells[0].latency[&LatencyMetric::Ttft].n, 2);
}

#[tokio::test]
async fn the_best_endpoint_stands_for_today_unless_one_is_named() {
    let assumed = figures_of(judging(None, &[])).await;
    assert_eq!(
        assumed.today,
        Today { endpoint: Some(EndpointId::from_text(LARGE)), stated: false, apart: false }
    );
    assert!(assumed.categories.iter().all(|c| (c.share - 0.5).abs() < 1e-12 && !c.share_stated));
    let named = figures_of(judging(Some(MINI), &[])).await;
    assert_eq!(
        named.today,
        Today { endpoint: Some(EndpointId::from_text(MINI)), stated: true, apart: false }
    );
    let absent = figures_of(judging(Some("acme/gone@azure"), &[])).await;
    assert_eq!(absent.today, assumed.today);
}

#[tokio::test]
async fn differences_are_paired_and_adjusted_by_family() {
    let found = figures_of(judging(None, &[])).await;
    let mini = &found.endpoints[1];
    assert_eq!(mini.all.vs_today, None, "no task of b in common, and half of the traffic is there");
    let cell = mini.cells[0].vs_today.expect("two tasks in common");
    close(Some(cell.estimate), -0.5, 2, Method::T);
    assert_eq!(cell.significance, Significance::Unclear);
    assert!(cell.detectable > cell.se && cell.se > 0.0, "{cell:?}");
    assert_eq!(found.difference(Some(0), 1, 0).map(|p| p.estimate), Some(cell.estimate));
    assert_eq!(found.difference(None, 1, 0), None);
    assert_eq!(mini.cells[1].vs_today, None);
    assert!(found.endpoints[0].all.vs_today.is_none(), "today is not held against itself");
    assert_eq!(found.scores.pairs(None, 0, 1).len(), 2);
}

#[tokio::test]
async fn stated_shares_weigh_the_rows() {
    let found = figures_of(judging(None, &[("a", 0.75), ("b", 0.25)])).await;
    let large = &found.endpoints[0];
    let z = normal::quantile(0.975);
    let (two, one) = (1.0 - wilson(2.0, 2.0, z).0, 1.0 - wilson(1.0, 1.0, z).0);
    let distance = libm::sqrt((0.75 * two) * (0.75 * two) + (0.25 * one) * (0.25 * one));
    close(large.all.quality, 1.0, 3, Method::Mover);
    let low = large.all.quality.and_then(|q| q.low).expect("both categories have one");
    assert!((low - (1.0 - distance)).abs() < 1e-12, "{low}");
    close(large.all.cost_per_task, 0.75 * 0.015 + 0.25 * 0.035, 4, Method::Mover);
    // The small endpoint has no score in b, where a quarter of the traffic is.
    assert_eq!(found.endpoints[1].all.quality, None);
    assert_eq!(found.endpoints[1].all.vs_today, None);

    // Without traffic in b, nothing is missing.
    let found = figures_of(judging(None, &[("a", 1.0)])).await;
    close(found.endpoints[1].all.quality, 0.5, 2, Method::Mover);
    let row = found.endpoints[1].all.vs_today.expect("a stratum");
    let cell = found.endpoints[1].cells[0].vs_today.expect("a cell");
    assert!((row.se - cell.se).abs() < 1e-12, "one stratum is the whole: {row:?} {cell:?}");
    assert!((row.estimate.value - cell.estimate.value).abs() < 1e-12);
}

#[tokio::test]
async fn a_run_that_was_cut_off_counts_the_same() {
    let whole = play(judging(None, &[]), true).await;
    let cut = play(judging(None, &[]), false).await;
    let (whole, cut) = (
        compute_metrics(whole.path()).expect("a run"),
        compute_metrics(cut.path()).expect("a run"),
    );
    assert_eq!(cut.counts, whole.counts);
    assert_eq!((cut.cost, cut.cost_upper), (whole.cost, whole.cost_upper));
    assert!(cut.manifest.ended.is_none() && whole.manifest.ended.is_some());
}

#[tokio::test]
async fn trials_are_shown_in_the_order_of_the_plan() {
    let dir = play(judging(None, &[]), true).await;
    let views = TrialViews::open(dir.path()).expect("a run");
    let views: Vec<TrialView> = views.map(|view| view.expect("readable")).collect();
    let statuses: Vec<_> = views.iter().map(|view| view.status).collect();
    let expected = [
        ["ok", "ok", "ineligible"],
        ["ok", "ok", "skipped"],
        ["ok", "in_doubt", "skipped"],
        ["failed", "ok", "ineligible"],
    ];
    assert_eq!(statuses, expected.concat(), "task by task");

    let unsent = TrialView {
        run: "r1".into(),
        trial: views[2].trial.clone(),
        suite: "s".into(),
        task: "t0".into(),
        category: "a".into(),
        endpoint: "acme/secret@azure".into(),
        model: "acme/secret".into(),
        provider: "azure".into(),
        status: "ineligible",
        tags: vec!["a".into(), "b".into()],
        ..TrialView::default()
    };
    assert_eq!(views[2], unsent, "what was never sent is empty, not 0");

    let retried = TrialView {
        endpoint: LARGE.into(),
        model: "acme/large".into(),
        variant: Some("high".into()),
        trial: views[6].trial.clone(),
        task: "t2".into(),
        category: "b".into(),
        status: "ok",
        attempts: 2,
        score: Some(1.0),
        finish_reason: Some("stop".into()),
        ttft_us: Some(7000),
        ttfo_us: Some(7000),
        itl_us: Some(1000.0),
        e2e_us: Some(11_000),
        input_tokens: Some(100),
        output_tokens: Some(5),
        started_at: Some("2026-01-01T00:00:06.000000Z".into()),
        response_model: Some("large-0611".into()),
        backoff_us: Some(7),
        pacing_us: Some(8),
        e2e_with_retries_us: Some(3000),
        tokens_source: Some("usage"),
        cost_upper_usd: Some(usd("0.53")),
        ..unsent
    };
    assert_eq!(views[6], retried, "the first attempt's cost is not known, so the sum is not");

    let in_doubt = &views[7];
    assert_eq!((in_doubt.attempts, in_doubt.cost_upper_usd), (1, Some(usd(BOUND))));
    assert_eq!(in_doubt.started_at.as_deref(), Some("2026-01-01T00:00:07.000000Z"));
    assert_eq!(views[9].error_class.as_deref(), Some("server"));
    assert_eq!((views[9].cost_usd, views[9].e2e_us), (Some(usd("0.04")), None));
    let missing = compute_metrics(&dir.path().join("elsewhere"));
    assert!(matches!(missing, Err(AggregateError::Store(_))), "{missing:?}");
}

#[tokio::test]
async fn rows_and_cells_are_families_of_their_own() {
    let right = Outcome::Ok { cost: "0.01", score: Some(1.0) };
    let wrong = Outcome::Ok { cost: "0.01", score: Some(0.0) };
    let categories = ["a"; 8].into_iter().chain(["b"; 2]).collect::<Vec<_>>();
    let worse: Vec<Outcome> =
        categories.iter().map(|c| if *c == "a" { wrong } else { right }).collect();
    let best = [right; 10];
    let dir = TempDir::new().expect("a folder");
    let made = Made {
        categories: &categories,
        outcomes: &[&best, &worse],
        judging: judging(None, &[]),
        finished: true,
    };
    made.play(dir.path()).await;
    let found = compute_metrics(dir.path()).expect("a run");
    let mini = &found.endpoints[1];
    let (row, cell) = (mini.all.vs_today.expect("a row"), mini.cells[0].vs_today.expect("a cell"));
    // Eight discordant pairs, all one way: McNemar's mid-p is 2·2⁻⁸ − 2⁻⁸ = 2⁻⁸.
    let p = 1.0 / 256.0;
    assert!(row.p_adjusted.to_bits() == row.p.to_bits(), "alone: {row:?}");
    assert!((row.estimate.value + 0.5).abs() < 1e-12, "half of the traffic is in a: {row:?}");
    assert!((cell.p - p).abs() < 1e-12 && (cell.p_adjusted - 2.0 * p).abs() < 1e-12, "{cell:?}");
    assert_eq!(cell.significance, Significance::Worse);
    assert_eq!(
        row.significance,
        Significance::Unclear,
        "two tasks of b bear no certainty over both"
    );
    let same = mini.cells[1].vs_today.expect("a cell");
    assert_eq!(
        (same.significance, same.p_adjusted.to_bits()),
        (Significance::Unclear, 1.0_f64.to_bits())
    );
}
