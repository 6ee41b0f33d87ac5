//! Paces the requests to a model at a provider, and limits how many are in flight.
//!
//! A provider's limits apply to a key and a model, so all endpoints of the same model at the same
//! provider (its variants) share a gate. Where a provider counts several models as one, the remaining
//! quota that it states is that of all of them, and the gate keeps that too.
//!
//! The number of slots shrinks and grows as a congestion window does (additive increase,
//! multiplicative decrease: Chiu & Jain 1989, *Computer Networks and ISDN Systems* 17): a refusal for
//! too many requests halves it, once for all requests that were in flight; as many answers as there are
//! slots add one, up to the configured number.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

use super::pacing::{LimitSource, LowQuota, Pacer, QuotaShare, RateLimit, TokenUse, Total};
use crate::catalog::{Endpoint, Limits};
use crate::client::{AttemptRecord, Outcome};
use crate::units::{Clock, EnforcedLimit, PacingSummary, Stamp, Usage};
use crate::wire::ErrorClass;

/// The gate to a model at a provider.
#[derive(Debug)]
pub struct Gate {
    /// Held by the request that waits at the gate; the others queue for it in their order.
    turn: tokio::sync::Mutex<()>,
    /// Notified when the waiting request might pass earlier than it expects.
    changed: Notify,
    state: Mutex<State>,
    /// The ids of the endpoints that share it.
    endpoints: Vec<String>,
}

#[derive(Debug)]
struct State {
    pacer: Pacer,
    slots: Slots,
    quota_share: QuotaShare,
}

/// The slot of a request in flight; dropping this frees it.
#[derive(Debug)]
pub struct SlotGuard<'a> {
    gate: &'a Gate,
    /// What had been sent with it.
    as_of: Total,
    sent_at: Stamp,
    expected: TokenUse,
}

/// The gates of these endpoints, in their order: one for each model at each provider. `at_once`: the
/// most requests in flight at each endpoint.
#[must_use]
pub fn gates(endpoints: &[Endpoint], at_once: &[usize], quota_share: QuotaShare) -> Vec<Arc<Gate>> {
    let key = |e: &Endpoint| (e.provider.name.clone(), e.upstream_model.clone());
    let mut made: BTreeMap<(String, String), Sharing> = BTreeMap::new();
    for (endpoint, at_once) in endpoints.iter().zip(at_once) {
        made.entry(key(endpoint)).or_default().add(endpoint, *at_once);
    }
    let gate = |sharing: Sharing| {
        Arc::new(Gate::new(&sharing.limits, sharing.at_once, quota_share, sharing.ids))
    };
    let made: BTreeMap<_, _> = made.into_iter().map(|(key, all)| (key, gate(all))).collect();
    endpoints.iter().map(|endpoint| Arc::clone(&made[&key(endpoint)])).collect()
}

/// The endpoints of one gate.
#[derive(Default)]
struct Sharing {
    limits: Limits,
    at_once: usize,
    ids: Vec<String>,
}

impl Sharing {
    fn add(&mut self, endpoint: &Endpoint, at_once: usize) {
        let (ours, its) = (&mut self.limits, &endpoint.limits);
        ours.requests_per_min = least(ours.requests_per_min, its.requests_per_min);
        ours.tokens_per_min = least(ours.tokens_per_min, its.tokens_per_min);
        self.at_once += at_once;
        self.ids.push(endpoint.id.to_string());
    }
}

fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl Gate {
    /// A gate with these limits and so many slots.
    #[must_use]
    pub fn new(
        limits: &Limits,
        at_once: usize,
        quota_share: QuotaShare,
        endpoints: Vec<String>,
    ) -> Self {
        let most = u32::try_from(at_once).unwrap_or(u32::MAX).max(1);
        let slots = Slots::new(most, quota_share.share.is_some());
        let state = State { pacer: Pacer::new(limits, quota_share), slots, quota_share };
        let (turn, changed) = (tokio::sync::Mutex::new(()), Notify::new());
        Self { turn, changed, state: Mutex::new(state), endpoints }
    }

    /// Waits until a request may be sent. `None`: it was not `wanted` any more when its turn came.
    /// Notifies `held` when it has to wait, so that other endpoints go on meanwhile.
    pub async fn pass(
        &self,
        clock: &Clock,
        held: &Notify,
        expected: TokenUse,
        wanted: impl Fn() -> bool,
    ) -> Option<SlotGuard<'_>> {
        let _turn = self.turn.lock().await;
        loop {
            if !wanted() {
                return None;
            }
            let sent_at = clock.now();
            let tried = self.state().try_send(sent_at, expected);
            let until = match tried {
                Ok(as_of) => return Some(SlotGuard { gate: self, as_of, sent_at, expected }),
                Err(until) => until,
            };
            held.notify_one();
            match until {
                Some(until) => tokio::select! {
                    () = clock.sleep_until(until) => {}
                    () = self.changed.notified() => {}
                },
                None => self.changed.notified().await,
            }
        }
    }

    /// Whether a request would have to wait now.
    #[must_use]
    pub fn is_held(&self, now: Stamp) -> bool {
        let state = self.state();
        state.slots.is_short() || state.pacer.next(now) > now
    }

    /// A summary for the report; `None`: nothing was held back.
    #[must_use]
    pub fn paced(&self) -> Option<PacingSummary> {
        let state = self.state();
        let share = state.quota_share.share?;
        let limits: Vec<EnforcedLimit> = state.pacer.kept().map(kept).collect();
        let (slots, low_pauses) = (&state.slots, state.pacer.low_pauses());
        if slots.refused == 0 && low_pauses == 0 && limits.is_empty() {
            return None;
        }
        Some(PacingSummary {
            endpoints: self.endpoints.clone(),
            share,
            refused: slots.refused,
            at_once: slots.most,
            least_at_once: slots.least,
            limits,
            low_pauses,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds a gate")
    }
}

fn kept(kept: RateLimit) -> EnforcedLimit {
    EnforcedLimit {
        counted: kept.counted.name().to_owned(),
        limit: kept.limit,
        per: kept.per.name().to_owned(),
        by_headers: kept.by == LimitSource::Headers,
    }
}

impl State {
    /// Takes a slot for a request, or returns until when it has to wait; without a time: until
    /// another ends.
    fn try_send(&mut self, now: Stamp, expected: TokenUse) -> Result<Total, Option<Stamp>> {
        let next = self.pacer.next(now);
        if next > now {
            self.pacer.wait(now);
            return Err(Some(next));
        }
        if !self.slots.take() {
            return Err(None);
        }
        Ok(self.pacer.leave(now, expected))
    }
}

impl SlotGuard<'_> {
    /// Learns from how the request ended, and until when the provider asks for a pause. Returns the
    /// limit of which less remains than is reserved for others. All this is known before the slot is
    /// free, so that the next request does not run into the same limit.
    pub fn learn(
        &self,
        record: &AttemptRecord,
        pause: Option<Stamp>,
        clock: &Clock,
    ) -> Option<LowQuota> {
        let now = clock.now();
        let mut state = self.gate.state();
        if let Some(until) = pause {
            state.pacer.pause(until);
        }
        let usage = match &record.outcome {
            Outcome::Answered(answer) => {
                state.slots.answered(self.sent_at);
                &answer.usage
            }
            Outcome::Failed { class, partial, .. } => {
                if *class == ErrorClass::RateLimited {
                    state.slots.refused(self.sent_at, now);
                }
                &partial.usage
            }
        };
        if let Some(actual) = token_use(usage) {
            state.pacer.settle(self.expected, actual);
        }
        let came = record.stamps.headers.unwrap_or(now);
        let said = record.rate_limits.as_deref()?;
        state.pacer.learn(said, self.as_of, (came, clock.wall(came)), now)
    }
}

impl Drop for SlotGuard<'_> {
    fn drop(&mut self) {
        self.gate.state().slots.give_back();
        self.gate.changed.notify_one();
    }
}

/// What a usage counts against limits; `None`: not known.
fn token_use(usage: &Usage) -> Option<TokenUse> {
    Some(TokenUse { input: usage.input?, output: usage.output? })
}

