//! The chunks of a Gemini answer, and a whole one, which has the same fields. Gateways in Python write
//! their names with underscores.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::lenient::{Fields, Kind};
use crate::wire::text::Text;

/// The types that the fields of a chunk are due to have.
pub(super) const CHUNK: Fields = &[
    ("candidates", Kind::List(CANDIDATE)),
    ("modelVersion", Kind::Name),
    ("promptFeedback", Kind::Object(&[("blockReason", Kind::Name)])),
    ("model_version", Kind::Name),
];

const CANDIDATE: Fields = &[
    ("index", Kind::Index),
    ("content", Kind::Object(&[("parts", Kind::List(PART))])),
    ("finishReason", Kind::Name),
    ("finish_reason", Kind::Name),
    ("finishMessage", Kind::Text),
];

const PART: Fields = &[
    ("text", Kind::Text),
    ("thought", Kind::Flag),
    ("functionCall", Kind::Object(CALL)),
    ("function_call", Kind::Object(CALL)),
];

const CALL: Fields = &[("id", Kind::Name), ("name", Kind::Name)];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow, rename = "usageMetadata", alias = "usage_metadata")]
    pub usage: Option<&'a RawValue>,
    #[serde(borrow, alias = "model_version")]
    pub model_version: Option<Text<'a>>,
    #[serde(borrow, alias = "prompt_feedback")]
    pub prompt_feedback: Option<Feedback<'a>>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
    /// Of gateways that put the answer into an object of their own.
    #[serde(borrow)]
    pub response: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Feedback<'a> {
    #[serde(borrow, alias = "block_reason")]
    pub block_reason: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate<'a> {
    pub index: Option<u64>,
    #[serde(borrow)]
    pub content: Option<Content<'a>>,
    #[serde(borrow, alias = "finish_reason")]
    pub finish_reason: Option<Text<'a>>,
    #[serde(borrow, alias = "finish_message")]
    pub finish_message: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Content<'a> {
    #[serde(borrow)]
    pub parts: Option<Vec<Part<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    pub thought: Option<bool>,
    #[serde(borrow, alias = "function_call")]
    pub function_call: Option<Call<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Call<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub args: Option<&'a RawValue>,
}
