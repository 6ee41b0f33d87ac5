//! Compares two catalogs: prices that rose or fell, endpoints that appeared or vanished, and price
//! jumps.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::price::Price;
use super::rate::Rate;
use super::{Catalog, Endpoint};
use crate::units::{EndpointId, Usd};

/// A price that changes by more than this factor is more often a mistaken unit than a new price.
pub const JUMP: u64 = 3;

/// The kind of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A price rose.
    Dearer,
    /// A price fell.
    Cheaper,
    /// The endpoint is missing in the newer catalog.
    Vanished,
    /// The endpoint is new.
    Appeared,
    /// Anything but the amount of a price.
    Changed,
}

impl Kind {
    /// The word in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dearer => "dearer",
            Self::Cheaper => "cheaper",
            Self::Vanished => "vanished",
            Self::Appeared => "appeared",
            Self::Changed => "changed",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What happened.
    pub kind: Kind,
    /// To which endpoint.
    pub endpoint: String,
    /// The changed item: a rate with its condition, a limit; empty: the endpoint itself.
    pub what: String,
    /// The old value, in the unit of files (dollars per million tokens); empty: none.
    pub before: String,
    /// The new value.
    pub after: String,
    /// The change of a price in percent, such as `+20.0`; empty: not applicable.
    pub percent: String,
    /// Whether a price moved by more than [`JUMP`].
    #[serde(skip)]
    pub is_jump: bool,
}

/// What happened, without the percent: `a/m@p input: 3 to 3.6`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, what, before, after, .. } = self;
        let or_none = |text: &str| if text.is_empty() { "none".into() } else { text.to_owned() };
        match self.kind {
            Kind::Appeared | Kind::Vanished => write!(f, "{endpoint}: {before}{after}"),
            _ => write!(f, "{endpoint} {what}: {} to {}", or_none(before), or_none(after)),
        }
    }
}

/// The differences, sorted by kind and endpoint.
#[must_use]
pub fn between(before: &Catalog, after: &Catalog) -> Vec<Difference> {
    fn by_id(catalog: &Catalog) -> BTreeMap<&EndpointId, &Endpoint> {
        catalog.endpoints.iter().map(|endpoint| (&endpoint.id, endpoint)).collect()
    }
    let (old, new) = (by_id(before), by_id(after));
    let ids: BTreeSet<&&EndpointId> = old.keys().chain(new.keys()).collect();
    let mut found = Vec::new();
    for id in ids {
        match (old.get(*id), new.get(*id)) {
            (Some(a), Some(b)) => of_endpoint(a, b, &mut found),
            (Some(gone), None) => found.push(whole(Kind::Vanished, gone)),
            (None, Some(fresh)) => found.push(whole(Kind::Appeared, fresh)),
            (None, None) => {}
        }
    }
    found.sort_by(|a, b| (a.kind, &a.endpoint).cmp(&(b.kind, &b.endpoint)));
    found
}

/// The difference of an endpoint that is in one catalog only.
fn whole(kind: Kind, endpoint: &Endpoint) -> Difference {
    let price = in_short(&endpoint.price);
    let (before, after) =
        if kind == Kind::Vanished { (price, String::new()) } else { (String::new(), price) };
    let endpoint = endpoint.id.to_string();
    let (what, percent) = (String::new(), String::new());
    Difference { kind, endpoint, what, before, after, percent, is_jump: false }
}

/// `3 in, 15 out`.
#[must_use]
pub fn in_short(price: &Price) -> String {
    match price {
        Price::Free => "free".to_owned(),
        Price::Unknown | Price::Recorded => "unknown".to_owned(),
        Price::PerHour(usd) => format!("{usd} an hour"),
        Price::Rates(rates) => {
            let shown = |rate: Rate| rates.charged(rate).map(|usd| rate.written(usd));
            let shown = |rate| shown(rate).unwrap_or_default();
            format!("{} in, {} out", shown(Rate::Input), shown(Rate::Output))
        }
    }
}

fn of_endpoint(a: &Endpoint, b: &Endpoint, found: &mut Vec<Difference>) {
    let id = b.id.to_string();
    match (&a.price, &b.price) {
        (a, b) if a == b => {}
        (Price::Unknown | Price::PerHour(_), _) | (_, Price::Unknown | Price::PerHour(_)) => {
            found.push(Difference {
                kind: Kind::Changed,
                endpoint: id.clone(),
                what: "price".to_owned(),
                before: in_short(&a.price),
                after: in_short(&b.price),
                percent: String::new(),
                is_jump: false,
            });
        }
        _ => of_rates(&id, &lines(&a.price), &lines(&b.price), found),
    }
    let numbers = [
        ("context_window", a.context_window, b.context_window),
        ("max_output", a.max_output, b.max_output),
    ];
    let shown = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
    let mut changed = |what: &str, before: String, after: String| {
        if before != after {
            found.push(Difference {
                kind: Kind::Changed,
                endpoint: id.clone(),
                what: what.to_owned(),
                before,
                after,
                percent: String::new(),
                is_jump: false,
            });
        }
    };
    for (what, before, after) in numbers {
        changed(what, shown(before), shown(after));
    }
    let supports = |endpoint: &Endpoint| {
        let names = endpoint.supports.iter().flatten().map(|c| c.name());
        names.collect::<Vec<_>>().join(" ")
    };
    changed("supports", supports(a), supports(b));
}