/// How many requests may be in flight.
#[derive(Clone, Debug)]
struct Slots {
    most: u32,
    /// Whether the number changes.
    adapts: bool,
    now: u32,
    in_flight: u32,
    /// Answers towards the next slot.
    answers: u32,
    /// When the last refusal halved the number. Requests that were sent before say nothing new.
    shrunk: Option<Stamp>,
    /// Refusals for too many requests.
    refused: u64,
    least: u32,
}

impl Slots {
    const fn new(most: u32, adapts: bool) -> Self {
        Self {
            most,
            adapts,
            now: most,
            in_flight: 0,
            answers: 0,
            shrunk: None,
            refused: 0,
            least: most,
        }
    }

    /// Whether requests have to wait because there are fewer slots than were configured.
    const fn is_short(&self) -> bool {
        self.adapts && self.now < self.most && self.in_flight >= self.now
    }

    fn take(&mut self) -> bool {
        let free = !self.adapts || self.in_flight < self.now;
        self.in_flight += u32::from(free);
        free
    }

    fn give_back(&mut self) {
        self.in_flight -= 1;
    }

    fn refused(&mut self, sent_at: Stamp, now: Stamp) {
        self.refused += 1;
        if self.is_news(sent_at) {
            self.now = (self.now / 2).max(1);
            self.least = self.least.min(self.now);
            self.answers = 0;
            self.shrunk = Some(now);
        }
    }

    fn answered(&mut self, sent_at: Stamp) {
        if self.now == self.most || !self.is_news(sent_at) {
            return;
        }
        self.answers += 1;
        if self.answers >= self.now {
            self.now += 1;
            self.answers = 0;
        }
    }

