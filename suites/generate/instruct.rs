//! Verifiable instructions: several demands at once, each checked by one regular expression. The
//! demands of a task are put together from parts, so that the words of the prompt and what is
//! checked cannot drift apart; the answers are [written by hand](crate::instruct_answers).

use regex::Regex;
use serde_json::json;

use crate::folder::{Suite, Task};
use crate::instruct_answers::INSTRUCTIONS;

/// One demand on the answer.
#[derive(Clone, Copy)]
pub enum Demand {
    /// So many lines, none of them empty.
    Lines(usize),
    /// So many words, on any number of lines.
    Words(usize),
    /// So many sentences, each ended by a full stop, and no other full stop.
    Sentences(usize),
    /// Each line begins with this.
    EachLineBegins(&'static str),
    /// Each line has so many words.
    EachLineWords(usize),
    /// Each line ends with this.
    EachLineEnds(&'static str),
    /// It begins with this.
    Begins(&'static str),
    /// It ends with this.
    Ends(&'static str),
    /// It contains this word (a whole one), in this writing.
    Word(&'static str),
    /// It contains this word exactly so often, in this writing and no other.
    WordTimes(&'static str, usize),
    /// This letter does not occur, large or small.
    Without(char),
    /// Small letters only.
    Lower,
    /// Capital letters only.
    Upper,
    /// No comma.
    NoComma,
    /// No digit.
    NoDigit,
    /// Items parted by a semicolon and a space: so many.
    Items(usize),
    /// Every word begins with this letter, large or small.
    EachWordBegins(char),
    /// Every word has at least so many letters.
    WordsAtLeast(usize),
    /// It is a question, with the only question mark at the end.
    Question,
    /// Lines are numbered as `1)`, `2)`, …: so many.
    Numbered(usize),
    /// Between double square brackets.
    Bracketed,
    /// Its lines are `key: value` with these keys in this order.
    Keys(&'static [&'static str]),
}

/// A task: what to write, what is demanded, an answer that does it all, one that fails.
pub struct Instruction {
    pub topic: &'static str,
    pub demands: &'static [Demand],
    pub answer: &'static str,
    pub wrong: &'static str,
}

/// One task of each instruction.
pub fn suite() -> Suite {
    let tasks = INSTRUCTIONS.iter().enumerate().map(|(n, instruction)| task(n, instruction));
    Suite {
        name: "instruct",
        description: "Following several verifiable instructions at once.",
        grader: "\"regex\"",
        prompt: Some("{{ prompt }}\n\nWrite nothing besides what is asked for.\n"),
        max_tokens: None,
        tasks: tasks.collect(),
    }
}

fn task(n: usize, instruction: &Instruction) -> Task {
    let Instruction { topic, demands, answer, wrong } = instruction;
    let patterns: Vec<_> = demands.iter().map(|demand| demand.pattern()).collect();
    let failed = |text: &str| {
        let fails =
            |pattern: &&String| !Regex::new(pattern).expect("patterns are valid").is_match(text);
        patterns.iter().filter(fails).count()
    };
    let id = format!("rules-{}", n + 1);
    assert_eq!(failed(answer), 0, "{id}: the answer follows every demand: {answer}");
    assert_ne!(failed(wrong), 0, "{id}: the wrong answer fails one: {wrong}");
    let rules: Vec<_> = demands.iter().map(|demand| format!("- {}", demand.words())).collect();
    Task {
        id,
        tags: vec![format!("demands-{}", demands.len())],
        prompt: Some(format!("{topic}\n{}", rules.join("\n"))),
        reference: json!(patterns),
        answer: Some(json!(answer)),
        wrong: json!(wrong),
        ..Task::default()
    }
}

impl Demand {
    /// What the prompt says.
    fn words(self) -> String {
        match self {
            Self::Lines(1) => "One line only.".to_owned(),
            Self::Lines(n) => format!("Exactly {n} lines, none of them empty."),
            Self::Words(n) => format!("Exactly {n} words."),
            Self::Sentences(n) => {
                format!("Exactly {n} sentences, each ending with a full stop; no other full stops.")
            }
            Self::EachLineBegins(text) => format!("Every line begins with \"{text}\"."),
            Self::EachLineWords(n) => format!("Exactly {n} words on every line."),
            Self::EachLineEnds(text) => format!("Every line ends with \"{text}\"."),
            Self::Begins(text) => format!("Begin with \"{text}\"."),
            Self::Ends(text) => format!("End with \"{text}\"."),
            Self::Word(word) => format!("Use the word \"{word}\", written just so."),
            Self::WordTimes(word, n) => {
                format!("Use the word \"{word}\" exactly {n} times, always written just so.")
            }
            Self::Without(letter) => format!("The letter {letter} must not occur, large or small."),
            Self::Lower => "No capital letters.".to_owned(),
            Self::Upper => "No small letters.".to_owned(),
            Self::NoComma => "No commas.".to_owned(),
            Self::NoDigit => "No digits.".to_owned(),
            Self::Items(n) => {
                format!("Exactly {n} items on one line, separated by a semicolon and a space.")
            }
            Self::EachWordBegins(letter) => format!("Every word begins with the letter {letter}."),
            Self::WordsAtLeast(n) => {
                format!(
                    "Letters, spaces and line breaks only; every word has at least {n} letters."
                )
            }
            Self::Question => {
                "It is a question, with the only question mark at its end.".to_owned()
            }
            Self::Numbered(n) => format!("Exactly {n} lines, numbered \"1) \", \"2) \" and so on."),
            Self::Bracketed => {
                "Put the whole answer between double square brackets: [[ and ]].".to_owned()
            }
            Self::Keys(keys) => {
                format!(
                    "One line for each of these keys, in this order, as \"key: value\": {}.",
                    keys.join(", ")
                )
            }
        }
    }

    /// What is checked. White space at the ends never matters.
    fn pattern(self) -> String {
        let whole = |inner: &str| format!(r"\A\s*{inner}\s*\z");
        let lines = |line: &str| whole(&format!(r"{line}(?:\n{line})*"));
        match self {
            Self::Lines(n) => whole(&format!(r"\S[^\n]*(?:\n[^\n]*\S[^\n]*){{{}}}", n - 1)),
            Self::Words(n) => whole(&format!(r"\S+(?:\s+\S+){{{}}}", n - 1)),
            Self::Sentences(n) => whole(&format!(r"(?:[^.]*[^.\s]\.){{{n}}}")),
            Self::EachLineBegins(text) => lines(&format!("{}[^\\n]*", regex::escape(text))),
            Self::EachLineWords(n) => lines(&format!(r"[^\s]+(?:[ \t]+[^\s]+){{{}}}[ \t]*", n - 1)),
            Self::EachLineEnds(text) => lines(&format!(r"[^\n]*{}[ \t]*", regex::escape(text))),
            Self::Begins(text) => format!(r"\A\s*{}", regex::escape(text)),
            Self::Ends(text) => format!(r"{}\s*\z", regex::escape(text)),
            Self::Word(word) => format!(r"\b{}\b", regex::escape(word)),
            Self::WordTimes(word, n) => word_times(word, n),
            Self::Without(letter) => {
                let (small, large) = (letter.to_ascii_lowercase(), letter.to_ascii_uppercase());
                format!(r"\A[^{small}{large}]*\z")
            }
            Self::Lower => r"\A\P{Lu}*\z".to_owned(),
            Self::Upper => r"\A\P{Ll}*\z".to_owned(),
            Self::NoComma => r"\A[^,]*\z".to_owned(),
            Self::NoDigit => r"\A[^0-9]*\z".to_owned(),
            Self::Items(n) => whole(&format!(r"[^;\n]*[^;\s](?:; [^;\s][^;\n]*){{{}}}", n - 1)),
            Self::EachWordBegins(letter) => {
                let (small, large) = (letter.to_ascii_lowercase(), letter.to_ascii_uppercase());
                whole(&format!(r"[{small}{large}]\S*(?:\s+[{small}{large}]\S*)*"))
            }
            Self::WordsAtLeast(n) => whole(&format!(r"[A-Za-z]{{{n},}}(?:\s+[A-Za-z]{{{n},}})*")),
            Self::Question => whole(r"[^?]*[^?\s]\?"),
            Self::Numbered(n) => {
                let numbered: Vec<_> = (1..=n).map(|i| format!(r"{i}\) \S[^\n]*")).collect();
                whole(&numbered.join(r"\n"))
            }
            Self::Bracketed => whole(r"\[\[[^\[\]]*[^\[\]\s][^\[\]]*\]\]"),
            Self::Keys(keys) => {
                let keyed: Vec<_> = keys.iter().map(|key| format!(r"{key}: \S[^\n]*")).collect();
                whole(&keyed.join(r"\n"))
            }
        }
    }
}

/// The text is words and gaps; the word is one of them exactly so often. Without look-around this
/// takes the text word by word, each being either the word or anything that is not.
fn word_times(word: &str, n: usize) -> String {
    let other = not_the_word(word);
    format!(
        r"\A\W*(?:{other}\W+)*(?:{word}\W+(?:{other}\W+)*){{{}}}{word}(?:\W+{other})*\W*\z",
        n - 1
    )
}

/// A word of another spelling: it leaves the spelling at its first, second, … letter, or stops
/// before the end, or goes on after it.
fn not_the_word(word: &str) -> String {
    let mut ways = Vec::new();
    for (i, c) in word.char_indices() {
        let head = &word[..i];
        // Another letter at this place, with anything after it.
        ways.push(format!(r"{head}[\w--{c}]\w*"));
        if i > 0 {
            ways.push(head.to_owned());
        }
    }
    ways.push(format!(r"{word}\w+"));
    format!("(?:{})", ways.join("|"))
}
