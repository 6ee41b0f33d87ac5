//! Numbers as people read them, and as files hold them.
//!
//! Everything here is exact decimal formatting of a given `f64`, so the bytes are the same on
//! every target. A number that is not finite is `n/a`, never `NaN`.

use crate::report::model::Estimate;
use crate::units::Usd;

pub(super) use super::model::percentile;

/// What is shown where there is no number.
pub(super) const NONE: &str = "n/a";
/// The minus sign (U+2212), as wide as the plus.
const MINUS: char = '−';

/// Puts a comma between thousands of the whole part of a plain decimal.
fn group(decimal: &str) -> String {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let mut text = String::with_capacity(decimal.len() + 4);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// A share (0..1) in percent with one decimal, without the sign: `92.3`.
pub(super) fn percent(share: f64) -> String {
    if share.is_finite() { unsigned_zero(format!("{:.1}", share * 100.0)) } else { NONE.to_owned() }
}

/// A share of traffic: `60 %`, `2.5 %`.
pub(super) fn share(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() {
        return NONE.to_owned();
    }
    if percent >= 9.95 {
        format!("{percent:.0} %")
    } else {
        format!("{} %", trim(format!("{percent:.1}")))
    }
}

/// A difference of shares in points with its sign: `+0.5`, `−3.5`.
pub(super) fn points(difference: f64) -> String {
    if !difference.is_finite() {
        return NONE.to_owned();
    }
    signed(&format!("{:.1}", difference * 100.0))
}

/// An estimate with its interval: `92.3 (90.5–94.1)`; `≥ 3.1` where it is not bounded above.
pub(super) fn interval(estimate: &Estimate, show: impl Fn(f64) -> String) -> String {
    match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => {
            format!("{} ({}–{})", show(estimate.value), show(low), show(high))
        }
        (Some(low), None) => format!("≥ {}", show(low)),
        (None, Some(high)) => format!("≤ {}", show(high)),
        (None, None) => show(estimate.value),
    }
}

/// A difference with its interval, in points: `−1.2 (−5.0…+2.6)`.
pub(super) fn difference(estimate: &Estimate) -> String {
    let value = points(estimate.value);
    match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => format!("{value} ({}…{})", points(low), points(high)),
        _ => value,
    }
}

/// Dollars without the sign: two decimals, none from a thousand on, two significant digits below a
/// dime.
pub(super) fn dollars(amount: f64) -> String {
    if !amount.is_finite() {
        return NONE.to_owned();
    }
    let size = amount.abs();
    let text = if size >= 999.995 {
        group(&format!("{size:.0}"))
    } else if size >= 0.0995 || size == 0.0 {
        format!("{size:.2}")
    } else {
        significant(size, 2)
    };
    if amount < 0.0 { format!("{MINUS}{text}") } else { text }
}

/// A whole number, its thousands grouped: `29,600`.
pub(super) fn grouped(value: f64) -> String {
    if value.is_finite() { group(&format!("{value:.0}")) } else { NONE.to_owned() }
}

/// A sum of money with its sign of currency: `$26.15`, `$0.0042`.
pub(super) fn money(amount: Usd) -> String {
    let value = amount.to_f64();
    if value != 0.0 && value.abs() < 0.0995 {
        return currency(&dollars(value));
    }
    let fixed = amount.to_fixed(2);
    match fixed.strip_prefix('-') {
        Some(size) => format!("{MINUS}${}", group(size)),
        None => format!("${}", group(&fixed)),
    }
}

/// Puts `$` before a number and after its minus.
pub(super) fn currency(number: &str) -> String {
    match number.strip_prefix(MINUS) {
        Some(size) => format!("{MINUS}${size}"),
        None if number == NONE => NONE.to_owned(),
        None => format!("${number}"),
    }
}

/// Seconds without the unit, to about three digits: `0.034`, `0.41`, `12.3`, `184`.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() => NONE.to_owned(),
        s if s < 0.0995 => format!("{s:.3}"),
        s if s < 9.995 => format!("{s:.2}"),
        s if s < 99.95 => format!("{s:.1}"),
        s => group(&format!("{s:.0}")),
    }
}

/// A rate to about four digits: `0.52`, `187.2`, `9,950`.
pub(super) fn rate(per_s: f64) -> String {
    match per_s {
        r if !r.is_finite() => NONE.to_owned(),
        r if r < 9.995 => format!("{r:.2}"),
        r if r < 999.95 => format!("{r:.1}"),
        r => group(&format!("{r:.0}")),
    }
}

