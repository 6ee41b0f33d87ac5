//! Finding the letter that an answer to a multiple choice settles on.
//!
//! The readings, the surest first: the letter that is called the answer (the last one), a line that is a
//! letter alone, a leading letter, the last letter set off by brackets or bold, the one option that is
//! named, and a letter that ends the last line, in any language.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::answer_text::before_next_question;

/// The letters that an answer settles on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LetterChoice {
    One(char),
    Several(char, char),
    None,
}

/// A letter, perhaps in brackets, bold, quotes or LaTeX. The letter is group `l`.
const WRAPPED: &str = concat!(
    r#"[\s*_`"'“(\[{<$]*(?:\\(?:boxed|text|textbf|mathrm|mathbf)\{[\s*(]*)*"#,
    r"(?P<l>[A-J])(?:(?-u:\b)|_)"
);

/// The words before a choice: "the answer is", "Answer:", "correct option is", "I choose", "it's",
/// `\boxed{`, and their like in other languages.
const CALLED: &str = concat!(
    r"(?i:(?:(?:\b|_)answer(?:\s+to\s+(?:this|the)\s+(?:question|problem))?",
    r"|\b(?:correct|right|best|final)\s+(?:option|choice|letter|one))\b",
    r#"[*_`"'>]*\s*(?:\b(?:is|was|would\s+be|should\s+be|must\s+be|has\s+to\s+be)\b)?[\s*_]*[:=]?\s*"#,
    r"(?:\b(?:clearly|therefore|thus|definitely|likely)\b)?\s*",
    r"(?:\b(?:option|choice|letter)\b)?",
    r"|\b(?:choose|chose|pick|select|selected|go\s+with)\b:?",
    r"(?:\s+(?:option|choice|answer|letter)\b)?",
    r"|\bit(?:['’]s|\s+is|\s+must\s+be|\s+has\s+to\s+be)(?:\s+(?:option|choice))?\b",
    r"|\bnot\b[^.\n]{1,20}\bbut(?:\s+rather)?\b",
    r#"|"(?:choice|option|letter|label|selection|selected_option)"\s*:"#,
    r"|(?:答案|正确选项|正確選項|故选|故選|应选|應選|选择|選擇|选|選|正解|答え|정답|ответ",
    r"|选项|選項|\b(?:antwort|lösung|réponse|respuesta|resposta|risposta|antwoord|svaret))",
    r"(?:[\s*_]*(?:是|为|為|は|은|는|(?:ist|lautet|est|es|è|é|er|correct[ae]?|corret[ao]|corretta|richtig)\b))*[\s*_]*:?",
    r"|\\boxed\{)",
);

/// "the answer is B", "Answer: (B)", "I choose B", `\boxed{B}`.
static STATED: LazyLock<Regex> = LazyLock::new(|| compiled(&format!("{CALLED}{WRAPPED}")));

/// "Answer: b." A small letter needs a mark behind it, or the end of its line.
static STATED_SMALL: LazyLock<Regex> = LazyLock::new(|| {
    let wrapped = WRAPPED.replace("[A-J]", "[a-j]");
    compiled(&format!(r#"(?m){CALLED}{wrapped}(?:[)\]}}*_`.,;:!"'”<]|[ \t\r]*$)"#))
});

/// "B is correct", "(B) is the best answer".
static JUDGED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(concat!(
        r#"(?:^|[\s*_`"'“(\[$]|(?i:option|choice)\s+[(*]*)(?P<l>[A-J])[)\]*_`"'”.$}]*\s+"#,
        r"(?:is|seems|looks|must\s+be|would\s+be)\s+(?:(?:the|most|clearly|definitely|indeed)\s+)*",
        r"(?i:correct|right|best|answer|true)\b",
    ))
});

/// A line that is a letter alone, perhaps behind "Option".
static ALONE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(concat!(
        r#"^[\s*_`"'“(\[{<$#>•✅✓✔☑\-]*(?:(?i:option|choice|letter|answer)\s*[:#]?\s*[*(\["'`]*)?"#,
        r"(?:\\(?:boxed|text|textbf|mathrm|mathbf)\{[\s*(]*)*",
        r#"(?P<l>[A-Ja-j])[\s*_`"'”)\]>$.,:;!}✅✓✔☑]*$"#,
    ))
});

