//! A key in all its encodings, and where a text has stretches of them.

use std::collections::HashMap;
use std::ops::Range;

use super::encodings;
use super::letters::Letter;

/// Letters that are compared at a time.
const WINDOW: usize = encodings::LEAST;
/// The bits of a window as a number.
const MASK: u64 = (1 << (8 * WINDOW)) - 1;
/// Letters in sequence of words that the key is made of, before they are taken for the key.
const WORDS: usize = 20;
/// The longest run of letters of one case that is taken for a word.
const LONGEST_WORD: usize = 12;
/// How every key of a provider begins; the longest first.
const BEGINNINGS: [&str; 20] = [
    "sk-ant-admin01-",
    "sk-ant-api03-",
    "sk-svcacct-",
    "sk-admin-",
    "sk-or-v1-",
    "sk-proj-",
    "sk-None-",
    "tgp_v1_",
    "nvapi-",
    "AIzaSy",
    "pplx-",
    "eyJhbGciOi",
    "gsk_",
    "csk-",
    "xai-",
    "fw_",
    "hf_",
    "r8_",
    "pk-",
    "sk-",
];

/// A stretch of a text that is the key or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub place: Range<usize>,
    /// Whether it is part of one word, all of which is an encoding.
    pub is_blob: bool,
}

/// A key in all its encodings.
pub(super) struct Forms {
    windows: HashMap<u64, Window>,
    /// Two bits for each window: most text needs no look at the map.
    filter: Box<[u64]>,
    /// The beginnings of forms, for texts that are cut within one.
    heads: Vec<Vec<u8>>,
    /// Letters at the key's beginning that every key of its provider has.
    common: usize,
}

/// What one window of a form says.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// The letters in sequence, this window among them, that are no chance.
    least: u16,
    is_blob: bool,
}

impl std::fmt::Debug for Forms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Forms")
    }
}

impl Forms {
    /// Those of a key.
    pub fn new(key: &str) -> Self {
        Self::of(key, &telling(key))
    }

    /// Those of a text of which every word counts.
    pub fn of_content(text: &str) -> Self {
        Self::of(text, &vec![true; text.len()])
    }

    /// `telling`: for each letter, whether a window with it is no chance.
    fn of(key: &str, telling: &[bool]) -> Self {
        let common = beginning(key).bytes().filter(u8::is_ascii_alphanumeric).count();
        let mut forms = Self {
            windows: HashMap::new(),
            filter: vec![0; 1 << 12].into_boxed_slice(),
            heads: Vec::new(),
            common,
        };
        let letters = skeleton(key);
        for (at, window) in letters.windows(WINDOW).enumerate() {
            // Digits alone may be any number.
            let is_telling =
                telling[at..at + WINDOW].contains(&true) && !window.iter().all(u8::is_ascii_digit);
            let least = if is_telling { WINDOW } else { WORDS.min(letters.len()) };
            forms.add(window, least, false);
        }
        forms.heads.push(letters);
        for encoded in encodings::all(key) {
            let letters = skeleton(&encoded.text);
            for window in letters.windows(WINDOW) {
                forms.add(window, encoded.least, encoded.is_blob);
            }
            forms.heads.push(letters.into_iter().take(encoded.least).collect());
        }
        forms
    }

    fn add(&mut self, window: &[u8], least: usize, is_blob: bool) {
        let number = window.iter().fold(0, |number, letter| number << 8 | u64::from(*letter));
        // Digits alone may be any number.
        let is_number = window.iter().all(u8::is_ascii_digit);
        let least = if is_number { least.max(WORDS) } else { least };
        let least = u16::try_from(least).unwrap_or(u16::MAX);
        let known = self.windows.entry(number).or_insert(Window { least, is_blob });
        known.least = known.least.min(least);
        for bit in bits(number) {
            self.filter[bit >> 6] |= 1 << (bit & 63);
        }
    }

    fn window(&self, number: u64) -> Option<Window> {
        let is_set = |bit: usize| self.filter[bit >> 6] >> (bit & 63) & 1 == 1;
        if !bits(number).into_iter().all(is_set) {
            return None;
        }
        self.windows.get(&number).copied()
    }

