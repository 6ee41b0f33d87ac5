//! The form in which an endpoint takes requests: as its catalog says, or as learnt from a refusal.
//!
//! Only what leaves the question as it is is learnt: the name of the output limit, and whether a
//! stream is asked for its usage. A temperature that is refused is the user's to take out, and a
//! stream that is refused would take the time to the first token with it.

use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::catalog::{Endpoint, MaxTokensField};
use crate::units::{Dialect, Fact};

const MAX_TOKENS: &str = MaxTokensField::MaxTokens.name();
const MAX_COMPLETION_TOKENS: &str = MaxTokensField::MaxCompletionTokens.name();
const STREAM_OPTIONS: &str = "stream_options";

/// `max_tokens` is sent as `max_completion_tokens`.
const NEWER_LIMIT: u8 = 1;
/// `max_completion_tokens` is sent as `max_tokens`.
const OLDER_LIMIT: u8 = 2;
/// `stream_options` is not sent.
const NO_USAGE: u8 = 4;

/// The changes that are made to an endpoint's requests.
#[derive(Debug)]
pub(super) struct RequestForm {
    now: AtomicU8,
    /// What the catalog says.
    stated: u8,
    /// Whether there is anything that can be learnt.
    is_chat: bool,
}

/// The changes that were made to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Changes(u8);

impl RequestForm {
    pub fn new(endpoint: &Endpoint) -> Self {
        let form = endpoint.request_form;
        let limit = match form.max_tokens_field {
            None => 0,
            Some(MaxTokensField::MaxTokens) => OLDER_LIMIT,
            Some(MaxTokensField::MaxCompletionTokens) => NEWER_LIMIT,
        };
        let stated = limit | if form.stream_usage == Some(false) { NO_USAGE } else { 0 };
        let is_chat = endpoint.provider.dialect == Dialect::OpenaiChat;
        Self { now: AtomicU8::new(stated), stated, is_chat }
    }

    /// A request's body in the form that the endpoint takes, as far as that is known.
    pub fn apply(&self, body: Bytes) -> (Bytes, Changes) {
        let changes = Changes(self.now.load(Ordering::Relaxed));
        if changes.0 == 0 || !self.is_chat {
            return (body, changes);
        }
        let Some(mut fields) = fields(&body) else { return (body, changes) };
        let mut rename = |from: &str, to: &str| {
            if let Some(limit) = fields.remove(from) {
                fields.entry(to).or_insert(limit);
            }
        };
        if changes.0 & NEWER_LIMIT != 0 {
            rename(MAX_TOKENS, MAX_COMPLETION_TOKENS);
        } else if changes.0 & OLDER_LIMIT != 0 {
            rename(MAX_COMPLETION_TOKENS, MAX_TOKENS);
        }
        if changes.0 & NO_USAGE != 0 {
            fields.remove(STREAM_OPTIONS);
        }
        let body = serde_json::to_vec(&fields).expect("plain JSON values");
        (Bytes::from(body), changes)
    }

    /// Learns from a refusal of these parameters, the likeliest first. `true`: the next request has
    /// another form than the `sent` one, so that the same question may be asked again.
    pub fn learn(&self, sent: &Bytes, changes: Changes, refused: &[String]) -> bool {
        if refused.is_empty() || !self.is_chat {
            return false;
        }
        let Some(fields) = fields(sent) else { return false };
        let name = refused.iter().find(|name| fields.contains_key(name.as_str()));
        let change = match name.map(String::as_str) {
            // Where both names are refused, neither is the remedy.
            Some(MAX_TOKENS) if changes.0 & OLDER_LIMIT == 0 => NEWER_LIMIT,
            Some(MAX_COMPLETION_TOKENS) if changes.0 & NEWER_LIMIT == 0 => OLDER_LIMIT,
            Some(STREAM_OPTIONS) => NO_USAGE,
            _ => return false,
        };
        self.now.fetch_or(change, Ordering::Relaxed);
        true
    }

