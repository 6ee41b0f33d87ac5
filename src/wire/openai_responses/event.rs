//! The events of OpenAI responses, and a whole response.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::lenient::{Fields, Kind};
use crate::wire::text::Text;

/// The types that the fields of an event are due to have.
pub(super) const EVENT: Fields = &[
    ("type", Kind::Name),
    ("delta", Kind::TextOrJson),
    ("text", Kind::Text),
    ("arguments", Kind::Json),
    ("item_id", Kind::Name),
    ("output_index", Kind::Index),
    ("item", Kind::Object(ITEM)),
    ("response", Kind::Object(RESPONSE)),
    ("part", Kind::Object(PART)),
];

/// The same of a whole response.
pub(super) const RESPONSE: Fields = &[
    ("status", Kind::Name),
    ("model", Kind::Name),
    ("provider", Kind::Name),
    ("service_tier", Kind::Name),
    ("incomplete_details", Kind::Object(&[("reason", Kind::Name)])),
    ("output", Kind::List(ITEM)),
    ("output_text", Kind::Text),
];

const ITEM: Fields = &[
    ("type", Kind::Name),
    ("id", Kind::Name),
    ("call_id", Kind::Name),
    ("name", Kind::Name),
    ("arguments", Kind::Json),
    ("content", Kind::List(PART)),
    ("summary", Kind::List(PART)),
];

const PART: Fields = &[("text", Kind::Text), ("refusal", Kind::Text)];

#[derive(Debug, Deserialize)]
pub(super) struct Event<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub delta: Option<Text<'a>>,
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    #[serde(borrow)]
    pub arguments: Option<Text<'a>>,
    #[serde(borrow)]
    pub item_id: Option<Text<'a>>,
    pub output_index: Option<u64>,
    #[serde(borrow)]
    pub item: Option<Item<'a>>,
    #[serde(borrow)]
    pub response: Option<Response<'a>>,
    /// A part of a message, whole.
    #[serde(borrow)]
    pub part: Option<Part<'a>>,
    /// Some gateways state it here.
    #[serde(borrow)]
    pub usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub status: Option<Text<'a>>,
    #[serde(borrow)]
    pub model: Option<Text<'a>>,
    /// Of routers.
    #[serde(borrow)]
    pub provider: Option<Text<'a>>,
    #[serde(borrow)]
    pub service_tier: Option<Text<'a>>,
    #[serde(borrow)]
    pub usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub incomplete_details: Option<Incomplete<'a>>,
    #[serde(borrow)]
    pub output: Option<Vec<Item<'a>>>,
    /// All text of the output, as client libraries add it.
    #[serde(borrow)]
    pub output_text: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Incomplete<'a> {
    #[serde(borrow)]
    pub reason: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Item<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub call_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub arguments: Option<Text<'a>>,
    #[serde(borrow)]
    pub content: Option<Vec<Part<'a>>>,
    #[serde(borrow)]
    pub summary: Option<Vec<Part<'a>>>,
}

impl Item<'_> {
    pub fn is_call(&self) -> bool {
        Text::of(self.kind.as_ref()) == "function_call"
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    #[serde(borrow)]
    pub refusal: Option<Text<'a>>,
}
