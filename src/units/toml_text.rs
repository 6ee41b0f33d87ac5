//! TOML text that knows its file and its lines, so that an error can say where and what to write.

use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::names::nearest;

/// A place in a file: `catalog.toml:12`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file, as the user named it.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}

/// Why a TOML text does not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TomlError {
    /// A key that nothing reads.
    #[error("{at}: unknown key {key:?}; {remedy}")]
    UnknownKey {
        /// Where it stands.
        at: Place,
        /// The key.
        key: String,
        /// The nearest known key, or all of them.
        remedy: String,
    },
    /// A key that must be there.
    #[error("{at}: key {key:?} is missing; add {key} = … to the table that begins here")]
    MissingKey {
        /// Where its table begins.
        at: Place,
        /// The key.
        key: String,
    },
    /// Not TOML, or a value of another type than its key takes.
    #[error("{at}: {message}")]
    Malformed {
        /// Where.
        at: Place,
        /// What the parser said.
        message: String,
    },
}

/// A TOML text and the file it came from.
#[derive(Clone, Copy, Debug)]
pub struct TomlText<'a> {
    path: &'a str,
    text: &'a str,
}

impl<'a> TomlText<'a> {
    /// A text and the path that errors name.
    #[must_use]
    pub const fn new(path: &'a str, text: &'a str) -> Self {
        Self { path, text }
    }

    /// The path.
    #[must_use]
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// Reads the whole text as a `T`, which denies unknown fields.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, TomlError> {
        toml::from_str(self.text).map_err(|error| self.explain(&error))
    }

    /// The place where a span begins.
    #[must_use]
    pub fn place(&self, span: &Range<usize>) -> Place {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        let line = before.split(|&b| b == b'\n').count();
        Place { path: self.path.to_owned(), line }
    }

    /// The place where the table begins that a span stands in.
    #[must_use]
    pub fn place_of_table(&self, span: &Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or("");
        let begin = before.rfind("[[").unwrap_or(span.start);
        self.place(&(begin..begin))
    }

    /// The text of a span: a number's own digits.
    #[must_use]
    pub fn literal(&self, span: &Range<usize>) -> &'a str {
        self.text.get(span.clone()).unwrap_or("")
    }

    /// The decimal string to write instead of a number literal.
    #[must_use]
    pub fn as_decimal_string(&self, span: &Range<usize>) -> String {
        let literal = self.text.get(span.clone()).unwrap_or("").replace('_', "");
        let plain = literal.trim_start_matches('+');
        match plain.parse::<f64>() {
            Ok(value) if plain.contains(['e', 'E']) => value.to_string(),
            _ => plain.to_owned(),
        }
    }

    fn explain(&self, error: &toml::de::Error) -> TomlError {
        let at = self.place(&error.span().unwrap_or(0..0));
        let message = error.message().trim();
        // Serde names fields in back-quotes: first the offending one, then those it knows.
        let mut quoted = message.split('`').skip(1).step_by(2);
        let key = quoted.next().unwrap_or_default().to_owned();
        if message.starts_with("unknown field") {
            let known: Vec<&str> = quoted.collect();
            return TomlError::UnknownKey { at, remedy: did_you_mean(&key, &known), key };
        }
        if message.starts_with("missing field") {
            return TomlError::MissingKey { at, key };
        }
        TomlError::Malformed { at, message: message.replace('\n', "; ") }
    }
}

/// `did you mean "concurrency"?`, or the known names where none is near.
#[must_use]
pub fn did_you_mean(typed: &str, known: &[&str]) -> String {
    match nearest(typed, known.iter().copied(), 1).first() {
        Some(name) => format!("did you mean {name:?}?"),
        None if known.is_empty() => "there are none to choose from".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// A value that has to be a decimal string, so that it is exact; a number literal is kept apart,
/// so that the error can show the string to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecimalText {
    /// A string.
    Text(String),
    /// A float or integer literal.
    NumberLiteral,
}

impl<'de> Deserialize<'de> for DecimalText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = DecimalText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal string such as \"0.25\"")
            }
            fn visit_str<E>(self, text: &str) -> Result<DecimalText, E> {
                Ok(DecimalText::Text(text.to_owned()))
            }
            fn visit_f64<E>(self, _: f64) -> Result<DecimalText, E> {
                Ok(DecimalText::NumberLiteral)
            }
            fn visit_i64<E>(self, _: i64) -> Result<DecimalText, E> {
                Ok(DecimalText::NumberLiteral)
            }
            fn visit_u64<E>(self, _: u64) -> Result<DecimalText, E> {
                Ok(DecimalText::NumberLiteral)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shelf {
        #[expect(dead_code, reason = "read by serde only")]
        name: String,
        #[serde(default)]
        book: Vec<Book>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Book {
        #[expect(dead_code, reason = "read by serde only")]
        title: String,
        price: Option<toml::Spanned<DecimalText>>,
    }

    fn check(text: &str, expected: &str) {
        let error = TomlText::new("a.toml", text).decode::<Shelf>().expect_err(text);
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn errors_say_where_and_what() {
        check("name = \"x\"\nnmae = 2\n", "a.toml:2: unknown key \"nmae\"; did you mean \"name\"?");
        check(
            "name = \"x\"\n\n[[book]]\ntitle = \"t\"\n[[book]]\ntitle = \"u\"\nzzzzzzzzzzz = 1\n",
            "a.toml:7: unknown key \"zzzzzzzzzzz\"; known here: title, price",
        );
        check(
            "name = \"x\"\n\n[[book]]\n",
            "a.toml:3: key \"title\" is missing; add title = … to the table that begins here",
        );
        check(
            "name = \"x\"\nbook = 3\n",
            "a.toml:2: invalid type: integer `3`, expected a sequence",
        );
        check("name = \"x\"\nname = \"y\"\n", "a.toml:2: duplicate key");
    }

    #[test]
    fn number_literals_are_shown_as_strings() {
        for (literal, string) in
            [("1.50", "1.50"), ("+2", "2"), ("1_000", "1000"), ("1e-6", "0.000001")]
        {
            let text = format!("name = \"x\"\n[[book]]\ntitle = \"t\"\nprice = {literal}\n");
            let toml = TomlText::new("a.toml", &text);
            let shelf: Shelf = toml.decode().expect("reads");
            let price = shelf.book[0].price.as_ref().expect("a price");
            assert_eq!(*price.get_ref(), DecimalText::NumberLiteral);
            assert_eq!(toml.as_decimal_string(&price.span()), string);
            assert_eq!(toml.place(&price.span()).to_string(), "a.toml:4");
        }
    }
}
