//! When the requests of an open loop are to be sent: one absolute list, drawn once from the seed.
//!
//! The list knows nothing of workers, cores or how the last answer is doing, so it is the same
//! whatever sends it. A shorter window or a smaller number of requests is the beginning of the
//! longer list, and the same seed at twice the rate is the same pattern, twice as dense.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::units::clock::nanos;
use crate::units::toml_text::did_you_mean;
use crate::units::{Draw, Seed};

/// The most arrivals in one list: 8 bytes each, 16 with lengths, so 160 MB; a day at 115/s.
pub const MAX_ARRIVALS: usize = 10_000_000;
/// The highest rate: gaps of a microsecond, below which no sender keeps time.
pub const MAX_PER_S: f64 = 1e6;
/// The lowest rate: one request in about three hours. Less is not load.
pub const MIN_PER_S: f64 = 1e-4;
/// The largest coefficient of variation. Beyond it, thousands of requests are a handful of bursts,
/// and a run says more about its seed than about the server.
pub const MAX_CV: f64 = 10.0;
/// The smallest coefficient of variation: gaps that vary by 1 % are a constant rate to any server.
pub const MIN_CV: f64 = 0.01;
/// The most steps of one shape, and more than a chart can show.
pub const MAX_STEPS: usize = 1_000;

/// How the gaps between requests are distributed.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Equal gaps; the first request leaves at 0.
    Constant {
        /// Requests per second.
        per_s: f64,
    },
    /// Independent users: exponential gaps.
    Poisson {
        /// Requests per second, in the mean.
        per_s: f64,
    },
    /// Burstier (`cv` above 1) or more even (below 1) than independent users: gamma gaps. Bursts
    /// are dense: at 200/s and a `cv` of 3, four gaps in ten are shorter than 10 µs, which no
    /// server can tell from none.
    Gamma {
        /// Requests per second, in the mean.
        per_s: f64,
        /// Standard deviation of the gaps ÷ their mean.
        cv: f64,
    },
    /// One rate after another, Poisson within each. It ends with its last step.
    Steps(Vec<Step>),
}

/// One step of [`Shape::Steps`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Requests per second, in the mean; 0 is a pause.
    pub per_s: f64,
    /// How long.
    pub for_: Duration,
}

/// When requests are to be sent, and, from a trace, how long they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// Nanoseconds from the start of the window, ascending.
    pub at_ns: Vec<u64>,
    /// The lengths of each request, in the same order; only a trace has them.
    pub lengths: Option<Vec<Lengths>>,
}

/// How long a request of a trace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// Tokens of the prompt.
    pub input_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
}

/// Why no list was drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// More arrivals than a list may have.
    #[error(
        "{shape} asks for more than the {MAX_ARRIVALS} requests that one run holds; shorten the \
         window, limit the number of requests, or lower the rate"
    )]
    TooMany {
        /// The shape, in words.
        shape: String,
    },
}

/// Draws the list: at most `most` arrivals, all of them before the end of `window`
/// ([`Duration::MAX`]: no end but `most`). [`Shape::Steps`] also ends with its last step.
///
/// # Errors
/// Where that is more than [`MAX_ARRIVALS`].
pub fn draw(
    shape: &Shape,
    window: Duration,
    most: Option<u64>,
    seed: Seed,
) -> Result<Arrivals, DrawError> {
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let mut list = List { at_ns: Vec::new(), end_ns: nanos(window), most, overflowed: false };
    let stream = |name: &str, part: &str| seed.draw("load arrivals", &[name, part]);
    match shape {
        Shape::Constant { per_s } => list.constant(*per_s),
        Shape::Poisson { per_s } => list.poisson(*per_s, 0, u64::MAX, stream("poisson", "")),
        Shape::Gamma { per_s, cv } => list.gamma(*per_s, *cv, stream("gamma", "")),
        Shape::Steps(steps) => {
            let mut from_ns = 0_u64;
            for (step, Step { per_s, for_ }) in steps.iter().enumerate() {
                let to_ns = from_ns.saturating_add(nanos(*for_));
                // The exponential has no memory, so a step may begin afresh at its own start.
                let draws = stream("steps", &step.to_string());
                list.poisson(*per_s, from_ns, to_ns, draws);
                from_ns = to_ns;
            }
        }
    }
    if list.overflowed {
        return Err(DrawError::TooMany { shape: shape.to_string() });
    }
    Ok(Arrivals { at_ns: list.at_ns, lengths: None })
}

