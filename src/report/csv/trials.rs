//! `trials.csv`: one row per trial, in the order of the plan.

use super::cells::number;
use crate::aggregate::TrialView;
use crate::units::escape::escape_csv_formula;

/// The columns, in order. Later ones are only appended.
pub(crate) const COLUMNS: [&str; 38] = [
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

/// The cells of a row, under [`COLUMNS`].
pub(crate) fn cells(row: &TrialView) -> [String; COLUMNS.len()] {
    [
        escape_csv_formula(&row.run).into_owned(),
        escape_csv_formula(&row.trial).into_owned(),
        escape_csv_formula(&row.suite).into_owned(),
        escape_csv_formula(&row.task).into_owned(),
        escape_csv_formula(&row.category).into_owned(),
        escape_csv_formula(&row.endpoint).into_owned(),
        escape_csv_formula(&row.model).into_owned(),
        escape_csv_formula(&row.provider).into_owned(),
        row.repeat.to_string(),
        row.status.to_owned(),
        text(row.error_class.as_deref()),
        row.attempts.to_string(),
        row.score.map(number).unwrap_or_default(),
        text(row.finish_reason.as_deref()),
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
        text(row.started_at.as_deref()),
        text(row.variant.as_deref()),
        text(row.response_model.as_deref()),
        text(row.served_by.as_deref()),
        escape_csv_formula(&row.tags.join(";")).into_owned(),
        known(row.backoff_us),
        known(row.pacing_us),
        known(row.e2e_with_retries_us),
        known(row.cache_write_tokens),
        row.tokens_source.unwrap_or_default().to_owned(),
        known(row.cost_upper_usd),
    ]
}

pub(super) fn known<T: ToString>(value: Option<T>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

pub(super) fn text(value: Option<&str>) -> String {
    value.map(|v| escape_csv_formula(v).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_empty_and_money_is_exact() {
        let row = TrialView {
            run: "r1".into(),
            task: "=1+1".into(),
            status: "ok",
            attempts: 1,
            score: Some(1.0 / 3.0),
            ttft_us: Some(412_034),
            cost_usd: Some("0.00000008333333333333334".parse().expect("decimal")),
            tags: vec!["hard".into(), "a,b".into()],
            ..TrialView::default()
        };
        let mut bytes = Vec::new();
        {
            let mut csv = csv::Writer::from_writer(&mut bytes);
            csv.write_record(cells(&row)).expect("memory");
            csv.flush().expect("memory");
        }
        assert_eq!(
            String::from_utf8(bytes).expect("UTF-8"),
            "r1,,,'=1+1,,,,,0,ok,,1,0.333333,,412034,,,,,,,,,,0.00000008333333333333334,,,,,,,\
             \"hard;a,b\",,,,,,\n"
        );
    }
}
