//! How an endpoint behaves: pure draws.
//!
//! Everything is a function of the seed and the request, so that two runs of one seed agree to the
//! byte, in whatever order requests arrive. The one thing that depends on time,
//! slow drift, is a function of (seed, endpoint, time slot).

use std::str::FromStr;
use std::time::Duration;

use libm::{exp, sqrt};

use crate::units::{Category, Draw, Seed, normal};

use super::profile::{FailureKind, Profile};

/// The scale at which the profiles' lengths are played.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scale {
    /// `None`, the default: answers from the answer key, thinking that delays the first token by
    /// at most 2 s, stalls of at most 8 s. `Some(f)`: thinking and stalls in full, and outputs
    /// padded to `f` times the length that the profile draws.
    pub lengths: Option<f64>,
}

/// The longest that thinking delays the first token at the short scale.
const SHORT_THINKING: Duration = Duration::from_secs(2);
/// The thinking time that becomes half of [`SHORT_THINKING`] at the short scale.
const SHORT_THINKING_HALF_S: f64 = 30.0;
/// The longest stall at the short scale.
const SHORT_STALL: Duration = Duration::from_secs(8);
/// The longest wait at any scale.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// The share of the shared difficulty in the standard deviation of an answer.
const DIFFICULTY: f64 = 0.6;
/// The share of the remaining variance that belongs to the model rather than to its provider.
const MODEL_SHARE: f64 = 0.8;
/// Standard deviation of the logarithm of output lengths: about 0.85 in published traces of two
/// production services.
const LENGTH_SIGMA: f64 = 0.85;
/// How long the drift of latency stays the same.
pub const TIME_SLOT: Duration = Duration::from_secs(2);

/// Why a scale cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a scale: write \"short\", or \"lengths=F\" with F above 0 and at most 10")]
pub struct ParseScaleError(String);

/// Reads `short`, or `lengths=F`.
impl FromStr for Scale {
    type Err = ParseScaleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "short" {
            return Ok(Self { lengths: None });
        }
        let factor = text.strip_prefix("lengths=").and_then(|factor| factor.parse().ok());
        match factor.filter(|&factor: &f64| factor > 0.0 && factor <= 10.0) {
            Some(factor) => Ok(Self { lengths: Some(factor) }),
            None => Err(ParseScaleError(text.to_owned())),
        }
    }
}

impl Scale {
    fn thinking(self, drawn_s: f64) -> Duration {
        if self.lengths.is_some() {
            return wait(drawn_s);
        }
        // A bend instead of a cut: longer thoughts stay longer, none reaches the limit.
        SHORT_THINKING.mul_f64(drawn_s / (drawn_s + SHORT_THINKING_HALF_S))
    }

    fn stall(self, drawn_s: f64) -> Duration {
        match self.lengths {
            Some(_) => wait(drawn_s),
            None => wait(drawn_s).min(SHORT_STALL),
        }
    }
}

/// One attempt at one endpoint: the arguments of every draw.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The seed of the fleet.
    pub seed: Seed,
    /// The endpoint.
    pub profile: &'a Profile,
    /// The prompt's hash, in hexadecimal.
    pub task: &'a str,
    /// Which repeat of the trial.
    pub repeat: &'a str,
    /// Which attempt of the repeat.
    pub attempt: &'a str,
}

