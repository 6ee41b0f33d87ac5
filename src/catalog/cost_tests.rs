//! Costs against an independent computation with big rationals, and the rules of conditions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use proptest::prelude::*;

use super::change::{Change, Hours, Terms};
use super::price::Price;
use super::rate::Rate;
use super::rates::Rates;
use crate::units::{Factor, ServiceTier, Usage, Usd};

fn usd(text: &str) -> Usd {
    text.parse().expect(text)
}

fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

/// 10²⁴ times a decimal string, by nothing that the product uses.
fn big(text: &str) -> BigRational {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: BigInt = format!("{whole}{fraction}").parse().expect("digits");
    let places = u32::try_from(fraction.len()).expect("few");
    BigRational::new(digits, BigInt::from(10).pow(places)) * unit()
}

fn unit() -> BigRational {
    BigRational::from_integer(BigInt::from(10).pow(24))
}

/// Half to even.
fn rounded(value: &BigRational) -> BigInt {
    let (floor, half) = (value.floor(), BigRational::new(BigInt::one(), BigInt::from(2)));
    let rest = value - &floor;
    let floor = floor.to_integer();
    let is_odd = !(&floor % BigInt::from(2)).is_zero();
    if rest > half || (rest == half && is_odd) { floor + BigInt::one() } else { floor }
}

/// A threshold, a tier, the hours, and the rates that then hold.
type Changed = (Option<u64>, Option<ServiceTier>, Option<(u16, u16)>, BTreeMap<Rate, String>);

/// A case: a price as decimal strings, a usage, and the terms.
#[derive(Clone, Debug)]
struct Case {
    base: BTreeMap<Rate, String>,
    changes: Vec<Changed>,
    factor: Option<String>,
    usage: Usage,
    tier: Option<ServiceTier>,
    minute: u16,
}

impl Case {
    fn price(&self) -> Rates {
        let amounts =
            |rates: &BTreeMap<Rate, String>| rates.iter().map(|(r, t)| (*r, usd(t))).collect();
        let change = |(above, tier, hours, rates): &Changed| Change {
            above_input: *above,
            tier: *tier,
            hours: hours.iter().map(|(f, t)| Hours { from_min: *f, to_min: *t }).collect(),
            rates: amounts(rates),
            ..Change::default()
        };
        Rates {
            changes: self.changes.iter().map(change).collect(),
            factor: self.factor.as_ref().map(|text| text.parse().expect("a factor")),
            ..Rates::from_map(amounts(&self.base)).expect("input and output")
        }
    }

    fn terms(&self) -> Terms {
        let (h, m) = (self.minute / 60, self.minute % 60);
        Terms { at: Some(at(&format!("2026-03-04T{h:02}:{m:02}:30Z"))), tier: self.tier }
    }

    /// The cost in units of 10⁻²⁴ dollars, from the definition: token by token where it matters.
    fn independent(&self) -> BigInt {
        let usage = &self.usage;
        let input = usage.input.expect("known");
        let mut sheet: BTreeMap<Rate, &String> = self.base.iter().map(|(r, t)| (*r, t)).collect();
        for (above, tier, hours, rates) in &self.changes {
            let size = above.is_none_or(|n| input > n);
            let of_tier = tier.is_none_or(|t| t == self.tier.unwrap_or(ServiceTier::Standard));
            let in_hours = hours.is_none_or(|(from, to)| {
                let mut minute = from;
                loop {
                    if minute == self.minute {
                        return true;
                    }
                    minute = (minute + 1) % 1440;
                    if minute == to {
                        return false;
                    }
                }
            });
            if size && of_tier && in_hours {
                sheet.extend(rates.iter().map(|(r, t)| (*r, t)));
            }
        }
        let price = |own: Rate, whole: Rate| big(sheet.get(&own).unwrap_or(&sheet[&whole]));
        let n = |tokens: Option<u64>| BigRational::from_integer(BigInt::from(tokens.unwrap_or(0)));
        let parts = [
            (Rate::CachedInput, usage.cached_input),
            (Rate::CacheWrite, usage.cache_write),
            (Rate::AudioInput, usage.audio_input),
            (Rate::ImageInput, usage.image_input),
        ];
        let mut sum = price(Rate::Input, Rate::Input) * n(usage.input);
        for (rate, tokens) in parts {
            sum += (price(rate, Rate::Input) - price(Rate::Input, Rate::Input)) * n(tokens);
        }
        sum += price(Rate::Output, Rate::Output) * n(usage.output);
        let parts = [
            (Rate::Reasoning, usage.reasoning),
            (Rate::AudioOutput, usage.audio_output),
            (Rate::ImageOutput, usage.image_output),
        ];
        for (rate, tokens) in parts {
            sum += (price(rate, Rate::Output) - price(Rate::Output, Rate::Output)) * n(tokens);
        }
        if let Some(request) = sheet.get(&Rate::PerRequest) {
            sum += big(request);
        }
        let factor = self.factor.as_ref().map_or_else(unit, |text| big(text)) / unit();
        rounded(&(sum * factor))
    }
}

