//! Counts with their exact intervals.

use weighbridge::stats::special::beta_quantile;

use super::Bars;

/// A count out of a total, with its exact 95 % interval.
#[derive(Clone, Copy, Default)]
pub struct Count {
    pub hits: u64,
    pub n: u64,
}

impl Count {
    pub fn add(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.n += 1;
    }

    pub fn share(self) -> f64 {
        if self.n == 0 { 0.0 } else { self.hits as f64 / self.n as f64 }
    }

    pub fn interval(self) -> (f64, f64) {
        let (hits, n) = (self.hits as f64, self.n as f64);
        let low = if self.hits == 0 { 0.0 } else { beta_quantile(0.025, hits, n - hits + 1.0) };
        let high =
            if self.hits == self.n { 1.0 } else { beta_quantile(0.975, hits + 1.0, n - hits) };
        (low, high)
    }

    pub fn shown(self) -> String {
        let (low, high) = self.interval();
        let percent = |share: f64| format!("{:.1}", share * 100.0);
        format!("{} % ({}–{}) of {}", percent(self.share()), percent(low), percent(high), self.n)
    }

    pub fn at_most(self, bars: &mut Bars, name: &str, most: f64) {
        let bar = format!("<= {:.1} %", most * 100.0);
        bars.bar(name, &self.shown(), &bar, self.interval().0 <= most);
    }

    pub fn at_least(self, bars: &mut Bars, name: &str, least: f64) {
        let bar = format!(">= {:.1} %", least * 100.0);
        bars.bar(name, &self.shown(), &bar, self.interval().1 >= least);
    }
}