/// A line that begins with a letter and a mark: "B) because", "**B.** Paris", "B - Paris",
/// "Option B: Paris", "b) Paris".
static LEADING: LazyLock<Regex> = LazyLock::new(|| {
    compiled(concat!(
        r#"^[\s*_`"'“(\[#>$]*(?:(?i:option|choice)\s+[(*]*)?(?:(?P<l>[A-J])(?:"#,
        r#"[*_`"'”$]*[)\]:,](?:[^A-Za-z0-9]|$)|[*_`"'”]*\.(?:[^A-Za-z0-9]|$)|[*_`"'”]+(?:[^A-Za-z0-9]|$)|\s+[-–—=])"#,
        r#"|(?P<a>[a-j])[*_`"'”]*[).](?:[*_\s]|$))"#,
    ))
});

/// A letter at the end of a line; "I" there is a pronoun.
static TRAILING: LazyLock<Regex> =
    LazyLock::new(|| compiled(r#"[\s:](?P<l>[A-HJ])[\s.!*_`"'”)]*$"#));

/// Words that rule out a letter in their line.
static DENIED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"(?i)\b(?:not|cannot|never|neither|no|wrong|incorrect|false|except)\b|n['’]t\b|错|誤")
});

/// A letter in brackets or bold, anywhere.
static SET_OFF: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"\((?P<a>[A-J])\)|\[(?P<b>[A-J])\]|\*\*\(?(?P<c>[A-J])[).:]*\*\*|__(?P<d>[A-J])__")
});

/// A bold letter that begins a line.
static BOLD_LEADING: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"^[\s#>]*(?:\*\*|__)[(\[]?[A-J][)\].:]?(?:\*\*|__|[\s)])"));

/// "option B", in any case.
static OPTION: LazyLock<Regex> =
    LazyLock::new(|| compiled(r#"(?i)\b(?:option|choice)\s+[("'*]*(?P<l>[A-J])(?-u:\b)"#));

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that a test compiles")
}

pub(super) fn find_letter(answer: &str) -> LetterChoice {
    let folded = fold(answer);
    let own = before_next_question(&folded).map(read_letter);
    match own {
        Some(found) if found != LetterChoice::None => found,
        _ => read_letter(&folded),
    }
}

/// A text with plain letters and marks: full-width forms, letters in circles and squares, brackets of
/// East Asia.
fn fold(answer: &str) -> String {
    let mut folded = String::with_capacity(answer.len());
    for c in answer.chars() {
        let code = c as u32;
        let letter = |from: u32, first: char| char::from_u32(code - from + first as u32);
        let plain = match code {
            0x24B6..=0x24CF => letter(0x24B6, 'A'),
            0x24D0..=0x24E9 => letter(0x24D0, 'a'),
            0x249C..=0x24B5 => letter(0x249C, 'a'),
            0x1F110..=0x1F129 => letter(0x1F110, 'A'),
            0x1F130..=0x1F149 => letter(0x1F130, 'A'),
            0x1F150..=0x1F169 => letter(0x1F150, 'A'),
            0x1F170..=0x1F189 => letter(0x1F170, 'A'),
            // The marks of East Asia stand for a mark and a space.
            0xFF1A | 0xFF0C | 0xFF0E | 0xFF09 => {
                folded.extend(char::from_u32(code - 0xFEE0));
                Some(' ')
            }
            0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0),
            0x3002 => Some('.'),
            0x3001 => {
                folded.push(',');
                Some(' ')
            }
            0x3008 | 0x300A | 0x300C | 0x300E | 0x3010 | 0x3014 => Some('['),
            0x3009 | 0x300B | 0x300D | 0x300F | 0x3011 | 0x3015 => Some(']'),
            0x200B..=0x200F | 0x2060 | 0xFEFF | 0xFE0F => None,
            _ => Some(c),
        };
        folded.extend(plain);
    }
    folded
}

/// "(not A)" behind a letter.
static RULED_OUT: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"\((?i:not|rather than|instead of|and not)\s+[^()\n]*\)"));

