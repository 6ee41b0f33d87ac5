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
        r"|,\s*(?:and\s+)?(?:not|rather\s+than|instead\s+of|nicht|pas)\s+[^.\n]*",
    ))
});

/// Whole lines of that kind.
static LINES: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"(?im)^[ \t*_(#]*(?:confidence|certainty|score|page|word count|tokens)\b[^\n]*$")
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
    LINES.replace_all(&text, "").into_owned()
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
