//! JSON whose numbers keep their digits. `serde_json` holds a number as an integer of 64 bits or a
//! float; one that neither holds exactly becomes `{"$number": "…"}` here, with the digits as written.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// The key of a number that a float does not hold.
const KEY: &str = "$number";

/// The most significant digits that a float always keeps.
const FLOAT_DIGITS: usize = 15;

/// The powers of ten within which a float has them all.
const FLOAT_POWER: i64 = 290;

/// Reads JSON.
pub(crate) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let raw: &RawValue = serde_json::from_str(text)?;
    serde_json::from_str(&mark_numbers(raw.get()))
}

/// The JSON values that stand one behind the other at the start of a text: the first, and its end in
/// bytes.
pub(crate) fn parse_prefix(text: &str) -> Option<(Value, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let raw = values.next()?.ok()?;
    let value = serde_json::from_str(&mark_numbers(raw.get())).ok()?;
    Some((value, values.byte_offset()))
}

/// Valid JSON with its numbers marked where a float would change them.
fn mark_numbers(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let mut marked = String::new();
    let (mut copied, mut at) = (0, 0);
    let mut in_text = false;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            b'-' | b'0'..=b'9' if !in_text => {
                let is_part = |b: &u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let end = at + bytes[at..].iter().take_while(|b| is_part(b)).count();
                let number = &json[at..end];
                if !is_kept(number) {
                    marked.push_str(&json[copied..at]);
                    let _ = write!(marked, "{{\"{KEY}\":\"{number}\"}}");
                    copied = end;
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    marked.push_str(&json[copied..]);
    Cow::Owned(marked)
}

/// Whether `serde_json` keeps the value of a number.
fn is_kept(number: &str) -> bool {
    if number.len() <= FLOAT_DIGITS && !number.contains(['e', 'E']) {
        return true;
    }
    if !number.contains(['.', 'e', 'E'])
        && (number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok())
    {
        return true;
    }
    Decimal::parse(number).is_some_and(|decimal| {
        decimal.digits.len() <= FLOAT_DIGITS && decimal.power.abs() <= FLOAT_POWER
    })
}

/// A decimal in its one shortest form: digits without zeros at either end, times a power of ten.
#[derive(PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    power: i64,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i64>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let leading = all.trim_start_matches('0');
        let digits = leading.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { is_negative: false, digits, power: 0 });
        }
        let zeros = i64::try_from(leading.len() - digits.len()).ok()?;
        let power = power.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(zeros)?;
        Some(Self { is_negative: unsigned.len() < text.len(), digits, power })
    }
}

/// The digits of a number as it was written, or as `serde_json` writes it; `None` for any other value.
pub(crate) fn number_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Object(object) if object.len() == 1 => {
            object.get(KEY).and_then(Value::as_str).map(Cow::Borrowed)
        }
        _ => None,
    }
}

/// A value; a number that a float does not hold as the text of its digits.
pub(crate) fn plain_number(value: &Value) -> Cow<'_, Value> {
    match number_text(value) {
        Some(digits) if value.is_object() => Cow::Owned(Value::String(digits.into_owned())),
        _ => Cow::Borrowed(value),
    }
}

/// Whether two numbers have one value, by their digits; `None` where one of them is none.
pub(crate) fn is_same_number(a: &Value, b: &Value) -> Option<bool> {
    let (a, b) = (number_text(a)?, number_text(b)?);
    Some(match (Decimal::parse(&a), Decimal::parse(&b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    })
}

/// JSON with every number as its writer had it.
pub(crate) fn to_text(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            if let Some(number) = number_text(value) {
                return number.into_owned();
            }
            let pairs = object.iter();
            let pairs: Vec<String> = pairs
                .map(|(key, inner)| format!("{}:{}", Value::from(key.as_str()), to_text(inner)))
                .collect();
            format!("{{{}}}", pairs.join(","))
        }
        Value::Array(list) => {
            format!("[{}]", list.iter().map(to_text).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// JSON with its numbers as floats where they need one, as a schema and a request read them; `None`
/// where one is beyond a float.
pub(crate) fn with_floats(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Object(object) => {
            if let Some(number) = number_text(value) {
                Value::Number(Number::from_f64(number.parse().ok()?)?)
            } else {
                let pairs = object.iter();
                let pairs = pairs.map(|(key, inner)| Some((key.clone(), with_floats(inner)?)));
                Value::Object(pairs.collect::<Option<Map<String, Value>>>()?)
            }
        }
        Value::Array(list) => Value::Array(list.iter().map(with_floats).collect::<Option<_>>()?),
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept() {
        let check = |text: &str| assert_eq!(to_text(&parse(text).unwrap()), text);
        check("{\"a\":123456789012345678901234567890}");
        check("[1,-2.5,0.30000000000000001,1e400,-1e-999,18446744073709551616]");
        check("{\"12345678901234567890123\":\"say \\\"12345678901234567890123\\\"\"}");
        check("18446744073709551615");
        assert_eq!(parse("{\"a\":1.50}").unwrap(), serde_json::json!({"a": 1.5}));
        assert!(parse("{\"a\":01}").is_err());
    }

    #[test]
    fn values_are_compared_by_their_digits() {
        let check = |a: &str, b: &str, is_same: bool| {
            let (a, b) = (parse(a).unwrap(), parse(b).unwrap());
            assert_eq!(is_same_number(&a, &b), Some(is_same), "{a} {b}");
        };
        check("1", "1.0", true);
        check("100", "1e2", true);
        check("-0", "0", true);
        check("0.1", "1E-1", true);
        check("123456789012345678901234567890", "123456789012345678901234567890.0", true);
        check("123456789012345678901234567890", "123456789012345678901234567891", false);
        check("9007199254740993", "9007199254740992", false);
        check("1e400", "10e399", true);
        assert_eq!(is_same_number(&Value::from("1"), &Value::from(1)), None);
    }

    #[test]
    fn floats_stand_in_where_they_can() {
        let value = parse("[123456789012345678901234567890]").unwrap();
        assert_eq!(
            with_floats(&value).unwrap(),
            serde_json::json!([123_456_789_012_345_678_901_234_567_890_f64])
        );
        assert_eq!(with_floats(&parse("1e400").unwrap()), None);
    }
}
