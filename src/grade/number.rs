//! The `number` grader: the number that the answer ends in against the one of the reference.

use serde_json::Value;

use super::{Verdict, quoted};
use crate::suite::decimal::Decimal;
use crate::suite::{number, reference};

/// Judges by exact decimals; `tolerance` is the largest absolute difference that passes.
pub(super) fn verdict(reference: &Value, answer: &str, tolerance: Option<&str>) -> Verdict {
    let Some(expected) = reference::number(reference) else {
        return Verdict::Unscored("unusable reference: it holds no number".to_owned());
    };
    let tolerance = match tolerance.map(Decimal::parse) {
        None => Decimal::zero(),
        Some(Some(tolerance)) => tolerance,
        Some(None) => return Verdict::Unscored("unusable tolerance: not a decimal".to_owned()),
    };
    match number::last_number(answer) {
        None => Verdict::Wrong(format!("no number in {}, expected {expected}", quoted(answer))),
        Some(said) => Verdict::of(
            said.within(&expected, &tolerance),
            format!("got {said}, expected {expected}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(reference: Value, answer: &str, tolerance: Option<&str>, expected: bool) {
        let verdict = verdict(&reference, answer, tolerance);
        assert_eq!(matches!(verdict, Verdict::Right(_)), expected, "{answer:?}: {verdict:?}");
    }

    #[test]
    fn the_last_number_counts() {
        check(json!(42), "The answer is 42.", None, true);
        check(json!(42), "6 × 7 = **42**", None, true);
        check(json!(42), "42 is 6 × 7", None, false);
        check(json!("#### 1,080"), "She earns $1080", None, true);
        check(json!("1080"), "1,080.00 dollars", None, true);
        check(json!(42), "forty-two", None, false);
        check(json!(0.75), "so it is 3/4", None, true);
        check(json!("50%"), "50", None, true);
        check(json!(-5), "x = \u{2212}5", None, true);
        check(json!(5), "x = -5", None, false);
        check(json!(42), "\\boxed{42}, found in 3 steps", None, true);
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
