//! The graders there are, and reading one from a suite.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer_text::visible_answer;
use super::grader::Grader;
use super::sample::{Peers, SampleTask, text_answer};
use super::score::Score;
use super::target::{GradingError, Target};
use super::{assertion, choice, json, none, number, text, tool_call};
use crate::units::{AnswerContent, names};

/// Makes [`GraderSpec`] from the list of graders.
macro_rules! graders {
    ($($module:ident::$family:ident = $id:literal,)*) => {
        /// A grader with its settings: how an answer becomes a score.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub enum GraderSpec {
            $(
                #[doc = concat!("The `", $id, "` grader.")]
                #[serde(rename = $id)]
                $family($module::$family),
            )*
        }

        impl GraderSpec {
            /// Every id that [`GraderSpec::from_id`] reads.
            pub const IDS: &'static [&'static str] = &[$($id),*];

            /// The id in files, such as `one_of`.
            #[must_use]
            pub const fn id(&self) -> &'static str {
                match self { $(Self::$family(_) => $id,)* }
            }

            /// The grader of this id with its default settings.
            #[must_use]
            pub fn from_id(id: &str) -> Option<Self> {
                match id {
                    $($id => Some(Self::$family($module::$family::default())),)*
                    _ => None,
                }
            }

            fn grader(&self) -> &dyn Grader {
                match self { $(Self::$family(grader) => grader,)* }
            }

            fn grader_mut(&mut self) -> &mut dyn Grader {
                match self { $(Self::$family(grader) => grader,)* }
            }
        }
    };
}

graders! {
    text::Exact = "exact",
    text::OneOf = "one_of",
    text::Contains = "contains",
    text::Pattern = "regex",
    number::Number = "number",
    choice::Choice = "choice",
    json::Json = "json",
    tool_call::ToolCalls = "tool_call",
    assertion::Assertions = "assert",
    none::NoGrader = "none",
}

/// Answers of a model that does not know; the first that the task does not expect is used.
const UNSURE: [&str; 3] = ["I am not sure.", "Nobody knows.", "…"];

impl GraderSpec {
    /// No grading: cost and speed only.
    pub const NONE: Self = Self::NoGrader(none::NoGrader {});

    /// Reads `"number"`, or `{ kind = "number", tolerance = "0.01" }`.
    pub fn parse(value: &Value) -> Result<Self, SpecError> {
        let bad = |why: &str| SpecError::BadValue(why.to_owned());
        let table = match value {
            Value::String(id) => return Self::parse_id(id),
            Value::Object(table) => table,
            _ => return Err(bad("must be a name or a table with `kind`")),
        };
        let Some(Value::String(id)) = table.get("kind") else {
            return Err(bad("needs `kind`, the name of a grader, as in { kind = \"number\" }"));
        };
        let mut spec = Self::parse_id(id)?;
        for (key, value) in table.iter().filter(|(key, _)| *key != "kind") {
            let settings = spec.grader().settings();
            if !settings.contains(&key.as_str()) {
                let hint = if settings.is_empty() {
                    format!("grader `{id}` has no settings")
                } else {
                    names::suggest(key, settings)
                };
                return Err(SpecError::UnknownSetting { key: key.clone(), hint });
            }
            spec.grader_mut().set(key, value).map_err(bad)?;
        }
        Ok(spec)
    }

    fn parse_id(id: &str) -> Result<Self, SpecError> {
        Self::from_id(id).ok_or_else(|| SpecError::UnknownGrader {
            id: id.to_owned(),
            hint: names::suggest(id, Self::IDS),
        })
    }

