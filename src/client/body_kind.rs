//! What a response's body is, by its first bytes: proxies send events as `text/plain` or JSON, and
//! JSON as a stream of events.

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyKind {
    /// Server-sent events.
    Events,
    /// Anything else: JSON, a page.
    Whole,
    /// Bytes that are no text.
    Compressed,
    /// What its headers say.
    Unclear,
}

/// The form of a body that begins with these bytes; `None`: more of it must come.
pub(super) fn kind_of(start: &[u8]) -> Option<BodyKind> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    if start.len() < MARK.len() && MARK.starts_with(start) {
        return None;
    }
    let text = start.strip_prefix(MARK).unwrap_or(start).trim_ascii_start();
    Some(match text {
        [] | [0x1f | 0x28] | [0x28, 0xb5] => return None,
        [b'{' | b'[' | b'<' | b'"', ..] => BodyKind::Whole,
        [b':', ..] => BodyKind::Events,
        // gzip and Zstandard.
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, ..] => BodyKind::Compressed,
        _ => return field(text),
    })
}

/// By the first line's field.
fn field(text: &[u8]) -> Option<BodyKind> {
    for name in [&b"data"[..], b"event", b"id", b"retry"] {
        match text.strip_prefix(name) {
            Some([]) => return None,
            Some([b':' | b'\r' | b'\n', ..]) => return Some(BodyKind::Events),
            None if name.starts_with(text) => return None,
            Some(_) | None => {}
        }
    }
    Some(BodyKind::Unclear)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_over_any_split() {
        let check = |body: &[u8], expected: Option<BodyKind>| {
            assert_eq!(kind_of(body), expected, "{:?}", String::from_utf8_lossy(body));
            // What is told early is not told otherwise later.
            let parts = (0..body.len()).filter_map(|end| kind_of(&body[..end]));
            parts.for_each(|early| assert_eq!(Some(early), expected));
        };
        let (events, whole) = (Some(BodyKind::Events), Some(BodyKind::Whole));
        check(b"data: {}", events);
        check(b"\xef\xbb\xbf\r\n: hello", events);
        check(b"event: ping\n", events);
        check(b"id\n", events);
        check(b"retry: 3000\n", events);
        check(b" \n\n{\"a\":1}", whole);
        check(b"\xef\xbb\xbf[{}]", whole);
        check(b"<html>", whole);
        check(b"dat", None);
        check(b"\n\n", None);
        check(b"", None);
        check(b"\x1f\x8b\x08", Some(BodyKind::Compressed));
        check(b"\x28\xb5\x2f\xfd", Some(BodyKind::Compressed));
        check(b"dates", Some(BodyKind::Unclear));
        check(b"upstream error", Some(BodyKind::Unclear));
    }
}
