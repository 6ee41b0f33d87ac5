//! Finding the letter that an answer to a multiple choice settles on.
//!
//! Five readings, the surest first: the letter that is called the answer (the last one), a last line
//! that is a letter alone, a leading letter, the last letter set off by brackets or bold, and a
//! letter that ends the last line, in any language.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// The letters that an answer settles on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LetterChoice {
    One(char),
    Several(char, char),
    None,
}

/// A letter, perhaps in brackets, bold, quotes or LaTeX. The letter is group `l`.
const WRAPPED: &str =
    r#"[\s*_`"'“(\[$]*(?:\\(?:boxed|text|textbf|mathrm|mathbf)\{[\s*(]*)*(?P<l>[A-J])"#;

/// The words before a choice: "the answer is", "Answer:", "correct option is", "I choose",
/// `\boxed{`.
const CALLED: &str = concat!(
    r"(?i:\b(?:answer(?:\s+to\s+(?:this|the)\s+(?:question|problem))?",
    r"|(?:correct|right|best|final)\s+(?:option|choice|letter|one))\b",
    r#"[\s*_`"']*(?:\s(?:is|was|would\s+be|should\s+be|must\s+be)\b)?[\s*_]*[:=]?\s*"#,
    r"(?:\s(?:clearly|therefore|thus|definitely|likely)\b)?\s*",
    r"(?:\b(?:option|choice|letter)\b)?",
    r"|\b(?:choose|chose|pick|select|go\s+with)\b",
    r"(?:\s+(?:option|choice|answer|letter)\b)?",
    r"|\\boxed\{)",
);

/// "the answer is B", "Answer: (B)", "I choose B", `\boxed{B}`.
static STATED: LazyLock<Regex> = LazyLock::new(|| compiled(&format!("{CALLED}{WRAPPED}")));

/// "Answer: b." A small letter needs a mark behind it, or the end of its line.
static STATED_SMALL: LazyLock<Regex> = LazyLock::new(|| {
    let wrapped = WRAPPED.replace("[A-J]", "[a-j]");
    compiled(&format!(r#"(?m){CALLED}{wrapped}(?:[)\]}}*_`.,;:!"'”]|[ \t\r]*$)"#))
});

/// "B is correct", "(B) is the best answer".
static JUDGED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r#"(?:^|[\s*_`"'“(\[])(?P<l>[A-J])[)\]*_`"'”.]*\s+is\s+(?:the\s+)?(?i:correct|right|best)\b"#,
    )
});

/// A line that is a letter alone.
static ALONE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r#"^[\s*_`"'“(\[$#>]*(?:\\(?:boxed|text|textbf|mathrm)\{)*(?P<l>[A-Ja-j])[\s*_`"'”)\]$.}]*$"#,
    )
});

/// A line that begins with a letter and a mark: "B) because", "**B.** Paris", "B - Paris".
static LEADING: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r#"^[\s*_`"'“(\[#>]*(?P<l>[A-J])(?:[*_`"'”]*[)\]:,](?:[^A-Za-z0-9]|$)|[*_`"'”]*\.(?:[^A-Za-z0-9]|$)|[*_`"'”]+(?:[^A-Za-z0-9]|$)|\s+[-–—=])"#,
    )
});

/// A letter at the end of a line; "I" there is a pronoun.
static TRAILING: LazyLock<Regex> =
    LazyLock::new(|| compiled(r#"[\s:：](?P<l>[A-HJ])[\s.。!*_`"'”)]*$"#));

/// Words that rule out a letter at the end of their line.
static DENIED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"(?i)\b(?:not|cannot|never|neither|wrong|incorrect|except)\b|n['’]t\b")
});

/// A letter in brackets or bold, anywhere.
static SET_OFF: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"\((?P<a>[A-J])\)|\[(?P<b>[A-J])\]|\*\*\(?(?P<c>[A-J])[).:]*\*\*|__(?P<d>[A-J])__")
});

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that a test compiles")
}

