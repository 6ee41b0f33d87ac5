//! Finding the numbers of a normalised text: signs, currencies, groups of digits, powers of ten,
//! fractions, percent, and words such as "million".

use super::number_digits::{Convention, Grouping, read_grouping};
use super::number_units::{is_currency, is_currency_code, read_multiplier, read_percent};
use super::rational::Rational;

/// Signs that make a number negative: the hyphen, and dashes in its place.
const MINUS: [char; 3] = ['-', '–', '—'];

/// Words that do.
const MINUS_WORDS: [&str; 4] = ["minus ", "negative ", "moins ", "menos "];

/// The raised and the lowered digits, each at its value.
const SUPERSCRIPTS: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const SUBSCRIPTS: &str = "₀₁₂₃₄₅₆₇₈₉";

/// Fractions that are one character.
const VULGAR: [(char, i64, i64); 18] = [
    ('½', 1, 2),
    ('⅓', 1, 3),
    ('⅔', 2, 3),
    ('¼', 1, 4),
    ('¾', 3, 4),
    ('⅕', 1, 5),
    ('⅖', 2, 5),
    ('⅗', 3, 5),
    ('⅘', 4, 5),
    ('⅙', 1, 6),
    ('⅚', 5, 6),
    ('⅐', 1, 7),
    ('⅛', 1, 8),
    ('⅜', 3, 8),
    ('⅝', 5, 8),
    ('⅞', 7, 8),
    ('⅑', 1, 9),
    ('⅒', 1, 10),
];

/// A number and its place in characters, sign and currency mark included.
#[derive(Clone, Debug)]
pub(super) struct NumberMatch {
    pub number: Rational,
    /// The other reading of `1,234` and `1.234`, where the mark may stand for a decimal point or
    /// between groups.
    pub other: Option<Rational>,
    /// How the number shows which mark its writer uses for decimals.
    pub convention: Option<Convention>,
    pub is_percent: bool,
    pub start: usize,
    pub end: usize,
}

/// An unsigned decimal and its end.
struct Unsigned {
    value: Rational,
    other: Option<Rational>,
    convention: Option<Convention>,
    end: usize,
    /// Digits and group separators only.
    is_whole: bool,
}

impl Unsigned {
    const fn plain(value: Rational, end: usize) -> Self {
        Self { value, other: None, convention: None, end, is_whole: false }
    }
}

/// The numbers of a text, in order.
pub(super) struct Scanner<'a> {
    chars: &'a [char],
    at: usize,
}

impl Iterator for Scanner<'_> {
    type Item = NumberMatch;

    fn next(&mut self) -> Option<NumberMatch> {
        while self.at < self.chars.len() {
            let start = self.at;
            if let Some(fraction) = self.small_fraction(start) {
                self.at = fraction.end;
                return Some(self.finish(fraction, start));
            }
            if !self.starts_number(start) {
                self.at += 1;
                continue;
            }
            let Some(unsigned) = self.unsigned(start) else {
                self.at = self.digits(start).max(start + 1);
                continue;
            };
            self.at = unsigned.end;
            if self.is_glued(start) {
                continue;
            }
            let unsigned = self.with_fraction(start, unsigned);
            self.at = unsigned.end;
            return Some(self.finish(unsigned, start));
        }
        None
    }
}

impl<'a> Scanner<'a> {
    pub const fn new(chars: &'a [char]) -> Self {
        Self { chars, at: 0 }
    }

    fn get(&self, at: usize) -> Option<char> {
        self.chars.get(at).copied()
    }

    fn before(&self, at: usize) -> Option<char> {
        at.checked_sub(1).and_then(|at| self.get(at))
    }

    fn is_digit(&self, at: usize) -> bool {
        self.get(at).is_some_and(|c| c.is_ascii_digit())
    }

