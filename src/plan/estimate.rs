//! What a plan will cost, how long it will take, and what its numbers can show: before anything is
//! sent.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::catalog::{Endpoint, Price};
use crate::suite::Task;
use crate::units::{CacheMode, Category, EndpointId, Usage, Usd};

use super::Plan;
use super::answers::{DISCORDANT, PlanAnswer, answers, can_show};
use super::bounds::{self, PromptSize};

/// Bytes of an answer to a token.
const BYTES_PER_TOKEN: u64 = 4;
/// What models say around a bare answer, tokens.
const AROUND_THE_ANSWER: u64 = 20;
/// The answer's length where neither reference nor answer is known, tokens.
const UNKNOWN_ANSWER: u64 = 256;
/// Output tokens that a reasoning model is expected to think before it answers: what public
/// measurements of such models on mixed questions come to, within a factor of about two.
const REASONING_TOKENS: u64 = 2_000;
/// The same at most, for the upper figure of a model of which it is not known whether it reasons.
const MOST_REASONING_TOKENS: u64 = 2 * REASONING_TOKENS;
/// The time to the first token, seconds.
const FIRST_TOKEN_S: f64 = 1.0;
/// Output tokens a second, one answer.
const TOKENS_PER_S: f64 = 50.0;
/// The sample floors of METRICS.md §2.
const FLOORS: [(&str, u64); 5] =
    [("p50", 6), ("p90", 36), ("p95", 72), ("p99", 368), ("p99.9", 3_688)];

/// What a plan comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanEstimate {
    /// Tasks.
    pub tasks: usize,
    /// Repeats of each.
    pub repeats: u32,
    /// Trials that will be sent.
    pub trials: usize,
    /// Trials that their endpoint cannot take.
    pub ineligible: usize,
    /// By category, in the order of their names.
    pub categories: Vec<CategoryEstimate>,
    /// The quality difference that all tasks together can show, 0..1; see
    /// [`CategoryEstimate::can_show`].
    pub can_show: Option<f64>,
    /// What the tasks will tell of an endpoint, by category.
    pub answers: Vec<PlanAnswer>,
    /// By endpoint, in the order of the plan.
    pub endpoints: Vec<EndpointEstimate>,
    /// Dollars expected; `None`: an endpoint's price is unknown.
    #[serde(rename = "expected_usd")]
    pub expected: Option<Usd>,
    /// Dollars expected if every endpoint reasons of which it is not known; `None`: as above.
    #[serde(rename = "up_to_usd")]
    pub up_to: Option<Usd>,
    /// Dollars at most, one request for each trial; `None`: as above, or nothing bounds an answer.
    #[serde(rename = "at_most_usd")]
    pub at_most: Option<Usd>,
    /// Dollars expected at endpoints that are really billed; `None`: one of their prices is unknown.
    #[serde(rename = "billed_expected_usd")]
    pub billed_expected: Option<Usd>,
    /// The same if every endpoint reasons of which it is not known.
    #[serde(rename = "billed_up_to_usd")]
    pub billed_up_to: Option<Usd>,
    /// Endpoints that are really billed: not free, not on this machine.
    pub billed_endpoints: usize,
    /// How long the run will take; endpoints run side by side.
    pub minutes: f64,
    /// What the configured caps do not cover, a sentence each.
    pub caps: Vec<String>,
    /// What the figures rest on, a sentence each.
    pub assumptions: Vec<String>,
}

/// A category of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CategoryEstimate {
    /// The category.
    pub category: Category,
    /// Its tasks.
    pub tasks: usize,
    /// The difference in quality between two endpoints, 0..1, that so many tasks show with 80 %
    /// power at the two-sided 5 % level; `None`: none that could occur.
    pub can_show: Option<f64>,
}

