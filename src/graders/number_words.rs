//! Numbers in words, for answers without a digit: "forty-two", "zweiundvierzig", "quatre-vingts",
//! "三百五", "two and a half", "two dozen".

use std::collections::HashMap;
use std::sync::LazyLock;

use super::number_lexicon::{LANGUAGES, Language};
use super::rational::Rational;

/// The most words of a number: "nine hundred and ninety-nine million …".
const MAX_WORDS: usize = 24;

/// The longest word that is taken apart.
const MAX_GLUED_CHARS: usize = 64;

/// The value of a word, and whether it means nothing else.
type Words = HashMap<&'static str, (i64, bool)>;

static LEXICONS: LazyLock<Vec<(&'static Language, Words)>> = LazyLock::new(|| {
    let words = |language: &'static Language| {
        let entries = language.words.split_whitespace().filter_map(|entry| entry.split_once('='));
        let read = |(word, value): (&'static str, &'static str)| {
            let is_sure = !value.ends_with('?');
            let value = value.trim_end_matches('?').parse().expect("a constant number");
            (word, (value, is_sure))
        };
        (language, entries.map(read).collect())
    };
    LANGUAGES.iter().map(words).collect()
});

/// A number in words.
#[derive(Clone, Debug, Default)]
struct Run {
    total: i64,
    /// What the last hundred or smaller word came to.
    current: i64,
    /// The last word, for the ones that multiply.
    last: i64,
    n_words: usize,
    /// The length of its words.
    n_chars: usize,
    /// Whether a word means nothing but a number.
    is_sure: bool,
    is_negative: bool,
    /// Digits behind a word for the decimal mark.
    decimals: String,
    is_decimal: bool,
    /// A fraction that is added or multiplied: 1/2 of "and a half".
    fraction: Option<(i64, i64, bool)>,
}

/// The number that an answer gives in words: the only one, for two of them may be anything. `None`
/// where the text has a digit, or no number, or several. Of the languages that read one, that counts
/// which reads the most of the text.
pub(super) fn number_in_words(text: &str) -> Option<Rational> {
    if text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let mut best: Option<(usize, Option<Rational>)> = None;
    for (language, lexicon) in LEXICONS.iter() {
        let runs = runs_of(&words, language, lexicon);
        let n_chars: usize = runs.iter().map(|run| run.n_chars).sum();
        let value = match &runs[..] {
            [] => continue,
            [only] => only.value(),
            _ => None,
        };
        best = Some(match best {
            Some((n, known)) if n > n_chars => (n, known),
            Some((n, known)) if n == n_chars => {
                let is_same = known.as_ref().map(ToString::to_string)
                    == value.as_ref().map(ToString::to_string);
                (n, known.filter(|_| is_same))
            }
            _ => (n_chars, value),
        });
    }
    best.map_or_else(|| han_number(&lower), |(_, value)| value)
}

/// The numbers among the words that one language reads.
fn runs_of(words: &[&str], language: &Language, lexicon: &Words) -> Vec<Run> {
    let is_english = language.points == ["point"];
    let mut found: Vec<Run> = Vec::new();
    let mut run = Run::default();
    for (at, word) in words.iter().chain(std::iter::once(&"")).enumerate() {
        let previous = at.checked_sub(1).map_or("", |at| words[at]);
        if run.n_words == 0 {
            run.is_negative = language.minus.contains(&previous);
        }
        let next = words.get(at + 1).copied().unwrap_or_default();
        let goes_on = |next: &str| {
            lexicon.contains_key(next) || (is_english && matches!(next, "a" | "half" | "quarter"))
        };
        let joins = run.n_words > 0
            && language.joiners.contains(word)
            && goes_on(next)
            && run.may_join(is_english, next);
        let is_point = run.n_words > 0 && !run.is_decimal && language.points.contains(word);
        if is_point && lexicon.get(next).is_some_and(|(value, _)| *value < 10) {
            run.is_decimal = true;
            continue;
        }
        let is_read = joins
            || (is_english && run.take_fraction(word, previous, next))
            || run.take_word(word, language, lexicon);
        if !is_read && run.n_words > 0 {
            found.push(std::mem::take(&mut run));
            run.is_negative = language.minus.contains(&previous);
            run.take_word(word, language, lexicon);
        }
    }
    let is_alone = words.len() == 1;
    found.retain(|run| run.is_sure || run.n_words > 1 || is_alone);
    found
}

impl Run {
    /// Whether a number goes on behind "and": "two hundred and five", but not "five and six".
    fn may_join(&self, is_english: bool, next: &str) -> bool {
        !is_english || self.last >= 100 || matches!(next, "a" | "half" | "quarter")
    }

