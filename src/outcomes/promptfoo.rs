//! promptfoo's results: `promptfoo eval --output results.json`, versions 1 to 4, and `.jsonl`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::OutcomesError;
use super::builder::{TableBuilder, Twice};
use super::json::{decode, messages, name_under, text_of};
use super::number::{self, latency};
use super::options::ReadOptions;
use super::place::{Part, Place};
use super::table::{Outcome, TableModel};
use crate::units::{ContentHash, MAX_TOKENS, Usage, Usd};

/// What a query without a description is called: its variables, up to so many characters.
const MAX_NAME: usize = 60;
/// The longest label of a prompt that is part of an endpoint's name.
const MAX_LABEL: usize = 40;
/// `failureReason` of a request that failed: not of an answer that was wrong.
const FAILED: u64 = 2;
const NO_ASSERTIONS: &str = "No assertions";
const NOT_RESULTS: &str = "this is a promptfoo configuration, not its results";
const RUN_IT: &str = "run `promptfoo eval --output results.json` and import results.json";

/// A results file, as far as it is read.
#[derive(Deserialize)]
struct File {
    results: Value,
    #[serde(default, rename = "createdAt")]
    created_at: Value,
    #[serde(default)]
    config: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(default)]
    provider: Value,
    #[serde(default)]
    prompt: Value,
    #[serde(default)]
    vars: Value,
    test_case: Option<TestCase>,
    #[serde(default)]
    description: Value,
    response: Option<Response>,
    #[serde(default)]
    error: Value,
    failure_reason: Option<u64>,
    success: Option<bool>,
    score: Option<f64>,
    #[serde(default)]
    named_scores: Value,
    latency_ms: Option<f64>,
    #[serde(default)]
    cost: Value,
    token_usage: Option<Tokens>,
    grading_result: Option<GradingResult>,
    #[serde(default)]
    metadata: Value,
}

#[derive(Deserialize)]
struct TestCase {
    #[serde(default)]
    description: Value,
    #[serde(default)]
    vars: Value,
    #[serde(default)]
    metadata: Value,
    #[serde(default, rename = "assert")]
    assertions: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(default)]
    output: Value,
    #[serde(default)]
    error: Value,
    cached: Option<bool>,
    #[serde(default)]
    cost: Value,
    token_usage: Option<Tokens>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    prompt: Option<f64>,
    completion: Option<f64>,
    completion_details: Option<CompletionDetails>,
}

