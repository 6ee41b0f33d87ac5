//! Conditions that endpoints are chosen by: `price.output < 2 and context >= 128_000 and tools`.
//!
//! A condition is a minijinja expression over the fields of one endpoint. The environment has no
//! functions, no filters and one test (`glob`), so a condition cannot loop. An endpoint whose
//! condition needs an unknown value is not chosen.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::LazyLock;

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

use super::endpoint::author;
use super::price::Price;
use super::rate::Rate;
use super::{Capability, Catalog, Endpoint, Facts};
use crate::units::names::glob_matches;
use crate::units::toml_text::did_you_mean;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.add_test("glob", |name: &str, glob: &str| glob_matches(glob, name));
    environment
});

/// A condition over the fields of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    text: String,
    fields: Vec<String>,
}

/// Why a condition cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{why}; a condition combines {} with < <= > >= == != and or not, and compares names by \
     model is glob('acme/*')", fields().join(", ")
)]
pub struct FilterError {
    why: String,
}

impl FilterError {
    fn new(error: &Error) -> Self {
        Self { why: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned) }
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        // In minijinja, `~` joins two texts: a glob written with it would choose every endpoint.
        if text.split(['"', '\'']).step_by(2).any(|unquoted| unquoted.contains('~')) {
            return Err(FilterError { why: "~ is not an operator".to_owned() });
        }
        let expression = ENVIRONMENT.compile_expression(text).map_err(|e| FilterError::new(&e))?;
        let known = fields();
        let mut used: Vec<String> = expression.undeclared_variables(true).into_iter().collect();
        used.sort_unstable();
        if let Some(name) = used.iter().find(|name| !known.contains(name)) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let why = match did_you_mean(name, &known) {
                hint if hint.starts_with("did") => format!("unknown field {name:?}; {hint}"),
                _ => format!("unknown field {name:?}"),
            };
            return Err(FilterError { why });
        }
        Ok(Self { text: text.to_owned(), fields: used })
    }
}

impl Filter {
    /// Whether the condition holds for an endpoint.
    ///
    /// # Errors
    /// When the operands have the wrong type, or the result is neither true nor false.
    pub fn chooses(&self, endpoint: &Endpoint, catalog: &Catalog) -> Result<bool, FilterError> {
        let no_facts = Facts::default();
        let facts = catalog.facts.get(&endpoint.id).unwrap_or(&no_facts);
        let (mut context, mut prices) = (BTreeMap::new(), BTreeMap::new());
        for field in &self.fields {
            // Reading an unknown value ends the evaluation.
            let unknown = || Error::from(ErrorKind::UndefinedError).into();
            let value = value(field, endpoint, facts).unwrap_or_else(unknown);
            match field.strip_prefix("price.") {
                Some(rate) => prices.insert(rate, value),
                None => context.insert(field.as_str(), value),
            };
        }
        context.insert("price", Value::from_pairs(prices));
        let result = ENVIRONMENT
            .compile_expression(&self.text)
            .and_then(|expression| expression.eval(Value::from_pairs(context)));
        match result {
            Ok(value) if value.kind() == ValueKind::Bool => Ok(value.is_true()),
            Ok(value) => Err(FilterError { why: format!("{value} is neither true nor false") }),
            Err(error) if error.kind() == ErrorKind::UndefinedError => Ok(false),
            Err(error) => Err(FilterError::new(&error)),
        }
    }
}

fn fields() -> Vec<String> {
    let prices = Rate::ALL.map(|rate| format!("price.{}", rate.name()));
    let flags = Capability::ALL.map(|capability| capability.name().to_owned());
    let others = [
        "context",
        "max_output",
        "endpoint",
        "model",
        "author",
        "provider",
        "created",
        "expires",
        "free",
        "priced",
        "alias",
    ];
    prices.into_iter().chain(flags).chain(others.map(str::to_owned)).collect()
}

/// The value of a field: dollars per million tokens, days as `2026-06-16`; `None`: unknown.
fn value(field: &str, endpoint: &Endpoint, facts: &Facts) -> Option<Value> {
    let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string().into());
    let is_priced = endpoint.price != Price::Unknown;
    match field {
        "context" => endpoint.context_window.map(Value::from),
        "max_output" => endpoint.max_output.map(Value::from),
        "endpoint" => Some(endpoint.id.as_str().into()),
        "model" => Some(endpoint.model.as_str().into()),
        "author" => Some(author(&endpoint.model).into()),
        "provider" => Some(endpoint.provider.name.as_str().into()),
        "created" => day(facts.created),
        "expires" => day(facts.expires),
        "free" => is_priced.then(|| (!endpoint.price.is_billed()).into()),
        "priced" => Some(is_priced.into()),
        "alias" => Some(facts.alias_of.is_some().into()),
        _ => {
            if let Some(rate) = field.strip_prefix("price.") {
                return dollars(rate, &endpoint.price).map(Value::from);
            }
            let supports = endpoint.supports.as_ref()?;
            Some(supports.iter().any(|capability| capability.name() == field).into())
        }
    }
}

