//! The number that an answer settles on. Of the places where one may stand the surest counts: the first
//! `#### N`, the last `\boxed{…}`, the last `<answer>`, the last statement that calls it the answer, the
//! bold one of the last line, and else the last number of the text.

use std::sync::LazyLock;

use regex::Regex;

use super::answer_text::before_next_question;
use super::number_digits::Convention;
use super::number_link::{Link, link_between};
use super::number_normal::normalize;
use super::number_notes::{with_cents, without_notes};
use super::number_scan::{NumberMatch, Scanner};
use super::number_units::is_currency;
use super::number_words::number_in_words;
use super::rational::Rational;

/// The number that a text settles on.
#[derive(Clone, Debug)]
pub(super) enum FoundNumber {
    One(StatedNumber),
    /// "5 or 6": no answer.
    Several(Rational, Rational),
    None,
}

/// A number, and whether it was given in percent.
#[derive(Clone, Debug)]
pub(super) struct StatedNumber {
    pub value: Rational,
    pub is_percent: bool,
}

/// The number that an answer settles on.
pub(super) fn find_number(text: &str) -> FoundNumber {
    let whole = normalize(text);
    let whole = with_cents(&whole).into_owned();
    let convention = convention_of(&whole);
    let own = before_next_question(&whole).and_then(|own| marked(own, convention));
    if let Some(found) = own.or_else(|| marked(&whole, convention)) {
        return found;
    }
    let plain = without_notes(&whole);
    [plain.as_str(), whole.as_str()]
        .into_iter()
        .find_map(|text| unmarked(text, convention))
        .or_else(|| {
            let value = number_in_words(&whole)?;
            Some(FoundNumber::One(StatedNumber { value, is_percent: false }))
        })
        .unwrap_or(FoundNumber::None)
}

/// The number of a reference: where it settles on none, the last it holds.
pub(super) fn reference_number(text: &str) -> Option<StatedNumber> {
    match find_number(text) {
        FoundNumber::One(number) => Some(number),
        FoundNumber::Several(_, last) => Some(StatedNumber { value: last, is_percent: false }),
        FoundNumber::None => None,
    }
}

/// A number in a place that marks it as the answer.
fn marked(text: &str, convention: Convention) -> Option<FoundNumber> {
    if let Some(found) =
        after_hashes(text).into_iter().find_map(|rest| Region::new(rest, convention).direct(true))
    {
        return Some(found);
    }
    if let Some(found) = boxed(text).and_then(|inner| Region::new(inner, convention).last()) {
        return Some(found);
    }
    let plain = without_notes(text);
    let tagged = TAGGED.captures_iter(&plain).filter_map(|found| found.get(1));
    if let Some(found) =
        tagged.last().and_then(|inner| Region::new(inner.as_str(), convention).stated())
    {
        return Some(found);
    }
    let mut last: Option<(usize, FoundNumber)> = None;
    let judged: Vec<regex::Match<'_>> = JUDGED.find_iter(&plain).collect();
    let is_judged = |at: usize| judged.iter().any(|found| found.range().contains(&at));
    for called in CALLED.find_iter(&plain).filter(|called| !is_judged(called.start())) {
        if let Some(found) = Region::new(clause_after(&plain[called.end()..]), convention).stated()
        {
            last = Some((called.end(), found));
        }
    }
    for judged in &judged {
        let line = plain[..judged.start()].rfind('\n').map_or(0, |at| at + 1);
        if last.as_ref().is_none_or(|(at, _)| *at < judged.start())
            && let Some(found) = Region::new(&plain[line..judged.start()], convention).last()
        {
            last = Some((judged.end(), found));
        }
    }
    last.map(|(_, found)| found)
}

/// The bold number of the last line, else the last number.
fn unmarked(text: &str, convention: Convention) -> Option<FoundNumber> {
    let line = text.lines().rev().find(|line| line.contains(|c: char| c.is_ascii_digit()));
    let mut bold = BOLD.captures_iter(line.unwrap_or_default()).filter_map(|found| found.get(1));
    if let (Some(only), None) = (bold.next(), bold.next())
        && is_numeric(only.as_str())
        && let Some(found) = Region::new(only.as_str(), convention).last()
    {
        return Some(found);
    }
    Region::new(text, convention).last()
}

