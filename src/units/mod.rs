//! Nouns: money, tokens, ids, time, chance, histograms. No input or output lives here.

pub mod answer;
pub mod cache;
pub mod calibration;
pub mod clock;
pub mod dialect;
pub mod histogram;
pub mod ids;
pub mod judging;
pub mod load_spec;
pub mod manifest;
pub mod message;
pub mod money;
pub mod names;
pub mod normal;
pub mod pacing_summary;
pub mod plain;
pub mod seed;
pub mod tokens;
pub mod toml_text;
pub mod validity;

pub use answer::{AnswerContent, ToolCall};
pub use cache::{Body, CacheMode};
pub use calibration::{CalibratedError, CalibratedLag, CalibratedStreams, Calibration};
pub use clock::{Clock, Stamp};
pub use dialect::Dialect;
pub use histogram::Histogram;
pub use ids::{Category, ContentHash, EndpointId, TrialKey};
pub use judging::{Goal, Judging, Slo};
pub use load_spec::{LoadMode, LoadSlo, LoadSpec};
pub use manifest::{Manifest, RunEnding, ShardStamp, SuiteStamp};
pub use message::Message;
pub use money::{Factor, ParseFactorError, ParseUsdError, Usd};
pub use pacing_summary::{EnforcedLimit, PacingSummary};
pub use seed::{Draw, Seed};
pub use tokens::{ServiceTier, TokensSource, Usage};
pub use validity::{Validity, ValidityMark};
