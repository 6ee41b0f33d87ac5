//! What a LiteLLM proxy states in a response's head: the deployment that it chose and what it cost
//! (docs.litellm.ai, proxy, response headers). The head of a streamed answer has no cost, which is not
//! known yet when it is sent.

use http::HeaderMap;

use crate::units::Usd;
use crate::wire::Answer;

/// The most characters of a header that are kept: an address or an id is far shorter.
const MAX_CHARS: usize = 200;

/// A router's statements; all empty where there is no router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Routed {
    cost: Option<Usd>,
    served_by: Option<String>,
    call: Option<String>,
}

impl Routed {
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        let text = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?.trim();
            // Python's `None` stands for an unknown value.
            let is_known = !value.is_empty() && value != "None";
            is_known.then(|| value.chars().take(MAX_CHARS).collect::<String>())
        };
        let cost = text("x-litellm-response-cost").and_then(|cost| Usd::charge(&cost));
        let base = text("x-litellm-model-api-base").map(|base| without_secrets(&base));
        let deployment = match (text("x-litellm-model-id"), base) {
            (Some(id), Some(base)) => Some(format!("{id} at {base}")),
            (id, base) => id.or(base),
        };
        // LiteLLM sends a cache key only with an answer from its cache.
        let cached = headers.contains_key("x-litellm-cache-key");
        let served_by = match (deployment, cached) {
            (Some(deployment), true) => Some(format!("LiteLLM's cache of {deployment}")),
            (None, true) => Some("LiteLLM's cache".to_owned()),
            (deployment, false) => deployment,
        };
        let version = text("x-litellm-version").map(|v| format!(" {v}")).unwrap_or_default();
        let call = text("x-litellm-call-id").map(|id| format!(" (LiteLLM{version}, call {id})"));
        Self { cost, served_by, call }
    }

    /// Completes an answer whose body does not state them. Returns the end of a failure's detail,
    /// which identifies the call in the proxy's log.
    pub(super) fn complete(self, answer: &mut Answer) -> String {
        answer.cost_reported = answer.cost_reported.or(self.cost);
        answer.served_by = answer.served_by.take().or(self.served_by);
        self.call.unwrap_or_default()
    }
}

/// An address without the parts that may hold a password or a key.
fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)], cost: Option<&str>, served_by: Option<&str>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("a header"));
        }
        let mut answer = Answer::default();
        Routed::from_headers(&map).complete(&mut answer);
        assert_eq!(answer.cost_reported.map(|c| c.to_string()).as_deref(), cost, "{headers:?}");
        assert_eq!(answer.served_by.as_deref(), served_by, "{headers:?}");
    }

    #[test]
    fn cost_and_deployment_are_read_from_the_head() {
        let (cost, id) = ("x-litellm-response-cost", "x-litellm-model-id");
        let (base, key) = ("x-litellm-model-api-base", "x-litellm-cache-key");
        check(&[], None, None);
        check(&[(cost, "1.5000000000000002e-05")], Some("0.000015000000000000002"), None);
        check(&[(cost, "None"), (id, "eu-1")], None, Some("eu-1"));
        for nothing in ["", "-1", "nan", "inf", "free", "160000000000000", "1e300"] {
            check(&[(cost, nothing)], None, None);
        }
        let url = "https://eu.openai.azure.com/openai";
        check(&[(id, "7f"), (base, url)], None, Some("7f at https://eu.openai.azure.com/openai"));
        check(&[(base, "https://me:pw@h/v1?key=sk-1")], None, Some("https://h/v1"));
        check(&[(id, "7f"), (key, "a1")], None, Some("LiteLLM's cache of 7f"));
        check(&[(key, "a1")], None, Some("LiteLLM's cache"));
    }

    #[test]
    fn what_the_body_says_goes_before_the_head() {
        let mut map = HeaderMap::new();
        map.insert("x-litellm-response-cost", "2".parse().expect("a header"));
        map.insert("x-litellm-model-id", "head".parse().expect("a header"));
        map.insert("x-litellm-call-id", "c-1".parse().expect("a header"));
        let one = Usd::from_number("1").ok();
        let mut answer =
            Answer { cost_reported: one, served_by: Some("body".to_owned()), ..Answer::default() };
        assert_eq!(Routed::from_headers(&map).complete(&mut answer), " (LiteLLM, call c-1)");
        assert_eq!((answer.cost_reported, answer.served_by.as_deref()), (one, Some("body")));
    }
}
