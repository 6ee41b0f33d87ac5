//! A small language that endpoints are chosen by: `price.output < 2 && context >= 128000 && tools`.
//!
//! A comparison with what is not known is neither true nor false, and so is its negation: an
//! endpoint is chosen only where the whole is true.

use jiff::civil::Date;

use super::price::Price;
use super::rate::Rate;
use super::{Capability, Catalog, Endpoint, Facts};
use crate::units::Usd;
use crate::units::names::glob_matches;
use crate::units::toml_text::did_you_mean;

/// An expression, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Node);

/// Why an expression does not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--where, character {at}: {why}")]
pub struct FilterError {
    /// The character, from 1.
    pub at: usize,
    /// What is wrong there, and what may stand there.
    pub why: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    All(Box<Node>, Box<Node>),
    Any(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Flag(Flag),
    Amount(Number, Operator, Usd),
    Text(Text, Operator, String),
    Day(Day, Operator, Date),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Unequal,
    Matches,
}

/// What is a number. Counts are held as dollars, which are exact decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Price(Rate),
    Context,
    MaxOutput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Endpoint,
    Model,
    Author,
    Provider,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    Created,
    Expires,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flag {
    Can(Capability),
    Free,
    Priced,
    Alias,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Number(Number),
    Text(Text),
    Day(Day),
    Flag(Flag),
}

fn names() -> Vec<(String, Name)> {
    let prices = Rate::ALL
        .into_iter()
        .map(|rate| (format!("price.{}", rate.name()), Name::Number(Number::Price(rate))));
    let abilities =
        Capability::ALL.into_iter().map(|c| (c.name().to_owned(), Name::Flag(Flag::Can(c))));
    let rest = [
        ("context", Name::Number(Number::Context)),
        ("max_output", Name::Number(Number::MaxOutput)),
        ("endpoint", Name::Text(Text::Endpoint)),
        ("model", Name::Text(Text::Model)),
        ("author", Name::Text(Text::Author)),
        ("provider", Name::Text(Text::Provider)),
        ("created", Name::Day(Day::Created)),
        ("expires", Name::Day(Day::Expires)),
        ("free", Name::Flag(Flag::Free)),
        ("priced", Name::Flag(Flag::Priced)),
        ("alias", Name::Flag(Flag::Alias)),
    ];
    let rest = rest.into_iter().map(|(name, meaning)| (name.to_owned(), meaning));
    prices.chain(abilities).chain(rest).collect()
}

impl std::str::FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser { tokens: tokens(text)?, next: 0, end: text.chars().count() + 1 };
        let node = parser.any()?;
        match parser.peek() {
            None => Ok(Self(node)),
            Some((at, token)) => {
                let why = format!("{token} cannot stand here; join conditions with && or ||");
                Err(FilterError { at, why })
            }
        }
    }
}

impl Filter {
    /// Whether an endpoint is chosen.
    #[must_use]
    pub fn chooses(&self, endpoint: &Endpoint, catalog: &Catalog) -> bool {
        let unsaid = Facts::default();
        let facts = catalog.facts.get(&endpoint.id).unwrap_or(&unsaid);
        self.0.holds(endpoint, facts) == Some(true)
    }
}