pub(super) fn find_letter(answer: &str) -> LetterChoice {
    if let Some(stated) = stated(answer) {
        return stated;
    }
    let lines: Vec<&str> = answer.lines().filter(|line| !line.trim().is_empty()).collect();
    let Some((first, last)) = lines.first().zip(lines.last()) else {
        return LetterChoice::None;
    };
    if let Some(found) = ALONE.captures(last).or_else(|| ALONE.captures(first)) {
        return LetterChoice::One(letter_of(&found).to_ascii_uppercase());
    }
    if let Some(letter) = leading(first) {
        // An answer that goes through the options one by one has not chosen the first of them.
        return match lines[1..].iter().find_map(|line| leading(line).filter(|l| *l != letter)) {
            Some(other) => LetterChoice::Several(letter, other),
            None => LetterChoice::One(letter),
        };
    }
    let trailing = || if DENIED.is_match(last) { None } else { TRAILING.captures(last) };
    let found = SET_OFF.captures_iter(answer).last().or_else(trailing);
    found.map_or(LetterChoice::None, |found| LetterChoice::One(letter_of(&found)))
}

/// The last choice that is called the answer.
fn stated(answer: &str) -> Option<LetterChoice> {
    let mut last: Option<(usize, LetterChoice)> = None;
    let readings = [&STATED, &STATED_SMALL, &JUDGED];
    for found in readings.into_iter().flat_map(|reading| reading.captures_iter(answer)) {
        let letter = found.name("l").expect("every match has its letter");
        let rest = &answer[letter.end()..];
        let first = letter_of(&found).to_ascii_uppercase();
        if !stands_alone(first, rest) || last.is_some_and(|(at, _)| at > letter.start()) {
            continue;
        }
        let choice = match alternative(rest) {
            Some(other) if other != first => LetterChoice::Several(first, other),
            _ => LetterChoice::One(first),
        };
        last = Some((letter.start(), choice));
    }
    last.map(|(_, choice)| choice)
}

/// The letter that a line leads with.
fn leading(line: &str) -> Option<char> {
    if let Some(found) = LEADING.captures(line) {
        return Some(letter_of(&found));
    }
    // Without a mark behind it: "B because …", "C Paris", but not "B cells are …", "A Tale of …".
    let bare = line.trim_start();
    let letter = bare.chars().next().filter(|c| ('A'..='J').contains(c))?;
    let word = next_word(bare[1..].strip_prefix(' ')?);
    let chosen = if word.starts_with(char::is_uppercase) {
        !is_a_word(letter)
    } else {
        word != "is" && LINKS.contains(&word)
    };
    chosen.then_some(letter)
}

/// Words that may follow a letter that is a choice: "A because", where "A dog" and "I think" are words.
const LINKS: [&str; 12] =
    ["because", "since", "as", "is", "due", "given", "based", "for", "which", "where", "or", "and"];

/// Whether the letter is an English word, too.
const fn is_a_word(letter: char) -> bool {
    matches!(letter, 'A' | 'I')
}

/// The letters at the start of a text.
fn next_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    &text[..end]
}

/// Whether a letter with this text behind it is a choice, and not the start of a word, an article
/// or a pronoun.
fn stands_alone(letter: char, rest: &str) -> bool {
    let mut chars = rest.chars();
    let (next, after) = (chars.next(), chars.next());
    match next {
        // "A/B" is left to the alternatives; "C++" and "B2" are no choices.
        Some('/') => return after.is_some_and(|c| ('A'..='J').contains(&c)),
        Some(c) if c.is_alphanumeric() || matches!(c, '+' | '#' | '&') => return false,
        Some('-' | '\'' | '’' | '.') if after.is_some_and(char::is_alphanumeric) => return false,
        _ => {}
    }
    let word = next_word(rest.strip_prefix(' ').unwrap_or_default());
    let continues = word.starts_with(char::is_lowercase) && !LINKS.contains(&word);
    !(is_a_word(letter) && continues)
}

