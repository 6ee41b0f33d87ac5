//! Dollars as an exact integer.
//!
//! Published price strings reach 23 decimals, so the unit is 10⁻²⁴ dollars. Sums of integers are
//! exact and do not depend on their order, so shards of a run add up to the same cent.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number of decimals kept.
const DECIMALS: u32 = 24;
/// One dollar in the unit of [`Usd`].
const ONE: i128 = 10_i128.pow(DECIMALS);

/// An amount of money: an integer number of 10⁻²⁴ US dollars.
///
/// Range ±1.7 × 10¹⁴ dollars. Arithmetic stops at its ends: an amount there is at least that much. One
/// request costs at most [`Usd::MAX_REQUEST`]; above it a cost is unknown, so that no sum gets there.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(i128);

/// Why a string is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseUsdError {
    /// The string is empty.
    #[error("empty: write a decimal string such as \"0.25\"")]
    Empty,
    /// The string is not a plain decimal number.
    #[error("{0:?} is not a decimal number such as \"0.25\"")]
    NotDecimal(String),
    /// More decimals than the unit holds.
    #[error("{0:?} has more decimals than can be held exactly ({1})")]
    TooPrecise(String, u32),
    /// Larger than the type holds.
    #[error("{0:?} is too large")]
    TooLarge(String),
}

impl Usd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// From a number of 10⁻²⁴ dollars.
    #[must_use]
    pub const fn from_raw(units: i128) -> Self {
        Self(units)
    }

    /// The most that one request can cost: a million dollars. Whoever states more is mistaken.
    pub const MAX_REQUEST: Self = Self(1_000_000 * ONE);

    /// Reads what a provider says it charged for a request, in the form of [`Usd::from_number`].
    /// `None`: it is no amount from 0 to [`Usd::MAX_REQUEST`].
    #[must_use]
    pub fn charge(literal: &str) -> Option<Self> {
        let plain = plain_decimal(literal).ok()?;
        // Providers compute in floats, whose last digits may be below the unit.
        let end = plain.find('.').map_or(plain.len(), |dot| dot + 1 + DECIMALS as usize);
        plain.get(..end.min(plain.len()))?.parse::<Self>().ok()?.of_request()
    }

    /// This amount as what one request cost; `None`: it is not from 0 to [`Usd::MAX_REQUEST`].
    #[must_use]
    pub fn of_request(self) -> Option<Self> {
        (Self::ZERO..=Self::MAX_REQUEST).contains(&self).then_some(self)
    }

    /// The number of 10⁻²⁴ dollars.
    #[must_use]
    pub const fn raw(self) -> i128 {
        self.0
    }

    /// Reads a decimal string that states dollars *per million* and gives the amount for one.
    ///
    /// # Errors
    /// As [`Usd::from_str`]; at most 18 decimals are exact here.
    pub fn per_million(text: &str) -> Result<Self, ParseUsdError> {
        parse(text, DECIMALS - 6).map(Self)
    }

    /// This amount times a count (of tokens, of requests).
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(i128::from(count)))
    }

    /// This amount shared equally by `count`, rounded half to even at 10⁻²⁴; `None` for none.
    #[must_use]
    pub fn per(self, count: u64) -> Option<Self> {
        if count == 0 {
            return None;
        }
        let n = i128::from(count);
        let (q, r) = (self.0.div_euclid(n), self.0.rem_euclid(n));
        let up = r * 2 > n || (r * 2 == n && q % 2 != 0);
        Some(Self(q + i128::from(up)))
    }

    /// Reads a number as JSON and TOML write it, exponent and all, from its own digits and never
    /// through a float: `1.25e-06`.
    ///
    /// # Errors
    /// As [`Usd::from_str`].
    pub fn from_number(literal: &str) -> Result<Self, ParseUsdError> {
        plain_decimal(literal)?.parse()
    }

    /// This amount times a factor, rounded half to even at 10⁻²⁴ dollars.
    #[must_use]
    pub fn scaled(self, factor: Factor) -> Self {
        let den = 10_i128.pow(factor.decimals);
        let num = i128::from(factor.units);
        // a = q·den + r, so a·num/den = q·num + r·num/den, and neither product overflows.
        let (q, r) = (self.0.div_euclid(den), self.0.rem_euclid(den));
        let part = r * num;
        let (more, rest) = (part.div_euclid(den), part.rem_euclid(den));
        let whole = q.saturating_mul(num).saturating_add(more);
        let up = rest * 2 > den || (rest * 2 == den && whole % 2 != 0);
        Self(whole.saturating_add(i128::from(up)))
    }

    /// The amount of which this is what a factor left, rounded up to 10⁻²⁴ dollars; `None`: the
    /// factor is 0, or the amount does not fit.
    #[must_use]
    pub fn before(self, factor: Factor) -> Option<Self> {
        let den = 10_i128.pow(factor.decimals);
        let num = i128::from(factor.units);
        // a = q·num + r, so a·den/num = q·den + r·den/num, and r·den stays below 10³⁸.
        let (q, r) = (self.0.checked_div_euclid(num)?, self.0.checked_rem_euclid(num)?);
        let (more, rest) = (r * den / num, r * den % num);
        q.checked_mul(den)?.checked_add(more)?.checked_add(i128::from(rest > 0)).map(Self)
    }

    /// The nearest `f64`, for statistics and drawing only; never for a bill.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "documented: nearest f64, for statistics only")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    /// The amount with exactly `decimals` decimals (at most 24), rounded half to even.
    #[must_use]
    pub fn to_fixed(self, decimals: u32) -> String {
        let decimals = decimals.min(DECIMALS);
        let step = 10_u128.pow(DECIMALS - decimals);
        let (q, r) = (self.0.unsigned_abs() / step, self.0.unsigned_abs() % step);
        let up = r * 2 > step || (r * 2 == step && q % 2 != 0);
        let q = q + u128::from(up);
        let sign = if self.0 < 0 && q != 0 { "-" } else { "" };
        let scale = 10_u128.pow(decimals);
        if decimals == 0 {
            return format!("{sign}{q}");
        }
        let width = decimals as usize;
        format!("{sign}{}.{:0width$}", q / scale, q % scale)
    }
}

