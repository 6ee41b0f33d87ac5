//! Chat completions: a stream, a whole body and an error, out of the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weighbridge::wire::Answer;
use weighbridge::wire::openai_chat::{
    MAX_DETAIL, StreamDecoder, WireError, decode_body, decode_error,
};
use weighbridge::wire::sse::Decoder;

fn check_error(error: &WireError) {
    assert!(error.detail.chars().count() <= MAX_DETAIL, "{}", error.detail);
    assert!(!error.detail.contains(char::is_control), "{:?}", error.detail);
}

/// Nothing is in an answer that was not in its bytes: memory is bounded by what came.
fn check_answer(answer: &Answer, bytes: usize) {
    let calls: usize = answer.tool_calls.iter().map(|c| c.name.len() + c.arguments.len()).sum();
    let held = answer.text.len() + answer.reasoning.len() + answer.refusal.len() + calls;
    // A byte that is no UTF-8 cannot be in JSON text, and an escape is longer than what it means.
    assert!(held <= bytes, "{held} bytes out of {bytes}");
    assert!(answer.tool_calls.len() <= 256);
}

fuzz_target!(|bytes: &[u8]| {
    let (mut events, mut stream) = (Decoder::new(), StreamDecoder::default());
    let mut broken = false;
    let mut take = |event: weighbridge::wire::sse::Event<'_>| {
        if !broken && let Err(error) = stream.event(event.data) {
            check_error(&error);
            broken = true;
        }
    };
    events.feed(bytes, &mut take).expect("no input of a fuzzer is beyond the limit");
    events.finish(&mut take).expect("as above");
    let (answer, error) = stream.finish();
    check_answer(&answer, bytes.len());
    error.iter().for_each(check_error);

    let (answer, error) = decode_body(bytes);
    check_answer(&answer, bytes.len());
    error.iter().for_each(check_error);

    let status = 400 + bytes.first().map_or(0, |b| u16::from(*b) % 200);
    check_error(&decode_error(status, bytes));
});
