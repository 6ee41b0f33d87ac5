//! Errors of reading price lists.

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
    #[error("{path} lists no endpoint; nothing was synced")]
    NoEntries {
        /// The file or URL.
        path: String,
    },
    /// An entry whose field is not what it has to be.
    #[error("{path}: {entry}: {field} {why}; nothing was synced")]
    BadEntry {
        /// The file or URL.
        path: String,
        /// The entry.
        entry: String,
        /// The field.
        field: String,
        /// What is wrong with it.
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
