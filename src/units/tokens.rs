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
}

impl Usage {
    /// Whether the provider said nothing at all.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// Where a token count comes from. The three never mix in one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokensSource {
    /// The provider's own usage.
    Usage,
    /// Counted here with a tokenizer.
    LocalTokenizer,
    /// Estimated from bytes.
    Estimate,
}

impl TokensSource {
    /// The name in files: `usage`, `local tokenizer`, `estimate`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::LocalTokenizer => "local tokenizer",
            Self::Estimate => "estimate",
        }
    }

    /// Reads [`TokensSource::name`] back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Usage, Self::LocalTokenizer, Self::Estimate].into_iter().find(|s| s.name() == name)
    }
}

/// A part of a usage beyond [`Usage`], for which some providers charge a price of its own. Parts
/// overlap the counts of [`Usage`]; searches and fetches are calls, not tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsagePart {
    /// Written to a cache that lives for 5 minutes (⊂ `cache_write`).
    CacheWrite5m,
    /// Written to a cache that lives for 30 minutes (⊂ `cache_write`).
    CacheWrite30m,
    /// Written to a cache that lives for an hour (⊂ `cache_write`).
    CacheWrite1h,
    /// Written to a cache that lives for 12 hours (⊂ `cache_write`).
    CacheWrite12h,
    /// Prompt tokens of sound (⊂ `input`).
    InputAudio,
    /// Prompt tokens of pictures (⊂ `input`).
    InputImage,
    /// Prompt tokens of films (⊂ `input`).
    InputVideo,
    /// Sound read from the cache (⊂ `cached_input`).
    CachedAudio,
    /// Pictures read from the cache (⊂ `cached_input`).
    CachedImage,
    /// Films read from the cache (⊂ `cached_input`).
    CachedVideo,
    /// What the provider's own tools added to the prompt (⊂ `input`).
    InputTool,
    /// Output tokens of sound (⊂ `output`).
    OutputAudio,
    /// Output tokens of pictures (⊂ `output`).
    OutputImage,
    /// Searches of the web that the provider made.
    WebSearches,
    /// Pages that the provider fetched.
    WebFetches,
}
