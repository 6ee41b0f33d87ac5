//! The bundled suites: every reference is accepted by its grader, every wrong answer is not.

use std::collections::BTreeSet;

use weighbridge::suite::bundled::BUNDLED;
use weighbridge::suite::{LoadedSuite, Severity, check_suite, load_texts};

use crate::support::{folder, run};

fn all() -> Vec<LoadedSuite> {
    let load = |bundled: &weighbridge::suite::bundled::Bundled| {
        load_texts(bundled.name, bundled.suite_toml, bundled.tasks_jsonl).expect(bundled.name)
    };
    BUNDLED.iter().map(load).collect()
}

#[test]
fn there_are_at_least_8_of_40_to_100_tasks_and_one_category_each() {
    let suites = all();
    assert!(suites.len() >= 8, "{}", suites.len());
    let mut categories = BTreeSet::new();
    let mut graders = BTreeSet::new();
    for loaded in &suites {
        let suite = &loaded.suite;
        assert!((40..=100).contains(&suite.tasks.len()), "{}: {}", suite.name, suite.tasks.len());
        let own: BTreeSet<&str> = suite.tasks.iter().map(|t| t.category.as_str()).collect();
        assert_eq!(own.len(), 1, "{}: {own:?}", suite.name);
        categories.extend(own);
        graders.extend(suite.tasks.iter().map(|task| task.grader.id()));
        assert!(suite.license.is_some(), "{} has a licence", suite.name);
        assert!(loaded.description.is_some(), "{} says what it is", suite.name);
    }
    assert_eq!(categories.len(), suites.len(), "no two stand for the same work");
    assert!(graders.len() >= 7, "the graders are all at work: {graders:?}");
    let prompts: Vec<String> = suites
        .iter()
        .flat_map(|loaded| &loaded.suite.tasks)
        .map(|task| task.prompt_hash().hex())
        .collect();
    let different: BTreeSet<&String> = prompts.iter().collect();
    assert_eq!(different.len(), prompts.len(), "nothing is asked twice");
}

#[test]
fn suite_check_finds_nothing_wrong() {
    let checked = run(folder().path(), &["suite", "check"]).exits(0).stdout;
    let lines: Vec<&str> = checked.lines().filter(|line| line.contains(" tasks, ")).collect();
    assert_eq!(lines.len(), all().len(), "{checked}");
    assert!(lines.iter().all(|line| line.contains(" 0 errors, ")), "{checked}");
    for loaded in all() {
        let errors: Vec<String> = check_suite(&loaded)
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(ToString::to_string)
            .collect();
        assert_eq!(errors, Vec::<String>::new(), "{}", loaded.suite.name);
    }
}

#[test]
fn right_answers_pass_and_wrong_ones_do_not() {
    let mut graded = 0;
    for loaded in all() {
        let tasks = &loaded.suite.tasks;
        for task in tasks {
            let right = task.right_answer().unwrap_or_else(|| panic!("{}", task.path()));
            assert_eq!(task.grade(&right).value, Some(1.0), "{}: {right:?}", task.path());
            for pick in 0..5 {
                let wrong = task
                    .wrong_answer(tasks, pick)
                    .unwrap_or_else(|| panic!("{} has no wrong answer", task.path()));
                assert_eq!(task.grade(&wrong).value, Some(0.0), "{}: {wrong:?}", task.path());
                graded += 1;
            }
        }
    }
    assert!(graded >= 5 * 8 * 40);
}
