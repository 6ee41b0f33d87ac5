//! Prices as they are charged: rates by kind of token, what changes them, and what a usage costs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::units::{Factor, ServiceTier, Usage, Usd};

/// What a rate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// A prompt token.
    Input,
    /// An output token.
    Output,
    /// A prompt token read from the provider's cache.
    CachedInput,
    /// A prompt token written to the provider's cache.
    CacheWrite,
    /// A prompt token written to a cache that keeps it for an hour.
    CacheWrite1h,
    /// A reasoning token.
    Reasoning,
    /// A prompt token of audio.
    AudioInput,
    /// A prompt token of audio read from the provider's cache.
    CachedAudio,
    /// An output token of audio.
    AudioOutput,
    /// A prompt token of an image.
    ImageInput,
    /// An output token of an image.
    ImageOutput,
    /// A request, whatever its size.
    PerRequest,
    /// A search of the web that the provider makes.
    PerSearch,
    /// An image of the prompt. No API counts images in its usage, so this is kept and shown, and
    /// their tokens are what is charged.
    PerImage,
}

impl Rate {
    /// Every rate, in the order of files.
    pub const ALL: [Self; 14] = [
        Self::Input,
        Self::Output,
        Self::CachedInput,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::Reasoning,
        Self::AudioInput,
        Self::CachedAudio,
        Self::AudioOutput,
        Self::ImageInput,
        Self::ImageOutput,
        Self::PerRequest,
        Self::PerSearch,
        Self::PerImage,
    ];

    /// The key in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::CachedInput => "cached_input",
            Self::CacheWrite => "cache_write",
            Self::CacheWrite1h => "cache_write_1h",
            Self::Reasoning => "reasoning",
            Self::AudioInput => "audio_input",
            Self::CachedAudio => "cached_audio",
            Self::AudioOutput => "audio_output",
            Self::ImageInput => "image_input",
            Self::ImageOutput => "image_output",
            Self::PerRequest => "per_request",
            Self::PerSearch => "per_search",
            Self::PerImage => "per_image",
        }
    }

    /// Whether it is for a token, and so written per million of them.
    #[must_use]
    pub const fn is_per_token(self) -> bool {
        !matches!(self, Self::PerRequest | Self::PerSearch | Self::PerImage)
    }

    /// The amount as files write it: dollars per million tokens, or dollars each.
    #[must_use]
    pub fn written(self, usd: Usd) -> String {
        if self.is_per_token() { usd.times(1_000_000).to_string() } else { usd.to_string() }
    }

    /// Reads [`Rate::written`] back.
    pub fn read(self, text: &str) -> Result<Usd, crate::units::ParseUsdError> {
        if self.is_per_token() { Usd::per_million(text) } else { text.parse() }
    }
}

/// Prices for one token (or one request, one search) each, in dollars. A class without a price of
/// its own costs what its whole costs: cached input as input, reasoning as output.
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
    /// What changes the rates, in order: of those that apply the last one wins, rate by rate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// What every request is multiplied by at last: discounts and fees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<Factor>,
}

/// Rates that replace the base ones where all of its conditions hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Prompts of more tokens than this (strictly); the whole request is priced anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above_input: Option<u64>,
    /// Requests of this service tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<ServiceTier>,
    /// Times of the day, UTC; empty: all day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Hours>,
    /// Days of the week, 1 (Monday) to 7; empty: every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<i8>,
    /// The first day, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// The first day on which it holds no more, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The rates.
    pub rates: BTreeMap<Rate, Usd>,
}

/// A time of the day, UTC: from a minute of the day up to before another. It may pass midnight, and
/// the whole day is from 0 to 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// The first minute, 0 to 1439.
    pub from_min: u16,
    /// The first minute after it, 0 to 1439.
    pub to_min: u16,
}

