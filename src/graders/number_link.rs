//! What connects two numbers that follow each other: an alternative, a range, a margin of error.

use std::sync::LazyLock;

use regex::Regex;

use super::number_scan::NumberMatch;

/// How a number relates to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// "5 or 6", "5–6", "between 5 and 6": neither is the answer.
    Alternative,
    /// "5 ± 2": the second says how sure the first is.
    Margin,
}

/// "or" and its like, with the units of the first number before it and a hedge behind it.
static OR: LazyLock<Regex> = LazyLock::new(|| {
    compiled(concat!(
        r"(?i)^[*_)}\]$\\]*(?:[ \-]?[\p{L}°²³%/]+\.?){0,3}[*_)}\]$\\]*,?\s*[(\[]?\s*(?:\\text\{\s*)?",
        r"(?:\b(?:and/or|or|oder|ou|o|of|lub|или)\b|或者|或|または|또는)",
        r"(?:\s*\}|\s*,)?(?:\s*\b(?:maybe|perhaps|possibly|else|about|even|rather|alternatively|is it|it is|it's|vielleicht)\b,?)*",
        r"[\s*_({\[$\\:]*(?:[A-Z]{2,3}\s*)?$",
    ))
});

static AND: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"(?i)^[*_$]*(?:\s*[\p{L}°%]+){0,2}\s*(?:and|und|et|y|e|–|-)\s*[*_$]*$")
});

static BETWEEN: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(?i)\b(?:between|zwischen|entre)\s+[*_$]*$"));

static MARGIN: LazyLock<Regex> = LazyLock::new(|| compiled(r"^\s*(?:±|\+/-|\+-)\s*$"));

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that a test compiles")
}

/// The link of two neighbours. `lead` is the text before the first, `between` that between them, `sign`
/// the first character of the second, and `after` what follows it.
pub(super) fn link_between(
    lead: &str,
    between: &str,
    sign: &str,
    after: &str,
    first: &NumberMatch,
    second: &NumberMatch,
) -> Option<Link> {
    let with_sign = format!("{between}{}", if sign == "-" { sign } else { "" });
    if MARGIN.is_match(between) || MARGIN.is_match(&with_sign) {
        return Some(Link::Margin);
    }
    if OR.is_match(between) || (BETWEEN.is_match(lead) && AND.is_match(between)) {
        return Some(Link::Alternative);
    }
    // A range runs upwards; a difference that is calculated, a date and a year's span do not count.
    let dash = matches!(between.trim(), "-" | "–" | "—" | "~" | "〜" | "～");
    let is_difference = after.trim_start().starts_with('=') || after.starts_with('-');
    let joins = lead.ends_with(['-', '–', '/', '.', ':']);
    let upwards = first.number.is_below(&second.number) && !first.number.is_negative();
    (dash && upwards && !is_difference && !joins).then_some(Link::Alternative)
}