#[derive(Deserialize)]
struct CompletionDetails {
    reasoning: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GradingResult {
    pass: Option<bool>,
    score: Option<f64>,
    #[serde(default)]
    reason: Value,
    component_results: Option<Vec<Option<GradingResult>>>,
    #[serde(default)]
    assertion: Value,
}

/// Whether these are the lines of a `promptfooconfig.yaml`.
pub(super) fn is_configuration(text: &str) -> bool {
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    has("prompts:") && (has("providers:") || has("targets:") || has("tests:"))
}

/// What is wrong with a configuration in place of results.
pub(super) fn refuse_configuration(shown: &str) -> OutcomesError {
    OutcomesError::UnknownFormat {
        at: shown.to_owned(),
        why: NOT_RESULTS.to_owned(),
        remedy: RUN_IT,
    }
}

/// Reads results into `builder`.
pub(super) fn read(
    bytes: &[u8],
    shown: &str,
    options: &ReadOptions,
    builder: &mut TableBuilder,
) -> Result<(), OutcomesError> {
    if std::str::from_utf8(bytes).is_ok_and(is_configuration) {
        return Err(refuse_configuration(shown));
    }
    let (rows, source) = rows(bytes, shown, builder)?;
    let several = labels(&rows).len() > 1;
    let mut reader =
        Reader { source, several, labels: BTreeMap::new(), names: BTreeMap::new(), options };
    let mut cut = 0_u64;
    for (i, row) in rows.into_iter().enumerate() {
        let place = Place { file: shown, part: Part::Item("results.results", i) };
        cut += u64::from(reader.add(&row, &place, builder)?);
    }
    if cut > 0 {
        builder.note(format!(
            "{cut} scores of {shown} are above 1 and cut to 1; where they end at N, --max-score N \
             divides them"
        ));
    }
    Ok(())
}

/// The rows of a file, and what its queries come from.
fn rows(
    bytes: &[u8],
    shown: &str,
    builder: &mut TableBuilder,
) -> Result<(Vec<Row>, String), OutcomesError> {
    let is_lines = serde_json::Deserializer::from_slice(bytes)
        .into_iter::<Value>()
        .next()
        .is_some_and(|first| first.is_ok_and(|v| v.get("results").is_none() && is_row(&v)));
    if is_lines {
        let mut rows = Vec::new();
        for (line, text) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if text.iter().any(|byte| !byte.is_ascii_whitespace()) {
                rows.push(decode(text, &format!("{shown}:{}", line + 1))?);
            }
        }
        return Ok((rows, "promptfoo".to_owned()));
    }
    let document: Value = decode(bytes, shown)?;
    let is_configuration =
        ["prompts", "providers", "tests"].iter().any(|k| document.get(k).is_some());
    if document.get("results").is_none() && is_configuration {
        return Err(refuse_configuration(shown));
    }
    let no_results = || OutcomesError::UnknownFormat {
        at: shown.to_owned(),
        why: "it has no list results.results".to_owned(),
        remedy: RUN_IT,
    };
    let file: File = serde_json::from_value(document).map_err(|_| no_results())?;
    let mut results = file.results;
    // Its library gives the summary alone: version, results, stats.
    let (timestamp, list) = match &mut results {
        Value::Object(summary) => (summary.get("timestamp").cloned(), summary.remove("results")),
        Value::Array(_) => (None, Some(results)),
        _ => (None, None),
    };
    let Some(Value::Array(list)) = list else { return Err(no_results()) };
    let time = [timestamp.unwrap_or_default(), file.created_at];
    builder.measured(time.iter().find_map(|time| time.as_str()?.parse().ok()));
    let read = list.into_iter().enumerate().map(|(i, row)| {
        serde_json::from_value(row).map_err(|error| {
            let place = Place { file: shown, part: Part::Item("results.results", i) };
            let remedy = "write the file again with promptfoo eval --output";
            OutcomesError::bad(place, error, remedy)
        })
    });
    let source = name_under(Some(&file.config), &["description"]).unwrap_or("promptfoo").to_owned();
    Ok((read.collect::<Result<_, _>>()?, source))
}

/// Whether a value is one result.
pub(super) fn is_row(value: &Value) -> bool {
    value.get("provider").is_some()
        && (value.get("success").is_some() || value.get("score").is_some())
}

fn labels(rows: &[Row]) -> BTreeSet<&str> {
    rows.iter().filter_map(|row| label(&row.prompt)).collect()
}

fn label(prompt: &Value) -> Option<&str> {
    name_under(Some(prompt), &["label", "display"])
}

struct Reader<'a> {
    source: String,
    /// Whether the rows have prompts of several labels.
    several: bool,
    /// The short label of each prompt.
    labels: BTreeMap<String, String>,
    /// The name of each query by its content, and who has a name.
    names: BTreeMap<String, ContentHash>,
    options: &'a ReadOptions,
}