/// The lines behind `####`, in order, without those that are numbered headings. A line that is empty
/// stands for the next one.
fn after_hashes(text: &str) -> Vec<&str> {
    let behind = text.match_indices("####").map(|(at, _)| text[at..].trim_start_matches('#'));
    behind
        .map(|rest| {
            let rest = rest.trim_start_matches([' ', '\t', '*', ':']);
            rest.trim_start().lines().next().unwrap_or_default()
        })
        .filter(|line| !NUMBERED_HEADING.is_match(line))
        .collect()
}

/// The rest of the line, or the next line that is not blank where the rest holds no word or digit.
fn clause_after(rest: &str) -> &str {
    let mut lines = rest.split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    if first.chars().any(char::is_alphanumeric) {
        return first;
    }
    lines.find(|line| line.chars().any(char::is_alphanumeric)).unwrap_or(first)
}

/// "1. Compute", "2) Add": the heading of a step.
static NUMBERED_HEADING: LazyLock<Regex> = LazyLock::new(|| compiled(r"^\d{1,2}[.):]\s+\p{L}"));

/// What calls the number behind it the answer.
static CALLED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(concat!(
        r"(?i)(?:\b|_)(?:answer|result|solution)\b",
        r"|\b(?:antwort|ergebnis|lösung|réponse|résultat|respuesta|resultado|resposta|risposta|risultato|antwoord)\b",
        r"|ответ|答案|答え|答:|正解|정답|결과",
    ))
});

/// What calls the number before it the answer.
static JUDGED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?i)\bis\s+(?:(?:the|my|our)\s+)?(?:final\s+|correct\s+|right\s+)*(?:answer|result|solution)\b",
    )
});

static TAGGED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?is)<(?:final[_-]?)?(?:answer|result|solution)>(.*?)</(?:final[_-]?)?(?:answer|result|solution)>",
    )
});

static BOLD: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(?:\*\*|__)([^*_\n]+)(?:\*\*|__)|<b>([^<]+)</b>"));

/// What may stand between a call for the answer and the number: marks, verbs, a variable.
static BEFORE_DIRECT: LazyLock<Regex> = LazyLock::new(|| {
    compiled(concat!(
        r#"(?i)^(?:[\s*_`"'“”„(\[{:=~≈<>|\\/#+。是为為は]"#,
        r"|\b(?:is|are|was|be|to|of|would|should|must|equals?|equal|approximately|approx\.?|about|roughly|around|nearly",
        r"|exactly|therefore|thus|hence|so|simply|just|only|clearly|indeed|then|(?:the|a)\s+(?:total|final|number|value|sum)(?:\s+of)?|here|this|question|problem",
        r"|ist|lautet|beträgt|est|es|è|é|de|boxed|text|mathbf|mathrm|textbf|displaystyle",
        r"|usd|eur|gbp|chf|inr|rs|us|[a-z])\b)*$",
    ))
});

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that a test compiles")
}

/// A part of a text with its numbers.
struct Region<'a> {
    text: &'a str,
    chars: Vec<char>,
    numbers: Vec<NumberMatch>,
}

