//! Graders of whole texts: `exact`, `one_of`, `contains`, `regex`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::grader::Grader;
use super::pattern::cached_pattern;
use super::reference::{text, texts};
use super::sample::{Peers, SampleTask, index, text_answer};
use super::score::{Score, quoted};
use super::target::{GradingError, Target};
use crate::units::AnswerContent;

/// The answer is the reference, white space at both ends aside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exact {
    #[serde(default)]
    ignore_case: bool,
}

/// The answer is one of the references, white space at both ends aside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneOf {
    #[serde(default)]
    ignore_case: bool,
}

/// The answer contains the reference, or each of a list of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contains {
    #[serde(default)]
    ignore_case: bool,
}

/// The answer matches the regular expression in the reference, or each of a list of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {}

impl Exact {
    pub(super) const fn ignoring_case() -> Self {
        Self { ignore_case: true }
    }
}

impl OneOf {
    pub(super) const fn ignoring_case() -> Self {
        Self { ignore_case: true }
    }
}

/// The one setting of the graders that compare texts.
const IGNORE_CASE: &[&str] = &["ignore_case"];

impl Grader for Exact {
    fn version(&self) -> u32 {
        1
    }

    fn settings(&self) -> &'static [&'static str] {
        IGNORE_CASE
    }

    fn set(&mut self, _key: &str, value: &Value) -> Result<(), &'static str> {
        read_flag(value).map(|flag| self.ignore_case = flag)
    }

    fn check_reference(&self, reference: &Value) -> Result<(), GradingError> {
        text(reference).map(drop).ok_or_else(|| unusable("it must be a text"))
    }

    fn right_answer(&self, reference: &Value) -> Option<AnswerContent> {
        text(reference).map(text_answer)
    }

    fn wrong_answer(
        &self,
        task: &SampleTask<'_>,
        peers: &Peers<'_>,
        pick: u64,
    ) -> Option<AnswerContent> {
        other_label(task, peers, pick).map(text_answer)
    }

    fn score(&self, target: &Target<'_>, answer: &AnswerContent) -> Result<Score, GradingError> {
        score_equality(target, &answer.text, self.ignore_case)
    }
}

impl Grader for OneOf {
    fn version(&self) -> u32 {
        1
    }

    fn settings(&self) -> &'static [&'static str] {
        IGNORE_CASE
    }

    fn set(&mut self, _key: &str, value: &Value) -> Result<(), &'static str> {
        read_flag(value).map(|flag| self.ignore_case = flag)
    }

    fn check_reference(&self, reference: &Value) -> Result<(), GradingError> {
        texts(reference).map(drop).ok_or_else(|| unusable("it must be a list of texts"))
    }

    /// A list in a table may be a text, as every cell of a CSV is.
    fn read_cell(&self, cell: &Value) -> Option<Value> {
        Some(read_list(cell).unwrap_or_else(|| cell.clone()))
    }

    fn right_answer(&self, reference: &Value) -> Option<AnswerContent> {
        texts(reference)?.into_iter().next().map(text_answer)
    }

    fn wrong_answer(
        &self,
        task: &SampleTask<'_>,
        peers: &Peers<'_>,
        pick: u64,
    ) -> Option<AnswerContent> {
        other_label(task, peers, pick).map(text_answer)
    }

    fn score(&self, target: &Target<'_>, answer: &AnswerContent) -> Result<Score, GradingError> {
        score_equality(target, &answer.text, self.ignore_case)
    }
}

impl Grader for Contains {
    fn version(&self) -> u32 {
        1
    }

    fn settings(&self) -> &'static [&'static str] {
        IGNORE_CASE
    }

    fn set(&mut self, _key: &str, value: &Value) -> Result<(), &'static str> {
        read_flag(value).map(|flag| self.ignore_case = flag)
    }

    fn check_reference(&self, reference: &Value) -> Result<(), GradingError> {
        parts(reference).map(drop)
    }

    /// A list in a table may be a text, as every cell of a CSV is.
    fn read_cell(&self, cell: &Value) -> Option<Value> {
        Some(read_list(cell).unwrap_or_else(|| cell.clone()))
    }

    fn right_answer(&self, reference: &Value) -> Option<AnswerContent> {
        texts(reference).map(|texts| text_answer(texts.join(" ")))
    }

    fn score(&self, target: &Target<'_>, answer: &AnswerContent) -> Result<Score, GradingError> {
        let parts = parts(target.reference()?)?;
        let text = folded(&answer.text, self.ignore_case);
        let missing: Vec<&String> =
            parts.iter().filter(|part| !text.contains(&folded(part, self.ignore_case))).collect();
        Ok(match missing.first() {
            None => Score::right(&format!("contains all of {}", parts.len())),
            Some(first) => Score::wrong(&format!(
                "{} of {} missing, first {}",
                missing.len(),
                parts.len(),
                quoted(first)
            )),
        })
    }
}

impl Grader for Pattern {
    fn version(&self) -> u32 {
        1
    }

    fn check_reference(&self, reference: &Value) -> Result<(), GradingError> {
        patterns(reference)?.iter().try_for_each(|text| cached_pattern(text).map(drop))
    }

    fn right_answer(&self, _reference: &Value) -> Option<AnswerContent> {
        None
    }

