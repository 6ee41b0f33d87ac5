//! Responses of providers: the same bytes as a stream, a whole body and an error in every dialect.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weighbridge::units::Dialect;
use weighbridge::wire::sse::Decoder;
use weighbridge::wire::{Answer, MAX_DETAIL, StreamDecoder, WireError, decode_body, decode_error};

fn check_error(error: &WireError) {
    assert!(error.detail.chars().count() <= MAX_DETAIL, "{}", error.detail);
    assert!(!error.detail.contains(char::is_control), "{:?}", error.detail);
}

/// An answer is not much larger than its bytes: memory is bounded by the response. A broken byte
/// becomes a character of three, and a number that stands for a text is written out.
fn check_answer(answer: &Answer, bytes: usize) {
    let calls: usize = answer.tool_calls.iter().map(|c| c.name.len() + c.arguments.len()).sum();
    let held = answer.text.len() + answer.reasoning.len() + answer.refusal.len() + calls;
    assert!(held <= 8 * bytes, "{held} bytes out of {bytes}");
    assert!(answer.tool_calls.len() <= 256);
}

fn take_all(dialect: Dialect, bytes: &[u8]) -> [Answer; 2] {
    let (mut events, mut stream) = (Decoder::new(), StreamDecoder::new(dialect));
    let mut broken = false;
    let mut take = |event: weighbridge::wire::sse::Event<'_>| {
        if !broken && let Err(error) = stream.event(event.data) {
            check_error(&error);
            broken = true;
        }
    };
    events.feed(bytes, &mut take).expect("no input of a fuzzer is beyond the limit");
    events.finish(&mut take).expect("as above");
    let (streamed, error) = stream.finish();
    error.iter().for_each(check_error);
    let (whole, error) = decode_body(dialect, bytes);
    error.iter().for_each(check_error);
    [streamed, whole]
}

fuzz_target!(|bytes: &[u8]| {
    for answer in take_all(Dialect::OpenaiChat, bytes) {
        check_answer(&answer, bytes.len());
    }
    // The other dialects repeat some content, and write arguments as objects.
    for dialect in [Dialect::OpenaiResponses, Dialect::Anthropic, Dialect::Gemini] {
        take_all(dialect, bytes);
    }
    let status = 400 + bytes.first().map_or(0, |b| u16::from(*b) % 200);
    check_error(&decode_error(status, bytes));
});