impl Hours {
    /// Reads `16:30-00:30`; `24:00` is `00:00`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let minute = |text: &str| {
            let (hours, minutes) = text.trim().split_once(':')?;
            let digits = |s: &str| s.len() <= 2 && s.bytes().all(|b| b.is_ascii_digit());
            let (h, m) = (hours, minutes);
            let (h, m): (u16, u16) =
                (digits(h) && digits(m)).then(|| h.parse().ok().zip(m.parse().ok()))??;
            let total = h * 60 + m;
            (m < 60 && total <= 1440).then_some(total % 1440)
        };
        let (from, to) = text.split_once('-')?;
        Some(Self { from_min: minute(from)?, to_min: minute(to)? })
    }

    /// Whether a minute of the day is in it.
    #[must_use]
    pub const fn holds(self, minute: u16) -> bool {
        if self.from_min < self.to_min {
            self.from_min <= minute && minute < self.to_min
        } else {
            self.from_min <= minute || minute < self.to_min
        }
    }
}

impl std::fmt::Display for Hours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (a, b) = (self.from_min, self.to_min);
        write!(f, "{:02}:{:02}-{:02}:{:02}", a / 60, a % 60, b / 60, b % 60)
    }
}

/// What a request's price depends on beside its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// When it was sent; `None`: not said, and nothing that depends on the time applies.
    pub at: Option<Timestamp>,
    /// Its service tier; `None`: the standard one.
    pub tier: Option<ServiceTier>,
}

impl Change {
    fn applies(&self, input: u64, terms: &Terms) -> bool {
        self.above_input.is_none_or(|threshold| input > threshold)
            && self.is_of_tier(terms.tier)
            && (!self.depends_on_time() || terms.at.is_some_and(|at| self.holds_at(at)))
    }

    fn is_of_tier(&self, tier: Option<ServiceTier>) -> bool {
        self.tier.is_none_or(|own| own == tier.unwrap_or(ServiceTier::Standard))
    }

    fn depends_on_time(&self) -> bool {
        !self.hours.is_empty()
            || !self.weekdays.is_empty()
            || self.from.is_some()
            || self.until.is_some()
    }

    fn holds_at(&self, at: Timestamp) -> bool {
        let at = at.to_zoned(TimeZone::UTC);
        let minute = u16::try_from(i32::from(at.hour()) * 60 + i32::from(at.minute()));
        let minute = minute.expect("a minute of the day");
        let weekday = at.weekday().to_monday_one_offset();
        (self.hours.is_empty() || self.hours.iter().any(|hours| hours.holds(minute)))
            && (self.weekdays.is_empty() || self.weekdays.contains(&weekday))
            && self.from.is_none_or(|first| at.date() >= first)
            && self.until.is_none_or(|end| at.date() < end)
    }

    /// Its conditions in a few words: `above 272000 tokens, flex`.
    #[must_use]
    pub fn condition(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.above_input.map(|n| format!("above {n} tokens")));
        words.extend(self.tier.map(|tier| tier.name().to_owned()));
        if !self.hours.is_empty() {
            let hours: Vec<String> = self.hours.iter().map(Hours::to_string).collect();
            words.push(format!("{} UTC", hours.join(" ")));
        }
        if !self.weekdays.is_empty() {
            let name = |day: &i8| {
                ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
                    [usize::try_from(*day - 1).unwrap_or(0).min(6)]
            };
            words.push(self.weekdays.iter().map(name).collect::<Vec<_>>().join(" "));
        }
        words.extend(self.from.map(|day| format!("from {day}")));
        words.extend(self.until.map(|day| format!("until {day}")));
        words.join(", ")
    }
}

/// The rates that hold for one request.
struct Sheet([Option<Usd>; Rate::ALL.len()]);

impl Sheet {
    fn get(&self, rate: Rate) -> Option<Usd> {
        self.0[rate as usize]
    }

    /// The first of these rates that has a price of its own.
    fn first(&self, rates: &[Rate]) -> Usd {
        let found = rates.iter().find_map(|rate| self.get(*rate));
        found.expect("input and output always have a price")
    }

    /// The price of an hour's cache write. Where writes have a price of their own but those of an
    /// hour do not, theirs is not known: they are dearer.
    fn hour_write(&self) -> Option<Usd> {
        match (self.get(Rate::CacheWrite1h), self.get(Rate::CacheWrite)) {
            (None, Some(_)) => None,
            (own, _) => Some(own.unwrap_or_else(|| self.first(&[Rate::Input]))),
        }
    }
}

impl Rates {
    /// The base rate, where it has a price of its own.
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

