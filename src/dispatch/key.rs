//! A provider's key, and what removes it from the provider's responses.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::redact::Redactor;

/// A key. It is shown nowhere.
#[derive(Clone, Debug)]
pub struct Key {
    pub(super) secret: SecretString,
    redactor: Redactor,
}

/// Keys by provider name.
pub type Keys = BTreeMap<String, Key>;

impl Key {
    #[must_use]
    pub fn new(secret: SecretString) -> Self {
        Self { redactor: Redactor::new(&secret), secret }
    }

    /// What removes it from a response.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}