fn read_letter(answer: &str) -> LetterChoice {
    let answer = &*RULED_OUT.replace_all(answer, "");
    if let Some(stated) = stated(answer) {
        return stated;
    }
    let is_text = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("```");
    let lines: Vec<&str> = answer.lines().filter(is_text).collect();
    let Some((first, last)) = lines.first().zip(lines.last()) else {
        return LetterChoice::None;
    };
    let alone =
        |line: &str| ALONE.captures(line).map(|found| letter_of(&found).to_ascii_uppercase());
    if let Some(letter) = alone(last).or_else(|| alone(first)) {
        // A list of letters settles on none.
        let all: Option<Vec<char>> = lines.iter().map(|line| alone(line)).collect();
        let other = all.and_then(|all| all.into_iter().find(|other| *other != letter));
        return other
            .map_or(LetterChoice::One(letter), |other| LetterChoice::Several(other, letter));
    }
    if let Some(choice) = leading_choice(&lines) {
        return choice;
    }
    let set_off = SET_OFF.captures_iter(answer).last().map(|found| settle(answer, &found));
    let named = || {
        let named: Vec<char> = OPTION
            .captures_iter(answer)
            .map(|found| letter_of(&found).to_ascii_uppercase())
            .collect();
        let first = *named.first()?;
        let is_one = named.iter().all(|letter| *letter == first) && !DENIED.is_match(answer);
        is_one.then_some(LetterChoice::One(first))
    };
    let trailing = || {
        let clause = last.rsplit([';', ',']).find(|clause| !clause.trim().is_empty())?;
        let found = TRAILING.captures(last).filter(|_| !DENIED.is_match(clause))?;
        Some(settle(last, &found))
    };
    set_off.or_else(named).or_else(trailing).unwrap_or(LetterChoice::None)
}

/// The choice of an answer whose first line leads with a letter. An answer that goes through the options
/// one by one has not chosen the first of them; lines that rule an option out do not count, and a bold
/// letter goes before plain ones.
fn leading_choice(lines: &[&str]) -> Option<LetterChoice> {
    let first = lines.first()?;
    let choice = leading(first)?;
    let LetterChoice::One(letter) = choice else { return Some(choice) };
    let is_bold = BOLD_LEADING.is_match(first);
    let mut others = lines[1..]
        .iter()
        .filter(|line| !DENIED.is_match(line) && (!is_bold || BOLD_LEADING.is_match(line)))
        .filter_map(|line| match leading(line)? {
            LetterChoice::One(other) | LetterChoice::Several(other, _) => Some(other),
            LetterChoice::None => None,
        })
        .filter(|other| *other != letter);
    match others.next() {
        None => Some(LetterChoice::One(letter)),
        Some(other) if DENIED.is_match(first) && others.all(|more| more == other) => {
            Some(LetterChoice::One(other))
        }
        Some(other) => Some(LetterChoice::Several(letter, other)),
    }
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
        last = Some((letter.start(), settle(answer, &found)));
    }
    last.map(|(_, choice)| choice)
}

/// A letter that was found, unless another stands beside it as an alternative.
fn settle(text: &str, found: &Captures<'_>) -> LetterChoice {
    let letter = letter_match(found);
    let first = letter_of(found).to_ascii_uppercase();
    let other =
        alternative(&text[letter.end()..]).or_else(|| alternative_before(&text[..letter.start()]));
    match other {
        Some(other) if other != first => LetterChoice::Several(first, other),
        _ => LetterChoice::One(first),
    }
}

/// The letter that a line leads with.
fn leading(line: &str) -> Option<LetterChoice> {
    if let Some(found) = LEADING.captures(line) {
        return Some(settle(line, &found));
    }
    // Without a mark behind it: "B because …", "C Paris", but not "B cells are …", "A Tale of …".
    let bare = line.trim_start();
    let letter = bare.chars().next().filter(|c| ('A'..='J').contains(c))?;
    if let Some(other) = alternative(&bare[1..]).filter(|other| *other != letter) {
        return Some(LetterChoice::Several(letter, other));
    }
    let rest = bare[1..].strip_prefix(' ')?;
    let word = next_word(rest);
    // "B C": two letters and nothing else.
    if let Some(other) = word.chars().next().filter(|c| ('A'..='J').contains(c))
        && rest.trim_end_matches(['.', ' ', '!']).len() == 1
    {
        return Some(if other == letter {
            LetterChoice::One(letter)
        } else {
            LetterChoice::Several(letter, other)
        });
    }
    let chosen = if word.starts_with(char::is_uppercase) {
        !is_a_word(letter)
    } else {
        word != "is" && LINKS.contains(&word)
    };
    chosen.then_some(LetterChoice::One(letter))
}