/// An endpoint of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndpointEstimate {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Trials that will be sent.
    pub trials: u64,
    /// Trials that it cannot take.
    pub ineligible: u64,
    /// How many of them for each reason, in one word.
    pub ineligible_because: BTreeMap<&'static str, u64>,
    /// Input tokens expected.
    pub input_tokens: u64,
    /// Output tokens expected.
    pub output_tokens: u64,
    /// Dollars expected; `None`: the price is unknown.
    #[serde(rename = "expected_usd")]
    pub expected: Option<Usd>,
    /// Dollars expected if it reasons, where that is not known; else as expected.
    #[serde(rename = "up_to_usd")]
    pub up_to: Option<Usd>,
    /// Whether nothing says if it reasons.
    pub may_reason: bool,
    /// Dollars at most, one request for each trial.
    #[serde(rename = "at_most_usd")]
    pub at_most: Option<Usd>,
    /// Whether it is really billed: not free, not on this machine.
    pub billed: bool,
    /// Whether it costs nothing.
    pub free: bool,
    /// How long it will take.
    pub minutes: f64,
    /// The latency percentiles that so many answers give, all categories together.
    pub percentiles: Vec<&'static str>,
}

/// Estimates a plan. `at_once` is the number of requests under way at once, for each endpoint;
/// `share`, the share of its limits that is used, 0..1.
#[must_use]
pub fn estimate(plan: &Plan, at_once: &[usize], share: f64) -> PlanEstimate {
    let endpoints = estimate_endpoints(plan, at_once, share);
    let categories = estimate_categories(plan);
    let total = |of: fn(&EndpointEstimate) -> Option<Usd>, among: fn(&EndpointEstimate) -> bool| {
        endpoints.iter().filter(|e| among(e)).map(of).reduce(add).unwrap_or(Some(Usd::ZERO))
    };
    let may_reason = endpoints.iter().any(|e| e.up_to != e.expected);
    let ineligible = plan.trials.iter().filter(|t| t.ineligible.is_some()).count();
    PlanEstimate {
        tasks: plan.tasks.len(),
        repeats: plan.repeats,
        trials: plan.trials.len() - ineligible,
        ineligible,
        can_show: can_show(plan.tasks.len()),
        answers: Vec::new(),
        categories,
        expected: total(|e| e.expected, |_| true),
        up_to: total(|e| e.up_to, |_| true),
        at_most: total(|e| e.at_most, |_| true),
        billed_up_to: total(|e| e.up_to, |e| e.billed),
        billed_expected: total(|e| e.expected, |e| e.billed),
        billed_endpoints: endpoints.iter().filter(|e| e.billed).count(),
        minutes: endpoints.iter().map(|e| e.minutes).fold(0.0, f64::max),
        endpoints,
        caps: Vec::new(),
        assumptions: assumptions(at_once, share, plan.cache, may_reason),
    }
}

impl PlanEstimate {
    /// Adds what the tasks will tell at these margins, by category.
    #[must_use]
    pub fn answering(mut self, margin: impl Fn(&str) -> f64) -> Self {
        let rows = self.categories.iter().map(|row| (row.category.as_str(), row.tasks));
        self.answers = answers(rows, margin);
        self
    }
}

fn assumptions(at_once: &[usize], share: f64, cache: CacheMode, may_reason: bool) -> Vec<String> {
    let requests = if cache == CacheMode::Warm { "two requests" } else { "one request" };
    let fewest = at_once.iter().min().copied().unwrap_or(1);
    let most = at_once.iter().max().copied().unwrap_or(1);
    let at_once = if fewest == most { most.to_string() } else { format!("{fewest} to {most}") };
    vec![
        format!(
            "Can show: the least quality difference between two endpoints that is found with 80 % \
             power at the two-sided 5 % level, if {:.0} % of the tasks are passed by one of them \
             alone.",
            DISCORDANT * 100.0
        ),
        format!(
            "Expected: {BYTES_PER_TOKEN} bytes a token; an answer is as long as the known one and \
             {AROUND_THE_ANSWER} tokens more ({UNKNOWN_ANSWER} where none is known), and \
             {REASONING_TOKENS} more where the model reasons{}.",
            if may_reason { "; up to: and 4000 where it may" } else { "" }
        ),
        format!(
            "At most: a token per byte of the request, every answer as long as its limit allows, \
             {requests} for each trial."
        ),
        format!(
            "Minutes: {FIRST_TOKEN_S} s to the first token, {TOKENS_PER_S} tokens a second, \
             {at_once} at once per endpoint, within {}.",
            if share < 1.0 {
                format!("{:.0} % of its rate limits", share * 100.0)
            } else {
                "its limits".to_owned()
            }
        ),
    ]
}