    /// Finds the stretches of a reading.
    pub fn find(&self, letters: &[Letter], found: &mut Vec<Stretch>) {
        let (mut number, mut n) = (0_u64, 0_usize);
        let mut starts = [0_usize; WINDOW];
        let mut run: Option<Run> = None;
        for letter in letters.iter().filter(|letter| letter.c.is_ascii_alphanumeric()) {
            number = (number << 8 | u64::from(letter.c.to_ascii_lowercase() as u8)) & MASK;
            let place = letter.place();
            starts[n % WINDOW] = place.start;
            n += 1;
            if n < WINDOW {
                continue;
            }
            match (self.window(number), &mut run) {
                (Some(window), Some(run)) => run.go_on(window, place.end),
                (Some(window), None) => {
                    run = Some(Run::new(window, starts[n % WINDOW]..place.end));
                }
                (None, _) => found.extend(run.take().and_then(Run::end)),
            }
        }
        found.extend(run.and_then(Run::end));
    }

    /// Finds the beginning of the key, or of an encoding, with which a text ends that was cut.
    pub fn find_cut(&self, letters: &[Letter], found: &mut Vec<Stretch>) {
        let last: Vec<Letter> = letters
            .iter()
            .rev()
            .filter(|letter| letter.c.is_ascii_alphanumeric())
            .take(64)
            .copied()
            .collect();
        let word: Vec<u8> =
            last.iter().rev().map(|letter| letter.c.to_ascii_lowercase() as u8).collect();
        // Of the key itself, two letters beyond what all keys have; of an encoding, five.
        let least = |at: usize| if at == 0 { (self.common + 2).max(4) } else { 5 };
        let longest = self.heads.iter().enumerate().filter_map(|(at, head)| {
            (least(at)..=head.len()).rev().find(|n| word.ends_with(&head[..*n]))
        });
        if let Some(n) = longest.max() {
            let place = last[n - 1].place().start..last[0].place().end;
            found.push(Stretch { place, is_blob: false });
        }
    }
}

/// Windows in sequence.
struct Run {
    place: Range<usize>,
    letters: usize,
    least: u16,
    is_blob: bool,
}

impl Run {
    fn new(window: Window, place: Range<usize>) -> Self {
        Self { place, letters: WINDOW, least: window.least, is_blob: window.is_blob }
    }

    fn go_on(&mut self, window: Window, end: usize) {
        self.place.end = end;
        self.letters += 1;
        self.least = self.least.min(window.least);
        self.is_blob |= window.is_blob;
    }

    fn end(self) -> Option<Stretch> {
        let Self { place, is_blob, .. } = self;
        (self.letters >= usize::from(self.least)).then_some(Stretch { place, is_blob })
    }
}

/// Where the filter has a window.
fn bits(number: u64) -> [usize; 2] {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [(mixed >> 46) as usize, (mixed >> 24) as usize & 0x3_ffff]
}

/// The letters and digits in lower case.
pub(super) fn skeleton(text: &str) -> Vec<u8> {
    text.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase()).collect()
}

/// What the key has in common with all keys of its provider.
pub(super) fn beginning(key: &str) -> &'static str {
    BEGINNINGS.into_iter().find(|beginning| key.starts_with(beginning)).unwrap_or_default()
}

/// For each letter of the skeleton, whether it tells this key from words and from other keys.
fn telling(key: &str) -> Vec<bool> {
    let bytes = key.as_bytes();
    let mut telling: Vec<bool> = bytes.iter().map(u8::is_ascii_alphanumeric).collect();
    telling[..beginning(key).len()].fill(false);
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        // A word may begin with a capital.
        let small = rest.iter().skip(1).take_while(|b| b.is_ascii_lowercase()).count();
        let large = rest.iter().take_while(|b| b.is_ascii_uppercase()).count();
        let length = match rest[0] {
            b'A'..=b'Z' if large > 1 => large,
            b'a'..=b'z' | b'A'..=b'Z' => 1 + small,
            _ => 1,
        };
        if (3..=LONGEST_WORD).contains(&length) {
            telling[at..at + length].fill(false);
        }
        at += length;
    }
    let letters = bytes.iter().zip(telling).filter(|(byte, _)| byte.is_ascii_alphanumeric());
    letters.map(|(_, is_telling)| is_telling).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_do_not_tell_a_key() {
        let check = |key: &str, expected: &str| {
            let letters = skeleton(key).into_iter().zip(telling(key));
            let shown: String =
                letters.map(|(c, is)| if is { char::from(c) } else { '.' }).collect();
            assert_eq!(shown, expected, "{key}");
        };
        check("sk-litellm-master-1234", "...............1234");
        check("sk-or-v1-0a1b2c3d", "......0a1b2c3d");
        check("sk-Zq81/xW+7Lmn94tRvB2c", "..zq81xw7...94trvb2c");
        check("AIzaSyD-9tSrke72PouQMnMX", "......d9t....72...qmnmx");
    }
}