impl<'a> Region<'a> {
    fn new(text: &'a str, convention: Convention) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let resolve = |mut found: NumberMatch| {
            // `1,234` is in groups and `1.234` has decimals, unless the writer uses decimal commas.
            if let Some(other) = found.other.take().filter(|_| convention == Convention::Comma) {
                found.number = other;
            }
            found
        };
        let numbers = Scanner::new(&chars).map(resolve).collect();
        Self { text, chars, numbers }
    }

    fn slice(&self, from: usize, to: usize) -> String {
        self.chars.get(from..to.max(from)).unwrap_or_default().iter().collect()
    }

    /// The number that follows a call for the answer: the first where it follows at once, behind the
    /// last equals sign of a calculation, and else the last of the first sentence that has one.
    fn stated(&self) -> Option<FoundNumber> {
        self.direct(false).or_else(|| {
            let first = self.numbers.first()?;
            let sentence_end = SENTENCE_END
                .find_iter(self.text)
                .map(|found| self.text[..found.start()].chars().count())
                .find(|end| *end > first.start)
                .unwrap_or(self.chars.len());
            let last = self.numbers.iter().rposition(|n| n.start < sentence_end)?;
            Some(self.settle(last))
        })
    }

    /// The first number where nothing but marks and verbs stands before it; where `is_marked`, any
    /// number is taken on a line that begins with one.
    fn direct(&self, is_marked: bool) -> Option<FoundNumber> {
        let first = self.numbers.first()?;
        let before = self.slice(0, first.start);
        let is_direct = if is_marked {
            !before.contains(|c: char| c.is_alphanumeric()) || before.trim_start().starts_with('\\')
        } else {
            BEFORE_DIRECT.is_match(&before)
        };
        is_direct.then(|| self.settle(self.result_of_calculation(0)))
    }

    /// The place of the number behind the last equals sign of the calculation that starts here.
    fn result_of_calculation(&self, idx: usize) -> usize {
        let is_term =
            |c: char| c.is_ascii_digit() || is_currency(c) || " .,+-*/×÷·()=%^{}$<>–≈".contains(c);
        let start = self.numbers[idx].start;
        let chain = self.chars[start..].iter().take_while(|c| is_term(**c)).count();
        let Some(equals) =
            self.chars[start..start + chain].iter().rposition(|c| matches!(c, '=' | '≈'))
        else {
            return idx;
        };
        let after = self.numbers.iter().position(|n| n.start > start + equals);
        after.filter(|at| self.numbers[*at].start <= start + chain).unwrap_or(idx)
    }

    fn last(&self) -> Option<FoundNumber> {
        Some(self.settle(self.numbers.len().checked_sub(1)?))
    }

    /// The number at a place, unless its neighbour is an alternative to it.
    fn settle(&self, mut idx: usize) -> FoundNumber {
        let link = |a: usize, b: usize| -> Option<Link> {
            let (first, second) = (self.numbers.get(a)?, self.numbers.get(b)?);
            let lead = self.slice(first.start.saturating_sub(12), first.start);
            let between = self.slice(first.end, second.start);
            let sign = self.slice(second.start, second.start + 1);
            let after = self.slice(second.end, second.end + 3);
            link_between(&lead, &between, &sign, &after, first, second)
        };
        let before = idx.checked_sub(1).and_then(|previous| Some((previous, link(previous, idx)?)));
        if let Some((previous, Link::Margin)) = before {
            idx = previous;
        }
        let neighbours = [
            before
                .filter(|(_, link)| *link == Link::Alternative)
                .map(|(previous, _)| (previous, idx)),
            link(idx, idx + 1).filter(|link| *link == Link::Alternative).map(|_| (idx, idx + 1)),
        ];
        if let Some((a, b)) = neighbours.into_iter().flatten().next() {
            let (a, b) = (&self.numbers[a], &self.numbers[b]);
            if !is_same(&stated(a), &stated(b), &Rational::default()) {
                return FoundNumber::Several(a.number.clone(), b.number.clone());
            }
        }
        FoundNumber::One(stated(&self.numbers[idx]))
    }
}

/// The end of a sentence, a paragraph or a list item.
static SENTENCE_END: LazyLock<Regex> = LazyLock::new(|| compiled(r"[.!?](?:\s|$)|\n|。"));

fn stated(found: &NumberMatch) -> StatedNumber {
    StatedNumber { value: found.number.clone(), is_percent: found.is_percent }
}

/// Whether two numbers are at most `tolerance` apart. Where one is in percent and the other is not,
/// either reading of it counts: 50 % is 50 and 0.5.
pub(super) fn is_same(a: &StatedNumber, b: &StatedNumber, tolerance: &Rational) -> bool {
    let share = |n: &StatedNumber| n.value.clone().scaled(-2);
    a.value.is_within(&b.value, tolerance)
        || (a.is_percent && !b.is_percent && share(a).is_within(&b.value, tolerance))
        || (b.is_percent && !a.is_percent && a.value.is_within(&share(b), tolerance))
}