impl Arrivals {
    /// About how many come within so long a time.
    #[must_use]
    pub fn within(&self, time: Duration) -> u64 {
        let (n, span) = (self.at_ns.len() as u64, self.at_ns.last().copied().unwrap_or(0));
        let within = u128::from(n) * time.as_nanos() / u128::from(span.max(1));
        u64::try_from(within).map_or(n, |within| within.min(n)).max(1)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.at_ns.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at_ns.is_empty()
    }
}

impl Shape {
    /// How long the shape itself lasts; `None` where only a window or a number ends it.
    #[must_use]
    pub fn span(&self) -> Option<Duration> {
        let Self::Steps(steps) = self else { return None };
        Some(steps.iter().fold(Duration::ZERO, |sum, step| sum.saturating_add(step.for_)))
    }
}

/// In words: `gamma 200/s, cv 3`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant { per_s } => write!(f, "constant {per_s}/s"),
            Self::Poisson { per_s } => write!(f, "poisson {per_s}/s"),
            Self::Gamma { per_s, cv } => write!(f, "gamma {per_s}/s, cv {cv}"),
            Self::Steps(steps) => {
                for (idx, Step { per_s, for_ }) in steps.iter().enumerate() {
                    let before = if idx == 0 { "steps " } else { ", " };
                    write!(f, "{before}{per_s}/s for {for_:?}")?;
                }
                Ok(())
            }
        }
    }
}

/// Why a shape cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseShapeError {
    /// Not `kind:…`.
    #[error(
        "{0:?} is not a shape of arrivals; write poisson:200, constant:50, gamma:200,cv=3 or \
         steps:10x30s,20x30s"
    )]
    Form(String),
    /// A kind that does not exist.
    #[error("there are no {kind:?} arrivals; {remedy}")]
    Kind {
        /// What was written.
        kind: String,
        /// The nearest name.
        remedy: String,
    },
    /// A rate that is none, or is out of bounds.
    #[error(
        "{0:?} is not a rate; write requests per second, between {MIN_PER_S} and {MAX_PER_S}, as \
         in poisson:200"
    )]
    Rate(String),
    /// A coefficient of variation that is missing, or is out of bounds.
    #[error(
        "{0:?} is not a coefficient of variation; write gamma:200,cv=3, with cv between {MIN_CV} \
         and {MAX_CV} (1 is Poisson; for equal gaps write constant:200)"
    )]
    Cv(String),
    /// A step that is not rate × time.
    #[error(
        "{0:?} is not a step; write rate x time, as in steps:10x30s,20x1m (0x5s is a pause), with \
         a rate of at most {MAX_PER_S}/s"
    )]
    Step(String),
    /// Steps in which nothing is sent.
    #[error("{0:?} sends nothing; give at least one step a rate above 0")]
    NothingSent(String),
    /// More steps than a shape may have.
    #[error("{0} steps are more than the limit of {MAX_STEPS}; make the steps longer")]
    TooManySteps(usize),
}

