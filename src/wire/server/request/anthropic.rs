//! Anthropic messages, as a server reads them.

use serde_json::{Map, Value};

use super::fields::{functions, limit, list, message, systems};
use super::form::Prompt;

pub(super) fn read_prompt(body: &Map<String, Value>) -> Result<Prompt, String> {
    let mut messages = systems(body.get("system"))?;
    for turn in list(body, "messages") {
        messages.push(message(turn, "content")?);
    }
    let max_tokens =
        limit(body, "max_tokens")?.ok_or_else(|| "max_tokens: is needed".to_owned())?;
    let tools = functions(list(body, "tools").iter(), &["input_schema"]);
    Ok(Prompt { messages, tools, max_tokens: Some(max_tokens) })
}
