//! Why weights cannot be exported.

/// Why weights cannot be exported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// Nothing serves a category today, and it has no weights.
    #[error(
        "{category} has no weights ({why}), and no endpoint serves it today; name one as endpoint in \
         [today], and tune again"
    )]
    NothingServes {
        /// The category.
        category: String,
        /// Why it has none.
        why: String,
    },
    /// An endpoint whose address is not known.
    #[error(
        "{endpoint} has weight in {category}, and its address is not known: it is in no catalog of \
         this export; name one with --catalog. {remedy}"
    )]
    UnknownEndpoint {
        /// The endpoint.
        endpoint: String,
        /// Where it is named.
        category: String,
        /// The nearest names.
        remedy: String,
    },
    /// A provider without an address.
    #[error("provider {provider} has no base_url, so no gateway can reach it")]
    NoAddress {
        /// The provider.
        provider: String,
    },
    /// A provider whose key's variable is not known.
    #[error(
        "the variable that holds the key of provider {provider} ({base_url}) is not known; name it: \
         --key {provider}=VARIABLE, or --key {provider}=none if it takes no key"
    )]
    UnknownKey {
        /// The provider.
        provider: String,
        /// Its address.
        base_url: String,
    },
    /// A key variable that is no name of a variable.
    #[error(
        "what is to name the variable with the key of {provider} is no name of a variable; a key itself \
         is never written"
    )]
    BadVariable {
        /// The provider.
        provider: String,
    },
    /// A `--key` for a provider that gets no traffic.
    #[error("--key {provider}: no such provider has traffic or is a fallback; {remedy}")]
    NoSuchProvider {
        /// The provider.
        provider: String,
        /// The nearest names.
        remedy: String,
    },
    /// A name in the configuration that leads nowhere: a defect of the export.
    #[error("the {gateway} configuration refers to {reference:?}, which it does not define")]
    Dangling {
        /// The gateway.
        gateway: &'static str,
        /// The name.
        reference: String,
    },
}
