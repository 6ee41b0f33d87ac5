//! Exact numbers as people write them, so that 0.1 + 0.2 equals 0.3 and 10²⁰ + 1 is not 10²⁰.

use std::fmt;

use num_bigint::BigInt;

/// The most digits that a number is read with. Reading is quadratic in them: this many take some
/// 10 µs, and an answer full of such numbers less than a second.
const MAX_DIGITS: usize = 5_000;

/// The largest power of ten, either way, that a number is read with. It is beyond the range of a
/// float, and bounds the memory and time of arithmetic: `1e999999999` is not read.
const MAX_EXPONENT: u32 = 400;

/// A decimal, or a fraction of two whole numbers: numerator / denominator × 10^exponent.
#[derive(Clone, Debug)]
pub(super) struct Rational {
    numerator: BigInt,
    /// Above zero; 1 unless written as a fraction.
    denominator: BigInt,
    exponent: i32,
}

impl Rational {
    fn decimal(numerator: BigInt, exponent: i32) -> Self {
        Self { numerator, denominator: BigInt::from(1), exponent }
    }

    /// Reads `12`, `-0.5`, `1e-3`. `None` for anything else, or beyond the limits.
    pub fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let value = Self::from_digits(whole, fraction, power)?;
        Some(if unsigned.len() < text.len() { value.negated() } else { value })
    }

    /// From the digits before and after the point, and a power of ten. `None` without digits, or
    /// beyond the limits.
    pub fn from_digits(whole: &str, fraction: &str, power: i32) -> Option<Self> {
        let digits = [whole, fraction].concat();
        if digits.len() > MAX_DIGITS || power.unsigned_abs() > MAX_EXPONENT {
            return None;
        }
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let numerator = BigInt::parse_bytes(digits.as_bytes(), 10)?;
        Some(Self::decimal(numerator, power - i32::try_from(fraction.len()).ok()?))
    }

    /// The fraction of two whole numbers; `None` over zero.
    pub fn over(self, denominator: Self) -> Option<Self> {
        let positive = denominator.numerator > BigInt::ZERO;
        positive.then_some(Self { denominator: denominator.numerator, ..self })
    }

    /// The mixed number of a whole one and a proper fraction, as in `1 1/2`; `None` where the
    /// fraction exceeds 1.
    pub fn mixed(whole: &Self, fraction: Self) -> Option<Self> {
        let proper = fraction.numerator <= fraction.denominator;
        let numerator = &whole.numerator * &fraction.denominator + &fraction.numerator;
        proper.then_some(Self { numerator, ..fraction })
    }

    /// The number times a power of ten.
    pub fn scaled(self, power: i32) -> Self {
        Self { exponent: self.exponent.saturating_add(power), ..self }
    }

    /// A whole number to a whole power, either way; `None` where that is a fraction over zero, or
    /// beyond the limits.
    pub fn power(self, power: i32) -> Option<Self> {
        const MAX_POWER: u32 = 400;
        let size = power.unsigned_abs();
        let is_small = self.numerator.bits() <= 16 && (0..=4).contains(&self.exponent);
        if self.denominator != BigInt::from(1) || size > MAX_POWER || !is_small {
            return None;
        }
        let raised = Self::decimal(self.numerator_at(0).pow(size), 0);
        if power < 0 { Self::decimal(BigInt::from(1), 0).over(raised) } else { Some(raised) }
    }

    /// Whether the number is smaller than another.
    pub fn is_below(&self, other: &Self) -> bool {
        let exponent = self.exponent.min(other.exponent);
        self.numerator_at(exponent) * &other.denominator
            < other.numerator_at(exponent) * &self.denominator
    }

    pub fn is_negative(&self) -> bool {
        self.numerator < BigInt::ZERO
    }

    pub fn negated(self) -> Self {
        self.times(-1)
    }

    pub fn times(self, factor: i32) -> Self {
        Self { numerator: self.numerator * factor, ..self }
    }

    /// The sum with a decimal.
    pub fn plus(&self, decimal: &Self) -> Self {
        let exponent = self.exponent.min(decimal.exponent);
        let numerator =
            self.numerator_at(exponent) + decimal.numerator_at(exponent) * &self.denominator;
        Self { numerator, denominator: self.denominator.clone(), exponent }
    }

    /// The numerator that goes with an exponent at or below the number's own.
    fn numerator_at(&self, exponent: i32) -> BigInt {
        let zeros = u32::try_from(self.exponent - exponent).expect("the smaller exponent");
        &self.numerator * BigInt::from(10).pow(zeros)
    }

    /// Whether two numbers are at most `tolerance`, a decimal, apart: |a − b| ≤ tolerance.
    pub fn is_within(&self, other: &Self, tolerance: &Self) -> bool {
        // Cross-multiplied by both denominators, which are positive: no division, no rounding.
        let exponent = self.exponent.min(other.exponent).min(tolerance.exponent);
        let difference = self.numerator_at(exponent) * &other.denominator
            - other.numerator_at(exponent) * &self.denominator;
        let allowed = tolerance.numerator_at(exponent) * &self.denominator * &other.denominator;
        difference.magnitude() <= allowed.magnitude()
    }

    /// One unit of the last digit that is not a zero behind the point, but never more than 1: 0.01
    /// for 3.250, 1 for 1,200.
    pub fn unit(&self) -> Self {
        Self::decimal(BigInt::from(1), self.without_trailing_zeros().1.min(0))
    }

    fn without_trailing_zeros(&self) -> (BigInt, i32) {
        let (mut numerator, mut exponent) = (self.numerator.clone(), self.exponent);
        if numerator == BigInt::ZERO {
            return (numerator, 0);
        }
        while &numerator % 10 == BigInt::ZERO {
            numerator /= 10;
            exponent += 1;
        }
        (numerator, exponent)
    }
}

