//! The golden wire matrix: one logical answer in every dialect, in every form that providers
//! send, split at every byte. Text, tool calls, tokens and cost are the same.
//!
//! The streams are written by hand after captures of the providers ([`render`]), not by the
//! simulator, which could share an error with the decoder. The same streams as other servers write
//! them ([`odd`]) give the same values.

mod odd;
mod render;

use weighbridge::catalog::{self, Endpoint};
use weighbridge::units::{Dialect, ServiceTier, ToolCall, Usage, Usd};
use weighbridge::wire::{
    Answer, ErrorClass, FinishReason, StreamDecoder, WireError, decode_body, sse,
};

/// A part of a logical answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerPart {
    /// Visible reasoning, a delta each.
    Reasoning(&'static [&'static str]),
    /// Content, a delta each.
    Text(&'static [&'static str]),
    /// A refusal, in a separate field where the dialect has one.
    Refusal(&'static str),
    /// A tool call: id, name, pieces of the arguments.
    Call(&'static str, &'static str, &'static [&'static str]),
}

/// Where a provider states the usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsagePlacement {
    /// At the beginning and never again.
    Early,
    /// At the end.
    Late,
    /// Several times, growing.
    Cumulative,
    /// Nowhere.
    Missing,
    /// Twice at the end.
    Doubled,
}

/// A logical answer.
#[derive(Clone, Copy, Debug)]
pub struct LogicalAnswer {
    pub said: &'static [AnswerPart],
    pub stated: UsagePlacement,
    /// The provider's error ends it.
    pub overloaded: bool,
}

/// The usage in every dialect: prompt, cached prompt, output, reasoning.
pub const COUNTS: [u64; 4] = [21, 8, 13, 5];

const PROSE: AnswerPart =
    AnswerPart::Text(&["na\u{ef}ve ", "\"\u{4f60}\u{597d}\"\n", "\u{1f914} \\o/"]);
const THOUGHT: AnswerPart = AnswerPart::Reasoning(&["hm \u{2026}", " so"]);
const LOOK: AnswerPart = AnswerPart::Call("call_1", "look", &["{\"city\":", "\"Troms\u{f8}\"}"]);
const STOP: AnswerPart = AnswerPart::Call("call_2", "stop", &[]);

const fn said(said: &'static [AnswerPart]) -> LogicalAnswer {
    LogicalAnswer { said, stated: UsagePlacement::Late, overloaded: false }
}

const fn stated(stated: UsagePlacement) -> LogicalAnswer {
    LogicalAnswer { said: &[THOUGHT, PROSE], stated, overloaded: false }
}

const MATRIX: [(&str, LogicalAnswer); 13] = [
    ("role only", said(&[])),
    ("reasoning only", said(&[THOUGHT])),
    ("tools only", said(&[LOOK, STOP])),
    ("prose and a tool", said(&[PROSE, LOOK])),
    ("prose", said(&[PROSE])),
    ("all", said(&[THOUGHT, PROSE, LOOK, STOP])),
    ("refusal", said(&[AnswerPart::Refusal("I cannot help with that.")])),
    (
        "error in band",
        LogicalAnswer { said: &[PROSE], stated: UsagePlacement::Missing, overloaded: true },
    ),
    ("usage early", stated(UsagePlacement::Early)),
    ("usage late", stated(UsagePlacement::Late)),
    ("usage cumulative", stated(UsagePlacement::Cumulative)),
    ("usage missing", stated(UsagePlacement::Missing)),
    ("usage doubled", stated(UsagePlacement::Doubled)),
];

/// The values that are compared over dialects.
#[derive(Debug, PartialEq)]
struct Golden {
    /// Text and refusal: two of the dialects have no separate field for a refusal.
    said: String,
    reasoning: String,
    calls: Vec<ToolCall>,
    finish: Option<FinishReason>,
    usage: Usage,
    cost: Option<Usd>,
    error: Option<ErrorClass>,
}

