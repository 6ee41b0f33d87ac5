//! What stands in an answer beside the answer: citations, links, notes on rounding and on steps.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// A list of sources at the end.
static SOURCES: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?im)^[ \t#*_]*(?:sources?|references?|citations?|quellen|footnotes?)[*_ \t]*:[*_ \t]*$[\s\S]*|^[ \t]*\[\^?\d{1,3}\]:?[ \t][^\n]*$",
    )
});

/// What is no part of a sentence: links, footnotes, marks of citations, tags with small numbers.
static LINKS: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?i)\]\([^)\s]*\)|https?://\S+|【[^】]*】|\[\^[^\]]*\]|<su[pb]>[^<]*</su[pb]>|:contentReference\[[^\]]*\](?:\{[^}]*\})?",
    )
});

/// `[1]`, `[2, 3]`, `[4-6]`, and several of them.
static CITATION: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"[ \t]*(?:\[\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\])+"));

/// Notes that hold numbers: on rounding, on precision, on steps, on confidence.
static NOTES: LazyLock<Regex> = LazyLock::new(|| {
    compiled(concat!(
        r"(?i)\([^()\n]*\b(?:round(?:ed|ing)|decimals?|significant|steps?|sig\.? ?figs?)\b[^()\n]*\)",
        r"|\b(?:rounded|rounding|correct|accurate|precise|exact)?\s*\bto\s+(?:the\s+nearest\s+)?\(?\d+\)?\s*(?:decimals?(?:\s+(?:places?|points?|digits?))?|d\.?p\b\.?|places|significant\s+(?:figures?|digits?)|sig\.?\s*figs?\.?|s\.?f\b\.?)",
        r"|\b\d+\s*(?:decimal\s+(?:places?|digits?)|significant\s+(?:figures?|digits?)|sig\.?\s*figs?)\b",
        r"|\b(?:rounded|rounding)\s+(?:up\s+|down\s+)?to\s+the\s+nearest\s+\d+",
        r"|\b(?:in|after|with|within|using)\s+(?:just\s+|only\s+)?\d+\s+(?:steps?|iterations?|attempts?)\b",
        r"|\b(?:step|equation|eq\.|question|problem|figure|fig\.|table|section|chapter|exercise|option|note)\s+\(?\d+\)?",
        r"|,\s*(?:and\s+)?(?:not|rather\s+than|instead\s+of|nicht|pas|because|since|though|although|even\s+though)\s+[^.\n]*",
    ))
});

/// Whole lines of that kind.
static LINES: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"(?im)^[ \t*_(#]*(?:confidence|certainty|score|page|word count|tokens)\b[^\n]*$")
});

/// The closing sentence that offers more.
static OFFER: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?im)^[ \t*_(]*(?:let me know|feel free|would you like|do you want|i hope|hope this|is there anything|if you (?:have|need|want|would))\b[^\n]*$",
    )
});

/// The numbers of a list's items.
static ITEM: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(?m)^[ \t]*(?:\*\*)?(\d{1,2})[.)](?:\*\*)?[ \t]+"));

/// "3 dollars and 5 cents", "29€99".
static CENTS: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?i)(?P<a>\d)€(?P<b>\d{2})\b|(?P<c>\d)\s*(?:dollars?|euros?|€|pounds?)\s*(?:(?:and|und|et|y|e)\s)?\s*(?P<d>\d{1,2})\s*(?:cents?|pence|c[eé]ntimos|centimes)\b",
    )
});

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that a test compiles")
}

/// A text without its notes.
pub(super) fn without_notes(text: &str) -> String {
    let text = SOURCES.replace_all(text, "");
    let text = LINKS.replace_all(&text, " ");
    let text = without_citations(&text);
    let text = NOTES.replace_all(&text, " ");
    let text = LINES.replace_all(&text, "");
    let text = OFFER.replace_all(&text, "");
    without_items(&text).into_owned()
}

/// Amounts in two units as one number: "3 dollars and 5 cents" as "3.05".
pub(super) fn with_cents(text: &str) -> Cow<'_, str> {
    CENTS.replace_all(text, |found: &regex::Captures<'_>| {
        let part = |names: [&str; 2]| {
            names.iter().find_map(|name| found.name(name)).map_or("", |part| part.as_str())
        };
        format!("{}.{:0>2} ", part(["a", "c"]), part(["b", "d"]))
    })
}

/// A text without the numbers of a list that counts from 1.
fn without_items(text: &str) -> Cow<'_, str> {
    let counts: Vec<&str> = ITEM.captures_iter(text).map(|item| item.extract::<1>().1[0]).collect();
    let is_list = counts.len() > 1 && counts.iter().zip(1..).all(|(n, at)| *n == at.to_string());
    if is_list { ITEM.replace_all(text, "") } else { text.into() }
}

/// A text without the brackets of citations: those that stand behind a word, a number or the end of a
/// sentence. `[7]` behind "is", a colon or nothing is an answer.
fn without_citations(text: &str) -> Cow<'_, str> {
    CITATION.replace_all(text, |found: &regex::Captures<'_>| {
        let whole = found.get(0).expect("the match");
        let before = &text[..whole.start()];
        let is_spaced = whole.as_str().starts_with([' ', '\t']);
        let is_cited = before.chars().next_back().is_some_and(|c| {
            c.is_ascii_digit()
                || ".!?;)%*\"'”".contains(c)
                || (c.is_alphabetic() && (!is_spaced || has_number_in_line(before)))
        });
        if is_cited { String::new() } else { whole.as_str().to_owned() }
    })
}

fn has_number_in_line(before: &str) -> bool {
    let line = before.rsplit(['\n', '.']).next().unwrap_or_default();
    line.contains(|c: char| c.is_ascii_digit())
}