/// Zero.
impl Default for Rational {
    fn default() -> Self {
        Self::decimal(BigInt::ZERO, 0)
    }
}

/// Plain digits, or `digits e power` where that would need more than 30 zeros; `3/4` for a
/// fraction.
impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (numerator, exponent) = self.without_trailing_zeros();
        let sign = if self.is_negative() { "-" } else { "" };
        let digits = numerator.magnitude().to_string();
        let zeros = usize::try_from(exponent).unwrap_or(0);
        let after_point = usize::try_from(-exponent).unwrap_or(0);
        if zeros > 30 || after_point > digits.len() + 30 {
            write!(f, "{sign}{digits}e{exponent}")?;
        } else if after_point == 0 {
            write!(f, "{sign}{digits}{}", "0".repeat(zeros))?;
        } else {
            let digits = format!("{digits:0>width$}", width = after_point + 1);
            let (whole, fraction) = digits.split_at(digits.len() - after_point);
            write!(f, "{sign}{whole}.{fraction}")?;
        }
        match &self.denominator {
            one if *one == BigInt::from(1) => Ok(()),
            denominator => write!(f, "/{denominator}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(text: &str) -> Rational {
        Rational::parse(text).unwrap_or_else(|| panic!("{text} is a decimal"))
    }

    fn is_equal(a: &Rational, b: &Rational) -> bool {
        a.is_within(b, &Rational::default())
    }

    #[test]
    fn reads_and_prints() {
        for (text, printed) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("007", "7"),
            ("1.50", "1.5"),
            (".5", "0.5"),
            ("-.05", "-0.05"),
            ("1200", "1200"),
            ("1e3", "1000"),
            ("-2.5e-3", "-0.0025"),
            ("1e300", "1e300"),
            ("1e-300", "1e-300"),
        ] {
            assert_eq!(r(text).to_string(), printed, "{text}");
        }
        for text in ["", "-", ".", "1,2", "a", "1e", "1e999", "--1", "1.2.3", "1e-2147483648"] {
            assert!(Rational::parse(text).is_none(), "{text}");
        }
        assert!(Rational::parse("1e999999999").is_none(), "no memory for a billion digits");
        assert!(Rational::parse(&"9".repeat(MAX_DIGITS + 1)).is_none());
    }

    #[test]
    fn arithmetic_is_exact() {
        assert!(is_equal(&r("0.1").plus(&r("0.2")), &r("0.3")));
        assert_eq!(r("1e20").plus(&r("1")).to_string(), "100000000000000000001");
        assert_eq!(r("5").plus(&r("-7.25")).to_string(), "-2.25");
        assert_eq!(r("-5").plus(&r("5")).to_string(), "0");
        assert_eq!(r("0").plus(&r("-0.5")).to_string(), "-0.5");
        assert_eq!(r("-12.5").times(-8).to_string(), "100");
        assert_eq!(r("3.250").unit().to_string(), "0.01");
        assert_eq!(r("1200").unit().to_string(), "1");
        assert!(r("-0.01").is_within(&r("0"), &r("0.01")));
        assert!(!r("0.010001").is_within(&r("0"), &r("0.01")));
        let third = r("1").over(r("3")).expect("not over zero");
        assert_eq!(third.plus(&r("0.5").times(2)).to_string(), "4/3");
        assert!(r("1").over(r("0")).is_none());
    }

    #[test]
    fn the_largest_numbers_compare() {
        let largest = r(&format!("{}e{MAX_EXPONENT}", "9".repeat(MAX_DIGITS)));
        let smallest = r(&format!("1e-{MAX_EXPONENT}"));
        assert!(!largest.is_within(&largest.plus(&smallest), &Rational::default()));
        assert!(largest.is_within(&largest.plus(&smallest), &smallest));
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_integers(a in -1_000_000_i32..1_000_000, b in -1_000_000_i32..1_000_000) {
            let (x, y) = (r(&a.to_string()), r(&b.to_string()));
            let zero = Rational::default();
            proptest::prop_assert!(is_equal(&x.plus(&y), &r(&(a + b).to_string())));
            proptest::prop_assert!(is_equal(&x.clone().times(b), &r(&(i64::from(a) * i64::from(b)).to_string())));
            proptest::prop_assert_eq!(x.is_within(&zero, &y), a.abs() <= b.abs());
            proptest::prop_assert_eq!(x.to_string(), a.to_string());
        }
    }
}
