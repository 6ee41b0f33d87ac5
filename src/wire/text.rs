//! Text that is read once per token: borrowed from the input where it has no escape.

use std::borrow::Cow;

use serde::Deserialize;

/// Text that is borrowed from the input where it has no escape.
#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl Text<'_> {
    /// The text of an optional field; empty where it is absent.
    pub(super) fn of<'b>(text: Option<&'b Text<'_>>) -> &'b str {
        text.map_or("", |Text(text)| text)
    }
}

/// Appends a delta; whether it was not empty.
pub(super) fn push(into: &mut String, delta: Option<&Text<'_>>) -> bool {
    let delta = Text::of(delta);
    into.push_str(delta);
    !delta.is_empty()
}

/// Sets a name that is repeated in every event; an empty one is ignored.
pub(super) fn note(into: &mut Option<String>, name: Option<&Text<'_>>) {
    let name = Text::of(name);
    if !name.is_empty() && into.as_deref() != Some(name) {
        *into = Some(name.to_owned());
    }
}
