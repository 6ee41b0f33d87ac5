//! A plan that is split merges to the run of the whole.

use crate::support::{csv, folder, made, run, run_with};

const DEMO: [&str; 5] = ["run", "--virtual", "--steady", "--limit", "60"];

#[test]
fn four_shards_merge_to_one_run() {
    let dir = folder();
    let weigh = |out: &str, more: &[&str]| {
        run(dir.path(), &[&DEMO, &["--out", out][..], more].concat()).exits(0)
    };
    weigh("whole", &[]);
    for k in ["1", "2", "3", "4"] {
        weigh(k, &["--shard", &format!("{k}/4")]);
    }
    run(dir.path(), &["merge", "3", "1", "4", "2", "--out", "merged"]).exits(0);
    let (mut whole, mut merged) =
        (made(&dir.path().join("whole")), made(&dir.path().join("merged")));
    // Everything but when a trial began and how long it waited for its turn.
    let without = |run: &str| {
        let mut rows = csv(&dir.path().join(run).join("trials.csv"));
        for row in &mut rows {
            for column in ["started_at", "queue_us", "pacing_us"] {
                row.remove(column);
            }
        }
        rows
    };
    assert_eq!(without("whole"), without("merged"));
    for files in [&mut whole, &mut merged] {
        files.remove("trials.csv");
        // Their headings say how long the run took.
        files.remove("report.html");
        files.remove("report.md");
    }
    crate::support::assert_same(&whole, &merged);
    // The merged run is a run like any other.
    let resumed = weigh("merged", &["--resume"]);
    assert!(
        resumed.stderr.contains("654 of 660 trials") || resumed.stderr.contains("660 of 660"),
        "{}",
        resumed.stderr
    );
}

#[test]
fn what_is_no_run_of_one_plan_is_refused() {
    let dir = folder();
    let weigh = |out: &str, more: &[&str]| {
        run(dir.path(), &[&DEMO, &["--out", out][..], more].concat()).exits(0);
    };
    weigh("1", &["--shard", "1/2"]);
    weigh("2", &["--shard", "2/2"]);
    weigh("other", &["--shard", "2/2", "--seed", "9"]);
    let merge = |runs: &[&str]| run(dir.path(), &[&["merge"], runs, &["--out", "merged"]].concat());
    merge(&["1", "other"]).exits(2).says(&["1 and other do not merge: another plan"]);
    merge(&["1", "1"]).exits(2).says(&["1 is named twice"]);
    merge(&["1", "nowhere"]).exits(2).says(&["nowhere"]);
    assert!(!dir.path().join("merged/run.sqlite").exists());
    // A part alone is a run that is not whole.
    merge(&["2"]).exits(12).says(&["shards 1/2 are missing"]);
    merge(&["1", "2"]).exits(2).says(&["already holds a run"]);
}

#[test]
fn the_environment_is_read_only_when_asked() {
    let dir = folder();
    let inside = ("JOB_COMPLETION_INDEX", "1");
    let args = |more: &[&'static str]| [&DEMO[..], more].concat();
    run_with(dir.path(), inside, &args(&["--out", "whole"])).exits(0);
    assert_eq!(csv(&dir.path().join("whole/trials.csv")).len(), 660);
    run_with(dir.path(), inside, &args(&["--out", "part", "--shard", "env"]))
        .exits(2)
        .says(&["JOB_COMPLETIONS is not"]);
    run(dir.path(), &args(&["--out", "part", "--shard", "env"])).exits(2).says(&["--shard k/n"]);
    run(dir.path(), &args(&["--out", "part", "--shard", "5/4"])).exits(2).says(&["5/4"]);
    assert!(!dir.path().join("part").exists());
}
