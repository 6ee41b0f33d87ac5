//! Nouns: money, tokens, ids, time, chance, histograms. No input or output lives here.

pub mod cache;
pub mod clock;
pub mod dialect;
pub mod histogram;
pub mod ids;
pub mod judging;
pub mod message;
pub mod money;
pub mod names;
pub mod normal;
pub mod plain;
pub mod seed;
pub mod tokens;
pub mod toml_text;

pub use cache::{Body, CacheMode};
pub use clock::{Clock, Stamp};
pub use dialect::Dialect;
pub use histogram::Histogram;
pub use ids::{Category, ContentHash, EndpointId, TrialKey};
pub use judging::{Goal, Judging, Slo};
pub use message::Message;
pub use money::{Factor, ParseFactorError, ParseUsdError, Usd};
pub use seed::{Draw, Seed};
pub use tokens::{ServiceTier, TokensSource, Usage};
