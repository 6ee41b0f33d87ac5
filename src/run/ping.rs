//! One tiny request to each endpoint: whether it answers, how soon, for how much. Nothing is
//! retried and nothing is recorded.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::render;
use crate::catalog::Endpoint;
use crate::client::{Attempt, AttemptLimits, AttemptRecord, Transport, attempt};
use crate::dispatch::EndpointClient;
use crate::plan::{input_bound, max_tokens, output_bound};
use crate::suite::Task;
use crate::units::{CacheMode, Clock, Message, Usd};

/// Tokens that are asked for: the least that OpenAI's responses API takes.
const MOST_TOKENS: u64 = 16;
/// Requests under way at once, of all endpoints together: this is no load.
const AT_ONCE: usize = 8;

/// The request that an endpoint is pinged with.
#[derive(Clone, Debug)]
pub struct Ping {
    body: Bytes,
    /// The most that it can cost; `None`: not known.
    pub bound: Option<Usd>,
}

impl Ping {
    /// The request to an endpoint. A variant's own output limit wins over the tiny one.
    #[must_use]
    pub fn of(endpoint: &Endpoint) -> Self {
        let task = task();
        let most = max_tokens(&task, endpoint);
        let body = render::body(&task, endpoint, Some(most), CacheMode::AsIs).bytes;
        let messages = task.messages.len() + usize::from(endpoint.system.is_some());
        let input = input_bound(body.len(), messages);
        let output = output_bound(&task, endpoint);
        Self { body, bound: output.and_then(|output| endpoint.max_cost(input, output)) }
    }
}

fn task() -> Task {
    let content = "Reply with one word: ready".to_owned();
    let message = Message { role: "user".to_owned(), content };
    Task { max_tokens: Some(MOST_TOKENS), ..Task::new("ping", "ping", "ping", vec![message]) }
}

/// Sends every ping, a few at a time; what came back stands in the order of the lanes, without the
/// keys.
pub async fn ping<T: Transport>(
    transport: T,
    clock: &Clock,
    pings: Vec<(EndpointClient, Ping)>,
    limits: AttemptLimits,
) -> Vec<AttemptRecord> {
    let transport = Arc::new(transport);
    let run = clock.wall_anchor().as_nanosecond();
    let mut waiting = (0..).zip(pings);
    let mut under_way: JoinSet<(usize, AttemptRecord)> = JoinSet::new();
    let mut ended = Vec::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some((nth, (lane, ping))) = waiting.next()
        {
            let attempt = lane.attempt(ping.body, format!("ping-{run}-{nth}"), limits);
            under_way.spawn(ask(Arc::clone(&transport), clock.clone(), lane, attempt, nth));
        }
        match under_way.join_next().await {
            Some(Ok(one)) => ended.push(one),
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => break,
        }
    }
    ended.sort_by_key(|(nth, _)| *nth);
    ended.into_iter().map(|(_, record)| record).collect()
}

async fn ask<T: Transport>(
    transport: Arc<T>,
    clock: Clock,
    lane: EndpointClient,
    attempt: Attempt,
    nth: usize,
) -> (usize, AttemptRecord) {
    let mut record = attempt::make(&*transport, &clock, attempt).await;
    lane.redact(&mut record);
    (nth, record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::load_text;

    #[test]
    fn a_ping_is_small_and_bounded() {
        let check = |more: &str, expected: Option<&str>| {
            let text = format!(
                "[[provider]]\nname = \"p\"\nbase_url = \"https://x/v1\"\n[[endpoint]]\n\
                 model = \"m\"\nprovider = \"p\"\n{more}"
            );
            let catalog = load_text(&text, "c.toml").expect("a catalog");
            let ping = Ping::of(catalog.endpoints.last().expect("one"));
            let body: serde_json::Value = serde_json::from_slice(&ping.body).expect("JSON");
            let bytes = ping.body.len() as u64;
            let at_most = expected.map(|price| {
                let price: Usd = price.parse().expect("a decimal");
                price.times(bytes + 16) + price.times(body["max_tokens"].as_u64().expect("a limit"))
            });
            assert_eq!(ping.bound, at_most, "{more}");
            body["max_tokens"].clone()
        };
        let price = "price = { input = \"1\", output = \"1\" }\n";
        assert_eq!(check(price, Some("0.000001")), 16);
        assert_eq!(check(&format!("{price}max_output = 4\n"), Some("0.000001")), 4);
        let own = "[[variant]]\nname = \"v\"\nmatch = \"m\"\nparams = { max_tokens = 50 }\n";
        assert_eq!(check(&format!("{price}{own}"), Some("0.000001")), 50);
        check("price = \"free\"\n", Some("0"));
        check("", None);
    }
}
