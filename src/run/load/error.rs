//! Why a load test cannot go on.

/// A load test cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The run database failed.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The system gave no thread.
    #[error("no thread for the load test: {0}")]
    Thread(std::io::Error),
    /// One of our own threads or tasks panicked.
    #[error("the load test broke: {0}")]
    Broken(&'static str),
}