impl Case<'_> {
    /// Whether the answer is right. Over tasks this is exactly Bernoulli(skill), and independent
    /// from task to task; on one task, endpoints agree more than by chance, because they
    /// share its difficulty (a one-factor Gaussian copula, Vasicek 1987), and two providers of one
    /// model agree even more. A further attempt at the same repeat has the same outcome.
    #[must_use]
    pub fn passes(&self, category: &Category) -> bool {
        let difficulty = self.seed.draw("sim/difficulty", &[self.task]).normal();
        let model = self
            .seed
            .draw("sim/answer/model", &[&self.profile.model, self.task, self.repeat])
            .normal();
        let own = self
            .seed
            .draw("sim/answer/endpoint", &[self.profile.id.as_str(), self.task, self.repeat])
            .normal();
        let apart = sqrt(MODEL_SHARE) * model + sqrt(1.0 - MODEL_SHARE) * own;
        let z = DIFFICULTY * difficulty + sqrt(1.0 - DIFFICULTY * DIFFICULTY) * apart;
        normal::cdf(z) < self.profile.skill(category)
    }

    /// The length of the output, reasoning included; its mean over tasks is the profile's. `None` where the profile has no lengths.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, bounded"
    )]
    pub fn output_tokens(&self, category: Option<&Category>, scale: Scale) -> Option<u64> {
        let mean = self.profile.mean_output_tokens(category)? * scale.lengths.unwrap_or(1.0);
        let median = mean * exp(-0.5 * LENGTH_SIGMA * LENGTH_SIGMA);
        Some(self.draw("sim/length").log_normal(median, LENGTH_SIGMA).min(1e9).round() as u64)
    }

    /// The failure of this attempt, if any, and the time after which it occurs.
    #[must_use]
    pub fn failure(&self, scale: Scale) -> Option<(FailureKind, Duration)> {
        let error = self.profile.latency.error?;
        let mut draw = self.draw("sim/failure");
        let fails = draw.chance(error.prob);
        let after_s = draw.log_normal(error.after_s, self.profile.latency.body_sigma);
        fails.then(|| (error.kind, scale.stall(after_s)))
    }

    /// Uniform in (0, 1): selects the injected fault.
    pub(super) fn fault_draw(&self) -> f64 {
        self.draw("sim/fault").uniform()
    }

    /// The time to the first token, after this many reasoning tokens.
    #[must_use]
    pub fn first_token(&self, slot: u64, thought_tokens: u64, scale: Scale) -> Duration {
        let latency = &self.profile.latency;
        let mut draw = self.draw("sim/first token");
        let own = draw.normal();
        let drift = self.drift(slot);
        let shared = latency.autocorrelation;
        let z = sqrt(shared) * drift + sqrt(1.0 - shared) * own;
        let body = latency.body_median_s() * exp(latency.body_sigma * z);
        let stall = match latency.stall {
            Some(stall) if draw.chance(stall.prob) => {
                scale.stall(draw.log_normal(stall.median_s, stall.sigma))
            }
            _ => Duration::ZERO,
        };
        let thinking = scale.thinking(thought_tokens as f64 / latency.tokens_per_s);
        wait(body) + stall + thinking
    }

    /// The gaps between streamed tokens, one after the other.
    pub fn gaps(&self) -> impl Iterator<Item = Duration> + use<> {
        let (rate, sigma) = (self.profile.latency.tokens_per_s, self.profile.latency.gap_sigma);
        // The median lies below the mean, so that the mean gap is that of the profile's rate.
        let median_s = exp(-0.5 * sigma * sigma) / rate;
        let mut draw = self.draw("sim/gaps");
        std::iter::repeat_with(move || wait(draw.log_normal(median_s, sigma)))
    }

    /// The unique name of the response.
    #[must_use]
    pub fn response_name(&self) -> String {
        let mut draw = self.draw("sim/response");
        format!("chatcmpl-{:016x}{:016x}", draw.bits(), draw.bits())
    }

    /// Standard normal; the same within a time slot, half shared with the slot before.
    fn drift(&self, slot: u64) -> f64 {
        let at = |slot: u64| {
            let slot = slot.to_string();
            self.seed.draw("sim/drift", &[self.profile.id.as_str(), &slot]).normal()
        };
        if self.profile.latency.autocorrelation <= 0.0 {
            return 0.0;
        }
        (at(slot + 1) + at(slot)) * std::f64::consts::FRAC_1_SQRT_2
    }

    fn draw(&self, purpose: &str) -> Draw {
        let parts = [self.profile.id.as_str(), self.task, self.repeat, self.attempt];
        self.seed.draw(purpose, &parts)
    }
}