/// A factor on a price: 1.055 with a fee, 0.85 with a discount. Exact, at most 18 decimals and
/// below 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Factor {
    /// The factor times ten to the power of `decimals`, below 10¹⁹.
    units: u64,
    decimals: u32,
}

/// Why a string is not a factor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseFactorError {
    /// Not a plain decimal number.
    #[error("{0:?} is not a decimal number such as \"0.15\"")]
    NotDecimal(String),
    /// Too many decimals, negative, or 10 and more.
    #[error("{0:?} cannot be held: from 0 to below 10, with at most 18 decimals")]
    OutOfRange(String),
}

impl Factor {
    /// Nothing changes.
    pub const ONE: Self = Self { units: 1, decimals: 0 };

    /// Both factors, one after the other; `None`: more digits than can be held.
    #[must_use]
    pub fn and(self, other: Self) -> Option<Self> {
        let units = u128::from(self.units) * u128::from(other.units);
        Self::reduced(units, self.decimals + other.decimals)
    }

    /// What is left of 1 after taking this share away; `None` above 1.
    #[must_use]
    pub fn less_than_one(self) -> Option<Self> {
        let one = 10_u64.checked_pow(self.decimals)?;
        Self::reduced(u128::from(one.checked_sub(self.units)?), self.decimals)
    }

    /// 1 and this share on top.
    #[must_use]
    pub fn on_top_of_one(self) -> Option<Self> {
        let one = 10_u64.checked_pow(self.decimals)?;
        Self::reduced(u128::from(one) + u128::from(self.units), self.decimals)
    }

    fn reduced(mut units: u128, mut decimals: u32) -> Option<Self> {
        while decimals > 0 && units.is_multiple_of(10) {
            units /= 10;
            decimals -= 1;
        }
        let units = u64::try_from(units).ok()?;
        let below_ten = decimals <= 18 && units < 10_u64.checked_pow(decimals + 1)?;
        below_ten.then_some(Self { units, decimals })
    }
}

