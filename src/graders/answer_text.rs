//! The part of an answer that is the answer: without the reasoning before it, and without what a
//! model that continues the prompt invents behind it.

use std::sync::LazyLock;

use regex::Regex;

/// Marks around reasoning that models write into their text: opening, closing.
const REASONING: [(&str, &str); 8] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
];

/// Marks before the final part of an answer in a template that leaked into the text.
const FINAL_CHANNEL: &str = "<|channel|>final<|message|>";

/// What begins the answer behind thoughts of that form.
const SOLUTION: &str = "<|begin_of_solution|>";

/// Marks that end a turn; nothing behind them is the answer.
const TURN_ENDS: [&str; 9] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|end|>",
    "<|return|>",
    "<end_of_turn>",
    "<|end_of_solution|>",
    "<|im_start|>",
    "</s>",
];

/// An answer without reasoning at its start and without the marks of a chat template. Reasoning that
/// never ends is all of the answer, so nothing is left.
pub(super) fn visible_answer(text: &str) -> &str {
    let mut rest = text.trim_start_matches('\u{feff}');
    if let Some(at) = rest.rfind(FINAL_CHANNEL) {
        rest = &rest[at + FINAL_CHANNEL.len()..];
    }
    while let Some(after) = without_reasoning(rest) {
        rest = after;
    }
    let rest = rest.trim_start().strip_prefix(SOLUTION).unwrap_or(rest);
    let end = TURN_ENDS.iter().filter_map(|mark| rest.find(mark)).min();
    &rest[..end.unwrap_or(rest.len())]
}

/// The text behind one block of reasoning at the start; `None` where there is none.
fn without_reasoning(text: &str) -> Option<&str> {
    let trimmed = text.trim_start();
    REASONING.iter().find_map(|(open, close)| {
        if let Some(inside) = strip_prefix_ignoring_case(trimmed, open) {
            return Some(
                find_ignoring_case(inside, close).map_or("", |at| &inside[at + close.len()..]),
            );
        }
        // The opening mark may be part of the prompt, so that only the closing one is here.
        let close_at = find_ignoring_case(trimmed, close)?;
        let opens = find_ignoring_case(&trimmed[..close_at], open).is_some();
        (!opens).then(|| &trimmed[close_at + close.len()..])
    })
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn find_ignoring_case(text: &str, mark: &str) -> Option<usize> {
    let first = mark.as_bytes()[0];
    let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == first).map(|(at, _)| at);
    starts.into_iter().find(|at| {
        text.get(*at..at + mark.len()).is_some_and(|head| head.eq_ignore_ascii_case(mark))
    })
}

/// A line that opens another question: what a base model goes on with after its answer.
static NEXT_QUESTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^[ \t#*_]*(?:Question|Q|Problem|Human|User|Input|Exercise)(?:[ \t]*\d{1,3})?[*_]*[ \t]*:")
        .expect("a constant pattern that a test compiles")
});

/// The text before the first further question, where there is one behind some text.
pub(super) fn before_next_question(text: &str) -> Option<&str> {
    let starts = NEXT_QUESTION.find_iter(text).map(|found| &text[..found.start()]);
    starts.into_iter().find(|before| !before.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_is_no_answer() {
        let check = |text: &str, expected: &str| assert_eq!(visible_answer(text).trim(), expected);
        check("<think>a</think>b", "b");
        check("\n<think>\na\n</think>\n\nb", "b");
        check("a</think>b", "b");
        check("<THINK>a</THINK> b", "b");
        check("<think></think><think>a</think>b", "b");
        check("<think>a, never ended", "");
        check("[THINK]a[/THINK]b", "b");
        check("◁think▷a◁/think▷b", "b");
        check(
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>",
            "b",
        );
        check("b<|im_end|>\n<|im_start|>user", "b");
        check("A tag <think>x</think> in the middle", "A tag <think>x</think> in the middle");
        check("no marks", "no marks");
    }

    #[test]
    fn a_further_question_is_invented() {
        assert_eq!(before_next_question("7\n\nQuestion: 3?\nAnswer: 4"), Some("7\n\n"));
        assert_eq!(before_next_question("7\nQ: 3?"), Some("7\n"));
        assert_eq!(before_next_question("Question: 3?\nAnswer: 4"), None);
        assert_eq!(before_next_question("7"), None);
    }
}
