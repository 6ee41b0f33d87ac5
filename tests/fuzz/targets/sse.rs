//! Server-sent events: any bytes give the same events under every split.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weighbridge::wire::sse::Decoder;

/// The events of a stream in pieces of these lengths, repeated.
fn events(bytes: &[u8], pieces: &[usize]) -> (Vec<(Vec<u8>, Vec<u8>)>, u64) {
    let (mut decoder, mut events) = (Decoder::new(), Vec::new());
    let mut rest = bytes;
    for length in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*length).clamp(1, rest.len()));
        let kept = |event: weighbridge::wire::sse::Event<'_>| {
            events.push((event.name.to_vec(), event.data.to_vec()));
        };
        decoder.feed(piece, kept).expect("no input of a fuzzer is beyond the limit");
        rest = after;
    }
    decoder
        .finish(|event| events.push((event.name.to_vec(), event.data.to_vec())))
        .expect("as above");
    (events, decoder.comments())
}

fuzz_target!(|bytes: &[u8]| {
    let whole = events(bytes, &[usize::MAX]);
    assert_eq!(events(bytes, &[1]), whole);
    assert_eq!(events(bytes, &[2, 7, 1, 3]), whole);
    let held: usize = whole.0.iter().map(|(name, data)| name.len() + data.len()).sum();
    // A name is valid for one event, so the output is bounded by the input.
    assert!(held <= bytes.len(), "{held} bytes out of {}", bytes.len());
});
