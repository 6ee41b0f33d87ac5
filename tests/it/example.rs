//! `results/example/` is a run of the simulator in virtual time: made again, every byte agrees.

use std::path::Path;

use crate::support::{assert_same, files, folder, made, run};

/// The arguments that make it, without `--out`.
const ARGUMENTS: [&str; 20] = [
    "run",
    "--virtual",
    "--seed",
    "1",
    "--limit",
    "120",
    "--category",
    "classify",
    "--category",
    "extract",
    "--category",
    "rewrite",
    "-m",
    "acme/thinker",
    "-m",
    "elm/moe",
    "-m",
    "delta/dense",
    "-m",
    "gale/small",
];

#[test]
fn the_example_is_made_again_byte_for_byte() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let remedy = format!(
        "make it again, in the repository's root:\n  rm -rf results/example\n  \
         cargo run --release -- {} --out results/example\n  rm results/example/run.sqlite",
        ARGUMENTS.join(" ")
    );
    let committed = root.join("results/example");
    assert!(committed.join("trials.csv").exists(), "results/example is not there; {remedy}");
    let mut expected = files(&committed);
    // Left over where it was just made again; it is not committed.
    expected.remove("run.sqlite");

    let dir = folder();
    let out = ["--out", "results/example"];
    run(dir.path(), &[&ARGUMENTS[..], &out].concat()).exits(0);
    let found = made(&dir.path().join("results/example"));
    let same = std::panic::catch_unwind(|| assert_same(&expected, &found));
    assert!(
        same.is_ok(),
        "results/example is not what this version makes. If that is meant, {remedy}"
    );

    let readme = std::fs::read_to_string(root.join("results/README.md")).expect("it is there");
    let command = format!("weighbridge {} --out results/example", ARGUMENTS.join(" "));
    let said = readme.split_whitespace().collect::<Vec<_>>().join(" ").replace("\\ ", "");
    assert!(said.contains(&command), "results/README.md says how it is made: {command}");
}
