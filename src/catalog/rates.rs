//! What tokens, requests and searches cost, and what a usage costs by them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::change::{Change, Terms};
use super::rate::Rate;
use crate::units::{Factor, ServiceTier, Usage, Usd};

/// Dollars for one token (or one request, one search). A kind without its own rate costs as much as
/// the kind that contains it: cached input as input, reasoning as output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// For a prompt token.
    pub input: Usd,
    /// For an output token.
    pub output: Usd,
    /// For a prompt token read from the provider's cache.
    pub cached_input: Option<Usd>,
    /// For a prompt token written to the provider's cache.
    pub cache_write: Option<Usd>,
    /// For a reasoning token.
    pub reasoning: Option<Usd>,
    /// For a request, whatever its size.
    pub per_request: Option<Usd>,
    /// The rarer rates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<Rate, Usd>,
    /// Conditional rates, in order: of those that apply the last one wins, rate by rate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Applied last to every request: discounts and fees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<Factor>,
    /// The share off the undiscounted rates that the rates above contain already. A router need not
    /// give it to every request, so budgets reserve without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Factor>,
}

/// The rates that hold for one request.
struct EffectiveRates([Option<Usd>; Rate::ALL.len()]);

impl EffectiveRates {
    fn get(&self, rate: Rate) -> Option<Usd> {
        self.0[rate as usize]
    }

    /// The first of these rates that is set.
    fn first(&self, rates: &[Rate]) -> Usd {
        let found = rates.iter().find_map(|rate| self.get(*rate));
        found.expect("input and output always have a price")
    }

    /// The rate of a cache write kept for an hour. If only the common write rate is set, it is
    /// unknown: such writes cost more.
    fn hour_write(&self) -> Option<Usd> {
        match (self.get(Rate::CacheWrite1h), self.get(Rate::CacheWrite)) {
            (None, Some(_)) => None,
            (own, _) => Some(own.unwrap_or_else(|| self.first(&[Rate::Input]))),
        }
    }
}

impl Rates {
    /// The base rate, if it is set.
    #[must_use]
    pub fn get(&self, rate: Rate) -> Option<Usd> {
        match rate {
            Rate::Input => Some(self.input),
            Rate::Output => Some(self.output),
            Rate::CachedInput => self.cached_input,
            Rate::CacheWrite => self.cache_write,
            Rate::Reasoning => self.reasoning,
            Rate::PerRequest => self.per_request,
            rarer => self.more.get(&rarer).copied(),
        }
    }

    /// From rates by name; `None` without input or output.
    #[must_use]
    pub fn from_map(mut rates: BTreeMap<Rate, Usd>) -> Option<Self> {
        Some(Self {
            input: rates.remove(&Rate::Input)?,
            output: rates.remove(&Rate::Output)?,
            cached_input: rates.remove(&Rate::CachedInput),
            cache_write: rates.remove(&Rate::CacheWrite),
            reasoning: rates.remove(&Rate::Reasoning),
            per_request: rates.remove(&Rate::PerRequest),
            more: rates,
            changes: Vec::new(),
            factor: None,
            promotion: None,
        })
    }

    /// Every rate with its condition (empty for the base), in a stable order: for comparing.
    #[must_use]
    pub fn lines(&self) -> BTreeMap<(String, Rate), Usd> {
        let base = Rate::ALL.into_iter().filter_map(|rate| Some((rate, self.get(rate)?)));
        let mut lines: BTreeMap<(String, Rate), Usd> =
            base.map(|(rate, usd)| ((String::new(), rate), usd)).collect();
        for change in &self.changes {
            let condition = change.condition();
            lines.extend(change.rates.iter().map(|(rate, usd)| ((condition.clone(), *rate), *usd)));
        }
        if let Some(factor) = self.factor {
            for usd in lines.values_mut() {
                *usd = usd.scaled(factor);
            }
        }
        lines
    }

    fn sheet(&self, input: u64, terms: &Terms) -> EffectiveRates {
        let mut sheet = EffectiveRates(Rate::ALL.map(|rate| self.get(rate)));
        for change in self.changes.iter().filter(|change| change.applies(input, terms)) {
            for (rate, usd) in &change.rates {
                sheet.0[*rate as usize] = Some(*usd);
            }
        }
        sheet
    }

