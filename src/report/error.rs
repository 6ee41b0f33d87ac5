//! Why a report could not be written.

use std::io;
use std::path::PathBuf;

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file could not be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The trials could not be read.
    #[error("reading the trials: {0}")]
    Trials(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A chart could not be drawn.
    #[error("drawing {name}: {why}")]
    Chart {
        /// The chart.
        name: &'static str,
        /// What the drawing library said.
        why: String,
    },
    /// The page could not be made from its template.
    #[error("report.html: {0}")]
    Template(#[from] minijinja::Error),
}
