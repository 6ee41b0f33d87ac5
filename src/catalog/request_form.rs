//! The form in which an endpoint takes requests, where it refuses the usual one.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::error::CatalogError;
use super::raw::RawEndpoint;
use crate::units::toml_text::{TomlText, did_you_mean};

/// The name of the output limit in OpenAI chat completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensField {
    /// The older name, which most compatible APIs know alone.
    MaxTokens,
    /// The name that OpenAI's reasoning models want.
    MaxCompletionTokens,
}

impl MaxTokensField {
    /// Both.
    pub const ALL: [Self; 2] = [Self::MaxTokens, Self::MaxCompletionTokens];

    /// The name in requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

/// What an endpoint's catalog says of the form of its requests. It does not change what is asked, so
/// it is in no trial's key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestForm {
    /// The name of the output limit; `None`: by the provider, or as learnt from a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens_field: Option<MaxTokensField>,
    /// Whether streams are asked for their usage (`stream_options`); `None`: yes, until refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_usage: Option<bool>,
}

impl RequestForm {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

pub(super) fn resolve(raw: &RawEndpoint, toml: TomlText<'_>) -> Result<RequestForm, CatalogError> {
    let field = |named: &Spanned<String>| {
        let known = MaxTokensField::ALL.map(MaxTokensField::name);
        let found = MaxTokensField::ALL.into_iter().find(|field| field.name() == named.get_ref());
        found.ok_or_else(|| CatalogError::UnknownMaxTokensField {
            at: toml.place(&named.span()),
            name: named.get_ref().clone(),
            remedy: did_you_mean(named.get_ref(), &known),
        })
    };
    let max_tokens_field = raw.max_tokens_field.as_ref().map(field).transpose()?;
    Ok(RequestForm { max_tokens_field, stream_usage: raw.stream_usage })
}