impl FromStr for Factor {
    type Err = ParseFactorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown = || text.to_owned();
        let usd: Usd = text.parse().map_err(|error| match error {
            ParseUsdError::TooPrecise(..) | ParseUsdError::TooLarge(_) => {
                ParseFactorError::OutOfRange(shown())
            }
            _ => ParseFactorError::NotDecimal(shown()),
        })?;
        let units = u128::try_from(usd.0).map_err(|_| ParseFactorError::OutOfRange(shown()))?;
        Self::reduced(units, DECIMALS).ok_or_else(|| ParseFactorError::OutOfRange(shown()))
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = 10_u64.pow(self.decimals);
        if self.decimals == 0 {
            return write!(f, "{}", self.units);
        }
        let width = self.decimals as usize;
        write!(f, "{}.{:0width$}", self.units / one, self.units % one)
    }
}

impl Serialize for Factor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Factor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A number literal without its exponent and its underscores: `1.25e-06` is `0.00000125`.
fn plain_decimal(literal: &str) -> Result<String, ParseUsdError> {
    /// Past this nothing that is money is meant.
    const LARGEST_EXPONENT: u32 = 40;
    let text = literal.trim().replace('_', "");
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return Ok(text.trim_start_matches('+').to_owned());
    };
    let not_decimal = || ParseUsdError::NotDecimal(literal.to_owned());
    let exponent: i32 = exponent.parse().map_err(|_| not_decimal())?;
    if exponent.unsigned_abs() > LARGEST_EXPONENT {
        return Err(not_decimal());
    }
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa.trim_start_matches('+')),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if !is_number || (whole.is_empty() && fraction.is_empty()) {
        return Err(not_decimal());
    }
    let all = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).map_err(|_| not_decimal())? + exponent;
    let Ok(point) = usize::try_from(point) else {
        let zeros = "0".repeat(point.unsigned_abs() as usize);
        return Ok(format!("{sign}0.{zeros}{all}"));
    };
    let padded = format!("{all:0<point$}");
    Ok(format!("{sign}0{}.{}", &padded[..point], &padded[point..]))
}

fn parse(text: &str, decimals: u32) -> Result<i128, ParseUsdError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(ParseUsdError::Empty);
    }
    let not_decimal = || ParseUsdError::NotDecimal(text.to_owned());
    let (negative, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(not_decimal());
    }
    if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(not_decimal());
    }
    let fraction = fraction.trim_end_matches('0');
    let kept = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
    if kept > decimals {
        return Err(ParseUsdError::TooPrecise(text.to_owned(), decimals));
    }
    let mut value: i128 = 0;
    let too_large = || ParseUsdError::TooLarge(text.to_owned());
    for b in whole.bytes().chain(fraction.bytes()) {
        value = value
            .checked_mul(10)
            .and_then(|v| v.checked_add(i128::from(b - b'0')))
            .ok_or_else(too_large)?;
    }
    value = value.checked_mul(10_i128.pow(decimals - kept)).ok_or_else(too_large)?;
    Ok(if negative { -value } else { value })
}

impl FromStr for Usd {
    type Err = ParseUsdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text, DECIMALS).map(Self)
    }
}

