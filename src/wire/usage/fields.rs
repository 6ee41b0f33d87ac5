//! The fields of a usage object, read one by one: what one field has wrong does not affect another.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::units::{MAX_TOKENS, UsageFault, Usd};

/// The fields of an object by name; of a repeated name the last one.
pub(super) type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// The fields of an object; `None`: it is none.
pub(super) fn fields(text: &str) -> Option<Fields<'_>> {
    serde_json::from_str(text).ok()
}

/// Reads the fields of one object and remembers what is wrong with them.
#[derive(Debug)]
pub(super) struct FieldReader<'a, 'f> {
    fields: Fields<'a>,
    faults: &'f mut Vec<UsageFault>,
}

impl<'a, 'f> FieldReader<'a, 'f> {
    pub(super) fn new(text: &'a str, faults: &'f mut Vec<UsageFault>) -> Self {
        Self { fields: fields(text).unwrap_or_default(), faults }
    }

    /// The same with `prompt_token_count` as `promptTokenCount`, unless that is there too.
    pub(super) fn with_camel_names(mut self) -> Self {
        let snake: Vec<_> = self.fields.iter().filter(|(name, _)| name.contains('_')).collect();
        let camel: Vec<_> = snake.into_iter().map(|(name, value)| (camel(name), *value)).collect();
        for (name, value) in camel {
            self.fields.entry(name).or_insert(value);
        }
        self
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        self.fields.get(name).map(|value| value.get()).filter(|value| *value != "null")
    }

    /// An object within this one; empty where it is missing or something else.
    pub(super) fn object(&mut self, name: &str) -> FieldReader<'a, '_> {
        FieldReader::new(self.raw(name).unwrap_or("{}"), self.faults)
    }

    /// A count of tokens; `None`: not said, or no count.
    pub(super) fn count(&mut self, name: &str) -> Option<u64> {
        let count = count(self.raw(name)?);
        if count.is_none() {
            self.faults.push(UsageFault::NoCount);
        }
        count
    }

    /// As [`FieldReader::count`], under the first of the names that states one; a 0 beside another
    /// name states none.
    pub(super) fn count_of(&mut self, names: &[&str]) -> Option<u64> {
        let stated = |name: &&&str| self.has(name) && self.hint(name) != Some(0);
        let name = names.iter().find(stated).or_else(|| names.iter().find(|name| self.has(name)));
        self.count(name?)
    }

    /// As [`FieldReader::count`], of a count that nothing rests on.
    pub(super) fn hint(&self, name: &str) -> Option<u64> {
        count(self.raw(name)?)
    }

    /// Whether a field says anything.
    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Remembers what is wrong.
    pub(super) fn fault(&mut self, fault: UsageFault) {
        self.faults.push(fault);
    }

    /// A charge in dollars; `None`: not said, or no charge.
    pub(super) fn dollars(&mut self, name: &str) -> Option<Usd> {
        let charge = Usd::charge(unquoted(self.raw(name)?));
        if charge.is_none() {
            self.faults.push(UsageFault::NoCharge);
        }
        charge
    }

    /// Whether a field is an object.
    pub(super) fn is_object(&self, name: &str) -> bool {
        self.raw(name).is_some_and(|value| value.starts_with('{'))
    }

    /// Whether a field is `true`.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.raw(name) == Some("true")
    }

    /// A text; `None`: not said, or none.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// The objects of a list; empty where it is missing or something else.
    pub(super) fn objects(&self, name: &str) -> Vec<&'a str> {
        let list: Option<Vec<&'a RawValue>> =
            self.raw(name).and_then(|value| serde_json::from_str(value).ok());
        list.unwrap_or_default().into_iter().map(RawValue::get).collect()
    }

    /// Another object, with the same memory of what is wrong.
    pub(super) fn other(&mut self, text: &'a str) -> FieldReader<'a, '_> {
        FieldReader::new(text, self.faults)
    }
}

/// `prompt_token_count` as `promptTokenCount`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut chars = word.chars();
        camel.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(chars.as_str());
    }
    camel
}

