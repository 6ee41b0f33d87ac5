//! A response may contain the key that was sent: an error that quotes the request's headers, a
//! proxy's page that shows them. The key is removed before anything is recorded or shown.

use std::collections::BTreeSet;
use std::fmt::Write;

use secrecy::{ExposeSecret, SecretString};

use crate::client::{AttemptRecord, Outcome};
use crate::wire::Answer;

/// The replacement of a key.
const MARK: &str = "[key]";
/// Bytes of a key that are recognised in an error. Providers show the last four characters of a
/// key that they mask, and an error that is cut to length may end within the key.
const FRAGMENT: usize = 4;
/// The same for an encoded key. Providers do not mask those, and shorter runs occur in words.
const ENCODED_FRAGMENT: usize = 8;
/// A shorter key is a placeholder, such as `EMPTY` for a server on this machine. It is no secret, and
/// an answer may contain the same word.
const LEAST_SECRET: usize = 16;

/// Removes one key from its provider's responses.
#[derive(Clone, Debug)]
pub(super) struct Redactor(SecretString);

impl Redactor {
    pub(super) fn new(key: &SecretString) -> Self {
        Self(key.clone())
    }

    /// Removes the key from a record: from errors every recognisable part of it, from answers the
    /// whole key.
    pub(super) fn clean(&self, record: &mut AttemptRecord) {
        match &mut record.outcome {
            Outcome::Answered(answer) => self.clean_answer(answer),
            Outcome::Failed { detail, partial, .. } => {
                *detail = without_fragments(detail, self.0.expose_secret());
                self.clean_answer(partial);
            }
        }
    }

    fn clean_answer(&self, answer: &mut Answer) {
        let key = self.0.expose_secret();
        if key.len() < LEAST_SECRET {
            return;
        }
        let clean = |text: &mut String| {
            if text.contains(key) {
                *text = text.replace(key, MARK);
            }
        };
        [&mut answer.text, &mut answer.reasoning, &mut answer.refusal].into_iter().for_each(clean);
        for call in &mut answer.tool_calls {
            [&mut call.id, &mut call.name, &mut call.arguments].into_iter().for_each(clean);
        }
        [&mut answer.response_model, &mut answer.served_by, &mut answer.usage_verbatim]
            .into_iter()
            .flatten()
            .for_each(clean);
    }
}

/// The text with every run of it that stands in the key, or in one of the forms in which a key
/// travels, replaced by a mark. Upper and lower case are taken as the same.
fn without_fragments(text: &str, key: &str) -> String {
    let lower = text.to_ascii_lowercase().into_bytes();
    let mut is_key = vec![false; lower.len()];
    let mut mark = |forms: &[Vec<u8>], length: usize| {
        let fragments: BTreeSet<&[u8]> =
            forms.iter().flat_map(|form| form.windows(length)).collect();
        for (at, window) in lower.windows(length).enumerate() {
            if fragments.contains(window) {
                is_key[at..at + length].fill(true);
            }
        }
    };
    mark(&[key.to_ascii_lowercase().into_bytes()], FRAGMENT);
    mark(&encoded(key), ENCODED_FRAGMENT);
    let mut clean = String::with_capacity(text.len());
    let mut inside = false;
    for (at, letter) in text.char_indices() {
        // A character of several bytes goes as a whole where any of its bytes does.
        let goes = is_key[at..at + letter.len_utf8()].contains(&true);
        match (goes, inside) {
            (true, false) => clean.push_str(MARK),
            (true, true) => {}
            (false, _) => clean.push(letter),
        }
        inside = goes;
    }
    clean
}

/// The key in percent encoding, in hexadecimal, and in Base64 at each of the three places at which
/// it may begin within a group; all in lower case.
fn encoded(key: &str) -> Vec<Vec<u8>> {
    let bytes = key.as_bytes();
    let percent: String = bytes
        .iter()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(*b).to_string()
            }
            other => format!("%{other:02x}"),
        })
        .collect();
    let hex = bytes.iter().fold(String::new(), |mut hex, b| {
        let _ = write!(hex, "{b:02x}");
        hex
    });
    let mut forms = vec![percent, hex];
    for skipped in 0..bytes.len().min(3) {
        for last in ["+/", "-_"] {
            forms.push(base64(&bytes[skipped..], last));
        }
    }
    forms.into_iter().map(|form| form.to_ascii_lowercase().into_bytes()).collect()
}

/// Base64 of the whole groups of three; what is left over depends on what follows.
fn base64(bytes: &[u8], last: &str) -> String {
    let alphabet = format!("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789{last}")
        .into_bytes();
    let digit = |bits: u32| char::from(alphabet[(bits & 63) as usize]);
    bytes
        .chunks_exact(3)
        .map(|group| group.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)))
        .flat_map(|bits| [18, 12, 6, 0].map(|shift| digit(bits >> shift)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-Zq81/xW+7Lmn94tRvB2c";

    #[test]
    fn errors_lose_every_part_of_a_key() {
        let check = |said: &str, kept: &str| assert_eq!(without_fragments(said, KEY), kept);
        check("no such model; see the reference", "no such model; see the reference");
        check("Authorization: Bearer sk-Zq81/xW+7Lmn94tRvB2c!", "Authorization: Bearer [key]!");
        check("authorization: bearer SK-ZQ81/XW+7LMN94TRVB2C", "authorization: bearer [key]");
        check("you sent sk-Zq81/xW+7L", "you sent [key]");
        check("wrong key: sk-Z****vB2c", "wrong key: [key]****[key]");
        check("?key=sk-Zq81%2FxW%2B7Lmn94tRvB2c", "?key=[key]");
        check("naïve ‹sk-Zq81/xW+7Lmn94tRvB2c›", "naïve ‹[key]›");
    }

    #[test]
    fn encodings_of_a_key_are_known() {
        // RFC 4648, section 10.
        assert_eq!(base64(b"foobar", "+/"), "Zm9vYmFy");
        assert_eq!(base64(&[0xfb, 0xff, 0xfe], "-_"), "-__-");
        let check = |said: &str| {
            let kept = without_fragments(said, "correct horse battery");
            assert!(kept.len() < said.len() / 2, "{kept}");
        };
        check("636f727265637420686f7273652062617474657279");
        // "Bearer correct horse battery", and the key alone.
        check("mVyciBjb3JyZWN0IGhvcnNlIGJhdHRlcnk");
        check("Y29ycmVjdCBob3JzZSBiYXR0ZXJ5");
    }

    #[test]
    fn answers_lose_a_secret_and_keep_a_stand_in() {
        let answer = |key: &str| {
            let redactor = Redactor::new(&SecretString::from(key.to_owned()));
            let mut answer = Answer { text: format!("It is {key}."), ..Answer::default() };
            redactor.clean_answer(&mut answer);
            answer.text
        };
        assert_eq!(answer(KEY), "It is [key].");
        assert_eq!(answer("EMPTY"), "It is EMPTY.");
    }
}
