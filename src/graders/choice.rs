//! The `choice` grader: the letter of a multiple choice that an answer settles on.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::choice_text::{LetterChoice, find_letter};
use super::grader::Grader;
use super::reference;
use super::sample::{Peers, SampleTask, index, text_answer};
use super::score::{Score, quoted};
use super::target::{GradingError, Target};
use crate::units::AnswerContent;

/// The letter of a multiple choice; an answer that settles on none, or on two, is wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {}

impl Grader for Choice {
    fn version(&self) -> u32 {
        2
    }

    fn check_reference(&self, reference: &Value) -> Result<(), GradingError> {
        expected_letter(reference).map(drop)
    }

    fn right_answer(&self, reference: &Value) -> Option<AnswerContent> {
        Some(text_answer(format!("Answer: {}", letter(reference)?)))
    }

    fn wrong_answer(
        &self,
        task: &SampleTask<'_>,
        peers: &Peers<'_>,
        pick: u64,
    ) -> Option<AnswerContent> {
        let right = letter(task.target.reference?)?;
        Some(text_answer(format!("Answer: {}", other_letter(right, peers, pick))))
    }

    fn score(&self, target: &Target<'_>, answer: &AnswerContent) -> Result<Score, GradingError> {
        let reference = target.reference()?;
        let expected = expected_letter(reference)?;
        let choices = choices_of(reference);
        let by_text = || match named_choice(&answer.text, &choices) {
            Some(letter) => LetterChoice::One(letter),
            None => LetterChoice::None,
        };
        let found = match whole_choice(&answer.text, &choices) {
            Some(letter) => LetterChoice::One(letter),
            None => find_letter(&answer.text),
        };
        let found = if found == LetterChoice::None { by_text() } else { found };
        Ok(match found {
            LetterChoice::One(letter) => {
                Score::from_match(letter == expected, &format!("got {letter}, expected {expected}"))
            }
            LetterChoice::Several(a, b) => {
                Score::wrong(&format!("ambiguous: both {a} and {b}, expected {expected}"))
            }
            LetterChoice::None => {
                Score::wrong(&format!("no choice in {}, expected {expected}", quoted(&answer.text)))
            }
        })
    }
}

/// The letter of a reference: `B`, `b`, `(B)`, `B.`, `B)`, or that of an object with the key `answer`
/// beside `choices`.
pub(super) fn letter(reference: &Value) -> Option<char> {
    let text = match reference {
        Value::String(text) => text,
        Value::Object(object) => object.get("answer")?.as_str()?,
        _ => return None,
    };
    let mut inner = text.trim().trim_start_matches('(').trim_end_matches([')', '.', ':']).chars();
    match (inner.next(), inner.next()) {
        (Some(letter), None) => {
            Some(letter.to_ascii_uppercase()).filter(|c| ('A'..='J').contains(c))
        }
        _ => None,
    }
}

/// The texts of the choices that a reference lists, in the order of their letters.
fn choices_of(reference: &Value) -> Vec<String> {
    let list = reference.get("choices").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(reference::text).map(|text| plain_words(&text)).collect()
}

/// The words of a text in small letters, with one space between them and around all.
fn plain_words(text: &str) -> String {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| c.is_whitespace() || "*_`\"'“”().,;:!?[]{}$\\".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    format!(" {} ", words.join(" "))
}

fn letter_at(idx: usize) -> Option<char> {
    ('A'..='J').nth(idx)
}

/// The choice that an answer is, word by word.
fn whole_choice(answer: &str, choices: &[String]) -> Option<char> {
    if choices.is_empty() {
        return None;
    }
    let answer = plain_words(answer);
    let mut same = choices.iter().enumerate().filter(|(_, choice)| **choice == answer);
    match (same.next(), same.next()) {
        (Some((idx, _)), None) => letter_at(idx),
        _ => None,
    }
}

/// The one choice whose words an answer has; one that is part of another which it has does not count.
fn named_choice(answer: &str, choices: &[String]) -> Option<char> {
    if choices.is_empty() {
        return None;
    }
    let answer = plain_words(answer);
    let named: Vec<(usize, &String)> = choices
        .iter()
        .enumerate()
        .filter(|(_, choice)| !choice.trim().is_empty() && answer.contains(choice.as_str()))
        .collect();
    let is_part = |(idx, choice): &(usize, &String)| {
        named.iter().any(|(other, longer)| {
            other != idx && longer.len() > choice.len() && longer.contains(choice.as_str())
        })
    };
    let mut whole = named.iter().filter(|named| !is_part(named));
    match (whole.next(), whole.next()) {
        (Some((idx, _)), None) => letter_at(*idx),
        _ => None,
    }
}

fn expected_letter(reference: &Value) -> Result<char, GradingError> {
    letter(reference)
        .ok_or_else(|| GradingError::Reference("it must be a letter from A to J".to_owned()))
}

/// The number of tasks whose references show the letters that a suite uses: enough to meet the last
/// of ten options, and few enough to read for every trial of a long run.
const MAX_PEERS: usize = 200;

/// Another letter among those that the suite's references use, A to D at least.
fn other_letter(right: char, peers: &Peers<'_>, pick: u64) -> char {
    let used = peers
        .iter_from(0)
        .take(MAX_PEERS)
        .filter(|peer| peer.grader == "choice")
        .filter_map(|peer| letter(peer.target.reference?));
    let last = used.fold('D'.max(right), char::max);
    let others: Vec<char> = ('A'..=last).filter(|letter| *letter != right).collect();
    others[index(pick, others.len())]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scores() {
        let check = |reference: &str, answer: &str, expected: Score| {
            let reference = json!(reference);
            let target = Target { reference: Some(&reference), schema: None };
            assert_eq!(Choice {}.score(&target, &text_answer(answer)), Ok(expected), "{answer}");
        };
        check("b", "B", Score::right("got B, expected B"));
        check("A", "B", Score::wrong("got B, expected A"));
        check("B", "Answer: B or C", Score::wrong("ambiguous: both B and C, expected B"));
    }

    #[test]
    fn letters_of_references() {
        for text in ["B", "b", "(B)", "B.", " B) "] {
            assert_eq!(letter(&json!(text)), Some('B'), "{text}");
        }
        assert_eq!(letter(&json!("BB")), None);
        assert_eq!(letter(&json!("")), None);
    }
}
