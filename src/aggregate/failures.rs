//! What the providers said of the trials that failed.

use std::collections::BTreeMap;

use crate::catalog::Endpoint;
use crate::store::TrialRow;
use crate::units::{Dialect, EndpointId};
use crate::wire::{self, ErrorClass};

/// The failed trials of one endpoint whose last failure is of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The class.
    pub class: ErrorClass,
    /// How many trials.
    pub trials: u64,
    /// The HTTP status of one of them; `None`: no head came.
    pub http_status: Option<u16>,
    /// The provider's words, or the client's, of the same one; `None`: nothing was said, or the run
    /// keeps no content. Not escaped.
    pub words: Option<String>,
    /// Where it was asked.
    pub target: Target,
}

/// Where an endpoint is asked, without any secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The address, without query and password.
    pub url: String,
    /// The provider's part of it.
    pub base_url: String,
    /// The provider.
    pub provider: String,
    /// The wire format.
    pub dialect: Dialect,
    /// The variable that holds the key; `None`: no key is sent, or a command prints it.
    pub key_env: Option<String>,
    /// The model by the provider's name.
    pub model: String,
}

impl Target {
    /// Of an endpoint.
    #[must_use]
    pub fn new(endpoint: &Endpoint) -> Self {
        let provider = &endpoint.provider;
        let path = wire::path(provider.dialect, &endpoint.upstream_model, endpoint.stream);
        let base_url = without_secrets(&provider.base_url);
        Self {
            url: without_secrets(&format!("{base_url}{path}")),
            base_url,
            provider: provider.name.clone(),
            dialect: provider.dialect,
            key_env: provider.api_key_env.clone(),
            model: endpoint.upstream_model.clone(),
        }
    }
}

/// An address without query, fragment and what stands before an `@` in its authority.
fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

/// Gathers failures; of each endpoint and class one is quoted, the first that has words.
#[derive(Debug, Default)]
pub(super) struct FailureTally {
    by_class: BTreeMap<(usize, ErrorClass), Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    trials: u64,
    http_status: Option<u16>,
    words: Option<String>,
}

impl FailureTally {
    /// Adds a trial that failed.
    pub(super) fn record(&mut self, endpoint: usize, row: &TrialRow) {
        let Some(class) = row.error else { return };
        let seen = self.by_class.entry((endpoint, class)).or_default();
        seen.trials += 1;
        let Some(attempt) = row.attempt.as_ref().filter(|attempt| attempt.error == Some(class))
        else {
            return;
        };
        let words = attempt.error_detail.as_deref().map(str::trim).filter(|said| !said.is_empty());
        if seen.words.is_none() && (words.is_some() || seen.http_status.is_none()) {
            seen.words = words.map(str::to_owned);
            seen.http_status = attempt.http_status;
        }
    }

    /// The failures, endpoint by endpoint, those with most trials first.
    pub(super) fn finish<'a>(self, endpoint: impl Fn(usize) -> &'a Endpoint) -> Vec<Failure> {
        let mut failures: Vec<(usize, Failure)> = Vec::new();
        for ((idx, class), seen) in self.by_class {
            let Seen { trials, http_status, words } = seen;
            let (endpoint, target) = (endpoint(idx).id.clone(), Target::new(endpoint(idx)));
            let failure = Failure { endpoint, class, trials, http_status, words, target };
            failures.push((idx, failure));
        }
        failures.sort_by_key(|(idx, failure)| (*idx, std::cmp::Reverse(failure.trials)));
        failures.into_iter().map(|(_, failure)| failure).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        let check = |url: &str, shown: &str| assert_eq!(without_secrets(url), shown);
        check("https://a.example/v1", "https://a.example/v1");
        check("https://me:pass@a.example/v1?key=k#f", "https://a.example/v1");
        check("http://a.example", "http://a.example");
        check("a.example/v1?key=k", "a.example/v1");
    }
}
