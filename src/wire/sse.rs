//! Server-sent events at byte level, over any split of the bytes.
//!
//! The line and field rules are those of the WHATWG HTML standard, "Server-sent events": lines end
//! in LF, CR or CRLF, one leading byte order mark is dropped, lines that begin with a colon are
//! comments, and several `data:` lines of one event are joined with a line feed. Unlike a browser
//! the decoder gives bytes, not text, and hands out a last event that lacks its blank line, because
//! some servers close the connection without one.

/// The longest event that is kept; a model's chunk is a few hundred bytes.
pub const MAX_EVENT_BYTES: usize = 8 << 20;

/// An event: the bytes of its `data`, and its `event` name where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event:` field; empty when absent.
    pub name: &'a [u8],
    /// The `data:` lines, joined with line feeds.
    pub data: &'a [u8],
}

/// An event is larger than [`MAX_EVENT_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is larger than {MAX_EVENT_BYTES} bytes")]
pub struct TooLarge;

/// An incremental decoder.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent observations of the bytes so far")]
pub struct Decoder {
    /// An incomplete line.
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The event has exactly one line of data.
    is_one_line: bool,
    /// The server leaves out the blank lines: each line is an event.
    is_unspaced: bool,
    /// The last byte was a CR: a following LF belongs to it.
    after_cr: bool,
    /// The first line has been seen, so a byte order mark is no longer expected.
    started: bool,
    /// Comment lines seen: keep-alives.
    comments: u64,
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of comment lines so far.
    #[must_use]
    pub fn comments(&self) -> u64 {
        self.comments
    }

    /// Takes bytes and calls `each` for every event that they complete, in order.
    ///
    /// # Errors
    /// [`TooLarge`] when an event exceeds the limit; the stream cannot be read further.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            if rest[0] == b'\n' {
                rest = &rest[1..];
            }
        }
        while let Some(end) = rest.iter().position(|&b| b == b'\n' || b == b'\r') {
            let ended_by = rest[end];
            if self.line.is_empty() {
                self.take_line(&rest[..end], &mut each)?;
            } else {
                self.hold(&rest[..end])?;
                let line = std::mem::take(&mut self.line);
                self.take_line(&line, &mut each)?;
                self.line = line;
                self.line.clear();
            }
            rest = &rest[end + 1..];
            if ended_by == b'\r' {
                match rest.first() {
                    Some(b'\n') => rest = &rest[1..],
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
        }
        self.hold(rest)
    }

    /// Ends the stream: returns a last event without its blank line.
    ///
    /// # Errors
    /// [`TooLarge`] when that event exceeds the limit.
    pub fn finish(&mut self, mut each: impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.take_line(&line, &mut each)?;
        }
        self.take_line(b"", &mut each)
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        if self.line.len() + bytes.len() > MAX_EVENT_BYTES {
            return Err(TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// Hands out the event.
    fn give(&mut self, each: &mut impl FnMut(Event<'_>)) {
        each(Event { name: &self.name, data: &self.data });
        self.has_data = false;
        self.is_one_line = false;
        self.data.clear();
        // A name is of one event, also where no blank line parts it from the next.
        self.name.clear();
    }

    fn take_line(&mut self, line: &[u8], each: &mut impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        let line = if self.started {
            line
        } else {
            self.started = true;
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        };
        if line.is_empty() {
            if self.has_data {
                self.give(each);
            }
            self.name.clear();
            return Ok(());
        }
        let (field, value) = match line.iter().position(|&b| b == b':') {
            Some(0) => {
                self.comments += 1;
                return Ok(());
            }
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                // No event goes on after a whole object: the blank line is missing.
                if self.is_one_line && is_object(&self.data) {
                    self.is_unspaced = true;
                    self.give(each);
                }
                if self.data.len() + value.len() > MAX_EVENT_BYTES {
                    return Err(TooLarge);
                }
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.is_one_line = !self.has_data;
                self.has_data = true;
                self.data.extend_from_slice(value);
                let is_whole = |data: &[u8]| is_object(data) || data.trim_ascii() == b"[DONE]";
                if self.is_unspaced && self.is_one_line && is_whole(&self.data) {
                    self.give(each);
                }
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether data is one whole object.
fn is_object(data: &[u8]) -> bool {
    data.trim_ascii_start().starts_with(b"{")
        && serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(parts: &[&[u8]]) -> Vec<(String, String)> {
        let mut decoder = Decoder::new();
        let mut events = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for part in parts {
            decoder.feed(part, |e| events.push((text(e.name), text(e.data)))).expect("small");
        }
        decoder.finish(|e| events.push((text(e.name), text(e.data)))).expect("small");
        events
    }

    fn check(stream: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(n, d)| ((*n).to_owned(), (*d).to_owned())).collect();
        assert_eq!(decode(&[stream.as_bytes()]), expected, "{stream:?} whole");
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(decode(&bytes), expected, "{stream:?} byte by byte");
    }

    #[test]
    fn lines_end_in_lf_cr_or_crlf() {
        for end in ["\n", "\r", "\r\n"] {
            check(&format!("data: a{end}{end}data: b{end}{end}"), &[("", "a"), ("", "b")]);
        }
    }

    #[test]
    fn fields_comments_and_a_mark() {
        check("\u{feff}data: a\n\n", &[("", "a")]);
        check(": hello\n\ndata:x\n\n", &[("", "x")]);
        check("data: a\ndata: b\n\n", &[("", "a\nb")]);
        check("data\n\n", &[("", "")]);
        check("event: ping\ndata: {}\nid: 3\n\n", &[("ping", "{}")]);
        check("event: lost\n\ndata: kept\n\n", &[("", "kept")]);
        check("data: no blank line", &[("", "no blank line")]);
        check("\n\n\n", &[]);
    }

    #[test]
    fn objects_without_blank_lines_are_events_of_their_own() {
        check(
            "data: {}\ndata: {\"a\":1}\ndata: [DONE]\n",
            &[("", "{}"), ("", "{\"a\":1}"), ("", "[DONE]")],
        );
        check("data: {\ndata: }\n\n", &[("", "{\n}")]);
        check("event: a\ndata: {}\ndata: {}\n", &[("a", "{}"), ("", "{}")]);
        // Each line is an event as soon as it is there.
        let mut decoder = Decoder::new();
        let mut seen = Vec::new();
        for line in ["data: {\"n\":1}\n", "data: {\"n\":2}\n", "data: {\"n\":3}\n"] {
            let before = seen.len();
            decoder.feed(line.as_bytes(), |event| seen.push(event.data.to_vec())).expect("small");
            seen.extend((seen.len() == before).then(Vec::new));
        }
        assert_eq!(seen.len(), 4);
        assert_eq!(seen[3], b"{\"n\":3}");
    }

    #[test]
    fn comments_are_counted() {
        let mut decoder = Decoder::new();
        decoder.feed(b": a\n:b\ndata: c\n\n", |_| {}).expect("small");
        assert_eq!(decoder.comments(), 2);
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let mut decoder = Decoder::new();
        let piece = vec![b'x'; 1 << 20];
        let refused = (0..9).any(|_| decoder.feed(&piece, |_| {}).is_err());
        assert!(refused);
    }

    proptest! {
        #[test]
        fn decoding_is_the_same_under_every_split(
            stream in "(data: [a-zé\u{1F600}]{0,6}(\r\n|\n|\r)|: c\n|\r\n|\n|\r|event: e\n){0,12}",
            cuts in proptest::collection::vec(0usize..200, 0..6),
        ) {
            let bytes = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(decode(&parts), decode(&[bytes]));
        }
    }
}
