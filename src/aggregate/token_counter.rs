//! Counts the tokens of answers that came without usage. Only in a build with the feature
//! `tokenizer`.

use std::collections::BTreeMap;

use super::AggregateError;
use super::local::{LocalRatio, LocalTokens, answered, is_uncounted};
use super::tokenizer::Vocabulary;
use crate::catalog::Endpoint;
use crate::store::{Order, Reader, StoredEndpoint, TrialRow};
use crate::units::{TokensSource, Usage, Usd};

/// How many answers with usage are counted here too, for each endpoint, to measure the difference.
const COMPARED: u64 = 100;

/// Tokens of one answer and its prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub input: u64,
    pub output: u64,
    /// Of `output`, the model's reasoning as far as it was seen: all of it, or a summary.
    pub reasoning: u64,
}

/// Counts the answers of one run. A prompt is counted once, however many endpoints were asked it.
#[derive(Debug, Default)]
pub(super) struct Counter {
    prompts: BTreeMap<(u32, Vocabulary), u64>,
}

impl Counter {
    /// The tokens of a trial's prompt and answer; `None`: they were not kept.
    pub(super) fn count(
        &mut self,
        reader: &Reader,
        endpoint: &Endpoint,
        row: &TrialRow,
    ) -> Result<Option<Counted>, AggregateError> {
        let Some(answer) = reader.answer_of(row.idx)? else { return Ok(None) };
        let (vocabulary, _) = Vocabulary::of(&endpoint.model);
        let known = self.prompts.get(&(row.task, vocabulary)).copied();
        let prompt = match known {
            Some(known) => known,
            None => vocabulary.prompt(&reader.prompt_of(row.task)?),
        };
        self.prompts.insert((row.task, vocabulary), prompt);
        let system = endpoint.system.as_deref().map_or(0, |text| vocabulary.message(text));
        let output = vocabulary.answer(&answer);
        let reasoning = vocabulary.count(&answer.reasoning);
        Ok(Some(Counted { input: prompt + system, output, reasoning }))
    }
}

/// What is summed of one endpoint.
#[derive(Debug, Default)]
struct Sums {
    answers: u64,
    input: u64,
    output: u64,
    cost: Option<Usd>,
    compared: u64,
    /// Of the answers compared: input here and there, output here and there.
    here_and_there: [u64; 4],
}

impl Sums {
    fn add(&mut self, endpoint: &Endpoint, counted: Counted) {
        self.answers += 1;
        self.input += counted.input;
        self.output += counted.output;
        let (input, output) = (Some(counted.input), Some(counted.output));
        let cost = endpoint.expected_cost(&Usage { input, output, ..Usage::UNKNOWN });
        self.cost = cost.map(|cost| self.cost.unwrap_or_default() + cost);
    }

    fn compare(&mut self, usage: &Usage, counted: Counted) {
        let (Some(input), Some(output)) = (usage.input, usage.output) else { return };
        // Reasoning may be hidden or summed up, so what was said beside it is compared; where the
        // provider does not tell the two apart, and there was some, nothing can be.
        if usage.reasoning.is_none() && counted.reasoning > 0 {
            return;
        }
        let there = output.saturating_sub(usage.reasoning.unwrap_or(0));
        self.compared += 1;
        let all = [counted.input, input, counted.output - counted.reasoning, there];
        for (sum, count) in self.here_and_there.iter_mut().zip(all) {
            *sum += count;
        }
    }

    fn finish(self, endpoint: &Endpoint) -> LocalTokens {
        let (vocabulary, own) = Vocabulary::of(&endpoint.model);
        let [here_in, there_in, here_out, there_out] = self.here_and_there.map(|n| n as f64);
        let ratio = (there_in > 0.0 && there_out > 0.0).then(|| LocalRatio {
            n: self.compared,
            input: here_in / there_in,
            output: here_out / there_out,
        });
        LocalTokens {
            vocabulary: vocabulary.name(),
            own,
            answers: self.answers,
            input: self.input,
            output: self.output,
            cost: self.cost,
            ratio,
        }
    }
}

/// The local counts of every endpoint: answers without a provider's count, and some with one.
pub(super) fn tokens(
    reader: &Reader,
    endpoints: &[StoredEndpoint],
) -> Result<Vec<LocalTokens>, AggregateError> {
    let mut counter = Counter::default();
    let mut sums: Vec<Sums> = endpoints.iter().map(|_| Sums::default()).collect();
    reader.for_each_trial(Order::Plan, |row| {
        let Some(attempt) = answered(row) else { return Ok::<_, AggregateError>(()) };
        let at = row.endpoint as usize;
        let Some((sums, stored)) = sums.get_mut(at).zip(endpoints.get(at)) else { return Ok(()) };
        let endpoint = &stored.endpoint;
        let uncounted = is_uncounted(row);
        let billed = attempt.tokens_source == Some(TokensSource::Usage);
        if !uncounted && (!billed || sums.compared >= COMPARED) {
            return Ok(());
        }
        match counter.count(reader, endpoint, row)? {
            Some(counted) if uncounted => sums.add(endpoint, counted),
            Some(counted) => sums.compare(&attempt.usage, counted),
            None => {}
        }
        Ok(())
    })?;
    let all = sums.into_iter().zip(endpoints);
    Ok(all.map(|(sums, stored)| sums.finish(&stored.endpoint)).collect())
}
