//! Counting tokens here, with the vocabularies that are public.
//!
//! OpenAI publishes its own; those of Claude and Gemini are secret, and open models have dozens. A
//! model whose vocabulary is not in the binary is counted with the nearest that is, and said so.

use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

use crate::units::{AnswerContent, Message};

/// Text is counted in pieces of at most so many bytes. What a model writes without a single break
/// must not cost a search that grows faster than it does; a cut may add a token.
const PIECE: usize = 4096;

/// What a message takes beside its text: two marks around its role, the role itself, and its end.
/// From OpenAI's cookbook, "How to count tokens with tiktoken"; other chat formats are alike.
const PER_MESSAGE: u64 = 4;

/// What the beginning of the answer takes, by the same source.
const PER_ANSWER: u64 = 3;

/// A vocabulary of byte-pair encoding that is in the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vocabulary {
    /// That of GPT-3.5 and GPT-4.
    Cl100k,
    /// That of GPT-4o and what OpenAI made since.
    O200k,
}

impl Vocabulary {
    /// The one for a model, and whether it is the model's own.
    #[must_use]
    pub fn of(model: &str) -> (Self, bool) {
        let name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        // The longer name first: gpt-4o is no gpt-4.
        if begins(&["gpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "gpt-oss", "chatgpt-4o", "codex-mini"])
        {
            return (Self::O200k, true);
        }
        if begins(&["gpt-4", "gpt-3.5", "gpt-35"]) {
            return (Self::Cl100k, true);
        }
        // o1, o3-mini, o4-mini: a letter and a figure.
        let is_o = name.strip_prefix('o').and_then(|rest| rest.chars().next());
        (Self::O200k, is_o.is_some_and(|figure| figure.is_ascii_digit()))
    }

    /// The name by which its maker calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cl100k => "cl100k_base",
            Self::O200k => "o200k_base",
        }
    }

    /// The tokens of a text.
    #[must_use]
    pub fn count(self, text: &str) -> u64 {
        if text.is_empty() {
            return 0;
        }
        let encoder: &CoreBPE = match self {
            Self::Cl100k => cl100k_base_singleton(),
            Self::O200k => o200k_base_singleton(),
        };
        pieces(text).map(|piece| encoder.count_ordinary(piece) as u64).sum()
    }

    /// The tokens of one message of a prompt, with what a chat format adds to it.
    #[must_use]
    pub fn message(self, text: &str) -> u64 {
        PER_MESSAGE + self.count(text)
    }

    /// The tokens of a prompt, with what a chat format adds to it.
    #[must_use]
    pub fn prompt(self, messages: &[Message]) -> u64 {
        messages.iter().map(|m| self.message(&m.content)).sum::<u64>() + PER_ANSWER
    }

    /// The tokens of what came of an answer: reasoning only where it could be seen.
    #[must_use]
    pub fn answer(self, answer: &AnswerContent) -> u64 {
        let texts = [&answer.text, &answer.reasoning, &answer.refusal];
        let calls = answer.tool_calls.iter().flat_map(|call| [&call.name, &call.arguments]);
        texts.into_iter().chain(calls).map(|text| self.count(text)).sum()
    }
}

/// The text in pieces, each cut before the last white space that it holds, else between two
/// characters: words keep together, as the encoder would have it.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.len().min(PIECE);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        if end < rest.len() {
            let space = rest[..end].rfind(char::is_whitespace);
            end = space.filter(|at| *at > 0).unwrap_or(end);
        }
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_counted_with_its_own_vocabulary_where_that_is_public() {
        let check = |model: &str, vocabulary: Vocabulary, own: bool| {
            assert_eq!(Vocabulary::of(model), (vocabulary, own), "{model}");
        };
        check("openai/gpt-4o-mini", Vocabulary::O200k, true);
        check("openai/gpt-5.4", Vocabulary::O200k, true);
        check("openai/o3-mini", Vocabulary::O200k, true);
        check("openai/gpt-oss-120b", Vocabulary::O200k, true);
        check("openai/gpt-4-turbo", Vocabulary::Cl100k, true);
        check("azure/gpt-35-turbo", Vocabulary::Cl100k, true);
        check("anthropic/claude-sonnet-4.5", Vocabulary::O200k, false);
        check("allenai/olmo-2", Vocabulary::O200k, false);
        check("", Vocabulary::O200k, false);
    }

    /// The counts are those that OpenAI's cookbook gives for cl100k and o200k.
    #[test]
    fn texts_have_the_tokens_that_their_maker_counts() {
        let check = |text: &str, cl100k: u64, o200k: u64| {
            assert_eq!(Vocabulary::Cl100k.count(text), cl100k, "{text}");
            assert_eq!(Vocabulary::O200k.count(text), o200k, "{text}");
        };
        check("", 0, 0);
        check("antidisestablishmentarianism", 6, 6);
        check("2 + 2 = 4", 7, 7);
        check("お誕生日おめでとう", 9, 8);
    }

    #[test]
    fn marks_of_the_format_in_a_text_are_only_text() {
        assert!(Vocabulary::O200k.count("<|endoftext|>") > 1);
    }

    #[test]
    fn a_prompt_takes_more_than_its_words() {
        let message =
            |role: &str, content: &str| Message { role: role.into(), content: content.into() };
        let vocabulary = Vocabulary::O200k;
        let prompt = [message("user", "2 + 2 = 4")];
        assert_eq!(vocabulary.message("2 + 2 = 4"), 7 + 4);
        assert_eq!(vocabulary.prompt(&prompt), 7 + 4 + 3);
    }

    #[test]
    fn an_answer_is_all_that_was_seen_of_it() {
        let call = crate::units::ToolCall {
            id: "call_1".into(),
            name: "antidisestablishmentarianism".into(),
            arguments: "2 + 2 = 4".into(),
        };
        let answer = AnswerContent {
            text: "2 + 2 = 4".into(),
            reasoning: "2 + 2 = 4".into(),
            tool_calls: vec![call],
            ..AnswerContent::default()
        };
        assert_eq!(Vocabulary::O200k.answer(&answer), 7 + 7 + 6 + 7);
    }

    /// What a model writes is hostile: no text may cost a search without end, or a panic.
    #[test]
    fn a_text_without_a_break_is_counted_like_any_other() {
        for unit in
            ["a", " ", "\n", "'", "\u{0301}", "\u{1F600}", "\u{200D}", "a'", "\r\n", "1", "ÀB"]
        {
            let text = unit.repeat(50_000 / unit.len());
            for vocabulary in [Vocabulary::Cl100k, Vocabulary::O200k] {
                let count = vocabulary.count(&text);
                let most = text.len() as u64;
                assert!(count > 0 && count <= most, "{count} of {unit:?}");
            }
        }
    }

    #[test]
    fn nothing_is_lost_between_pieces() {
        for unit in ["a", "word ", "\u{1F600}", "\n", "\u{0301}"] {
            let text = unit.repeat(3 * PIECE / unit.len() + 7);
            let cut: Vec<&str> = pieces(&text).collect();
            assert!(cut.len() > 2 && cut.iter().all(|piece| piece.len() <= PIECE), "{unit:?}");
            assert_eq!(cut.concat(), text);
        }
        // Cut before a space, text has the tokens that it has whole.
        let text = "word ".repeat(2 * PIECE);
        let whole = o200k_base_singleton().count_ordinary(&text) as u64;
        assert_eq!(Vocabulary::O200k.count(&text), whole);
    }
}
