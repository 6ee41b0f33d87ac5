//! A paired test that may be looked at after every task.
//!
//! Waudby-Smith & Ramdas 2024, *JRSS B* 86:1: a gambler who bets on "better than −margin" multiplies
//! the stake by 1 + λ·(x + margin) at each difference x. If the mean is at most −margin, the stake
//! does not grow in expectation, so it ever reaches 1/α with a probability of at most α (Ville).

/// Bets, as shares of the largest that cannot lose everything. Each has an equal part of the stake,
/// so the wealth is the mean of theirs and does not depend on the order of the tasks.
const BETS: [f64; 5] = [0.05, 0.1, 0.2, 0.35, 0.5];

/// The evidence that a mean of paired differences is above −margin.
#[derive(Clone, Debug, PartialEq)]
pub struct Wager {
    margin: f64,
    /// ln of the wealth of each bet.
    log_wealth: [f64; BETS.len()],
    n: u64,
}

impl Wager {
    /// Before the first task. `margin` is in the unit of the differences, 0 ≤ `margin` < 1.
    #[must_use]
    pub const fn new(margin: f64) -> Self {
        Self { margin, log_wealth: [0.0; BETS.len()], n: 0 }
    }

    /// Goes on where an earlier wager of this margin ended; `None`: it made other bets.
    #[must_use]
    pub fn resume(margin: f64, log_wealth: &[f64], n: u64) -> Option<Self> {
        let log_wealth: [f64; BETS.len()] = log_wealth.try_into().ok()?;
        let is_number = log_wealth.iter().all(|x| x.is_finite());
        is_number.then_some(Self { margin, log_wealth, n })
    }

    /// ln of the wealth of each bet, for [`Wager::resume`].
    #[must_use]
    pub const fn log_wealth(&self) -> &[f64] {
        &self.log_wealth
    }

    /// Takes one task's difference, −1..1, of new less old.
    pub fn observe(&mut self, difference: f64) {
        self.bet(difference + self.margin, 1);
    }

    /// Takes a gain, a difference plus its margin, of which this margin is the smallest. It may be the
    /// weighted gain of `n` tasks, with weights that sum to at most 1. Where weights differ, the wealth
    /// is an e-value once all tasks of their mean are taken, not before: by Jensen's inequality the
    /// product of the factors is at most that of the mean's.
    pub fn bet(&mut self, gain: f64, n: u64) {
        self.n += n;
        let largest = 1.0 / (1.0 - self.margin);
        for (log_wealth, share) in self.log_wealth.iter_mut().zip(BETS) {
            *log_wealth += libm::log1p(share * largest * gain);
        }
    }

    /// The tasks that were taken.
    #[must_use]
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// The wealth from a stake of 1: an e-value, valid at every look.
    #[must_use]
    pub fn wealth(&self) -> f64 {
        self.log_wealth.iter().map(|log_wealth| libm::exp(*log_wealth)).sum::<f64>()
            / BETS.len() as f64
    }

    /// Whether the mean is shown to be above −margin, with an error of at most `alpha` over all looks.
    #[must_use]
    pub fn is_shown(&self, alpha: f64) -> bool {
        self.wealth() >= 1.0 / alpha
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::oracle::close;
    use crate::units::Seed;

    #[test]
    fn one_bet_by_hand() {
        let mut wager = Wager::new(0.02);
        wager.observe(1.0);
        wager.observe(-1.0);
        let expected: f64 =
            BETS.iter().map(|share| (1.0 + share / 0.98 * 1.02) * (1.0 - share)).sum::<f64>()
                / BETS.len() as f64;
        close(wager.wealth(), expected, 1e-12, "wealth");
        assert_eq!(wager.n(), 2);
    }

    #[test]
    fn the_order_of_the_tasks_does_not_matter() {
        let differences = [1.0, 0.0, 0.0, -1.0, 0.5, 1.0, 0.0, -0.25];
        let wealth = |order: &mut dyn Iterator<Item = &f64>| {
            let mut wager = Wager::new(0.05);
            order.for_each(|difference| wager.observe(*difference));
            wager.wealth()
        };
        let (forth, back) =
            (wealth(&mut differences.iter()), wealth(&mut differences.iter().rev()));
        close(forth, back, 1e-12, "wealth");
    }

    /// The share of 1,000 series of 400 tasks in which it is ever shown.
    fn shown(only_new: f64, only_old: f64, margin: f64) -> f64 {
        let mut count = 0;
        for series in 0..1000 {
            let mut rng = Seed(series).draw("wager", &[]);
            let mut wager = Wager::new(margin);
            let ever = (0..400).any(|_| {
                let draw = rng.uniform();
                let below = |p: f64| f64::from(u8::from(draw < p));
                wager.observe(below(only_new) - (below(only_new + only_old) - below(only_new)));
                wager.is_shown(0.05)
            });
            count += u32::from(ever);
        }
        f64::from(count) / 1000.0
    }

    #[test]
    fn looking_after_every_task_keeps_the_error() {
        for (only_new, only_old) in [(0.0, 0.02), (0.02, 0.04), (0.09, 0.11)] {
            let error = shown(only_new, only_old, 0.02);
            assert!(error <= 0.05, "{only_new} {only_old}: {error}");
        }
    }

    #[test]
    fn what_is_better_is_shown() {
        let power = shown(0.05, 0.01, 0.02);
        assert!(power >= 0.8, "discordance 6 %: {power}");
        let power = shown(0.12, 0.08, 0.02);
        assert!(power >= 0.35, "discordance 20 %: {power}");
    }
}
