//! The `number` grader: the number that the answer settles on against that of the reference.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::grader::Grader;
use super::number_text::{FoundNumber, StatedNumber, find_number, is_same, reference_number};
use super::rational::Rational;
use super::reference;
use super::sample::{Peers, SampleTask, index, text_answer};
use super::score::{Score, quoted};
use super::target::{GradingError, Target};
use crate::units::AnswerContent;

/// The number that the answer settles on equals that of the reference, within a tolerance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// The largest absolute difference that passes, a decimal string; `None`: none.
    #[serde(default)]
    tolerance: Option<String>,
}

impl Grader for Number {
    fn version(&self) -> u32 {
        2
    }

    fn settings(&self) -> &'static [&'static str] {
        &["tolerance"]
    }

    fn set(&mut self, _key: &str, value: &Value) -> Result<(), &'static str> {
        self.tolerance = Some(
            read_tolerance(value)
                .ok_or("`tolerance` must be a decimal string from 0 up, such as \"0.01\"")?,
        );
        Ok(())
    }

    fn check_reference(&self, reference: &Value) -> Result<(), GradingError> {
        number(reference).map(drop)
    }

    fn right_answer(&self, reference: &Value) -> Option<AnswerContent> {
        Some(answer_is(&number(reference).ok()?.value))
    }

    fn wrong_answer(
        &self,
        task: &SampleTask<'_>,
        _peers: &Peers<'_>,
        pick: u64,
    ) -> Option<AnswerContent> {
        let right = number(task.target.reference?).ok()?.value;
        Some(answer_is(&other_number(&right, &self.tolerance().unwrap_or_default(), pick)))
    }

    fn score(&self, target: &Target<'_>, answer: &AnswerContent) -> Result<Score, GradingError> {
        let expected = number(target.reference()?)?;
        let tolerance = self.tolerance()?;
        let shown = &expected.value;
        Ok(match find_number(&answer.text) {
            FoundNumber::None => {
                Score::wrong(&format!("no number in {}, expected {shown}", quoted(&answer.text)))
            }
            FoundNumber::Several(a, b) => {
                Score::wrong(&format!("ambiguous: both {a} and {b}, expected {shown}"))
            }
            FoundNumber::One(found) => Score::from_match(
                is_same(&found, &expected, &tolerance),
                &format!("got {}, expected {shown}", found.value),
            ),
        })
    }
}

impl Number {
    fn tolerance(&self) -> Result<Rational, GradingError> {
        match &self.tolerance {
            None => Ok(Rational::default()),
            Some(text) => Rational::parse(text).ok_or(GradingError::Tolerance),
        }
    }
}

/// The number of a reference, found as in an answer, so that a worked answer serves as it is.
fn number(reference: &Value) -> Result<StatedNumber, GradingError> {
    reference::text(reference)
        .and_then(|text| reference_number(&text))
        .ok_or_else(|| GradingError::Reference("it holds no number".to_owned()))
}

/// A tolerance as text. Numbers are taken too, by the digits they are written with.
fn read_tolerance(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Rational::parse(&text).filter(|tolerance| !tolerance.is_negative()).map(|_| text)
}

fn answer_is(number: &Rational) -> AnswerContent {
    text_answer(format!("The answer is {number}."))
}

/// Another number: off by one, by ten, doubled, or with the sign lost; beyond the tolerance.
fn other_number(right: &Rational, tolerance: &Rational, pick: u64) -> Rational {
    let unit = right.unit();
    let off_by = |units: i32| right.plus(&unit.clone().times(units));
    let slips = [
        off_by(1),
        off_by(-1),
        right.clone().times(2),
        off_by(10),
        off_by(-10),
        right.clone().negated(),
    ];
    let mut from_pick = slips.iter().cycle().skip(index(pick, slips.len())).take(slips.len());
    from_pick
        .find(|slip| !slip.is_within(right, tolerance))
        .cloned()
        .unwrap_or_else(|| right.plus(&tolerance.clone().times(2)).plus(&unit))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "a call with json!(…) reads better")]
    fn check(reference: Value, answer: &str, tolerance: Option<&str>, is_right: bool) {
        let grader = Number { tolerance: tolerance.map(str::to_owned) };
        let target = Target { reference: Some(&reference), schema: None };
        let score = grader.score(&target, &text_answer(answer)).expect("a usable reference");
        assert_eq!(score.is_right(), is_right, "{answer:?}: {score:?}");
    }

    #[test]
    fn the_number_that_is_settled_on_counts() {
        check(json!(42), "The answer is 42.", None, true);
        check(json!(42), "6 × 7 = **42**", None, true);
        check(json!(42), "42 is 6 × 7", None, false);
        check(json!("#### 1,080"), "She earns $1080", None, true);
        check(json!("1080"), "1,080.00 dollars", None, true);
        check(json!(42), "forty-two", None, true);
        check(json!(42), "many", None, false);
        check(json!(0.75), "so it is 3/4", None, true);
        check(json!("50%"), "50", None, true);
        check(json!(-5), "x = \u{2212}5", None, true);
        check(json!(5), "x = -5", None, false);
        check(json!(42), "\\boxed{42}, found in 3 steps", None, true);
        check(json!(42), "It is 42, though some say 43", None, true);
        check(json!(42), "1. Add.\n2. Multiply: 42\n3. Done.", None, true);
        check(json!(3), "1. One\n3. Three", None, true);
        check(json!(42), "It is 42.\n\nLet me know if you need 1 more example!", None, true);
        check(json!("100.05"), "100 dollars and 5 cents", None, true);
        check(json!("29.99"), "29€99", None, true);
        check(json!(7), "Die Antwort ist sieben.", None, true);
    }

    #[test]
    fn equality_is_exact_and_tolerance_is_absolute() {
        check(json!("0.3"), "0.30000000000000001", None, false);
        check(json!("100000000000000000001"), "100000000000000000000", None, false);
        check(json!("3.14"), "3.14159", Some("0.01"), true);
        check(json!("3.14"), "3.15", Some("0.01"), true);
        check(json!("3.14"), "3.1500001", Some("0.01"), false);
        check(json!("1/3"), "0.333", Some("0.001"), true);
    }
}
