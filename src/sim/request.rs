//! What a client asks, in whatever dialect, and the key that names the attempt.

mod dialects;

use serde::Deserialize;
use serde_json::Value;

use crate::suite::prompt_hash;
use crate::units::cache::without_nonce;
use crate::units::{ContentHash, Dialect, Message};

use super::route::Ask;

/// A request, as far as the simulator looks at it. Whatever the dialect, the same prompt is the same
/// here: messages and tools are in the form of chat completions.
#[derive(Debug)]
pub(super) struct Chat {
    pub dialect: Dialect,
    pub model: String,
    pub messages: Vec<Message>,
    pub tools: Option<Value>,
    pub stream: bool,
    pub include_usage: bool,
    pub max_tokens: Option<u64>,
    /// The providers that a router is to keep to, where the body says so as OpenRouter takes it.
    pub only: Vec<String>,
    /// Bytes of nonces that texts began with. A model pays them no heed; they are billed, and what
    /// comes after them is in no cache.
    pub nonce_bytes: usize,
}

/// Which attempt of which trial a request is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AttemptKey {
    pub text: String,
    pub repeat: u64,
    pub attempt: u64,
    /// Whether it only warms a cache for the attempts of its repeat; such requests are numbered by
    /// themselves.
    pub primes: bool,
}

/// Tokens that a message has beside its content.
const TOKENS_PER_MESSAGE: usize = 4;
/// Bytes of text that count as one token.
const BYTES_PER_TOKEN: usize = 4;

impl Chat {
    /// Reads a body; the error is a sentence for the client.
    pub fn parse(ask: &Ask, body: &[u8]) -> Result<Self, String> {
        let mut chat = match ask.dialect {
            Dialect::OpenaiChat => Self::of_chat(body)?,
            _ => dialects::read(ask, body)?,
        };
        if chat.messages.is_empty() {
            return Err("messages: at least one is needed".to_owned());
        }
        if chat.max_tokens == Some(0) {
            return Err("max_tokens: at least 1 is needed".to_owned());
        }
        for message in &mut chat.messages {
            if let Some(rest) = without_nonce(&message.content) {
                chat.nonce_bytes += message.content.len() - rest.len();
                message.content = rest.to_owned();
            }
        }
        Ok(chat)
    }

    fn of_chat(body: &[u8]) -> Result<Self, String> {
        let raw: RawChat =
            serde_json::from_slice(body).map_err(|e| format!("the body is not understood: {e}"))?;
        let max_tokens = raw.max_completion_tokens.or(raw.max_tokens);
        let messages =
            raw.messages.into_iter().map(RawMessage::resolve).collect::<Result<_, _>>()?;
        Ok(Self {
            dialect: Dialect::OpenaiChat,
            model: raw.model,
            messages,
            tools: raw.tools,
            stream: raw.stream.unwrap_or(false),
            include_usage: raw.stream_options.is_some_and(|o| o.include_usage.unwrap_or(false)),
            max_tokens,
            only: raw.provider.map(|routing| routing.only).unwrap_or_default(),
            nonce_bytes: 0,
        })
    }

    /// What the answer book knows the task by.
    pub fn prompt_hash(&self) -> ContentHash {
        prompt_hash(&self.messages, self.tools.as_ref())
    }

    /// Whether any tool is offered.
    pub fn has_tools(&self) -> bool {
        self.tools.as_ref().and_then(Value::as_array).is_some_and(|tools| !tools.is_empty())
    }

    /// Prompt tokens as they are billed: four a message, and one for every four bytes of content
    /// and of tool definitions.
    pub fn input_tokens(&self) -> u64 {
        let of_text = |bytes: usize| bytes.div_ceil(BYTES_PER_TOKEN);
        let messages: usize =
            self.messages.iter().map(|m| TOKENS_PER_MESSAGE + of_text(m.content.len())).sum();
        let tools = self.tools.as_ref().map_or(0, |tools| of_text(tools.to_string().len()));
        (messages + tools + of_text(self.nonce_bytes)) as u64
    }
}

impl AttemptKey {
    /// Reads `<32 hexadecimal digits>-<repeat>-<attempt>`, after which the client's run may stand
    /// (`-<run>`): it plays no part in how the fleet behaves. `p` before the attempt: it warms a
    /// cache.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (trial, repeat, attempt) = (parts.next()?, parts.next()?, parts.next()?);
        let is_hex = trial.len() == 32 && trial.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hex || parts.nth(1).is_some() {
            return None;
        }
        let (primes, attempt) = match attempt.strip_prefix('p') {
            Some(number) => (true, number),
            None => (false, attempt),
        };
        let (repeat, attempt) = (repeat.parse().ok()?, attempt.parse().ok()?);
        Some(Self { text: text.to_owned(), repeat, attempt, primes })
    }
}

