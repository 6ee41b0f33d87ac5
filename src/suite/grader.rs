//! Reading a grader: `"number"`, or `{ kind = "number", tolerance = "0.01" }`.

use serde_json::Value;

use super::GraderSpec;
use super::decimal::Decimal;
use super::error::{SuiteError, did_you_mean};

/// Reads a grader from its name or its table. `at` is the file and line that errors name.
pub(super) fn read(at: &str, value: &Value) -> Result<GraderSpec, SuiteError> {
    let bad = |why: &str| SuiteError::BadValue {
        at: at.to_owned(),
        key: "grader".to_owned(),
        why: why.to_owned(),
    };
    let table = match value {
        Value::String(name) => return named(at, name),
        Value::Object(table) => table,
        _ => return Err(bad("must be a name or a table with `kind`")),
    };
    let Some(Value::String(kind)) = table.get("kind") else {
        return Err(bad("needs `kind`, the name of a grader, as in { kind = \"number\" }"));
    };
    let mut grader = named(at, kind)?;
    for (key, value) in table.iter().filter(|(key, _)| *key != "kind") {
        match (&mut grader, key.as_str()) {
            (
                GraderSpec::Exact { ignore_case }
                | GraderSpec::OneOf { ignore_case }
                | GraderSpec::Contains { ignore_case },
                "ignore_case",
            ) => {
                *ignore_case =
                    value.as_bool().ok_or_else(|| bad("`ignore_case` must be true or false"))?;
            }
            (GraderSpec::Number { tolerance }, "tolerance") => {
                *tolerance = Some(read_tolerance(value).ok_or_else(|| {
                    bad("`tolerance` must be a decimal string from 0 up, such as \"0.01\"")
                })?);
            }
            (grader, key) => {
                let settings = settings(grader);
                let hint = if settings.is_empty() {
                    format!("grader `{}` has no settings", grader.name())
                } else {
                    did_you_mean(key, settings)
                };
                return Err(SuiteError::UnknownKey {
                    at: at.to_owned(),
                    key: format!("grader.{key}"),
                    hint,
                });
            }
        }
    }
    Ok(grader)
}

fn named(at: &str, name: &str) -> Result<GraderSpec, SuiteError> {
    GraderSpec::from_name(name).ok_or_else(|| SuiteError::UnknownGrader {
        at: at.to_owned(),
        name: name.to_owned(),
        hint: did_you_mean(name, &GraderSpec::NAMES),
    })
}

const fn settings(grader: &GraderSpec) -> &'static [&'static str] {
    match grader {
        GraderSpec::Exact { .. } | GraderSpec::OneOf { .. } | GraderSpec::Contains { .. } => {
            &["ignore_case"]
        }
        GraderSpec::Number { .. } => &["tolerance"],
        _ => &[],
    }
}

/// A tolerance as text. Numbers are taken too, by the digits they are written with.
fn read_tolerance(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Decimal::parse(&text).filter(|d| !d.is_negative()).map(|_| text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_tables() {
        let check = |value: Value, expected: GraderSpec| {
            assert_eq!(read("s:1", &value), Ok(expected), "{value}");
        };
        check(json!("json"), GraderSpec::Json {});
        check(
            json!({"kind": "exact", "ignore_case": true}),
            GraderSpec::Exact { ignore_case: true },
        );
        let tolerance = Some("0.01".to_owned());
        check(json!({"kind": "number", "tolerance": "0.01"}), GraderSpec::Number { tolerance });
        for name in GraderSpec::NAMES {
            assert_eq!(read("s:1", &json!(name)).unwrap().name(), name);
        }
    }

    #[test]
    fn one_clear_sentence_each() {
        let check = |value: Value, expected: &str| {
            assert_eq!(read("s:1", &value).unwrap_err().to_string(), expected);
        };
        check(json!("nmber"), "s:1: unknown grader `nmber`; did you mean `number`?");
        check(json!(3), "s:1: `grader` must be a name or a table with `kind`");
        check(
            json!({"kind": "exact", "ignorecase": true}),
            "s:1: unknown key `grader.ignorecase`; did you mean `ignore_case`?",
        );
        check(
            json!({"kind": "json", "strict": true}),
            "s:1: unknown key `grader.strict`; grader `json` has no settings",
        );
        check(
            json!({"kind": "number", "tolerance": "-1"}),
            "s:1: `grader` `tolerance` must be a decimal string from 0 up, such as \"0.01\"",
        );
    }
}
