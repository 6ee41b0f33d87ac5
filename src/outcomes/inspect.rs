//! Inspect's logs: `.eval`, an archive of JSON, and plain JSON. A log is of one task and one model.

use std::collections::BTreeMap;

use serde_json::Value;

use super::OutcomesError;
use super::builder::{TableBuilder, Twice};
use super::inspect_log::{Header, Log, ModelUsage, Sample, Score};
use super::json::{content, decode, messages, name_under, text_of};
use super::number::{self, cost_of, latency};
use super::options::ReadOptions;
use super::place::{Part, Place};
use super::table::{Outcome, TableModel};
use super::zip::{Archive, is_archive};
use crate::units::{MAX_TOKENS, Usage};

/// Where the header of a log is, the best first.
const HEADERS: [&str; 3] = ["header.json", "_journal/start.json", "start.json"];
/// Where summaries of samples are, if the samples were not logged.
const SUMMARIES: [&str; 2] = ["summaries.json", "summary.json"];
const ATTACHMENT: &str = "attachment://";
const SHOW: &str = "write it again: inspect log convert";

/// Reads a log into `builder`.
pub(super) fn read(
    bytes: &[u8],
    shown: &str,
    options: &ReadOptions,
    builder: &mut TableBuilder,
) -> Result<(), OutcomesError> {
    if !is_archive(bytes) {
        let Log { header, samples } = decode(bytes, shown)?;
        let reader = Reader::new(header, shown, options, builder)?;
        for (i, sample) in samples.unwrap_or_default().iter().enumerate() {
            let place = Place { file: shown, part: Part::Item("samples", i) };
            reader.add(sample, &place, builder)?;
        }
        return Ok(());
    }
    let archive = Archive::open(bytes, shown)?;
    let Some(header) = HEADERS.iter().find_map(|name| archive.entry(name)) else {
        let why = format!("the archive has no header.json, so it is no log of Inspect; {SHOW}");
        return Err(OutcomesError::unreadable(shown, why));
    };
    let header = decode(&archive.read(header)?, &format!("{shown}: {}", header.name))?;
    let reader = Reader::new(header, shown, options, builder)?;
    let is_sample = |name: &str| name.starts_with("samples/") && !name.ends_with('/');
    let mut has_samples = false;
    for entry in archive.entries().filter(|entry| is_sample(&entry.name)) {
        has_samples = true;
        let place = Place { file: shown, part: Part::Entry(&entry.name) };
        let sample = decode(&archive.read(entry)?, &place.to_string())?;
        reader.add(&sample, &place, builder)?;
    }
    if has_samples {
        return Ok(());
    }
    let whole = SUMMARIES.iter().find_map(|name| archive.entry(name));
    let is_part =
        |name: &str| name.starts_with("_journal/summaries/") || name.starts_with("summaries/");
    let parts = archive.entries().filter(|entry| whole.is_none() && is_part(&entry.name));
    for entry in whole.into_iter().chain(parts) {
        let place = Place { file: shown, part: Part::Entry(&entry.name) };
        let samples: Vec<Sample> = decode(&archive.read(entry)?, &place.to_string())?;
        for sample in &samples {
            reader.add(sample, &place, builder)?;
        }
    }
    Ok(())
}

/// What holds for every sample of a log.
struct Reader<'a> {
    header: Header,
    model: u32,
    /// The scorer whose scores count; `None`: each sample's first.
    scorer: Option<String>,
    options: &'a ReadOptions,
}