/// All digits that are not trailing zeros: the string reads back to the same amount.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (abs, one) = (self.0.unsigned_abs(), ONE.unsigned_abs());
        let (whole, fraction) = (abs / one, abs % one);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{fraction:024}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl fmt::Debug for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${self}")
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Usd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, shown: &str) {
        let amount: Usd = text.parse().expect(text);
        assert_eq!(amount.to_string(), shown);
        assert_eq!(shown.parse::<Usd>().expect(shown), amount);
    }

    #[test]
    fn reads_and_shows_every_digit() {
        check("1.00", "1");
        check("0.00000008333333333333334", "0.00000008333333333333334");
        check("-0.5", "-0.5");
        check(".25", "0.25");
        check("0.000000000000000000000001", "0.000000000000000000000001");
    }

    #[test]
    fn refuses_what_is_not_an_exact_decimal() {
        for text in ["", " ", "NaN", "1e-6", "1,000", "0x1", ".", "-", "1.2.3", "１"] {
            assert!(text.parse::<Usd>().is_err(), "{text}");
        }
        assert!("0.0000000000000000000000001".parse::<Usd>().is_err());
        assert!("999999999999999999".parse::<Usd>().is_err());
    }

    #[test]
    fn per_million_divides_exactly() {
        let price = Usd::per_million("0.15").expect("decimal");
        assert_eq!(price.to_string(), "0.00000015");
        assert_eq!(price.times(2_000_000).to_string(), "0.3");
    }

    #[test]
    fn fixed_rounds_half_to_even() {
        let amount = |t: &str| t.parse::<Usd>().expect(t);
        assert_eq!(amount("2.345").to_fixed(2), "2.34");
        assert_eq!(amount("2.355").to_fixed(2), "2.36");
        assert_eq!(amount("-0.001").to_fixed(2), "0.00");
        assert_eq!(amount("9.999").to_fixed(2), "10.00");
        assert_eq!(amount("7").to_fixed(0), "7");
    }

    #[test]
    fn shares_round_half_to_even() {
        assert_eq!(Usd::from_raw(5).per(2), Some(Usd::from_raw(2)));
        assert_eq!(Usd::from_raw(7).per(2), Some(Usd::from_raw(4)));
        assert_eq!(Usd::from_raw(-5).per(2), Some(Usd::from_raw(-2)));
        assert_eq!(Usd::ZERO.per(0), None);
    }

    #[test]
    fn numbers_keep_every_digit() {
        let check = |text: &str, shown: &str| {
            assert_eq!(Usd::from_number(text).expect(text).to_string(), shown);
        };
        check("0.000123", "0.000123");
        check("1.23e-05", "0.0000123");
        check("8.333333333333334e-08", "0.00000008333333333333334");
        check("12E2", "1200");
        check("1_000.5", "1000.5");
        check("+1.5e0", "1.5");
        check("-2.5e-1", "-0.25");
        check("15e-1", "1.5");
        for text in ["null", "1e-99", "1e", "e5", "0x1e3", "1e-25", "1e2e3"] {
            assert!(Usd::from_number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        let (most, least) = (Usd::from_raw(i128::MAX), Usd::from_raw(i128::MIN));
        assert_eq!((most + most, most.times(u64::MAX), least - most), (most, most, least));
        let nine: Factor = "9.999".parse().expect("a factor");
        assert_eq!(most.scaled(nine), most);
        assert_eq!(least.to_fixed(2), "-170141183460469.23");
        assert_eq!(least.to_string(), "-170141183460469.231731687303715884105728");
    }

    #[test]
    fn a_charge_is_within_reason() {
        let check = |text: &str, expected: Option<&str>| {
            let charge = Usd::charge(text).map(|usd| usd.to_string());
            assert_eq!(charge.as_deref(), expected, "{text}");
        };
        check("0", Some("0"));
        check("1e6", Some("1000000"));
        check("1.5e-6", Some("0.0000015"));
        check("1.5000000000000002e-09", Some("0.0000000015"));
        for none in ["1000000.000001", "1.6e14", "1e300", "-0.01", "NaN", "inf", ""] {
            check(none, None);
        }
    }

    #[test]
    fn factors_are_exact_and_compose() {
        let factor = |text: &str| text.parse::<Factor>().expect(text);
        assert_eq!(factor("0.150").to_string(), "0.15");
        assert_eq!(factor("0.15").less_than_one(), Some(factor("0.85")));
        assert_eq!(factor("0.055").on_top_of_one(), Some(factor("1.055")));
        assert_eq!(factor("0.85").and(factor("1.055")), Some(factor("0.89675")));
        assert_eq!(factor("1.5").less_than_one(), None);
        for text in ["", "-0.1", "10", "a", "0.1234567890123456789"] {
            assert!(text.parse::<Factor>().is_err(), "{text}");
        }
        assert_eq!(Usd::from_raw(5).scaled(factor("0.5")), Usd::from_raw(2));
        assert_eq!(Usd::from_raw(7).scaled(factor("0.5")), Usd::from_raw(4));
        assert_eq!(Usd::from_raw(-5).scaled(factor("0.5")), Usd::from_raw(-2));
        let large: Usd = "12345678901.25".parse().expect("decimal");
        assert_eq!(
            large.scaled(factor("0.000000000000000001")).to_string(),
            "0.000000012345678901250000".trim_end_matches('0')
        );
        assert_eq!(large.scaled(Factor::ONE), large);
    }
}