fn estimate_categories(plan: &Plan) -> Vec<CategoryEstimate> {
    let mut counts: BTreeMap<&Category, usize> = BTreeMap::new();
    for task in plan.tasks.iter() {
        *counts.entry(&task.category).or_default() += 1;
    }
    let row = |(category, tasks): (&Category, usize)| CategoryEstimate {
        category: category.clone(),
        tasks,
        can_show: can_show(tasks),
    };
    counts.into_iter().map(row).collect()
}

/// Sums over the trials of one endpoint.
#[derive(Clone, Debug)]
struct Sums {
    trials: u64,
    requests: u64,
    ineligible: BTreeMap<&'static str, u64>,
    input: u64,
    output: u64,
    expected: Option<Usd>,
    up_to: Option<Usd>,
    at_most: Option<Usd>,
    seconds: f64,
    longest_s: f64,
}

fn estimate_endpoints(plan: &Plan, at_once: &[usize], share: f64) -> Vec<EndpointEstimate> {
    let sizes: Vec<(PromptSize, u64)> =
        plan.tasks.iter().map(|task| (PromptSize::of(task), answer_tokens(task))).collect();
    let none = Sums {
        trials: 0,
        requests: 0,
        ineligible: BTreeMap::new(),
        input: 0,
        output: 0,
        expected: Some(Usd::ZERO),
        up_to: Some(Usd::ZERO),
        at_most: Some(Usd::ZERO),
        seconds: 0.0,
        longest_s: 0.0,
    };
    let mut sums = vec![none; plan.endpoints.len()];
    for trial in &plan.trials {
        let sums = &mut sums[trial.endpoint as usize];
        if let Some(why) = trial.ineligible {
            *sums.ineligible.entry(why.word()).or_default() += 1;
            continue;
        }
        let (size, answer) = sizes[trial.task as usize];
        sums.trials += 1;
        // A warm cache is warmed by the same request.
        let requests = if plan.cache == CacheMode::Warm { 2 } else { 1 };
        for _ in 0..requests {
            sums.add(plan.task(trial), plan.endpoint(trial), size, answer);
        }
    }
    let triples = plan.endpoints.iter().zip(sums).zip(at_once);
    triples.map(|((endpoint, sums), at_once)| sums.finish(endpoint, *at_once, share)).collect()
}

impl Sums {
    fn add(&mut self, task: &Task, endpoint: &Endpoint, size: PromptSize, answer: u64) {
        let input = size.tokens(endpoint);
        let thought = if bounds::reasons(endpoint) { REASONING_TOKENS } else { 0 };
        let limit = bounds::max_tokens_of(size, task, endpoint);
        let output = answer.saturating_add(thought).min(limit);
        let cost = |output| {
            let usage = Usage { input: Some(input), output: Some(output), ..Usage::default() };
            endpoint.expected_cost(&usage)
        };
        let more = if bounds::may_reason(endpoint) { MOST_REASONING_TOKENS } else { 0 };
        let up_to = cost(output.saturating_add(more).min(limit));
        let at_most = bounds::output_bound_of(limit, endpoint)
            .and_then(|most| endpoint.max_cost(size.bound(endpoint), most));
        let seconds = FIRST_TOKEN_S + output as f64 / TOKENS_PER_S;
        self.requests += 1;
        self.input += input;
        self.output += output;
        self.expected = add(self.expected, cost(output));
        self.up_to = add(self.up_to, up_to);
        self.at_most = add(self.at_most, at_most);
        self.seconds += seconds;
        self.longest_s = self.longest_s.max(seconds);
    }