/// Reads a count: a whole number up to [`MAX_TOKENS`], which some APIs write as a string or with a
/// fraction of zeros. `None` for anything else.
fn count(value: &str) -> Option<u64> {
    let number = unquoted(value);
    let whole = |n: f64| n.fract() == 0.0 && (0.0..9e15).contains(&n);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
    let of_fraction = || number.parse().ok().filter(|n| whole(*n)).map(|n: f64| n as u64);
    number.parse().ok().or_else(of_fraction).filter(|n| *n <= MAX_TOKENS)
}

/// A number that is written as a string.
fn unquoted(value: &str) -> &str {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map_or(value, str::trim)
}

/// Merges what a later usage object of an answer says into the earlier ones, field by field. Counts
/// are cumulative: a lower one does not replace a higher one, and what says nothing replaces nothing.
pub(super) fn merge(earlier: &str, later: &str) -> String {
    let (Some(mut merged), Some(more)) = (owned(earlier), owned(later)) else {
        let keep = fields(later).is_none();
        return if keep { earlier } else { later }.to_owned();
    };
    for (name, value) in more {
        match merged.get_mut(&name) {
            Some(before) => merge_value(before, value),
            None => {
                merged.insert(name, value);
            }
        }
    }
    serde_json::to_string(&merged).expect("it was JSON")
}

fn owned(text: &str) -> Option<BTreeMap<String, Box<RawValue>>> {
    serde_json::from_str(text).ok()
}

fn merge_value(before: &mut Box<RawValue>, value: Box<RawValue>) {
    let is_object = |value: &RawValue| value.get().starts_with('{');
    match (is_object(before), is_object(&value)) {
        (true, true) => {
            let merged = merge(before.get(), value.get());
            *before = RawValue::from_string(merged).expect("it was JSON");
        }
        // A list or a null where an object stands says nothing.
        (true, false) => {}
        _ if value.get() == "null" => {}
        _ => {
            let number = |value: &RawValue| unquoted(value.get()).parse::<f64>().ok();
            let is_lower = number(before).zip(number(&value)).is_some_and(|(a, b)| b < a);
            if !is_lower {
                *before = value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_a_whole_number_within_reason() {
        let check =
            |value: &str, expected: Option<u64>| assert_eq!(count(value), expected, "{value}");
        check("0", Some(0));
        check("12.0", Some(12));
        check("1.2e1", Some(12));
        check("\"12\"", Some(12));
        check("\" 12.0 \"", Some(12));
        check("1000000000", Some(MAX_TOKENS));
        for none in [
            "1000000001",
            "2147483648",
            "9007199254740992",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551615",
            "1e300",
            "-1",
            "\"-1\"",
            "0.5",
            "\"many\"",
            "\"\"",
            "\"NaN\"",
            "\"inf\"",
            "true",
            "[1]",
        ] {
            check(none, None);
        }
    }

    #[test]
    fn later_counts_add_to_earlier_ones() {
        let check = |earlier: &str, later: &str, expected: &str| {
            assert_eq!(merge(earlier, later), expected, "{earlier} {later}");
        };
        check(r#"{"a":12,"b":3}"#, r#"{"a":0,"b":0}"#, r#"{"a":12,"b":3}"#);
        check(r#"{"a":12,"b":1}"#, r#"{"b":3,"c":4}"#, r#"{"a":12,"b":3,"c":4}"#);
        check(r#"{"a":"12"}"#, r#"{"a":-1}"#, r#"{"a":"12"}"#);
        check(r#"{"a":{"b":5,"c":1}}"#, r#"{"a":{"b":0,"c":2}}"#, r#"{"a":{"b":5,"c":2}}"#);
        check(r#"{"a":{"b":5}}"#, r#"{"a":[]}"#, r#"{"a":{"b":5}}"#);
        check(r#"{"a":5}"#, r#"{"a":null}"#, r#"{"a":5}"#);
        check(r#"{"a":null}"#, r#"{"a":5}"#, r#"{"a":5}"#);
        check("[]", r#"{"a":5}"#, r#"{"a":5}"#);
        check(r#"{"a":5}"#, r#""none""#, r#"{"a":5}"#);
    }
}
