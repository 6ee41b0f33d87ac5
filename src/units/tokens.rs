//! Token counts in one normal form, whatever the provider's convention.

use serde::{Deserialize, Serialize};

/// What one attempt was billed for. `None` means that the provider did not say; it is never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All prompt tokens, cached ones included.
    pub input: Option<u64>,
    /// Prompt tokens read from a cache (⊂ `input`).
    pub cached_input: Option<u64>,
    /// Prompt tokens written to a cache (⊂ `input`).
    pub cache_write: Option<u64>,
    /// All billed output tokens, reasoning included.
    pub output: Option<u64>,
    /// Reasoning tokens (⊂ `output`).
    pub reasoning: Option<u64>,
    /// Prompt tokens written to a cache that keeps them for an hour (⊂ `cache_write`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<u64>,
    /// Prompt tokens of audio (⊂ `input`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_input: Option<u64>,
    /// Prompt tokens of audio read from a cache (⊂ `audio_input` and ⊂ `cached_input`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_audio: Option<u64>,
    /// Output tokens of audio (⊂ `output`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_output: Option<u64>,
    /// Prompt tokens of images (⊂ `input`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_input: Option<u64>,
    /// Output tokens of images (⊂ `output`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_output: Option<u64>,
    /// Searches of the web that the provider made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searches: Option<u64>,
    /// The service tier that answered, which is not always the one that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<ServiceTier>,
}

/// What a provider sells the same tokens as: at once, later, or before the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTier {
    /// The published price.
    Standard,
    /// Cheaper, and slower when the provider is busy.
    Flex,
    /// Dearer, and faster.
    Priority,
    /// Cheaper still, answered within a day.
    Batch,
    /// Dearest, and fastest.
    Ultrafast,
}

impl ServiceTier {
    /// Every tier.
    pub const ALL: [Self; 5] =
        [Self::Standard, Self::Flex, Self::Priority, Self::Batch, Self::Ultrafast];

    /// The name in files and in requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Batch => "batch",
            Self::Ultrafast => "ultrafast",
        }
    }

    /// Reads what a provider calls a tier; `default` is OpenAI's word for the standard one. `None`
    /// for `auto`, which leaves it to the provider, and for what is not known.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "default" {
            return Some(Self::Standard);
        }
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }
}

impl Usage {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        input: None,
        cached_input: None,
        cache_write: None,
        output: None,
        reasoning: None,
        cache_write_1h: None,
        audio_input: None,
        cached_audio: None,
        audio_output: None,
        image_input: None,
        image_output: None,
        searches: None,
        service_tier: None,
    };

    /// Whether the provider counted nothing at all.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        Self { service_tier: None, ..*self } == Self::default()
    }
}

/// Where a token count comes from. They never mix in one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokensSource {
    /// The provider's own usage.
    Usage,
    /// Counted here with a tokenizer.
    LocalTokenizer,
    /// Estimated from bytes.
    Estimate,
    /// An imported table's, which does not say where it has it from.
    Imported,
}

impl TokensSource {
    /// The name in files: `usage`, `local tokenizer`, `estimate`, `imported`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::LocalTokenizer => "local tokenizer",
            Self::Estimate => "estimate",
            Self::Imported => "imported",
        }
    }

    /// Reads [`TokensSource::name`] back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Usage, Self::LocalTokenizer, Self::Estimate, Self::Imported]
            .into_iter()
            .find(|s| s.name() == name)
    }
}