// Unknown keys are let through here: clients send many parameters that change nothing.
#[derive(Deserialize)]
struct RawChat {
    model: String,
    messages: Vec<RawMessage>,
    stream: Option<bool>,
    stream_options: Option<RawStreamOptions>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    tools: Option<Value>,
    provider: Option<RawRouting>,
}

#[derive(Deserialize)]
struct RawRouting {
    #[serde(default)]
    only: Vec<String>,
}

#[derive(Deserialize)]
struct RawStreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
struct RawMessage {
    role: String,
    content: Option<Value>,
}

impl RawMessage {
    /// Content is text, a list of parts of which the text counts, or nothing.
    fn resolve(self) -> Result<Message, String> {
        let content = text_of(self.content.as_ref())?;
        Ok(Message { role: self.role, content })
    }
}

/// The text of a content.
fn text_of(content: Option<&Value>) -> Result<String, String> {
    Ok(match content {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text")?.as_str()).collect()
        }
        Some(_) => return Err("messages: content is neither text nor a list".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::units::cache::with_nonce;

    const CHAT: Ask = Ask { dialect: Dialect::OpenaiChat, named: None };

    #[test]
    fn attempt_keys() {
        let check = |text: &str, expected: Option<(u64, u64)>| {
            assert_eq!(AttemptKey::parse(text).map(|k| (k.repeat, k.attempt)), expected, "{text}");
        };
        let primes = |text: &str| AttemptKey::parse(text).map(|key| key.primes);
        assert_eq!(primes("00112233445566778899aabbccddeeff-3-1-0a2f"), Some(false));
        assert_eq!(primes("00112233445566778899aabbccddeeff-3-p1-0a2f"), Some(true));
        check("00112233445566778899aabbccddeeff-3-p1", Some((3, 1)));
        check("00112233445566778899aabbccddeeff-3-p", None);
        check("00112233445566778899aabbccddeeff-3-1", Some((3, 1)));
        check("00112233445566778899aabbccddeeff-3", None);
        check("00112233445566778899aabbccddeeff-3-1-0a2f", Some((3, 1)));
        check("00112233445566778899aabbccddeeff-3-1-2-4", None);
        check("0011-3-1", None);
        check("8c0f4a9e-1111-4222-8333-444455556666", None);
    }

    #[test]
    fn bodies() {
        let check = |body: &str, expected: &str| {
            let got = Chat::parse(&CHAT, body.as_bytes()).map_or_else(
                |e| e,
                |c| format!("{} {} {}", c.input_tokens(), c.stream, c.has_tools()),
            );
            assert!(got.starts_with(expected), "{got}");
        };
        check(r#"{"model":"m","messages":[{"role":"user","content":"12345"}]}"#, "6 false false");
        check(
            r#"{"model":"m","stream":true,"top_p":1,"tools":[{}],
               "messages":[{"role":"user","content":[{"type":"text","text":"1234"}]}]}"#,
            "6 true true",
        );
        check(r#"{"model":"m","messages":[]}"#, "messages: at least one");
        check(r#"{"model":"m","messages":[{"role":"user","content":7}]}"#, "messages: content");
        check(r#"{"model":"m","max_tokens":0,"messages":[{"role":"user"}]}"#, "max_tokens");
        check("{\"model\":", "the body is not understood: EOF");
    }

    #[test]
    fn a_nonce_is_billed_and_pays_no_other_part() {
        let chat = |content: &str| {
            let body = json!({"model": "m", "messages": [{"role": "user", "content": content}]});
            Chat::parse(&CHAT, body.to_string().as_bytes()).expect("valid")
        };
        let (plain, cold) = (chat("hi"), chat(&with_nonce(&"0f".repeat(16), "hi")));
        assert_eq!(plain.prompt_hash(), cold.prompt_hash());
        assert_eq!((plain.nonce_bytes, cold.nonce_bytes), (0, 43));
        assert_eq!(cold.input_tokens() - plain.input_tokens(), 11);
    }

    #[test]
    fn a_system_message_leaves_the_prompt_the_same() {
        let chat = |messages: &str| {
            let body = format!(r#"{{"model":"m","messages":[{messages}]}}"#);
            Chat::parse(&CHAT, body.as_bytes()).expect("valid").prompt_hash()
        };
        let user = r#"{"role":"user","content":"hi"}"#;
        let system = r#"{"role":"system","content":"be brief"}"#;
        assert_eq!(chat(user), chat(&format!("{system},{user}")));
        assert_ne!(chat(user), chat(r#"{"role":"user","content":"ho"}"#));
    }
}