fn dollars(rate: &str, price: &Price) -> Option<f64> {
    match price {
        Price::Rates(rates) => {
            let rate = Rate::ALL.into_iter().find(|known| known.name() == rate)?;
            rate.written(rates.charged(rate)?).parse().ok()
        }
        Price::Free | Price::PerHour(_) => Some(0.0),
        Price::Unknown | Price::Recorded => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::load_text;

    const CATALOG: &str = r#"
[snapshot]
source = "test"
fetched_at = "2026-06-16T00:00:00Z"
unit = "USD per million tokens"
[[provider]]
name = "p"
base_url = "https://p.example/v1"
[[endpoint]]
model = "acme/large"
provider = "p"
price = { input = "3", output = "15", cached_input = "0.3" }
context_window = 200000
supports = ["tools", "reasoning"]
created = "2026-02-01"
[[endpoint]]
model = "acme/small"
provider = "p"
price = { input = "0.1", output = "0.4" }
context_window = 128000
supports = []
[[endpoint]]
model = "birch/free"
provider = "p"
price = "free"
expires = "2026-07-01"
[[endpoint]]
model = "cedar/dark"
provider = "p"
price = "-1"
context_window = 1000000
supports = ["tools"]
alias_of = "cedar/dark-0601"
"#;

    /// The models that a condition chooses.
    fn chosen(condition: &str) -> Result<Vec<String>, FilterError> {
        let catalog = load_text(CATALOG, "c.toml").expect("it loads");
        let filter: Filter = condition.parse()?;
        let mut chosen = Vec::new();
        for endpoint in &catalog.endpoints {
            if filter.chooses(endpoint, &catalog)? {
                chosen.push(endpoint.model.split_once('/').expect("an author").1.to_owned());
            }
        }
        Ok(chosen)
    }

    fn check(condition: &str, expected: &[&str]) {
        assert_eq!(chosen(condition).expect(condition), expected, "{condition}");
    }

    #[test]
    fn endpoints_are_chosen() {
        check("price.output < 2 and context >= 128000", &["small"]);
        check("price.output < 2", &["small", "free"]);
        check("price.cached_input <= 0.30", &["large", "free"]);
        check("price.cached_input == 0.3", &["large"]);
        check("context >= 128_000 and tools", &["large", "dark"]);
        check("context == 1_000_000", &["dark"]);
        check("not tools", &["small"]);
        check("not (price.output < 2)", &["large"]);
        check("author == 'cedar' or free", &["free", "dark"]);
        check("priced and not free", &["large", "small"]);
        check("model is glob('acme/*') and reasoning or alias", &["large", "dark"]);
        check("endpoint is glob(\"*@p\")", &["large", "small", "free", "dark"]);
        check("author in ['acme', 'birch'] and free", &["free"]);
        check("created >= '2026-01-01'", &["large"]);
        check("expires < '2026-08-01'", &["free"]);
        check("provider != 'p'", &[]);
    }

    #[test]
    fn an_unknown_value_chooses_nothing() {
        // The endpoint without a price is chosen by neither comparison, nor by a negation.
        check("author == 'cedar' and price.output < 2", &[]);
        check("author == 'cedar' and price.output >= 2", &[]);
        check("author == 'cedar' and not free", &[]);
        check("author == 'cedar' and (free or tools)", &[]);
    }

    #[test]
    fn errors_name_the_mistake() {
        let errors: Vec<String> = [
            "contxt > 5",
            "price.outptu < 2",
            "price < 2",
            "range(9)",
            "tools && free",
            "tools and",
            "(tools",
            "model ~ 'acme/*' and tools",
            "context >= 128k",
            "model is glub('a')",
            "model | upper == 'A'",
            "context",
            "context + model > 1",
        ]
        .iter()
        .map(|condition| format!("{condition}: {}", chosen(condition).expect_err(condition).why))
        .collect();
        insta::assert_snapshot!(errors.join("\n"));
    }
}