    fn is_news(&self, sent_at: Stamp) -> bool {
        self.shrunk.is_none_or(|shrunk| sent_at >= shrunk)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinSet;

    use super::*;
    use crate::wire::Answer;

    fn at(s: u64) -> Stamp {
        Stamp::from_nanos(s * 1_000_000_000)
    }

    fn gate(limits: &Limits, at_once: usize, share: Option<f64>) -> Arc<Gate> {
        let quota_share = QuotaShare { share, among: 1 };
        Arc::new(Gate::new(limits, at_once, quota_share, vec!["a/b@c".to_owned()]))
    }

    #[test]
    fn refusals_halve_it_once_and_answers_widen_it() {
        let mut slots = Slots::new(16, true);
        (0..16).for_each(|_| assert!(slots.take()));
        // All sixteen left at 0 s and eleven of them are refused within a second.
        (0..11).for_each(|_| slots.refused(at(0), at(1)));
        (0..16).for_each(|_| slots.give_back());
        assert_eq!((slots.now, slots.refused), (8, 11));
        slots.refused(at(2), at(3));
        slots.refused(at(4), at(5));
        assert_eq!(slots.now, 2);
        slots.answered(at(4));
        assert_eq!(slots.answers, 0, "it left before the last refusal");
        let widths: Vec<u32> = (0..9)
            .map(|_| {
                slots.answered(at(6));
                slots.now
            })
            .collect();
        assert_eq!(widths, [2, 3, 3, 3, 4, 4, 4, 4, 5]);
        (0..1_000).for_each(|_| slots.answered(at(6)));
        assert_eq!((slots.now, slots.least, slots.is_short()), (16, 2, false));
    }

    #[test]
    fn one_place_is_always_there() {
        let mut slots = Slots::new(3, true);
        (0..9).for_each(|s| slots.refused(at(s), at(s)));
        assert_eq!((slots.now, slots.least), (1, 1));
        assert!(slots.take() && !slots.take() && slots.is_short());
    }

    #[test]
    fn where_it_does_not_adapt_the_lane_alone_bounds_it() {
        let mut slots = Slots::new(2, false);
        (0..9).for_each(|s| slots.refused(at(s), at(s)));
        assert!((0..9).all(|_| slots.take()) && !slots.is_short());
    }

    /// Sends so many requests that take a second each; gives when each left, in whole seconds.
    async fn play(gate: Arc<Gate>, n: usize) -> Vec<u64> {
        let (clock, held) = (Clock::virtual_time(), Arc::new(Notify::new()));
        let mut all = JoinSet::new();
        for _ in 0..n {
            let (gate, clock, held) = (Arc::clone(&gate), clock.clone(), Arc::clone(&held));
            all.spawn(async move {
                let place = gate.pass(&clock, &held, TokenUse::default(), || true).await;
                let left = clock.now().since(clock.anchor()).as_secs();
                clock.sleep_until(clock.now().after(Duration::from_secs(1))).await;
                drop(place.expect("wanted"));
                left
            });
        }
        let mut left = all.join_all().await;
        left.sort_unstable();
        left
    }

    #[tokio::test(start_paused = true)]
    async fn they_leave_one_after_the_other() {
        let limits = Limits { requests_per_min: Some(60), ..Limits::default() };
        let half = gate(&limits, 16, Some(0.5));
        assert_eq!(play(Arc::clone(&half), 4).await, [0, 2, 4, 6]);
        let paced = half.paced().expect("they waited");
        assert_eq!((paced.limits[0].limit, paced.limits[0].by_headers), (60, false));
        let free = gate(&Limits::default(), 2, Some(0.5));
        assert_eq!(play(Arc::clone(&free), 5).await, [0, 0, 1, 1, 2]);
        assert_eq!(free.paced(), None, "nothing happened");
    }

    /// A refusal for too many requests.
    fn refusal(at: Stamp) -> AttemptRecord {
        let class = ErrorClass::RateLimited;
        let outcome = Outcome::Failed { class, detail: String::new(), partial: Answer::default() };
        AttemptRecord { outcome, status: Some(429), ..AttemptRecord::begun(at) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_known_before_the_place_is_free() {
        let (gate, clock, held) =
            (gate(&Limits::default(), 1, Some(0.5)), Clock::virtual_time(), Notify::new());
        let first = gate.pass(&clock, &held, TokenUse::default(), || true).await.expect("wanted");
        let until = clock.now().after(Duration::from_secs(9));
        let low = first.learn(&refusal(clock.now()), Some(until), &clock);
        assert_eq!((low, gate.state().slots.in_flight), (None, 1), "the place is still taken");
        assert_eq!(gate.state().pacer.next(clock.now()), until);
        drop(first);
        let _second = gate.pass(&clock, &held, TokenUse::default(), || true).await.expect("wanted");
        assert!(clock.now() >= until);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_not_wanted_takes_no_place() {
        let limits = Limits { requests_per_min: Some(60), ..Limits::default() };
        let (gate, clock, held) = (gate(&limits, 1, None), Clock::virtual_time(), Notify::new());
        assert!(gate.pass(&clock, &held, TokenUse::default(), || false).await.is_none());
        assert!(!gate.is_held(clock.now()));
        assert!(gate.pass(&clock, &held, TokenUse::default(), || true).await.is_some());
        assert!(gate.is_held(clock.now()));
    }

    #[test]
    fn variants_of_a_model_share_a_gate() {
        let text = |model: &str, provider: &str| {
            format!(
                "[[endpoint]]\nmodel = \"{model}\"\nprovider = \"{provider}\"\nprice = \"free\"\n"
            )
        };
        let provider =
            |name: &str| format!("[[provider]]\nname = \"{name}\"\nbase_url = \"http://h/v1\"\n");
        let catalog = [
            provider("p"),
            provider("q"),
            text("a/one", "p"),
            text("a/two", "p"),
            text("a/one", "q"),
            "[[variant]]\nname = \"high\"\nmatch = \"a/one@p\"\nsystem = \"s\"\n".to_owned(),
        ];
        let catalog = crate::catalog::load_text(&catalog.concat(), "c.toml").expect("a catalog");
        let quota_share = QuotaShare { share: None, among: 1 };
        let gates = gates(&catalog.endpoints, &[4; 4], quota_share);
        let ids: Vec<&str> = catalog.endpoints.iter().map(|e| e.id.as_str()).collect();
        assert_eq!(ids, ["a/one@p", "a/one@p#high", "a/two@p", "a/one@q"]);
        assert!(Arc::ptr_eq(&gates[0], &gates[1]));
        assert!(!Arc::ptr_eq(&gates[0], &gates[2]) && !Arc::ptr_eq(&gates[0], &gates[3]));
        assert_eq!(gates[0].state().slots.most, 8);
    }
}