/// Words of languages that write decimals with a comma.
static COMMA_LANGUAGE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?i)\b(?:antwort|ergebnis|beträgt|ergibt|insgesamt|lautet|réponse|résultat|respuesta|resposta|risposta|antwoord|svaret|vastaus|odpowiedź)\b|ответ",
    )
});

/// The mark before decimals that a text uses, by its numbers that leave no doubt, then by a currency
/// behind groups of three, then by its language.
fn convention_of(text: &str) -> Convention {
    let chars: Vec<char> = text.chars().collect();
    let (mut points, mut commas) = (0_u32, 0_u32);
    for found in Scanner::new(&chars) {
        let has_euro =
            chars.get(found.end..found.end + 2).is_some_and(|after| after.contains(&'€'))
                || chars.get(found.start) == Some(&'€');
        match found.convention {
            Some(Convention::Point) => points += 1,
            Some(Convention::Comma) => commas += 1,
            // Nobody gives euros with three decimals.
            None if found.other.is_some() && has_euro => {
                let is_comma = chars[found.start..found.end].contains(&',');
                if is_comma { points += 1 } else { commas += 1 }
            }
            None => {}
        }
    }
    if points == commas {
        let is_comma = points == 0 && COMMA_LANGUAGE.is_match(text);
        return if is_comma { Convention::Comma } else { Convention::Point };
    }
    if commas > points { Convention::Comma } else { Convention::Point }
}

/// Whether a text is a number and nothing else but currency, percent and emphasis marks.
pub(super) fn is_numeric(text: &str) -> bool {
    let chars: Vec<char> = normalize(text).chars().collect();
    let mut found = Scanner::new(&chars);
    let (Some(only), None) = (found.next(), found.next()) else {
        return false;
    };
    let decoration = |c: &char| c.is_whitespace() || is_currency(*c) || "%.*_`+~≈=".contains(*c);
    chars[..only.start].iter().all(decoration) && chars[only.end..].iter().all(decoration)
}

/// Whether a text ends in `#### N`, as the worked answers of GSM8K do.
pub(super) fn ends_in_marked_number(text: &str) -> bool {
    text.rfind("####").is_some_and(|at| is_numeric(&text[at + 4..]))
}

