//! The formats of outcome tables, and which one a file is of.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::json::decode;
use super::{OutcomesError, promptfoo, zip};

/// A format of outcome tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeFormat {
    /// A table of text, one outcome a row.
    Csv,
    /// promptfoo's results.
    Promptfoo,
    /// Inspect's logs.
    Inspect,
}

/// The keys that tell JSON documents apart.
#[derive(Deserialize)]
struct Keys {
    eval: Option<IgnoredAny>,
    results: Option<IgnoredAny>,
    prompts: Option<IgnoredAny>,
    providers: Option<IgnoredAny>,
}

const EXPECTED: &str = "a table is CSV with a heading, promptfoo's results.json or a log of Inspect; \
                        where it is one of them, say --from csv, promptfoo or inspect";

impl OutcomeFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Promptfoo, Self::Inspect];

    /// The name in flags and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Promptfoo => "promptfoo",
            Self::Inspect => "inspect",
        }
    }

    /// What it is.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Csv => "A table with the columns query_id, model, score and more",
            Self::Promptfoo => "The results of promptfoo eval --output, .json or .jsonl",
            Self::Inspect => "Logs of Inspect, .eval or .json: one for each task and model",
        }
    }

    /// The format that these bytes are of, where that is certain.
    pub(super) fn guess(bytes: &[u8], shown: &str) -> Result<Self, OutcomesError> {
        let unknown = |why: &str| OutcomesError::UnknownFormat {
            at: shown.to_owned(),
            why: why.to_owned(),
            remedy: EXPECTED,
        };
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if zip::is_archive(bytes) {
            return Ok(Self::Inspect);
        }
        match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => Err(OutcomesError::Empty {
                at: shown.to_owned(),
                remedy: "the file is empty: a table has a heading and one outcome a row",
            }),
            Some(b'{') => {
                Self::of_json(bytes, shown)?.ok_or_else(|| unknown("the JSON is of no known tool"))
            }
            Some(_) => {
                let text = super::unpack::text(bytes, shown)?;
                let heading = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
                let heading = heading.to_ascii_lowercase();
                let has = |name: &str| {
                    let cells = heading.split([',', ';', '\t']);
                    cells.map(|cell| cell.trim().trim_matches('"')).any(|cell| cell == name)
                };
                if ["query_id", "model", "score"].iter().filter(|name| has(name)).count() > 1 {
                    return Ok(Self::Csv);
                }
                if promptfoo::is_configuration(text) {
                    return Err(promptfoo::refuse_configuration(shown));
                }
                Err(unknown("its first line is no heading of an outcome table"))
            }
        }
    }

    /// The format of a JSON document, or of lines of JSON.
    fn of_json(bytes: &[u8], shown: &str) -> Result<Option<Self>, OutcomesError> {
        let first = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>().next();
        if let Some(Ok(first)) = first
            && first.get("results").is_none()
            && promptfoo::is_row(&first)
        {
            return Ok(Some(Self::Promptfoo));
        }
        let keys: Keys = decode(bytes, shown)?;
        Ok(match keys {
            Keys { eval: Some(_), .. } => Some(Self::Inspect),
            Keys { results: Some(_), .. } => Some(Self::Promptfoo),
            Keys { prompts: None, providers: None, .. } => None,
            _ => return Err(promptfoo::refuse_configuration(shown)),
        })
    }
}
