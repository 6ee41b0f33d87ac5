//! Checking a suite: the grader of every task must accept a right answer and reject a wrong one.

use std::collections::BTreeMap;
use std::fmt;

use super::task::{LoadedSuite, Task};
use crate::graders::{GraderSpec, compile_schema, quoted};
use crate::units::AnswerContent;

/// A prompt longer than this, some 100,000 tokens of English, gets a warning.
const LONG_PROMPT_BYTES: usize = 400_000;

/// How many ids a finding about many tasks lists.
const MAX_LISTED: usize = 5;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The suite works, but could prove more.
    Warning,
    /// The task gives wrong scores.
    Error,
}

/// Something that the author of a suite should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The task's id; `None`: about the suite as a whole.
    pub task: Option<String>,
    /// The severity.
    pub severity: Severity,
    /// The problem, and the remedy; one sentence.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        match &self.task {
            Some(task) => write!(f, "{severity}: {task}: {}", self.message),
            None => write!(f, "{severity}: {}", self.message),
        }
    }
}

/// Looks through a suite; findings come in the order of its tasks, those about the whole at the end.
#[must_use]
pub fn check_suite(suite: &LoadedSuite) -> Vec<Finding> {
    let tasks = &suite.suite.tasks;
    let mut findings = Vec::new();
    let (mut ungraded, mut without_wrong) = (Vec::new(), Vec::new());
    let mut prompts = BTreeMap::new();
    for (idx, task) in tasks.iter().enumerate() {
        let mut found = |severity, message: String| {
            findings.push(Finding { task: Some(task.id.clone()), severity, message });
        };
        if let Some(other) = prompts.insert(task.prompt_hash(), task)
            && (&other.reference, &other.schema) != (&task.reference, &task.schema)
        {
            let message =
                format!("has the prompt of task `{}` but another reference or schema", other.id);
            found(Severity::Error, message);
        }
        let bytes: usize = task.messages.iter().map(|message| message.content.len()).sum();
        if bytes > LONG_PROMPT_BYTES {
            let message = format!("the prompt has {bytes} bytes, beyond many context windows");
            found(Severity::Warning, message);
        }
        if task.grader == GraderSpec::NONE {
            ungraded.push(task.id.as_str());
            continue;
        }
        if task.wrong.is_none() {
            without_wrong.push(task.id.as_str());
        }
        if let Some(message) = task.grader.find_contradiction(&task.sample_task()) {
            found(Severity::Error, message);
        }
        for (severity, message) in prove(task, tasks, idx) {
            found(severity, message);
        }
    }
    let n = tasks.len();
    if !ungraded.is_empty() {
        findings.push(warn_of_several(
            &ungraded,
            n,
            "are not graded; they measure cost and speed only",
        ));
    }
    if !without_wrong.is_empty() {
        let message = "have no `wrong` answer; the check generates one";
        findings.push(warn_of_several(&without_wrong, n, message));
    }
    findings
}

/// A warning about several tasks at once.
fn warn_of_several(ids: &[&str], n: usize, what: &str) -> Finding {
    let listed = ids[..ids.len().min(MAX_LISTED)].join(", ");
    let more = if ids.len() > MAX_LISTED { ", …" } else { "" };
    let message = format!("{} of {n} tasks {what} ({listed}{more})", ids.len());
    Finding { task: None, severity: Severity::Warning, message }
}

/// The grader's errors about a right and a wrong answer.
fn prove(task: &Task, all: &[Task], idx: usize) -> Vec<(Severity, String)> {
    if let Some(Err(why)) = task.schema.as_ref().map(compile_schema) {
        return vec![(Severity::Error, format!("the schema does not compile: {why}"))];
    }
    let mut findings = Vec::new();
    match task.right_answer().map(|right| task.grade(&right)) {
        None => findings.push((
            Severity::Warning,
            format!("no right answer follows from grader `{}`; add `answer`", task.grader.id()),
        )),
        Some(score) if score.value.is_none() => {
            findings.push((Severity::Error, format!("the grader cannot judge: {}", score.detail)));
        }
        Some(score) if !score.is_right() => findings.push((
            Severity::Error,
            format!("the grader rejects the right answer: {}", score.detail),
        )),
        Some(_) => {}
    }
    if let Some(wrong) = task.wrong_answer(all, idx as u64)
        && task.grade(&wrong).is_right()
    {
        let wrong = describe(&wrong);
        findings.push((Severity::Error, format!("the grader accepts a wrong answer: {wrong}")));
    }
    findings
}

