//! Removes a key from what its provider says.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::forms::{Forms, Stretch};
use super::letters::for_each_reading;
use super::masked::Ends;
use crate::client::{AttemptRecord, Outcome};
use crate::wire::Answer;

/// The replacement of a key.
const MARK: &str = "[key]";
/// A shorter key is a placeholder, such as `EMPTY` for a server on this machine. It is no secret, and
/// an answer may contain the same word.
const LEAST_SECRET: usize = 16;
/// A key of letters and digits may be shorter.
const LEAST_MIXED: usize = 12;
/// The least that is removed of an error: below it, a placeholder is any word.
const LEAST_PLACEHOLDER: usize = 6;
/// Bytes that are looked at together, and how much of them again with the next.
const PART: usize = 1 << 20;
const OVERLAP: usize = 1 << 14;

/// Removes one key.
#[derive(Clone, Debug)]
pub struct Redactor(Arc<Inner>);

#[derive(Debug)]
enum Inner {
    Secret(Forms, Ends),
    Placeholder(SecretString),
}

/// Whether a text may have been cut within a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Whole,
    Cut,
}

impl Redactor {
    #[must_use]
    pub fn new(key: &SecretString) -> Self {
        let exposed = key.expose_secret();
        Self(Arc::new(if is_placeholder(exposed) {
            Inner::Placeholder(key.clone())
        } else {
            Inner::Secret(Forms::new(exposed), Ends::new(exposed))
        }))
    }

    /// Removes the key from a message or a document of its provider.
    #[must_use]
    pub fn clean(&self, said: &str) -> String {
        self.without(said, Text::Cut).unwrap_or_else(|| said.to_owned())
    }

    /// Removes the key from everything that a record holds of a response.
    pub(crate) fn clean_record(&self, record: &mut AttemptRecord) {
        match &mut record.outcome {
            Outcome::Answered(answer) => self.clean_answer(answer),
            Outcome::Failed { detail, partial, .. } => {
                if let Some(clean) = self.without(detail, Text::Cut) {
                    *detail = clean;
                }
                self.clean_answer(partial);
            }
        }
    }

    fn clean_answer(&self, answer: &mut Answer) {
        if matches!(*self.0, Inner::Placeholder(_)) {
            return;
        }
        let clean = |text: &mut String| {
            if let Some(clean) = self.without(text, Text::Whole) {
                *text = clean;
            }
        };
        // Every field, so that the next one is not forgotten.
        let Answer {
            text,
            reasoning,
            refusal,
            tool_calls,
            finish_reason: _,
            response_model,
            served_by,
            usage: _,
            usage_verbatim,
            cost_reported: _,
            inline_reasoning: _,
            is_malformed_call: _,
            unknown_events: _,
            usage_faults: _,
            output_counts: _,
        } = answer;
        [text, reasoning, refusal].into_iter().for_each(clean);
        for call in tool_calls {
            [&mut call.id, &mut call.name, &mut call.arguments].into_iter().for_each(clean);
        }
        [response_model, served_by].into_iter().flatten().for_each(clean);
        if let Some(clean) = usage_verbatim.as_deref().and_then(|u| self.without(u, Text::Whole)) {
            // What stood across its fields leaves no JSON behind.
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&clean).is_ok();
            *usage_verbatim = is_json.then_some(clean);
        }
    }

    /// The text without the key; `None`: it has none of it.
    fn without(&self, said: &str, cut: Text) -> Option<String> {
        let mut found = Vec::new();
        match &*self.0 {
            Inner::Placeholder(word) => find_word(said, word.expose_secret(), &mut found),
            Inner::Secret(forms, ends) => {
                for (from, part) in parts(said) {
                    let before = found.len();
                    for_each_reading(part, |letters| {
                        forms.find(letters, &mut found);
                        ends.find(letters, &mut found);
                        if cut == Text::Cut {
                            forms.find_cut(letters, &mut found);
                        }
                    });
                    for stretch in &mut found[before..] {
                        stretch.place = stretch.place.start + from..stretch.place.end + from;
                    }
                }
            }
        }
        (!found.is_empty()).then(|| replaced(said, found))
    }
}

