//! The chunks of a chat completion, and a whole one, which has the same fields.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::wire::lenient::{Fields, Kind};
use crate::wire::text::Text;

/// The types that the fields of a chunk are due to have.
pub(super) const CHUNK: Fields = &[
    ("model", Kind::Name),
    ("provider", Kind::Name),
    ("service_tier", Kind::Name),
    ("choices", Kind::List(CHOICE)),
];

const CHOICE: Fields = &[
    ("index", Kind::Index),
    ("delta", Kind::Object(MESSAGE)),
    ("message", Kind::Object(MESSAGE)),
    ("text", Kind::Text),
    ("finish_reason", Kind::Name),
];

const MESSAGE: Fields = &[
    ("reasoning_content", Kind::Text),
    ("reasoning", Kind::Text),
    ("reasoning_text", Kind::Text),
    ("thinking", Kind::Text),
    ("refusal", Kind::Text),
    ("content", Kind::Content),
    ("reasoning_details", Kind::List(&[("text", Kind::Text), ("summary", Kind::Text)])),
    ("tool_calls", Kind::List(CALL)),
    ("function_call", Kind::Object(FUNCTION)),
];

const CALL: Fields = &[
    ("index", Kind::Index),
    ("id", Kind::Name),
    ("function", Kind::Object(FUNCTION)),
    ("name", Kind::Name),
    ("arguments", Kind::Json),
];

const FUNCTION: Fields = &[("name", Kind::Name), ("arguments", Kind::Json)];

#[derive(Debug, Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub model: Option<Text<'a>>,
    #[serde(borrow)]
    pub provider: Option<Text<'a>>,
    #[serde(borrow)]
    pub service_tier: Option<Text<'a>>,
    #[serde(borrow)]
    pub choices: Option<FirstChoice<'a>>,
    #[serde(borrow)]
    pub usage: Option<&'a RawValue>,
    /// Groq states the usage of a stream here.
    #[serde(borrow)]
    pub x_groq: Option<&'a RawValue>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
}

/// The choice whose index is 0 or absent, else the first: requests ask for one answer. No list is
/// built, because this is read once per token.
#[derive(Debug)]
pub(super) struct FirstChoice<'a>(pub Option<Choice<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for FirstChoice<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Choices<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Choices<'a> {
            type Value = FirstChoice<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of choices")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut first: Option<Choice<'a>> = None;
                while let Some(choice) = list.next_element::<Choice<'a>>()? {
                    let is_first = |choice: &Choice<'_>| choice.index.unwrap_or(0) == 0;
                    if first.as_ref().is_none_or(|first| !is_first(first) && is_first(&choice)) {
                        first = Some(choice);
                    }
                }
                Ok(FirstChoice(first))
            }
        }
        deserializer.deserialize_seq(Choices(PhantomData))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice<'a> {
    pub index: Option<u64>,
    #[serde(borrow)]
    pub delta: Option<Message<'a>>,
    #[serde(borrow)]
    pub message: Option<Message<'a>>,
    /// Of completions without messages.
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    #[serde(borrow)]
    pub finish_reason: Option<Text<'a>>,
    /// Moonshot states the usage of a stream here.
    #[serde(borrow)]
    pub usage: Option<&'a RawValue>,
    /// Of routers.
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
}

/// A message, or what is new of it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub content: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning_text: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning_details: Option<Vec<Detail<'a>>>,
    #[serde(borrow)]
    pub refusal: Option<Text<'a>>,
    #[serde(borrow)]
    pub tool_calls: Option<Vec<CallDelta<'a>>>,
    /// The call of the API before it had several.
    #[serde(borrow)]
    pub function_call: Option<FunctionDelta<'a>>,
    /// Some gateways state the usage here.
    #[serde(borrow)]
    pub usage: Option<&'a RawValue>,
}

impl Message<'_> {
    /// The reasoning, which has several names and comes under more than one of them at once.
    pub fn thought(&self) -> Cow<'_, str> {
        let named =
            [&self.reasoning_content, &self.reasoning, &self.reasoning_text, &self.thinking];
        let named = named.into_iter().map(|text| Text::of(text.as_ref()));
        let named = named.into_iter().find(|text| !text.is_empty());
        named.map_or_else(|| self.details().into(), Cow::Borrowed)
    }

    pub fn forget_thought(&mut self) {
        self.reasoning_content = None;
        self.reasoning = None;
        self.reasoning_text = None;
        self.thinking = None;
        self.reasoning_details = None;
    }

    fn details(&self) -> String {
        let details = self.reasoning_details.iter().flatten();
        let texts = details.flat_map(|detail| [&detail.text, &detail.summary]);
        texts.map(|text| Text::of(text.as_ref())).collect()
    }

    pub fn is_empty(&self) -> bool {
        Text::of(self.content.as_ref()).is_empty()
            && Text::of(self.refusal.as_ref()).is_empty()
            && self.tool_calls.as_ref().is_none_or(Vec::is_empty)
            && self.function_call.is_none()
            && self.thought().is_empty()
    }
}

/// A part of the reasoning, as `OpenRouter` has it beside the text.
#[derive(Debug, Deserialize)]
struct Detail<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    summary: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CallDelta<'a> {
    pub index: Option<i64>,
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub function: Option<FunctionDelta<'a>>,
    /// Of servers that have no `function` around the name and the arguments.
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub arguments: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct FunctionDelta<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub arguments: Option<Text<'a>>,
    /// The arguments, under the name that some models write.
    #[serde(borrow)]
    pub parameters: Option<&'a RawValue>,
}