/// Reads `poisson:200`, `constant:50`, `gamma:200,cv=3` or `steps:10x30s,20x30s`; a rate may end
/// in `/s`.
impl FromStr for Shape {
    type Err = ParseShapeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((kind, rest)) = text.split_once(':') else {
            return Err(ParseShapeError::Form(text.to_owned()));
        };
        match kind.trim() {
            "constant" => Ok(Self::Constant { per_s: rate(rest)? }),
            "poisson" => Ok(Self::Poisson { per_s: rate(rest)? }),
            "gamma" => {
                let Some((per_s, cv)) = rest.split_once(',') else {
                    return Err(ParseShapeError::Cv(rest.to_owned()));
                };
                Ok(Self::Gamma { per_s: rate(per_s)?, cv: coefficient(cv)? })
            }
            "steps" => steps(rest).map(Self::Steps),
            other => Err(ParseShapeError::Kind {
                kind: other.to_owned(),
                remedy: did_you_mean(other, &["constant", "gamma", "poisson", "steps"]),
            }),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    text.strip_suffix("/s").unwrap_or(text).trim().parse().ok()
}

fn rate(text: &str) -> Result<f64, ParseShapeError> {
    number(text)
        .filter(|per_s| (MIN_PER_S..=MAX_PER_S).contains(per_s))
        .ok_or_else(|| ParseShapeError::Rate(text.trim().to_owned()))
}

fn coefficient(text: &str) -> Result<f64, ParseShapeError> {
    let value = text.trim().strip_prefix("cv").map(str::trim_start);
    let value = value.and_then(|value| value.strip_prefix('='));
    value
        .and_then(|value| value.trim().parse().ok())
        .filter(|cv| (MIN_CV..=MAX_CV).contains(cv))
        .ok_or_else(|| ParseShapeError::Cv(text.trim().to_owned()))
}

fn steps(text: &str) -> Result<Vec<Step>, ParseShapeError> {
    let n_steps = text.split(',').count();
    if n_steps > MAX_STEPS {
        return Err(ParseShapeError::TooManySteps(n_steps));
    }
    let read = |part: &str| {
        let (per_s, for_) = part.split_once('x')?;
        let per_s = number(per_s).filter(|&n| n == 0.0 || (MIN_PER_S..=MAX_PER_S).contains(&n))?;
        let for_: jiff::SignedDuration = for_.trim().parse().ok()?;
        let for_ = Duration::try_from(for_).ok().filter(|for_| !for_.is_zero())?;
        // A zero may come with a sign, which would be printed.
        Some(Step { per_s: per_s.abs(), for_ })
    };
    let steps: Vec<Step> = text
        .split(',')
        .map(|part| read(part).ok_or_else(|| ParseShapeError::Step(part.trim().to_owned())))
        .collect::<Result<_, _>>()?;
    if steps.iter().all(|step| step.per_s == 0.0) {
        return Err(ParseShapeError::NothingSent(text.to_owned()));
    }
    Ok(steps)
}

/// A list in the making.
struct List {
    at_ns: Vec<u64>,
    end_ns: u64,
    most: usize,
    overflowed: bool,
}

impl List {
    /// Takes an arrival; false: this one and all after it are outside.
    fn take(&mut self, at_ns: u64) -> bool {
        if at_ns >= self.end_ns || self.at_ns.len() >= self.most {
            return false;
        }
        if self.at_ns.len() >= MAX_ARRIVALS {
            self.overflowed = true;
            return false;
        }
        self.at_ns.push(at_ns);
        true
    }

    /// Each arrival from its own number, so that rounding never adds up.
    fn constant(&mut self, per_s: f64) {
        for number in 0_u64.. {
            if !self.take(whole(number as f64 * 1e9 / per_s)) {
                return;
            }
        }
    }

    /// Exponential gaps by the inverse of the distribution function.
    fn poisson(&mut self, per_s: f64, from_ns: u64, to_ns: u64, mut draws: Draw) {
        if per_s <= 0.0 {
            return;
        }
        let mean_ns = 1e9 / per_s;
        let mut since_ns = 0.0;
        loop {
            since_ns += draws.exponential(mean_ns);
            let at_ns = from_ns.saturating_add(whole(since_ns));
            if at_ns >= to_ns || !self.take(at_ns) {
                return;
            }
        }
    }

    /// Gamma gaps of shape 1/cv² and mean 1/rate.
    ///
    /// The first is what is left of a gap at a moment chosen at random, so that the mean rate holds
    /// from the first second on; to start with a whole gap would begin every run with a burst,
    /// (cv² − 1)/2 requests too many. Its density is (1 − F(x))/mean (Cox 1962, *Renewal Theory*,
    /// §5.2): a uniform part of a gap drawn in proportion to its length, which for gamma gaps of
    /// shape k is a gamma gap of shape k + 1.
    fn gamma(&mut self, per_s: f64, cv: f64, mut draws: Draw) {
        let shape = 1.0 / (cv * cv);
        let scale_ns = 1e9 / (per_s * shape);
        let mut at_ns = draws.uniform() * gamma(&mut draws, shape + 1.0) * scale_ns;
        while self.take(whole(at_ns)) {
            at_ns += gamma(&mut draws, shape) * scale_ns;
        }
    }
}

/// A gamma variate of this shape and scale 1.
///
/// Marsaglia and Tsang 2000, *ACM Transactions on Mathematical Software* 26:363: exact, by
/// rejection. Below shape 1, a variate of shape + 1 times U^(1/shape) (their section 6).
fn gamma(draws: &mut Draw, shape: f64) -> f64 {
    if shape < 1.0 {
        let power = libm::exp(libm::log(draws.uniform()) / shape);
        return gamma(draws, shape + 1.0) * power;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    loop {
        let x = draws.normal();
        let root = 1.0 + c * x;
        let v = root * root * root;
        // The uniform is drawn either way, so that each round takes two draws.
        let log_u = libm::log(draws.uniform());
        if v > 0.0 && log_u < 0.5 * x * x + d * (1.0 - v + libm::log(v)) {
            return d * v;
        }
    }
}

/// The nearest whole nanosecond; beyond what a `u64` holds, its largest.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
pub(super) fn whole(ns: f64) -> u64 {
    libm::round(ns) as u64
}

#[cfg(test)]
mod tests;
