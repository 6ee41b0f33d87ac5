//! Prices that seem to be in another unit.

use std::fmt;

use super::rate::Rate;
use super::rates::Rates;
use crate::units::Usd;
use crate::units::prose::group_thousands;

/// Below $0.01 per million tokens a rate was probably meant per token or per thousand: of 1,113
/// published pairs of rates (OpenRouter and LiteLLM, 2026) none is below, and of the same rates
/// divided by a thousand 92 % are.
const SUSPICIOUSLY_LOW: Usd = Usd::from_raw(10_000_000_000_000_000);
/// Above $600 per million tokens it was probably multiplied once too often: the highest of those
/// rates is $600, and of the same rates times a thousand 80 % are above.
const SUSPICIOUSLY_HIGH: Usd = Usd::from_raw(600_000_000_000_000_000_000);
/// Above $10 for one request, search or image.
const HIGH_EACH: Usd = Usd::from_raw(10 * 10_i128.pow(24));

/// A rate that seems to be in another unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oddity {
    rate: Rate,
    usd: Usd,
}

impl Rates {
    /// The first rate that seems to be in another unit.
    #[must_use]
    pub fn oddity(&self) -> Option<Oddity> {
        let lines = self.lines();
        lines.into_iter().map(|((_, rate), usd)| Oddity { rate, usd }).find(Oddity::is_odd)
    }
}

impl Oddity {
    fn is_odd(&self) -> bool {
        if !self.rate.is_per_token() {
            return self.usd > HIGH_EACH;
        }
        // Cached and rarer tokens may cost next to nothing.
        let is_main = matches!(self.rate, Rate::Input | Rate::Output);
        let is_low = is_main && self.usd > Usd::ZERO && self.usd < SUSPICIOUSLY_LOW;
        is_low || self.usd > SUSPICIOUSLY_HIGH
    }

    /// The rate's name in files.
    #[must_use]
    pub fn rate(&self) -> &'static str {
        self.rate.name()
    }
}

/// What is odd and what may be meant, after the rate's name: `is $15000 per million tokens: …`.
impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 2] =
            [(1_000, "dollars per thousand tokens"), (1_000_000, "dollars per token")];
        if !self.rate.is_per_token() {
            return write!(f, "is ${} each: the list may be in another unit", self.usd);
        }
        let is_low = self.usd < SUSPICIOUSLY_LOW;
        let usual = UNITS.iter().filter_map(|(times, unit)| {
            let usd = if is_low { self.usd.times(*times) } else { self.usd.per(*times)? };
            let is_usual = (SUSPICIOUSLY_LOW..=SUSPICIOUSLY_HIGH).contains(&usd);
            is_usual.then(|| (*unit, format!("\"{}\"", usd.times(1_000_000))))
        });
        let (units, meant): (Vec<&str>, Vec<String>) = usual.unzip();
        let usd = self.usd.times(1_000_000).to_string();
        let usd = usd.parse().map_or(usd, group_thousands);
        write!(f, "is ${usd} per million tokens: ")?;
        match (is_low, units.as_slice()) {
            (true, [_, ..]) => write!(f, "it looks like {}", units.join(" or "))?,
            _ => f.write_str(
                "a thousand or a million times too high, so the list may be in another unit",
            )?,
        }
        f.write_str("; prices are in dollars per million tokens")?;
        if meant.is_empty() { Ok(()) } else { write!(f, ", which may be {}", meant.join(" or ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd(rate: Rate, written: &str) -> String {
        let one: Usd = "0.000001".parse().expect("a decimal");
        let mut map = [(Rate::Input, one), (Rate::Output, one)].into();
        std::collections::BTreeMap::insert(&mut map, rate, rate.read(written).expect("a price"));
        let rates = Rates::from_map(map).expect("both");
        rates.oddity().map_or("usual".to_owned(), |odd| format!("{} {odd}", odd.rate()))
    }

    #[test]
    fn a_price_in_another_unit_is_told_with_what_may_be_meant() {
        let said = [
            odd(Rate::Input, "0.00000025"),
            odd(Rate::Output, "0.00025"),
            odd(Rate::Input, "15000"),
            odd(Rate::AudioOutput, "600.01"),
            odd(Rate::Input, "90000000"),
            odd(Rate::PerRequest, "11"),
            odd(Rate::Output, "600"),
            odd(Rate::CachedInput, "0.0001"),
            odd(Rate::Input, "0"),
        ];
        insta::assert_snapshot!(said.join("\n"), @r#"
        input is $0.00000025 per million tokens: it looks like dollars per token; prices are in dollars per million tokens, which may be "0.25"
        output is $0.00025 per million tokens: it looks like dollars per thousand tokens or dollars per token; prices are in dollars per million tokens, which may be "0.25" or "250"
        input is $15,000 per million tokens: a thousand or a million times too high, so the list may be in another unit; prices are in dollars per million tokens, which may be "15" or "0.015"
        audio_output is $600.01 per million tokens: a thousand or a million times too high, so the list may be in another unit; prices are in dollars per million tokens, which may be "0.60001"
        input is $90,000,000 per million tokens: a thousand or a million times too high, so the list may be in another unit; prices are in dollars per million tokens, which may be "90"
        per_request is $11 each: the list may be in another unit
        usual
        usual
        usual
        "#);
    }
}
