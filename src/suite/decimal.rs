//! Exact decimals, so that a number grader finds 0.1 + 0.2 equal to 0.3 and 10²⁰ + 1 unlike 10²⁰.

use std::cmp::Ordering;
use std::fmt;

/// The most digits a decimal may be read with: longer runs are serial numbers, not quantities.
pub const MAX_DIGITS: usize = 100;

/// The largest power of ten, either way, a decimal may be read with: twice what a float holds is
/// never meant, and it bounds the work of aligning two decimals.
pub const MAX_EXPONENT: i32 = 400;

/// A decimal fraction of any size within the limits above, held exactly.
///
/// The form is canonical, so that equality of values is equality of fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// Never set for zero.
    negative: bool,
    /// Most significant first, each 0..=9, no zero at either end; empty for zero.
    digits: Vec<u8>,
    /// The power of ten of the last digit; 0 for zero.
    exponent: i32,
}

impl Decimal {
    /// Zero.
    #[must_use]
    pub const fn zero() -> Self {
        Self { negative: false, digits: Vec::new(), exponent: 0 }
    }

    /// A small whole number.
    #[must_use]
    pub fn whole(value: u32) -> Self {
        Self::new(false, value.to_string().bytes().map(|b| b - b'0').collect(), 0)
    }

    /// From digits (each 0..=9, most significant first) times a power of ten.
    #[must_use]
    pub fn new(negative: bool, mut digits: Vec<u8>, mut exponent: i32) -> Self {
        while digits.last() == Some(&0) {
            digits.pop();
            exponent += 1;
        }
        let zeros = digits.iter().take_while(|d| **d == 0).count();
        digits.drain(..zeros);
        if digits.is_empty() {
            return Self::zero();
        }
        Self { negative, digits, exponent }
    }

    /// Reads `12`, `-0.5`, `1e-3`. `None` for anything else, or beyond the limits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return None;
        }
        Self::from_parts(negative, whole, fraction, power)
    }

    /// From the digits before and after the point and a power of ten. `None` beyond the limits.
    pub(super) fn from_parts(
        negative: bool,
        whole: &str,
        fraction: &str,
        power: i32,
    ) -> Option<Self> {
        if whole.len() + fraction.len() > MAX_DIGITS || power.abs() > MAX_EXPONENT {
            return None;
        }
        let digits = whole.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
        let after_point = i32::try_from(fraction.len()).ok()?;
        Some(Self::new(negative, digits, power - after_point))
    }

    /// Whether it is zero.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Whether it is below zero.
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.negative
    }

    /// One unit of its last written digit, but never more than 1: `0.01` for `3.25`, `1` for 1,200.
    #[must_use]
    pub fn unit(&self) -> Self {
        Self::new(false, vec![1], self.exponent.min(0))
    }

    /// The same with the other sign.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { negative: !self.negative && !self.is_zero(), ..self.clone() }
    }

    /// The same without a sign.
    #[must_use]
    pub fn magnitude(&self) -> Self {
        Self { negative: false, ..self.clone() }
    }

    /// The sum, exactly.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let (a, b, exponent) = aligned(self, other);
        if self.negative == other.negative {
            return Self::new(self.negative, sum(&a, &b), exponent);
        }
        // Digits of one length compare as numbers do.
        match a.cmp(&b) {
            Ordering::Less => Self::new(other.negative, difference(&b, &a), exponent),
            _ => Self::new(self.negative, difference(&a, &b), exponent),
        }
    }

    /// The difference, exactly.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&other.negated())
    }

    /// The product, exactly.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        let mut slots = vec![0_u32; self.digits.len() + other.digits.len()];
        for (i, a) in self.digits.iter().enumerate() {
            for (j, b) in other.digits.iter().enumerate() {
                slots[i + j + 1] += u32::from(*a) * u32::from(*b);
            }
        }
        for at in (1..slots.len()).rev() {
            slots[at - 1] += slots[at] / 10;
            slots[at] %= 10;
        }
        let digits = slots.iter().map(|s| u8::try_from(*s).expect("carried below ten")).collect();
        Self::new(self.negative != other.negative, digits, self.exponent + other.exponent)
    }

    /// Whether the value is at most another, both taken without their sign.
    #[must_use]
    pub fn magnitude_at_most(&self, other: &Self) -> bool {
        let (a, b, _) = aligned(self, other);
        a <= b
    }
}

