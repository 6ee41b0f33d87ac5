//! Tasks and suites.

use serde_json::Value;

use crate::graders::{GraderSpec, Peers, SampleTask, Score, Target, stated_answer};
use crate::units::{AnswerContent, Category, ContentHash, Message};

/// A prompt with its reference and grader, fully resolved: templates applied, defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The suite's name.
    pub suite: String,
    /// Unique within the suite.
    pub id: String,
    /// Its category: the kind of work.
    pub category: Category,
    /// The prompt.
    pub messages: Vec<Message>,
    /// Its grader.
    pub grader: GraderSpec,
    /// The reference, in the grader's form.
    pub reference: Option<Value>,
    /// A right answer as a model would give it: text, or a list of tool calls. Left out where the
    /// reference is one itself.
    pub answer: Option<Value>,
    /// A plausible wrong answer in the same form. The simulator gives it when it fails, and `suite
    /// check` proves with it that the grader tells right from wrong.
    pub wrong: Option<Value>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Tasks that share a context (a passage, a dialogue) are not independent: their cluster.
    pub cluster: Option<String>,
    /// Tool definitions, as the request sends them (a list).
    pub tools: Option<Value>,
    /// The JSON Schema of the answer.
    pub schema: Option<Value>,
    /// The most output tokens that are asked for.
    pub max_tokens: Option<u64>,
}

impl Task {
    /// An ungraded task.
    pub(crate) fn new(suite: &str, id: &str, category: &str, messages: Vec<Message>) -> Self {
        Self {
            suite: suite.to_owned(),
            id: id.to_owned(),
            category: Category::new(category),
            messages,
            grader: GraderSpec::NONE,
            reference: None,
            answer: None,
            wrong: None,
            tags: Vec::new(),
            cluster: None,
            tools: None,
            schema: None,
            max_tokens: None,
        }
    }

    /// `suite/id`, unique in a run.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.suite, self.id)
    }

    /// What its grader compares an answer with.
    pub(crate) const fn target(&self) -> Target<'_> {
        Target { reference: self.reference.as_ref(), schema: self.schema.as_ref() }
    }

    /// The score of an answer.
    #[must_use]
    pub fn grade(&self, answer: &AnswerContent) -> Score {
        self.grader.grade(&self.target(), answer)
    }

    /// A right answer: the task's own `answer`, else one made from the reference. `None` where the
    /// reference does not determine one (a pattern, a schema alone, no grader).
    #[must_use]
    pub fn right_answer(&self) -> Option<AnswerContent> {
        match &self.answer {
            Some(answer) => stated_answer(answer).ok(),
            None => self.grader.right_answer(&self.target()),
        }
    }

    /// A plausible wrong answer: the task's own `wrong`, else a slip of the kind that models make.
    /// `all` are the tasks of the suite, whose references lend wrong labels; `pick` chooses among
    /// the slips. `None` where nothing is graded.
    #[must_use]
    pub fn wrong_answer(&self, all: &[Self], pick: u64) -> Option<AnswerContent> {
        if let Some(wrong) = &self.wrong {
            return stated_answer(wrong).ok();
        }
        let peers = Peers { n_tasks: all.len(), task: &|idx| all[idx].sample_task() };
        self.grader.wrong_answer(&self.sample_task(), &peers, pick)
    }

    pub(super) const fn sample_task(&self) -> SampleTask<'_> {
        SampleTask {
            grader: self.grader.id(),
            target: self.target(),
            category: &self.category,
            tools: self.tools.as_ref(),
        }
    }

    /// The hash of the prompt alone (messages and tools), by which the simulator knows a task.
    #[must_use]
    pub fn prompt_hash(&self) -> ContentHash {
        prompt_hash(&self.messages, self.tools.as_ref())
    }
}

