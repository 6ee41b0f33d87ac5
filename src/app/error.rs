//! Why a command failed.

use std::error::Error;
use std::fmt::Display;

use crate::aggregate::AggregateError;
use crate::catalog::CatalogError;
use crate::report::ReportError;
use crate::run::RunError;
use crate::store::StoreError;
use crate::weights::WeightsError;

type Cause = Box<dyn Error + Send + Sync>;

/// Why a command failed. Its kind decides the exit code of the command line; its text says what
/// happened, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Bad input, or a refusal before any request was sent.
    #[error(transparent)]
    Refused(Cause),
    /// A limit ended the work before it was complete; it can be resumed.
    #[error(transparent)]
    Incomplete(Cause),
    /// An internal error, or one of the infrastructure: a database, a disk, the network.
    #[error(transparent)]
    Internal(Cause),
}

/// Bad input, or a refusal before any request was sent.
pub(crate) fn refused(cause: impl Into<Cause>) -> AppError {
    AppError::Refused(cause.into())
}

/// An internal error.
pub(crate) fn internal(cause: impl Into<Cause>) -> AppError {
    AppError::Internal(cause.into())
}

/// An error with what was attempted, as in `FILE: no such file`.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct InContext {
    what: String,
    source: Cause,
}

/// An error and its causes, as in `catalog.toml: no such file`.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        // Some errors quote their cause and have it as their source too.
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

/// Adds what was attempted to an error.
pub(crate) trait Context<T> {
    fn context(self, what: impl Display) -> Result<T, InContext>;
}

impl<T, E: Into<Cause>> Context<T> for Result<T, E> {
    fn context(self, what: impl Display) -> Result<T, InContext> {
        self.map_err(|error| InContext { what: what.to_string(), source: error.into() })
    }
}

/// Errors that are internal wherever nothing else is said of them.
macro_rules! internal_by_default {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for AppError {
            fn from(error: $error) -> Self {
                Self::Internal(Box::new(error))
            }
        })+
    };
}

internal_by_default!(
    InContext,
    AggregateError,
    CatalogError,
    ReportError,
    RunError,
    StoreError,
    WeightsError,
    crate::catalog::source::SourceError,
    crate::client::http::ClientError,
    crate::client::fetch::FetchError,
    crate::dispatch::BadKey,
    crate::plan::ConfigError,
    crate::run::load::LoadError,
    crate::sim::LedgerError,
    csv::Error,
    jiff::Error,
    serde_json::Error,
    std::fmt::Error,
    std::io::Error,
);