    fn finish(self, endpoint: &Endpoint, at_once: usize, share: f64) -> EndpointEstimate {
        let limits = &endpoint.limits;
        let tokens = self.input + self.output;
        let minutes = [
            self.seconds / at_once.max(1) as f64 / 60.0,
            self.longest_s / 60.0,
            limits
                .requests_per_min
                .map_or(0.0, |most| self.requests as f64 / (f64::from(most) * share)),
            limits.tokens_per_min.map_or(0.0, |most| tokens as f64 / (most as f64 * share)),
        ];
        let given = FLOORS.iter().filter(|(_, floor)| self.trials >= *floor);
        let is_unknown = endpoint.price == Price::Unknown;
        EndpointEstimate {
            endpoint: endpoint.id.clone(),
            trials: self.trials,
            ineligible: self.ineligible.values().sum(),
            ineligible_because: self.ineligible,
            input_tokens: self.input,
            output_tokens: self.output,
            expected: self.expected.filter(|_| !is_unknown),
            up_to: self.up_to.filter(|_| !is_unknown),
            may_reason: bounds::may_reason(endpoint),
            at_most: self.at_most.filter(|_| !is_unknown),
            billed: endpoint.price.is_billed() && !endpoint.provider.ends_here(),
            free: !endpoint.price.is_billed(),
            minutes: minutes.into_iter().fold(0.0, f64::max),
            percentiles: given.map(|(name, _)| *name).collect(),
        }
    }
}

/// A sum; `None`: a part is unknown, or the sum is beyond any bill.
fn add(a: Option<Usd>, b: Option<Usd>) -> Option<Usd> {
    Some(Usd::from_raw(a?.raw().checked_add(b?.raw())?))
}

