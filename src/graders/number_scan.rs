//! Finding the numbers of a text: signs, currencies, groups of digits, powers of ten, fractions.

use super::rational::Rational;

/// Marks before a number.
pub(super) const CURRENCY: [char; 4] = ['$', '€', '£', '¥'];

/// Hyphen-minus, U+2212 minus, en dash, small and full-width hyphen.
const MINUS: [char; 5] = ['-', '\u{2212}', '\u{2013}', '\u{fe63}', '\u{ff0d}'];

/// Separators between groups of three digits: `1,234` · `1 234` (also no-break and thin spaces)
/// · `1_234` · `1'234` · LaTeX `1{,}234` and `1\,234`.
const SEPARATORS: [&str; 10] =
    [",", " ", "_", "\u{a0}", "\u{202f}", "\u{2009}", "'", "\u{2019}", "{,}", "\\,"];

/// The raised digits, each at its value.
const SUPERSCRIPTS: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/// A number and its place in characters, sign and currency mark included.
pub(super) struct NumberMatch {
    pub number: Rational,
    pub start: usize,
    pub end: usize,
}

/// An unsigned decimal and its end.
struct UnsignedNumber {
    value: Rational,
    end: usize,
    /// Digits and group separators only.
    whole: bool,
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
            if let Some((number, end)) = self.latex_fraction(start) {
                self.at = end;
                return Some(self.signed(number, start, end));
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
            let (number, end) = self.with_fraction(start, unsigned);
            self.at = end;
            return Some(self.signed(number, start, end));
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
        let point = self.get(at) == Some('.') && self.is_digit(at + 1);
        let continues = self.before(at).is_some_and(|c| c.is_ascii_digit());
        self.is_digit(at) || (point && !continues)
    }

    /// Whether the digits belong to a word or an exponent: `H2O`, `x_1`, `cm^2`, `10^{-3}`.
    fn is_glued(&self, start: usize) -> bool {
        let mut at = start;
        match self.before(at) {
            Some(c) if c.is_ascii_alphabetic() => return true,
            Some('_') if at >= 2 && self.chars[at - 2].is_alphanumeric() => return true,
            Some(c) if MINUS.contains(&c) => at -= 1,
            _ => {}
        }
        if self.before(at) == Some('{') {
            at -= 1;
        }
        matches!(self.before(at), Some('^'))
    }

    /// An unsigned number; `None` beyond the limits of [`Rational`].
    fn unsigned(&self, start: usize) -> Option<UnsignedNumber> {
        let mut whole: String = String::new();
        let mut end = self.digits(start);
        whole.extend(&self.chars[start..end]);
        if (1..=3).contains(&whole.len()) && !whole.starts_with('0') {
            end = self.groups(end, &mut whole);
        }
        let mut fraction = String::new();
        let mut is_whole = true;
        if self.get(end) == Some('.') && self.is_digit(end + 1) {
            let fraction_end = self.digits(end + 1);
            fraction.extend(&self.chars[end + 1..fraction_end]);
            end = fraction_end;
            is_whole = false;
        }
        let mut power = 0;
        let exponent = if whole == "10" && is_whole { self.power(end) } else { None };
        if let Some((exponent, exponent_end)) = exponent {
            // `10^6` alone is a power of ten.
            power = exponent - 1;
            end = exponent_end;
            is_whole = false;
        } else if let Some((exponent, exponent_end)) =
            self.e_notation(end).or_else(|| self.times_power(end))
        {
            power = exponent;
            end = exponent_end;
            is_whole = false;
        }
        let value = Rational::from_digits(&whole, &fraction, power)?;
        Some(UnsignedNumber { value, end, whole: is_whole })
    }

    /// Takes further groups of three digits, all behind one kind of separator.
    fn groups(&self, mut end: usize, whole: &mut String) -> usize {
        let Some(separator) = SEPARATORS.iter().find(|s| self.group_at(end, s).is_some()) else {
            return end;
        };
        while let Some(group) = self.group_at(end, separator) {
            whole.extend(&self.chars[group..group + 3]);
            end = group + 3;
        }
        end
    }

