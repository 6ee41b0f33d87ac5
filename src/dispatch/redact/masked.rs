//! Keys that a provider shows as masked: `sk-ab…1234`, `****1234`, "the key ending in 1234".

use std::ops::Range;

use super::forms::{Stretch, beginning};
use super::letters::Letter;

/// Letters before a shown end in which `ending` is looked for.
const NEAR: usize = 24;

/// The ends of a key, to recognise its masked forms.
pub(super) struct Ends {
    key: Vec<char>,
    common: usize,
}

impl std::fmt::Debug for Ends {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ends")
    }
}

impl Ends {
    pub fn new(key: &str) -> Self {
        Self { key: key.chars().collect(), common: beginning(key).chars().count() }
    }

    /// Finds the masked forms in a reading.
    pub fn find(&self, letters: &[Letter], found: &mut Vec<Stretch>) {
        let mut at = 0;
        while at < letters.len() {
            let n = mask(&letters[at..]);
            if n > 0 {
                found.extend(self.around(letters, at..at + n));
            }
            at += n.max(1);
        }
        self.find_told(letters, found);
    }

    /// What of the key stands around a mask.
    fn around(&self, letters: &[Letter], mask: Range<usize>) -> Option<Stretch> {
        let before = self.before(&letters[..mask.start]);
        let after = self.after(&letters[mask.end..]);
        let is_strong = letters[mask.clone()].iter().any(|l| "*•●".contains(l.c)) && mask.len() > 3;
        let shown = &self.key[self.key.len() - after..];
        let tells = is_strong || !is_word(shown);
        let is_masked = before > self.common.max(2)
            || before > 0 && after >= 2 && before + after >= 4
            || after >= 3 && tells;
        let all = &letters[mask.start - before..mask.end + after];
        let place = all.first()?.place().start..all.last()?.place().end;
        is_masked.then_some(Stretch { place, is_blob: false })
    }

    /// Letters at the end of these with which the key begins, as a word of its own.
    fn before(&self, letters: &[Letter]) -> usize {
        let most = self.key.len().min(letters.len());
        let is_it = |n: &usize| {
            let (rest, shown) = letters.split_at(letters.len() - n);
            shown.iter().zip(&self.key).all(|(letter, c)| same(letter.c, *c))
                && rest.last().is_none_or(|letter| !letter.c.is_alphanumeric())
        };
        (1..=most).rev().find(is_it).unwrap_or(0)
    }

    /// Letters at the beginning of these with which the key ends, to the end of a word.
    fn after(&self, letters: &[Letter]) -> usize {
        let most = self.key.len().min(letters.len());
        let is_it = |n: &usize| {
            let end = &self.key[self.key.len() - n..];
            letters.iter().zip(end).all(|(letter, c)| same(letter.c, *c))
                && letters.get(*n).is_none_or(|letter| !letter.c.is_alphanumeric())
        };
        (1..=most).rev().find(is_it).unwrap_or(0)
    }

    /// Words that are an end of the key where the text says so.
    fn find_told(&self, letters: &[Letter], found: &mut Vec<Stretch>) {
        let is_part = |letter: &Letter| letter.c.is_alphanumeric() || "-_".contains(letter.c);
        let mut at = 0;
        while at < letters.len() {
            let n = letters[at..].iter().take_while(|letter| is_part(letter)).count();
            let word = &letters[at..at + n];
            if n >= 3 {
                let near = &letters[at.saturating_sub(NEAR)..at];
                let says = |what: &str| contains(near, what);
                let is_end = self.after(word) == n && !is_word(&self.key[self.key.len() - n..]);
                let is_start = n > self.common.max(2) && self.before(word) == n;
                if is_end && (says("end") || says("last") || says("suffix"))
                    || is_start && (says("start") || says("begin") || says("prefix"))
                {
                    let place = word[0].place().start..word[n - 1].place().end;
                    found.push(Stretch { place, is_blob: false });
                }
            }
            at += n.max(1);
        }
    }
}

/// Letters of the mask that begins here; 0: none does.
fn mask(rest: &[Letter]) -> usize {
    let first = rest[0].c;
    let least = match first {
        '…' => 1,
        '*' | '•' | '●' | '·' | '.' => 2,
        'x' | 'X' | '#' | '_' | '█' => 3,
        // No run is counted here: from each of its letters again, it would take their square.
        _ => return 0,
    };
    let same = rest.iter().take_while(|letter| letter.c == first).count();
    if same < least { 0 } else { same }
}

/// Whether it may be a word or a part of one: small letters, or capitals, alone.
fn is_word(shown: &[char]) -> bool {
    let small = |c: &char| c.is_ascii_lowercase() || !c.is_ascii_alphanumeric();
    shown.iter().skip(1).all(small) && shown.first().is_none_or(|c| !c.is_ascii_digit())
        || shown.iter().all(char::is_ascii_uppercase)
}

fn same(a: char, b: char) -> bool {
    a.eq_ignore_ascii_case(&b)
}

fn contains(letters: &[Letter], what: &str) -> bool {
    letters
        .windows(what.len())
        .any(|window| window.iter().zip(what.chars()).all(|(letter, c)| same(letter.c, c)))
}