/// The second letter of "B or C", "B and C", "B/C".
fn alternative(rest: &str) -> Option<char> {
    static OTHER: LazyLock<Regex> =
        LazyLock::new(|| compiled(&format!(r#"^[)\]*_`"'”.]*\s*(?:\bor\b|\band\b|/|&){WRAPPED}"#)));
    let found = OTHER.captures(rest)?;
    let letter = found.name("l")?;
    stands_alone(letter_of(&found), &rest[letter.end()..]).then(|| letter_of(&found))
}

fn letter_of(found: &Captures<'_>) -> char {
    let named = ["l", "a", "b", "c", "d"].into_iter().find_map(|name| found.name(name));
    named.and_then(|letter| letter.as_str().chars().next()).expect("every pattern holds one letter")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, expected: &str) {
        let found = match find_letter(answer) {
            LetterChoice::One(letter) => letter.to_string(),
            LetterChoice::Several(a, b) => format!("{a}{b}"),
            LetterChoice::None => "none".to_owned(),
        };
        assert_eq!(found, expected, "{answer:?}");
    }

    #[test]
    fn a_letter_alone() {
        for answer in
            ["B", "b", " B\n", "(B)", "**B**", "B.", "B)", "\"B\"", "[B]", "`B`", "$B$", "**(B)**"]
        {
            check(answer, "B");
        }
        check("\\boxed{B}", "B");
        check("$\\boxed{\\text{B}}$", "B");
        check("Thinking it over, both look fine.\n\nB", "B");
        check("Reasoning about A) and so on.\n**C**", "C");
    }

    #[test]
    fn the_last_statement_wins() {
        check("Answer: B", "B");
        check("answer: B", "B");
        check("**Answer:** B", "B");
        check("**Answer: B**", "B");
        check("Answer: (B)", "B");
        check("Answer: **B) Paris**", "B");
        check("Answer B", "B");
        check("The answer is (C).", "C");
        check("The answer is C because it is larger.", "C");
        check("The answer is A because it is larger.", "A");
        check("The correct answer is: D", "D");
        check("The correct option is **D**.", "D");
        check("The final answer is option E", "E");
        check("So the answer must be B!", "B");
        check("Option A is wrong, so the answer is B. Option C is tempting.", "B");
        check("The answer is A. No: the answer is B.", "B");
        check("I choose C.", "C");
        check("I would go with option J", "J");
        check("Of these, B is correct.", "B");
        check("(B) is the best answer", "B");
        check("A) no\nB) yes\nC) no\nThe answer is B", "B");
        check("The answer is $\\boxed{C}$", "C");
        check("The answer is \\textbf{(D)}", "D");
    }

    #[test]
    fn phrasings_that_models_use() {
        check("The correct answer is **B. Paris**.", "B");
        check("**Answer: B. Paris**", "B");
        check("## Final Answer: B", "B");
        check("Final answer:\n\n**B**\n\nLet me know!", "B");
        check("ANSWER: B", "B");
        check("I believe the answer is B) Paris", "B");
        check("The best choice would be (C)", "C");
        check("So the correct choice is C: Paris", "C");
        check("Correct answer: D. None of these", "D");
        check("Option B.", "B");
        check("Answer: a dog", "none");
        check("So it is you and I.", "none");
        check("option (C)", "C");
        check("Therefore, B.", "B");
        check("Thus, the correct option is (A) because it holds.", "A");
        check("The answer to this question is D.", "D");
        check("the correct answer should be \"E\"", "E");
        check("The answer is b.", "B");
        check("Answer: d", "D");
        check("答案是 B", "B");
        check("La respuesta correcta es C.", "C");
    }

    #[test]
    fn a_leading_letter() {
        check("B) because it is", "B");
        check("B. Paris", "B");
        check("B: Paris", "B");
        check("B - Paris", "B");
        check("**B.** Paris", "B");
        check("**B** Paris", "B");
        check("(B) Paris, since the others are too small", "B");
        check("B because it is larger", "B");
        check("A because it is larger", "A");
        check("B Paris", "B");
        check("C, since it is larger", "C");
        check("### B) Paris", "B");
    }

    #[test]
    fn a_letter_set_off() {
        check("It has to be (B), as the others are too small.", "B");
        check("Not (A), rather **C**, I would say.", "C");
    }

    #[test]
    fn words_are_no_choices() {
        check("A dog runs.", "none");
        check("Answer: A dog runs.", "none");
        check("The answer is a dog.", "none");
        check("I think so", "none");
        check("A car is faster than a bike.", "none");
        check("Be careful", "none");
        check("B cells are white", "none");
        check("A Tale of Two Cities", "none");
        check("C is the speed of light", "none");
        check("C++ is faster", "none");
        check("The answer is Boston", "none");
        check("E.g. this one", "none");
        check("D'Artagnan", "none");
        check("The answer is not B", "none");
        check("I do not know.", "none");
        check("", "none");
        check("To answer A question like this", "none");
    }

    #[test]
    fn two_choices_are_none() {
        check("The answer is B or C", "BC");
        check("The answer is A or B.", "AB");
        check("Answer: (B) and (D)", "BD");
        check("Answer: B/C", "BC");
        check("A) warm\nB) cold", "AB");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|([A-J]|answer is|[ *().:/\\-é\n]|is correct|or|é){0,20}") {
            let _ = find_letter(&text);
        }
    }
}