    /// Where the three digits behind this separator start.
    fn group_at(&self, at: usize, separator: &str) -> Option<usize> {
        let group = at + separator.chars().count();
        (self.is_text(at, separator) && self.digits(group) == group + 3).then_some(group)
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

    /// ` × 10^5`, `*10**5`, `\times 10^{-3}`, `·10⁵`.
    fn times_power(&self, at: usize) -> Option<(i32, usize)> {
        let at = self.skip_spaces(at);
        let sign =
            ["×", "·", "*", "x", "\\times", "\\cdot"].into_iter().find(|s| self.is_text(at, s))?;
        let at = self.skip_spaces(at + sign.chars().count());
        if self.digits(at) != at + 2 || !self.is_text(at, "10") {
            return None;
        }
        self.power(at + 2)
    }

    /// `^5`, `^{-5}`, `**5`, `⁵`.
    fn power(&self, at: usize) -> Option<(i32, usize)> {
        if self.is_text(at, "^{") {
            let (power, end) = self.integer(at + 2)?;
            return (self.get(end) == Some('}')).then_some((power, end + 1));
        }
        if self.is_text(at, "^") {
            return self.integer(at + 1);
        }
        if self.is_text(at, "**") {
            return self.integer(at + 2);
        }
        let negative = self.get(at) == Some('⁻');
        let mut end = at + usize::from(negative);
        let mut power: i32 = 0;
        let first = end;
        while let Some(digit) =
            self.get(end).and_then(|c| SUPERSCRIPTS.chars().position(|s| s == c))
        {
            power = power.checked_mul(10)?.checked_add(i32::try_from(digit).ok()?)?;
            end += 1;
        }
        (end > first).then_some((if negative { -power } else { power }, end))
    }

    /// A signed integer of at most four digits.
    fn integer(&self, mut at: usize) -> Option<(i32, usize)> {
        let negative = self.get(at).is_some_and(|c| MINUS.contains(&c));
        if negative || self.get(at) == Some('+') {
            at += 1;
        }
        let end = self.digits(at);
        if end == at || end - at > 4 {
            return None;
        }
        let value: i32 = self.chars[at..end].iter().collect::<String>().parse().ok()?;
        Some((if negative { -value } else { value }, end))
    }

    /// `3/4`, and `1 3/4`; dates such as `1/2/2024` are no fractions.
    fn with_fraction(&self, start: usize, first: UnsignedNumber) -> (Rational, usize) {
        if !first.whole || self.before(start) == Some('/') {
            return (first.value, first.end);
        }
        if let Some((denominator, end)) = self.denominator(first.end)
            && let Some(number) = first.value.clone().over(denominator)
        {
            return (number, end);
        }
        let mixed = first.end + 1;
        if self.get(first.end) == Some(' ')
            && self.is_digit(mixed)
            && let Some(top) = self.unsigned(mixed).filter(|top| top.whole)
            && let Some((denominator, end)) = self.denominator(top.end)
            && let Some(fraction) = top.value.over(denominator)
            && let Some(number) = Rational::mixed(&first.value, fraction)
        {
            return (number, end);
        }
        (first.value, first.end)
    }

    /// The denominator behind a slash.
    fn denominator(&self, at: usize) -> Option<(Rational, usize)> {
        if !matches!(self.get(at), Some('/' | '\u{2044}')) || !self.is_digit(at + 1) {
            return None;
        }
        let below = self.unsigned(at + 1).filter(|below| below.whole)?;
        let date = self.get(below.end) == Some('/') && self.is_digit(below.end + 1);
        (!date).then_some((below.value, below.end))
    }

    /// `\frac{3}{4}`, also `\dfrac` and `\tfrac`.
    fn latex_fraction(&self, at: usize) -> Option<(Rational, usize)> {
        let name = ["\\frac{", "\\dfrac{", "\\tfrac{"].into_iter().find(|n| self.is_text(at, n))?;
        let top_at = at + name.chars().count();
        let negative = self.get(top_at).is_some_and(|c| MINUS.contains(&c));
        let top = self.braced(top_at + usize::from(negative))?;
        if !self.is_text(top.end, "}{") {
            return None;
        }
        let below = self.braced(top.end + 2)?;
        let number = top.value.over(below.value)?;
        let number = if negative { number.negated() } else { number };
        (self.get(below.end) == Some('}')).then_some((number, below.end + 1))
    }

    fn braced(&self, at: usize) -> Option<UnsignedNumber> {
        if self.is_digit(at) { self.unsigned(at) } else { None }
    }

    /// Applies the sign before a number. A dash behind a word or another number joins or subtracts.
    fn signed(&self, number: Rational, mut start: usize, end: usize) -> NumberMatch {
        if self.before(start).is_some_and(|c| CURRENCY.contains(&c)) {
            start -= 1;
            if self.before(start) == Some('\\') {
                start -= 1;
            }
        }
        let minus = self.before(start).is_some_and(|c| MINUS.contains(&c));
        let joins = minus
            && start.checked_sub(2).and_then(|at| self.get(at)).is_some_and(|c| {
                c.is_alphanumeric() || MINUS.contains(&c) || matches!(c, ')' | ']' | '}' | '%')
            });
        if minus && !joins {
            return NumberMatch { number: number.negated(), start: start - 1, end };
        }
        NumberMatch { number, start, end }
    }
}
