use std::path::Path;

use super::{answer, write};
use crate::aggregate::compute_load_metrics;
use crate::aggregate::load_fixture::{self, LoadRun, dropped, failed, slo};
use crate::report::LoadReport;
use crate::units::ValidityMark;
use crate::wire::ErrorClass;

/// Plays a run and gives its folder with every file of its report, and its screen.
fn written(run: LoadRun) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().expect("a folder");
    run.play(dir.path());
    let metrics = compute_load_metrics(dir.path()).expect("figures");
    let report = LoadReport::new(&metrics);
    write(dir.path(), &report).expect("written");
    let screen = answer(&report, Path::new("results/a-load"));
    assert!(screen.lines().count() <= 24, "{screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
    (dir, screen)
}

fn text(dir: &tempfile::TempDir, name: &str) -> String {
    std::fs::read_to_string(dir.path().join(name)).expect("a file of the report")
}

#[test]
fn a_stall_is_told_from_the_schedule_and_not_from_the_service() {
    let mut run = load_fixture::stalled();
    run.spec.slos = vec![slo("ttft", 500)];
    let (dir, screen) = written(run);
    insta::assert_snapshot!(screen);
    let page = text(&dir, "report.html");
    assert!(page.contains("SIMULATED") && page.contains("TTFT, from schedule"), "{page}");
    assert!(text(&dir, "report.md").contains("SIMULATED"));
    assert_eq!(text(&dir, "requests.csv").lines().count(), 4_001);
    let summary = text(&dir, "summary.csv");
    assert!(summary.contains("ttft_sched_p99"), "{summary}");
    assert!(text(&dir, "charts/latency-nines.svg").contains("SIMULATED"));
}

#[test]
fn many_endpoints_failures_and_drops_fit_a_screen() {
    let mut run = load_fixture::open(2_000, 100);
    run.endpoints = 2;
    run.mark = ValidityMark::Degraded;
    for (i, record) in run.records.iter_mut().enumerate() {
        record.endpoint = u32::from(i % 2 == 1);
        if i % 100 == 7 {
            *record = dropped(record);
        } else if i % 50 == 3 {
            *record = failed(record, ErrorClass::RateLimited);
        }
    }
    let (_dir, screen) = written(run);
    insta::assert_snapshot!(screen);
}

#[test]
fn a_closed_loop_has_no_schedule() {
    let (dir, screen) = written(load_fixture::closed(4, 200, 0));
    insta::assert_snapshot!(screen);
    assert!(!text(&dir, "report.html").contains("from schedule"));
}