    /// What was learnt, for the reader of the run.
    pub fn facts(&self, endpoint: &Endpoint) -> Vec<Fact> {
        let learnt = self.now.load(Ordering::Relaxed) & !self.stated;
        let fact = |bit: u8, parameter: &str, instead: Option<&str>| {
            (learnt & bit != 0).then(|| Fact::ParameterRefused {
                endpoint: endpoint.id.to_string(),
                parameter: parameter.to_owned(),
                instead: instead.map(str::to_owned),
            })
        };
        [
            fact(NEWER_LIMIT, MAX_TOKENS, Some(MAX_COMPLETION_TOKENS)),
            fact(OLDER_LIMIT, MAX_COMPLETION_TOKENS, Some(MAX_TOKENS)),
            fact(NO_USAGE, STREAM_OPTIONS, None),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Takes over what an earlier session of the run learnt.
    pub fn recall(&self, endpoint: &Endpoint, facts: &[Fact]) {
        for fact in facts {
            let Fact::ParameterRefused { endpoint: id, parameter, .. } = fact else { continue };
            let change = match parameter.as_str() {
                _ if id != endpoint.id.as_str() => 0,
                MAX_TOKENS => NEWER_LIMIT,
                MAX_COMPLETION_TOKENS => OLDER_LIMIT,
                STREAM_OPTIONS => NO_USAGE,
                _ => 0,
            };
            self.now.fetch_or(change, Ordering::Relaxed);
        }
    }
}

fn fields(body: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(body).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::test_kit;

    fn body(value: &Value) -> Bytes {
        serde_json::to_vec(value).expect("JSON").into()
    }

    fn sent(form: &RequestForm, value: &Value) -> Value {
        serde_json::from_slice(&form.apply(body(value)).0).expect("JSON")
    }

    #[test]
    fn a_refused_name_is_replaced_once() {
        let endpoint = test_kit::endpoint("a/m", "p");
        let form = RequestForm::new(&endpoint);
        let asked =
            json!({"model": "m", "max_tokens": 9, "stream_options": {"include_usage": true}});
        let (bytes, changes) = form.apply(body(&asked));
        assert_eq!(bytes, body(&asked), "nothing is known yet");
        let refused = |name: &str| vec![name.to_owned()];
        assert!(!form.learn(&bytes, changes, &refused("temperature")), "it was not sent");
        // A sentence may name the remedy first.
        let both = ["max_completion_tokens", "max_tokens"].map(str::to_owned);
        assert!(form.learn(&bytes, changes, &both));
        assert!(form.learn(&bytes, changes, &refused("max_tokens")), "it was under way as well");
        let (bytes, changes) = form.apply(body(&asked));
        assert!(!form.learn(&bytes, changes, &refused("max_completion_tokens")), "no third name");
        assert!(form.learn(&bytes, changes, &refused("stream_options")));
        assert_eq!(sent(&form, &asked), json!({"model": "m", "max_completion_tokens": 9}));
        let facts = form.facts(&endpoint);
        let next = RequestForm::new(&endpoint);
        next.recall(&endpoint, &facts);
        assert_eq!(sent(&next, &asked), json!({"model": "m", "max_completion_tokens": 9}));
        next.recall(&test_kit::endpoint("a/n", "p"), &facts);
        insta::assert_snapshot!(
            facts.iter().map(Fact::to_string).collect::<Vec<_>>().join("\n"), @r#"
        a/m@p refuses max_tokens, and is sent max_completion_tokens instead; max_tokens_field = "max_completion_tokens" at its [[endpoint]] spares the refusal
        a/m@p refuses stream_options, so its streams need not state their tokens, and costs may be unknown; stream_usage = false at its [[endpoint]] spares the refusal
        "#
        );
    }

    #[test]
    fn what_the_catalog_states_is_no_news() {
        let mut endpoint = test_kit::endpoint("a/m", "p");
        endpoint.request_form.max_tokens_field = Some(MaxTokensField::MaxTokens);
        endpoint.request_form.stream_usage = Some(false);
        let form = RequestForm::new(&endpoint);
        let asked = json!({"max_completion_tokens": 9, "stream_options": {}});
        assert_eq!(sent(&form, &asked), json!({"max_tokens": 9}));
        assert_eq!(form.facts(&endpoint), []);
    }
}