impl Golden {
    fn of((answer, error): &(Answer, Option<WireError>)) -> Self {
        Self {
            said: format!("{}{}", answer.text, answer.refusal),
            reasoning: answer.reasoning.clone(),
            calls: answer.tool_calls.clone(),
            finish: answer.finish_reason,
            usage: answer.usage,
            cost: endpoint().expected_cost(&answer.usage),
            error: error.as_ref().map(|error| error.class),
        }
    }

    /// The expected values of a logical answer.
    fn expected(dialect: Dialect, logical: &LogicalAnswer) -> Self {
        let (mut said, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
        let mut finish = FinishReason::Stop;
        for part in logical.said {
            match part {
                AnswerPart::Text(pieces) => said.push_str(&pieces.concat()),
                AnswerPart::Reasoning(pieces) => reasoning.push_str(&pieces.concat()),
                AnswerPart::Refusal(text) => {
                    said.push_str(text);
                    // OpenAI's models refuse in a separate field; the other providers cut the answer.
                    if matches!(dialect, Dialect::Anthropic | Dialect::Gemini) {
                        finish = FinishReason::ContentFilter;
                    }
                }
                AnswerPart::Call(id, name, pieces) => {
                    finish = FinishReason::ToolCalls;
                    let arguments = pieces.concat();
                    calls.push(ToolCall {
                        id: (*id).to_owned(),
                        name: (*name).to_owned(),
                        arguments: if arguments.is_empty() { "{}".to_owned() } else { arguments },
                    });
                }
            }
        }
        let [input, cached, output, reasoned] = COUNTS.map(Some);
        let is_known = logical.stated != UsagePlacement::Missing;
        let usage = Usage {
            input,
            cached_input: cached,
            // Only Anthropic states cache writes of 0.
            cache_write: (dialect == Dialect::Anthropic).then_some(0),
            output,
            reasoning: reasoned,
            service_tier: (dialect == Dialect::Anthropic).then_some(ServiceTier::Standard),
            ..Usage::UNKNOWN
        };
        let error = match logical {
            LogicalAnswer { overloaded: true, .. } => Some(ErrorClass::Overloaded),
            LogicalAnswer { said: [], .. } => Some(ErrorClass::Empty),
            _ => None,
        };
        Self {
            said,
            reasoning,
            calls,
            finish: (!logical.overloaded).then_some(finish),
            usage: if is_known { usage } else { Usage::default() },
            // 13 at $2, 8 cached at $0.50, 8 output at $10, 5 reasoning at $20, per million.
            cost: is_known.then(|| "0.00021".parse().expect("a decimal")),
            error,
        }
    }
}

fn endpoint() -> Endpoint {
    let text = "[[provider]]\nname = \"p\"\nbase_url = \"https://x.y\"\n[[endpoint]]\nmodel = \"m\"\n\
        provider = \"p\"\nprice = { input = \"2\", cached_input = \"0.5\", output = \"10\", \
        reasoning = \"20\" }\n";
    catalog::load_text(text, "golden.toml").expect("a catalog").endpoints.remove(0)
}

/// The values of a stream in these parts, and the number of its token events.
fn decode(dialect: Dialect, parts: &[&[u8]]) -> ((Answer, Option<WireError>), u32) {
    let (mut events, mut decoder) = (sse::Decoder::new(), StreamDecoder::new(dialect));
    let (mut tokens, mut failure) = (0, None);
    let mut each = |event: sse::Event<'_>| {
        if failure.is_none() {
            match decoder.event(event.data) {
                Ok(seen) => tokens += u32::from(seen.token),
                Err(error) => failure = Some(error),
            }
        }
    };
    for part in parts {
        events.feed(part, &mut each).expect("small");
    }
    events.finish(&mut each).expect("small");
    let (answer, error) = decoder.finish();
    ((answer, failure.or(error)), tokens)
}

