//! The number that a text states: the last one, or the last in a `\boxed{…}`.

use super::number_scan::{CURRENCY, Scanner};
use super::rational::Rational;

/// The number that a text ends in: the last one it holds, or the last one in its last `\boxed{…}`,
/// since a box marks the final answer.
pub(super) fn last_number(text: &str) -> Option<Rational> {
    let last = |text: &str| {
        let chars: Vec<char> = text.chars().collect();
        Scanner::new(&chars).last().map(|found| found.number)
    };
    boxed(text).and_then(last).or_else(|| last(text))
}

/// Whether a text is a number and nothing else but currency, percent and emphasis marks.
pub(super) fn is_numeric(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Scanner::new(&chars);
    let (Some(only), None) = (found.next(), found.next()) else {
        return false;
    };
    let decoration = |c: &char| c.is_whitespace() || CURRENCY.contains(c) || "%.*_`+".contains(*c);
    chars[..only.start].iter().all(decoration) && chars[only.end..].iter().all(decoration)
}

/// Whether a text ends in `#### N`, as the worked answers of GSM8K do.
pub(super) fn ends_in_marked_number(text: &str) -> bool {
    text.rfind("####").is_some_and(|at| is_numeric(&text[at + 4..]))
}

/// The content of the last `\boxed{…}`.
fn boxed(text: &str) -> Option<&str> {
    const OPEN: &str = "\\boxed{";
    let inner = &text[text.rfind(OPEN)? + OPEN.len()..];
    let mut depth = 1;
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&inner[..at]);
        }
    }
    Some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = last_number(text).map(|n| n.to_string());
        assert_eq!(found.as_deref().unwrap_or("none"), expected, "{text:?}");
    }

    #[test]
    fn every_way_to_write_a_number() {
        check("42", "42");
        check("The answer is 42.", "42");
        check("1,234,567", "1234567");
        check("1 234 567 people", "1234567");
        check("1\u{a0}234\u{202f}567", "567");
        check("1_234", "1234");
        check("1'234'567", "1234567");
        check("$1{,}234$", "1234");
        check("in 2024 100 came", "100");
        check("1,2345", "2345");
        check("0,123", "123");
        check("$18", "18");
        check("€ 7.50", "7.5");
        check("£1,000.25", "1000.25");
        check("50%", "50");
        check("is 3.0.", "3");
        check(".5", "0.5");
        check("-5", "-5");
        check("x = \u{2212}5", "-5");
        check("-$5", "-5");
        check("$-5", "-5");
        check("-\\$5", "-5");
        check("10-20", "20");
        check("10\u{2013}20", "20");
        check("page-5", "5");
        check("- 5 apples", "5");
        check("(-5)", "-5");
        check("none at all", "none");
        check("", "none");
    }

    #[test]
    fn scientific_and_powers() {
        check("1e3", "1000");
        check("2.5E-3 m", "0.0025");
        check("6.02 × 10^23", "602000000000000000000000");
        check("6.02 \\times 10^{-3}", "0.00602");
        check("3*10**4", "30000");
        check("4·10⁵", "400000");
        check("4·10⁻²", "0.04");
        check("10^6", "1000000");
        check("2eggs", "2");
        check("1e9999", "none");
    }

    #[test]
    fn fractions() {
        check("so 3/4", "3/4");
        check("\\frac{3}{4}", "3/4");
        check("-\\frac{3}{4}", "-3/4");
        check("\\dfrac{-3}{4}", "-3/4");
        check("1 1/2 cups", "3/2");
        check("on 1/2/2024", "2024");
        check("5/0", "0");
        let three_quarters = last_number("3/4").unwrap();
        let zero = Rational::default();
        assert!(three_quarters.is_within(&last_number("0.75").unwrap(), &zero));
        let third = last_number("1/3").unwrap();
        let rounded = last_number("0.333").unwrap();
        assert!(!third.is_within(&rounded, &zero));
        assert!(third.is_within(&rounded, &Rational::parse("0.001").unwrap()));
    }

    #[test]
    fn marks_and_words_around() {
        check("**42**", "42");
        check("_42_", "42");
        check("\\boxed{42} in 3 steps", "42");
        check("\\boxed{\\text{\\$}1,200} in 3 steps", "1200");
        check("\\boxed{yes}, so 7", "7");
        check("24 cm^2", "24");
        check("24 cm2", "24");
        check("24 H2O", "24");
        check("9 of x_1", "9");
        check("答案是42", "42");
        check("<<16-3-4=9>>9", "9");
        check("a.\n#### 1,080", "1080");
    }

    #[test]
    fn phrasings_that_models_use() {
        check("**Final answer: $1,234.56**", "1234.56");
        check("Answer: 42 (forty-two).", "42");
        check("≈ 3.14", "3.14");
        check("Answer = 5 m/s²", "5");
        check("5,000-6,000 of them", "6000");
        check("\\[ x = \\boxed{-12} \\]", "-12");
        check("$\\boxed{\\dfrac{7}{2}}$", "7/2");
        check("She needs 18 eggs, i.e. $18.", "18");
        check("x=−3", "-3");
        check("The total is 1,000,000 .", "1000000");
        check("1. First\n2. Then 7\n", "7");
        check("it took 5–7 days", "7");
    }

    #[test]
    fn numeric_texts() {
        for text in ["42", " -3.5 ", "$1,200.00", "12%", "**7**", "3/4", "5.", "\u{2212}2"] {
            assert!(is_numeric(text), "{text}");
        }
        for text in ["42 eggs", "", "B", "1 or 2", "H2O", "12:30"] {
            assert!(!is_numeric(text), "{text}");
        }
        assert!(ends_in_marked_number("She has 3.\n#### 1,234"));
        assert!(!ends_in_marked_number("#### none"));
        assert!(!ends_in_marked_number("She has 3."));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = last_number(&text);
            let _ = is_numeric(&text);
        }

        #[test]
        fn nor_does_any_text_of_number_parts(
            text in "[0-9 ,._^{}/$e×*x⁵⁻+\\-\u{2212}\\\\a-c%]{0,60}|(\\\\frac\\{[0-9]{0,3}\\}\\{[0-9]{0,3}\\})+",
        ) {
            let _ = last_number(&text);
            let _ = ends_in_marked_number(&text);
        }

        #[test]
        fn an_integer_is_found_in_a_sentence(n in proptest::num::i64::ANY) {
            check(&format!("So the total is {n}."), &n.to_string());
        }
    }
}
