//! Numbers in English words, for answers without a digit: "forty-two", "one hundred and five".

use super::rational::Rational;

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const TENS: [&str; 8] =
    ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

const LARGE: [(&str, i64); 3] =
    [("thousand", 1_000), ("million", 1_000_000), ("billion", 1_000_000_000)];

/// The most words of a number: "nine hundred and ninety-nine million …".
const MAX_WORDS: usize = 24;

/// A run of number words.
#[derive(Default)]
struct Run {
    total: i64,
    /// What the last "hundred" or smaller word came to.
    current: i64,
    n_words: usize,
    /// Whether the run is more than "one", which is also a pronoun.
    is_sure: bool,
    is_negative: bool,
}

/// The number that an answer gives in words: the only one, for two of them may be anything. `None`
/// where the text has a digit, or no number, or several.
pub(super) fn number_in_words(text: &str) -> Option<Rational> {
    if text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let mut found: Vec<Run> = Vec::new();
    let mut run = Run::default();
    let mut previous = "";
    for word in words.iter().chain(std::iter::once(&"")) {
        let joins = *word == "and" && run.n_words > 0 && previous == "hundred";
        if run.n_words == 0 {
            run.is_negative = matches!(previous, "minus" | "negative");
        }
        if !joins && !run.take(word) && run.n_words > 0 {
            found.push(std::mem::take(&mut run));
        }
        previous = word;
    }
    let alone = words.len() == 1;
    let mut sure = found.into_iter().filter(|run| run.is_sure || alone);
    let (Some(only), None) = (sure.next(), sure.next()) else { return None };
    let value = only.total + only.current;
    let digits = Rational::from_digits(&value.to_string(), "", 0)?;
    Some(if only.is_negative { digits.negated() } else { digits })
}

impl Run {
    /// Takes a word into the number; false where it is no number word.
    fn take(&mut self, word: &str) -> bool {
        if self.n_words >= MAX_WORDS {
            return false;
        }
        let position = |words: &[&str]| words.iter().position(|w| *w == word);
        if let Some(value) = position(&SMALL) {
            self.current += i64::try_from(value).unwrap_or(0);
            self.is_sure |= value != 1 || self.n_words > 0;
        } else if let Some(tens) = position(&TENS) {
            self.current += 20 + 10 * i64::try_from(tens).unwrap_or(0);
            self.is_sure = true;
        } else if word == "hundred" && self.n_words > 0 {
            self.current *= 100;
            self.is_sure = true;
        } else if let Some((_, factor)) =
            LARGE.iter().find(|(large, _)| *large == word && self.n_words > 0)
        {
            self.total = self.total.saturating_add(self.current.saturating_mul(*factor));
            self.current = 0;
            self.is_sure = true;
        } else {
            return false;
        }
        self.n_words += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_numbers() {
        let check = |text: &str, expected: &str| {
            let found = number_in_words(text).map(|n| n.to_string());
            assert_eq!(found.as_deref().unwrap_or("none"), expected, "{text}");
        };
        check("Seven.", "7");
        check("forty-two", "42");
        check("The answer is one hundred and five.", "105");
        check("two thousand three hundred forty", "2340");
        check("minus four degrees", "-4");
        check("One", "1");
        check("No one knows", "none");
        check("two or three", "none");
        check("seven of 9", "none");
        check("none", "none");
    }
}
