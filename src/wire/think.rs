//! Reasoning that stands in the content, between tags: taken out as it comes.
//!
//! Servers without a reasoning parser pass on what a model writes: `<think>…</think>` and then its
//! answer. Where the model's template writes the opening tag, only the closing one comes.

use super::answer::Answer;
use super::event_content::EventContent;

/// A pair of tags.
#[derive(Debug)]
struct Tag {
    open: &'static str,
    close: &'static str,
    /// Whether the closing tag may come alone.
    is_templated: bool,
}

/// The tags of the models that servers and clients in public use know.
static TAGS: [Tag; 10] = [
    Tag { open: "<think>", close: "</think>", is_templated: true },
    Tag { open: "<thinking>", close: "</thinking>", is_templated: false },
    Tag { open: "<thought>", close: "</thought>", is_templated: false },
    Tag { open: "<reasoning>", close: "</reasoning>", is_templated: false },
    // Of chat front ends that serve their models to others.
    Tag { open: "<details type=\"reasoning\"", close: "</details>", is_templated: false },
    Tag { open: "<|begin_of_thought|>", close: "<|end_of_thought|>", is_templated: false },
    Tag { open: "<unused94>", close: "<unused95>", is_templated: false },
    Tag { open: "<seed:think>", close: "</seed:think>", is_templated: true },
    Tag { open: "[THINK]", close: "[/THINK]", is_templated: true },
    Tag { open: "\u{25c1}think\u{25b7}", close: "\u{25c1}/think\u{25b7}", is_templated: true },
];

/// The bytes of the longest closing tag.
const LONGEST: usize = 16;

/// Takes reasoning out of the content of one answer, over any split into deltas.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    place: Place,
    /// The bytes of the content in which no closing tag begins.
    scanned: usize,
    /// Whether tags were seen.
    found: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    /// Before any content: a tag may open.
    #[default]
    Start,
    /// Between tags.
    Inside(&'static Tag),
    /// In content without an opening tag: a closing one may come.
    Outside,
    /// In the answer: no tag counts any more.
    Answer,
}

impl Splitter {
    /// Looks at content that grew, and brings what the event is said to hold in line. `alone`:
    /// whether the event holds nothing but that content.
    pub fn take(&mut self, answer: &mut Answer, seen: &mut EventContent, alone: bool) {
        if matches!(self.place, Place::Answer) {
            return;
        }
        let reasoned = answer.reasoning.len();
        loop {
            match self.place {
                Place::Start => {
                    if !self.start(&mut answer.text) {
                        break;
                    }
                }
                Place::Inside(tag) => {
                    if !inside(tag, answer) {
                        break;
                    }
                    self.place = Place::Start;
                }
                Place::Outside => {
                    if !self.outside(answer) {
                        break;
                    }
                    seen.all_reasoning = true;
                }
                Place::Answer => break,
            }
        }
        answer.inline_reasoning = self.found;
        let is_answer = matches!(self.place, Place::Outside | Place::Answer);
        seen.held = matches!(self.place, Place::Start) && !self.found;
        seen.reasoning |= !answer.reasoning[reasoned..].trim().is_empty();
        if alone {
            seen.output = is_answer && !answer.text.is_empty();
        }
    }

    /// Ends the answer: reasoning that was never closed is reasoning.
    pub fn finish(&mut self, answer: &mut Answer) {
        if matches!(self.place, Place::Inside(_)) {
            answer.reasoning.push_str(&answer.text);
            answer.text.clear();
        }
    }

    /// At the start of the content, or after reasoning: whether it is clear what comes.
    fn start(&mut self, text: &mut String) -> bool {
        let said = text.trim_start();
        for tag in &TAGS {
            if begins(said, tag.open) {
                *text = said[tag.open.len()..].to_owned();
                self.place = Place::Inside(tag);
                self.found = true;
                return true;
            }
            if self.found && begins(said, tag.close) {
                *text = said[tag.close.len()..].to_owned();
                return true;
            }
        }
        let may_be = |whole: &str| begins(whole, said);
        if TAGS.iter().any(|tag| may_be(tag.open) || (self.found && may_be(tag.close))) {
            return false;
        }
        if self.found {
            *text = said.to_owned();
        }
        self.place = if self.found { Place::Answer } else { Place::Outside };
        true
    }

    /// In content without an opening tag: whether a closing one came, so that all before it was
    /// reasoning.
    fn outside(&mut self, answer: &mut Answer) -> bool {
        let text = &answer.text;
        let mut from = self.scanned.saturating_sub(LONGEST).min(text.len());
        while !text.is_char_boundary(from) {
            from -= 1;
        }
        self.scanned = text.len();
        let closed = text[from..].match_indices(['<', '[', '\u{25c1}']).find_map(|(at, _)| {
            let rest = &text[from + at..];
            let is_closed = |tag: &&Tag| tag.is_templated && begins(rest, tag.close);
            TAGS.iter().find(is_closed).map(|tag| (from + at, tag))
        });
        let Some((at, tag)) = closed else { return false };
        let before = &text[..at];
        // An answer that speaks of the tags has them in pairs, or quoted.
        let is_quoted = before.ends_with(['`', '"', '\'', '\u{201c}']);
        if is_quoted || before.contains(tag.open) {
            self.place = Place::Answer;
            return false;
        }
        answer.reasoning.push_str(before);
        answer.text = text[at + tag.close.len()..].to_owned();
        self.found = true;
        self.place = Place::Start;
        true
    }
}

