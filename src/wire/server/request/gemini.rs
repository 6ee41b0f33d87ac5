//! Gemini's `generateContent`, as a server reads them.

use serde_json::{Map, Value};

use super::fields::{functions, limit, list, message, systems};
use super::form::Prompt;

/// The API accepts each name in camel case and in snake case, and Google's own SDK mixes both.
pub(super) fn read_prompt(body: &Map<String, Value>) -> Result<Prompt, String> {
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
    let max_tokens = match config {
        Some(config) => limit(config, "maxOutputTokens")?.or(limit(config, "max_output_tokens")?),
        None => None,
    };
    Ok(Prompt { messages, tools, max_tokens })
}
