//! Graders of whole texts: `exact`, `one_of`, `contains`, `regex`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex::Regex;
use serde_json::Value;

use super::{Verdict, quoted};
use crate::suite::reference;

/// The most compiled patterns that a thread keeps. A suite has a few hundred; past this many the
/// cache starts anew.
const MAX_PATTERNS: usize = 1_024;

thread_local! {
    static PATTERNS: RefCell<HashMap<String, Rc<Regex>>> = RefCell::new(HashMap::new());
}

/// `exact` and `one_of`: the answer is a reference, white space at both ends aside.
pub(super) fn equals(reference: &Value, answer: &str, ignore_case: bool) -> Verdict {
    let Some(expected) = reference::texts(reference) else {
        return Verdict::Unscored("unusable reference: it must be a text".to_owned());
    };
    let said = folded(answer.trim(), ignore_case);
    let right = expected.iter().any(|text| folded(text.trim(), ignore_case) == said);
    let others = match expected.len() {
        1 => String::new(),
        n => format!(" or one of {} others", n - 1),
    };
    Verdict::of(right, format!("got {}, expected {}{others}", quoted(answer), quoted(&expected[0])))
}

/// `contains`: every reference is part of the answer.
pub(super) fn contains(reference: &Value, answer: &str, ignore_case: bool) -> Verdict {
    let Some(expected) = reference::texts(reference) else {
        return Verdict::Unscored("unusable reference: it must be a text".to_owned());
    };
    if expected.iter().any(String::is_empty) {
        return Verdict::Unscored("unusable reference: every answer contains nothing".to_owned());
    }
    let said = folded(answer, ignore_case);
    let missing: Vec<&String> =
        expected.iter().filter(|text| !said.contains(&folded(text, ignore_case))).collect();
    match missing.first() {
        None => Verdict::Right(format!("contains all of {}", expected.len())),
        Some(first) => Verdict::Wrong(format!(
            "{} of {} missing, first {}",
            missing.len(),
            expected.len(),
            quoted(first)
        )),
    }
}

/// `regex`: every pattern is found somewhere in the answer.
pub(super) fn matches(reference: &Value, answer: &str) -> Verdict {
    let Some(patterns) = reference::texts(reference) else {
        return Verdict::Unscored("unusable reference: it must be a pattern".to_owned());
    };
    for text in &patterns {
        match pattern(text) {
            Err(why) => return Verdict::Unscored(format!("unusable reference: {why}")),
            Ok(pattern) if !pattern.is_match(answer) => {
                return Verdict::Wrong(format!(
                    "no match of {} in {}",
                    quoted(text),
                    quoted(answer)
                ));
            }
            Ok(_) => {}
        }
    }
    Verdict::Right(format!("matches all of {}", patterns.len()))
}

fn folded(text: &str, ignore_case: bool) -> String {
    if ignore_case { text.to_lowercase() } else { text.to_owned() }
}

/// A compiled pattern, from the cache: the same few judge every answer of a run.
fn pattern(text: &str) -> Result<Rc<Regex>, String> {
    PATTERNS.with_borrow_mut(|patterns| {
        if let Some(compiled) = patterns.get(text) {
            return Ok(Rc::clone(compiled));
        }
        let compiled = Rc::new(reference::pattern(text)?);
        if patterns.len() >= MAX_PATTERNS {
            patterns.clear();
        }
        patterns.insert(text.to_owned(), Rc::clone(&compiled));
        Ok(compiled)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn right(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Right(_))
    }

    #[test]
    fn exact_and_one_of() {
        let check = |reference: Value, answer: &str, ignore_case: bool, expected: bool| {
            let verdict = equals(&reference, answer, ignore_case);
            assert_eq!(right(&verdict), expected, "{answer:?}: {verdict:?}");
        };
        check(json!("Paris"), " Paris\n", false, true);
        check(json!("Paris\n"), "Paris", false, true);
        check(json!("Paris"), "paris", false, false);
        check(json!("Paris"), "paris", true, true);
        check(json!("Straße"), "STRASSE", true, false);
        check(json!("ÉTÉ"), "été", true, true);
        check(json!("Paris"), "Paris.", true, false);
        check(json!(["a", "b"]), "b", false, true);
        check(json!(["a", "b"]), "c", false, false);
        check(json!(7), "7", false, true);
        check(json!("a  b"), "a b", false, false);
    }

    #[test]
    fn every_part_is_needed() {
        let check = |reference: Value, answer: &str, ignore_case: bool, expected: bool| {
            let verdict = contains(&reference, answer, ignore_case);
            assert_eq!(right(&verdict), expected, "{answer:?}: {verdict:?}");
        };
        check(json!("ok"), "it is ok.", false, true);
        check(json!(["red", "blue"]), "blue and red", false, true);
        check(json!(["red", "blue"]), "only red", false, false);
        check(json!("Red"), "red", false, false);
        check(json!("Red"), "red", true, true);
        assert_eq!(
            contains(&json!(["a", "b", "c"]), "a", false),
            Verdict::Wrong("2 of 3 missing, first “b”".to_owned())
        );
    }

    #[test]
    fn patterns_are_searched() {
        let check = |reference: Value, answer: &str, expected: bool| {
            let verdict = matches(&reference, answer);
            assert_eq!(right(&verdict), expected, "{answer:?}: {verdict:?}");
        };
        check(json!("[0-9]{3}"), "call 555 now", true);
        check(json!("^[0-9]{3}$"), "call 555 now", false);
        check(json!(["a", "(?i)B"]), "ab", true);
        check(json!(["a", "(?m)^b$"]), "a\nb\n", true);
        check(json!(["a", "c"]), "ab", false);
        for n in 0..=MAX_PATTERNS {
            check(json!(format!("^{n}$")), &n.to_string(), true);
        }
    }
}