/// Words that may follow a letter that is a choice: "A because", where "A dog" and "I think" are words.
const LINKS: [&str; 15] = [
    "because", "since", "as", "is", "due", "given", "based", "for", "which", "where", "or", "and",
    "rather", "instead", "not",
];

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
    // Chinese and Japanese have no spaces between words.
    let is_word = |c: char| c.is_alphanumeric() && (c as u32) < 0x2E80;
    let mut chars = rest.chars();
    let (next, after) = (chars.next(), chars.next());
    match next {
        // "A/B" is left to the alternatives; "C++" and "B2" are no choices.
        Some('/') => {
            return after.is_some_and(|c| ('A'..='J').contains(&c)) || rest.starts_with("/answer");
        }
        Some(c) if is_word(c) || matches!(c, '+' | '#') => return false,
        Some('&' | '-' | '\'' | '’' | '.') if after.is_some_and(is_word) => return false,
        _ => {}
    }
    let word = next_word(rest.strip_prefix(' ').unwrap_or_default());
    let continues = word.starts_with(char::is_lowercase) && !LINKS.contains(&word);
    !(is_a_word(letter) && continues)
}

/// The second letter of "B or C", "B and C", "B/C", "B, C".
fn alternative(rest: &str) -> Option<char> {
    static OTHER: LazyLock<Regex> = LazyLock::new(|| {
        compiled(&format!(
            r#"^[)\]*_`"'”.]*\s*(?:(?:,\s*)?\b(?:or|and)\b|/|&|(?P<comma>,)){WRAPPED}"#
        ))
    });
    static LISTED: LazyLock<Regex> =
        LazyLock::new(|| compiled(r#"^[)\]*_`"'”.!]*\s*(?:$|,|\n|(?:or|and|are|all|both)\b)"#));
    static OTHER_CLAUSE: LazyLock<Regex> =
        LazyLock::new(|| compiled(r#"^[)\]*_`"'”.]*\s+(?:is|was|isn['’]t|wasn['’]t)\b"#));
    let found = OTHER.captures(rest)?;
    let letter = found.name("l")?;
    let after = &rest[letter.end()..];
    // "B, A is wrong" and "B and A is wrong" begin another clause.
    let is_listed = found.name("comma").is_none() || LISTED.is_match(after);
    let is_alternative = stands_alone(letter_of(&found), after)
        && is_listed
        && !(OTHER_CLAUSE.is_match(after) && DENIED.is_match(after));
    is_alternative.then(|| letter_of(&found))
}

/// The first letter of "B or C", before the second.
fn alternative_before(before: &str) -> Option<char> {
    static OTHER: LazyLock<Regex> = LazyLock::new(|| {
        compiled(
            r#"(?:^|[^A-Za-z0-9])(?P<l>[A-J])[)\]*_`"'”.]*\s*(?:,?\s*\b(?:or|and)\b|/|&)[\s*_`"'“(\[{]*$"#,
        )
    });
    OTHER.captures(before).map(|found| letter_of(&found))
}

fn letter_match<'t>(found: &Captures<'t>) -> regex::Match<'t> {
    let named = ["l", "a", "b", "c", "d"].into_iter().find_map(|name| found.name(name));
    named.expect("every pattern holds one letter")
}

/// The letter of a match, in capitals.
fn letter_of(found: &Captures<'_>) -> char {
    let letter = letter_match(found).as_str().chars().next();
    letter.expect("a letter").to_ascii_uppercase()
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
        check("B：Paris", "B");
        check("B、Paris", "B");
        check("选项B", "B");
        check("```json\n{\"choice\": \"B\"}\n```", "B");
        check("B rather than A", "B");
        check("B (not A)", "B");
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
        check("B C", "BC");
        check("A) warm\nB) cold", "AB");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|([A-J]|answer is|[ *().:/\\-é\n]|is correct|or|é){0,20}") {
            let _ = find_letter(&text);
        }
    }
}
