//! A suite as it is written to its folder.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

/// A bundled suite: the head of `suite.toml` and the lines of `tasks.jsonl`.
pub struct Suite {
    /// The folder, the suite and its category.
    pub name: &'static str,
    /// One sentence for people.
    pub description: &'static str,
    /// The grader, as the TOML value of the key.
    pub grader: &'static str,
    /// What is put around each task's prompt (minijinja).
    pub prompt: Option<&'static str>,
    /// The most output tokens; left out, the run's default holds, which leaves room to reason.
    pub max_tokens: Option<u64>,
    /// Its tasks.
    pub tasks: Vec<Task>,
}

/// One line of `tasks.jsonl`, its keys in the order of a reader's interest.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Task {
    pub id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grader: Option<Value>,
    pub reference: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    pub wrong: Value,
}

impl Suite {
    /// The text of `suite.toml`.
    pub fn suite_toml(&self) -> String {
        let mut text = format!(
            "name = \"{0}\"\nversion = \"1\"\nlicense = \"MIT OR Apache-2.0\"\ndescription = \"{1}\"\n\
             category = \"{0}\"\ngrader = {2}\n",
            self.name, self.description, self.grader
        );
        if let Some(max_tokens) = self.max_tokens {
            writeln!(text, "max_tokens = {max_tokens}").expect("a string takes all");
        }
        if let Some(prompt) = self.prompt {
            writeln!(text, "prompt = '''\n{prompt}'''").expect("a string takes all");
        }
        text
    }

    /// The text of `tasks.jsonl`.
    pub fn tasks_jsonl(&self) -> String {
        let mut text = String::new();
        for task in &self.tasks {
            text.push_str(&serde_json::to_string(task).expect("a task is plain data"));
            text.push('\n');
        }
        text
    }
}