/// The hash of a prompt. System messages are left out, so that a variant's own system message
/// does not make another prompt of it.
#[must_use]
pub fn prompt_hash(messages: &[Message], tools: Option<&Value>) -> ContentHash {
    let tools = tools.map(Value::to_string).unwrap_or_default();
    let mut parts: Vec<&[u8]> = vec![tools.as_bytes()];
    for message in messages.iter().filter(|m| m.role != "system") {
        parts.push(message.role.as_bytes());
        parts.push(message.content.as_bytes());
    }
    ContentHash::of_parts(parts)
}

/// A folder of tasks, or a single file of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence.
    pub license: Option<String>,
    /// Its tasks; ids are unique.
    pub tasks: Vec<Task>,
    /// The hash of the files it was read from.
    pub hash: ContentHash,
}

/// A suite and how it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadedSuite {
    /// The suite.
    pub suite: Suite,
    /// The description in `suite.toml`.
    pub description: Option<String>,
    /// How the columns of a single file were interpreted, and which graders were guessed.
    pub notes: Vec<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::units::ToolCall;

    fn task(grader: &str, reference: Value) -> Task {
        Task {
            grader: GraderSpec::from_id(grader).unwrap(),
            reference: Some(reference),
            ..Task::new("s", "1", "c", Vec::new())
        }
    }

    fn text(text: &str) -> AnswerContent {
        AnswerContent { text: text.to_owned(), ..AnswerContent::default() }
    }

    fn check_right(grader: &str, reference: Value, expected: &str) {
        assert_eq!(task(grader, reference).right_answer(), Some(text(expected)), "{grader}");
    }

    #[test]
    fn right_answers() {
        check_right("number", json!(42), "The answer is 42.");
        check_right("number", json!("She has 3.\n#### 1,234"), "The answer is 1234.");
        check_right("choice", json!("(b)"), "Answer: B");
        check_right("exact", json!("Paris"), "Paris");
        check_right("one_of", json!(["a", "b"]), "a");
        check_right("contains", json!(["a", "b"]), "a b");
        check_right("json", json!({"b": 1, "a": [2]}), "{\"a\":[2],\"b\":1}");
        check_right("tool_call", json!([]), "None of the tools fits this request.");
        assert_eq!(task("regex", json!("a+")).right_answer(), None);
        let calls = json!([{"name": "f", "arguments":
            {"a": {"any_of": ["x", "y"]}, "b": {"any_of": [null, 1]}, "c": {"d": {"any_of": [2]}}}}]);
        let call = ToolCall {
            id: "call_0".to_owned(),
            name: "f".to_owned(),
            arguments: "{\"a\":\"x\",\"c\":{\"d\":2}}".to_owned(),
        };
        let expected = AnswerContent { tool_calls: vec![call], ..AnswerContent::default() };
        assert_eq!(task("tool_call", calls).right_answer(), Some(expected));
    }

    #[test]
    fn stated_answers_come_first() {
        let mut stated = task("number", json!(42));
        stated.answer = Some(json!("It is 42"));
        stated.wrong = Some(json!("It is 41"));
        assert_eq!(stated.right_answer(), Some(text("It is 42")));
        assert_eq!(stated.wrong_answer(&[], 5), Some(text("It is 41")));
    }

    #[test]
    fn wrong_answers_are_of_the_same_kind() {
        let labels = ["billing", "refund", "Billing "].map(|label| task("exact", json!(label)));
        for pick in 0..6 {
            assert_eq!(labels[0].wrong_answer(&labels, pick), Some(text("refund")), "{pick}");
        }
        let alone = labels[0].wrong_answer(&labels[..1], 0);
        assert_eq!(alone, Some(text("I am not sure.")), "no other label");
        let choices = ["A", "F"].map(|letter| task("choice", json!(letter)));
        let letters: BTreeSet<String> =
            (0..5).map(|pick| choices[0].wrong_answer(&choices, pick).unwrap().text).collect();
        assert_eq!(letters.len(), 5, "B to F: {letters:?}");
        assert!(!letters.contains("Answer: A"));
        assert_eq!(task("none", json!("x")).wrong_answer(&[], 0), None);
    }
}
