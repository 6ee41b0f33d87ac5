//! Numbers of a table, with the faults that tables have.

use crate::units::{MAX_TOKENS, Usd};

/// How tables write that a number is not known.
const UNKNOWN: [&str; 8] = ["", "nan", "null", "none", "na", "n/a", "-", "unknown"];
/// How tables write that there was no error.
const NO_ERROR: [&str; 11] =
    ["", "0", "0.0", "false", "none", "null", "nan", "no", "ok", "n/a", "-"];
/// How tables write that there was an error, without a reason.
const SOME_ERROR: [&str; 5] = ["1", "1.0", "true", "yes", "error"];
/// The longest latency: a day and night.
const MAX_SECONDS: f64 = 86_400.0;

/// A value that is refused: what is wrong, and what to do.
pub(super) type Fault = (String, String);

/// Whether a cell holds nothing.
pub(super) fn is_unknown(cell: &str) -> bool {
    UNKNOWN.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

fn fault(what: String, remedy: &str) -> Fault {
    (what, remedy.to_owned())
}

/// A score within 0..1, of one from 0 to `most`.
pub(super) fn score(value: f64, most: f64) -> Result<f64, Fault> {
    if !value.is_finite() {
        let what = format!("score {value} is no number");
        return Err(fault(what, "leave the score empty where the answer was not scored"));
    }
    if value < 0.0 {
        let what = format!("score {value} is negative");
        return Err(fault(what, "scores are from 0 (wrong) to 1 (right)"));
    }
    if value > most {
        let what = format!("score {value} is above {most}");
        let remedy = "scores are from 0 to 1; where they end at N, say so: --max-score N";
        return Err(fault(what, remedy));
    }
    Ok(value / most)
}

/// The score of a cell; `None`: it holds none.
pub(super) fn score_of(cell: &str, most: f64) -> Result<Option<f64>, Fault> {
    // A score that is no number was computed wrong; one that is not there was not given.
    if is_unknown(cell) && !cell.eq_ignore_ascii_case("nan") {
        return Ok(None);
    }
    let value = match cell {
        _ if cell.eq_ignore_ascii_case("true") => most,
        _ if cell.eq_ignore_ascii_case("false") => 0.0,
        _ => cell.parse().map_err(|_| {
            fault(format!("score {cell:?} is no number"), "scores are from 0 (wrong) to 1 (right)")
        })?,
    };
    score(value, most).map(Some)
}

/// A number of tokens of a cell. Tables that have gaps write whole numbers as `70.0`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
pub(super) fn tokens_of(name: &str, cell: &str) -> Result<Option<u64>, Fault> {
    if is_unknown(cell) {
        return Ok(None);
    }
    let count = cell.parse::<f64>().ok().filter(|count| count.is_finite());
    match count {
        Some(count) if count >= 0.0 && count <= MAX_TOKENS as f64 && count.fract() == 0.0 => {
            Ok(Some(count as u64))
        }
        _ => Err(fault(
            format!("{name} {cell:?} is no number of tokens"),
            "write a whole number from 0 up, or leave it empty where it is not known",
        )),
    }
}

/// Dollars of a cell, as plain or scientific numbers.
pub(super) fn cost_of(name: &str, cell: &str) -> Result<Option<Usd>, Fault> {
    let cell = cell.strip_prefix('$').unwrap_or(cell);
    if is_unknown(cell) {
        return Ok(None);
    }
    Usd::charge(cell).map(Some).ok_or_else(|| {
        fault(
            format!("{name} {cell:?} is no amount of dollars from 0 to a million"),
            "write dollars such as 0.0012 or 1.2e-3, or leave it empty where it is not known",
        )
    })
}

/// Nanoseconds of a number of seconds. No answer takes no time: 0 says that it was not measured.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
pub(super) fn latency(name: &str, seconds: f64) -> Result<Option<u64>, Fault> {
    if (0.0..=MAX_SECONDS).contains(&seconds) {
        return Ok((seconds > 0.0).then_some((seconds * 1e9).round() as u64));
    }
    Err(fault(
        format!("{name} {seconds} is no time in seconds from 0 to a day"),
        "write seconds, or leave it empty where it is not known",
    ))
}

/// Nanoseconds of a cell of seconds.
pub(super) fn latency_of(name: &str, cell: &str) -> Result<Option<u64>, Fault> {
    if is_unknown(cell) {
        return Ok(None);
    }
    latency(name, cell.parse().unwrap_or(f64::NAN))
        .map_err(|(_, remedy)| (format!("{name} {cell:?} is no time in seconds"), remedy))
}

/// The error of a cell; `None`: there was none.
pub(super) fn error_of(cell: &str) -> Option<String> {
    if NO_ERROR.iter().any(|word| cell.eq_ignore_ascii_case(word)) {
        return None;
    }
    let is_bare = SOME_ERROR.iter().any(|word| cell.eq_ignore_ascii_case(word));
    Some(if is_bare { String::new() } else { cell.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_not_zero() {
        for cell in ["", "nan", "NULL", "None", "n/a"] {
            assert_eq!(cost_of("cost_usd", cell), Ok(None), "{cell}");
            assert_eq!(tokens_of("prompt_tokens", cell), Ok(None), "{cell}");
            assert_eq!(latency_of("latency_s", cell), Ok(None), "{cell}");
        }
        assert_eq!(latency_of("latency_s", "0"), Ok(None), "no answer takes no time");
        assert_eq!(cost_of("cost_usd", "0"), Ok(Some(Usd::ZERO)), "a free answer has a cost");
    }

    #[test]
    fn numbers_come_as_tables_write_them() {
        assert_eq!(cost_of("c", "3.096e-05"), Ok(Some("0.00003096".parse().expect("dollars"))));
        assert_eq!(cost_of("c", "$0.25"), Ok(Some("0.25".parse().expect("dollars"))));
        assert_eq!(tokens_of("t", "70.0"), Ok(Some(70)));
        assert_eq!(latency_of("l", "1.25"), Ok(Some(1_250_000_000)));
        assert_eq!(score_of("87", 100.0), Ok(Some(0.87)));
        assert_eq!(score_of("True", 1.0), Ok(Some(1.0)));
        assert_eq!(score_of("", 1.0), Ok(None));
    }

    #[test]
    fn what_no_outcome_can_have_is_refused() {
        for cell in ["-0.1", "NaN", "inf", "1.5", "good"] {
            assert!(score_of(cell, 1.0).is_err(), "{cell}");
        }
        for cell in ["-1", "1e30", "x", "inf"] {
            assert!(cost_of("c", cell).is_err(), "{cell}");
            assert!(latency_of("l", cell).is_err(), "{cell}");
            assert!(tokens_of("t", cell).is_err(), "{cell}");
        }
        assert!(tokens_of("t", "1.5").is_err());
    }

    #[test]
    fn no_error_is_written_in_many_ways() {
        for cell in ["", "0", "false", "False", "none", "None", "nan"] {
            assert_eq!(error_of(cell), None, "{cell}");
        }
        assert_eq!(error_of("1").as_deref(), Some(""));
        assert_eq!(error_of("429 too many").as_deref(), Some("429 too many"));
    }
}
