//! `trials.csv`: one row per trial, in the order of the plan.

use std::io;

use super::{io_error, number, text};
use crate::units::Usd;

/// The columns, in order. Later ones are only appended.
pub(in crate::report) const COLUMNS: [&str; 38] = [
    "run",
    "trial",
    "suite",
    "task",
    "category",
    "endpoint",
    "model",
    "provider",
    "repeat",
    "status",
    "error_class",
    "attempts",
    "score",
    "finish_reason",
    "ttft_us",
    "ttfo_us",
    "itl_us",
    "e2e_us",
    "queue_us",
    "connect_us",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_usd",
    "cost_reported_usd",
    "judge_cost_usd",
    "started_at",
    "variant",
    "response_model",
    "served_by",
    "tags",
    "backoff_us",
    "pacing_us",
    "e2e_with_retries_us",
    "cache_write_tokens",
    "tokens_source",
    "cost_upper_usd",
];

/// One row of `trials.csv`. `None` is not known, and an empty cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrialCsvRow {
    /// The run's id.
    pub run: String,
    /// The trial's key, hexadecimal.
    pub trial: String,
    /// The suite.
    pub suite: String,
    /// The task's id within the suite.
    pub task: String,
    /// The category.
    pub category: String,
    /// The endpoint's id.
    pub endpoint: String,
    /// Its model.
    pub model: String,
    /// Its provider.
    pub provider: String,
    /// The repeat, from 0.
    pub repeat: u32,
    /// `ok`, `failed`, `ineligible`, `skipped` or `in_doubt`.
    pub status: &'static str,
    /// The class of the last failure.
    pub error_class: Option<String>,
    /// Attempts made.
    pub attempts: u32,
    /// 0..1.
    pub score: Option<f64>,
    /// Why the answer ended.
    pub finish_reason: Option<String>,
    /// Time to the first token, microseconds.
    pub ttft_us: Option<u64>,
    /// Time to the first output token, microseconds.
    pub ttfo_us: Option<u64>,
    /// Mean time per output token after the first, microseconds.
    pub itl_us: Option<f64>,
    /// End to end of the attempt that succeeded, microseconds.
    pub e2e_us: Option<u64>,
    /// The client's own lag behind the schedule, microseconds.
    pub queue_us: Option<u64>,
    /// Connection set-up, microseconds.
    pub connect_us: Option<u64>,
    /// Prompt tokens.
    pub input_tokens: Option<u64>,
    /// Prompt tokens read from a cache.
    pub cached_input_tokens: Option<u64>,
    /// Billed output tokens.
    pub output_tokens: Option<u64>,
    /// Reasoning tokens among them.
    pub reasoning_tokens: Option<u64>,
    /// What all attempts cost by the price snapshot.
    pub cost_usd: Option<Usd>,
    /// What the provider says it charged.
    pub cost_reported_usd: Option<Usd>,
    /// What judging the answer cost.
    pub judge_cost_usd: Option<Usd>,
    /// When the first attempt left, RFC 3339.
    pub started_at: Option<String>,
    /// The endpoint's variant.
    pub variant: Option<String>,
    /// The model that really answered.
    pub response_model: Option<String>,
    /// The provider that really answered.
    pub served_by: Option<String>,
    /// The task's labels; joined by `;`.
    pub tags: Vec<String>,
    /// Waiting between attempts, microseconds.
    pub backoff_us: Option<u64>,
    /// Waiting for a slot or a rate limit, microseconds.
    pub pacing_us: Option<u64>,
    /// From the first attempt to the end of the last, microseconds.
    pub e2e_with_retries_us: Option<u64>,
    /// Prompt tokens written to a cache.
    pub cache_write_tokens: Option<u64>,
    /// Where the counts come from: `usage`, `local tokenizer` or `estimate`.
    pub tokens_source: Option<&'static str>,
    /// The cost, plus the reserved bounds of attempts whose cost is not known.
    pub cost_upper_usd: Option<Usd>,
}

/// Writes one row; the header is [`COLUMNS`].
pub(in crate::report) fn write_row<W: io::Write>(
    csv: &mut csv::Writer<W>,
    row: &TrialCsvRow,
) -> io::Result<()> {
    let cells: [String; COLUMNS.len()] = [
        text(&row.run).into_owned(),
        text(&row.trial).into_owned(),
        text(&row.suite).into_owned(),
        text(&row.task).into_owned(),
        text(&row.category).into_owned(),
        text(&row.endpoint).into_owned(),
        text(&row.model).into_owned(),
        text(&row.provider).into_owned(),
        row.repeat.to_string(),
        row.status.to_owned(),
        words(row.error_class.as_deref()),
        row.attempts.to_string(),
        row.score.map(number).unwrap_or_default(),
        words(row.finish_reason.as_deref()),
        known(row.ttft_us),
        known(row.ttfo_us),
        row.itl_us.map(number).unwrap_or_default(),
        known(row.e2e_us),
        known(row.queue_us),
        known(row.connect_us),
        known(row.input_tokens),
        known(row.cached_input_tokens),
        known(row.output_tokens),
        known(row.reasoning_tokens),
        known(row.cost_usd),
        known(row.cost_reported_usd),
        known(row.judge_cost_usd),
        words(row.started_at.as_deref()),
        words(row.variant.as_deref()),
        words(row.response_model.as_deref()),
        words(row.served_by.as_deref()),
        text(&row.tags.join(";")).into_owned(),
        known(row.backoff_us),
        known(row.pacing_us),
        known(row.e2e_with_retries_us),
        known(row.cache_write_tokens),
        row.tokens_source.unwrap_or_default().to_owned(),
        known(row.cost_upper_usd),
    ];
    csv.write_record(&cells).map_err(io_error)
}

fn known<T: ToString>(value: Option<T>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

fn words(value: Option<&str>) -> String {
    value.map(|v| text(v).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_empty_and_money_is_exact() {
        let row = TrialCsvRow {
            run: "r1".into(),
            task: "=1+1".into(),
            status: "ok",
            attempts: 1,
            score: Some(1.0 / 3.0),
            ttft_us: Some(412_034),
            cost_usd: Some("0.00000008333333333333334".parse().expect("decimal")),
            tags: vec!["hard".into(), "a,b".into()],
            ..TrialCsvRow::default()
        };
        let mut bytes = Vec::new();
        {
            let mut csv = csv::Writer::from_writer(&mut bytes);
            write_row(&mut csv, &row).expect("memory");
            csv.flush().expect("memory");
        }
        assert_eq!(
            String::from_utf8(bytes).expect("UTF-8"),
            "r1,,,'=1+1,,,,,0,ok,,1,0.333333,,412034,,,,,,,,,,0.00000008333333333333334,,,,,,,\
             \"hard;a,b\",,,,,,\n"
        );
    }
}
