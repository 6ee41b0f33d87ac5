//! A request as the fleet's models see it: without nonces, counted in tokens.

use serde_json::Value;

use crate::suite::prompt_hash;
use crate::units::ContentHash;
use crate::units::cache::without_nonce;
use crate::wire::server::CompletionPath;
use crate::wire::server::request::{CompletionRequest, parse_request};

/// A request whose texts are stripped of their nonces.
#[derive(Debug)]
pub(super) struct Prompt {
    pub request: CompletionRequest,
    /// Bytes of the nonces: billed, and text after them is in no cache.
    pub nonce_bytes: usize,
}

/// Tokens of a message beside its content.
const TOKENS_PER_MESSAGE: usize = 4;
const BYTES_PER_TOKEN: usize = 4;

impl Prompt {
    /// Reads a body. The error is a message for the client.
    pub fn parse(path: &CompletionPath, body: &[u8]) -> Result<Self, String> {
        let mut request = parse_request(path, body)?;
        let mut nonce_bytes = 0;
        for message in &mut request.messages {
            if let Some(rest) = without_nonce(&message.content) {
                nonce_bytes += message.content.len() - rest.len();
                message.content = rest.to_owned();
            }
        }
        Ok(Self { request, nonce_bytes })
    }

    /// The hash of the prompt, by which the answer key finds the task.
    pub fn hash(&self) -> ContentHash {
        prompt_hash(&self.request.messages, self.request.tools.as_ref())
    }

    /// Prompt tokens as billed: four per message, one for every four bytes of content and of tool
    /// definitions.
    pub fn input_tokens(&self) -> u64 {
        let of_text = |bytes: usize| bytes.div_ceil(BYTES_PER_TOKEN);
        let messages = self.request.messages.iter();
        let messages: usize = messages.map(|m| TOKENS_PER_MESSAGE + of_text(m.content.len())).sum();
        let tools = self.request.tools.as_ref().map(Value::to_string);
        let tools = tools.map_or(0, |tools| of_text(tools.len()));
        (messages + tools + of_text(self.nonce_bytes)) as u64
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::units::cache::with_nonce;
    use crate::units::{Dialect, Message};
    use crate::wire::{self, Request};

    const CHAT: CompletionPath =
        CompletionPath { dialect: Dialect::OpenaiChat, model_and_stream: None };

    /// The same prompt has the same hash and token count in every dialect.
    #[test]
    fn a_prompt_is_the_same_in_every_dialect() {
        let message =
            |role: &str, content: &str| Message { role: role.into(), content: content.into() };
        let messages = [
            message("system", "be brief"),
            message("user", "hi \u{1f914}"),
            message("assistant", "yes?"),
        ];
        let tools = json!([{"type": "function", "function": {"name": "look",
            "description": "Looks.", "parameters": {"type": "object", "properties": {}}}}]);
        let params = Map::new();
        let request = Request {
            model: "gale/small",
            system: Some("be kind"),
            messages: &messages,
            tools: Some(&tools),
            schema: None,
            max_tokens: Some(9),
            limit_counts_reasoning: false,
            stream: true,
            params: &params,
        };
        let seen = Dialect::ALL.map(|dialect| {
            let model_and_stream =
                (dialect == Dialect::Gemini).then(|| (request.model.to_owned(), true));
            let body = wire::encode(dialect, &request);
            let prompt = Prompt::parse(&CompletionPath { dialect, model_and_stream }, &body)
                .expect("understood");
            let request = &prompt.request;
            assert!(request.has_tools() && request.stream && request.include_usage);
            (prompt.hash(), prompt.input_tokens(), request.max_tokens, request.model.clone())
        });
        assert!(seen.iter().all(|other| *other == seen[0]), "{seen:?}");
    }

    #[test]
    fn a_nonce_is_billed_and_changes_nothing_else() {
        let chat = |content: &str| {
            let body = json!({"model": "m", "messages": [{"role": "user", "content": content}]});
            Prompt::parse(&CHAT, body.to_string().as_bytes()).expect("valid")
        };
        let (plain, cold) = (chat("hi"), chat(&with_nonce(&"0f".repeat(16), "hi")));
        assert_eq!(plain.hash(), cold.hash());
        assert_eq!((plain.nonce_bytes, cold.nonce_bytes), (0, 43));
        assert_eq!(cold.input_tokens() - plain.input_tokens(), 11);
    }

    #[test]
    fn a_system_message_leaves_the_prompt_the_same() {
        let chat = |messages: &str| {
            let body = format!(r#"{{"model":"m","messages":[{messages}]}}"#);
            Prompt::parse(&CHAT, body.as_bytes()).expect("valid").hash()
        };
        let user = r#"{"role":"user","content":"hi"}"#;
        let system = r#"{"role":"system","content":"be brief"}"#;
        assert_eq!(chat(user), chat(&format!("{system},{user}")));
        assert_ne!(chat(user), chat(r#"{"role":"user","content":"ho"}"#));
    }
}
