//! HTTP/1.1 responses: the head, and a body that is the same under every cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weighbridge::client::http1::{Framing, head};

/// The body that comes in pieces of these lengths, whether it is over, and what follows it;
/// `None`: it is broken.
fn body(mut framing: Framing, bytes: &[u8], pieces: &[usize]) -> Option<(Vec<u8>, bool, usize)> {
    let (mut body, mut used) = (Vec::new(), 0);
    for length in pieces.iter().cycle() {
        let rest = &bytes[used..];
        if rest.is_empty() || framing.is_over() {
            break;
        }
        let mut piece = rest[..(*length).clamp(1, rest.len())].to_vec();
        let taken = framing.take(&mut piece).ok()?;
        assert!(taken.body <= taken.used && taken.used <= piece.len());
        assert!(taken.used == piece.len() || framing.is_over());
        body.extend_from_slice(&piece[..taken.body]);
        used += taken.used;
    }
    Some((body, framing.is_over(), used))
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some(response)) = head(bytes) else { return };
    assert!(response.bytes <= bytes.len());
    // A head that is there is there however much of what follows has come.
    let alone = head(&bytes[..response.bytes]);
    assert!(alone.is_ok_and(|h| h.is_some_and(|h| h.bytes == response.bytes)));
    assert!(!(response.keep_alive && response.framing == Framing::UntilClose));
    let rest = &bytes[response.bytes..];
    let whole = body(response.framing.clone(), rest, &[usize::MAX]);
    assert_eq!(body(response.framing.clone(), rest, &[1]), whole);
    assert_eq!(body(response.framing, rest, &[3, 1, 16]), whole);
});
