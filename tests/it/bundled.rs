//! The tasks of the bundled suites, whose JSONL is written and edited by hand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use weighbridge::suite::bundled::BUNDLED;

/// The lines of a suite's `tasks.jsonl`.
fn tasks(suite: &str) -> Vec<Value> {
    let bundled = BUNDLED.iter().find(|bundled| bundled.name == suite).expect(suite);
    bundled
        .tasks_jsonl
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{suite}: {error}")))
        .collect()
}

fn text<'a>(task: &'a Value, key: &str) -> &'a str {
    task[key].as_str().unwrap_or_else(|| panic!("{}: {key} is a text", task["id"]))
}

#[test]
fn each_suite_has_96_tasks_with_ids_tags_and_two_samples() {
    assert_eq!(BUNDLED.len(), 9);
    for bundled in BUNDLED {
        let tasks = tasks(bundled.name);
        assert_eq!(tasks.len(), 96, "{}", bundled.name);
        let ids: BTreeSet<&str> = tasks.iter().map(|task| text(task, "id")).collect();
        assert_eq!(ids.len(), 96, "{}", bundled.name);
        for task in &tasks {
            assert!(task["tags"][0].is_string(), "{}", task["id"]);
            let right = if task["answer"].is_null() { &task["reference"] } else { &task["answer"] };
            assert_ne!(right, &task["wrong"], "{}", task["id"]);
            // The simulator streams it in the demo.
            let length = right.as_str().map_or_else(|| right.to_string().len(), str::len);
            assert!(length <= 210, "{}: an answer of {length} bytes", task["id"]);
        }
    }
}

#[test]
fn right_and_wrong_labels_are_among_those_offered() {
    for task in tasks("classify") {
        let (_, offered) = text(&task, "prompt").split_once("Labels: ").expect("labels");
        let labels: Vec<&str> = offered.lines().next().expect("a line").split(", ").collect();
        for key in ["answer", "wrong"] {
            assert!(labels.contains(&text(&task, key)), "{}", task["id"]);
        }
    }
}

#[test]
fn four_different_choices_and_each_letter_is_right_equally_often() {
    let mut right: BTreeMap<String, usize> = BTreeMap::new();
    for task in tasks("reason") {
        let choices: BTreeMap<&str, &str> = text(&task, "prompt")
            .lines()
            .filter_map(|line| line.split_once(") "))
            .filter(|(letter, _)| ["A", "B", "C", "D"].contains(letter))
            .collect();
        let different: BTreeSet<&&str> = choices.values().collect();
        assert_eq!((choices.len(), different.len()), (4, 4), "{}", task["id"]);
        let letter = text(&task, "reference");
        assert_eq!(text(&task, "answer"), format!("Answer: {letter}"), "{}", task["id"]);
        *right.entry(letter.to_owned()).or_default() += 1;
    }
    assert_eq!(right.into_values().collect::<Vec<_>>(), [24; 4]);
}

#[test]
fn a_document_has_two_questions_and_1500_to_6000_characters() {
    let mut clusters: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for task in tasks("longread") {
        let (document, question) =
            text(&task, "prompt").split_once("\n\nQuestion: ").expect("a question");
        assert!((1_500..=6_000).contains(&document.len()), "{}", task["id"]);
        let reference = text(&task, "reference");
        assert!(document.contains(reference), "{}: {reference}", task["id"]);
        assert!(!question.contains(reference), "{}: {reference}", task["id"]);
        clusters.entry(text(&task, "cluster").to_owned()).or_default().insert(document.to_owned());
    }
    assert_eq!(clusters.len(), 48);
    assert!(clusters.values().all(|documents| documents.len() == 1));
}

#[test]
fn calls_fill_every_parameter_of_a_tool_that_is_offered() {
    for task in tasks("tools") {
        let tools: BTreeMap<&str, &Value> = task["tools"]
            .as_array()
            .expect("tools")
            .iter()
            .map(|tool| (text(&tool["function"], "name"), &tool["function"]["parameters"]))
            .collect();
        for calls in [&task["reference"], &task["wrong"]] {
            for call in calls.as_array().expect("a list of calls") {
                let properties = tools[text(call, "name")]["properties"].as_object();
                let arguments = call["arguments"].as_object().expect("arguments");
                let names: BTreeSet<&String> = properties.expect("properties").keys().collect();
                assert_eq!(arguments.keys().collect::<BTreeSet<_>>(), names, "{}", task["id"]);
            }
        }
    }
}

#[test]
fn the_prompt_of_an_extraction_describes_each_key_of_its_reference() {
    for task in tasks("extract") {
        for key in task["reference"].as_object().expect("an object").keys() {
            assert!(text(&task, "prompt").contains(&format!("\n- {key}: ")), "{}", task["id"]);
        }
    }
}
