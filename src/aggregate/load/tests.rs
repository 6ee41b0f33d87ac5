//! Load runs of which everything is known.

use tempfile::TempDir;

use super::fixture::{LoadRun, MS, S, START, closed, dropped, failed, open, slo, stalled};
use super::*;
use crate::aggregate::fixture::usd;
use crate::aggregate::{AggregateError, LatencyMetric};
use crate::stats::{Estimate, Method};
use crate::store::{LoadRecord, Reader, RequestRecord};
use crate::units::ValidityMark;
use crate::wire::ErrorClass;

fn metrics(run: LoadRun) -> LoadMetrics {
    let dir = TempDir::new().expect("a folder");
    run.play(dir.path());
    compute_load_metrics(dir.path()).expect("readable")
}

fn at(cell: &LoadCell, metric: LatencyMetric, key: u16) -> f64 {
    cell.latency[&metric].percentiles[&key].value
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 0.002 * b.abs(), "{a} is not {b}");
}

fn mark(metrics: &LoadMetrics) -> (ValidityMark, usize) {
    let validity = metrics.validity.as_ref().expect("ended");
    (validity.mark, validity.reasons.len())
}

#[test]
fn an_even_load_is_told_exactly() {
    let found = metrics(open(4_000, 200));
    let all = &found.all;
    let counts = LoadCounts { asked: 4_000, sent: 4_000, ok: 4_000, ..LoadCounts::default() };
    assert_eq!((all.counts, found.endpoints[0].cell.counts), (counts, counts));
    assert_eq!(found.asked_per_s, Some(200.0));
    close(found.duration_s, 20.0);
    close(all.requests_per_s.expect("timed"), 4_000.0 / found.duration_s);
    close(all.output_tokens_per_s.expect("counted"), 20_000.0 / found.duration_s);
    for (metric, seconds) in [
        (LatencyMetric::Ttft, 0.020),
        (LatencyMetric::Ttfo, 0.020),
        (LatencyMetric::Itl, 0.010),
        (LatencyMetric::Icl, 0.010),
        (LatencyMetric::E2e, 0.060),
        (LatencyMetric::Queue, 0.000_2),
        (LatencyMetric::TtftSched, 0.020_2),
        (LatencyMetric::E2eSched, 0.060_2),
    ] {
        let latency = &all.latency[&metric];
        assert_eq!(latency.n, if metric == LatencyMetric::Icl { 16_000 } else { 4_000 });
        close(at(all, metric, 500), seconds);
        close(at(all, metric, 999), seconds);
    }
    assert!(!all.latency.contains_key(&LatencyMetric::Connect), "connections were reused");
    assert_eq!((found.cost, found.cost_upper, all.cost), (usd("4"), usd("4"), usd("4")));
    close(all.cost_per_task.expect("priced").value, 0.001);
    assert_eq!((found.littles_law, mark(&found)), (None, (ValidityMark::Valid, 0)));
    assert!(found.simulated);
}

#[test]
fn a_stall_shows_from_the_schedule_and_not_in_the_service() {
    let mut run = stalled();
    run.spec.slos = vec![slo("ttft", 500), slo("e2e", 5_000)];
    let found = metrics(run);
    let all = &found.all;
    for key in [500, 950, 990] {
        close(at(all, LatencyMetric::Ttft, key), 0.020);
        close(at(all, LatencyMetric::E2e, key), 0.060);
    }
    close(at(all, LatencyMetric::TtftSched, 500), 0.020_2);
    // 280 of 4,000 were due in the stall, evenly: the longest 40 waited more than 1.2 s.
    close(at(all, LatencyMetric::TtftSched, 990), 1.4 + 0.020 - 40.0 * 0.005);
    close(all.latency[&LatencyMetric::TtftSched].max, 1.42);
    close(at(all, LatencyMetric::Queue, 990), 1.4 - 40.0 * 0.005);
    // The service alone would have met the objective every time.
    assert_eq!(all.good, 4_000 - 184, "due more than 480 ms before the stall's end");
    let share = all.good_fraction.expect("asked");
    close(share.value, 3_816.0 / 4_000.0);
    assert_eq!(share.method, Method::WilsonEffective, "what a stall spoils hangs together");
    let goodput = all.goodput_per_s.expect("timed");
    close(goodput.value, 3_816.0 / found.duration_s);
}