fn describe(answer: &AnswerContent) -> String {
    match answer.tool_calls.first() {
        Some(call) => format!("a call of {}", call.name),
        None => quoted(&answer.text),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use serde_json::Value;

    use super::*;
    use crate::suite::{ColumnMap, load_path, load_texts};

    /// `../shared/data` beside the checkout, or where `WEIGHBRIDGE_SHARED_DATA` says.
    fn shared(file: &str) -> Option<PathBuf> {
        let folder = std::env::var_os("WEIGHBRIDGE_SHARED_DATA").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
            PathBuf::from,
        );
        let path = folder.join(file);
        if !path.exists() {
            eprintln!("SKIPPED: {} is not there", path.display());
            return None;
        }
        Some(path)
    }

    fn suite(tasks: &str) -> LoadedSuite {
        load_texts("s", "name = \"s\"\n", tasks).unwrap()
    }

    /// The right answer is accepted, and every wrong one of so many picks is rejected.
    fn assert_proved(loaded: &LoadedSuite, picks: u64) {
        let tasks = &loaded.suite.tasks;
        for task in tasks {
            if let Some(right) = task.right_answer() {
                let score = task.grade(&right);
                assert!(score.is_right(), "{}: {right:?}: {}", task.id, score.detail);
            }
            for pick in 0..picks {
                let wrong = task.wrong_answer(tasks, pick).unwrap();
                let score = task.grade(&wrong);
                assert_eq!(score.value, Some(0.0), "{}: {wrong:?}: {}", task.id, score.detail);
            }
        }
    }

    const ALL_KINDS: &str = r#"
{"id":"n1","prompt":"1","grader":"number","reference":42}
{"id":"n2","prompt":"2","grader":"number","reference":"She has 3.\n#### 1,234"}
{"id":"n3","prompt":"3","grader":{"kind":"number","tolerance":"50"},"reference":"0"}
{"id":"n4","prompt":"4","grader":"number","reference":"1/3"}
{"id":"n5","prompt":"5","grader":{"kind":"number","tolerance":"0.01"},"reference":-2.5}
{"id":"n6","prompt":"5b","grader":"number","reference":"1e300"}
{"id":"c1","prompt":"6","grader":"choice","reference":"A"}
{"id":"c2","prompt":"7","grader":"choice","reference":"J"}
{"id":"e1","prompt":"8","grader":"exact","reference":"Paris"}
{"id":"e2","prompt":"9","grader":{"kind":"exact","ignore_case":true},"reference":"paris"}
{"id":"e3","prompt":"10","grader":{"kind":"one_of","ignore_case":true},"reference":["Rome","Roma"]}
{"id":"t1","prompt":"11","grader":"contains","reference":["a","sure"]}
{"id":"t2","prompt":"11b","grader":"exact","reference":"I am not sure."}
{"id":"r2","prompt":"12b","grader":"regex","reference":"(?i)not sure","answer":"Not sure."}
{"id":"r1","prompt":"12","grader":"regex","reference":"^[0-9]+$","answer":"77","wrong":"x"}
{"id":"j1","prompt":"13","grader":"json","reference":{"name":"Ann Lee","n":3,"f":0.5,"ok":true,"z":null,"l":["a",{"b/c":""}]}}
{"id":"j2","prompt":"14","grader":"json","reference":{}}
{"id":"j3","prompt":"15","grader":"json","schema":{"type":"object"},"answer":"{}"}
{"id":"j4","prompt":"16","grader":"json","reference":18446744073709551615}
{"id":"k1","prompt":"17","grader":"tool_call","reference":[{"name":"f","arguments":{"a":{"any_of":[1,2,3]},"b":{"any_of":[null,true,false]},"c":"x","d":{"e":[1]}}}],"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]}
{"id":"k2","prompt":"18","grader":"tool_call","reference":[{"name":"f"}],"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]}
{"id":"k3","prompt":"19","grader":"tool_call","reference":[{"name":"f"}],"tools":[{"type":"function","function":{"name":"f"}}]}
{"id":"k4","prompt":"20","grader":"tool_call","reference":[],"tools":[{"type":"function","function":{"name":"f"}}]}
{"id":"k5","prompt":"21","grader":"tool_call","reference":[{"name":"f","arguments":{"a":{"any_of":["x","x or so"]}}}],"tools":[{"type":"function","function":{"name":"f"}}]}
"#;

    #[test]
    fn every_kind_of_grader_is_proved() {
        let loaded = suite(ALL_KINDS);
        assert_proved(&loaded, 24);
        let findings = check_suite(&loaded);
        let errors: Vec<&Finding> =
            findings.iter().filter(|f| f.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(
            findings.last().unwrap().message,
            "23 of 24 tasks have no `wrong` answer; the check generates one (n1, n2, n3, n4, n5, …)"
        );
    }

    #[test]
    fn findings_name_the_problem_and_the_remedy() {
        let suites = [
            r#"{"id":"a","prompt":"p","grader":"number","reference":1,"answer":"two","wrong":"2"}"#,
            r#"{"id":"a","prompt":"p","grader":"number","reference":1,"wrong":"It is 1"}"#,
            r#"{"id":"a","prompt":"p","grader":"regex","reference":"a"}"#,
            r#"{"id":"a","prompt":"p","grader":"tool_call","reference":[{"name":"g"}],"wrong":"w"}"#,
            r#"{"id":"a","prompt":"p","grader":"tool_call","reference":[{"name":"g"}],"wrong":"w","tools":[{"function":{"name":"f"}}]}"#,
            r#"{"id":"a","prompt":"p","grader":"exact","reference":"x","wrong":"w"}
               {"id":"b","prompt":"p","grader":"exact","reference":"y","wrong":"w"}"#,
            r#"{"id":"a","prompt":"p","grader":"none"}"#,
        ];
        let findings = suites.map(|tasks| {
            let lines =
                check_suite(&suite(tasks)).into_iter().map(|finding| format!("{finding}\n"));
            lines.collect::<String>()
        });
        insta::assert_snapshot!(findings.join("\n"));
        let schema = r#"{"id":"a","prompt":"p","grader":"json","schema":{"minimum":"x"}}"#;
        let finding = &check_suite(&suite(schema))[0];
        assert_eq!(finding.severity, Severity::Error);
        assert!(finding.message.starts_with("the schema does not compile: "), "{finding}");
    }

    #[test]
    fn gsm8k_loads_and_is_proved() {
        let Some(path) = shared("suites/gsm8k_test.jsonl") else { return };
        let map: ColumnMap = "prompt=question,reference=answer".parse().unwrap();
        let loaded = load_path(&path, &map).unwrap();
        assert_eq!(loaded.suite.tasks.len(), 1_319);
        assert!(loaded.suite.tasks.iter().all(|task| task.grader.id() == "number"));
        assert!(
            loaded.notes[0].ends_with(
                "gsm8k_test.jsonl: prompt ← question, reference ← answer; grader guessed: number (1319 of 1319 references end in a number)"
            ),
            "{:?}",
            loaded.notes
        );
        assert_proved(&loaded, 6);
        for task in &loaded.suite.tasks {
            let reference = task.reference.as_ref().and_then(Value::as_str).unwrap();
            let stated = reference.rsplit_once("#### ").unwrap().1.replace(',', "");
            let right = task.right_answer().unwrap();
            assert_eq!(right.text, format!("The answer is {stated}."), "{}", task.id);
        }
    }
}
