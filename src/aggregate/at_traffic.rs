//! What a request of production costs: the tokens that `[traffic]` states, at the catalog's prices.
//!
//! The tokens are those of today's endpoint. Another endpoint counts the same text otherwise and writes
//! longer or shorter answers, so its tokens are today's times the ratio of the means measured in the
//! run, category by category.

use std::borrow::Cow;

use super::{Cell, EndpointMetrics, RunMetrics, ScoreTable, Today, TrafficRequest, compare};
use crate::catalog::Endpoint;
use crate::units::{Category, CategoryTraffic, Judging, Usage};

/// Fills in what a request of production is in each cell of which `[traffic]` says anything.
pub(super) fn project(
    endpoints: &mut [EndpointMetrics],
    specs: &[&Endpoint],
    categories: &[Category],
    judging: &Judging,
    today: &Today,
) {
    let Some(base) = endpoints.iter().position(|e| Some(&e.id) == today.endpoint.as_ref()) else {
        return;
    };
    for (index, category) in categories.iter().enumerate() {
        let Some(traffic) = judging.traffic.get(category.as_str()) else { continue };
        let todays = Tokens::of(&endpoints[base].cells[index]);
        let Some(todays) = todays.filter(|_| traffic.has_tokens()) else { continue };
        for (endpoint, spec) in endpoints.iter_mut().zip(specs) {
            let cell = &mut endpoint.cells[index];
            cell.at_traffic =
                Tokens::of(cell).and_then(|own| request(spec, traffic, &todays, &own));
        }
    }
}

/// Mean tokens of a request and its answer.
struct Tokens {
    input: f64,
    output: f64,
    /// The share of the input that was read from caches.
    cached: f64,
    /// The share of the output that was reasoning.
    reasoning: f64,
}

impl Tokens {
    fn of(cell: &Cell) -> Option<Self> {
        let sums = &cell.tokens;
        let share =
            |part: u64, whole: u64| if whole > 0 { part as f64 / whole as f64 } else { 0.0 };
        Some(Self {
            input: cell.input_tokens?,
            output: cell.output_tokens?,
            cached: share(sums.cached_input, sums.input),
            reasoning: share(sums.reasoning, sums.output),
        })
    }
}

fn request(
    endpoint: &Endpoint,
    traffic: &CategoryTraffic,
    todays: &Tokens,
    own: &Tokens,
) -> Option<TrafficRequest> {
    let scaled = |stated: Option<f64>, today: f64, own: f64| match stated {
        Some(stated) if today > 0.0 => stated * own / today,
        Some(stated) => stated,
        None => own,
    };
    let input = scaled(traffic.input_tokens, todays.input, own.input);
    let output = scaled(traffic.output_tokens, todays.output, own.output);
    let cached = input * traffic.cached_input.unwrap_or(own.cached);
    let once = dollars(endpoint, [input, cached, output, output * own.reasoning])?;
    let attempts = 1.0 + traffic.retries.unwrap_or(0.0);
    Some(TrafficRequest { input_tokens: input, output_tokens: output, usd: once * attempts })
}

/// The dollars of mean tokens: exact at whole tokens, and linear between them, as a mean of requests
/// is. The order is input, cached input, output, reasoning.
fn dollars(endpoint: &Endpoint, tokens: [f64; 4]) -> Option<f64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to a few billion"
    )]
    let whole = tokens.map(|n| libm::floor(n) as u64);
    let cost = |[input, cached, output, reasoning]: [u64; 4]| {
        let usage = Usage {
            input: Some(input),
            cached_input: Some(cached.min(input)),
            output: Some(output),
            reasoning: Some(reasoning.min(output)),
            ..Usage::UNKNOWN
        };
        endpoint.expected_cost(&usage)
    };
    let base = cost(whole)?;
    let mut sum = base.to_f64();
    for (kind, n) in tokens.iter().enumerate() {
        let mut one_more = whole;
        one_more[kind] += 1;
        sum += (n - libm::floor(*n)) * (cost(one_more)? - base).to_f64();
    }
    Some(sum)
}