impl<'a> Reader<'a> {
    fn new(
        header: Header,
        shown: &str,
        options: &'a ReadOptions,
        builder: &mut TableBuilder,
    ) -> Result<Self, OutcomesError> {
        let id = text_of(&header.eval.id);
        if !id.is_empty() && !builder.is_new(&id) {
            let what = format!("the log of evaluation {id} is named twice");
            return Err(OutcomesError::bad(shown, what, "name each log once"));
        }
        builder.measured(header.eval.created.as_str().and_then(|at| at.parse().ok()));
        match header.status.as_str() {
            Some("success") => {}
            Some(status) => builder
                .note(format!("{shown} ended with status {status:?}: what it has is imported")),
            None => builder.note(format!("{shown} has not ended: what it has is imported")),
        }
        let named = |list: Option<&Vec<Value>>| -> Vec<String> {
            let names = list.into_iter().flatten().filter_map(|v| name_under(Some(v), &["name"]));
            names.map(str::to_owned).collect()
        };
        let of_results = named(header.results.as_ref().and_then(|r| r.scores.as_ref()));
        let all =
            if of_results.is_empty() { named(header.eval.scorers.as_ref()) } else { of_results };
        let scorer = options.scorer.clone().or_else(|| all.first().cloned());
        let others: Vec<&str> =
            all.iter().filter(|name| Some(*name) != scorer.as_ref()).map(String::as_str).collect();
        if let (Some(scorer), false) = (&scorer, others.is_empty()) {
            let others = others.join(", ");
            builder.note(format!(
                "of the scorers of {shown}, {scorer} counts; --scorer NAME takes another: {others}"
            ));
        }
        let name = header.eval.model.trim().to_owned();
        let model = builder.model(&TableModel { name, variant: None });
        Ok(Self { header, model, scorer, options })
    }

    fn add(
        &self,
        sample: &Sample,
        place: &Place<'_>,
        builder: &mut TableBuilder,
    ) -> Result<(), OutcomesError> {
        let fault = |(what, remedy): (String, String)| OutcomesError::bad(place, what, remedy);
        let id = text_of(&sample.id);
        if id.is_empty() {
            return Err(OutcomesError::bad(place, "the sample has no id", SHOW));
        }
        let category = name_under(Some(&sample.metadata), &["category", "subject", "subset"]);
        let source = self.header.eval.task.as_str();
        let query = builder.query((source, &id), category, place, |mut query| {
            query.prompt = messages(&sample.input);
            for message in &mut query.prompt {
                resolve(&mut message.content, sample);
            }
            query.reference = Some(sample.target.clone()).filter(|target| !target.is_null());
            query
        })?;
        let error = error(&sample.error);
        let (name, score) = self.score(sample);
        let value = match score.filter(|_| error.is_none()) {
            Some(score) => value(&name, score, self.scorer.as_deref(), self.options.max_score)
                .map_err(fault)?,
            None => None,
        };
        let usage = self.usage(sample);
        let cost = match usage.map(|usage| &usage.total_cost) {
            Some(Value::Number(cost)) => cost_of("total_cost", &cost.to_string()).map_err(fault)?,
            _ => None,
        };
        let outcome = Outcome {
            query,
            model: self.model,
            repeat: 0,
            score: value,
            grader: builder.grader(&name),
            detail: score.map(detail).unwrap_or_default(),
            usage: usage.map(tokens).unwrap_or_default(),
            provider_counted: true,
            cost,
            latency_ns: match seconds(sample) {
                Some(seconds) => latency("the time in seconds", seconds).map_err(fault)?,
                None => None,
            },
            error,
            answer: answer(sample),
        };
        builder.add(outcome, place, Twice::Repeat)
    }

    /// The score that counts, and the name of its scorer.
    fn score<'s>(&self, sample: &'s Sample) -> (String, Option<&'s Score>) {
        let default = || self.scorer.clone().unwrap_or_else(|| "inspect".to_owned());
        let Some(scores) = &sample.scores else { return (default(), sample.score.as_ref()) };
        let Some(wanted) = &self.scorer else {
            let first = scores.iter().next();
            return first
                .map_or_else(|| (default(), None), |(name, score)| (name.clone(), score.as_ref()));
        };
        let base = wanted.split('/').next().unwrap_or_default();
        let found = scores.get_key_value(wanted).or_else(|| scores.get_key_value(base));
        // A scorer is registered as `package/name`, and its scores are called `name`.
        let last = wanted.rsplit('/').next().unwrap_or_default();
        let found = found.or_else(|| scores.get_key_value(last));
        let only =
            || scores.iter().next().filter(|_| scores.len() == 1 && self.options.scorer.is_none());
        let score = found.or_else(only);
        score.map_or_else(|| (default(), None), |(name, score)| (name.clone(), score.as_ref()))
    }

    /// The usage of the model that was evaluated, without those that graded.
    fn usage<'s>(&self, sample: &'s Sample) -> Option<&'s ModelUsage> {
        let of_model = sample.model_usage.as_ref().and_then(|all| all.get(&self.header.eval.model));
        of_model.or_else(|| sample.output.as_ref()?.usage.as_ref())
    }
}