#[test]
fn drops_and_failures_are_counted_and_never_timed() {
    let mut run = open(1_000, 100);
    run.endpoints = 2;
    for record in &mut run.records {
        match record.number {
            0..100 => record.warmup = true,
            100..105 => *record = dropped(record),
            200..210 => *record = failed(record, ErrorClass::RateLimited),
            210..213 => *record = failed(record, ErrorClass::Reset),
            300 => {
                let connected = record.request.dispatched_ns.map(|d| d + 5 * MS);
                (record.request.connected_ns, record.retried_stale) = (connected, true);
            }
            500.. => record.endpoint = 1,
            _ => {}
        }
    }
    // A stale connection loses a request, and it is sent again.
    let lost = &mut run.records[301];
    let repeat = LoadRecord { number: 1_000, ..lost.clone() };
    *lost = LoadRecord { retried_stale: true, ..failed(lost, ErrorClass::StaleConnection) };
    run.records.push(repeat);
    run.spec.warmup_ns = S;
    run.intended = 1_004;
    let found = metrics(run);
    let counts = LoadCounts { asked: 903, sent: 898, ok: 882, failed: 13, dropped: 5, in_doubt: 3 };
    assert_eq!((found.all.counts, found.warmup), (counts, 100));
    let first = &found.endpoints[0].cell;
    let own = LoadCounts { asked: 400, sent: 395, ok: 382, failed: 13, dropped: 5, in_doubt: 0 };
    assert_eq!(first.counts, own);
    assert_eq!(found.endpoints[1].cell.counts.ok, 500);
    let failures = [(ErrorClass::RateLimited, 10), (ErrorClass::Reset, 3)];
    assert_eq!(found.all.failures, failures.into());
    assert_eq!(found.all.retried_stale, 2);
    let n = |metric| first.latency[&metric].n;
    assert_eq!((n(LatencyMetric::Ttft), n(LatencyMetric::TtftSched)), (382, 382));
    assert_eq!((n(LatencyMetric::Queue), n(LatencyMetric::Connect)), (395, 1));
    let share = |e: Option<Estimate>| e.map(|e| (e.value, e.n)).expect("there");
    assert_eq!(share(first.availability), (382.0 / 395.0, 395));
    assert_eq!(share(first.good_fraction), (382.0 / 400.0, 400), "drops stay in");
    // 900 requests over the nine seconds after the warm-up; when those in doubt were due is not known.
    close(found.asked_per_s.expect("open"), 900.0 / 9.0);
    // The bill holds the warm-up; three in doubt at 0.5, thirteen failures and a lost request at 0.01 beside it.
    assert_eq!((found.cost, found.cost_upper), (usd("0.982"), usd("2.622")));
    assert_eq!((first.cost_unknown, first.cost_upper), (14, usd("0.522")));
    assert_eq!(mark(&found), (ValidityMark::Degraded, 1), "5 of 903");
}