impl RunMetrics {
    /// The metrics with the costs of production where `[traffic]` says what its requests are like, and
    /// otherwise as they are. Scores and counts stay.
    #[must_use]
    pub fn at_traffic(&self) -> Cow<'_, Self> {
        if !self.is_at_traffic() {
            return Cow::Borrowed(self);
        }
        let mut metrics = self.clone();
        let today = self.endpoints.iter().position(|e| Some(&e.id) == self.today.endpoint.as_ref());
        for category in 0..self.categories.len() {
            let factor = |endpoint: &EndpointMetrics| {
                let cell = &endpoint.cells[category];
                let measured = cell.cost_per_task?.value;
                let usd = cell.at_traffic?.usd;
                Some(if measured > 0.0 { usd / measured } else { 1.0 })
            };
            // Of an endpoint whose tokens are not known the cost is, as a multiple of today's.
            let Some(todays) = today.and_then(|today| factor(&self.endpoints[today])) else {
                continue;
            };
            for (index, endpoint) in metrics.endpoints.iter_mut().enumerate() {
                let factor = factor(endpoint).unwrap_or(todays);
                let cell = &mut endpoint.cells[category];
                cell.cost_per_task = cell.cost_per_task.map(|cost| cost.scaled(factor));
                scale_costs(&mut metrics.scores, category, index, factor);
            }
        }
        let billed = compare::traffic(&metrics.categories, &metrics.endpoints, |c| c.cost_per_task);
        for endpoint in &mut metrics.endpoints {
            let costs = endpoint.cells.iter().map(|cell| cell.cost_per_task);
            endpoint.all.cost_per_task = match endpoint.cells.as_slice() {
                [only] => only.cost_per_task,
                _ => compare::mixture(&billed, costs),
            };
        }
        Cow::Owned(metrics)
    }

    /// The metrics with the scores by which endpoints are compared: without those that chose what stands
    /// for today.
    #[must_use]
    pub fn compared(&self) -> Cow<'_, Self> {
        if !self.today.apart {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self { scores: self.scores.without_choice(), ..self.clone() })
    }

    /// Whether `[traffic]` says what requests are like in any category.
    #[must_use]
    pub fn is_at_traffic(&self) -> bool {
        self.today().is_some_and(|today| today.cells.iter().any(|cell| cell.at_traffic.is_some()))
    }
}

fn scale_costs(scores: &mut ScoreTable, category: usize, endpoint: usize, factor: f64) {
    for task in 0..scores.tasks().len() {
        if scores.tasks()[task].category == category {
            let cost = scores.cost(task, endpoint);
            scores.set_cost(task, endpoint, cost.map(|cost| cost * factor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::endpoint;
    use super::*;
    use crate::catalog::{Price, Rates};
    use crate::units::Usd;

    fn priced() -> Endpoint {
        let rate = |text| Usd::per_million(text).expect("a decimal");
        let mut endpoint = endpoint(1);
        endpoint.price = Price::Rates(Rates {
            input: rate("2"),
            output: rate("8"),
            cached_input: Some(rate("0.2")),
            ..Rates::default()
        });
        endpoint
    }

    /// Today: 300 tokens in, 40 out; the other counts a tenth more and writes twice as much.
    #[track_caller]
    fn check(traffic: CategoryTraffic, tokens: (f64, f64), usd: f64) {
        let todays = Tokens { input: 300.0, output: 40.0, cached: 0.0, reasoning: 0.0 };
        let own = Tokens { input: 330.0, output: 80.0, cached: 0.0, reasoning: 0.5 };
        let found = request(&priced(), &traffic, &todays, &own).expect("priced");
        assert!((found.input_tokens - tokens.0).abs() < 1e-9, "{found:?}");
        assert!((found.output_tokens - tokens.1).abs() < 1e-9, "{found:?}");
        assert!((found.usd - usd).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn tokens_are_todays_times_the_measured_ratio() {
        let traffic = CategoryTraffic {
            input_tokens: Some(1_000.0),
            output_tokens: Some(60.5),
            ..CategoryTraffic::default()
        };
        check(traffic, (1_100.0, 121.0), (1_100.0 * 2.0 + 121.0 * 8.0) / 1e6);
        let cached = CategoryTraffic { cached_input: Some(0.5), ..traffic };
        check(cached, (1_100.0, 121.0), (550.0 * 2.2 + 121.0 * 8.0) / 1e6);
        let retried = CategoryTraffic { retries: Some(0.03), ..traffic };
        check(retried, (1_100.0, 121.0), 1.03 * (1_100.0 * 2.0 + 121.0 * 8.0) / 1e6);
        let output = CategoryTraffic { input_tokens: None, ..traffic };
        check(output, (330.0, 121.0), (330.0 * 2.0 + 121.0 * 8.0) / 1e6);
    }

    #[test]
    fn a_fraction_of_a_token_costs_that_fraction() {
        let found = dollars(&priced(), [0.5, 0.0, 3.25, 0.0]).expect("priced");
        assert!((found - (0.5 * 2.0 + 3.25 * 8.0) / 1e6).abs() < 1e-15, "{found}");
    }
}
