//! Prices as gateways state them.

use super::node::Node;
use crate::catalog::{Endpoint, Price, Rate, Rates};
use crate::units::Usd;

/// The flat rates of an endpoint; `None`: not known, or by the hour.
pub(super) fn rates(endpoint: &Endpoint) -> Option<Rates> {
    match &endpoint.price {
        Price::Rates(rates) => Some(rates.clone()),
        Price::Free => Some(Rates::default()),
        Price::PerHour(_) | Price::Unknown | Price::Recorded => None,
    }
}

/// The rates that are set, of those that a gateway has a name for; dollars for one token.
pub(super) fn per_token(endpoint: &Endpoint, names: &[(Rate, &str)]) -> Vec<(String, Node)> {
    priced(endpoint, names, |usd| Node::Number(usd.to_string()))
}

/// The same, in dollars for a million tokens, as text.
pub(super) fn per_million(endpoint: &Endpoint, names: &[(Rate, &str)]) -> Vec<(String, Node)> {
    priced(endpoint, names, |usd| Node::Text(usd.times(1_000_000).to_string()))
}

fn priced(
    endpoint: &Endpoint,
    names: &[(Rate, &str)],
    form: fn(Usd) -> Node,
) -> Vec<(String, Node)> {
    let Some(rates) = rates(endpoint) else { return Vec::new() };
    // A gateway takes a cache rate that is not there for 0; here it is the input's.
    let of = |rate: Rate| match rate {
        Rate::CachedInput | Rate::CacheWrite => Some(rates.get(rate).unwrap_or(rates.input)),
        other => rates.get(other),
    };
    let named = names.iter().filter_map(|(rate, name)| Some(((*name).to_owned(), of(*rate)?)));
    named.map(|(name, usd)| (name, form(usd))).collect()
}

/// What of an endpoint's price these names leave out.
pub(super) fn lost(endpoint: &Endpoint, names: &[(Rate, &str)]) -> Option<String> {
    let id = &endpoint.id;
    match &endpoint.price {
        Price::Free => None,
        Price::Unknown => Some(format!("{id}: its price is not known")),
        Price::Recorded => Some(format!("{id}: the run holds what it cost, and no prices")),
        Price::PerHour(usd) => {
            Some(format!("{id}: it costs {usd} dollars an hour, not by the token"))
        }
        Price::Rates(rates) => {
            let is_named = |rate: Rate| names.iter().any(|(known, _)| *known == rate);
            let mut lost: Vec<String> = Rate::ALL
                .into_iter()
                .filter(|rate| {
                    rates.get(*rate).is_some_and(|usd| usd != Usd::ZERO) && !is_named(*rate)
                })
                .map(|rate| rate.name().to_owned())
                .collect();
            if !rates.changes.is_empty() {
                lost.push("rates that depend on time, length or tier".to_owned());
            }
            if rates.factor.is_some() {
                lost.push("the factor on the whole price".to_owned());
            }
            (!lost.is_empty()).then(|| format!("{id}: of its price, {}", lost.join(", ")))
        }
    }
}
