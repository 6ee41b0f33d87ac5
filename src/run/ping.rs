//! One tiny request to each endpoint: whether it answers, how soon, for how much. Pings are not
//! retried, and not recorded in a run database.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::render;
use crate::catalog::Endpoint;
use crate::client::Transport;
use crate::dispatch::{Budget, Call, CallEnd, Caller, EndpointClient, InMemory};
use crate::plan::{input_bound, max_tokens, output_bound};
use crate::store::RequestSource;
use crate::suite::Task;
use crate::units::{CacheMode, Message, Usd};

/// The limit on the answer's tokens: the least that OpenAI's responses API takes.
const MAX_TOKENS: u64 = 16;
/// Requests in flight, over all endpoints: this is not a load.
const MAX_IN_FLIGHT: usize = 8;

/// The request to an endpoint.
#[derive(Clone, Debug)]
pub struct Ping {
    body: Bytes,
    /// The most that it can cost; `None`: not known.
    pub bound: Option<Usd>,
}

impl Ping {
    /// A variant's own output limit replaces the tiny one.
    #[must_use]
    pub fn new(endpoint: &Endpoint) -> Self {
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
    Task { max_tokens: Some(MAX_TOKENS), ..Task::new("ping", "ping", "ping", vec![message]) }
}

/// Sends every ping, a few at a time; returns their ends in the order of the pings.
pub async fn ping<T: Transport>(
    caller: Caller<T>,
    pings: Vec<(EndpointClient, Ping)>,
) -> Vec<CallEnd> {
    let caller = Arc::new(caller);
    let run = caller.clock.wall_anchor().as_nanosecond();
    let mut waiting = (0..).zip(pings);
    let mut in_flight: JoinSet<(usize, CallEnd)> = JoinSet::new();
    let mut ended = Vec::new();
    loop {
        while in_flight.len() < MAX_IN_FLIGHT
            && let Some((nth, (endpoint, ping))) = waiting.next()
        {
            let (caller, key) = (Arc::clone(&caller), format!("ping-{run}-{nth}"));
            in_flight.spawn(async move { (nth, send(&caller, &endpoint, ping, key).await) });
        }
        match in_flight.join_next().await {
            Some(Ok(one)) => ended.push(one),
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => break,
        }
    }
    ended.sort_by_key(|(nth, _)| *nth);
    ended.into_iter().map(|(_, end)| end).collect()
}

async fn send<T: Transport>(
    caller: &Caller<T>,
    endpoint: &EndpointClient,
    ping: Ping,
    key: String,
) -> CallEnd {
    let Ping { body, bound } = ping;
    let budget = Budget::new(None);
    let admission = budget.reserve_now(bound.unwrap_or_default()).expect("no cap").into();
    let source = RequestSource::Ping;
    let call = Call { endpoint, body, key, bound, max_output: None, source, fresh: false };
    let mut recorder = InMemory::default();
    let Ok(_) = caller.send(call, admission, &mut recorder).await;
    recorder.0.expect("a ping is never cut off")
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
            let ping = Ping::new(catalog.endpoints.last().expect("one"));
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
