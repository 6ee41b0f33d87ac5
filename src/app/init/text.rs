//! The text of a new `weighbridge.toml`. A comment of prose has a space after its `#`; a setting at
//! rest has none, so that taking the `#` away wakes it, and every such line loads when it is awake.

use std::fmt::Write as _;

use crate::catalog::snapshot::{key, quoted};
use crate::units::escape::escape_control;

/// What stands in the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Starter {
    /// Where it comes from, one line of prose each.
    pub heading: Vec<String>,
    /// What is weighed, in groups.
    pub models: Vec<Group>,
    /// Suites, relative to the file.
    pub suites: Vec<String>,
    /// Categories of their tasks, for the shares of traffic.
    pub categories: Vec<String>,
    /// The endpoint that serves now, where that is known.
    pub today: Option<String>,
    /// Prose above `[today]`.
    pub about_today: Vec<String>,
    /// Whether every price is known, so that a budget refuses nothing.
    pub priced: bool,
    /// The tables of providers and endpoints, as they are written.
    pub catalog: String,
}

/// Endpoints that belong together, under a line of prose.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// The line.
    pub about: String,
    /// Their ids, each with what is said of it.
    pub ids: Vec<(String, String)>,
}

/// The example of what stands at rest where nothing is known: a server of one's own.
const LOCAL_ID: &str = "acme/large@local";
const LOCAL: &str = "
[[provider]]
name = \"local\"
base_url = \"http://127.0.0.1:8000/v1\"

[[endpoint]]
model = \"acme/large\"              # shown as acme/large@local
provider = \"local\"
upstream_model = \"large-2-0611\"   # what the server is asked for
price = \"free\"                    # or { input = \"1.00\", output = \"2.00\" }, dollars per million tokens
context_window = 131072
";

impl Starter {
    /// The text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let first = "What is weighed, and by what it is judged. Written by `weighbridge init`.";
        for line in [first].into_iter().chain(self.heading.iter().map(String::as_str)) {
            push_prose(&mut text, line);
        }
        push_prose(
            &mut text,
            "A line with # and no space after it is a setting at rest: take the # away.",
        );
        self.push_models(&mut text);
        self.push_suites(&mut text);
        self.push_today(&mut text);
        self.push_traffic(&mut text);
        push_objective(&mut text);
        self.push_spend(&mut text);
        self.push_catalog(&mut text);
        text
    }

    fn first_id(&self) -> Option<&str> {
        self.models.iter().flat_map(|group| &group.ids).map(|(id, _)| id.as_str()).next()
    }

    fn push_models(&self, text: &mut String) {
        text.push('\n');
        push_prose(text, "Globs over author/name, author/name@provider or the whole id.");
        if self.first_id().is_none() {
            text.push_str(&at_rest(&format!("models = [{}]\n", quoted(LOCAL_ID))));
            return;
        }
        text.push_str("models = [\n");
        for group in self.models.iter().filter(|group| !group.ids.is_empty()) {
            let _ = writeln!(text, "    # {}", escape_control(&group.about));
            for (id, said) in &group.ids {
                let said = if said.is_empty() {
                    String::new()
                } else {
                    format!("   # {}", escape_control(said))
                };
                let _ = writeln!(text, "    {},{said}", quoted(id));
            }
        }
        text.push_str("]\n");
    }

    fn push_suites(&self, text: &mut String) {
        text.push('\n');
        push_prose(
            text,
            "Folders with suite.toml and tasks.jsonl, .jsonl or .csv files. A file with other columns:",
        );
        push_prose(
            text,
            "{ path = \"prompts.csv\", map = { prompt = \"question\", reference = \"expected\" } }",
        );
        if self.suites.is_empty() {
            push_prose(
                text,
                "No suite was found here: until one is named, the bundled ones are asked.",
            );
            text.push_str(&at_rest("suites = [\"prompts.csv\"]\n"));
            return;
        }
        text.push_str("suites = [\n");
        for suite in &self.suites {
            let _ = writeln!(text, "    {},", quoted(suite));
        }
        text.push_str("]\n");
    }

    fn push_today(&self, text: &mut String) {
        text.push('\n');
        push_prose(
            text,
            "What serves now: every saving is against it, and it is always measured. Without it, the",
        );
        push_prose(text, "best single endpoint of the run stands for it.");
        for line in &self.about_today {
            push_prose(text, line);
        }
        let id = self.today.as_deref().or_else(|| self.first_id()).unwrap_or(LOCAL_ID);
        let table = format!("[today]\nendpoint = {}\n", quoted(id));
        text.push_str(&if self.today.is_some() { table } else { at_rest(&table) });
    }

    fn push_traffic(&self, text: &mut String) {
        text.push('\n');
        push_prose(
            text,
            "The traffic you have; without it categories count equally, and the report says so.",
        );
        text.push_str(&at_rest("[traffic]\nrequests_per_month = 1_000_000\n"));
        let example = ["classify".to_owned(), "reply".to_owned()];
        let names = if self.categories.is_empty() { &example } else { self.categories.as_slice() };
        text.push_str(&at_rest(&format!("share = {{ {} }}   # sums to 1\n", shares(names))));
    }

    fn push_spend(&self, text: &mut String) {
        text.push('\n');
        push_prose(
            text,
            "The worst case of each request is reserved from these, in dollars, before it leaves.",
        );
        if self.first_id().is_some() && self.priced {
            text.push_str("[spend]\nper_run = \"5\"\n");
            text.push_str(&at_rest(
                "per_month = \"100\"               # over all runs; also per_endpoint, per_suite\n",
            ));
            return;
        }
        if self.first_id().is_some() {
            push_prose(text, "An endpoint whose price is not known is refused under a budget.");
        }
        text.push_str(&at_rest(
            "[spend]\nper_run = \"5\"\nper_month = \"100\"               # over all runs\n",
        ));
    }

    fn push_catalog(&self, text: &mut String) {
        text.push('\n');
        push_prose(
            text,
            "What can be called. Keys live in variables: a file has their names alone.",
        );
        if self.first_id().is_none() {
            push_prose(text, "A server of your own, for example, wants no key:");
            text.push_str(&at_rest(LOCAL.trim_start_matches('\n')));
        }
        text.push_str(&self.catalog);
    }
}