impl Node {
    /// `None`: not known.
    fn holds(&self, endpoint: &Endpoint, facts: &Facts) -> Option<bool> {
        match self {
            Self::All(a, b) => match (a.holds(endpoint, facts), b.holds(endpoint, facts)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Any(a, b) => match (a.holds(endpoint, facts), b.holds(endpoint, facts)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Self::Not(node) => node.holds(endpoint, facts).map(|held| !held),
            Self::Flag(flag) => flag.holds(endpoint, facts),
            Self::Amount(number, operator, usd) => {
                Some(operator.compares(&number.of(endpoint)?, usd))
            }
            Self::Day(day, operator, wanted) => {
                let day = match day {
                    Day::Created => facts.created,
                    Day::Expires => facts.expires,
                };
                Some(operator.compares(&day?, wanted))
            }
            Self::Text(text, operator, wanted) => {
                let own = text.of(endpoint);
                Some(match operator {
                    Operator::Matches => glob_matches(wanted, own),
                    other => other.compares(&own, &wanted.as_str()),
                })
            }
        }
    }
}

impl Operator {
    fn compares<T: Ord>(self, a: &T, b: &T) -> bool {
        match self {
            Self::Less => a < b,
            Self::AtMost => a <= b,
            Self::More => a > b,
            Self::AtLeast => a >= b,
            Self::Equal | Self::Matches => a == b,
            Self::Unequal => a != b,
        }
    }
}

impl Flag {
    fn holds(self, endpoint: &Endpoint, facts: &Facts) -> Option<bool> {
        match self {
            Self::Can(capability) => Some(endpoint.supports.as_ref()?.contains(&capability)),
            Self::Free => (endpoint.price != Price::Unknown).then(|| !endpoint.price.is_billed()),
            Self::Priced => Some(endpoint.price != Price::Unknown),
            Self::Alias => Some(facts.alias_of.is_some()),
        }
    }
}

impl Number {
    fn of(self, endpoint: &Endpoint) -> Option<Usd> {
        let count = |n: u64| "1".parse::<Usd>().ok().map(|one| one.times(n));
        match self {
            Self::Context => count(endpoint.context_window?),
            Self::MaxOutput => count(endpoint.max_output?),
            Self::Price(rate) => match &endpoint.price {
                Price::Rates(rates) => {
                    let usd = rates.charged(rate)?;
                    Some(if rate.is_per_token() { usd.times(1_000_000) } else { usd })
                }
                Price::Free | Price::PerHour(_) => Some(Usd::ZERO),
                Price::Unknown => None,
            },
        }
    }
}

impl Text {
    fn of(self, endpoint: &Endpoint) -> &str {
        match self {
            Self::Endpoint => endpoint.id.as_str(),
            Self::Model => &endpoint.model,
            Self::Author => author(&endpoint.model),
            Self::Provider => &endpoint.provider.name,
        }
    }
}

/// Who makes a model: what stands before the first slash.
#[must_use]
pub fn author(model: &str) -> &str {
    model.split_once('/').map_or(model, |(author, _)| author)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Operator(Operator),
    And,
    Or,
    Not,
    Open,
    Close,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(word) => write!(f, "{word:?}"),
            Self::Quoted(text) => write!(f, "the text {text:?}"),
            Self::Operator(_) => f.write_str("a comparison"),
            Self::And => f.write_str("\"&&\""),
            Self::Or => f.write_str("\"||\""),
            Self::Not => f.write_str("\"!\""),
            Self::Open => f.write_str("\"(\""),
            Self::Close => f.write_str("\")\""),
        }
    }
}