/// How long something took: `850 ms`, `48 s`, `11 min`, `2.3 h`.
pub(super) fn duration(nanoseconds: u64) -> String {
    let seconds = nanoseconds as f64 / 1e9;
    match seconds {
        s if s < 0.9995 => format!("{:.0} ms", s * 1e3),
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 119.5 => format!("{s:.0} s"),
        s if s < 5_970.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// A probability of chance: `0.031`, `< 0.001`.
pub(super) fn probability(p: f64) -> String {
    match p {
        p if !p.is_finite() => NONE.to_owned(),
        p if p < 0.001 => "< 0.001".to_owned(),
        p => format!("{p:.3}"),
    }
}

/// A number for a file: at most `digits` significant digits, plain decimals, no trailing zeros.
/// Empty where it is not finite.
pub(super) fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return String::new();
    }
    let digits = digits.max(1);
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').expect("{:e} writes an exponent");
    let exponent: i32 = exponent.parse().expect("{:e} writes an integer exponent");
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(size) => ("-", size),
        None => ("", mantissa),
    };
    let mut figures: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let text = if exponent < 0 {
        let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
        format!("0.{}{figures}", "0".repeat(zeros))
    } else {
        let whole = usize::try_from(exponent).unwrap_or(0) + 1;
        if figures.len() <= whole {
            figures.push_str(&"0".repeat(whole - figures.len()));
            figures
        } else {
            format!("{}.{}", &figures[..whole], &figures[whole..])
        }
    };
    let text = trim(text);
    if text == "0" { text } else { format!("{sign}{text}") }
}

/// Drops the zeros that end a decimal.
fn trim(decimal: String) -> String {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        decimal
    }
}

/// `-0.0` is `0.0`, and other minus signs are typographic.
fn unsigned_zero(text: String) -> String {
    match text.strip_prefix('-') {
        Some(size) if size.bytes().all(|b| matches!(b, b'0' | b'.')) => size.to_owned(),
        Some(size) => format!("{MINUS}{size}"),
        None => text,
    }
}

/// Puts a sign before a number: `+`, `−`, or `±` before a zero.
fn signed(text: &str) -> String {
    let size = text.trim_start_matches('-');
    if size.bytes().all(|b| matches!(b, b'0' | b'.')) {
        format!("±{size}")
    } else if text.starts_with('-') {
        format!("{MINUS}{size}")
    } else {
        format!("+{size}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Level, Method};

    fn estimate(value: f64, low: Option<f64>, high: Option<f64>) -> Estimate {
        Estimate { value, low, high, level: Level::P95, n: 100, method: Method::Wilson }
    }

    #[test]
    fn significant_digits() {
        let check = |value: f64, shown: &str| assert_eq!(significant(value, 6), shown, "{value}");
        check(0.923_076_923, "0.923077");
        check(1_234.567_89, "1234.57");
        check(123_456_789.0, "123457000");
        check(0.000_012_345_678, "0.0000123457");
        check(9.999_999_9, "10");
        check(1.0, "1");
        check(-0.0, "0");
        check(-0.25, "-0.25");
        check(100.0, "100");
        check(f64::NAN, "");
        check(f64::INFINITY, "");
        check(1e-12, "0.000000000001");
    }

    #[test]
    fn people_read() {
        assert_eq!(percent(0.923), "92.3");
        assert_eq!(points(-0.035), "−3.5");
        assert_eq!(points(0.005), "+0.5");
        assert_eq!(points(-0.000_01), "±0.0");
        assert_eq!(points(f64::NAN), "n/a");
        assert_eq!(share(0.6), "60 %");
        assert_eq!(share(0.025), "2.5 %");
        assert_eq!(share(0.05), "5 %");
        assert_eq!(seconds(0.034), "0.034");
        assert_eq!(seconds(0.412), "0.41");
        assert_eq!(seconds(184.2), "184");
        assert_eq!(percentile(500), "p50");
        assert_eq!(percentile(999), "p99.9");
        assert_eq!(duration(660_000_000_000), "11 min");
        assert_eq!(duration(48_200_000_000), "48 s");
    }

    #[test]
    fn amounts_of_money() {
        assert_eq!(dollars(9.514), "9.51");
        assert_eq!(dollars(84_960.4), "84,960");
        assert_eq!(dollars(0.004_23), "0.0042");
        assert_eq!(dollars(-3.08), "−3.08");
        assert_eq!(dollars(0.0), "0.00");
        let usd = |t: &str| t.parse::<Usd>().expect(t);
        assert_eq!(money(usd("26.149")), "$26.15");
        assert_eq!(money(usd("-1234.5")), "−$1,234.50");
        assert_eq!(money(usd("0.00423")), "$0.0042");
        assert_eq!(money(Usd::ZERO), "$0.00");
    }

    #[test]
    fn intervals_say_what_they_know() {
        let full = estimate(0.923, Some(0.905), Some(0.941));
        assert_eq!(interval(&full, percent), "92.3 (90.5–94.1)");
        assert_eq!(interval(&estimate(5.0, Some(3.1), None), dollars), "≥ 3.10");
        assert_eq!(interval(&estimate(5.0, None, None), dollars), "5.00");
        let gap = estimate(-0.012, Some(-0.05), Some(0.026));
        assert_eq!(difference(&gap), "−1.2 (−5.0…+2.6)");
    }
}
