//! The graders on answers as models write them: one verdict is right for each.

use super::{GraderSpec, Target};
use crate::units::AnswerContent;

/// One line of a file of answers: a grader, a reference, an answer and its score.
fn check_lines(name: &str, lines: &str) {
    let mut wrong = Vec::new();
    for (idx, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let case =
            super::exact_json::parse(line).unwrap_or_else(|e| panic!("{name}:{}: {e}", idx + 1));
        let grader = GraderSpec::parse(&case["grader"]).expect("a grader");
        let target = Target { reference: case.get("reference"), schema: case.get("schema") };
        let text = case["answer"].as_str().expect("a text").to_owned();
        let answer = AnswerContent { text, ..AnswerContent::default() };
        let score = grader.grade(&target, &answer);
        if score.value != case["score"].as_f64() {
            wrong.push(format!("{name}:{} {}: {line}\n    {}", idx + 1, grader.id(), score.detail));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn answers_as_models_write_them() {
    check_lines("answers.jsonl", include_str!("tests/answers.jsonl"));
}

/// Answers that another project keeps beside this one.
#[test]
fn answers_kept_elsewhere() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/wild/answers.jsonl");
    let Ok(lines) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: {} is not there", path.display());
        return;
    };
    check_lines("shared", &lines);
}