impl Reader<'_> {
    /// Adds a row. Whether its score was cut to 1.
    fn add(
        &mut self,
        row: &Row,
        place: &Place<'_>,
        builder: &mut TableBuilder,
    ) -> Result<bool, OutcomesError> {
        let fault = |(what, remedy): (String, String)| OutcomesError::bad(place, what, remedy);
        let Some(name) = provider(&row.provider) else {
            let remedy = "write the file again with promptfoo eval --output";
            return Err(OutcomesError::bad(place, "it names no provider", remedy));
        };
        let variant = label(&row.prompt).filter(|_| self.several).map(|l| self.short_label(l));
        let model = builder.model(&TableModel { name: name.to_owned(), variant });
        let id = self.query_name(row);
        let test = row.test_case.as_ref();
        let metadata = [test.map(|test| &test.metadata), Some(&row.metadata), Some(vars(row))];
        let category =
            metadata.iter().find_map(|under| name_under(*under, &["category", "Category"]));
        let query = builder.query((&self.source, &id), category, place, |mut query| {
            query.prompt = match &row.prompt {
                Value::Object(prompt) => prompt.get("raw").map(messages).unwrap_or_default(),
                prompt => messages(prompt),
            };
            query
        })?;
        let error = error(row);
        let (score, is_cut) = match error {
            Some(_) => (None, false),
            None => self.score(row).map_err(fault)?,
        };
        let response = row.response.as_ref();
        let cached = response.and_then(|r| r.cached).unwrap_or(false);
        // What came from promptfoo's own cache took no time of the provider's.
        let latency_ns = match row.latency_ms.filter(|_| !cached) {
            Some(ms) => latency("latencyMs in seconds", ms / 1000.0).map_err(fault)?,
            None => None,
        };
        let outcome = Outcome {
            query,
            model,
            repeat: 0,
            score,
            grader: builder.grader(&grader(row, self.options)),
            detail: detail(row),
            usage: usage(
                response.and_then(|r| r.token_usage.as_ref()).or(row.token_usage.as_ref()),
            ),
            provider_counted: true,
            cost: cost(row).map_err(fault)?,
            latency_ns,
            error,
            answer: response.map(|r| text_of(&r.output)).unwrap_or_default(),
        };
        builder.add(outcome, place, Twice::Repeat)?;
        Ok(is_cut)
    }

    /// The label of a prompt, short enough for an endpoint's name.
    fn short_label(&mut self, label: &str) -> String {
        let number = self.labels.len() + 1;
        let fits = label.chars().count() <= MAX_LABEL && !label.contains('\n');
        let short = || if fits { label.to_owned() } else { format!("prompt-{number}") };
        self.labels.entry(label.to_owned()).or_insert_with(short).clone()
    }

    /// What a query is called: its description, else its variables. Tests that ask the same and
    /// expect the same are one query, asked again.
    fn query_name(&mut self, row: &Row) -> String {
        let test = row.test_case.as_ref();
        let description = [test.map(|test| &test.description), Some(&row.description)];
        let description = description.into_iter().flatten().map(text_of).find(|d| !d.is_empty());
        let vars = vars(row);
        let assertions = test.map(|test| test.assertions.to_string()).unwrap_or_default();
        let parts = [description.clone().unwrap_or_default(), vars.to_string(), assertions];
        let content = ContentHash::of_parts(parts.iter().map(String::as_bytes));
        let name = description.unwrap_or_else(|| match vars {
            Value::Object(vars) => {
                let one = |(key, value): (&String, &Value)| format!("{key}={}", text_of(value));
                vars.iter().map(one).collect::<Vec<_>>().join(", ")
            }
            _ => "test".to_owned(),
        });
        let name: String = name.chars().take(MAX_NAME).collect();
        let known = self.names.entry(name.clone()).or_insert(content);
        if *known == content { name } else { format!("{name} #{}", &content.hex()[..8]) }
    }

    /// The score of an answer; `None`: nobody asserted anything. Whether it was cut to 1.
    fn score(&self, row: &Row) -> Result<(Option<f64>, bool), number::Fault> {
        let most = self.options.max_score;
        let cut = |value: f64| {
            number::score(if value > most { most } else { value }, most)
                .map(|score| (Some(score), value > most))
        };
        if let Some(name) = &self.options.scorer {
            let named = row.named_scores.get(name).and_then(Value::as_f64);
            return named.map_or(Ok((None, false)), cut);
        }
        let graded = row.grading_result.as_ref();
        let asserted = match (graded, &row.test_case) {
            (Some(graded), _) => graded.reason.as_str() != Some(NO_ASSERTIONS),
            (None, Some(test)) => {
                row.success != Some(true)
                    || test.assertions.as_array().is_some_and(|a| !a.is_empty())
            }
            (None, None) => true,
        };
        if !asserted {
            return Ok((None, false));
        }
        let pass = row.success.or(graded.and_then(|graded| graded.pass));
        let score = row.score.or(graded.and_then(|graded| graded.score));
        match score.or(pass.map(|pass| f64::from(u8::from(pass)) * most)) {
            Some(score) => cut(score),
            None => Ok((None, false)),
        }
    }
}

