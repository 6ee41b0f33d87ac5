//! A task as an endpoint takes it: the request's body.

use std::borrow::Cow;

use bytes::Bytes;

use crate::catalog::{Capability, Dialect, Endpoint};
use crate::suite::Task;
use crate::units::cache::{nonce_digits, with_nonce};
use crate::units::{Body, CacheMode, ContentHash, Message};
use crate::wire::{self, Request};

/// The body of the request for a task. Where the prompt's cache is to be cold, it begins with a nonce
/// that each request makes its own.
pub(super) fn body(
    task: &Task,
    endpoint: &Endpoint,
    max_tokens: Option<u64>,
    cache: CacheMode,
) -> Body {
    let schema = task.schema.as_ref().filter(|_| endpoint.can(Capability::JsonSchema));
    let request = Request {
        model: &endpoint.upstream_model,
        system: endpoint.system.as_deref(),
        messages: &task.messages,
        tools: task.tools.as_ref(),
        schema,
        max_tokens,
        limit_counts_reasoning: endpoint.provider.is_openai(),
        stream: endpoint.stream,
        params: &endpoint.params,
    };
    encode(endpoint.provider.dialect, &request, cache)
}

/// The body of a request, with a nonce at the beginning of its prompt where the cache is to be cold.
pub(super) fn encode(dialect: Dialect, request: &Request<'_>, cache: CacheMode) -> Body {
    let bytes = |request: &Request<'_>| Bytes::from(wire::encode(dialect, request));
    if cache != CacheMode::Cold {
        return Body::plain(bytes(request));
    }
    // No text holds digits that are made from it.
    let texts = request.messages.iter().map(|m| m.content.as_bytes());
    let texts = texts.chain(request.system.map(str::as_bytes));
    let digits = nonce_digits(&ContentHash::of_parts(texts));
    // In the first text that is there, for a system message that was not there before would take the
    // place of a model's own.
    let (mut system, mut messages) =
        (request.system.map(Cow::Borrowed), Cow::Borrowed(request.messages));
    if let Some(system) = &mut system {
        *system = Cow::Owned(with_nonce(&digits, system));
    } else if let Some(first) = messages.to_mut().get_mut(first(dialect, request.messages)) {
        first.content = with_nonce(&digits, &first.content);
    }
    let request = Request { system: system.as_deref(), messages: &messages, ..request.clone() };
    Body::with_nonce(bytes(&request), &digits)
}

/// The message that a prompt begins with: some dialects put what the system says before all else.
fn first(dialect: Dialect, messages: &[Message]) -> usize {
    let system = messages.iter().position(|message| message.role == "system");
    match dialect {
        Dialect::Anthropic | Dialect::Gemini => system.unwrap_or(0),
        Dialect::OpenaiChat | Dialect::OpenaiResponses => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    /// The body of a request of these messages, and where in it the text is that its prompt begins
    /// with.
    fn check(dialect: Dialect, system: Option<&str>, roles: &[&str], at: &str) {
        let message =
            |role: &&str| Message { role: (*role).to_owned(), content: format!("{role}'s") };
        let messages: Vec<Message> = roles.iter().map(message).collect();
        let params = Map::new();
        let request = Request {
            model: "m",
            system,
            messages: &messages,
            tools: None,
            schema: None,
            max_tokens: Some(5),
            limit_counts_reasoning: false,
            stream: false,
            params: &params,
        };
        let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
        let plain = read(&encode(dialect, &request, CacheMode::AsIs).bytes);
        let cold = encode(dialect, &request, CacheMode::Cold);
        let (one, two) = (read(&cold.of_request("1")), read(&cold.of_request("2")));
        let text = |body: &Value| body.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let (one_text, two_text) = (text(&one).expect(at), text(&two).expect(at));
        assert!(one_text.starts_with("[request ") && one_text != two_text, "{one_text}");
        // Nothing else differs from the request as it is.
        for mut body in [one, two] {
            *body.pointer_mut(at).expect(at) = json!(text(&plain));
            assert_eq!(body, plain);
        }
    }

    #[test]
    fn the_nonce_is_the_first_thing_of_a_prompt() {
        let chat = Dialect::OpenaiChat;
        check(chat, None, &["user"], "/messages/0/content");
        check(chat, None, &["system", "user"], "/messages/0/content");
        check(chat, Some("be brief"), &["user"], "/messages/0/content");
        check(Dialect::OpenaiResponses, None, &["user"], "/input/0/content");
        check(Dialect::Anthropic, None, &["user"], "/messages/0/content");
        check(Dialect::Anthropic, None, &["user", "system"], "/system/0/text");
        check(Dialect::Anthropic, Some("be brief"), &["system", "user"], "/system/0/text");
        check(Dialect::Gemini, None, &["user"], "/contents/0/parts/0/text");
        check(Dialect::Gemini, Some("be brief"), &["user"], "/systemInstruction/parts/0/text");
    }
}
