//! OpenAI chat completions, as a server reads them.

use serde::Deserialize;
use serde_json::Value;

use super::fields::text_of;
use super::form::CompletionRequest;
use crate::units::{Dialect, Message};

pub(super) fn read(body: &[u8]) -> Result<CompletionRequest, String> {
    let raw: RawChat =
        serde_json::from_slice(body).map_err(|e| format!("the body is not understood: {e}"))?;
    let max_tokens = raw.max_completion_tokens.or(raw.max_tokens);
    let messages = raw.messages.into_iter().map(RawMessage::resolve).collect::<Result<_, _>>()?;
    Ok(CompletionRequest {
        dialect: Dialect::OpenaiChat,
        model: raw.model,
        messages,
        tools: raw.tools,
        stream: raw.stream.unwrap_or(false),
        include_usage: raw.stream_options.is_some_and(|o| o.include_usage.unwrap_or(false)),
        max_tokens,
        only: raw.provider.map(|routing| routing.only).unwrap_or_default(),
    })
}

// Unknown keys are accepted: clients send many parameters that change nothing here.
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
    fn resolve(self) -> Result<Message, String> {
        let content = text_of(self.content.as_ref())?;
        Ok(Message { role: self.role, content })
    }
}
