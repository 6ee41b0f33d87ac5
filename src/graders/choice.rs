//! The `choice` grader: the letter of a multiple choice that an answer settles on.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::choice_text::{LetterChoice, find_letter};
use super::grader::Grader;
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
        1
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
        let expected = expected_letter(target.reference()?)?;
        Ok(match find_letter(&answer.text) {
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

/// The letter of a reference: `B`, `b`, `(B)`, `B.`, `B)`.
pub(super) fn letter(reference: &Value) -> Option<char> {
    let Value::String(text) = reference else { return None };
    let mut inner = text.trim().trim_start_matches('(').trim_end_matches([')', '.', ':']).chars();
    match (inner.next(), inner.next()) {
        (Some(letter), None) => {
            Some(letter.to_ascii_uppercase()).filter(|c| ('A'..='J').contains(c))
        }
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