    /// The cost of a usage. `None`: a needed count or rate is unknown, or no request costs so much.
    ///
    /// Overlapping counts (cached tokens of an image) are charged once: each kind takes at most what
    /// the kinds before it left of the total.
    #[must_use]
    pub fn cost(&self, usage: &Usage, terms: &Terms) -> Option<Usd> {
        use Rate::{
            AudioInput, AudioOutput, CacheWrite, CachedAudio, CachedInput, ImageInput, ImageOutput,
            Input, Output, Reasoning,
        };
        let (input, output) = (usage.input?, usage.output?);
        let sheet = self.sheet(input, terms);
        let count = |tokens: Option<u64>| tokens.unwrap_or(0);
        let mut left = input;
        let mut take = |tokens: u64| {
            let taken = tokens.min(left);
            left -= taken;
            taken
        };
        let cached = take(count(usage.cached_input));
        let cached_audio = count(usage.cached_audio).min(cached);
        let written = take(count(usage.cache_write));
        let hour_written = count(usage.cache_write_1h).min(written);
        let audio = take(count(usage.audio_input).saturating_sub(cached_audio));
        let image = take(count(usage.image_input));
        let text = left;
        let mut left = output;
        let mut take = |tokens: u64| {
            let taken = tokens.min(left);
            left -= taken;
            taken
        };
        let reasoning = take(count(usage.reasoning));
        let spoken = take(count(usage.audio_output));
        let drawn = take(count(usage.image_output));
        let said = left;

        let mut sum = sheet.first(&[Input]).times(text)
            + sheet.first(&[CachedInput, Input]).times(cached - cached_audio)
            + sheet.first(&[CachedAudio, CachedInput, AudioInput, Input]).times(cached_audio)
            + sheet.first(&[CacheWrite, Input]).times(written - hour_written)
            + sheet.first(&[AudioInput, Input]).times(audio)
            + sheet.first(&[ImageInput, Input]).times(image)
            + sheet.first(&[Output]).times(said)
            + sheet.first(&[Reasoning, Output]).times(reasoning)
            + sheet.first(&[AudioOutput, Output]).times(spoken)
            + sheet.first(&[ImageOutput, Output]).times(drawn)
            + sheet.get(Rate::PerRequest).unwrap_or(Usd::ZERO);
        if hour_written > 0 {
            sum += sheet.hour_write()?.times(hour_written);
        }
        if let Some(searches) = usage.searches.filter(|n| *n > 0) {
            sum += sheet.get(Rate::PerSearch)?.times(searches);
        }
        self.factor.map_or(sum, |factor| sum.scaled(factor)).of_request()
    }

    /// The highest cost of a request with at most `input` prompt tokens and `output` tokens of answer:
    /// every token at the highest rate that could apply at any time, without a promotion. A requested
    /// tier may not be granted, so the standard rates count as well.
    #[must_use]
    pub fn max_cost(&self, input: u64, output: u64, tier: Option<ServiceTier>) -> Usd {
        let could_apply = |change: &&Change| {
            change.above_input.is_none_or(|threshold| input > threshold)
                && (change.is_of_tier(tier) || change.is_of_tier(None))
        };
        let highest = |rates: &[Rate]| {
            let base = rates.iter().filter_map(|rate| self.get(*rate));
            let changed = self.changes.iter().filter(could_apply);
            let changed =
                changed.flat_map(|c| rates.iter().filter_map(|rate| c.rates.get(rate).copied()));
            base.chain(changed).fold(Usd::ZERO, Ord::max)
        };
        let prompt = highest(&[
            Rate::Input,
            Rate::CachedInput,
            Rate::CacheWrite,
            Rate::CacheWrite1h,
            Rate::AudioInput,
            Rate::CachedAudio,
            Rate::ImageInput,
        ]);
        let answer =
            highest(&[Rate::Output, Rate::Reasoning, Rate::AudioOutput, Rate::ImageOutput]);
        let sum = prompt.times(input) + answer.times(output) + highest(&[Rate::PerRequest]);
        let sum = self.factor.map_or(sum, |factor| sum.scaled(factor));
        let paid = self.promotion.and_then(Factor::less_than_one);
        paid.and_then(|paid| sum.before(paid)).unwrap_or(sum)
    }

    /// Whether a share can be a [`promotion`](Self::promotion): above 0 and at most 0.999.
    #[must_use]
    pub fn is_promotion(share: Factor) -> bool {
        let most = Usd::from_raw(999 * 10_i128.pow(21));
        let share = Usd::from_raw(10_i128.pow(24)).scaled(share);
        share > Usd::ZERO && share <= most
    }
}
