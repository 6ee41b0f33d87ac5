//! What a glob chose, shown with its prices before anything is asked of it.

use std::fmt::Write as _;

use crate::catalog::{Catalog, Endpoint, Price, Rate};
use crate::units::names::glob_matches;
use crate::units::{Clock, EndpointId, Fact};

/// Endpoints that are shown one by one; the rest is counted.
const SHOWN: usize = 15;
/// The width that a terminal surely has.
const COLUMNS: usize = 80;
/// Endpoints that a note names.
const NAMED: usize = 3;

/// The endpoints that were chosen of so many, a line each, in dollars per million tokens.
pub(crate) fn matched(endpoints: &[Endpoint], of: usize) -> String {
    let mut text = format!("{} of {of} endpoints, $ per million tokens", endpoints.len());
    let widest = endpoints.iter().take(SHOWN).map(|e| e.id.as_str().chars().count()).max();
    let widest = widest.unwrap_or(0).min(COLUMNS - 34);
    for endpoint in endpoints.iter().take(SHOWN) {
        let name = shortened(endpoint.id.as_str(), widest);
        let window = endpoint.context_window.map(|n| format!("{n} tokens")).unwrap_or_default();
        let line = format!("  {name:<widest$}  {:<19} {window}", price(&endpoint.price));
        let _ = write!(text, "\n{}", line.trim_end());
    }
    if endpoints.len() > SHOWN {
        let _ = write!(text, "\n  … and {} more", endpoints.len() - SHOWN);
    }
    text
}

fn price(price: &Price) -> String {
    match price {
        Price::Free => "free".to_owned(),
        Price::Unknown | Price::Recorded => "price unknown".to_owned(),
        Price::PerHour(usd) => format!("{usd} an hour"),
        Price::Rates(rates) => {
            let rate = |rate: Rate| {
                rates.charged(rate).map_or_else(|| "?".to_owned(), |usd| rate.written(usd))
            };
            let more = if rates.changes.is_empty() { "" } else { " …" };
            format!("{} in, {} out{more}", rate(Rate::Input), rate(Rate::Output))
        }
    }
}

fn shortened(name: &str, widest: usize) -> String {
    if name.chars().count() <= widest {
        return name.to_owned();
    }
    name.chars().take(widest - 1).chain(['…']).collect()
}

/// Leaves out what a wildcard caught and no price is listed for, such as routers that choose by
/// themselves; says what. Where nothing has a price, nothing is left out: then all are alike.
pub(crate) fn leave_out_unpriced(endpoints: &mut Vec<Endpoint>, globs: &[String]) -> Option<Fact> {
    let named = |e: &Endpoint| {
        let whole = globs.iter().filter(|glob| !glob.contains(['*', '?']));
        whole.into_iter().any(|glob| {
            let base = e.id.as_str().split('#').next().unwrap_or_default();
            [e.model.as_str(), base, e.id.as_str()].iter().any(|name| glob_matches(glob, name))
        })
    };
    let goes = |e: &Endpoint| e.price == Price::Unknown && !named(e);
    let left_out: Vec<String> =
        endpoints.iter().filter(|e| goes(e)).map(|e| e.id.to_string()).collect();
    if left_out.is_empty() || left_out.len() == endpoints.len() {
        return None;
    }
    endpoints.retain(|e| !goes(e));
    Some(Fact::PriceNotListed { endpoints: left_out })
}

/// What a price list says of the endpoints that were chosen, where it matters to a run. What holds
/// for many is said once.
pub(crate) fn listed(catalog: &Catalog, endpoints: &[Endpoint]) -> Vec<String> {
    let today = Clock::real().wall_anchor().to_zoned(jiff::tz::TimeZone::UTC).date();
    let (mut gone, mut aliases, mut other_api) = (Vec::new(), Vec::new(), Vec::new());
    let mut odd_prices: Vec<(&str, String)> = Vec::new();
    for endpoint in endpoints {
        let base = endpoint.id.as_str().split('#').next().unwrap_or_default();
        let odd = match &endpoint.price {
            Price::Rates(rates) => rates.oddity(),
            _ => None,
        };
        let odd = odd.map(|odd| format!("{} of {base} {odd}", odd.rate()));
        // A catalog of one's own was warned of where it was read.
        let is_said = |note: &String| catalog.warnings.iter().any(|said| said.ends_with(note));
        if let Some(note) = odd.filter(|note| !is_said(note))
            && odd_prices.iter().all(|(known, _)| *known != base)
        {
            odd_prices.push((base, note));
        }
        let Some(facts) = catalog.facts.get(&EndpointId::from_text(base)) else { continue };
        if let Some(day) = facts.expires.filter(|day| *day < today) {
            gone.push((base, format!("{base} may be gone since {day}, its price list says")));
        }
        if let Some(alias) = &facts.alias_of {
            let note = format!("{base} stands for {alias}, which may change between two runs");
            aliases.push((base, note));
        }
        if facts.responses_only {
            let note = format!("{base} answers on OpenAI's responses API alone, its list says");
            other_api.push((base, note));
        }
    }
    let said = [
        (odd_prices, "have prices that may be in another unit"),
        (gone, "may be gone, the price list says"),
        (aliases, "stand for others, which may change between two runs"),
        (other_api, "answer on OpenAI's responses API alone, the list says"),
    ];
    said.into_iter().flat_map(|(notes, of_many)| grouped(notes, of_many)).collect()
}

