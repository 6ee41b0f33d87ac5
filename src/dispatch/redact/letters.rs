//! The letters of a text, each with its place: escapes are read, ornaments undone, and what is no
//! letter and no digit is passed over.

use std::ops::Range;

/// A character that stands, perhaps as an escape, at a place of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub c: char,
    start: u32,
    end: u32,
}

impl Letter {
    /// The bytes of the text that it is made of.
    pub fn place(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Escapes within escapes that are read.
const DEPTH: usize = 4;

/// Visits a text as it stands, then with its escapes read, then with the escapes in those read.
/// Longer texts than 4 GiB are not visited to their ends.
#[expect(clippy::cast_possible_truncation, reason = "the text ends before 4 GiB")]
pub(super) fn for_each_reading(text: &str, mut visit: impl FnMut(&[Letter])) {
    let whole = text.get(..u32::MAX as usize).unwrap_or(text);
    let mut letters: Vec<Letter> = whole
        .char_indices()
        .map(|(at, c)| Letter { c, start: at as u32, end: (at + c.len_utf8()) as u32 })
        .collect();
    visit(&letters);
    for _ in 0..DEPTH {
        let Some(read) = unescaped(&letters) else { return };
        letters = read;
        visit(&letters);
    }
}

/// The text with its escapes read once; `None`: it has none.
fn unescaped(letters: &[Letter]) -> Option<Vec<Letter>> {
    let mut read = Vec::with_capacity(letters.len());
    let (mut at, mut any) = (0, false);
    while let Some(letter) = letters.get(at) {
        let (c, used) = match escape(&letters[at..]) {
            Some(found) => {
                any = true;
                found
            }
            None => (Some(letter.c), 1),
        };
        if let Some(c) = c {
            read.push(Letter { c, start: letter.start, end: letters[at + used - 1].end });
        }
        at += used;
    }
    any.then_some(read)
}

/// The character of the escape that begins here (`None`: it stands for nothing), and its length.
fn escape(rest: &[Letter]) -> Option<(Option<char>, usize)> {
    let at = |n: usize| rest.get(n).map(|letter| letter.c);
    let coded = |from: usize, n: usize, base: u32| {
        let code = number(rest.get(from..from + n)?, base)?;
        // A byte of a longer UTF-8 sequence is no letter of a key.
        Some((Some(char::from_u32(code).unwrap_or('\u{fffd}')), from + n))
    };
    match rest[0].c {
        '%' if at(1) == Some('u') => coded(2, 4, 16),
        '=' if at(1) == Some('\n') => Some((None, 2)),
        '=' if at(1) == Some('\r') && at(2) == Some('\n') => Some((None, 3)),
        '%' | '=' => coded(1, 2, 16),
        '0' if matches!(at(1), Some('x' | 'X')) => coded(2, 2, 16),
        'U' if at(1) == Some('+') => coded(2, 4, 16),
        '\\' => match at(1)? {
            'u' if at(2) == Some('{') => {
                let end = rest.iter().take(12).position(|letter| letter.c == '}')?;
                coded(3, end - 3, 16).map(|(c, used)| (c, used + 1))
            }
            'u' => coded(2, 4, 16),
            'U' => coded(2, 8, 16),
            'x' => coded(2, 2, 16),
            '0'..='7' => coded(1, 6, 16)
                .filter(|_| at(1) == Some('0') && at(2) == Some('0') && at(3) == Some('0'))
                .or_else(|| coded(1, 3, 8)),
            'n' | 'r' | 't' | 'b' | 'f' | 'v' => Some((None, 2)),
            other => Some((Some(other), 2)),
        },
        '&' => {
            let end = rest.iter().take(12).position(|letter| letter.c == ';')?;
            let code = match (at(1)?, at(2)?) {
                ('#', 'x' | 'X') => number(rest.get(3..end)?, 16)?,
                ('#', _) => number(rest.get(2..end)?, 10)?,
                // An ampersand may begin another escape; no other name is a letter of a key.
                _ if rest[1..end].iter().map(|letter| letter.c).eq("amp".chars()) => u32::from('&'),
                _ if end > 1 && rest[1..end].iter().all(|l| l.c.is_ascii_alphabetic()) => {
                    return Some((None, end + 1));
                }
                _ => return None,
            };
            Some((char::from_u32(code), end + 1))
        }
        // The end or the beginning of an HTML element.
        '<' => {
            let end = rest.iter().take(12).position(|letter| letter.c == '>')?;
            let is_name = |letter: &Letter| letter.c.is_ascii_alphanumeric() || letter.c == '/';
            (end > 1 && rest[1..end].iter().all(is_name)).then_some((None, end + 1))
        }
        c => plain(c).filter(|simple| *simple != c).map(|simple| (Some(simple), 1)),
    }
}

fn number(digits: &[Letter], base: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits
        .iter()
        .try_fold(0_u32, |sum, letter| sum.checked_mul(base)?.checked_add(letter.c.to_digit(base)?))
}

/// The ASCII character that an ornamented one stands for; `None`: it is none.
fn plain(c: char) -> Option<char> {
    const SMALL_AND_LARGE: [u8; 52] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let code = c as u32;
    let ascii = |code: u32| u8::try_from(code).ok().map(char::from);
    match code {
        // Full width.
        0xff01..=0xff5e => ascii(code - 0xfee0),
        // Mathematical letters and digits, in 13 styles and 5.
        0x1d400..=0x1d6a3 => Some(char::from(SMALL_AND_LARGE[((code - 0x1d400) % 52) as usize])),
        0x1d7ce..=0x1d7ff => ascii(0x30 + (code - 0x1d7ce) % 10),
        // In circles.
        0x24b6..=0x24cf => ascii(0x41 + code - 0x24b6),
        0x24d0..=0x24e9 => ascii(0x61 + code - 0x24d0),
        // Tags, which nobody sees.
        0xe0020..=0xe007e => ascii(code - 0xe0000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_at_their_places() {
        let check = |text: &str, expected: &[&str]| {
            let mut readings = Vec::new();
            for_each_reading(text, |letters| {
                readings.push(letters.iter().map(|letter| letter.c).collect::<String>());
                let places = letters.iter().map(|letter| letter.place());
                assert!(places.into_iter().all(|place| text.get(place).is_some()), "{text}");
            });
            assert_eq!(readings, [&[text], expected].concat(), "{text}");
        };
        check("plain, 100 % &c <or> so", &["plain, 100 % &c  so"]);
        check("a%2Fb%2fc", &["a/b/c"]);
        check("%2541", &["%41", "A"]);
        check(r"\u0041\/\x42\103\u{44}\U00000045\n.", &["A/BCDE."]);
        check("&#65;&#x42;&sol;C", &["ABC"]);
        check("=41=\nB=\r\nC", &["ABC"]);
        check("0x41, U+0042", &["A, B"]);
        check("ＡＢ𝐂𝟏ⓓ\u{e0065}", &["ABC1de"]);
        check("s<b>k</b><wbr>-1", &["sk-1"]);
        // Nothing is made of what is cut.
        for cut in ["%", "%4", "\\", "\\u00", "&#", "&#x", "&", "<", "=", "0x"] {
            check(cut, &[]);
        }
    }
}
