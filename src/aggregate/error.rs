//! Why a run cannot be aggregated.

use crate::store::StoreError;

/// Why a run cannot be aggregated.
#[derive(Debug, thiserror::Error)]
pub enum AggregateError {
    /// The run database does not read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is a load run: it has no trials.
    #[error(
        "{0} is a load run, which cannot be graded or tuned; show it with `weighbridge report`"
    )]
    IsLoad(String),
    /// What it holds does not fit together.
    #[error("{0}")]
    Corrupt(String),
}
