//! Errors of reading a proxy's configuration.

/// Why a proxy's configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Not YAML.
    #[error(
        "{path}:{line}: invalid YAML: {why}; correct that line, or check the file \
         with the proxy itself"
    )]
    Malformed {
        /// The file.
        path: String,
        /// The line.
        line: u64,
        /// What the parser said.
        why: String,
    },
    /// Another kind of YAML.
    #[error(
        "{path} has no model_list, so it is no configuration of a LiteLLM proxy; name its \
         config.yaml (models that the proxy keeps in its database stand in no file)"
    )]
    NoModels {
        /// The file.
        path: String,
    },
    /// An entry that cannot be named.
    #[error("{path}:{line}: {what} of model_list is missing; write it, or take the entry out")]
    Missing {
        /// The file.
        path: String,
        /// Where the entry begins.
        line: u64,
        /// What is missing.
        what: &'static str,
    },
    /// An alias that is not there.
    #[error("{path} has no alias {alias:?}; {remedy}")]
    NoAlias {
        /// The file.
        path: String,
        /// What was asked for.
        alias: String,
        /// The nearest.
        remedy: String,
    },
    /// An alias none of whose deployments can be called.
    #[error("{path}: no deployment of {alias:?} can be called from here: {why}")]
    NotCalled {
        /// The file.
        path: String,
        /// The alias.
        alias: String,
        /// The reason of the first.
        why: String,
    },
}