fn is_placeholder(key: &str) -> bool {
    let is_mixed = key.contains(|c: char| c.is_ascii_digit())
        && key.contains(|c: char| c.is_ascii_alphabetic());
    key.len() < if is_mixed { LEAST_MIXED } else { LEAST_SECRET }
}

/// A long text in parts that overlap, each with where it begins.
fn parts(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let boundary =
        |at: usize| (at.min(text.len())..=text.len()).find(|at| text.is_char_boundary(*at));
    (0..=text.len() / PART).filter_map(move |n| {
        let from = boundary(n * PART)?;
        let to = boundary(from + PART + OVERLAP)?;
        Some((from, &text[from..to]))
    })
}

/// A placeholder where it stands as a word.
fn find_word(said: &str, word: &str, found: &mut Vec<Stretch>) {
    if word.len() < LEAST_PLACEHOLDER {
        return;
    }
    for (at, _) in said.match_indices(word) {
        let end = at + word.len();
        let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        if !is_letter(said[..at].chars().next_back()) && !is_letter(said[end..].chars().next()) {
            found.push(Stretch { place: at..end, is_blob: false });
        }
    }
}

/// The text with a mark in place of each stretch; stretches with nothing but signs between them
/// become one.
fn replaced(said: &str, mut found: Vec<Stretch>) -> String {
    let bytes = said.as_bytes();
    let is_letter = |byte: &&u8| byte.is_ascii_alphanumeric();
    let is_of_blob = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/=_-".contains(byte);
    for stretch in found.iter_mut().filter(|stretch| stretch.is_blob) {
        let place = &mut stretch.place;
        place.start -= bytes[..place.start].iter().rev().take_while(is_letter).count();
        place.end += bytes[place.end..].iter().take_while(is_of_blob).count();
    }
    found.sort_by_key(|stretch| (stretch.place.start, stretch.place.end));
    let mut clean = String::with_capacity(said.len());
    let mut done = 0;
    for Stretch { place, .. } in found {
        if place.end <= done {
            continue;
        }
        let between = &said[done.min(place.start)..place.start];
        let is_apart =
            done == 0 || between.contains(char::is_alphanumeric) || between.contains(' ');
        if place.start >= done && is_apart {
            clean.push_str(between);
            clean.push_str(MARK);
        }
        done = place.end;
    }
    clean.push_str(&said[done..]);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-Zq81/xW+7Lmn94tRvB2c";

    #[track_caller]
    fn check_key(key: &str, said: &str, kept: &str) {
        assert_eq!(Redactor::new(&key.into()).clean(said), kept);
    }

    #[track_caller]
    fn check(said: &str, kept: &str) {
        check_key(KEY, said, kept);
    }

    #[test]
    fn a_key_goes_in_any_case_with_anything_between() {
        check("no such model; see the reference", "no such model; see the reference");
        check("Authorization: Bearer sk-Zq81/xW+7Lmn94tRvB2c!", "Authorization: Bearer [key]!");
        check("authorization: bearer SK-ZQ81/XW+7LMN94TRVB2C", "authorization: bearer [key]");
        check("naïve ‹sk-Zq81/xW+7Lmn94tRvB2c›", "naïve ‹[key]›");
        check("s k - Z q 8 1 / x W + 7 L m n 9 4 t R v B 2 c.", "[key].");
        check("sk-Zq81/x\u{200b}W+7Lmn\n94tRvB2c", "[key]");
        check("two: sk-Zq81/xW+7Lmn94tRvB2c,sk-Zq81/xW+7Lmn94tRvB2c", "two: [key]");
    }

    #[test]
    fn long_stretches_go_and_short_ones_stay() {
        check("you sent sk-Zq81/xW+7L", "you sent [key]");
        check(
            "\"first\": \"sk-Zq81/xW\", \"last\": \"94tRvB2c\"",
            "\"first\": \"[key]\", \"last\": \"[key]\"",
        );
        check("sk- is how it begins, vB2c how it ends", "sk- is how it begins, vB2c how it ends");
        // Cut to length within the key.
        check("HTTP 401: bearer sk-Zq8", "HTTP 401: bearer [key]");
        check("HTTP 401: bearer sk-", "HTTP 401: bearer sk-");
        check("HTTP 401: bearer sk-Zq…", "HTTP 401: bearer [key]");
    }

    #[test]
    fn masked_keys_go_as_one() {
        check("wrong key: sk-Z****vB2c", "wrong key: [key]");
        check("wrong key: sk-Z...vB2c.", "wrong key: [key].");
        check("wrong key: sk-Zq81/…", "wrong key: [key]");
        check("wrong key: …vB2c", "wrong key: [key]");
        check("wrong key: ************vB2c)", "wrong key: [key])");
        check("wrong key: sk-xxxxxxvB2c", "wrong key: [key]");
        check("the key ending in 'vB2c' is spent", "the key ending in '[key]' is spent");
        check("your key sk-... is **not** known", "your key sk-... is **not** known");
    }

    #[test]
    fn words_stay_whole() {
        let key = "sk-litellm-master-1234";
        let check = |said: &str, kept: &str| check_key(key, said, kept);
        check("litellm.BadRequestError: master is 1234", "litellm.BadRequestError: master is 1234");
        check("LiteLLM Master", "LiteLLM Master");
        check("no key, 41234 tokens, ...1234", "no key, 41234 tokens, [key]");
        check("Bearer sk-litellm-master-1234", "Bearer [key]");
        check_key(
            "sk-prod-latest-key-fastest",
            "Loading...fastest **fastest** model",
            "Loading...fastest **fastest** model",
        );
        check_key(
            "sk-12345678901234567890",
            "sent 1234567 and 12345678901",
            "sent 1234567 and 12345678901",
        );
        check_key("sk-12345678901234567890", "sk-12345678901234567890", "[key]");
    }

    #[test]
    fn a_placeholder_goes_as_a_word_of_errors_alone() {
        check_key("sk-1234", "bad sk-1234, not sk-12345", "bad [key], not sk-12345");
        check_key("EMPTY", "EMPTY", "EMPTY");
        let answer = |key: &str| {
            let mut answer = Answer { text: format!("It is {key}."), ..Answer::default() };
            Redactor::new(&key.into()).clean_answer(&mut answer);
            answer.text
        };
        assert_eq!(answer(KEY), "It is [key].");
        assert_eq!(answer("sk-1234"), "It is sk-1234.");
    }

    #[test]
    fn encodings_go_with_what_is_left_of_their_groups() {
        check("?key=sk-Zq81%2FxW%2B7Lmn94tRvB2c", "?key=[key]");
        check("%73%6B%2D%5A%71%38%31%2F%78%57%2B%37%4C%6D%6E%39%34%74%52%76%42%32%63", "[key]");
        // "Bearer sk-…", and the key alone.
        check("<QmVhcmVyIHNrLVpxODEveFcrN0xtbjk0dFJ2QjJj>", "<[key]>");
        check("c2stWnE4MS94Vys3TG1uOTR0UnZCMmM= is it", "[key] is it");
        check("at 736B2D5A7138312F78572B374C6D6E393474527642 32 63", "at [key]");
    }

    /// A model that repeats one letter for ever: in the square of its length, this takes minutes.
    #[test]
    fn a_letter_that_repeats_takes_no_longer() {
        for letter in ["[", " ", "a", "\n", "*", "x", "%", "\\"] {
            let said = letter.repeat(PART);
            assert_eq!(Redactor::new(&KEY.into()).clean(&said), said);
        }
    }

    #[test]
    fn a_long_text_is_cleaned_to_its_end() {
        let said = format!("{}{KEY}{}", "é ".repeat(PART / 3), "x ".repeat(PART));
        let clean = Redactor::new(&KEY.into()).clean(&said);
        assert_eq!((clean.matches(MARK).count(), clean.contains("Zq81")), (1, false));
        let usage =
            format!("{{\"a\":\"sk-Zq81\",\"/xW+\":\"7Lmn94tRvB2c\",\"n\":1,\"x\":\"{KEY}\"}}");
        let mut answer = Answer { usage_verbatim: Some(usage), ..Answer::default() };
        Redactor::new(&KEY.into()).clean_answer(&mut answer);
        assert!(answer.usage_verbatim.is_none_or(|u| !u.contains("Zq81") && !u.contains("Lmn")));
    }
}