/// The number of a score: Inspect's letters, words, numbers. `None`: it was not scored.
fn value(
    name: &str,
    score: &Score,
    wanted: Option<&str>,
    most: f64,
) -> Result<Option<f64>, number::Fault> {
    let found = match &score.value {
        Value::Object(values) => {
            let key = wanted.and_then(|wanted| wanted.rsplit_once('/')).map(|(_, key)| key);
            let mut all = values.iter();
            match key.and_then(|key| values.get(key)).or_else(|| all.next().map(|(_, v)| v)) {
                Some(value) if key.is_some_and(|k| values.contains_key(k)) || values.len() == 1 => {
                    value
                }
                _ => {
                    let keys: Vec<&str> = values.keys().map(String::as_str).collect();
                    return Err((
                        format!("scorer {name} gives several values: {}", keys.join(", ")),
                        format!("choose one: --scorer {name}/KEY"),
                    ));
                }
            }
        }
        value => value,
    };
    let word = match found {
        Value::Null => return Ok(None),
        Value::Bool(right) => return Ok(Some(f64::from(u8::from(*right)))),
        Value::Number(number) => {
            return number::score(number.as_f64().unwrap_or(f64::NAN), most).map(Some);
        }
        Value::String(word) => word.trim(),
        Value::Array(_) | Value::Object(_) => {
            let remedy = "choose another scorer: --scorer NAME".to_owned();
            return Err((format!("scorer {name} gives {found}, which is no score"), remedy));
        }
    };
    match word.to_ascii_lowercase().as_str() {
        "c" | "yes" | "true" | "correct" => Ok(Some(1.0)),
        "p" | "partial" => Ok(Some(0.5)),
        // An answer that was not given is a wrong one.
        "i" | "n" | "no" | "false" | "incorrect" | "noanswer" => Ok(Some(0.0)),
        "nan" | "" => Ok(None),
        _ => number::score_of(word, most),
    }
}

/// The seconds of the answer: of its one generation, else of the work without waiting for limits.
fn seconds(sample: &Sample) -> Option<f64> {
    let answers = sample.messages.iter().flatten().filter(|m| m.role == "assistant").count();
    let generation = sample.output.as_ref().and_then(|output| output.time);
    generation.filter(|_| answers <= 1).or(sample.working_time).or(sample.total_time)
}

/// Providers differ in whether the input counts what caches gave; the total always does.
fn tokens(usage: &ModelUsage) -> Usage {
    let count = |n: Option<u64>| n.filter(|n| *n <= MAX_TOKENS);
    let output = count(usage.output_tokens);
    let total = count(usage.total_tokens).filter(|total| *total > 0);
    let input = total.zip(output).and_then(|(total, output)| total.checked_sub(output));
    let input = input.or(count(usage.input_tokens)).filter(|input| *input > 0);
    let within = |n: &u64| input.is_some_and(|input| *n <= input);
    Usage {
        input,
        cached_input: count(usage.input_tokens_cache_read).filter(within),
        cache_write: count(usage.input_tokens_cache_write).filter(within),
        output,
        reasoning: count(usage.reasoning_tokens).filter(|n| output.is_some_and(|o| *n <= o)),
        ..Usage::UNKNOWN
    }
}

fn error(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Object(error) => Some(error.get("message").map(text_of).unwrap_or_default()),
        other => Some(text_of(other)),
    }
}

fn detail(score: &Score) -> String {
    let explanation = text_of(&score.explanation);
    if explanation.is_empty() { text_of(&score.answer) } else { explanation }
}

fn answer(sample: &Sample) -> String {
    let Some(output) = &sample.output else { return String::new() };
    let completion = text_of(&output.completion);
    let first = || output.choices.get(0)?.get("message")?.get("content").map(content);
    let mut text = if completion.is_empty() { first().unwrap_or_default() } else { completion };
    resolve(&mut text, sample);
    text
}

/// Long texts are kept apart from where they stand.
fn resolve(text: &mut String, sample: &Sample) {
    let attachments: Option<&BTreeMap<String, String>> = sample.attachments.as_ref();
    let found = text.strip_prefix(ATTACHMENT).and_then(|name| attachments?.get(name));
    if let Some(found) = found {
        *text = found.clone();
    }
}