    fn score(&self, target: &Target<'_>, answer: &AnswerContent) -> Result<Score, GradingError> {
        let patterns = patterns(target.reference()?)?;
        for text in &patterns {
            if !cached_pattern(text)?.is_match(&answer.text)? {
                let (pattern, answer) = (quoted(text), quoted(&answer.text));
                return Ok(Score::wrong(&format!("no match of {pattern} in {answer}")));
            }
        }
        Ok(Score::right(&format!("matches all of {}", patterns.len())))
    }
}

/// The list of texts that a text holds as JSON.
fn read_list(cell: &Value) -> Option<Value> {
    let parsed: Value = serde_json::from_str(cell.as_str()?).ok()?;
    (parsed.is_array() && texts(&parsed).is_some()).then_some(parsed)
}

fn unusable(why: &str) -> GradingError {
    GradingError::Reference(why.to_owned())
}

fn read_flag(value: &Value) -> Result<bool, &'static str> {
    value.as_bool().ok_or("`ignore_case` must be true or false")
}

fn score_equality(
    target: &Target<'_>,
    answer: &str,
    ignore_case: bool,
) -> Result<Score, GradingError> {
    let texts = texts(target.reference()?).ok_or_else(|| unusable("it must be a text"))?;
    let trimmed = folded(answer.trim(), ignore_case);
    let is_match = texts.iter().any(|text| folded(text.trim(), ignore_case) == trimmed);
    let others = match texts.len() {
        1 => String::new(),
        n => format!(" or one of {} others", n - 1),
    };
    let detail = format!("got {}, expected {}{others}", quoted(answer), quoted(&texts[0]));
    Ok(Score::from_match(is_match, &detail))
}

/// The texts of a `contains` reference.
fn parts(reference: &Value) -> Result<Vec<String>, GradingError> {
    match texts(reference) {
        Some(parts) if parts.iter().any(String::is_empty) => {
            Err(unusable("an empty text is part of every answer"))
        }
        Some(parts) => Ok(parts),
        None => Err(unusable("it must be a text or a list of texts")),
    }
}

/// The patterns of a `regex` reference, as text.
fn patterns(reference: &Value) -> Result<Vec<String>, GradingError> {
    texts(reference).ok_or_else(|| unusable("it must be a regular expression or a list of them"))
}

fn folded(text: &str, ignore_case: bool) -> String {
    if ignore_case { text.to_lowercase() } else { text.to_owned() }
}

/// The reference of another task of the suite, from the same category where it has another.
fn other_label(task: &SampleTask<'_>, peers: &Peers<'_>, pick: u64) -> Option<String> {
    let folded = |text: &str| text.trim().to_lowercase();
    let right: Vec<String> =
        texts(task.target.reference?)?.iter().map(|text| folded(text)).collect();
    let candidates = || {
        let all = peers.iter_from(index(pick, peers.n_tasks));
        all.filter(|peer| matches!(peer.grader, "exact" | "one_of"))
    };
    let label = |peer: SampleTask<'_>| {
        let texts = texts(peer.target.reference?)?;
        texts.into_iter().next().filter(|text| !right.contains(&folded(text)))
    };
    candidates()
        .filter(|peer| peer.category == task.category)
        .find_map(label)
        .or_else(|| candidates().find_map(label))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn score(grader: &dyn Grader, reference: &Value, answer: &str) -> Score {
        let target = Target { reference: Some(reference), schema: None };
        grader.score(&target, &text_answer(answer)).expect("a usable reference")
    }

    #[test]
    fn exact_and_one_of() {
        let check = |reference: Value, answer: &str, ignore_case: bool, is_right: bool| {
            for grader in [&Exact { ignore_case } as &dyn Grader, &OneOf { ignore_case }] {
                let score = score(grader, &reference, answer);
                assert_eq!(score.is_right(), is_right, "{answer:?}: {score:?}");
            }
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
        let check = |reference: Value, answer: &str, ignore_case: bool, is_right: bool| {
            let score = score(&Contains { ignore_case }, &reference, answer);
            assert_eq!(score.is_right(), is_right, "{answer:?}: {score:?}");
        };
        check(json!("ok"), "it is ok.", false, true);
        check(json!(["red", "blue"]), "blue and red", false, true);
        check(json!(["red", "blue"]), "only red", false, false);
        check(json!("Red"), "red", false, false);
        check(json!("Red"), "red", true, true);
        assert_eq!(
            score(&Contains::default(), &json!(["a", "b", "c"]), "a"),
            Score::wrong("2 of 3 missing, first “b”")
        );
    }

    #[test]
    fn patterns_are_searched() {
        let check = |reference: Value, answer: &str, is_right: bool| {
            let score = score(&Pattern {}, &reference, answer);
            assert_eq!(score.is_right(), is_right, "{answer:?}: {score:?}");
        };
        check(json!("[0-9]{3}"), "call 555 now", true);
        check(json!("^[0-9]{3}$"), "call 555 now", false);
        check(json!(["a", "(?i)B"]), "ab", true);
        check(json!(["a", "(?m)^b$"]), "a\nb\n", true);
        check(json!(["a", "c"]), "ab", false);
        for n in 0..=crate::graders::pattern::MAX_CACHED {
            check(json!(format!("^{n}$")), &n.to_string(), true);
        }
    }
}