#[test]
fn a_missing_metric_is_not_met_and_without_objectives_an_answer_is_good() {
    let with = |metric: &str, change: fn(&mut RequestRecord)| {
        let mut run = open(10, 10);
        run.spec.slos = vec![slo(metric, 100)];
        change(&mut run.records[0].request);
        metrics(run).all.good
    };
    assert_eq!(with("ttft", |_| {}), 10);
    assert_eq!(with("ttft", |r| (r.first_token_ns, r.first_output_ns) = (None, None)), 9);
    assert_eq!(with("itl", |r| r.usage.output = None), 9);
    assert_eq!(with("ttfo", |r| r.first_output_ns = r.scheduled_ns.map(|d| d + 101 * MS)), 9);
    assert_eq!(with("e2e", |r| r.scheduled_ns = r.scheduled_ns.map(|d| d - 50 * MS)), 9);
    let mut run = open(10, 10);
    run.records[3] = failed(&run.records[3], ErrorClass::Server);
    assert_eq!(metrics(run).all.good, 9);
    let mut run = open(1, 1);
    run.spec.slos = vec![slo("speed", 1)];
    let dir = TempDir::new().expect("a folder");
    run.play(dir.path());
    assert!(matches!(compute_load_metrics(dir.path()), Err(AggregateError::Corrupt(_))));
}

#[test]
fn a_closed_loop_obeys_littles_law_or_says_so() {
    let check = |run: LoadRun, expected: Option<f64>, word: ValidityMark| {
        let found = metrics(run);
        match (found.littles_law, expected) {
            (Some(found), Some(expected)) => close(found, expected),
            (found, expected) => assert_eq!(found, expected),
        }
        assert_eq!(found.validity.as_ref().map(|v| v.mark), Some(word));
        assert_eq!(found.asked_per_s, None);
        assert!(!found.all.latency.contains_key(&LatencyMetric::Queue));
    };
    check(closed(8, 50, 0), Some(1.0), ValidityMark::Valid);
    // A client that takes 2.5 ms, then 15 ms, to send the next.
    check(closed(8, 50, 5 * MS / 2), Some(61.0 / 63.5), ValidityMark::Degraded);
    check(closed(8, 50, 15 * MS), Some(61.0 / 76.0), ValidityMark::Invalid);
    check(closed(8, 4, 15 * MS), None, ValidityMark::Valid);
    // What the warm-up did does not count, but its requests fill the loop while they last.
    let mut run = closed(8, 60, 0);
    for record in &mut run.records[..80] {
        record.warmup = true;
        for stamp in [&mut record.request.dispatched_ns, &mut record.request.ended_ns] {
            *stamp = stamp.map(|ns| ns - START + if record.number < 72 { 0 } else { START });
        }
    }
    check(run, Some(1.0), ValidityMark::Valid);
    let mut run = closed(8, 50, 15 * MS);
    run.intended += 1;
    check(run, None, ValidityMark::Valid);
}

#[test]
fn marks_are_the_worst_of_what_was_seen() {
    let check = |drops: usize, noted: ValidityMark, expected: ValidityMark| {
        let mut run = open(1_000, 100);
        run.mark = noted;
        run.records[..drops].iter_mut().for_each(|record| *record = dropped(record));
        assert_eq!(mark(&metrics(run)).0, expected, "{drops} {noted:?}");
    };
    check(0, ValidityMark::Degraded, ValidityMark::Degraded);
    check(1, ValidityMark::Valid, ValidityMark::Degraded);
    check(10, ValidityMark::Valid, ValidityMark::Degraded);
    check(11, ValidityMark::Valid, ValidityMark::Invalid);
    check(1, ValidityMark::Invalid, ValidityMark::Invalid);
    check(11, ValidityMark::Virtual, ValidityMark::Virtual);
}