/// Tokens with their character, from 1.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    let chars: Vec<char> = text.chars().collect();
    let is_word = |c: char| c.is_alphanumeric() || "._-/:*?@".contains(c);
    let (mut tokens, mut i) = (Vec::new(), 0);
    while let Some(&c) = chars.get(i) {
        let at = i + 1;
        let next = chars.get(i + 1).copied();
        let (token, taken) = match (c, next) {
            (c, _) if c.is_whitespace() => {
                i += 1;
                continue;
            }
            ('&', Some('&')) => (Token::And, 2),
            ('|', Some('|')) => (Token::Or, 2),
            ('<', Some('=')) => (Token::Operator(Operator::AtMost), 2),
            ('>', Some('=')) => (Token::Operator(Operator::AtLeast), 2),
            ('=', Some('=')) => (Token::Operator(Operator::Equal), 2),
            ('!', Some('=')) => (Token::Operator(Operator::Unequal), 2),
            ('=', _) => (Token::Operator(Operator::Equal), 1),
            ('<', _) => (Token::Operator(Operator::Less), 1),
            ('>', _) => (Token::Operator(Operator::More), 1),
            ('~', _) => (Token::Operator(Operator::Matches), 1),
            ('!', _) => (Token::Not, 1),
            ('(', _) => (Token::Open, 1),
            (')', _) => (Token::Close, 1),
            ('"' | '\'', _) => {
                let rest = &chars[i + 1..];
                let Some(length) = rest.iter().position(|end| *end == c) else {
                    return Err(FilterError { at, why: format!("the {c} is never closed") });
                };
                (Token::Quoted(rest[..length].iter().collect()), length + 2)
            }
            (c, _) if is_word(c) => {
                let word: String = chars[i..].iter().take_while(|c| is_word(**c)).collect();
                let length = word.chars().count();
                (Token::Word(word), length)
            }
            _ => {
                let why =
                    format!("{c:?} means nothing here; there are < <= > >= == != ~ && || ! ( )");
                return Err(FilterError { at, why });
            }
        };
        tokens.push((at, token));
        i += taken;
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<(usize, &Token)> {
        self.tokens.get(self.next).map(|(at, token)| (*at, token))
    }

    fn take(&mut self) -> Option<(usize, Token)> {
        let token = self.tokens.get(self.next).cloned();
        self.next += usize::from(token.is_some());
        token
    }

    fn takes(&mut self, wanted: &Token) -> bool {
        let found = self.peek().is_some_and(|(_, token)| token == wanted);
        self.next += usize::from(found);
        found
    }

    fn error<T>(&self, at: Option<usize>, why: impl Into<String>) -> Result<T, FilterError> {
        Err(FilterError { at: at.unwrap_or(self.end), why: why.into() })
    }

    fn any(&mut self) -> Result<Node, FilterError> {
        let mut node = self.all()?;
        while self.takes(&Token::Or) {
            node = Node::Any(Box::new(node), Box::new(self.all()?));
        }
        Ok(node)
    }

    fn all(&mut self) -> Result<Node, FilterError> {
        let mut node = self.one()?;
        while self.takes(&Token::And) {
            node = Node::All(Box::new(node), Box::new(self.one()?));
        }
        Ok(node)
    }

    fn one(&mut self) -> Result<Node, FilterError> {
        if self.takes(&Token::Not) {
            return Ok(Node::Not(Box::new(self.one()?)));
        }
        if self.takes(&Token::Open) {
            let node = self.any()?;
            if self.takes(&Token::Close) {
                return Ok(node);
            }
            let at = self.peek().map(|(at, _)| at);
            return self.error(at, "a \")\" is missing");
        }
        match self.take() {
            Some((at, Token::Word(word))) => self.comparison(at, &word),
            Some((at, token)) => {
                self.error(Some(at), format!("{token} stands where a name belongs"))
            }
            None => self.error(None, "a condition is missing, such as price.output < 2"),
        }
    }

    fn comparison(&mut self, at: usize, word: &str) -> Result<Node, FilterError> {
        let names = names();
        let Some((_, name)) = names.iter().find(|(name, _)| name == word) else {
            let known: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
            return self
                .error(Some(at), format!("unknown name {word:?}; {}", did_you_mean(word, &known)));
        };
        let operator = match self.peek() {
            Some((_, Token::Operator(operator))) => Some(*operator),
            _ => None,
        };
        let (name, operator) = match (*name, operator) {
            (Name::Flag(flag), None) => return Ok(Node::Flag(flag)),
            (Name::Flag(_), Some(_)) => {
                let why = format!("{word} is true or false; write {word} or !{word}");
                return self.error(Some(at), why);
            }
            (_, None) => {
                let after = self.peek().map(|(at, _)| at);
                return self.error(
                    after,
                    format!("{word} needs a comparison, such as {word} {}", example(*name)),
                );
            }
            (name, Some(operator)) => (name, operator),
        };
        self.next += 1;
        let Some((value_at, value)) = self.take() else {
            return self.error(None, format!("{word} is compared with nothing"));
        };
        let (Token::Word(value) | Token::Quoted(value)) = value else {
            return self.error(Some(value_at), format!("{value} stands where a value belongs"));
        };
        let bad = |what: &str| {
            let why = format!("{word} is {what}, not {value:?}; write {word} {}", example(name));
            Err(FilterError { at: value_at, why })
        };
        match name {
            Name::Number(_) | Name::Day(_) if operator == Operator::Matches => {
                self.error(Some(at), format!("~ is for names; {word} has < <= > >= == !="))
            }
            Name::Number(number) => match amount(&value) {
                Some(usd) => Ok(Node::Amount(number, operator, usd)),
                None => bad("a number"),
            },
            Name::Day(day) => match value.parse() {
                Ok(date) => Ok(Node::Day(day, operator, date)),
                Err(_) => bad("a day"),
            },
            Name::Text(text) => Ok(Node::Text(text, operator, value)),
            Name::Flag(_) => unreachable!("returned above"),
        }
    }
}