    /// The version of the grader: it goes up with every change of a score that some answer would
    /// get, and is stored with scores.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.grader().version()
    }

    /// Whether the grader can judge the answers to a task.
    pub(crate) fn check(&self, target: &Target<'_>) -> Result<(), GradingError> {
        if let Some(part) = self.grader().missing(target) {
            return Err(GradingError::Missing(part));
        }
        target.reference.map_or(Ok(()), |reference| self.grader().check_reference(reference))
    }

    /// A contradiction between the reference and the rest of the task.
    pub(crate) fn find_contradiction(&self, task: &SampleTask<'_>) -> Option<String> {
        self.grader().find_contradiction(task)
    }

    /// The reference in a cell of a table; `None` where the grader uses none.
    pub(crate) fn read_cell(&self, cell: &Value) -> Option<Value> {
        self.grader().read_cell(cell)
    }

    /// A right answer made from the reference; `None` where the reference does not determine one (a
    /// pattern, a schema alone, no grader).
    pub(crate) fn right_answer(&self, target: &Target<'_>) -> Option<AnswerContent> {
        self.grader().right_answer(target.reference?)
    }

    /// A plausible wrong answer, chosen among several by `pick`; `None` where nothing is graded.
    pub(crate) fn wrong_answer(
        &self,
        task: &SampleTask<'_>,
        peers: &Peers<'_>,
        pick: u64,
    ) -> Option<AnswerContent> {
        if *self == Self::NONE {
            return None;
        }
        let unsure = || {
            let mut answers = UNSURE.map(text_answer).into_iter();
            let wrong = answers.find(|answer| !self.grade(&task.target, answer).is_right());
            wrong.unwrap_or_else(|| text_answer(UNSURE[0]))
        };
        Some(self.grader().wrong_answer(task, peers, pick).unwrap_or_else(unsure))
    }

    /// The score of an answer to a task.
    pub(crate) fn grade(&self, target: &Target<'_>, answer: &AnswerContent) -> Score {
        let grader = self.grader();
        if let Some(part) = grader.missing(target) {
            return Score::unscored(&GradingError::Missing(part).to_string());
        }
        let visible = visible_answer(&answer.text);
        if grader.needs_text() && visible.trim().is_empty() {
            return Score::wrong(&explain_empty(answer));
        }
        let score = if visible.len() == answer.text.len() {
            grader.score(target, answer)
        } else {
            let text = visible.to_owned();
            grader.score(target, &AnswerContent { text, ..answer.clone() })
        };
        score.unwrap_or_else(|why| Score::unscored(&why.to_string()))
    }
}

/// Why there is no text to judge.
fn explain_empty(answer: &AnswerContent) -> String {
    if !answer.refusal.trim().is_empty() {
        format!("refused: {}", answer.refusal)
    } else if !answer.text.trim().is_empty() {
        "only reasoning, no answer".to_owned()
    } else if answer.tool_calls.is_empty() {
        "empty answer".to_owned()
    } else {
        format!("no text, only a call of {}", answer.tool_calls[0].name)
    }
}

