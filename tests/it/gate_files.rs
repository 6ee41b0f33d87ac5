//! `[today] weights`: a new file against the one that is served by.

use std::fs;

use serde_json::Value;

use crate::support::{folder, run};

#[test]
fn a_file_is_kept_until_held_out_tasks_show_that_the_new_one_is_as_good() {
    let dir = folder();
    let path = dir.path();
    run(path, &["run", "--virtual", "--seed", "1", "--out", "first"]).exits(0);
    fs::write(path.join("w.toml"), "[today]\nweights = \"first/weights.json\"\n").expect("a file");
    let args = ["run", "--virtual", "--config", "w.toml", "--seed", "2", "--limit", "80"];
    let ran = run(path, &[&args[..], &["--out", "second"]].concat()).exits(0);
    assert!(ran.stderr.contains("kept weights.json of 2026-01-01: "), "{}", ran.stderr);
    let read = |name: &str| -> Value {
        let text = fs::read_to_string(path.join(name)).expect("a weights file");
        serde_json::from_str(&text).expect("JSON")
    };
    let (before, kept) = (read("first/weights.json"), read("second/weights.json"));
    assert_eq!(kept["categories"], before["categories"], "it is the file before");
    assert_eq!(kept["gate"]["replaces"], false);
    assert_eq!(read("second/weights.proposed.json")["gate"], kept["gate"]);
    run(path, &["weights", "lint", "second/weights.json"]);
    run(path, &["report", "second"]).exits(0);
    run(path, &["tune", "second"]).exits(0);
    let ran = run(path, &["tune", "second", "--require-proven"]).exits(14);
    assert!(ran.stderr.contains("kept weights.json"), "{}", ran.stderr);
    let ran = run(path, &["tune", "first", "--require-proven"]).exits(14);
    assert!(ran.stderr.contains("without [today] weights"), "{}", ran.stderr);
}

#[test]
fn a_file_that_cannot_be_served_by_is_refused() {
    let dir = folder();
    let path = dir.path();
    let refused = |table: &str| {
        fs::write(path.join("w.toml"), table).expect("a file");
        let args = ["run", "--virtual", "--config", "w.toml", "--out", "r"];
        run(path, &args).exits(2).stderr
    };
    let gone = refused("[today]\nweights = \"gone.json\"\n");
    assert!(gone.contains("[today] weights: gone.json: "), "{gone}");
    fs::write(path.join("new.json"), "{\"format_version\": 99}").expect("a file");
    let newer = refused("[today]\nweights = \"new.json\"\n");
    assert!(newer.contains("format_version is 99; this version reads 2"), "{newer}");
    let empty = refused("[today]\n");
    assert!(empty.contains("[today] names nothing"), "{empty}");
}
