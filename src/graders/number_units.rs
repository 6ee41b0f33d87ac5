//! What stands around a number: currencies, percent, and words that multiply.

/// Marks before or behind an amount.
const CURRENCIES: &str = "$€£¥₹₩₽₺₫₪₴฿₦₱₡₲₵₸¢";

/// Currencies in letters that may touch the amount.
const CODES: [&str; 32] = [
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "IDR", "ILS",
    "INR", "JPY", "KRW", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "RM", "RMB", "RUB", "Rs", "RS",
    "SEK", "SGD", "THB", "USD", "kr",
];

/// Words that multiply by a power of ten, and that power.
const WORDS: [(&str, i32); 48] = [
    ("hundred", 2),
    ("thousand", 3),
    ("thousands", 3),
    ("tausend", 3),
    ("tsd", 3),
    ("mille", 3),
    ("тыс", 3),
    ("тысяч", 3),
    ("lakh", 5),
    ("lakhs", 5),
    ("million", 6),
    ("millions", 6),
    ("mio", 6),
    ("mln", 6),
    ("millionen", 6),
    ("millón", 6),
    ("millon", 6),
    ("millones", 6),
    ("milhão", 6),
    ("milhões", 6),
    ("milione", 6),
    ("milioni", 6),
    ("miljoen", 6),
    ("млн", 6),
    ("миллион", 6),
    ("миллиона", 6),
    ("миллионов", 6),
    ("crore", 7),
    ("crores", 7),
    ("billion", 9),
    ("billions", 9),
    ("bn", 9),
    ("mrd", 9),
    ("milliarde", 9),
    ("milliarden", 9),
    ("milliard", 9),
    ("milliards", 9),
    ("miliardo", 9),
    ("miliardi", 9),
    ("miljard", 9),
    ("bilhão", 9),
    ("bilhões", 9),
    ("млрд", 9),
    ("миллиард", 9),
    ("миллиардов", 9),
    ("trillion", 12),
    ("trillions", 12),
    ("quadrillion", 15),
];

/// Characters of Chinese, Japanese and Korean that do.
const CHARACTERS: [(char, i32); 10] = [
    ('百', 2),
    ('千', 3),
    ('万', 4),
    ('萬', 4),
    ('만', 4),
    ('亿', 8),
    ('億', 8),
    ('억', 8),
    ('兆', 12),
    ('조', 12),
];

/// Words for "of a hundred".
const PERCENT: [&str; 9] = [
    "percent",
    "per cent",
    "percentage points",
    "pct",
    "prozent",
    "pour cent",
    "por ciento",
    "por cento",
    "процентов",
];

pub(super) fn is_currency(c: char) -> bool {
    CURRENCIES.contains(c)
}

pub(super) fn is_currency_code(word: &str) -> bool {
    CODES.contains(&word)
}

/// A power of ten in words behind a number, and its end: ` million`, `k`, `万`, `\text{ million}`.
/// Letters that are also units count only where they touch the number, and `B` and `T` only for money.
pub(super) fn read_multiplier(
    chars: &[char],
    at: usize,
    has_currency: bool,
) -> Option<(i32, usize)> {
    let start = skip_filling(chars, at);
    let c = *chars.get(start)?;
    if let Some((_, power)) = CHARACTERS.iter().find(|(character, _)| *character == c) {
        return Some((*power, start + 1));
    }
    let word = word_at(chars, start);
    let end = start + word.chars().count();
    if let Some((_, power)) = WORDS.iter().find(|(known, _)| *known == word.to_lowercase()) {
        return Some((*power, end));
    }
    let is_attached = start == at && !chars.get(end).is_some_and(|c| c.is_alphanumeric());
    let power = match word.as_str() {
        "k" | "K" => 3,
        "M" | "MM" => 6,
        "B" if has_currency => 9,
        "T" if has_currency => 12,
        _ => return None,
    };
    (is_attached || (has_currency && word != "K" && word != "k")).then_some((power, end))
}

/// The end of a percent mark or word behind a number.
pub(super) fn read_percent(chars: &[char], at: usize) -> Option<usize> {
    let start = skip_filling(chars, at);
    if chars.get(start) == Some(&'%') {
        return Some(start + 1);
    }
    let words = PERCENT.iter().find(|words| {
        let n = words.chars().count();
        let Some(here) = chars.get(start..start + n) else { return false };
        let same = here.iter().zip(words.chars()).all(|(a, b)| a.to_lowercase().eq([b]));
        same && !chars.get(start + n).is_some_and(|c| c.is_alphanumeric())
    })?;
    Some(start + words.chars().count())
}

/// Skips spaces, a hyphen before a word, and the beginning of `\text{…}`.
fn skip_filling(chars: &[char], at: usize) -> usize {
    let mut start = skip_spaces(chars, at);
    if start == at
        && chars.get(at) == Some(&'-')
        && chars.get(at + 1).is_some_and(|c| c.is_alphabetic())
    {
        return at + 1;
    }
    let text: Vec<char> = "\\text{".chars().collect();
    if chars.get(start..start + text.len()).is_some_and(|here| here == text) {
        start = skip_spaces(chars, start + text.len());
    }
    start
}

fn skip_spaces(chars: &[char], at: usize) -> usize {
    at + chars.get(at..).unwrap_or_default().iter().take_while(|c| **c == ' ').count()
}

fn word_at(chars: &[char], at: usize) -> String {
    let rest = chars.get(at..).unwrap_or_default();
    rest.iter().take(12).take_while(|c| c.is_alphabetic()).collect()
}
