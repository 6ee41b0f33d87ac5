//! Finding the number that a text states: the last one, or the last in a `\boxed{…}`.

use std::fmt;

use super::decimal::Decimal;

/// A number as people write them: a decimal, or a fraction of two.
#[derive(Clone, Debug)]
pub struct Number {
    numerator: Decimal,
    /// Above zero.
    denominator: Decimal,
}

impl Number {
    /// Whether two numbers are at most `tolerance` apart (|a − b| ≤ tolerance, exactly).
    #[must_use]
    pub fn within(&self, other: &Self, tolerance: &Decimal) -> bool {
        // Cross-multiplied by both denominators, which are positive: no division, no rounding.
        let apart = self
            .numerator
            .times(&other.denominator)
            .minus(&other.numerator.times(&self.denominator));
        let allowed = tolerance.times(&self.denominator).times(&other.denominator);
        apart.magnitude_at_most(&allowed)
    }

    /// Whether two numbers are the same value.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        self.within(other, &Decimal::zero())
    }

    /// The number a decimal further on.
    #[must_use]
    pub fn plus(&self, step: &Decimal) -> Self {
        Self {
            numerator: self.numerator.plus(&step.times(&self.denominator)),
            denominator: self.denominator.clone(),
        }
    }

    /// A multiple of the number.
    #[must_use]
    pub fn times(&self, factor: &Decimal) -> Self {
        Self { numerator: self.numerator.times(factor), denominator: self.denominator.clone() }
    }

    /// One unit of its last written digit, but never more than 1.
    #[must_use]
    pub fn unit(&self) -> Decimal {
        self.numerator.unit()
    }

    fn negated(self) -> Self {
        Self { numerator: self.numerator.negated(), ..self }
    }
}

impl From<Decimal> for Number {
    fn from(value: Decimal) -> Self {
        Self { numerator: value, denominator: Decimal::whole(1) }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.denominator == Decimal::whole(1) {
            write!(f, "{}", self.numerator)
        } else {
            write!(f, "{}/{}", self.numerator, self.denominator)
        }
    }
}

/// The number that a text ends in: the last one it holds, or the last one in its last `\boxed{…}`,
/// since a box marks the final answer wherever it stands.
#[must_use]
pub fn last_number(text: &str) -> Option<Number> {
    let last = |text: &str| {
        let chars: Vec<char> = text.chars().collect();
        Scanner::new(&chars).last().map(|found| found.number)
    };
    boxed(text).and_then(last).or_else(|| last(text))
}

/// Whether a text is a number and nothing else but currency, percent and emphasis marks.
#[must_use]
pub fn is_numeric(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Scanner::new(&chars);
    let (Some(only), None) = (found.next(), found.next()) else {
        return false;
    };
    let decoration = |c: &char| c.is_whitespace() || CURRENCY.contains(c) || "%.*_`+".contains(*c);
    chars[..only.start].iter().all(decoration) && chars[only.end..].iter().all(decoration)
}

/// Whether a text ends in `#### N`, as the worked answers of GSM8K do.
#[must_use]
pub fn ends_in_marked_number(text: &str) -> bool {
    text.rfind("####").is_some_and(|at| is_numeric(&text[at + 4..]))
}

/// What stands in the last `\boxed{…}`.
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

const CURRENCY: [char; 4] = ['$', '€', '£', '¥'];

/// Hyphen-minus, U+2212 minus, en dash, small and full-width hyphen.
const MINUS: [char; 5] = ['-', '\u{2212}', '\u{2013}', '\u{fe63}', '\u{ff0d}'];

/// What may stand between groups of three digits: `1,234` · `1 234` (also no-break and thin spaces)
/// · `1_234` · `1'234` · LaTeX `1{,}234` and `1\,234`.
const SEPARATORS: [&str; 10] =
    [",", " ", "_", "\u{a0}", "\u{202f}", "\u{2009}", "'", "\u{2019}", "{,}", "\\,"];

/// The raised digits, each at its value.
const SUPERSCRIPTS: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/// A number and where it stands, in characters; its sign and currency mark are included.
struct Found {
    number: Number,
    start: usize,
    end: usize,
}

/// An unsigned decimal and where it ends.
struct Unsigned {
    value: Decimal,
    end: usize,
    /// Digits and group separators only.
    whole: bool,
}

/// Walks the numbers of a text.
struct Scanner<'a> {
    chars: &'a [char],
    at: usize,
}

impl Iterator for Scanner<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
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
    const fn new(chars: &'a [char]) -> Self {
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

    /// An unsigned number; `None` beyond the limits of [`Decimal`].
    fn unsigned(&self, start: usize) -> Option<Unsigned> {
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
        let value = Decimal::from_parts(false, &whole, &fraction, power)?;
        Some(Unsigned { value, end, whole: is_whole })
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
    fn with_fraction(&self, start: usize, first: Unsigned) -> (Number, usize) {
        let plain = |first: Unsigned| (first.value.into(), first.end);
        if !first.whole || self.before(start) == Some('/') {
            return plain(first);
        }
        if let Some((denominator, end)) = self.over(first.end) {
            return (Number { numerator: first.value, denominator }, end);
        }
        let mixed = first.end + 1;
        if self.get(first.end) == Some(' ')
            && self.is_digit(mixed)
            && let Some(top) = self.unsigned(mixed).filter(|top| top.whole)
            && let Some((denominator, end)) = self.over(top.end)
            && top.value.magnitude_at_most(&denominator)
        {
            let numerator = first.value.times(&denominator).plus(&top.value);
            return (Number { numerator, denominator }, end);
        }
        plain(first)
    }

    /// The denominator behind a slash.
    fn over(&self, at: usize) -> Option<(Decimal, usize)> {
        if !matches!(self.get(at), Some('/' | '\u{2044}')) || !self.is_digit(at + 1) {
            return None;
        }
        let below = self.unsigned(at + 1).filter(|below| below.whole && !below.value.is_zero())?;
        let date = self.get(below.end) == Some('/') && self.is_digit(below.end + 1);
        (!date).then_some((below.value, below.end))
    }

    /// `\frac{3}{4}`, also `\dfrac` and `\tfrac`.
    fn latex_fraction(&self, at: usize) -> Option<(Number, usize)> {
        let name = ["\\frac{", "\\dfrac{", "\\tfrac{"].into_iter().find(|n| self.is_text(at, n))?;
        let top_at = at + name.chars().count();
        let negative = self.get(top_at).is_some_and(|c| MINUS.contains(&c));
        let top = self.braced(top_at + usize::from(negative))?;
        if !self.is_text(top.end, "}{") {
            return None;
        }
        let below = self.braced(top.end + 2).filter(|below| !below.value.is_zero())?;
        let number = Number { numerator: top.value, denominator: below.value };
        let number = if negative { number.negated() } else { number };
        (self.get(below.end) == Some('}')).then_some((number, below.end + 1))
    }

    fn braced(&self, at: usize) -> Option<Unsigned> {
        if self.is_digit(at) { self.unsigned(at) } else { None }
    }

    /// Applies the sign before a number. A dash behind a word or another number joins or subtracts.
    fn signed(&self, number: Number, mut start: usize, end: usize) -> Found {
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
            return Found { number: number.negated(), start: start - 1, end };
        }
        Found { number, start, end }
    }
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
        assert!(three_quarters.equals(&last_number("0.75").unwrap()));
        let third = last_number("1/3").unwrap();
        assert!(!third.equals(&last_number("0.333").unwrap()));
        assert!(third.within(&last_number("0.333").unwrap(), &Decimal::parse("0.001").unwrap()));
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