fn vars(row: &Row) -> &Value {
    match &row.test_case {
        Some(test) if row.vars.is_null() => &test.vars,
        _ => &row.vars,
    }
}

/// What a provider is called: its label, which the user gave it, else its id.
fn provider(value: &Value) -> Option<&str> {
    let name = value.as_str().or_else(|| name_under(Some(value), &["label", "id"]));
    name.map(str::trim).filter(|name| !name.is_empty())
}

/// Why a row has no answer. Of an answer that is wrong, promptfoo's `error` says what is wrong.
fn error(row: &Row) -> Option<String> {
    let own = text_of(&row.error);
    let of_response = row.response.as_ref().map(|r| text_of(&r.error)).unwrap_or_default();
    let words = if of_response.is_empty() { &own } else { &of_response };
    let has_failed = if let Some(reason) = row.failure_reason {
        reason == FAILED
    } else {
        let is_ungraded = row.grading_result.is_none() && row.success != Some(true);
        !of_response.is_empty() || (is_ungraded && !own.is_empty())
    };
    has_failed.then(|| words.clone())
}

fn cost(row: &Row) -> Result<Option<Usd>, number::Fault> {
    let of_response = row.response.as_ref().map_or(&Value::Null, |r| &r.cost);
    let is_cached = row.response.as_ref().and_then(|r| r.cached).unwrap_or(false);
    let known = |value: &Value| match value {
        Value::Number(number) => number::cost_of("cost", &number.to_string()),
        _ => Ok(None),
    };
    // A row without a price says 0; a free answer says so in its response.
    let row_cost = known(&row.cost)?.filter(|usd| *usd > Usd::ZERO);
    Ok(known(of_response)?.filter(|usd| *usd > Usd::ZERO || !is_cached).or(row_cost))
}

fn usage(tokens: Option<&Tokens>) -> Usage {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
    let count = |count: Option<f64>| {
        count.filter(|n| n.fract() == 0.0 && *n > 0.0 && *n <= MAX_TOKENS as f64).map(|n| n as u64)
    };
    let Some(tokens) = tokens else { return Usage::UNKNOWN };
    let details = tokens.completion_details.as_ref();
    let output = count(tokens.completion);
    Usage {
        input: count(tokens.prompt),
        output,
        reasoning: details
            .and_then(|d| count(d.reasoning))
            .filter(|n| output.is_some_and(|o| *n <= o)),
        ..Usage::UNKNOWN
    }
}

/// The kinds of assertions that gave the score.
fn grader(row: &Row, options: &ReadOptions) -> String {
    if let Some(scorer) = &options.scorer {
        return scorer.clone();
    }
    let Some(graded) = &row.grading_result else { return "promptfoo".to_owned() };
    let kind = |graded: &GradingResult| {
        name_under(Some(&graded.assertion), &["metric", "type"]).map(str::to_owned)
    };
    let parts = graded.component_results.iter().flatten().flatten();
    let mut kinds: BTreeSet<String> = parts.filter_map(kind).collect();
    kinds.extend(kind(graded).filter(|_| kinds.is_empty()));
    if kinds.is_empty() {
        return "promptfoo".to_owned();
    }
    kinds.into_iter().collect::<Vec<_>>().join("+")
}

/// Why the answer has its score: the reasons of what failed, else the reason of all.
fn detail(row: &Row) -> String {
    let Some(graded) = &row.grading_result else { return String::new() };
    let parts = graded.component_results.iter().flatten().flatten();
    let failed = parts.filter(|part| part.pass == Some(false)).map(|part| text_of(&part.reason));
    let failed = failed.filter(|reason| !reason.is_empty()).collect::<Vec<_>>().join("; ");
    if failed.is_empty() { text_of(&graded.reason) } else { failed }
}
