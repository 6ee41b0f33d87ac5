//! The columns of prompts, references, categories and ids in a table.

use std::str::FromStr;

use crate::units::names;

/// The content of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The prompt.
    Prompt,
    /// The reference.
    Reference,
    /// The kind of work.
    Category,
    /// The task's id.
    Id,
}

impl Field {
    /// All, in the order of notes.
    pub const ALL: [Self; 4] = [Self::Prompt, Self::Reference, Self::Category, Self::Id];

    /// The name in a map.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Reference => "reference",
            Self::Category => "category",
            Self::Id => "id",
        }
    }

    /// The column names it is known by without a map, best first.
    #[must_use]
    pub const fn usual_names(self) -> &'static [&'static str] {
        match self {
            // `messages` last: a file of chats has no better column.
            Self::Prompt => &[
                "prompt",
                "input",
                "question",
                "query",
                "instruction",
                "text",
                "problem",
                "user_prompt",
                "user_input",
                "task",
                "ctx",
                "messages",
                "conversations",
            ],
            // `__expected` is promptfoo's, beside variables that may have any name.
            Self::Reference => &[
                "__expected",
                "reference",
                "expected",
                "expected_output",
                "expected_answer",
                "expected_response",
                "target",
                "ideal",
                "answer",
                "answer_key",
                "correct_answer",
                "answers",
                "gold",
                "gold_answer",
                "ground_truth",
                "reference_answer",
                "label",
                "output",
                "completion",
                "response",
                "solution",
                "outputs",
                "reference_outputs",
            ],
            Self::Category => &["category", "type"],
            Self::Id => &["id", "task_id", "custom_id"],
        }
    }
}

/// Columns as the user named them: `prompt=question,reference=expected,category=type`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnMap {
    columns: [Option<String>; 4],
}

/// Why a map is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// Not `field=column`.
    #[error(
        "`{0}` is not field=column; write a map as prompt=question,reference=expected,category=type"
    )]
    NotAPair(String),
    /// No such field.
    #[error("a map has no field `{field}`; {hint} The fields are prompt, reference, category, id")]
    UnknownField {
        /// The name.
        field: String,
        /// The nearest.
        hint: String,
    },
    /// A field twice.
    #[error("the map names `{0}` twice")]
    Twice(&'static str),
}

impl ColumnMap {
    /// From pairs of field and column.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, MapError> {
        let mut map = Self::default();
        for (field, column) in pairs {
            let Some(known) = Field::ALL.into_iter().find(|f| f.name() == field) else {
                let names = Field::ALL.map(Field::name);
                let hint = names::suggest(field, &names);
                let hint = if hint.ends_with('?') { hint } else { String::new() };
                return Err(MapError::UnknownField { field: field.to_owned(), hint });
            };
            let slot = &mut map.columns[known as usize];
            if slot.replace(column.to_owned()).is_some() {
                return Err(MapError::Twice(known.name()));
            }
        }
        Ok(map)
    }

    /// The column that the user named for a field.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        self.columns[field as usize].as_deref()
    }

    /// The fields that are named, with their columns.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        Field::ALL.into_iter().filter_map(|field| Some((field.name(), self.get(field)?)))
    }

    /// Whether the map names no column.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.iter().all(Option::is_none)
    }

    /// The column of a field among those of a file: the named one, or the first usual name (in any
    /// case) that the file has and the map does not use for another field.
    ///
    /// # Errors
    /// The named column where the file has none of that name.
    pub(super) fn resolve<'c>(
        &self,
        field: Field,
        columns: &'c [String],
    ) -> Result<Option<&'c str>, String> {
        if let Some(named) = self.get(field) {
            return match columns.iter().find(|c| *c == named) {
                Some(column) => Ok(Some(column)),
                None => Err(named.to_owned()),
            };
        }
        let free = |column: &&String| !self.columns.iter().flatten().any(|c| c == *column);
        let usual = field
            .usual_names()
            .iter()
            .find_map(|usual| columns.iter().filter(free).find(|column| is_name(column, usual)));
        Ok(usual.map(String::as_str))
    }
}

/// Whether a heading is this name, in any case and however its words are joined: `Expected Output`,
/// `expectedOutput`, `expected-output`.
pub(super) fn is_name(column: &str, name: &str) -> bool {
    let squash = |text: &str| -> String {
        let text = text.trim();
        let letters = text.chars().filter(|c| !matches!(c, ' ' | '_' | '-'));
        letters.flat_map(char::to_lowercase).collect()
    };
    column.starts_with("__") == name.starts_with("__") && squash(column) == squash(name)
}

impl FromStr for ColumnMap {
    type Err = MapError;

    fn from_str(text: &str) -> Result<Self, MapError> {
        let pairs: Vec<(&str, &str)> = text
            .split(',')
            .map(|pair| match pair.split_once('=') {
                Some((field, column)) if !column.trim().is_empty() => {
                    Ok((field.trim(), column.trim()))
                }
                _ => Err(MapError::NotAPair(pair.trim().to_owned())),
            })
            .collect::<Result<_, _>>()?;
        Self::from_pairs(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_maps() {
        let map: ColumnMap = "prompt=question, reference = the answer".parse().unwrap();
        assert_eq!(map.get(Field::Prompt), Some("question"));
        assert_eq!(map.get(Field::Reference), Some("the answer"));
        assert_eq!(map.get(Field::Category), None);
    }

    #[test]
    fn errors_list_the_fields() {
        let error = |text: &str| text.parse::<ColumnMap>().unwrap_err().to_string();
        assert_eq!(
            error("promt=q"),
            "a map has no field `promt`; did you mean `prompt`? The fields are prompt, reference, category, id"
        );
        assert!(error("prompt").starts_with("`prompt` is not field=column"));
        assert!(error("prompt=").starts_with("`prompt=` is not field=column"));
        assert_eq!(error("id=a,id=b"), "the map names `id` twice");
    }

    #[test]
    fn usual_names_in_any_case_but_not_twice() {
        let columns: Vec<String> = ["Question", "answer", "type"].map(str::to_owned).to_vec();
        let check = |map: &str, field, expected: Option<&str>| {
            let map: ColumnMap =
                if map.is_empty() { ColumnMap::default() } else { map.parse().unwrap() };
            assert_eq!(map.resolve(field, &columns), Ok(expected), "{map:?}");
        };
        check("", Field::Prompt, Some("Question"));
        check("", Field::Reference, Some("answer"));
        check("", Field::Category, Some("type"));
        check("", Field::Id, None);
        check("prompt=answer", Field::Reference, None);
        let map: ColumnMap = "prompt=nope".parse().unwrap();
        assert_eq!(map.resolve(Field::Prompt, &columns), Err("nope".to_owned()));
    }
}