/// Between tags: moves what came to the reasoning; whether the tag was closed.
fn inside(tag: &Tag, answer: &mut Answer) -> bool {
    let text = &answer.text;
    let starts = || text.char_indices().map(|(at, _)| at);
    if let Some(at) = starts().find(|at| begins(&text[*at..], tag.close)) {
        answer.reasoning.push_str(&text[..at]);
        answer.text = text[at + tag.close.len()..].to_owned();
        return true;
    }
    // The end may be the beginning of the closing tag.
    let kept = starts().find(|at| begins(tag.close, &text[*at..])).unwrap_or(text.len());
    answer.reasoning.push_str(&text[..kept]);
    answer.text.drain(..kept);
    false
}

/// Whether a text begins with another; upper and lower case are the same.
fn begins(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reasoning and the answer of content that comes in these deltas.
    fn split(deltas: &[&str]) -> (String, String, Vec<EventContent>) {
        let (mut splitter, mut answer) = (Splitter::default(), Answer::default());
        let mut all = Vec::new();
        for delta in deltas {
            answer.text.push_str(delta);
            let mut seen = EventContent::default();
            seen.add(false, true);
            splitter.take(&mut answer, &mut seen, true);
            all.push(seen);
        }
        splitter.finish(&mut answer);
        (answer.reasoning, answer.text, all)
    }

    /// Whole, cut in two at each character, and character by character.
    fn check(said: &str, reasoning: &str, text: &str) {
        let is_it = |deltas: &[&str]| {
            let (thought, answer, _) = split(deltas);
            assert_eq!((&*thought, &*answer), (reasoning, text), "{deltas:?}");
        };
        is_it(&[said]);
        said.char_indices().for_each(|(at, _)| is_it(&[&said[..at], &said[at..]]));
        let each: Vec<String> = said.chars().map(String::from).collect();
        is_it(&each.iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn reasoning_between_tags_is_apart_under_every_split() {
        check("<think>\nLyon?\n</think>\n\nParis", "\nLyon?\n", "Paris");
        check("\n <THINK>a < b</Think>Paris <b>", "a < b", "Paris <b>");
        check("Lyon? no.\n</think>\n\nParis", "Lyon? no.\n", "Paris");
        check("<|begin_of_thought|>a<|end_of_thought|>\n\nParis", "a", "Paris");
        check("<unused94>thought\na<unused95>Paris", "thought\na", "Paris");
        check("</think>\n\nParis", "", "Paris");
        check("<think></think>\n\nParis", "", "Paris");
        check("<think>a</think>\n<think>b</think>\nParis", "ab", "Paris");
        check("<thinking>a</thinking>b", "a", "b");
        check("<thought>a</thought>b", "a", "b");
        check("<reasoning>a</reasoning>b", "a", "b");
        check("<seed:think>a</seed:think>b", "a", "b");
        check("[THINK]a[1][/THINK]b", "a[1]", "b");
        check("\u{25c1}think\u{25b7}a\u{25c1}/think\u{25b7}b", "a", "b");
        check("<think>never closed </thin", "never closed </thin", "");
    }

    #[test]
    fn an_answer_that_speaks_of_tags_is_one() {
        for said in [
            "Paris",
            "<thead>a</thead>",
            "<th",
            "Close it with `</think>` at last",
            "The pair <think>a</think> is a tag",
            "a </thinking> b",
            "[1, 2]",
            "",
            "\n\nParis\n",
        ] {
            check(said, "", said);
        }
        check("<think>a</think>The tag </think> ends it", "a", "The tag </think> ends it");
    }

    #[test]
    fn what_is_reasoning_is_no_output() {
        let (_, _, seen) = split(&["\n", "<thi", "nk>", "a", "</think>\n", "\n", "Paris", "!"]);
        let output: Vec<bool> = seen.iter().map(|seen| seen.output).collect();
        assert_eq!(output, [false, false, false, false, false, false, true, true]);
        let reasoning: Vec<bool> = seen.iter().map(|seen| seen.reasoning).collect();
        assert_eq!(reasoning, [false, false, false, true, false, false, false, false]);
        assert!(seen.iter().all(|seen| seen.token));
        let (_, _, seen) = split(&["\n", "P"]);
        assert!(seen[0].held && !seen[0].output && seen[1].output && !seen[1].held);
        let (_, _, seen) = split(&["a", "</think>", "P"]);
        assert!(seen[0].output && seen[1].all_reasoning && !seen[1].output && seen[2].output);
    }
}