#[test]
fn an_hour_costs_what_its_good_requests_share() {
    let mut run = open(2_000, 100);
    run.spec.per_hour = [("acme/large@azure#high".to_owned(), usd("4.20"))].into();
    run.spec.slos = vec![slo("e2e", 1_000)];
    run.records[..1_000].iter_mut().for_each(|r| *r = failed(r, ErrorClass::Overloaded));
    let found = metrics(run);
    let cell = &found.endpoints[0].cell;
    let expected = 4.20 / 3_600.0 / (1_000.0 / found.duration_s);
    let per_task = cell.cost_per_task.expect("priced");
    close(per_task.value, expected);
    assert!(per_task.low < Some(expected) && per_task.high > Some(expected));
    assert_eq!(found.all.cost_per_task, cell.cost_per_task);
    let hours = found.hourly_cost.expect("paid by the hour").to_f64();
    close(hours, 4.20 * (0.5 + 20.0 + 0.061 + 0.1) / 3_600.0);
    let mut none = open(10, 10);
    none.spec.per_hour = [("acme/large@azure#high".to_owned(), usd("4.20"))].into();
    none.records.iter_mut().for_each(|r| *r = failed(r, ErrorClass::Server));
    let found = metrics(none);
    assert_eq!((found.all.cost_per_task, found.all.good), (None, 0));
    assert!(found.all.latency.keys().eq([&LatencyMetric::Queue]), "no answer, no latency");
}

#[test]
fn percentiles_stop_at_their_floor() {
    let keys = |n| {
        let found = metrics(open(n, 100));
        found.all.latency[&LatencyMetric::E2eSched].percentiles.keys().copied().collect::<Vec<_>>()
    };
    assert_eq!(keys(5), Vec::<u16>::new());
    assert_eq!(keys(71), [500, 900]);
    assert_eq!(keys(368), [500, 900, 950, 990]);
}

#[test]
fn a_run_that_was_cut_off_has_figures_and_no_mark() {
    let mut run = open(300, 100);
    run.records.truncate(250);
    run.finished = false;
    let found = metrics(run);
    assert!(found.validity.is_none());
    assert_eq!((found.all.counts.ok, found.all.counts.in_doubt), (250, 50));
    // 250 came in 249 gaps.
    close(found.duration_s, 2.49 * 250.0 / 249.0);
    let empty = LoadRun { records: vec![], intended: 0, ..open(0, 1) };
    let found = metrics(LoadRun { finished: true, ..empty });
    assert_eq!((found.all.counts.ok, found.all.counts.in_doubt), (0, 1));
    assert_eq!((found.all.requests_per_s, found.all.availability), (None, None));
}

#[test]
fn views_tell_every_request() {
    let mut run = open(40, 100);
    run.records[1].warmup = true;
    run.records[2] = dropped(&run.records[2]);
    run.records[3] = failed(&run.records[3], ErrorClass::Truncated);
    run.records[4].retried_stale = true;
    run.intended = 41;
    let dir = TempDir::new().expect("a folder");
    run.play(dir.path());
    let views = LoadViews::open(dir.path()).expect("a run");
    let views: Vec<RequestView> = views.collect::<Result<_, _>>().expect("readable");
    assert_eq!(views.len(), 41);
    let first = &views[0];
    assert_eq!((first.trial.trial.as_str(), first.trial.status), ("0", "ok"));
    assert_eq!((first.trial.queue_us, first.trial.ttft_us), (Some(200), Some(20_000)));
    assert_eq!((first.ttft_sched_us, first.e2e_sched_us), (Some(20_200), Some(60_200)));
    assert_eq!(first.scheduled_at.as_deref(), Some("2026-01-01T00:00:00.500000Z"));
    assert_eq!(first.trial.started_at.as_deref(), Some("2026-01-01T00:00:00.500200Z"));
    assert_eq!((views[1].warmup, first.warmup), (Some(true), Some(false)));
    let lost = &views[2].trial;
    assert_eq!((lost.status, lost.attempts, lost.cost_upper_usd), ("dropped", 0, None));
    let failed = &views[3].trial;
    assert_eq!((failed.status, failed.error_class.as_deref()), ("failed", Some("truncated")));
    assert_eq!((failed.e2e_us, failed.cost_usd), (None, None));
    assert_eq!((failed.queue_us, failed.cost_upper_usd), (Some(200), Some(usd("0.01"))));
    assert_eq!(views[4].trial.attempts, 2);
    assert_eq!((views[40].trial.status, views[40].warmup), ("in_doubt", None));
}