/// The digits of both at the smaller exponent, padded to one length, and that exponent.
fn aligned(a: &Decimal, b: &Decimal) -> (Vec<u8>, Vec<u8>, i32) {
    let exponent = match (a.is_zero(), b.is_zero()) {
        (true, _) => b.exponent,
        (_, true) => a.exponent,
        _ => a.exponent.min(b.exponent),
    };
    let shifted = |d: &Decimal| {
        let mut digits = d.digits.clone();
        if !d.is_zero() {
            let zeros = usize::try_from(d.exponent - exponent).expect("the smaller exponent");
            digits.resize(digits.len() + zeros, 0);
        }
        digits
    };
    let (a, b) = (shifted(a), shifted(b));
    let length = a.len().max(b.len());
    let padded = |digits: Vec<u8>| {
        let mut all = vec![0; length - digits.len()];
        all.extend(digits);
        all
    };
    (padded(a), padded(b), exponent)
}

/// The sum of two digit strings of one length.
fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut digits = vec![0; a.len() + 1];
    let mut carry = 0;
    for at in (0..a.len()).rev() {
        let total = a[at] + b[at] + carry;
        digits[at + 1] = total % 10;
        carry = total / 10;
    }
    digits[0] = carry;
    digits
}

/// The difference of two digit strings of one length, the first not the smaller.
fn difference(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut digits = vec![0; a.len()];
    let mut borrow = 0;
    for at in (0..a.len()).rev() {
        let take = b[at] + borrow;
        borrow = u8::from(a[at] < take);
        digits[at] = a[at] + 10 * borrow - take;
    }
    digits
}

/// Plain digits, or `digits e power` where that would need more than 30 zeros.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        let mut text = String::new();
        if self.negative {
            text.push('-');
        }
        let digits: String = self.digits.iter().map(|d| char::from(b'0' + d)).collect();
        let zeros = usize::try_from(self.exponent).unwrap_or(0);
        let after_point = usize::try_from(-self.exponent).unwrap_or(0);
        if zeros > 30 || after_point > digits.len() + 30 {
            return f.write_str(&format!("{text}{digits}e{}", self.exponent));
        }
        if after_point == 0 {
            text.push_str(&digits);
            text.push_str(&"0".repeat(zeros));
        } else if after_point >= digits.len() {
            text.push_str("0.");
            text.push_str(&"0".repeat(after_point - digits.len()));
            text.push_str(&digits);
        } else {
            let (whole, fraction) = digits.split_at(digits.len() - after_point);
            text.push_str(whole);
            text.push('.');
            text.push_str(fraction);
        }
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text} is a decimal"))
    }

    #[test]
    fn reads_and_prints() {
        for (text, printed) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("007", "7"),
            ("1.50", "1.5"),
            (".5", "0.5"),
            ("1200", "1200"),
            ("1e3", "1000"),
            ("-2.5e-3", "-0.0025"),
            ("1e300", "1e300"),
            ("1e-300", "1e-300"),
        ] {
            assert_eq!(d(text).to_string(), printed, "{text}");
        }
        for text in ["", "-", ".", "1,2", "a", "1e", "1e999", "--1", "1.2.3"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(Decimal::parse(&"9".repeat(MAX_DIGITS + 1)), None);
    }

    #[test]
    fn arithmetic_is_exact() {
        assert_eq!(d("0.1").plus(&d("0.2")), d("0.3"));
        assert_eq!(d("1e20").plus(&d("1")).to_string(), "100000000000000000001");
        assert_eq!(d("5").minus(&d("7.25")), d("-2.25"));
        assert_eq!(d("-5").minus(&d("-5")), d("0"));
        assert_eq!(d("99").plus(&d("1")), d("100"));
        assert_eq!(d("0").minus(&d("0.5")), d("-0.5"));
        assert_eq!(d("12.5").times(&d("-0.8")), d("-10"));
        assert_eq!(d("3.25").unit(), d("0.01"));
        assert_eq!(d("1200").unit(), d("1"));
        assert!(d("-0.01").magnitude_at_most(&d("0.01")));
        assert!(!d("0.010001").magnitude_at_most(&d("0.01")));
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_integers(a in -1_000_000_i64..1_000_000, b in -1_000_000_i64..1_000_000) {
            let (x, y) = (d(&a.to_string()), d(&b.to_string()));
            proptest::prop_assert_eq!(x.plus(&y), d(&(a + b).to_string()));
            proptest::prop_assert_eq!(x.minus(&y), d(&(a - b).to_string()));
            proptest::prop_assert_eq!(x.times(&y), d(&(a * b).to_string()));
            proptest::prop_assert_eq!(x.magnitude_at_most(&y), a.abs() <= b.abs());
        }
    }
}
