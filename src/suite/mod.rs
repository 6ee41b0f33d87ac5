//! What to ask and how to judge it: tasks, suites, grader specifications, loading.

pub pub mod bundled;
mod columns;
pub mod decimal;
pub mod error;
pub mod load;
pub mod number;
pub mod reference;
pub mod sample;

mod fields;
mod folder;
mod grader;
mod guess;
mod schema;
mod source;
mod table;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use columns::ColumnMap;
pub use error::SuiteError;
pub use load::{LoadedSuite, load_path, load_texts};
pub use sample::Sample;

use crate::units::{Category, ContentHash, Message};

/// How an answer becomes a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum GraderSpec {
    /// The answer is the reference, white space at the ends and a final line break aside.
    Exact {
        /// Compare without regard to case.
        #[serde(default)]
        ignore_case: bool,
    },
    /// The answer is one of the references (`reference` is a list).
    OneOf {
        /// Compare without regard to case.
        #[serde(default)]
        ignore_case: bool,
    },
    /// The answer contains the reference, or each of a list of them.
    Contains {
        /// Compare without regard to case.
        #[serde(default)]
        ignore_case: bool,
    },
    /// The answer matches the regular expression in `reference`, or each of a list of them.
    Regex {},
    /// The last number of the answer equals the last number of the reference, within a tolerance.
    Number {
        /// The largest absolute difference that passes, a decimal string; `None`: none.
        #[serde(default)]
        tolerance: Option<String>,
    },
    /// The letter of a multiple choice.
    Choice {},
    /// JSON: equal to the reference where there is one, valid under the task's `schema` where
    /// there is one.
    Json {},
    /// The tool calls equal the reference: a list of `{"name": …, "arguments": {…}}`; a list as
    /// an argument's value under `"any_of"` gives alternatives.
    ToolCall {},
    /// Not graded: cost and speed only.
    None {},
}

impl GraderSpec {
    /// The name in files: `exact`, `one_of`, `contains`, `regex`, `number`, `choice`, `json`,
    /// `tool_call`, `none`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Exact { .. } => "exact",
            Self::OneOf { .. } => "one_of",
            Self::Contains { .. } => "contains",
            Self::Regex {} => "regex",
            Self::Number { .. } => "number",
            Self::Choice {} => "choice",
            Self::Json {} => "json",
            Self::ToolCall {} => "tool_call",
            Self::None {} => "none",
        }
    }

    /// Every name that [`GraderSpec::from_name`] reads.
    pub const NAMES: [&'static str; 9] =
        ["exact", "one_of", "contains", "regex", "number", "choice", "json", "tool_call", "none"];

    /// The grader of this name with its default settings.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "exact" => Self::Exact { ignore_case: false },
            "one_of" => Self::OneOf { ignore_case: false },
            "contains" => Self::Contains { ignore_case: false },
            "regex" => Self::Regex {},
            "number" => Self::Number { tolerance: None },
            "choice" => Self::Choice {},
            "json" => Self::Json {},
            "tool_call" => Self::ToolCall {},
            "none" => Self::None {},
            _ => return None,
        })
    }
}

/// A prompt with its reference and grader, fully resolved: templates applied, defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The suite's name.
    pub suite: String,
    /// Unique within the suite.
    pub id: String,
    /// The kind of work it stands for.
    pub category: Category,
    /// The prompt.
    pub messages: Vec<Message>,
    /// How its answer is judged.
    pub grader: GraderSpec,
    /// What a right answer is, in the grader's form.
    pub reference: Option<Value>,
    /// A right answer as a model would give it: text, or a list of tool calls. Left out where the
    /// reference is one itself.
    pub answer: Option<Value>,
    /// A plausible wrong answer in the same form: what the simulator says when it fails, and a
    /// proof that the grader can tell.
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
    /// `suite/id`, unique in a run.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.suite, self.id)
    }

    /// The hash of the prompt alone (messages and tools): what the simulator knows a task by.
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
