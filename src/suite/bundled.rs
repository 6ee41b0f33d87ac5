//! The suites that come with the binary, as the text of their files.

/// A bundled suite: its two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bundled {
    /// The name of its folder, which is the suite's and its category's too.
    pub name: &'static str,
    /// The text of `suite.toml`.
    pub suite_toml: &'static str,
    /// The text of `tasks.jsonl`.
    pub tasks_jsonl: &'static str,
}

/// Both files of the suite in this folder.
macro_rules! bundled {
    ($name:literal) => {
        Bundled {
            name: $name,
            suite_toml: include_str!(concat!("../../suites/", $name, "/suite.toml")),
            tasks_jsonl: include_str!(concat!("../../suites/", $name, "/tasks.jsonl")),
        }
    };
}

/// Every bundled suite, in name order.
pub const BUNDLED: &[Bundled] = &[
    bundled!("classify"),
    bundled!("code"),
    bundled!("extract"),
    bundled!("instruct"),
    bundled!("longread"),
    bundled!("math"),
    bundled!("reason"),
    bundled!("rewrite"),
    bundled!("tools"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// The most characters of an answer: 60 streamed tokens of about 4 characters, with room to
    /// spare for short words.
    const LONGEST_ANSWER: usize = 200;
    /// The mean number of characters of all answers: 30 tokens, with the same room.
    const MEAN_ANSWER: usize = 100;
    /// The most bytes that the suites may add to the binary.
    const ALL_BYTES: usize = 1_000_000;

    fn tasks(suite: &Bundled) -> Vec<Value> {
        suite.tasks_jsonl.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The length of an answer as it is streamed: text as it is, anything else as JSON.
    fn streamed(answer: &Value) -> usize {
        answer.as_str().map_or_else(|| answer.to_string().chars().count(), |t| t.chars().count())
    }

    #[test]
    fn every_suite_is_whole_and_small() {
        assert!(BUNDLED.is_sorted_by_key(|suite| suite.name));
        for suite in BUNDLED {
            let head: toml::Table = suite.suite_toml.parse().unwrap();
            assert!(suite.name.len() <= 10, "{} fits a table", suite.name);
            assert_eq!(head["name"].as_str(), Some(suite.name));
            assert_eq!(head["category"].as_str(), Some(suite.name));
            for key in ["version", "license", "grader", "description"] {
                assert!(head.contains_key(key), "{}: {key}", suite.name);
            }
            let count = tasks(suite).len();
            assert!((40..=100).contains(&count), "{}: {count} tasks", suite.name);
        }
        let bytes: usize = BUNDLED.iter().map(|suite| suite.tasks_jsonl.len()).sum();
        assert!(bytes < ALL_BYTES, "{bytes} bytes");
    }

    #[test]
    fn every_task_has_what_a_proof_of_its_grader_needs() {
        for suite in BUNDLED {
            let mut ids = BTreeSet::new();
            let mut prompts = BTreeSet::new();
            for task in tasks(suite) {
                let id = task["id"].as_str().unwrap().to_owned();
                let right = task.get("answer").unwrap_or(&task["reference"]);
                assert!(!task["reference"].is_null(), "{}/{id}: reference", suite.name);
                assert!(!task["wrong"].is_null(), "{}/{id}: wrong", suite.name);
                assert_ne!(*right, task["wrong"], "{}/{id}", suite.name);
                let prompt = (task.get("prompt").cloned(), task.get("messages").cloned());
                assert!(prompt.0.is_some() != prompt.1.is_some(), "{}/{id}: prompt", suite.name);
                assert!(prompts.insert(format!("{prompt:?}")), "{}/{id}: asked twice", suite.name);
                assert!(ids.insert(id.clone()), "{}/{id}: twice", suite.name);
            }
        }
    }

    #[test]
    fn answers_are_short_enough_for_the_demo() {
        let (mut total, mut count) = (0, 0);
        for suite in BUNDLED {
            for task in tasks(suite) {
                let right = task.get("answer").unwrap_or(&task["reference"]);
                for answer in [right, &task["wrong"]] {
                    let length = streamed(answer);
                    assert!(length <= LONGEST_ANSWER, "{}/{}: {length}", suite.name, task["id"]);
                    total += length;
                    count += 1;
                }
            }
        }
        assert!(total <= MEAN_ANSWER * count, "mean {}", total / count);
    }

    #[test]
    fn documents_are_shared_by_few_tasks() {
        let suite = BUNDLED.iter().find(|suite| suite.name == "longread").unwrap();
        let tasks = tasks(suite);
        let clusters: BTreeSet<_> = tasks.iter().map(|t| t["cluster"].as_str().unwrap()).collect();
        assert!(clusters.len() >= 12, "{} clusters", clusters.len());
    }
}
