//! The events of Anthropic messages, and a whole message.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::lenient::{Fields, Kind};
use crate::wire::text::Text;

/// The types that the fields of an event are due to have. An event has no `content`; a whole message
/// has nothing else.
pub(super) const EVENT: Fields = &[
    ("type", Kind::Name),
    ("index", Kind::Index),
    ("delta", Kind::Object(DELTA)),
    ("content_block", Kind::Object(BLOCK)),
    ("message", Kind::Object(MESSAGE)),
    ("content", Kind::List(BLOCK)),
];

const DELTA: Fields = &[
    ("type", Kind::Name),
    ("text", Kind::Text),
    ("thinking", Kind::Text),
    ("partial_json", Kind::Json),
    ("stop_reason", Kind::Name),
];

const BLOCK: Fields = &[
    ("type", Kind::Name),
    ("id", Kind::Name),
    ("name", Kind::Name),
    ("text", Kind::Text),
    ("thinking", Kind::Text),
];

/// The same of a whole message.
pub(super) const MESSAGE: Fields =
    &[("model", Kind::Name), ("content", Kind::List(BLOCK)), ("stop_reason", Kind::Name)];

#[derive(Debug, Deserialize)]
pub(super) struct Event<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Option<Text<'a>>,
    pub index: Option<u64>,
    #[serde(borrow)]
    pub delta: Option<Delta<'a>>,
    #[serde(borrow)]
    pub content_block: Option<Block<'a>>,
    #[serde(borrow)]
    pub message: Option<Message<'a>>,
    #[serde(borrow)]
    pub usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    #[serde(borrow)]
    pub thinking: Option<Text<'a>>,
    #[serde(borrow)]
    pub partial_json: Option<Text<'a>>,
    #[serde(borrow)]
    pub stop_reason: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Block<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    #[serde(borrow)]
    pub thinking: Option<Text<'a>>,
    #[serde(borrow)]
    pub input: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub model: Option<Text<'a>>,
    #[serde(borrow)]
    pub content: Option<Vec<Block<'a>>>,
    #[serde(borrow)]
    pub stop_reason: Option<Text<'a>>,
    #[serde(borrow)]
    pub usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
}