    fn is_text(&self, at: usize, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.get(at + i) == Some(c))
    }

    /// The end of the digits that start here.
    fn digits(&self, mut at: usize) -> usize {
        while self.is_digit(at) {
            at += 1;
        }
        at
    }

    fn skip_spaces(&self, mut at: usize) -> usize {
        while self.get(at) == Some(' ') {
            at += 1;
        }
        at
    }

    fn starts_number(&self, at: usize) -> bool {
        let is_point = self.get(at) == Some('.') && self.is_digit(at + 1);
        let continues = self.before(at).is_some_and(|c| c.is_alphanumeric() || c == '.');
        self.is_digit(at) || (is_point && !continues)
    }

    /// Whether the digits belong to a word or an exponent: `H2O`, `x_1`, `cm^2`, `10^{-3}`. A LaTeX
    /// command and a currency's code are no part of the number behind them.
    fn is_glued(&self, start: usize) -> bool {
        let mut at = start;
        match self.before(at) {
            Some(c) if c.is_ascii_alphabetic() => return !self.is_behind_code(at),
            Some('_') if at >= 2 && self.chars[at - 2].is_alphanumeric() => return true,
            Some(c) if MINUS.contains(&c) => at -= 1,
            _ => {}
        }
        if self.before(at) == Some('{') {
            at -= 1;
        }
        matches!(self.before(at), Some('^'))
    }

    /// Whether the letters before a place are a currency's code or a LaTeX command.
    fn is_behind_code(&self, at: usize) -> bool {
        let letters = self.chars[..at].iter().rev().take(12);
        let n = letters.take_while(|c| c.is_ascii_alphabetic()).count();
        let word: String = self.chars[at - n..at].iter().collect();
        self.before(at - n) == Some('\\') || is_currency_code(&word)
    }

    /// An unsigned number; `None` beyond the limits of [`Rational`], or for what is none, such as a
    /// version or a date with points.
    fn unsigned(&self, start: usize) -> Option<Unsigned> {
        let Grouping { whole, fraction, end, other, convention } =
            read_grouping(self.chars, start)?;
        let is_whole = fraction.is_empty() && other.is_none();
        let value = |power| Rational::from_digits(&whole, &fraction, power);
        if let Some((power, end)) = self.e_notation(end).or_else(|| self.times_power(end)) {
            return Some(Unsigned::plain(value(power)?, end));
        }
        if is_whole && let Some((power, end)) = self.power(end, whole == "10") {
            let raised = if whole == "10" {
                Rational::from_digits("1", "", power)
            } else {
                value(0)?.power(power)
            };
            return raised.map(|raised| Unsigned::plain(raised, end));
        }
        let other = match other {
            Some((whole, fraction)) => Rational::from_digits(&whole, &fraction, 0),
            None => None,
        };
        Some(Unsigned { value: value(0)?, other, convention, end, is_whole })
    }

    /// `e-3`, not followed by more of a word.
    fn e_notation(&self, at: usize) -> Option<(i32, usize)> {
        if !matches!(self.get(at), Some('e' | 'E')) {
            return None;
        }
        let (power, end) = self.integer(at + 1)?;
        let ends = !self.get(end).is_some_and(char::is_alphanumeric);
        ends.then_some((power, end))
    }

    /// ` × 10^5`, `*10**5`, `×10^{-3}`, `·10⁵`.
    fn times_power(&self, at: usize) -> Option<(i32, usize)> {
        let at = self.skip_spaces(at);
        if !matches!(self.get(at), Some('×' | '·' | '⋅' | '*' | 'x' | 'X')) {
            return None;
        }
        let at = self.skip_spaces(at + 1);
        if self.digits(at) != at + 2 || !self.is_text(at, "10") {
            return None;
        }
        self.power(at + 2, true)
    }

    /// `^5`, `^{-5}`, `**5`, and `⁵` where `raised`: behind any other number it may be a footnote.
    fn power(&self, at: usize, raised: bool) -> Option<(i32, usize)> {
        if self.is_text(at, "^{") {
            let (power, end) = self.integer(at + 2)?;
            return (self.get(end) == Some('}')).then_some((power, end + 1));
        }
        if self.is_text(at, "^(") {
            let (power, end) = self.integer(at + 2)?;
            return (self.get(end) == Some(')')).then_some((power, end + 1));
        }
        if self.is_text(at, "^") {
            return self.integer(at + 1);
        }
        if self.is_text(at, "**") {
            return self.integer(at + 2);
        }
        if !raised {
            return None;
        }
        let is_negative = self.get(at) == Some('⁻');
        let (power, end) = self.small_digits(at + usize::from(is_negative), SUPERSCRIPTS)?;
        Some((if is_negative { -power } else { power }, end))
    }

    /// The value of raised or lowered digits, and their end.
    fn small_digits(&self, at: usize, digits: &str) -> Option<(i32, usize)> {
        let value_of = |c| digits.chars().position(|digit| digit == c);
        let mut end = at;
        let mut value: i32 = 0;
        while let Some(digit) = self.get(end).and_then(value_of) {
            value = value.checked_mul(10)?.checked_add(i32::try_from(digit).ok()?)?;
            end += 1;
        }
        (end > at).then_some((value, end))
    }

    /// A signed integer of at most four digits.
    fn integer(&self, mut at: usize) -> Option<(i32, usize)> {
        let is_negative = self.get(at).is_some_and(|c| MINUS.contains(&c));
        if is_negative || self.get(at) == Some('+') {
            at += 1;
        }
        let end = self.digits(at);
        if end == at || end - at > 4 {
            return None;
        }
        let value: i32 = self.chars[at..end].iter().collect::<String>().parse().ok()?;
        Some((if is_negative { -value } else { value }, end))
    }

    /// `3/4`, `1 3/4`, `1½`, `1 \frac{3}{4}`; dates such as `1/2/2024` are no fractions.
    fn with_fraction(&self, start: usize, first: Unsigned) -> Unsigned {
        if !first.is_whole || self.before(start) == Some('/') {
            return first;
        }
        if let Some((denominator, end)) = self.denominator(first.end)
            && let Some(number) = first.value.clone().over(denominator)
        {
            return Unsigned::plain(number, end);
        }
        let second = self.skip_spaces(first.end);
        let fraction = self.small_fraction(second).or_else(|| {
            let top = self.is_digit(second).then(|| self.unsigned(second)).flatten()?;
            let (denominator, end) =
                self.denominator(top.end).filter(|_| top.is_whole && second == first.end + 1)?;
            Some(Unsigned::plain(top.value.over(denominator)?, end))
        });
        fraction
            .and_then(|f| Some(Unsigned::plain(Rational::mixed(&first.value, f.value)?, f.end)))
            .unwrap_or(first)
    }

    /// The denominator behind a slash, which may have spaces around it.
    fn denominator(&self, at: usize) -> Option<(Rational, usize)> {
        let spaced = usize::from(self.get(at) == Some(' '));
        let slash = at + spaced;
        let below_at = slash + 1 + spaced;
        if self.get(slash) != Some('/') || !self.is_digit(below_at) {
            return None;
        }
        let below = self.unsigned(below_at).filter(|below| below.is_whole)?;
        let is_date = self.get(below.end) == Some('/') && self.is_digit(below.end + 1);
        (!is_date).then_some((below.value, below.end))
    }

    /// `½`, `³⁄₄`, `\frac{3}{4}`, `\frac34`.
    fn small_fraction(&self, at: usize) -> Option<Unsigned> {
        let c = self.get(at)?;
        let small = |n: i64| Rational::from_digits(&n.to_string(), "", 0);
        if let Some((_, top, below)) = VULGAR.iter().find(|(vulgar, ..)| *vulgar == c) {
            return Some(Unsigned::plain(small(*top)?.over(small(*below)?)?, at + 1));
        }
        if let Some((top, slash)) = self.small_digits(at, SUPERSCRIPTS) {
            let (below, end) = self.small_digits(slash + 1, SUBSCRIPTS)?;
            let is_fraction = self.get(slash) == Some('/');
            let number = small(i64::from(top))?.over(small(i64::from(below))?)?;
            return is_fraction.then_some(Unsigned::plain(number, end));
        }
        if !self.is_text(at, "\\frac") {
            return None;
        }
        let (top, end) = self.argument(at + 5)?;
        let (below, end) = self.argument(end)?;
        Some(Unsigned::plain(top.over(below)?, end))
    }

    /// An argument of `\frac`: a number in braces, or one digit.
    fn argument(&self, at: usize) -> Option<(Rational, usize)> {
        let at = self.skip_spaces(at);
        if self.is_digit(at) {
            let digit = Rational::from_digits(&self.chars[at].to_string(), "", 0)?;
            return Some((digit, at + 1));
        }
        let inner = self.skip_spaces(at + usize::from(self.get(at) == Some('{')));
        let is_negative = self.get(inner).is_some_and(|c| MINUS.contains(&c));
        let digits = inner + usize::from(is_negative);
        if inner == at || !self.is_digit(digits) {
            return None;
        }
        let number = self.unsigned(digits)?;
        let end = self.skip_spaces(number.end);
        let value = if is_negative { number.value.negated() } else { number.value };
        (self.get(end) == Some('}')).then_some((value, end + 1))
    }

    /// Adds what stands around a number: its sign, its percent, its multiplier.
    fn finish(&mut self, number: Unsigned, start: usize) -> NumberMatch {
        let Unsigned { mut value, mut other, convention, mut end, .. } = number;
        let (start, is_negative, has_currency) = self.sign(start);
        while let Some((power, after)) = read_multiplier(self.chars, end, has_currency) {
            value = value.scaled(power);
            other = None;
            end = after;
        }
        if is_negative {
            value = value.negated();
            other = other.map(Rational::negated);
        }
        let percent_end = read_percent(self.chars, end);
        self.at = percent_end.unwrap_or(end);
        let end = self.at;
        NumberMatch {
            number: value,
            other,
            convention,
            is_percent: percent_end.is_some(),
            start,
            end,
        }
    }

    /// Where a number's sign or currency starts, whether the sign is a minus, and whether there is a
    /// currency. A dash behind a word or another number joins or subtracts.
    fn sign(&self, mut start: usize) -> (usize, bool, bool) {
        let mark = start - usize::from(self.before(start) == Some(' '));
        let has_currency = self.before(mark).is_some_and(is_currency);
        if has_currency {
            start = mark - 1;
        }
        let dash = self.before(start).is_some_and(|c| MINUS.contains(&c));
        if dash {
            let before = start.checked_sub(2).and_then(|at| self.get(at));
            let joins = before.is_some_and(|c| {
                c.is_alphanumeric() || MINUS.contains(&c) || matches!(c, ')' | ']' | '}' | '%')
            });
            return if joins {
                (start, false, has_currency)
            } else {
                (start - 1, true, has_currency)
            };
        }
        // "x = - 5": a dash with a space behind it is a sign only where an operand is due.
        let apart = start.checked_sub(2).filter(|_| self.before(start) == Some(' '));
        if let Some(at) = apart.filter(|at| self.get(*at).is_some_and(|c| MINUS.contains(&c))) {
            let before = self.chars[..at].iter().rev().find(|c| **c != ' ');
            if before.is_some_and(|c| matches!(c, '=' | '≈' | '(' | '{' | ':')) {
                return (at, true, has_currency);
            }
        }
        let words = MINUS_WORDS.iter().find(|word| self.ends_in_word(start, word));
        (start - words.map_or(0, |word| word.len()), words.is_some(), has_currency)
    }

    /// Whether a word (in lower case, in ASCII) ends here.
    fn ends_in_word(&self, end: usize, word: &str) -> bool {
        let Some(start) = end.checked_sub(word.len()) else { return false };
        let same = self.chars[start..end].iter().zip(word.chars());
        same.into_iter().all(|(a, b)| a.to_ascii_lowercase() == b)
            && !self.before(start).is_some_and(char::is_alphanumeric)
    }
}