fn push_objective(text: &mut String) {
    text.push_str("\n[objective]\n");
    text.push_str(
        "margin = 0.02                   # the loss of quality that you accept: 2 points of 100\n",
    );
    text.push_str(&at_rest(
        "goal = \"cheaper\"               # or \"better\" at today's cost, \"faster\" within both\n\
         slo = { ttft = \"800ms\", miss = 0.05 }\n\
         max_share = { provider = 0.6 }\n",
    ));
}

/// Shares of so many categories that are equal and sum to 1.
fn shares(names: &[String]) -> String {
    let each = 1000 / names.len();
    let share = |idx: usize| if idx == 0 { 1000 - each * (names.len() - 1) } else { each };
    let shown = |thousandths: usize| {
        let (whole, rest) = (thousandths / 1000, thousandths % 1000);
        format!("{whole}.{rest:03}").trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let pair = |(idx, name): (usize, &String)| {
        let number = shown(share(idx));
        let number = if number.contains('.') { number } else { format!("{number}.0") };
        format!("{} = {number}", key(name))
    };
    names.iter().enumerate().map(pair).collect::<Vec<_>>().join(", ")
}

/// A line of prose; what comes from outside cannot end it.
pub(super) fn push_prose(text: &mut String, line: &str) {
    let _ = writeln!(text, "# {}", escape_control(line));
}

/// Settings at rest.
pub(super) fn at_rest(block: &str) -> String {
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("#{line}\n") };
    block.lines().map(line).collect::<Vec<_>>().concat()
}

/// The same text with every setting awake.
#[cfg(test)]
pub(super) fn awake(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect::<Vec<_>>().concat()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::plan::Config;

    /// Asserts that a text loads as it is and with every setting awake.
    pub fn check_loads(text: &str) -> (Config, Config) {
        let load = |text: &str| match Config::load_text(text, "weighbridge.toml", &[]) {
            Ok(config) => config,
            Err(error) => panic!("{error}\n{text}"),
        };
        (load(text), load(&awake(text)))
    }

    #[test]
    fn nothing_known_is_an_example_at_rest() {
        let (asleep, awake) = check_loads(&Starter::default().text());
        assert!(asleep.catalog.endpoints.is_empty() && asleep.models.is_empty());
        assert_eq!((asleep.today, asleep.spend.per_run), (None, None));
        assert_eq!(awake.models, [LOCAL_ID]);
        assert_eq!(awake.today.as_deref(), Some(LOCAL_ID));
        assert_eq!(awake.catalog.endpoints[0].id.as_str(), LOCAL_ID);
        assert!(awake.slo.is_some() && awake.spend.per_month.is_some());
    }

    #[test]
    fn names_from_outside_stay_inside_their_lines() {
        let evil = "x\n[spend]\nper_run = \"9999\" \"\\ #\u{1b}[31m";
        let starter = Starter {
            heading: vec![evil.to_owned()],
            models: vec![Group {
                about: evil.to_owned(),
                ids: vec![("a/b@c".into(), evil.into())],
            }],
            suites: vec![evil.to_owned()],
            categories: vec![evil.to_owned(), "b".to_owned(), "c".to_owned()],
            about_today: vec![evil.to_owned()],
            ..Starter::default()
        };
        let (asleep, awake) = check_loads(&starter.text());
        assert_eq!(asleep.spend.per_run, None);
        assert_eq!(awake.spend.per_run.map(|usd| usd.to_string()).as_deref(), Some("5"));
        assert_eq!(asleep.suites[0].path, std::path::Path::new(evil));
        assert!(awake.shares.contains_key(evil));
        assert!(!starter.text().contains('\u{1b}'));
    }

    #[test]
    fn shares_are_equal_and_sum_to_one() {
        let names = |n: usize| (0..n).map(|i| format!("c{i}")).collect::<Vec<_>>();
        assert_eq!(shares(&names(1)), "c0 = 1.0");
        assert_eq!(shares(&names(2)), "c0 = 0.5, c1 = 0.5");
        assert_eq!(shares(&names(3)), "c0 = 0.334, c1 = 0.333, c2 = 0.333");
    }
}