/// A stream gives these values, whole and split at every seventh byte.
fn check_cuts(dialect: Dialect, name: &str, stream: &str, expected: &Golden) {
    let whole = decode(dialect, &[stream.as_bytes()]);
    assert_eq!(Golden::of(&whole.0), *expected, "{name} in {}:\n{stream}", dialect.name());
    for cut in (0..=stream.len()).step_by(7) {
        let (left, right) = stream.as_bytes().split_at(cut);
        let cut_there = decode(dialect, &[left, right]);
        assert_eq!(cut_there, whole, "{name}, cut at byte {cut}:\n{stream}");
    }
}

/// Reasoning between tags in the content is that of its own channel.
fn check_tags(dialect: Dialect) {
    const TAGGED: [&[&str]; 2] = [
        &[
            "\n<thi",
            "nk>hm \u{2026}",
            " so</th",
            "ink>\n",
            "\nna\u{ef}ve \"\u{4f60}\u{597d}\"\n\u{1f914} \\o/",
        ],
        &["hm \u{2026} so</think>\n\n", "na\u{ef}ve ", "\"\u{4f60}\u{597d}\"\n\u{1f914} \\o/"],
    ];
    static PARTS: [[AnswerPart; 1]; 2] =
        [[AnswerPart::Text(TAGGED[0])], [AnswerPart::Text(TAGGED[1])]];
    let expected = Golden::expected(dialect, &said(&[THOUGHT, PROSE]));
    for parts in &PARTS {
        let logical = said(parts);
        let stream = render::stream(dialect, &logical);
        check_cuts(dialect, "tags", &stream, &expected);
        check_cuts(dialect, "tags", &odd::stream(&stream), &expected);
        let body = render::body(dialect, &logical);
        assert_eq!(Golden::of(&decode_body(dialect, body.as_bytes())), expected, "{body}");
    }
}

fn check(dialect: Dialect) {
    for (name, logical) in &MATRIX {
        let stream = render::stream(dialect, logical);
        let (whole, tokens) = decode(dialect, &[stream.as_bytes()]);
        let expected = Golden::expected(dialect, logical);
        assert_eq!(Golden::of(&whole), expected, "{name} in {}:\n{stream}", dialect.name());
        assert_eq!(whole.0.unknown_events, 0, "{name} in {}:\n{stream}", dialect.name());
        assert_eq!(whole.0.response_model.as_deref(), Some("m-1"), "{name}");
        for cut in 0..=stream.len() {
            let (left, right) = stream.as_bytes().split_at(cut);
            let cut_there = decode(dialect, &[left, right]);
            assert_eq!(cut_there, (whole.clone(), tokens), "{name}, cut at byte {cut}:\n{stream}");
        }
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(decode(dialect, &bytes), (whole, tokens), "{name}, byte by byte:\n{stream}");

        // The same answer in one piece, which states the usage once.
        if !logical.overloaded {
            let body = render::body(dialect, logical);
            let whole = decode_body(dialect, body.as_bytes());
            assert_eq!(Golden::of(&whole), expected, "{name} in {}:\n{body}", dialect.name());
        }
    }
    for (name, logical) in &MATRIX {
        let expected = Golden::expected(dialect, logical);
        let stream = render::stream(dialect, logical);
        for stream in [odd::stream(&stream), odd::unspaced(&stream)] {
            check_cuts(dialect, name, &stream, &expected);
        }
        if !logical.overloaded {
            let body = odd::body(&render::body(dialect, logical));
            let whole = decode_body(dialect, body.as_bytes());
            assert_eq!(Golden::of(&whole), expected, "{name} in {}:\n{body}", dialect.name());
        }
    }
    check_tags(dialect);
    let nothing = decode(dialect, &[b": keep-alive\n\n"]).0;
    assert_eq!(nothing.1.expect("an error").class, ErrorClass::Empty);
}

#[test]
fn openai_chat() {
    check(Dialect::OpenaiChat);
}

#[test]
fn openai_responses() {
    check(Dialect::OpenaiResponses);
}

#[test]
fn anthropic() {
    check(Dialect::Anthropic);
}

#[test]
fn gemini() {
    check(Dialect::Gemini);
}
