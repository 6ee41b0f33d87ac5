//! JSON that a strict reader refuses, made readable. Only what was refused comes here.
//!
//! Servers cut text between the halves of a surrogate pair, or within a UTF-8 sequence; they write
//! control characters and escapes that JSON does not know; Python's `json` writes `NaN` and
//! `Infinity`. Each broken character becomes U+FFFD, each such number `null`, and the rest stays.

use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

/// The text with every part that a strict reader refuses replaced. What is not JSON at all stays
/// so.
pub(super) fn repaired(data: &[u8]) -> String {
    let text = String::from_utf8_lossy(data);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(&c) = chars.peek() {
        match c {
            '"' => string(&mut chars, &mut out),
            'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '+' | '.' => token(&mut chars, &mut out),
            _ => {
                out.push(c);
                chars.next();
            }
        }
    }
    out
}

/// A number or a word outside of strings.
fn token(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    let from = out.len();
    while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || "+-._".contains(*c)) {
        out.push(c);
    }
    let said = &out[from..];
    let word = said.trim_start_matches(['+', '-']).to_ascii_lowercase();
    let is_no_number = matches!(&*word, "nan" | "infinity" | "inf");
    // Beyond what a double holds.
    let is_too_large = || {
        said.starts_with(|c: char| c == '-' || c.is_ascii_digit())
            && said.parse().is_ok_and(f64::is_infinite)
    };
    if is_no_number || is_too_large() {
        out.truncate(from);
        out.push_str("null");
    }
}

/// A string, from its first quotation mark to its last.
fn string(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    out.extend(chars.next());
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push(c);
                return;
            }
            '\\' => escape(chars, out),
            '\0'..='\u{1f}' => push_unit(out, u32::from(c)),
            _ => out.push(c),
        }
    }
}

/// What follows a backslash.
fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    const REPLACEMENT: &str = "\\ufffd";
    match chars.peek() {
        Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => {
            out.push('\\');
            out.extend(chars.next());
        }
        Some('u') => {
            let mut ahead = chars.clone();
            let Some(unit) = unit(&mut ahead) else {
                out.push_str("\\\\");
                return;
            };
            *chars = ahead.clone();
            match unit {
                0xd800..=0xdbff => {
                    let is_escape = ahead.next() == Some('\\');
                    match is_escape.then(|| self::unit(&mut ahead)).flatten() {
                        Some(low @ 0xdc00..=0xdfff) => {
                            push_unit(out, unit);
                            push_unit(out, low);
                            *chars = ahead;
                        }
                        _ => out.push_str(REPLACEMENT),
                    }
                }
                0xdc00..=0xdfff => out.push_str(REPLACEMENT),
                _ => push_unit(out, unit),
            }
        }
        // An escape that JSON does not know: what it stands for, as far as that is plain.
        Some('\'') => {}
        Some(_) => out.push_str("\\\\"),
        None => out.push('\\'),
    }
}

fn push_unit(out: &mut String, unit: u32) {
    write!(out, "\\u{unit:04x}").expect("a string takes every text");
}

/// `u` and four digits.
fn unit(chars: &mut Peekable<Chars<'_>>) -> Option<u32> {
    if chars.next() != Some('u') {
        return None;
    }
    (0..4).try_fold(0, |unit, _| Some(unit * 16 + chars.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &[u8], expected: &str) {
        let repaired = repaired(said);
        let read: serde_json::Value = serde_json::from_str(&repaired).expect(&repaired);
        assert_eq!(read.to_string(), expected, "{repaired}");
    }

    #[test]
    fn broken_characters_are_replaced() {
        check(br#"["\ud83d","\ude00","\ud83d\ude00","\ud83d\ud83d\ude00"]"#, {
            "[\"\u{fffd}\",\"\u{fffd}\",\"\u{1f600}\",\"\u{fffd}\u{1f600}\"]"
        });
        check(br#"["\ud83d\n\ud83dx"]"#, "[\"\u{fffd}\\n\u{fffd}x\"]");
        check(b"[\"\xe2\x82\",\"\xac\"]", "[\"\u{fffd}\",\"\u{fffd}\"]");
        check(b"[\"a\nb\tc\"]", r#"["a\nb\tc"]"#);
        check(br#"["\x41\'\u12"]"#, r#"["\\x41'\\u12"]"#);
        check(b"\xef\xbb\xbf{}", "{}");
    }

    #[test]
    fn what_is_no_number_is_null() {
        check(b"[NaN,-Infinity,Infinity,nan,1e999,-1e999,1e3,-0.5,true,null]", {
            "[null,null,null,null,null,null,1000.0,-0.5,true,null]"
        });
        check(br#"{"NaN":"NaN, -Infinity \" Infinity"}"#, {
            r#"{"NaN":"NaN, -Infinity \" Infinity"}"#
        });
    }

    #[test]
    fn what_is_not_json_stays_so() {
        for said in ["{broken", "{\"a\":\"b", "{\"a\":}", "{a:1}", "\"\\", "[1 2]", "<html>"] {
            let repaired = repaired(said.as_bytes());
            assert!(serde_json::from_str::<serde_json::Value>(&repaired).is_err(), "{repaired}");
        }
    }
}
