//! A body of any dialect, read into the one form.

use serde_json::{Map, Value};

use super::form::CompletionRequest;
use super::{anthropic, gemini, openai_chat, openai_responses};
use crate::units::Dialect;
use crate::wire::server::CompletionPath;

/// Reads a body. The error is a message for the client.
pub(crate) fn parse_request(
    path: &CompletionPath,
    body: &[u8],
) -> Result<CompletionRequest, String> {
    let request = match path.dialect {
        Dialect::OpenaiChat => openai_chat::read(body)?,
        _ => read(path, body)?,
    };
    if request.messages.is_empty() {
        return Err("messages: at least one is needed".to_owned());
    }
    if request.max_tokens == Some(0) {
        return Err("max_tokens: at least 1 is needed".to_owned());
    }
    Ok(request)
}

/// Reads a body of a dialect other than chat completions.
fn read(path: &CompletionPath, body: &[u8]) -> Result<CompletionRequest, String> {
    let body: Map<String, Value> =
        serde_json::from_slice(body).map_err(|e| format!("the body is not understood: {e}"))?;
    let prompt = match path.dialect {
        Dialect::Anthropic => anthropic::read_prompt(&body)?,
        Dialect::Gemini => gemini::read_prompt(&body)?,
        Dialect::OpenaiResponses | Dialect::OpenaiChat => openai_responses::read_prompt(&body)?,
    };
    let (model, stream) = if let Some(stated) = &path.model_and_stream {
        stated.clone()
    } else {
        let model = body.get("model").and_then(Value::as_str);
        let model = model.ok_or_else(|| "model: is needed".to_owned())?;
        (model.to_owned(), body.get("stream") == Some(&Value::Bool(true)))
    };
    Ok(CompletionRequest {
        dialect: path.dialect,
        model,
        messages: prompt.messages,
        tools: prompt.tools,
        stream,
        include_usage: true,
        max_tokens: prompt.max_tokens,
        only: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(dialect: Dialect) -> CompletionPath {
        CompletionPath { dialect, model_and_stream: None }
    }

    #[test]
    fn bodies() {
        let check = |body: &str, expected: &str| {
            let got = parse_request(&path(Dialect::OpenaiChat), body.as_bytes()).map_or_else(
                |e| e,
                |r| format!("{} {} {}", r.messages[0].content, r.stream, r.has_tools()),
            );
            assert!(got.starts_with(expected), "{got}");
        };
        check(
            r#"{"model":"m","messages":[{"role":"user","content":"12345"}]}"#,
            "12345 false false",
        );
        check(
            r#"{"model":"m","stream":true,"top_p":1,"tools":[{}],
               "messages":[{"role":"user","content":[{"type":"text","text":"1234"}]}]}"#,
            "1234 true true",
        );
        check(r#"{"model":"m","messages":[]}"#, "messages: at least one");
        check(r#"{"model":"m","messages":[{"role":"user","content":7}]}"#, "messages: content");
        check(r#"{"model":"m","max_tokens":0,"messages":[{"role":"user"}]}"#, "max_tokens");
        check("{\"model\":", "the body is not understood: EOF");
    }

    #[test]
    fn errors_name_the_field() {
        let check = |dialect, body: &str, expected: &str| {
            let error = parse_request(&path(dialect), body.as_bytes());
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
