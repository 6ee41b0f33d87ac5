//! JSON values: their first difference, and slips of the kind that models make.

use serde_json::Value;

use super::exact_json;
use super::sample::index;
use super::score::one_line;

/// Whether two values are equal, numbers by their value: 1 is 1.0.
pub(super) fn is_equal(a: &Value, b: &Value) -> bool {
    find_difference(a, b).is_none()
}

fn is_number(value: &Value) -> bool {
    exact_json::number_text(value).is_some()
}

/// The first difference, with the JSON pointer to it.
pub(super) fn find_difference(expected: &Value, actual: &Value) -> Option<String> {
    difference_at(expected, actual, "")
}

fn difference_at(expected: &Value, actual: &Value, at: &str) -> Option<String> {
    if exact_json::is_same_number(expected, actual) == Some(true) {
        return None;
    }
    match (expected, actual) {
        _ if is_number(expected) || is_number(actual) => {
            let (actual, expected) = (shown(actual), shown(expected));
            Some(format!("{}: got {actual}, expected {expected}", describe_place(at)))
        }
        (Value::Object(expected), Value::Object(actual)) => {
            for (key, value) in expected {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                match actual.get(key) {
                    None => return Some(format!("{at} is missing, expected {}", shown(value))),
                    Some(other) => {
                        if let Some(difference) = difference_at(value, other, &at) {
                            return Some(difference);
                        }
                    }
                }
            }
            let extra = actual.keys().find(|key| !expected.contains_key(*key))?;
            Some(format!("{at}/{extra} is not expected"))
        }
        (Value::Array(expected), Value::Array(actual)) => {
            let mut pairs = expected.iter().zip(actual).enumerate();
            let inner = pairs.find_map(|(idx, (a, b))| difference_at(a, b, &format!("{at}/{idx}")));
            inner.or_else(|| {
                (expected.len() != actual.len()).then(|| {
                    format!(
                        "{} has {} items, expected {}",
                        describe_place(at),
                        actual.len(),
                        expected.len()
                    )
                })
            })
        }
        (a, b) if a == b => None,
        (a, b) => Some(format!("{}: got {}, expected {}", describe_place(at), shown(b), shown(a))),
    }
}

pub(super) fn describe_place(pointer: &str) -> &str {
    if pointer.is_empty() { "the top" } else { pointer }
}

fn shown(value: &Value) -> String {
    one_line(&exact_json::to_text(value), 50)
}

/// The same JSON with one of its leaves changed; `None` for an empty object or list.
pub(super) fn change_leaf(reference: &Value, pick: u64) -> Option<Value> {
    let mut pointers = Vec::new();
    leaves(reference, String::new(), &mut pointers);
    let pointer = pointers.get(index(pick, pointers.len()))?;
    let mut value = reference.clone();
    let leaf = value.pointer_mut(pointer)?;
    *leaf = similar_value(leaf);
    Some(value)
}

fn leaves(value: &Value, at: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(object) if !is_number(value) => {
            for (key, inner) in object {
                let key = key.replace('~', "~0").replace('/', "~1");
                leaves(inner, format!("{at}/{key}"), pointers);
            }
        }
        Value::Array(list) => {
            for (idx, inner) in list.iter().enumerate() {
                leaves(inner, format!("{at}/{idx}"), pointers);
            }
        }
        _ => pointers.push(at),
    }
}

/// Another value that resembles this one.
fn similar_value(value: &Value) -> Value {
    match value {
        Value::Null => Value::from("unknown"),
        Value::Bool(truth) => Value::from(!truth),
        Value::Number(number) => match number.as_i64().and_then(|n| n.checked_add(1)) {
            Some(next) => Value::from(next),
            None => Value::from(number.as_f64().map_or(0.0, |n| n / 2.0 + 1.5)),
        },
        Value::String(text) => match text.rsplit_once(' ') {
            // A name or a phrase that is cut short is the slip that extraction makes.
            Some((head, _)) if !head.trim().is_empty() => Value::from(head),
            _ if text.is_empty() => Value::from("unknown"),
            _ => Value::from(format!("{text} or so")),
        },
        Value::Object(_) if is_number(value) => Value::from(0),
        Value::Array(_) | Value::Object(_) => Value::Null,
    }
}

/// Another value that resembles this one and is none of the alternatives.
pub(super) fn similar_value_beyond(value: &Value, alternatives: &[Value]) -> Value {
    let start = match value {
        Value::Object(_) | Value::Array(_) if !is_number(value) => {
            change_leaf(value, 0).unwrap_or(Value::Null)
        }
        leaf => similar_value(leaf),
    };
    // Each step leaves the values behind it, so one more step than alternatives is enough.
    let mut slip = start;
    for _ in alternatives {
        if !alternatives.iter().any(|a| *a == slip || a.as_f64() == slip.as_f64() && a.is_number())
        {
            break;
        }
        slip = match slip {
            Value::Bool(_) => Value::from("unknown"),
            Value::String(text) => Value::from(format!("{text} or so")),
            other => similar_value(&other),
        };
    }
    slip
}