type Lines = BTreeMap<(String, Rate), Usd>;

fn lines(price: &Price) -> Lines {
    match price {
        Price::Rates(rates) => rates.lines(),
        // Free is a price of nothing for both.
        _ => [Rate::Input, Rate::Output].map(|rate| ((String::new(), rate), Usd::ZERO)).into(),
    }
}

fn of_rates(id: &str, old: &Lines, new: &Lines, found: &mut Vec<Difference>) {
    let keys: BTreeSet<&(String, Rate)> = old.keys().chain(new.keys()).collect();
    for key @ (condition, rate) in keys {
        let (before, after) = (old.get(key).copied(), new.get(key).copied());
        if before == after {
            continue;
        }
        let shown = |usd: Option<Usd>| usd.map(|usd| rate.written(usd)).unwrap_or_default();
        let what = if condition.is_empty() {
            rate.name().to_owned()
        } else {
            format!("{} ({condition})", rate.name())
        };
        let (kind, percent) = match (before, after) {
            (Some(a), Some(b)) => {
                let kind = if b > a { Kind::Dearer } else { Kind::Cheaper };
                (kind, percent(a, b))
            }
            // A rate was added or removed: whether that costs more depends on the traffic.
            _ => (Kind::Changed, String::new()),
        };
        let is_jump = before.zip(after).is_some_and(|(a, b)| is_jump(a, b));
        found.push(Difference {
            kind,
            endpoint: id.to_owned(),
            what,
            before: shown(before),
            after: shown(after),
            percent,
            is_jump,
        });
    }
}

/// Whether a price changed by more than [`JUMP`], up or down. A change from or to zero is a jump.
fn is_jump(before: Usd, after: Usd) -> bool {
    after > before.times(JUMP) || before > after.times(JUMP)
}

/// `+20.0`; empty from nothing.
fn percent(before: Usd, after: Usd) -> String {
    if before == Usd::ZERO {
        return String::new();
    }
    let change = (after.to_f64() / before.to_f64() - 1.0) * 100.0;
    // A small change must not look like none.
    let decimals = if change.abs() < 0.1 { 5 } else { 1 };
    format!("{change:+.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::load_text;

    fn catalog(price: &str) -> Catalog {
        let text = format!(
            "[[provider]]\nname = \"p\"\nbase_url = \"https://p.example/v1\"\n[[endpoint]]\nmodel \
             = \"a/m\"\nprovider = \"p\"\nprice = {price}\n"
        );
        load_text(&text, "c.toml").expect("it loads")
    }

    /// The differences as `kind what before after percent jump`.
    fn check(before: &str, after: &str, expected: &[&str]) {
        let found = between(&catalog(before), &catalog(after));
        let shown: Vec<String> = found
            .iter()
            .map(|d| {
                let jump = if d.is_jump { " jump" } else { "" };
                format!(
                    "{} {}: {} to {} {}{jump}",
                    d.kind.word(),
                    d.what,
                    d.before,
                    d.after,
                    d.percent
                )
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn prices_are_compared_rate_by_rate() {
        check("{ input = \"1\", output = \"2\" }", "{ input = \"1.00\", output = \"2\" }", &[]);
        check(
            "{ input = \"1\", output = \"2\" }",
            "{ input = \"1.2\", output = \"1\", cached_input = \"0.1\" }",
            &[
                "dearer input: 1 to 1.2 +20.0",
                "cheaper output: 2 to 1 -50.0",
                "changed cached_input:  to 0.1 ",
            ],
        );
        check(
            "{ input = \"1\", output = \"3\" }",
            "{ input = \"100\", output = \"1\" }",
            &["dearer input: 1 to 100 +9900.0 jump", "cheaper output: 3 to 1 -66.7"],
        );
        check("\"free\"", "{ input = \"0\", output = \"3\" }", &["dearer output: 0 to 3  jump"]);
        check("\"-1\"", "\"free\"", &["changed price: unknown to free "]);
        check(
            "{ input = \"1\", output = \"3\", when = [{ above_input_tokens = 5, input = \"2\" }] }",
            "{ input = \"1\", output = \"3\", when = [{ above_input_tokens = 5, input = \"7\" }] }",
            &["dearer input (above 5 tokens): 2 to 7 +250.0 jump"],
        );
    }

    #[test]
    fn endpoints_come_and_go() {
        let (some, none) = (catalog("\"free\""), Catalog::default());
        assert_eq!(between(&some, &none)[0].kind, Kind::Vanished);
        assert_eq!(between(&none, &some)[0].kind, Kind::Appeared);
        assert_eq!(between(&some, &some), []);
    }
}