#[test]
fn the_seconds_together_are_the_figures() {
    let mut run = stalled();
    run.records[7].warmup = true;
    run.records[8] = failed(&run.records[8], ErrorClass::Reset);
    // Nothing ends in three of the seconds.
    run.records.retain(|r| !(2_000..2_800).contains(&r.number));
    run.intended = 4_000;
    let dir = TempDir::new().expect("a folder");
    run.play(dir.path());
    let found = compute_load_metrics(dir.path()).expect("readable");
    let mut sums = SecondSeries::new();
    let (mut seconds, mut silent) = (Vec::new(), 0);
    let visited = LoadSeconds::open(dir.path()).expect("a run").for_each(|second, series| {
        seconds.push(second);
        silent += u32::from(series.values().all(crate::units::Histogram::is_empty));
        for (key, histogram) in series {
            sums.entry(key.clone()).or_default().merge(histogram);
        }
        Ok::<_, AggregateError>(())
    });
    visited.expect("readable");
    assert!(seconds.iter().copied().eq(0..=20), "{seconds:?}");
    assert_eq!(silent, 3);
    assert_eq!(sums.len(), found.all.latency.len() - 1, "all but the gaps");
    for ((_, metric), histogram) in &sums {
        let slots: Vec<(u64, u64)> = histogram
            .slots()
            .map(|(d, n)| (u64::try_from(d.as_micros()).expect("short"), n))
            .collect();
        assert_eq!(slots, found.all.latency[metric].slots, "{}", metric.name());
    }
}

#[test]
fn what_is_held_does_not_grow_with_the_requests() {
    let dir = TempDir::new().expect("a folder");
    open(50_000, 1_000).play(dir.path());
    let reader = Reader::open(dir.path()).expect("a run");
    let mut most = 0;
    let mut from = 0;
    while let Some(rows) = reader.load_from(from).expect("readable") {
        most = most.max(rows.len());
        from = rows.last().expect("not empty").request() + 1;
    }
    assert_eq!((from, most), (50_000, 1_024), "a window at a time");
    let found = compute_load_metrics(dir.path()).expect("readable");
    assert_eq!(found.all.counts.ok, 50_000);
    let slots: usize = found.all.latency.values().map(|latency| latency.slots.len()).sum();
    assert!(slots < 100, "{slots}");
    assert_eq!(LoadViews::open(dir.path()).expect("a run").count(), 50_000);
}

#[test]
fn a_straggler_makes_no_rate_smaller() {
    let mut run = open(1_000, 100);
    let request = &mut run.records[500].request;
    request.last_token_ns = request.last_token_ns.map(|at| at + 600 * S);
    request.ended_ns = request.last_token_ns;
    let found = metrics(run);
    close(found.duration_s, 10.0);
    close(found.all.requests_per_s.expect("timed"), 100.0);
}

#[test]
fn a_closed_loop_is_as_long_as_its_number_takes() {
    // Each of 4 places asks 50 times, a request taking 61 ms: nothing had ended when the first 4
    // were asked.
    let mut run = closed(4, 50, 0);
    run.spec.window_ns = Some(60 * S);
    run.spec.requests = Some(200);
    let found = metrics(run);
    close(found.all.requests_per_s.expect("timed"), 4.0 / 0.061);
    // Ended by its window instead.
    let mut run = closed(4, 50, 0);
    run.spec.window_ns = Some(50 * 61 * MS);
    close(metrics(run).all.requests_per_s.expect("timed"), 196.0 / 50.0 / 0.061);
}

#[test]
fn what_is_in_doubt_cannot_have_cost_more_than_the_cap() {
    let mut run = open(300, 100);
    run.records.truncate(250);
    run.finished = false;
    run.spec.budget = Some(usd("3"));
    // 250 at $0.001; 50 in doubt at $0.5 would be $25.
    assert_eq!(metrics(run).cost_upper, usd("3"));
}