    /// Takes a word, which may be several words written together.
    fn take_word(&mut self, word: &str, language: &Language, lexicon: &Words) -> bool {
        if let Some((value, is_sure)) = lexicon.get(word) {
            return self.take(word, *value, *is_sure, language.has_score);
        }
        if !language.is_glued || word.chars().count() > MAX_GLUED_CHARS {
            return false;
        }
        let ends = ["입니다", "이다", "개", "명", "원", "번", "살", "년", "도"];
        let root = ends.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
        let Some(parts) = parts_of(root, language, lexicon) else { return false };
        if parts.is_empty() {
            return false;
        }
        let mut grown = self.clone();
        // A word of several number words means nothing else.
        let is_sure = parts.len() > 1 && root.chars().count() > 1;
        let is_read = parts.iter().all(|part| match lexicon.get(part) {
            Some((value, sure)) => grown.take(part, *value, *sure || is_sure, language.has_score),
            None => true,
        });
        if is_read {
            *self = grown;
        }
        is_read
    }

    fn take(&mut self, word: &str, value: i64, is_sure: bool, has_score: bool) -> bool {
        if self.n_words >= MAX_WORDS || self.fraction.is_some() {
            return false;
        }
        if self.is_decimal {
            if value >= 10 {
                return false;
            }
            self.decimals.push_str(&value.to_string());
        } else if has_score && value == 20 && self.current % 100 == 4 {
            self.current += 80 - 4;
        } else if value == 100 {
            self.current = self.current.max(1).saturating_mul(100);
        } else if value >= 1000 {
            let factor =
                if self.n_words == 0 { 1 } else { self.current.max(i64::from(self.total == 0)) };
            self.total = self.total.saturating_add(factor.saturating_mul(value));
            self.current = 0;
        } else if value == 10 && matches!(word, "십" | "puluh") && self.last > 0 && self.last < 10
        {
            self.current += self.last * 9;
        } else if self.last > 0 && self.last < 10 && value < 10 && self.n_words > 0 {
            // "one two three" are three numbers.
            return false;
        } else {
            self.current = self.current.saturating_add(value);
        }
        self.last = value;
        self.n_words += 1;
        self.n_chars += word.len();
        self.is_sure |= is_sure;
        true
    }

    /// The English words for parts and dozens: "half", "three quarters", "and a half", "two dozen".
    fn take_fraction(&mut self, word: &str, previous: &str, next: &str) -> bool {
        let below = match word {
            "half" | "halves" => 2,
            "third" | "thirds" => 3,
            "quarter" | "quarters" | "fourth" | "fourths" => 4,
            "fifth" | "fifths" => 5,
            "eighth" | "eighths" => 8,
            "tenth" | "tenths" => 10,
            "dozen" | "dozens" => {
                let times = if self.n_words == 0 { 1 } else { self.current };
                if let Some((top, below, _)) = self.fraction.take() {
                    self.current = 12 * top / below;
                } else {
                    self.current = times * 12;
                }
                (self.n_words, self.is_sure) = (self.n_words + 1, true);
                self.n_chars += word.len();
                return true;
            }
            // "and a half", "a million", "a quarter".
            "a" | "an" => {
                if next == "dozen" && self.fraction.is_some() {
                    return true;
                }
                let begins = matches!(next, "hundred" | "thousand" | "million" | "billion")
                    && self.n_words == 0;
                let goes_on = previous == "and" && self.n_words > 0;
                return begins || (goes_on && matches!(next, "half" | "quarter" | "third"));
            }
            _ => return false,
        };
        if self.fraction.is_some() {
            return false;
        }
        let is_added = matches!(previous, "a" | "and") && self.n_words > 0;
        let is_plural = word.ends_with('s');
        let is_part = self.n_words == 0 && (below == 2 || matches!(previous, "a" | "one"));
        // "twenty third" is a rank.
        if !is_added && !is_part && !is_plural && self.current != 1 {
            return false;
        }
        let top = if is_added || self.n_words == 0 { 1 } else { std::mem::take(&mut self.current) };
        self.fraction = Some((top, below, is_added));
        (self.n_words, self.is_sure) = (self.n_words + 1, true);
        self.n_chars += word.len();
        true
    }

    fn value(&self) -> Option<Rational> {
        let whole = self.total.checked_add(self.current)?;
        let digits = |n: i64| Rational::from_digits(&n.to_string(), "", 0);
        let value = match self.fraction {
            Some((top, below, is_added)) => {
                let part = digits(top)?.over(digits(below)?)?;
                if is_added || whole > 0 { Rational::mixed(&digits(whole)?, part)? } else { part }
            }
            None => Rational::from_digits(&whole.to_string(), &self.decimals, 0)?,
        };
        Some(if self.is_negative { value.negated() } else { value })
    }
}

/// A word as number words and joiners written together; the longest word first.
fn parts_of<'w>(word: &'w str, language: &Language, lexicon: &Words) -> Option<Vec<&'w str>> {
    if word.is_empty() {
        return Some(Vec::new());
    }
    let ends = word.char_indices().map(|(at, c)| at + c.len_utf8()).collect::<Vec<_>>();
    ends.into_iter().rev().find_map(|end| {
        let (part, rest) = word.split_at(end);
        let is_joiner = !rest.is_empty() && language.joiners.contains(&part);
        if !lexicon.contains_key(part) && !is_joiner {
            return None;
        }
        let mut parts = vec![part];
        parts.extend(parts_of(rest, language, lexicon)?);
        Some(parts)
    })
}