/// One note for each name, or one for all of them.
fn grouped(notes: Vec<(&str, String)>, of_many: &str) -> Vec<String> {
    if notes.len() <= NAMED {
        return notes.into_iter().map(|(_, note)| note).collect();
    }
    let first: Vec<&str> = notes.iter().take(NAMED).map(|(name, _)| *name).collect();
    let more = notes.len() - NAMED;
    vec![format!("{} endpoints {of_many}: {} and {more} more", notes.len(), first.join(", "))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Facts, source};

    fn endpoints(n: usize) -> Vec<Endpoint> {
        let model = |i: usize| match i {
            0 => r#"{"id":"a/router","pricing":{"prompt":"-1","completion":"-1"}}"#.to_owned(),
            _ => format!(
                "{{\"id\":\"a/m{i}\",\"context_length\":131072,\"pricing\":{{\"prompt\":\
                 \"0.00000025\",\"completion\":\"0.000002\"}}}}"
            ),
        };
        let list = (0..n).map(model).collect::<Vec<_>>().join(",");
        let read = source::read(&format!("{{\"data\":[{list}]}}"), "list").expect("a list");
        read.catalog.endpoints
    }

    #[test]
    fn few_are_shown_and_the_rest_is_counted() {
        let text = matched(&endpoints(2), 337);
        assert_eq!(
            text,
            "2 of 337 endpoints, $ per million tokens\n\
             \x20 a/router@openrouter  price unknown\n\
             \x20 a/m1@openrouter      0.25 in, 2 out      131072 tokens"
        );
        let text = matched(&endpoints(40), 40);
        assert_eq!(text.lines().count(), SHOWN + 2);
        assert!(text.ends_with("\n  … and 25 more"), "{text}");
    }

    #[test]
    fn a_wildcard_does_not_catch_what_has_no_price() {
        let check = |n: usize, globs: &[&str], left: usize, says: bool| {
            let mut all = endpoints(n);
            let globs: Vec<String> = globs.iter().map(|&glob| glob.to_owned()).collect();
            let said = leave_out_unpriced(&mut all, &globs);
            assert_eq!((all.len(), said.is_some()), (left, says), "{globs:?}: {said:?}");
        };
        check(3, &["a/*"], 2, true);
        check(3, &["a/*", "a/router"], 3, false);
        check(3, &["a/*", "a/router@openrouter"], 3, false);
        check(1, &["*"], 1, false);
    }

    #[test]
    fn what_a_list_says_holds_for_the_variants_too() {
        let (mut catalog, mut chosen) = (Catalog::default(), endpoints(3));
        let facts = Facts { responses_only: true, ..Facts::default() };
        catalog.facts.insert(chosen[1].id.clone(), facts);
        chosen[1].id = EndpointId::new("a/m1", "openrouter", Some("high"));
        let said = "a/m1@openrouter answers on OpenAI's responses API alone, its list says";
        assert_eq!(listed(&catalog, &chosen), [said]);
    }

    #[test]
    fn what_holds_for_many_is_said_once() {
        let check = |n: usize, expected: &str| {
            let names: Vec<String> = (0..n).map(|i| format!("a/m{i}")).collect();
            let notes = names.iter().map(|name| (name.as_str(), format!("{name} goes"))).collect();
            assert_eq!(grouped(notes, "go").join("; "), expected);
        };
        check(0, "");
        check(3, "a/m0 goes; a/m1 goes; a/m2 goes");
        check(5, "5 endpoints go: a/m0, a/m1, a/m2 and 2 more");
    }
}
