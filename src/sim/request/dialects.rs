//! Requests in the dialects other than chat completions, brought into its form.

use serde_json::{Map, Value, json};

use crate::sim::route::Ask;
use crate::units::{Dialect, Message};

use super::{Chat, text_of};

/// Reads a body in a dialect; the error is a sentence for the client.
pub(super) fn read(ask: &Ask, body: &[u8]) -> Result<Chat, String> {
    let body: Map<String, Value> =
        serde_json::from_slice(body).map_err(|e| format!("the body is not understood: {e}"))?;
    let (messages, tools, limit) = match ask.dialect {
        Dialect::Anthropic => anthropic(&body)?,
        Dialect::Gemini => gemini(&body)?,
        Dialect::OpenaiResponses | Dialect::OpenaiChat => responses(&body)?,
    };
    let (model, stream) = if let Some(named) = &ask.named {
        named.clone()
    } else {
        let model = body.get("model").and_then(Value::as_str);
        let model = model.ok_or_else(|| "model: is needed".to_owned())?;
        (model.to_owned(), body.get("stream") == Some(&Value::Bool(true)))
    };
    Ok(Chat {
        dialect: ask.dialect,
        model,
        messages,
        tools,
        stream,
        include_usage: true,
        max_tokens: limit,
        only: Vec::new(),
        nonce_bytes: 0,
    })
}

/// Messages, tools in the form of chat completions, the output limit.
type Parts = (Vec<Message>, Option<Value>, Option<u64>);

fn list<'a>(from: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    from.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn limit(from: &Map<String, Value>, key: &str) -> Result<Option<u64>, String> {
    match from.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(limit) => limit.as_u64().map(Some).ok_or_else(|| format!("{key}: is a whole number")),
    }
}

/// A message of which the role and the content stand in fields of these names.
fn message(turn: &Value, content: &str) -> Result<Message, String> {
    let role = match turn.get("role").and_then(Value::as_str) {
        Some("model") => "assistant",
        Some(role) => role,
        None => "user",
    };
    Ok(Message { role: role.to_owned(), content: text_of(turn.get(content))? })
}

fn system(content: String) -> Message {
    Message { role: "system".to_owned(), content }
}

/// A system prompt: one text, or parts of which each is a message of its own.
fn systems(prompt: Option<&Value>) -> Result<Vec<Message>, String> {
    match prompt {
        Some(Value::Array(parts)) => {
            parts.iter().map(|part| Ok(system(text_of(part.get("text"))?))).collect()
        }
        None | Some(Value::Null) => Ok(Vec::new()),
        text => Ok(vec![system(text_of(text)?)]),
    }
}

/// A function in the form of chat completions.
fn function(tool: &Value, parameters: &[&str]) -> Value {
    let mut function = Map::new();
    for key in ["name", "description"] {
        if let Some(value) = tool.get(key) {
            function.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(schema) = parameters.iter().find_map(|key| tool.get(*key)) {
        function.insert("parameters".to_owned(), schema.clone());
    }
    // Not to be strict is what chat completions are by themselves.
    if tool.get("strict") == Some(&Value::Bool(true)) {
        function.insert("strict".to_owned(), true.into());
    }
    json!({"type": "function", "function": function})
}

fn functions<'a>(tools: impl Iterator<Item = &'a Value>, parameters: &[&str]) -> Option<Value> {
    let tools: Vec<Value> = tools.map(|tool| function(tool, parameters)).collect();
    (!tools.is_empty()).then_some(Value::Array(tools))
}

fn anthropic(body: &Map<String, Value>) -> Result<Parts, String> {
    let mut messages = systems(body.get("system"))?;
    for turn in list(body, "messages") {
        messages.push(message(turn, "content")?);
    }
    let limit = limit(body, "max_tokens")?.ok_or_else(|| "max_tokens: is needed".to_owned())?;
    Ok((messages, functions(list(body, "tools").iter(), &["input_schema"]), Some(limit)))
}

fn responses(body: &Map<String, Value>) -> Result<Parts, String> {
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
    Ok((messages, tools, limit(body, "max_output_tokens")?))
}

/// The API takes each name in both forms, and Google's own SDK sends some in the one, some in the
/// other.
fn gemini(body: &Map<String, Value>) -> Result<Parts, String> {
    let either = |a: &str, b: &str| body.get(a).or_else(|| body.get(b));
    let prompt = either("systemInstruction", "system_instruction");
    let prompt = prompt.and_then(|prompt| prompt.get("parts"));
    let mut messages = systems(prompt)?;
    for turn in list(body, "contents") {
        messages.push(message(turn, "parts")?);
    }
    let declared = list(body, "tools").iter().filter_map(|tool| {
        tool.get("functionDeclarations").or_else(|| tool.get("function_declarations"))
    });
    let declared = declared.filter_map(Value::as_array).flatten();
    let tools =
        functions(declared, &["parametersJsonSchema", "parameters_json_schema", "parameters"]);
    let config = either("generationConfig", "generation_config").and_then(Value::as_object);
    let Some(config) = config else { return Ok((messages, tools, None)) };
    let limit = limit(config, "maxOutputTokens")?.or(limit(config, "max_output_tokens")?);
    Ok((messages, tools, limit))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::wire::{self, Request};

    /// What our own client sends is the same prompt, with the same tokens, in every dialect.
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
            let named = (dialect == Dialect::Gemini).then(|| (request.model.to_owned(), true));
            let body = wire::encode(dialect, &request);
            let chat = Chat::parse(&Ask { dialect, named }, &body).expect("understood");
            assert!(chat.has_tools() && chat.stream && chat.include_usage);
            (chat.prompt_hash(), chat.input_tokens(), chat.max_tokens, chat.model)
        });
        assert!(seen.iter().all(|other| *other == seen[0]), "{seen:?}");
    }

    #[test]
    fn what_is_at_fault_is_named() {
        let check = |dialect, body: &str, expected: &str| {
            let error = Chat::parse(&Ask { dialect, named: None }, body.as_bytes());
            assert_eq!(error.expect_err(body), expected);
        };
        let anthropic = Dialect::Anthropic;
        let turns = r#""messages":[{"role":"user","content":"hi"}]"#;
        check(anthropic, &format!(r#"{{"model":"m",{turns}}}"#), "max_tokens: is needed");
        check(anthropic, &format!(r#"{{"max_tokens":1,{turns}}}"#), "model: is needed");
        check(
            anthropic,
            r#"{"model":"m","max_tokens":1,"messages":[]}"#,
            "messages: at least one is needed",
        );
        check(
            Dialect::OpenaiResponses,
            r#"{"model":"m","input":"hi","max_output_tokens":"9"}"#,
            "max_output_tokens: is a whole number",
        );
    }
}
