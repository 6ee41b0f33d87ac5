//! The kinds of rates.

use serde::{Deserialize, Serialize};

use crate::units::{ParseUsdError, Usd};

/// What a rate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// A prompt token.
    Input,
    /// An output token.
    Output,
    /// A prompt token read from the provider's cache.
    CachedInput,
    /// A prompt token written to the provider's cache.
    CacheWrite,
    /// A prompt token written to a cache that keeps it for an hour.
    CacheWrite1h,
    /// A reasoning token.
    Reasoning,
    /// A prompt token of audio.
    AudioInput,
    /// A prompt token of audio read from the provider's cache.
    CachedAudio,
    /// An output token of audio.
    AudioOutput,
    /// A prompt token of an image.
    ImageInput,
    /// An output token of an image.
    ImageOutput,
    /// A request, whatever its size.
    PerRequest,
    /// A web search by the provider.
    PerSearch,
    /// An image of the prompt. No API counts images in its usage, so this is only shown; their tokens
    /// are charged.
    PerImage,
}

impl Rate {
    /// Every rate, in the order of files.
    pub const ALL: [Self; 14] = [
        Self::Input,
        Self::Output,
        Self::CachedInput,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::Reasoning,
        Self::AudioInput,
        Self::CachedAudio,
        Self::AudioOutput,
        Self::ImageInput,
        Self::ImageOutput,
        Self::PerRequest,
        Self::PerSearch,
        Self::PerImage,
    ];

    /// The key in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::CachedInput => "cached_input",
            Self::CacheWrite => "cache_write",
            Self::CacheWrite1h => "cache_write_1h",
            Self::Reasoning => "reasoning",
            Self::AudioInput => "audio_input",
            Self::CachedAudio => "cached_audio",
            Self::AudioOutput => "audio_output",
            Self::ImageInput => "image_input",
            Self::ImageOutput => "image_output",
            Self::PerRequest => "per_request",
            Self::PerSearch => "per_search",
            Self::PerImage => "per_image",
        }
    }

    /// Whether it is charged per token, and so written per million tokens.
    #[must_use]
    pub const fn is_per_token(self) -> bool {
        !matches!(self, Self::PerRequest | Self::PerSearch | Self::PerImage)
    }

    /// The amount as files write it: dollars per million tokens, or dollars each.
    #[must_use]
    pub fn written(self, usd: Usd) -> String {
        if self.is_per_token() { usd.times(1_000_000).to_string() } else { usd.to_string() }
    }

    /// Reads [`Rate::written`] back.
    pub fn read(self, text: &str) -> Result<Usd, ParseUsdError> {
        if self.is_per_token() { Usd::per_million(text) } else { text.parse() }
    }
}