/// Why the grader of a suite or a task cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// No grader of that id.
    #[error("unknown grader `{id}`; {hint}")]
    UnknownGrader {
        /// The id.
        id: String,
        /// The nearest id, or all of them.
        hint: String,
    },
    /// A setting that the grader does not have.
    #[error("unknown key `grader.{key}`; {hint}")]
    UnknownSetting {
        /// The key.
        key: String,
        /// The nearest setting, or all of them.
        hint: String,
    },
    /// A value of the wrong type or out of range.
    #[error("`grader` {0}")]
    BadValue(String),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_tables() {
        let check = |value: Value, stored: Value| {
            let spec = GraderSpec::parse(&value).unwrap();
            assert_eq!(serde_json::to_value(&spec).unwrap(), stored, "{value}");
            assert_eq!(serde_json::from_value::<GraderSpec>(stored).unwrap(), spec);
        };
        check(json!("json"), json!({"kind": "json"}));
        check(
            json!({"kind": "exact", "ignore_case": true}),
            json!({"kind": "exact", "ignore_case": true}),
        );
        check(json!("number"), json!({"kind": "number", "tolerance": null}));
        check(
            json!({"kind": "number", "tolerance": 0.01}),
            json!({"kind": "number", "tolerance": "0.01"}),
        );
        for id in GraderSpec::IDS {
            assert_eq!(GraderSpec::parse(&json!(id)).unwrap().id(), *id);
        }
        let stored = json!({"kind": "choice", "strict": true});
        assert!(serde_json::from_value::<GraderSpec>(stored).is_err(), "of another version");
    }

    #[test]
    fn one_clear_sentence_each() {
        let check = |value: Value, expected: &str| {
            assert_eq!(GraderSpec::parse(&value).unwrap_err().to_string(), expected);
        };
        check(json!("nmber"), "unknown grader `nmber`; did you mean `number`?");
        check(json!(3), "`grader` must be a name or a table with `kind`");
        check(
            json!({"kind": "exact", "ignorecase": true}),
            "unknown key `grader.ignorecase`; did you mean `ignore_case`?",
        );
        check(
            json!({"kind": "json", "strict": true}),
            "unknown key `grader.strict`; grader `json` has no settings",
        );
        check(
            json!({"kind": "number", "tolerance": "-1"}),
            "`grader` `tolerance` must be a decimal string from 0 up, such as \"0.01\"",
        );
    }

    #[test]
    fn unusable_references() {
        const FORM: &str = "it must be a list of {\"name\": …, \"arguments\": {…}}";
        let check = |id: &str, reference: Value, expected: &str| {
            let spec = GraderSpec::from_id(id).unwrap();
            let target = Target { reference: Some(&reference), schema: None };
            let error = GradingError::Reference(expected.to_owned());
            assert_eq!(spec.check(&target), Err(error), "{id}");
            if id != "exact" {
                let score = spec.grade(&target, &text_answer("x"));
                assert_eq!(score.value, None, "{id}: {score:?}");
            }
        };
        for id in GraderSpec::IDS.iter().filter(|id| **id != "none") {
            let missing = GraderSpec::from_id(id).unwrap().check(&Target::default());
            assert!(matches!(missing, Err(GradingError::Missing(_))), "{id}");
        }
        check("number", json!("none"), "it holds no number");
        check("choice", json!("K"), "it must be a letter from A to J");
        check("exact", json!(["a"]), "it must be a text");
        check("one_of", json!([]), "it must be a list of texts");
        check("contains", json!([""]), "an empty text is part of every answer");
        check("regex", json!("(a"), "`(a` is no regular expression: unclosed group");
        check("tool_call", json!([{"nam": "x"}]), FORM);
        check(
            "tool_call",
            json!([{"name": "x", "args": {}}]),
            &format!("a call has no key `args`; {FORM}"),
        );
    }

    #[test]
    fn unscored_is_not_wrong() {
        let check = |id: &str, reference: Option<Value>, text: &str, value: Option<f64>| {
            let spec = GraderSpec::from_id(id).unwrap();
            let target = Target { reference: reference.as_ref(), schema: None };
            let score = spec.grade(&target, &text_answer(text));
            assert_eq!(score.value, value, "{id}: {}", score.detail);
        };
        check("none", None, "x", None);
        check("number", None, "7", None);
        check("number", Some(json!("none")), "7", None);
        check("regex", Some(json!("(a")), "a", None);
        check("json", None, "{}", None);
        check("number", Some(json!(7)), "I do not know", Some(0.0));
        check("choice", Some(json!("B")), "I do not know", Some(0.0));
        check("exact", Some(json!("x")), " \n", Some(0.0));
        check("exact", Some(json!("x")), "x", Some(1.0));
    }

    #[test]
    fn a_refusal_is_named() {
        let reference = json!(3);
        let target = Target { reference: Some(&reference), schema: None };
        let answer = AnswerContent { refusal: "I cannot.".to_owned(), ..AnswerContent::default() };
        let score = GraderSpec::from_id("number").unwrap().grade(&target, &answer);
        assert_eq!(score, Score::wrong("refused: I cannot."));
    }
}
