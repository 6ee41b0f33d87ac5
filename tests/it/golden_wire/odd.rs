//! The same streams as other servers write them: fields of other types, noise between the events,
//! no blank lines.

use serde_json::{Value, json};

/// A stream in which every field has another type than the dialect says, with noise between its
/// events.
pub fn stream(stream: &str) -> String {
    let mut out = String::new();
    for line in stream.lines() {
        match line.strip_prefix("data: ").filter(|data| data.starts_with('{')) {
            Some(data) => {
                out.push_str(&format!("data:  {} \n\n", event(data)));
                out.push_str("data: : keep-alive\n\ndata: \"\"\n\nevent: ping\ndata: ping\n\n");
            }
            None => out.push_str(&line.replace("[DONE]", " [DONE] ")),
        }
        out.push('\n');
    }
    out
}

/// A body in which every field has another type than the dialect says.
pub fn body(body: &str) -> String {
    format!("\u{feff}\n{}", event(body))
}

fn event(data: &str) -> String {
    let mut value: Value = serde_json::from_str(data).expect("JSON");
    bend(&mut value);
    // Python writes what is no number; others say that there was no error.
    let bent = value.to_string();
    let rest = bent.strip_prefix('{').expect("an object");
    let error = if value.get("error").is_some() { "" } else { "\"error\":{}," };
    format!("{{\"timings\":{{\"rate\":NaN,\"left\":-Infinity}},{error}{rest}")
}

/// The stream without the blank lines between its events.
pub fn unspaced(stream: &str) -> String {
    stream.replace("\n\n", "\n")
}

fn bend(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(bend),
        Value::Object(map) => {
            for (name, value) in map.iter_mut() {
                bend(value);
                let bent = match (name.as_str(), &*value) {
                    ("index" | "output_index", Value::Number(n)) => n.to_string().into(),
                    ("model" | "modelVersion", Value::String(_)) => json!({"name": value}),
                    ("content", Value::String(text)) if !text.is_empty() => {
                        json!([{"type": "text", "text": value}])
                    }
                    ("reasoning" | "reasoning_content", Value::String(_)) => {
                        json!([{"text": value}])
                    }
                    ("text" | "thinking", Value::String(_)) => json!({"value": value}),
                    ("delta", Value::String(_)) => json!({"text": value}),
                    ("arguments", Value::String(text)) => {
                        let whole: Option<Value> = serde_json::from_str(text).ok();
                        whole.filter(Value::is_object).unwrap_or_else(|| value.clone())
                    }
                    ("parts" | "candidates" | "choices" | "tool_calls", Value::Array(list))
                        if list.len() == 1 =>
                    {
                        list[0].clone()
                    }
                    ("thought", Value::Bool(_)) => value.to_string().into(),
                    _ => continue,
                };
                *value = bent;
            }
        }
        _ => {}
    }
}
