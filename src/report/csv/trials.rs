//! `trials.csv`: one row per trial, in the order of the plan.

use super::cells::number;
use crate::aggregate::TrialView;
use crate::units::escape::escape_csv_formula;

/// A column of a file: its name, and its cell in a row.
pub(super) type Column<T> = (&'static str, fn(&T) -> String);

/// The columns, in order. Later ones are only appended.
static COLUMNS: [Column<TrialView>; 38] = [
    ("run", |row| escape_csv_formula(&row.run).into_owned()),
    ("trial", |row| escape_csv_formula(&row.trial).into_owned()),
    ("suite", |row| escape_csv_formula(&row.suite).into_owned()),
    ("task", |row| escape_csv_formula(&row.task).into_owned()),
    ("category", |row| escape_csv_formula(&row.category).into_owned()),
    ("endpoint", |row| escape_csv_formula(&row.endpoint).into_owned()),
    ("model", |row| escape_csv_formula(&row.model).into_owned()),
    ("provider", |row| escape_csv_formula(&row.provider).into_owned()),
    ("repeat", |row| row.repeat.to_string()),
    ("status", |row| row.status.to_owned()),
    ("error_class", |row| text(row.error_class.as_deref())),
    ("attempts", |row| row.attempts.to_string()),
    ("score", |row| row.score.map(number).unwrap_or_default()),
    ("finish_reason", |row| text(row.finish_reason.as_deref())),
    ("ttft_us", |row| known(row.ttft_us)),
    ("ttfo_us", |row| known(row.ttfo_us)),
    ("itl_us", |row| row.itl_us.map(number).unwrap_or_default()),
    ("e2e_us", |row| known(row.e2e_us)),
    ("queue_us", |row| known(row.queue_us)),
    ("connect_us", |row| known(row.connect_us)),
    ("input_tokens", |row| known(row.input_tokens)),
    ("cached_input_tokens", |row| known(row.cached_input_tokens)),
    ("output_tokens", |row| known(row.output_tokens)),
    ("reasoning_tokens", |row| known(row.reasoning_tokens)),
    ("cost_usd", |row| known(row.cost_usd)),
    ("cost_reported_usd", |row| known(row.cost_reported_usd)),
    ("judge_cost_usd", |row| known(row.judge_cost_usd)),
    ("started_at", |row| text(row.started_at.as_deref())),
    ("variant", |row| text(row.variant.as_deref())),
    ("response_model", |row| text(row.response_model.as_deref())),
    ("served_by", |row| text(row.served_by.as_deref())),
    ("tags", |row| escape_csv_formula(&row.tags.join(";")).into_owned()),
    ("backoff_us", |row| known(row.backoff_us)),
    ("pacing_us", |row| known(row.pacing_us)),
    ("e2e_with_retries_us", |row| known(row.e2e_with_retries_us)),
    ("cache_write_tokens", |row| known(row.cache_write_tokens)),
    ("tokens_source", |row| row.tokens_source.unwrap_or_default().to_owned()),
    ("cost_upper_usd", |row| known(row.cost_upper_usd)),
];

/// The names of the columns.
pub(crate) fn trial_columns() -> impl Iterator<Item = &'static str> {
    COLUMNS.iter().map(|(name, _)| *name)
}

/// The cells of a row, under [`trial_columns`].
pub(crate) fn trial_cells(row: &TrialView) -> Vec<String> {
    COLUMNS.iter().map(|(_, cell)| cell(row)).collect()
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
            csv.write_record(trial_cells(&row)).expect("memory");
            csv.flush().expect("memory");
        }
        assert_eq!(
            String::from_utf8(bytes).expect("UTF-8"),
            "r1,,,'=1+1,,,,,0,ok,,1,0.333333,,412034,,,,,,,,,,0.00000008333333333333334,,,,,,,\
             \"hard;a,b\",,,,,,\n"
        );
    }
}
