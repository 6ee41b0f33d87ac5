//! Staying inside an endpoint's stated limits: requests and tokens a minute.

use std::time::Duration;

use crate::catalog::Limits;
use crate::units::Stamp;

/// Hands out the moments at which requests may leave (the generic cell rate algorithm, ITU-T
/// I.371: one theoretical arrival time per limit). A burst of one second's worth is allowed.
#[derive(Clone, Debug)]
pub struct Pacer {
    requests: Option<Rate>,
    tokens: Option<Rate>,
    /// Nobody may leave before this: the provider asked for a pause.
    paused_until: Option<Stamp>,
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "the unit stands last in each")]
struct Rate {
    per_unit_ns: f64,
    burst_ns: f64,
    /// When the limit's bucket would be empty again, nanoseconds; `None` before the first use.
    next_ns: Option<f64>,
}

impl Pacer {
    /// A pacer for an endpoint's limits, of which `among` processes take an equal share each.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53")]
    pub fn new(limits: &Limits, among: u32) -> Self {
        let rate = |per_min: f64| Rate {
            per_unit_ns: 60e9 * f64::from(among) / per_min,
            burst_ns: 1e9,
            next_ns: None,
        };
        Self {
            requests: limits.requests_per_min.filter(|n| *n > 0).map(|n| rate(f64::from(n))),
            tokens: limits.tokens_per_min.filter(|n| *n > 0).map(|n| rate(n as f64)),
            paused_until: None,
        }
    }

    /// The provider asks for a pause of the whole endpoint.
    pub fn pause(&mut self, until: Stamp) {
        self.paused_until = self.paused_until.max(Some(until));
    }

    /// When a request that has its place may leave, at this moment: now, or after a pause.
    #[must_use]
    pub fn resumes(&self, now: Stamp) -> Stamp {
        self.paused_until.map_or(now, |until| until.max(now))
    }

    /// Whether a request would have to wait at this moment.
    #[must_use]
    pub fn is_held(&self, now: Stamp) -> bool {
        self.clone().place(now, 0) > now
    }

    /// Takes a place for one request of about this many tokens and says when it may leave.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn place(&mut self, now: Stamp, tokens: u64) -> Stamp {
        let mut at = now.as_nanos() as f64;
        if let Some(until) = self.paused_until {
            at = at.max(until.as_nanos() as f64);
        }
        for (rate, units) in [(&mut self.requests, 1.0), (&mut self.tokens, tokens as f64)] {
            let Some(rate) = rate else { continue };
            let next = rate.next_ns.unwrap_or(at).max(at - rate.burst_ns);
            at = at.max(next);
            rate.next_ns = Some(next.max(at - rate.burst_ns) + units * rate.per_unit_ns);
        }
        let wait = Duration::from_nanos((at - now.as_nanos() as f64).max(0.0) as u64);
        now.after(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leave_at(limits: Limits, tokens: u64, n: usize) -> Vec<u64> {
        let mut pacer = Pacer::new(&limits, 1);
        let now = Stamp::from_nanos(5_000_000_000);
        (0..n)
            .map(|_| pacer.place(now, tokens).since(now).as_millis())
            .map(|ms| u64::try_from(ms).expect("minutes"))
            .collect()
    }

    #[test]
    fn requests_leave_at_their_rate() {
        let limits = Limits { requests_per_min: Some(60), ..Limits::default() };
        assert_eq!(leave_at(limits, 10, 4), [0, 1000, 2000, 3000]);
    }

    #[test]
    fn a_limit_is_shared_exactly() {
        let limits = Limits { requests_per_min: Some(60), ..Limits::default() };
        let mut pacer = Pacer::new(&limits, 7);
        let now = Stamp::from_nanos(0);
        pacer.place(now, 1);
        assert_eq!(pacer.place(now, 1), now.after(Duration::from_secs(7)));
    }

    #[test]
    fn tokens_are_counted() {
        let limits = Limits { tokens_per_min: Some(6_000), ..Limits::default() };
        assert_eq!(leave_at(limits, 200, 3), [0, 2000, 4000]);
    }

    #[test]
    fn without_limits_nobody_waits() {
        assert_eq!(leave_at(Limits::default(), 1 << 40, 3), [0, 0, 0]);
    }

    #[test]
    fn a_pause_holds_everybody() {
        let mut pacer = Pacer::new(&Limits::default(), 1);
        let now = Stamp::from_nanos(0);
        let until = now.after(Duration::from_secs(3));
        pacer.pause(until);
        pacer.pause(now);
        assert!(pacer.is_held(now));
        assert!(!pacer.is_held(until));
        assert_eq!((pacer.resumes(now), pacer.resumes(until)), (until, until));
        assert_eq!(pacer.place(now, 1), until);
        assert_eq!(pacer.place(until, 1), until);
    }
}