impl super::profile::Latency {
    /// The median of the requests that do not stall. It is below the median of all requests, which is
    /// their quantile 0.5 / (1 − P(stall)).
    fn body_median_s(&self) -> f64 {
        let stalls = self.stall.map_or(0.0, |stall| stall.prob);
        let z = normal::quantile(0.5 / (1.0 - stalls));
        self.ttft_p50.as_secs_f64() * exp(-self.body_sigma * z)
    }
}

impl Profile {
    /// The median delay by reasoning for a category, at a scale.
    #[must_use]
    pub fn median_thinking(&self, category: Option<&Category>, scale: Scale) -> Duration {
        let Some(mean) = self.mean_output_tokens(category).filter(|_| self.reasoning) else {
            return Duration::ZERO;
        };
        let median = mean * scale.lengths.unwrap_or(1.0) * exp(-0.5 * LENGTH_SIGMA * LENGTH_SIGMA);
        scale.thinking(median / self.latency.tokens_per_s)
    }
}

fn wait(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Fleet;
    use crate::units::Histogram;

    const SHORT: Scale = Scale { lengths: None };
    const FULL: Scale = Scale { lengths: Some(1.0) };

    fn profile(id: &str) -> &'static Profile {
        let fleet = Fleet::embedded();
        &fleet.profiles[fleet.find(None, id).expect(id)]
    }

    fn each_task(profile: &Profile, n: u32, mut f: impl FnMut(u32, Case<'_>)) {
        for i in 0..n {
            let task = i.to_string();
            f(i, Case { seed: Seed(3), profile, task: &task, repeat: "0", attempt: "0" });
        }
    }

    fn passes(id: &str, category: &Category, n: u32) -> Vec<bool> {
        let mut passed = Vec::new();
        each_task(profile(id), n, |_, case| passed.push(case.passes(category)));
        passed
    }

    fn rate(passed: &[bool]) -> f64 {
        passed.iter().filter(|&&p| p).count() as f64 / passed.len() as f64
    }

    #[test]
    fn the_pass_rate_is_the_skill() {
        let n = 4_000;
        for id in ["acme/thinker", "gale/small", "elm/moe@fjord"] {
            for category in ["math", "classify", "not in the file"] {
                let category = Category::new(category);
                let skill = profile(id).skill(&category);
                let bound = 4.0 * (skill * (1.0 - skill) / f64::from(n)).sqrt();
                let rate = rate(&passes(id, &category, n));
                assert!((rate - skill).abs() < bound, "{id} {category}: {rate} for {skill}");
            }
        }
    }

    #[test]
    fn endpoints_agree_on_hard_tasks_and_hosts_of_one_model_more_so() {
        let category = Category::new("math");
        let phi = |a: &str, b: &str| {
            let (a, b) = (passes(a, &category, 3_000), passes(b, &category, 3_000));
            let both: Vec<bool> = a.iter().zip(&b).map(|(a, b)| *a && *b).collect();
            let (pa, pb) = (rate(&a), rate(&b));
            (rate(&both) - pa * pb) / (pa * (1.0 - pa) * pb * (1.0 - pb)).sqrt()
        };
        let strangers = phi("acme/flagship", "delta/dense");
        let twins = phi("elm/moe@ember", "elm/moe@fjord");
        assert!((0.12..0.35).contains(&strangers), "{strangers}");
        assert!((0.55..0.95).contains(&twins), "{twins}");
    }

    #[test]
    fn repeats_differ_and_attempts_do_not() {
        let category = Category::new("math");
        let profile = profile("delta/dense");
        let mut repeats_differ = 0;
        each_task(profile, 500, |_, case| {
            let first = case.passes(&category);
            assert_eq!(first, Case { attempt: "1", ..case }.passes(&category));
            repeats_differ += u32::from(first != Case { repeat: "1", ..case }.passes(&category));
        });
        assert!((50..250).contains(&repeats_differ), "{repeats_differ}");
    }

    #[test]
    fn the_first_token_comes_as_the_profile_says() {
        for profile in Fleet::embedded().listed(false) {
            let mut seen = Histogram::new();
            let slots = |i: u32| u64::from(i / 3);
            each_task(profile, 4_000, |i, case| seen.record(case.first_token(slots(i), 0, FULL)));
            let check = |p: f64, expected: Duration, tolerance: f64| {
                let got = seen.quantile(p).expect("4,000 samples").as_secs_f64();
                let off = got / expected.as_secs_f64() - 1.0;
                assert!(off.abs() < tolerance, "{} p{p}: {got} is off by {off}", profile.id);
            };
            check(0.5, profile.latency.ttft_p50, 0.05);
            check(0.95, profile.latency.ttft_p95, 0.25);
        }
    }

    #[test]
    fn neighbours_in_time_are_alike_as_much_as_the_profile_says() {
        let profile = profile("birch/pro");
        let mut logs = Vec::new();
        each_task(profile, 4_000, |i, case| {
            // Four requests a slot; stalls are no part of the drift.
            let case = Case { attempt: "1", ..case };
            let s = case.first_token(u64::from(i / 4), 0, FULL).as_secs_f64();
            logs.push(libm::log(s.min(2.0)));
        });
        let mean = logs.iter().sum::<f64>() / logs.len() as f64;
        let lag = |k: usize| -> f64 {
            logs.windows(k + 1).map(|w| (w[0] - mean) * (w[k] - mean)).sum::<f64>()
        };
        let r = lag(1) / lag(0);
        assert!((0.4..0.65).contains(&r), "{r}");
    }

    #[test]
    fn scales_are_read() {
        let check = |text: &str, expected: Option<Scale>| {
            assert_eq!(text.parse().ok(), expected, "{text}");
        };
        check("short", Some(SHORT));
        check("lengths=1", Some(FULL));
        for text in ["", "1", "lengths=0", "lengths=-1", "lengths=NaN", "lengths=11", "length=1"] {
            check(text, None);
        }
    }

    #[test]
    fn the_short_scale_bounds_every_wait() {
        for profile in &Fleet::embedded().profiles {
            each_task(profile, 300, |i, case| {
                let tokens = case.output_tokens(None, SHORT).unwrap_or(0);
                let long = case.first_token(u64::from(i), tokens, SHORT);
                let bare = case.first_token(u64::from(i), 0, SHORT);
                assert!(long < bare + SHORT_THINKING, "{}", profile.id);
                let body = 5.0 * profile.latency.ttft_p50.as_secs_f64();
                assert!(bare < SHORT_STALL + wait(body), "{}: {bare:?}", profile.id);
                if let Some((_, after)) = case.failure(SHORT) {
                    assert!(after <= SHORT_STALL);
                }
            });
        }
        assert!(FULL.thinking(100.0) == Duration::from_secs(100));
        assert!(SHORT.thinking(90.0) > SHORT.thinking(60.0));
    }

    #[test]
    fn lengths_and_gaps_have_the_profile_s_means() {
        let profile = profile("acme/thinker");
        let math = Category::new("math");
        let (mut tokens, mut gaps, mut failures) = (0.0, 0.0, 0);
        each_task(profile, 4_000, |_, case| {
            tokens += case.output_tokens(Some(&math), SHORT).expect("a length") as f64;
            gaps += case.gaps().next().expect("endless").as_secs_f64();
            failures += u32::from(case.failure(SHORT).is_some());
        });
        let (tokens, gap) = (tokens / 4_000.0, gaps / 4_000.0);
        assert!((tokens / 5_498.0 - 1.0).abs() < 0.06, "{tokens}");
        assert!((gap * 55.0 - 1.0).abs() < 0.02, "{gap}");
        assert_eq!(failures, 0, "its error rate is 0");
    }
}
