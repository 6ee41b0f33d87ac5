//! OpenAI responses, as a server reads them.

use serde_json::{Map, Value};

use super::fields::{functions, limit, list, message, systems, text_of};
use super::form::Prompt;
use crate::units::Message;

pub(super) fn read_prompt(body: &Map<String, Value>) -> Result<Prompt, String> {
    let mut messages = systems(body.get("instructions"))?;
    match body.get("input") {
        Some(Value::Array(turns)) => {
            for turn in turns {
                messages.push(message(turn, "content")?);
            }
        }
        text => {
            messages.push(Message { role: "user".to_owned(), content: text_of(text)? });
        }
    }
    let tools = functions(list(body, "tools").iter(), &["parameters"]);
    Ok(Prompt { messages, tools, max_tokens: limit(body, "max_output_tokens")? })
}