/// The number in the characters of Chinese and Japanese: the only one of the text. One that stands for
/// 1 counts only alone.
fn han_number(text: &str) -> Option<Rational> {
    const DIGITS: &str = "〇一二三四五六七八九";
    let digit = |c: char| match c {
        '零' => Some(0),
        '两' | '兩' => Some(2),
        _ => DIGITS.chars().position(|digit| digit == c),
    };
    let power = |c: char| match c {
        '十' => Some(10_i64),
        '百' => Some(100),
        '千' => Some(1000),
        '万' | '萬' => Some(10_000),
        '亿' | '億' => Some(100_000_000),
        _ => None,
    };
    let is_numeral = |c: char| digit(c).is_some() || power(c).is_some();
    let runs: Vec<&str> =
        text.split(|c: char| !is_numeral(c)).filter(|run| !run.is_empty()).collect();
    let n_letters = text.chars().filter(|c| c.is_alphanumeric()).count();
    let sure: Vec<&str> = runs.into_iter().filter(|run| *run != "一" || n_letters <= 3).collect();
    let [only] = sure[..] else { return None };
    if only.chars().all(|c| digit(c).is_some()) {
        let digits: String = only.chars().filter_map(digit).map(|d| d.to_string()).collect();
        return Rational::from_digits(&digits, "", 0);
    }
    let (mut total, mut section, mut last, mut unit) = (0_i64, 0_i64, 0_i64, 1_i64);
    for c in only.chars() {
        if let Some(digit) = digit(c) {
            last = i64::try_from(digit).ok()?;
            if last == 0 {
                unit = 1;
            }
        } else if let Some(power) = power(c) {
            if power >= 10_000 {
                let times = (section + last).max(i64::from(total == 0));
                total = if power > 10_000 {
                    (total + times).checked_mul(power)?
                } else {
                    total.checked_add(times.checked_mul(power)?)?
                };
                section = 0;
            } else {
                section += last.max(1) * power;
            }
            (last, unit) = (0, power);
        }
    }
    // "三百五" is 350.
    let tail = if unit > 10 { last * unit / 10 } else { last };
    Rational::from_digits(&(total + section + tail).to_string(), "", 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = number_in_words(text).map(|n| n.to_string());
        assert_eq!(found.as_deref().unwrap_or("none"), expected, "{text}");
    }

    #[test]
    fn words_are_numbers() {
        check("Seven.", "7");
        check("forty-two", "42");
        check("The answer is one hundred and five.", "105");
        check("two thousand three hundred forty", "2340");
        check("fifteen hundred", "1500");
        check("three million two hundred thousand", "3200000");
        check("minus four degrees", "-4");
        check("One", "1");
        check("a million", "1000000");
        check("No one knows", "none");
        check("two or three", "none");
        check("five and six", "none");
        check("one two three", "none");
        check("seven of 9", "none");
        check("none", "none");
        check("I am not sure about that.", "none");
    }

    #[test]
    fn parts_and_dozens() {
        check("half", "1/2");
        check("one half", "1/2");
        check("three quarters", "3/4");
        check("a quarter of it", "1/4");
        check("two and a half", "5/2");
        check("two point five", "2.5");
        check("two dozen", "24");
        check("half a dozen", "6");
        check("the third of them", "none");
    }

    #[test]
    fn words_of_other_languages() {
        check("Die Antwort ist zweiundvierzig.", "42");
        check("neunzehnhundertneunundneunzig", "1999");
        check("zweitausendfünfhundert", "2500");
        check("zwei Komma fünf", "2.5");
        check("ich bin nicht sicher", "none");
        check("quarante-deux", "42");
        check("quatre-vingt-dix-sept", "97");
        check("quatre-vingts", "80");
        check("vingt-quatre", "24");
        check("deux cent trois euros", "203");
        check("soixante et onze", "71");
        check("La respuesta es cuarenta y dos.", "42");
        check("veintidós", "22");
        check("dieciséis", "16");
        check("quinientos", "500");
        check("dos mil trescientos", "2300");
        check("quarantadue", "42");
        check("novantotto", "98");
        check("quarenta e dois", "42");
        check("tweeënveertig", "42");
        check("fyrtiotvå", "42");
        check("czterdzieści dwa", "42");
        check("сорок два", "42");
        check("две тысячи пятьсот", "2500");
        check("kırk iki", "42");
        check("dua puluh", "20");
        check("사십이입니다", "42");
        check("마흔둘", "42");
    }

    #[test]
    fn characters_are_numbers() {
        check("四十二", "42");
        check("答えは三百五十です。", "350");
        check("三百五", "350");
        check("三百零五", "305");
        check("一万", "10000");
        check("二〇二四", "2024");
        check("一", "1");
        check("这是一个问题", "none");
        check("三亿五千万", "350000000");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|((hundred|million|half|dozen|zwei|und|tausend|quatre|vingt|십|만|亿|三|a|and|point) ?){0,24}") {
            let _ = number_in_words(&text);
        }
    }
}