    fn sheet(&self, input: u64, terms: &Terms) -> Sheet {
        let mut sheet = Sheet(Rate::ALL.map(|rate| self.get(rate)));
        for change in self.changes.iter().filter(|change| change.applies(input, terms)) {
            for (rate, usd) in &change.rates {
                sheet.0[*rate as usize] = Some(*usd);
            }
        }
        sheet
    }

    /// What a usage costs. `None` when a count or a rate that is needed is not known.
    ///
    /// Counts that overlap (an image's tokens in the cache) are charged once: a class can only take
    /// what the classes before it left of its whole.
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
        Some(self.factor.map_or(sum, |factor| sum.scaled(factor)))
    }

    /// The most that a request can cost whose prompt has at most `input` tokens and whose answer
    /// has at most `output`: every token at the dearest rate that could apply to it, at any time of
    /// any day. A tier that was not asked for is not served; one that was may not be, so the
    /// standard rates count beside its own.
    #[must_use]
    pub fn at_most(&self, input: u64, output: u64, tier: Option<ServiceTier>) -> Usd {
        let could_apply = |change: &&Change| {
            change.above_input.is_none_or(|threshold| input > threshold)
                && (change.is_of_tier(tier) || change.is_of_tier(None))
        };
        let dearest = |rates: &[Rate]| {
            let base = rates.iter().filter_map(|rate| self.get(*rate));
            let changed = self.changes.iter().filter(could_apply);
            let changed =
                changed.flat_map(|c| rates.iter().filter_map(|rate| c.rates.get(rate).copied()));
            base.chain(changed).fold(Usd::ZERO, Ord::max)
        };
        let prompt = dearest(&[
            Rate::Input,
            Rate::CachedInput,
            Rate::CacheWrite,
            Rate::CacheWrite1h,
            Rate::AudioInput,
            Rate::CachedAudio,
            Rate::ImageInput,
        ]);
        let answer =
            dearest(&[Rate::Output, Rate::Reasoning, Rate::AudioOutput, Rate::ImageOutput]);
        let sum = prompt.times(input) + answer.times(output) + dearest(&[Rate::PerRequest]);
        self.factor.map_or(sum, |factor| sum.scaled(factor))
    }
}

/// What an endpoint costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "most prices are rates; there are thousands at most")]
pub enum Price {
    /// Published rates.
    Rates(Rates),
    /// Dollars per hour of a machine of one's own: a request costs nothing more, and what a task
    /// costs depends on how many the machine answers in an hour.
    PerHour(Usd),
    /// Costs nothing.
    Free,
    /// Not known: shown, kept out of the weights, refused under a budget.
    Unknown,
}

impl Price {
    /// What a usage costs at the standard tier and at no particular time. `None` when the price is
    /// unknown, or when a count that the price needs is.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<Usd> {
        self.cost_under(usage, &Terms::default())
    }

    /// What a usage costs under these terms.
    #[must_use]
    pub fn cost_under(&self, usage: &Usage, terms: &Terms) -> Option<Usd> {
        match self {
            Self::Free | Self::PerHour(_) => Some(Usd::ZERO),
            Self::Unknown => None,
            Self::Rates(rates) => rates.cost(usage, terms),
        }
    }

    /// The most that a request can cost: see [`Rates::at_most`].
    #[must_use]
    pub fn at_most(&self, input: u64, output: u64, tier: Option<ServiceTier>) -> Option<Usd> {
        match self {
            Self::Free | Self::PerHour(_) => Some(Usd::ZERO),
            Self::Unknown => None,
            Self::Rates(rates) => Some(rates.at_most(input, output, tier)),
        }
    }

    /// Whether searches that the provider makes are charged.
    #[must_use]
    pub fn charges_searches(&self) -> bool {
        let Self::Rates(rates) = self else { return false };
        rates
            .lines()
            .into_iter()
            .any(|((_, rate), usd)| rate == Rate::PerSearch && usd != Usd::ZERO)
    }

    /// Whether a call can cost money: published rates that are not all zero, or an unknown price.
    #[must_use]
    pub fn is_billed(&self) -> bool {
        match self {
            Self::Free | Self::PerHour(_) => false,
            Self::Unknown => true,
            Self::Rates(rates) => rates.lines().into_iter().any(|((_, rate), usd)| {
                rate != Rate::PerImage && rate != Rate::PerSearch && usd != Usd::ZERO
            }),
        }
    }
}