/// A published price: up to 24 decimals of a dollar a token.
fn decimal() -> impl Strategy<Value = String> {
    (1_u32..=24, any::<u64>()).prop_map(|(places, digits)| {
        let digits = digits % 10_u64.pow(places.min(18));
        let text = format!("{digits:0width$}", width = places as usize);
        format!("0.{text}")
    })
}

fn rates(with_base: bool) -> impl Strategy<Value = BTreeMap<Rate, String>> {
    let kinds = [
        Rate::Input,
        Rate::Output,
        Rate::CachedInput,
        Rate::CacheWrite,
        Rate::Reasoning,
        Rate::AudioInput,
        Rate::AudioOutput,
        Rate::ImageInput,
        Rate::ImageOutput,
        Rate::PerRequest,
    ];
    proptest::collection::vec(proptest::option::of(decimal()), kinds.len()).prop_map(move |texts| {
        let mut rates: BTreeMap<Rate, String> =
            kinds.into_iter().zip(texts).filter_map(|(rate, text)| Some((rate, text?))).collect();
        if with_base {
            rates.entry(Rate::Input).or_insert_with(|| "0.000001".to_owned());
            rates.entry(Rate::Output).or_insert_with(|| "0.000002".to_owned());
        }
        rates
    })
}

fn tier() -> impl Strategy<Value = Option<ServiceTier>> {
    proptest::option::of(proptest::sample::select(ServiceTier::ALL.to_vec()))
}

fn usage() -> impl Strategy<Value = Usage> {
    let part = || proptest::option::of(0_u64..100_000);
    (part(), part(), part(), part(), part(), part(), part(), 0_u64..300_000, 0_u64..100_000)
        .prop_map(|(cached, written, audio, image, reasoning, spoken, drawn, text, said)| {
            let sum = |parts: &[Option<u64>]| parts.iter().flatten().sum::<u64>();
            Usage {
                input: Some(text + sum(&[cached, written, audio, image])),
                cached_input: cached,
                cache_write: written,
                audio_input: audio,
                image_input: image,
                output: Some(said + sum(&[reasoning, spoken, drawn])),
                reasoning,
                audio_output: spoken,
                image_output: drawn,
                ..Usage::UNKNOWN
            }
        })
}

