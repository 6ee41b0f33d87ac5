//! What can be wrong with a catalog: each error says where, what, and what to write instead.

use super::base_url::BadBaseUrl;
use crate::units::toml_text::{Place, TomlError};

/// Why a catalog does not load.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Not TOML, an unknown key, a missing key, a value of the wrong type.
    #[error(transparent)]
    Toml(#[from] TomlError),
    /// Two providers have one name.
    #[error("{at}: provider {name:?} is defined twice (first at {first}); rename one of them")]
    DuplicateProvider {
        /// The second definition.
        at: Place,
        /// The name.
        name: String,
        /// The first definition.
        first: Place,
    },
    /// Two endpoints have one id.
    #[error(
        "{at}: endpoint {id} is defined twice (first at {first}); remove one, or make it a variant \
         with a name of its own"
    )]
    DuplicateEndpoint {
        /// The second definition.
        at: Place,
        /// The id.
        id: String,
        /// The first definition.
        first: Place,
    },
    /// An endpoint's provider is not in the catalog.
    #[error("{at}: no [[provider]] is named {name:?}; {remedy}")]
    UnknownProvider {
        /// The endpoint's `provider`.
        at: Place,
        /// What it says.
        name: String,
        /// The nearest names.
        remedy: String,
    },
    /// A name of the output limit that no API has.
    #[error("{at}: {name:?} is no max_tokens_field; {remedy}")]
    UnknownMaxTokensField {
        /// The value.
        at: Place,
        /// What it says.
        name: String,
        /// The nearest names.
        remedy: String,
    },
    /// A variant that applies to no endpoint.
    #[error("{at}: variant {name:?} matches no endpoint: match = {glob:?}; {remedy}")]
    VariantMatchesNothing {
        /// The variant's `match`.
        at: Place,
        /// The variant.
        name: String,
        /// Its glob.
        glob: String,
        /// The nearest names.
        remedy: String,
    },
    /// A name that could not be read back out of an endpoint's id.
    #[error(
        "{at}: {key} = {name:?} cannot be part of an endpoint's id (model@provider#variant); \
         write it without @, #, * and ?, and without white space or characters that do not show"
    )]
    BadName {
        /// Where.
        at: Place,
        /// The key.
        key: &'static str,
        /// The name.
        name: String,
    },
    /// A name that no table could show.
    #[error("{at}: {key} has {bytes} bytes, more than the limit of {limit}; shorten it")]
    LongName {
        /// Where.
        at: Place,
        /// The key.
        key: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// No dialect at all.
    #[error("{at}: {dialect:?} is not a dialect; {remedy}")]
    UnknownDialect {
        /// Where.
        at: Place,
        /// What was written.
        dialect: String,
        /// The nearest name.
        remedy: String,
    },
    /// A base URL that cannot be called.
    #[error("{at}: base_url {bad}")]
    BadUrl {
        /// Where.
        at: Place,
        /// What is wrong with it, and what to write.
        bad: BadBaseUrl,
    },
    /// A header that may not be set.
    #[error("{at}: header {name:?} {why}")]
    BadHeader {
        /// Where.
        at: Place,
        /// The header.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A version of HTTP that nobody speaks.
    #[error("{at}: http = {version:?} is not a supported version of HTTP; write \"1.1\" or \"2\"")]
    UnknownHttp {
        /// Where.
        at: Place,
        /// What stands there.
        version: String,
    },
    /// A key that takes one of a few words holds another.
    #[error("{at}: {key} = {text:?} is not known; {remedy}")]
    UnknownWord {
        /// Where.
        at: Place,
        /// The key.
        key: &'static str,
        /// What stands there.
        text: String,
        /// The nearest.
        remedy: String,
    },
    /// `api_key_env` holds something other than a variable's name; what it holds is not shown.
    #[error(
        "{at}: api_key_env is not the name of an environment variable (its value is not shown, \
         because it may be a key); write for example api_key_env = {example:?}, and export the key under \
         that name"
    )]
    BadKeyVariable {
        /// Where.
        at: Place,
        /// A name that would do.
        example: String,
    },
    /// A key from two places.
    #[error("{at}: api_key_cmd and api_key_env are both set; keep one of them")]
    TwoKeys {
        /// Where.
        at: Place,
    },
    /// A command without a program.
    #[error(
        "{at}: api_key_cmd names no program; write it and its arguments as a list, for example \
         api_key_cmd = [\"op\", \"read\", \"op://vault/provider/key\"]"
    )]
    NoKeyProgram {
        /// Where.
        at: Place,
    },
    /// A price written as a number.
    #[error(
        "{at}: a price is a decimal string, because a float is not exact; write {key} = \"{literal}\""
    )]
    PriceIsNumber {
        /// Where.
        at: Place,
        /// The key.
        key: &'static str,
        /// The string to write.
        literal: String,
    },
    /// A price below zero.
    #[error(
        "{at}: {key} = {text:?} is negative; write what is charged, \"0\" where nothing is, or \
         leave it out where it is not known"
    )]
    NegativePrice {
        /// Where.
        at: Place,
        /// The key.
        key: &'static str,
        /// What was written.
        text: String,
    },
    /// A price that is not a decimal, or has more decimals than can be held.
    #[error("{at}: {key} = {why}")]
    BadPrice {
        /// Where.
        at: Place,
        /// The key.
        key: &'static str,
        /// What was written and what is wrong with it.
        why: String,
    },
    /// A day that is none.
    #[error("{at}: {key} = {text:?} is not a day; write for example {key} = \"2026-09-01\"")]
    BadDay {
        /// Where.
        at: Place,
        /// The key.
        key: &'static str,
        /// What was written.
        text: String,
    },
    /// A snapshot in another unit than ours.
    #[error(
        "{at}: the snapshot's unit {unit:?} is not supported; prices are in USD per million tokens: write \
         this file again with `weighbridge catalog sync`"
    )]
    SnapshotUnit {
        /// Where.
        at: Place,
        /// The unit.
        unit: String,
    },
    /// A discount or a fee that cannot be.
    #[error("{at}: {key} = {text:?} {why}")]
    BadShare {
        /// Where.
        at: Place,
        /// The key.
        key: &'static str,
        /// What was written.
        text: String,
        /// What is wrong with it, and what to write.
        why: &'static str,
    },
    /// An overlay that applies to no endpoint.
    #[error("{at}: [[price]] match = {glob:?} matches no endpoint; {remedy}")]
    OverlayMatchesNothing {
        /// Where.
        at: Place,
        /// Its glob.
        glob: String,
        /// The nearest names.
        remedy: String,
    },
    /// An overlay that changes nothing.
    #[error(
        "{at}: this [[price]] changes nothing; write discount = \"0.15\", fee = \"0.055\" or price \
         = {{ input = \"1.00\", output = \"2.00\" }}"
    )]
    EmptyOverlay {
        /// Where.
        at: Place,
    },
    /// A condition of a price that does not read.
    #[error("{at}: {key} = {text:?} is not a valid condition; {remedy}")]
    BadCondition {
        /// Where.
        at: Place,
        /// The key.
        key: &'static str,
        /// What was written.
        text: String,
        /// What to write.
        remedy: &'static str,
    },
    /// A price per hour beside one per token or per request.
    #[error(
        "{at}: price has per_hour beside another rate; a machine of your own is paid by the hour \
         alone: write price = {{ per_hour = \"4.20\" }}"
    )]
    PerHourMixed {
        /// Where.
        at: Place,
    },
    /// A price that is one word, but not `free`.
    #[error(
        "{at}: price = {text:?} is one number where two are needed; write price = {{ input = \
         \"1.00\", output = \"2.00\" }} in dollars per million tokens, or price = \"free\""
    )]
    PriceShape {
        /// Where.
        at: Place,
        /// What was written.
        text: String,
    },
    /// A limit of zero.
    #[error("{at}: {key} = 0 allows no request; write at least 1, or leave it out")]
    ZeroLimit {
        /// Where.
        at: Place,
        /// The key.
        key: &'static str,
    },
    /// A capability that is not known.
    #[error("{at}: supports {name:?} is not known; {remedy}")]
    UnknownCapability {
        /// Where.
        at: Place,
        /// What was written.
        name: String,
        /// The nearest name.
        remedy: String,
    },
    /// A parameter that a variant must not set.
    #[error("{at}: params.{key} {why}")]
    BadParam {
        /// Where.
        at: Place,
        /// The parameter.
        key: String,
        /// Why not, and what to write instead.
        why: &'static str,
    },
}