/// About how long an answer to a task is, tokens.
fn answer_tokens(task: &Task) -> u64 {
    let bytes = match task.answer.as_ref().or(task.reference.as_ref()) {
        None | Some(Value::Null) => return UNKNOWN_ANSWER,
        Some(Value::String(text)) => text.len(),
        Some(other) => other.to_string().len(),
    };
    (bytes as u64).div_ceil(BYTES_PER_TOKEN) + AROUND_THE_ANSWER
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{endpoint, plan_of, task};

    #[test]
    fn tokens_and_dollars_add_up() {
        let mut one = task("1", "math", &"x".repeat(400));
        one.reference = Some(Value::from("y".repeat(40)));
        let mut two = task("2", "math", &"x".repeat(40));
        two.max_tokens = Some(10);
        let mut reasoning = endpoint("acme/deep");
        reasoning.params.insert("reasoning_effort".to_owned(), "high".into());
        reasoning.supports = None;
        let made = estimate(
            &plan_of(vec![one, two], vec![endpoint("acme/large"), reasoning]),
            &[8, 8],
            1.0,
        );
        let [plain, deep] = made.endpoints.as_slice() else { panic!("two endpoints") };
        // Twice (two repeats) 400/4 + 16 and 40/4 + 16 in; 40/4 + 20 and, capped, 10 out.
        assert_eq!((plain.trials, plain.input_tokens, plain.output_tokens), (4, 284, 80));
        assert_eq!(deep.output_tokens, 2 * (2_000 + 30 + 10));
        // At $1 and $2 per million tokens.
        assert_eq!(plain.expected, Some("0.000444".parse().expect("decimal")));
        assert!(plain.at_most > plain.expected && !plain.billed);
        assert_eq!((plain.may_reason, plain.up_to), (false, plain.expected));
        assert_eq!(made.expected, plain.expected.zip(deep.expected).map(|(a, b)| a + b));
        assert_eq!((made.billed_endpoints, made.billed_expected), (0, Some(Usd::ZERO)));
        assert!(plain.percentiles.is_empty());
    }

    #[test]
    fn what_may_reason_has_an_upper_figure() {
        let mut unsaid = endpoint("acme/deep");
        unsaid.supports = None;
        let mut off = unsaid.clone();
        off.id = crate::units::EndpointId::new("acme/off", "p", None);
        off.params.insert("reasoning_effort".to_owned(), "none".into());
        let fleet = vec![endpoint("acme/large"), unsaid, off];
        let made = estimate(&plan_of(vec![task("1", "math", "x")], fleet), &[1, 1, 1], 1.0);
        let [plain, unsaid, off] = made.endpoints.as_slice() else { panic!("three endpoints") };
        assert_eq!((unsaid.may_reason, unsaid.expected), (true, plain.expected));
        assert_eq!((off.may_reason, off.up_to), (false, off.expected));
        // Two repeats of 4,096 tokens, which is the limit, and not 256, at $2 per million.
        let thought: Usd = "0.01536".parse().expect("a decimal");
        assert_eq!(unsaid.up_to, unsaid.expected.map(|usd| usd + thought));
        assert_eq!(made.up_to, made.expected.map(|usd| usd + thought));
    }

    #[test]
    fn a_cache_is_warmed_at_the_price_of_a_request() {
        let made = |cache| {
            let policy =
                crate::plan::RequestPolicy { cache, ..crate::plan::RequestPolicy::default() };
            let (tasks, fleet) = (vec![task("1", "math", "x")], vec![endpoint("a/b")]);
            let plan = Plan::shaped(tasks, fleet, 1, crate::units::Seed(1), &policy);
            estimate(&plan.expect("a plan"), &[1], 1.0)
        };
        let (as_is, warm) = (made(CacheMode::AsIs), made(CacheMode::Warm));
        assert_eq!((as_is.trials, warm.trials), (1, 1));
        let twice = |usd: Option<Usd>| usd.map(|usd| usd.times(2));
        assert_eq!(warm.expected, twice(as_is.expected));
        assert_eq!(warm.at_most, twice(as_is.at_most));
    }

    #[test]
    fn unknown_prices_and_ineligible_trials() {
        let tasks: Vec<_> = (0..80).map(|i| task(&i.to_string(), "math", &"x".repeat(i))).collect();
        let mut unknown = endpoint("acme/secret");
        unknown.price = Price::Unknown;
        unknown.provider.base_url = "https://api.example.com/v1".to_owned();
        let mut small = endpoint("acme/small");
        small.context_window = Some(16 + 10);
        small.price = Price::Free;
        let made = estimate(&plan_of(tasks, vec![unknown, small]), &[8, 8], 1.0);
        assert_eq!((made.expected, made.at_most, made.billed_expected), (None, None, None));
        assert_eq!(made.billed_endpoints, 1);
        let [unknown, small] = made.endpoints.as_slice() else { panic!("two endpoints") };
        assert_eq!(unknown.percentiles, ["p50", "p90", "p95"]);
        // 37 bytes are 10 tokens, which with the message's 16 fill the window.
        assert_eq!((small.trials, small.ineligible), (2 * 37, 2 * 43));
        assert_eq!((small.expected, small.free), (Some(Usd::ZERO), true));
        assert_eq!(made.ineligible, 86);
    }

    #[test]
    fn limits_set_the_pace() {
        let tasks: Vec<_> = (0..60).map(|i| task(&i.to_string(), "math", "x")).collect();
        let minutes = |at_once: usize, change: &dyn Fn(&mut Endpoint)| {
            let mut endpoint = endpoint("acme/large");
            change(&mut endpoint);
            estimate(&plan_of(tasks.clone(), vec![endpoint]), &[at_once], 1.0).minutes
        };
        let check = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-9, "{got}");
        check(minutes(1_000, &|e| e.limits.requests_per_min = Some(60)), 2.0);
        // 17 tokens in and 256 out, 120 times.
        check(minutes(1_000, &|e| e.limits.tokens_per_min = Some(273)), 120.0);
        check(minutes(2, &|_| {}), 6.12);
        check(minutes(1_000, &|_| {}), 6.12 / 60.0);
    }

    #[test]
    fn json_names_its_units() {
        let made = estimate(&plan_of(vec![task("1", "math", "x")], vec![endpoint("a")]), &[1], 1.0);
        let json = serde_json::to_value(&made).expect("serialises");
        assert!(
            json["expected_usd"].is_string() && json["endpoints"][0]["at_most_usd"].is_string()
        );
        assert!(json["can_show"].is_null());
    }
}
