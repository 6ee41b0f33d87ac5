//! Multiple choice in a table: a column of choices or one for each letter, and a reference that is a
//! letter, the text of a choice, or its place.

use serde_json::{Map, Value, json};

use super::columns::is_name;
use super::rows::Row;
use crate::graders::exact_json;

/// The letters of choices.
const LETTERS: [&str; 10] = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"];

/// The columns of lists of choices: the last is `HellaSwag`'s.
const LISTS: [&str; 3] = ["choices", "options", "endings"];

/// The columns that hold choices.
pub(super) enum ChoiceColumns<'a> {
    /// One column with a list.
    List(&'a str),
    /// A column for each letter.
    Letters(Vec<&'a str>),
}

impl<'a> ChoiceColumns<'a> {
    /// The columns of choices of a table, where it has some.
    pub fn find(columns: &'a [String]) -> Option<Self> {
        let is_list = |column: &&String| LISTS.iter().any(|name| is_name(column, name));
        let list = columns.iter().find(is_list);
        if let Some(list) = list {
            return Some(Self::List(list));
        }
        let of_letter = |letter: &&str| {
            columns.iter().map(String::as_str).find(|column| {
                column.trim() == *letter
                    || is_name(column, &format!("option_{letter}"))
                    || is_name(column, &format!("choice_{letter}"))
            })
        };
        let columns: Vec<&str> = LETTERS.iter().map_while(of_letter).collect();
        (columns.len() > 1).then_some(Self::Letters(columns))
    }

    pub fn names(&self) -> Vec<&'a str> {
        match self {
            Self::List(column) => vec![column],
            Self::Letters(columns) => columns.clone(),
        }
    }

    /// The choices of a row; `None` where it has none.
    pub fn read(&self, row: &Row) -> Option<Vec<String>> {
        let choices = match self {
            Self::List(column) => read_list(row.cells.get(*column)?)?,
            Self::Letters(columns) => {
                let cells = columns.iter().map_while(|column| row.cells.get(*column));
                cells.map(text_of).collect::<Option<Vec<String>>>()?
            }
        };
        (2..=LETTERS.len()).contains(&choices.len()).then_some(choices)
    }
}

/// The choices in a cell: a list, an object by letter, `{"text": […]}`, or a text with bars or lines.
fn read_list(cell: &Value) -> Option<Vec<String>> {
    match cell {
        Value::Array(list) => {
            let text = |item: &Value| item.get("text").and_then(text_of).or_else(|| text_of(item));
            list.iter().map(text).collect()
        }
        Value::Object(object) => match object.get("text").and_then(Value::as_array) {
            Some(texts) => texts.iter().map(text_of).collect(),
            None => by_letter(object),
        },
        Value::String(text) => {
            if let Ok(parsed @ (Value::Array(_) | Value::Object(_))) = exact_json::parse(text) {
                return read_list(&parsed);
            }
            let separator = ["\n", "|", ";"].into_iter().find(|mark| text.contains(mark))?;
            Some(text.split(separator).map(|part| part.trim().to_owned()).collect())
        }
        _ => None,
    }
}

fn by_letter(object: &Map<String, Value>) -> Option<Vec<String>> {
    let cell = |letter: &&str| object.get(*letter).or_else(|| object.get(&letter.to_lowercase()));
    let choices: Vec<String> =
        LETTERS.iter().map_while(|letter| cell(letter).and_then(text_of)).collect();
    (choices.len() == object.len()).then_some(choices)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        other => exact_json::number_text(other).map(std::borrow::Cow::into_owned),
    }
}

/// Whether places are counted from 1: some reference is the number of choices, and none is 0.
pub(super) fn counts_from_one<'a>(rows: impl Iterator<Item = (&'a Value, Vec<String>)>) -> bool {
    let mut beyond = false;
    for (reference, choices) in rows {
        match place_of(reference, &choices) {
            Some(0) => return false,
            Some(place) => beyond |= place == choices.len(),
            None => {}
        }
    }
    beyond
}

/// A reference that is a place and not the text of a choice.
fn place_of(reference: &Value, choices: &[String]) -> Option<usize> {
    let text = text_of(reference)?;
    let is_text = reference.is_string() && choices.contains(&text);
    if is_text { None } else { text.trim().parse().ok() }
}

/// The reference of the `choice` grader.
pub(super) fn choice_reference(
    reference: &Value,
    choices: &[String],
    from_one: bool,
) -> Result<Value, String> {
    let text = text_of(reference).ok_or("must be a letter, the text of a choice, or its place")?;
    let text = text.trim();
    let place =
        place_of(reference, choices).and_then(|place| place.checked_sub(usize::from(from_one)));
    let same = |choice: &String| choice.trim().eq_ignore_ascii_case(text);
    let of_letter = || {
        let letter = text.trim_start_matches('(').trim_end_matches([')', '.', ':']);
        LETTERS.iter().position(|known| known.eq_ignore_ascii_case(letter))
    };
    let idx = place.or_else(|| choices.iter().position(same)).or_else(of_letter);
    match idx.filter(|idx| *idx < choices.len()) {
        Some(idx) => Ok(json!({"answer": LETTERS[idx], "choices": choices})),
        None => Err(format!(
            "is {}, which is none of its {} choices: give a letter, the text of a choice, or its place from {}",
            crate::graders::quoted(text),
            choices.len(),
            u8::from(from_one)
        )),
    }
}

/// A prompt with the choices behind it, unless it lists them itself.
pub(super) fn with_choices(prompt: &str, choices: &[String]) -> Option<String> {
    if choices.iter().all(|choice| prompt.contains(choice.trim())) {
        return None;
    }
    let lines: Vec<String> =
        LETTERS.iter().zip(choices).map(|(letter, choice)| format!("{letter}. {choice}")).collect();
    Some(format!("{prompt}\n\n{}\n\nAnswer with the letter of the right choice.", lines.join("\n")))
}