fn example(name: Name) -> &'static str {
    match name {
        Name::Number(Number::Price(_)) => "< 2",
        Name::Number(_) => ">= 128000",
        Name::Day(_) => ">= 2026-01-01",
        Name::Text(_) | Name::Flag(_) => "~ \"openai*\"",
    }
}

/// A number, with `k` and `M` for thousands and millions.
fn amount(text: &str) -> Option<Usd> {
    let (digits, times) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1_000),
        None => text.strip_suffix('M').map_or((text, 1), |digits| (digits, 1_000_000)),
    };
    digits.parse::<Usd>().ok().map(|usd| usd.times(times))
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

    /// The models that an expression chooses.
    fn check(expression: &str, expected: &[&str]) {
        let catalog = load_text(CATALOG, "c.toml").expect("it loads");
        let filter: Filter = expression.parse().expect(expression);
        let chosen: Vec<&str> = catalog
            .endpoints
            .iter()
            .filter(|endpoint| filter.chooses(endpoint, &catalog))
            .map(|endpoint| endpoint.model.split_once('/').expect("an author").1)
            .collect();
        assert_eq!(chosen, expected, "{expression}");
    }

    #[test]
    fn endpoints_are_chosen() {
        check("price.output < 2 && context >= 128000", &["small"]);
        check("price.output < 2", &["small", "free"]);
        check("price.cached_input <= 0.30", &["large", "free"]);
        check("context >= 128k && tools", &["large", "dark"]);
        check("context = 1M", &["dark"]);
        check("!tools", &["small"]);
        check("!(price.output < 2)", &["large"]);
        check("free || author == cedar", &["free", "dark"]);
        check("priced && !free", &["large", "small"]);
        check("model ~ 'acme/*' && reasoning || alias", &["large", "dark"]);
        check("endpoint ~ *@p", &["large", "small", "free", "dark"]);
        check("created >= 2026-01-01 || expires < 2026-08-01", &["large", "free"]);
        check("provider != p", &[]);
    }

    /// The character and the beginning of what is said.
    fn check_error(expression: &str, at: usize, why: &str) {
        let error = expression.parse::<Filter>().expect_err(expression);
        assert_eq!(error.at, at, "{error}");
        assert!(error.why.starts_with(why), "{error}");
    }

    #[test]
    fn errors_say_where_and_what() {
        check_error("contxt > 5", 1, "unknown name \"contxt\"; did you mean \"context\"?");
        check_error(
            "price.output",
            13,
            "price.output needs a comparison, such as price.output < 2",
        );
        check_error("price.output < cheap", 16, "price.output is a number, not \"cheap\"");
        check_error("tools == 1", 1, "tools is true or false; write tools or !tools");
        check_error("tools && ", 10, "a condition is missing");
        check_error("(tools", 7, "a \")\" is missing");
        check_error("tools reasoning", 7, "\"reasoning\" cannot stand here");
        check_error("context ~ 5", 1, "~ is for names");
        check_error("model == \"a", 10, "the \" is never closed");
        check_error("tools $ 5", 7, "'$' means nothing here");
        check_error("created > soon", 11, "created is a day");
        check_error("&& tools", 1, "\"&&\" stands where a name belongs");
        check_error("context >", 10, "context is compared with nothing");
    }
}
