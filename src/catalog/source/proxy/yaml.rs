//! YAML whose numbers keep their digits: plain scalars are read from the source text, so that
//! `1.5e-07` never becomes a float. Only this file calls the YAML parser.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Spanned};

use super::error::ProxyError;

/// A value and the line that it stands in. It may hold a key, so it is never shown as a whole.
pub(super) struct Node {
    pub(super) line: u64,
    pub(super) value: Yaml,
}

pub(super) enum Yaml {
    Null,
    /// A string.
    Text(String),
    /// A number or a truth value, as it is written.
    Bare(String),
    List(Vec<Node>),
    /// In the order of the text; keys are unique.
    Map(Vec<(String, Node)>),
}

/// Reads one document.
pub(super) fn read(text: &str, path: &str) -> Result<Node, ProxyError> {
    let text = text.trim_start_matches('\u{feff}');
    // A snippet of the text might show a key.
    let options = serde_saphyr::options! {
        with_snippet: false,
        // Price lists say NaN for what they do not know.
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Parsed>>(text, options) {
        Ok(parsed) => Ok(node(parsed, text)),
        Err(error) => {
            let line = error.location().map_or(1, |at| at.line()).max(1);
            let why = reason(error.without_snippet());
            Err(ProxyError::Malformed { path: path.to_owned(), line, why })
        }
    }
}

/// What is wrong. Where the parser would repeat a text of the file, which might be a key, its kind
/// is said in its place.
fn reason(error: &Error) -> String {
    let kind = match error {
        Error::AliasError { error, .. } => return reason(error.without_snippet()),
        Error::DuplicateMappingKey { .. } => "the same key stands twice in one mapping",
        Error::UnsupportedTag { .. } | Error::TaggedEnumMismatch { .. } => {
            "a tag (\"!…\") that is not known here"
        }
        Error::NonFiniteFloat { .. }
        | Error::SerdeInvalidType { .. }
        | Error::SerdeInvalidValue { .. }
        | Error::SerdeUnknownVariant { .. }
        | Error::SerdeUnknownField { .. }
        | Error::QuotingRequired { .. }
        | Error::CyclicInclude { .. }
        | Error::ResolverError { .. } => "a value of a kind that has no place there",
        other => {
            // The parser ends its message with the place, which is said beside this already.
            let said = other.to_string();
            return said.split(" at line ").next().unwrap_or(&said).replace('\n', "; ");
        }
    };
    kind.to_owned()
}

impl Node {
    /// The value of a key; `None`: not there, null, or this is no map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let (_, node) = self.pairs().iter().find(|(name, _)| name == key)?;
        (!matches!(node.value, Yaml::Null)).then_some(node)
    }

    pub(super) fn pairs(&self) -> &[(String, Self)] {
        if let Yaml::Map(pairs) = &self.value { pairs } else { &[] }
    }

    pub(super) fn items(&self) -> &[Self] {
        if let Yaml::List(items) = &self.value { items } else { &[] }
    }

    /// A scalar as it is written.
    pub(super) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Yaml::Text(text) | Yaml::Bare(text) => Some(text),
            _ => None,
        }
    }

    /// The scalar of a key.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.scalar()
    }

    /// Strings of a list, or the one string that stands for a list.
    pub(super) fn texts(&self) -> Vec<&str> {
        match self.scalar() {
            Some(text) => vec![text],
            None => self.items().iter().filter_map(Self::scalar).collect(),
        }
    }

    /// The same as JSON text, numbers with the digits that stand here; what JSON has no number for
    /// is a string.
    pub(super) fn to_json(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match &self.value {
            Yaml::Null => "null".to_owned(),
            Yaml::Text(text) => quoted(text),
            Yaml::Bare(text) => match text.to_ascii_lowercase().as_str() {
                word @ ("true" | "false") => word.to_owned(),
                "yes" | "on" => "true".to_owned(),
                "no" | "off" => "false".to_owned(),
                ".nan" => quoted("NaN"),
                number => {
                    let number = number.replace('_', "");
                    let is_json = serde_json::from_str::<serde_json::Number>(&number).is_ok();
                    if is_json { number } else { quoted(&number) }
                }
            },
            Yaml::List(items) => {
                let items: Vec<String> = items.iter().map(Self::to_json).collect();
                format!("[{}]", items.join(","))
            }
            Yaml::Map(pairs) => {
                let pair =
                    |(key, node): &(String, Self)| format!("{}:{}", quoted(key), node.to_json());
                format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// What the parser gives: of plain scalars it keeps the place alone.
enum Parsed {
    Null,
    Text(String),
    Bare,
    List(Vec<Spanned<Parsed>>),
    Map(Vec<(String, Spanned<Parsed>)>),
}

fn node(parsed: Spanned<Parsed>, text: &str) -> Node {
    let at = parsed.defined;
    let value = match parsed.value {
        Parsed::Null => Yaml::Null,
        Parsed::Text(text) => Yaml::Text(text),
        Parsed::Bare => {
            let place = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            let (from, len) = (place(at.span().byte_offset()), place(at.span().byte_len()));
            Yaml::Bare(text.get(from..from + len).unwrap_or("").trim().to_owned())
        }
        Parsed::List(items) => Yaml::List(items.into_iter().map(|item| node(item, text)).collect()),
        Parsed::Map(pairs) => {
            Yaml::Map(pairs.into_iter().map(|(key, value)| (key, node(value, text))).collect())
        }
    };
    Node { line: at.line(), value }
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Parsed;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a YAML value")
            }
            fn visit_unit<E>(self) -> Result<Parsed, E> {
                Ok(Parsed::Null)
            }
            fn visit_none<E>(self) -> Result<Parsed, E> {
                Ok(Parsed::Null)
            }
            fn visit_str<E>(self, text: &str) -> Result<Parsed, E> {
                Ok(Parsed::Text(text.to_owned()))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Parsed, E> {
                Ok(Parsed::Bare)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Parsed, E> {
                Ok(Parsed::Bare)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Parsed, E> {
                Ok(Parsed::Bare)
            }
            fn visit_i128<E>(self, _: i128) -> Result<Parsed, E> {
                Ok(Parsed::Bare)
            }
            fn visit_u128<E>(self, _: u128) -> Result<Parsed, E> {
                Ok(Parsed::Bare)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Parsed, E> {
                Ok(Parsed::Bare)
            }
            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Parsed, S::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Parsed::List(items))
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Parsed, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Parsed::Map(pairs))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(yaml: &str, json: &str) {
        let node = read(yaml, "c.yaml").map_err(|e| e.to_string()).expect(yaml);
        assert_eq!(node.to_json(), json, "{yaml}");
    }

    #[test]
    fn scalars_keep_their_own_text() {
        check("a: 1.5e-07", r#"{"a":1.5e-07}"#);
        check("a: 0.00000015", r#"{"a":0.00000015}"#);
        check("a: 0.00000008333333333333334 # so published", r#"{"a":0.00000008333333333333334}"#);
        check("a: {b: 1e-6, c: 80_000}", r#"{"a":{"b":1e-6,"c":80000}}"#);
        check("a: [.5, +3]", r#"{"a":[".5","+3"]}"#);
        check("a: '1.50'\nb: \"x\"", r#"{"a":"1.50","b":"x"}"#);
        check("a: .nan", r#"{"a":"NaN"}"#);
        check("a: True\nb: off\nc: ~\nd:", r#"{"a":true,"b":false,"c":null,"d":null}"#);
        check("\u{feff}é: 1.10\nb: 2.20", r#"{"é":1.10,"b":2.20}"#);
        check("x: &p\n  a: 3.10\ny: *p", r#"{"x":{"a":3.10},"y":{"a":3.10}}"#);
        check("x: &p {a: 3.10}\ny:\n  <<: *p\n  b: 1", r#"{"x":{"a":3.10},"y":{"b":1,"a":3.10}}"#);
        check("# nothing\n- 2024-02-01\n- 1:30", r#"["2024-02-01","1:30"]"#);
    }

    fn check_error(yaml: &str, expected: &str) {
        let error = read(yaml, "c.yaml").err().expect("it does not read").to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("sk-secret"), "{error}");
    }

    #[test]
    fn what_does_not_read_names_its_line_and_shows_no_text() {
        check_error("a: 1\nb: [1, 2\nkey: sk-secret\n", "c.yaml:");
        check_error("a: 1\nkey: sk-secret\nkey: sk-secret2\n", "c.yaml:3: ");
        check_error("a: {sk-secret: 1, sk-secret: 2}", "c.yaml:1: invalid YAML: the same key");
        check_error("a: &sk-secret {b: 1}\nc: {sk-secret: 1, sk-secret: 2}", "c.yaml:2: ");
        check_error("a: !sk-secret 1\nb: [", "c.yaml:");
        check_error("a: !!float sk-secret\nb: !!int sk-secret\n", "c.yaml:");
        check_error("a: \"sk-secret\n", "c.yaml:");
        check_error("a: *nowhere\n", "c.yaml:1: ");
        check_error(&"[".repeat(500), "c.yaml:");
    }

    proptest! {
        #[test]
        fn a_number_comes_out_as_it_went_in(
            whole in 0_u32..1000, decimals in "[0-9]{1,24}", exponent in proptest::option::of(1_u8..20)
        ) {
            let exponent = exponent.map_or(String::new(), |e| format!("e-{e:02}"));
            let number = format!("{whole}.{decimals}{exponent}");
            let node = read(&format!("ü: x\nprice: {number}  # é\n"), "c.yaml").map_err(|e| e.to_string()).expect("YAML");
            prop_assert_eq!(node.text("price"), Some(number.as_str()));
        }
    }
}
