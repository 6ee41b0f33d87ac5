//! Errors of reading price lists.

use super::reading::Omission;
use crate::catalog::error::CatalogError;

/// Why a price list cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The answer is a web page.
    #[error("{path} is a web page, not a price list; name the address of the JSON itself")]
    Html {
        /// The file or URL.
        path: String,
    },
    /// The file is empty.
    #[error("{path} is empty; nothing was synced")]
    Empty {
        /// The file or URL.
        path: String,
    },
    /// Neither JSON nor TOML.
    #[error("{path}: {why}")]
    Malformed {
        /// The file or URL.
        path: String,
        /// What the parser said, with the line.
        why: String,
    },
    /// JSON of another kind.
    #[error(
        "{path} is not a known price list: OpenRouter's has \"data\", LiteLLM's has \
         \"litellm_provider\" in its entries, models.dev's has \"models\" in its providers"
    )]
    UnknownForm {
        /// The file or URL.
        path: String,
    },
    /// A list without a single endpoint.
    #[error("{path} lists no endpoint{why}; nothing was synced")]
    NoEntries {
        /// The file or URL.
        path: String,
        /// Why its entries are none, after a colon; empty: it has no entries.
        why: String,
    },
    /// A catalog file that does not load.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A file that does not read.
    #[error("{path}: {why}")]
    Io {
        /// The file.
        path: String,
        /// What the system says.
        why: String,
    },
}

impl SourceError {
    /// A list none of whose entries is an endpoint.
    pub(super) fn no_entries(path: &str, left_out: &[Omission]) -> Self {
        let why = match left_out {
            [] => String::new(),
            [only] => format!(": {} {}", only.entry, only.why),
            [first, rest @ ..] => {
                format!(": {} {}, and {} more were left out", first.entry, first.why, rest.len())
            }
        };
        Self::NoEntries { path: path.to_owned(), why }
    }
}