fn case() -> impl Strategy<Value = Case> {
    let hours = proptest::option::of((0_u16..1440, 0_u16..1440));
    let change = (proptest::option::of(0_u64..400_000), tier(), hours, rates(false));
    let factor = proptest::option::of((0_u64..2_000_000_000, 0_u32..10).prop_map(|(n, places)| {
        let scale = 10_u64.pow(places);
        let n = n % (2 * scale);
        if places == 0 {
            return n.to_string();
        }
        format!("{}.{:0width$}", n / scale, n % scale, width = places as usize)
    }));
    (rates(true), proptest::collection::vec(change, 0..4), factor, usage(), tier(), 0_u16..1440)
        .prop_map(|(base, changes, factor, usage, tier, minute)| Case {
            base,
            changes,
            factor,
            usage,
            tier,
            minute,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_cost_is_that_of_big_rationals(case in case()) {
        let cost = case.price().cost(&case.usage, &case.terms()).expect("all is known");
        prop_assert_eq!(BigInt::from(cost.raw()), case.independent());
        prop_assert!(!case.independent().is_negative());
    }

    #[test]
    fn nothing_costs_more_than_its_bound(case in case(), more in 0_u64..1_000) {
        let price = case.price();
        let cost = price.cost(&case.usage, &case.terms()).expect("all is known");
        let (input, output) = (case.usage.input.expect("known"), case.usage.output.expect("known"));
        prop_assert!(cost <= price.max_cost(input + more, output, case.tier));
    }

    #[test]
    fn a_price_reads_back_from_its_file_and_its_json(case in case()) {
        let price = Price::Rates(case.price());
        let json = serde_json::to_string(&price).expect("plain data");
        prop_assert_eq!(&serde_json::from_str::<Price>(&json).expect("its own JSON"), &price);
    }
}

fn tiered() -> Rates {
    let rates = |pairs: &[(Rate, &str)]| pairs.iter().map(|(r, t)| (*r, usd(t))).collect();
    Rates {
        changes: vec![
            Change {
                above_input: Some(200),
                rates: rates(&[(Rate::Input, "2"), (Rate::Output, "20")]),
                ..Change::default()
            },
            Change {
                tier: Some(ServiceTier::Flex),
                rates: rates(&[(Rate::Input, "0.5")]),
                ..Change::default()
            },
            Change {
                hours: vec![Hours { from_min: 990, to_min: 30 }],
                weekdays: vec![1, 2, 3, 4, 5],
                rates: rates(&[(Rate::Output, "5")]),
                ..Change::default()
            },
            Change {
                from: Some("2027-01-01".parse().expect("a day")),
                until: Some("2027-02-01".parse().expect("a day")),
                rates: rates(&[(Rate::Output, "100")]),
                ..Change::default()
            },
        ],
        ..Rates::from_map(rates(&[(Rate::Input, "1"), (Rate::Output, "10")])).expect("both")
    }
}

/// What a request costs whose prompt has so many tokens and whose answer has one.
fn check(input: u64, tier: Option<ServiceTier>, when: &str, expected: &str) {
    let usage = Usage { input: Some(input), output: Some(1), ..Usage::UNKNOWN };
    let cost = tiered().cost(&usage, &Terms { at: Some(at(when)), tier });
    assert_eq!(cost, Some(usd(expected)), "{input} {tier:?} {when}");
}

#[test]
fn a_tier_by_size_begins_above_its_threshold_and_prices_the_whole_request() {
    let noon = "2026-03-04T12:00:00Z";
    check(200, None, noon, "210");
    check(201, None, noon, "422");
    check(201, Some(ServiceTier::Flex), noon, "120.5");
    check(200, Some(ServiceTier::Priority), noon, "210");
}

#[test]
fn windows_pass_midnight_and_dates_end() {
    check(1, None, "2026-03-04T16:29:59Z", "11");
    check(1, None, "2026-03-04T16:30:00Z", "6");
    check(1, None, "2026-03-05T00:29:59Z", "6");
    check(1, None, "2026-03-05T00:30:00Z", "11");
    // The 7th of March 2026 is a Saturday.
    check(1, None, "2026-03-07T16:30:00Z", "11");
    check(1, None, "2027-01-31T23:59:59Z", "101");
    check(1, None, "2027-02-01T12:00:00Z", "11");
    let usage = Usage { input: Some(1), output: Some(1), ..Usage::UNKNOWN };
    let cost = tiered().cost(&usage, &Terms::default());
    assert_eq!(cost, Some(usd("11")), "no time, nothing that depends on it");
}

#[test]
fn the_bound_is_the_dearest_that_could_apply() {
    let price = tiered();
    assert_eq!(price.max_cost(200, 1, None), usd("300"));
    assert_eq!(price.max_cost(201, 1, None), usd("502"));
    assert_eq!(price.max_cost(201, 1, Some(ServiceTier::Flex)), usd("502"));
}

#[test]
fn what_has_no_price_is_not_known() {
    let base = [(Rate::Input, usd("1")), (Rate::Output, usd("1")), (Rate::CacheWrite, usd("1.25"))];
    let price = Rates::from_map(base.into()).expect("both");
    let usage = Usage { input: Some(10), output: Some(0), ..Usage::UNKNOWN };
    let cost = |usage: Usage| price.cost(&usage, &Terms::default());
    assert_eq!(cost(usage), Some(usd("10")));
    let written = Usage { cache_write: Some(4), ..usage };
    assert_eq!(cost(written), Some(usd("11")));
    assert_eq!(cost(Usage { cache_write_1h: Some(1), ..written }), None);
    assert_eq!(cost(Usage { searches: Some(1), ..usage }), None);
    assert_eq!(cost(Usage { searches: Some(0), ..usage }), Some(usd("10")));
    assert_eq!(cost(Usage { output: None, ..usage }), None);
}

#[test]
fn a_factor_is_applied_to_the_product() {
    let base = [(Rate::Input, Usd::from_raw(3)), (Rate::Output, Usd::ZERO)];
    let factor: Option<Factor> = Some("0.5".parse().expect("a factor"));
    let price = Rates { factor, ..Rates::from_map(base.into()).expect("both") };
    let cost = |input| {
        let usage = Usage { input: Some(input), output: Some(0), ..Usage::UNKNOWN };
        price.cost(&usage, &Terms::default()).expect("known").raw()
    };
    assert_eq!([cost(1), cost(2), cost(3), cost(5)], [2, 3, 4, 8]);
}