/// The content of the last `\boxed{…}`, or the digit behind a `\boxed` without braces.
fn boxed(text: &str) -> Option<&str> {
    const OPEN: &str = "\\boxed";
    let at = text.rfind(OPEN).or_else(|| text.rfind("\\fbox"))?;
    let rest = text[at..].trim_start_matches(|c: char| c == '\\' || c.is_ascii_alphabetic());
    let Some(inner) = rest.strip_prefix('{') else {
        return rest.split(['$', '\n', '.']).next();
    };
    let mut depth = 1;
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&inner[..at]);
        }
    }
    Some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = match find_number(text) {
            FoundNumber::One(found) => found.value.to_string(),
            FoundNumber::Several(a, b) => format!("{a} or {b}"),
            FoundNumber::None => "none".to_owned(),
        };
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn every_way_to_write_a_number() {
        check("42", "42");
        check("The answer is 42.", "42");
        check("1,234,567", "1234567");
        check("1 234 567 people", "1234567");
        check("1\u{a0}234\u{202f}567", "1234567");
        check("1_234", "1234");
        check("1'234'567", "1234567");
        check("$1{,}234$", "1234");
        check("in 2024 100 came", "100");
        check("1,2345", "1.2345");
        check("0,123", "0.123");
        check("$18", "18");
        check("€ 7.50", "7.5");
        check("£1,000.25", "1000.25");
        check("50%", "50");
        check("is 3.0.", "3");
        check(".5", "0.5");
        check("-5", "-5");
        check("x = \u{2212}5", "-5");
        check("-$5", "-5");
        check("$-5", "-5");
        check("-\\$5", "-5");
        check("10-20", "10 or 20");
        check("10\u{2013}20", "10 or 20");
        check("20-10", "10");
        check("page-5", "5");
        check("- 5 apples", "5");
        check("(-5)", "-5");
        check("none at all", "none");
        check("", "none");
    }

    #[test]
    fn scientific_and_powers() {
        check("1e3", "1000");
        check("2.5E-3 m", "0.0025");
        check("6.02 × 10^23", "602000000000000000000000");
        check("6.02 \\times 10^{-3}", "0.00602");
        check("3*10**4", "30000");
        check("4·10⁵", "400000");
        check("4·10⁻²", "0.04");
        check("10^6", "1000000");
        check("2eggs", "2");
        check("1e9999", "none");
    }

    #[test]
    fn fractions() {
        check("so 3/4", "3/4");
        check("\\frac{3}{4}", "3/4");
        check("-\\frac{3}{4}", "-3/4");
        check("\\dfrac{-3}{4}", "-3/4");
        check("1 1/2 cups", "3/2");
        check("on 1/2/2024", "2024");
        check("5/0", "0");
        let number = |text: &str| reference_number(text).unwrap().value;
        let zero = Rational::default();
        assert!(number("3/4").is_within(&number("0.75"), &zero));
        let (third, rounded) = (number("1/3"), number("0.333"));
        assert!(!third.is_within(&rounded, &zero));
        assert!(third.is_within(&rounded, &Rational::parse("0.001").unwrap()));
    }

    #[test]
    fn marks_and_words_around() {
        check("**42**", "42");
        check("_42_", "42");
        check("\\boxed{42} in 3 steps", "42");
        check("\\boxed{\\text{\\$}1,200} in 3 steps", "1200");
        check("\\boxed{yes}, so 7", "7");
        check("24 cm^2", "24");
        check("24 cm2", "24");
        check("24 H2O", "24");
        check("9 of x_1", "9");
        check("答案是42", "42");
        check("<<16-3-4=9>>9", "9");
        check("a.\n#### 1,080", "1080");
    }

    #[test]
    fn phrasings_that_models_use() {
        check("**Final answer: $1,234.56**", "1234.56");
        check("Answer: 42 (forty-two).", "42");
        check("≈ 3.14", "3.14");
        check("Answer = 5 m/s²", "5");
        check("5,000-6,000 of them", "5000 or 6000");
        check("\\[ x = \\boxed{-12} \\]", "-12");
        check("$\\boxed{\\dfrac{7}{2}}$", "7/2");
        check("She needs 18 eggs, i.e. $18.", "18");
        check("x=−3", "-3");
        check("The total is 1,000,000 .", "1000000");
        check("1. First\n2. Then 7\n", "7");
        check("it took 5–7 days", "5 or 7");
    }

    #[test]
    fn numeric_texts() {
        for text in ["42", " -3.5 ", "$1,200.00", "12%", "**7**", "3/4", "5.", "\u{2212}2"] {
            assert!(is_numeric(text), "{text}");
        }
        for text in ["42 eggs", "", "B", "1 or 2", "H2O", "12:30"] {
            assert!(!is_numeric(text), "{text}");
        }
        assert!(ends_in_marked_number("She has 3.\n#### 1,234"));
        assert!(!ends_in_marked_number("#### none"));
        assert!(!ends_in_marked_number("She has 3."));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = find_number(&text);
            let _ = is_numeric(&text);
        }

        #[test]
        fn nor_does_any_text_of_number_parts(
            text in "[0-9 ,._^{}/$e×*x⁵⁻+\\-\u{2212}\\\\a-c%]{0,60}|(\\\\frac\\{[0-9]{0,3}\\}\\{[0-9]{0,3}\\})+",
        ) {
            let _ = find_number(&text);
            let _ = ends_in_marked_number(&text);
        }

        #[test]
        fn an_integer_is_found_in_a_sentence(n in proptest::num::i64::ANY) {
            check(&format!("So the total is {n}."), &n.to_string());
        }
    }
}
