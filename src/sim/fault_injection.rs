//! A finished [`Script`] changed by a fault, so that the server and the in-process transport play the
//! same one.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use jiff::Timestamp;

use super::fault::FaultKind;
use super::http1::http_date;
use super::script::{Ending, Fault, Script};
use crate::units::{Dialect, Usage, Usd};
use crate::wire::server::answer::{self, StreamError};

/// The `Retry-After` of a 429, seconds.
const RETRY_AFTER_S: u64 = 1;
/// A `Retry-After` date has no fractions: this far ahead it is at least one second away.
const RETRY_DATE_AHEAD: Duration = Duration::from_secs(2);
/// A line larger than common read buffers.
const LONG_LINE_BYTES: usize = 64 * 1024;
/// A body too large to keep in memory.
const HUGE_BODY_BYTES: u64 = 1 << 30;
/// The excess of an overstated content length.
const OVERSTATED_BYTES: usize = 100;

/// Breaks a script. `now` is the wall-clock time at which the request was read.
pub(super) fn inject(kind: FaultKind, script: Script, now: Timestamp) -> Script {
    // A script that failed by its profile stays as it is.
    if script.fault.is_some() || (kind.needs_stream() && !script.streamed) {
        return script;
    }
    let mut script = match refusal(kind, script.dialect, now) {
        Some(refused) => Script { endpoint: script.endpoint, task: script.task, ..refused }
            .delayed(script.head_after),
        None => broken(kind, script),
    };
    script.fault = Some(Fault::Injected(kind));
    script
}

/// The faults that replace the answer by an error status.
fn refusal(kind: FaultKind, dialect: Dialect, now: Timestamp) -> Option<Script> {
    let says = |status, message, code| {
        Script::json(dialect, status, answer::encode_error(dialect, status, message, code, None))
    };
    let limited = || says(429, "Rate limit reached for requests.", "rate_limit_error");
    let after = |value: HeaderValue| {
        let mut script = limited();
        script.headers.insert(RETRY_AFTER, value);
        script
    };
    Some(match kind {
        FaultKind::TooMany => limited(),
        FaultKind::TooManySeconds => after(HeaderValue::from(RETRY_AFTER_S)),
        FaultKind::TooManyDate => {
            let then = now.checked_add(RETRY_DATE_AHEAD).unwrap_or(now);
            after(http_date(then).parse().expect("a date is ASCII"))
        }
        FaultKind::Status500 => says(500, "The server had an error.", "server_error"),
        FaultKind::Status502 => {
            let page = "<html><body><h1>502 Bad Gateway</h1></body></html>";
            let mut script = Script::json(dialect, 502, Bytes::from_static(page.as_bytes()));
            script.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
            script
        }
        FaultKind::Status503 => says(503, "The model is loading.", "service_unavailable"),
        FaultKind::Status529 => says(529, "Overloaded.", "overloaded_error"),
        FaultKind::Redirect => {
            let mut script = says(307, "The model has moved.", "moved");
            script.headers.insert(LOCATION, HeaderValue::from_static("/elsewhere"));
            script
        }
        _ => return None,
    })
}

/// The faults of an answer.
fn broken(kind: FaultKind, mut script: Script) -> Script {
    // A stream states its end; a plain body ends by its length.
    let ends_itself = kind == FaultKind::LengthOver && script.streamed;
    if !kind.keeps_the_answer() && !ends_itself {
        script.intended_pass = None;
    }
    if kind.sends_no_token() {
        script.usage = Usage::default();
        script.cost = Usd::ZERO;
    }
    match kind {
        FaultKind::ResetBeforeHead => script.stops_at(0, false, Ending::Reset),
        FaultKind::ResetAfterHead => script.stops_at(0, true, Ending::Reset),
        FaultKind::HangBeforeHead => script.stops_at(0, false, Ending::Hang),
        FaultKind::HangBeforeToken => script.stops_at(1, true, Ending::Hang),
        FaultKind::HangBetweenTokens => {
            let middle = middle(&script) + 1;
            script.stops_at(middle, true, Ending::Hang);
        }
        FaultKind::Cut => {
            let middle = middle(&script);
            script.stops_at(middle + 1, true, Ending::Cut);
            edit(&mut script, middle, |event| {
                event.truncate(event.len() / 2);
            });
            script.events[middle].is_token = false;
        }
        FaultKind::EmptyStream => script.stops_at(0, true, Ending::Whole),
        FaultKind::HugeBody => {
            let role = usize::from(script.streamed);
            script.stops_at(role, true, Ending::Flood(HUGE_BODY_BYTES));
        }
        FaultKind::LengthOver => {
            script.stated_length = Some(length(&script) + OVERSTATED_BYTES);
            script.ending = Ending::Cut;
        }
        FaultKind::LengthUnder => {
            let half = if script.streamed {
                script.events[..=middle(&script)].iter().map(|event| event.bytes.len()).sum()
            } else {
                length(&script) / 2
            };
            script.stated_length = Some(half);
        }
        FaultKind::Gzip => gzip(&mut script),
        FaultKind::Stale => script.ending = Ending::Stale,
        _ => break_event(kind, &mut script),
    }
    script
}

/// Where the data of an event begin.
const DATA: &[u8] = b"data: {";
/// Where the model is named, in dialects that name it with every event.
const MODEL: &[u8] = b"\"model\":\"";
/// Where a text begins.
const TEXT: &[u8] = b"\":\"";

/// The faults inside one event of a stream.
fn break_event(kind: FaultKind, script: &mut Script) {
    let (middle, last) = (middle(script), script.events.len() - 1);
    match kind {
        FaultKind::MalformedJson => {
            edit(script, middle, |event| {
                event.truncate(event.len() / 2);
                event.extend_from_slice(b"\n\n");
            });
            script.events[middle].is_token = false;
        }
        FaultKind::ErrorInteger | FaultKind::ErrorString => {
            let error = if kind == FaultKind::ErrorInteger {
                StreamError::BadGateway
            } else {
                StreamError::RateLimit
            };
            let event = answer::encode_stream_error(script.dialect, error);
            script.stops_at(middle + 1, true, Ending::Whole);
            script.events[middle].bytes = Bytes::from(event);
            script.events[middle].is_token = false;
        }
        FaultKind::NoEnd => script.stops_at(last, true, Ending::Whole),
        FaultKind::LongLine => edit(script, 0, |role| {
            // OpenAI pads its chunks with a field like this one; see its `include_obfuscation`.
            let padding = "x".repeat(LONG_LINE_BYTES);
            let at = find(role, DATA).map_or(0, |at| at + DATA.len());
            role.splice(at..at, format!("\"obfuscation\":\"{padding}\",").into_bytes());
        }),
        FaultKind::InvalidUtf8 => {
            // Inside a text that every client reads: the first of the event that is not its id.
            edit(script, middle, |event| {
                let from = find(event, MODEL).or(find(event, DATA)).unwrap_or(0);
                let text = find(&event[from..], TEXT);
                if let Some(at) = text.map(|at| from + at + TEXT.len()) {
                    event.splice(at..at, *b"\xff\xfe");
                }
            });
            script.events[middle].is_token = false;
        }
        _ => {}
    }
}

/// Compresses every event into separate blocks (RFC 1951 §3.2.4, stored; RFC 1952 around them):
/// nothing gets smaller, and the times stay.
fn gzip(script: &mut Script) {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let whole: Vec<u8> = script.events.iter().flat_map(|event| event.bytes.to_vec()).collect();
    let last = script.events.len() - 1;
    for i in 0..=last {
        edit(script, i, |event| {
            let mut out = if i == 0 { HEADER.to_vec() } else { Vec::new() };
            for block in event.chunks(usize::from(u16::MAX)) {
                let n = u16::try_from(block.len()).expect("a block is no longer");
                out.push(0);
                out.extend_from_slice(&n.to_le_bytes());
                out.extend_from_slice(&(!n).to_le_bytes());
                out.extend_from_slice(block);
            }
            if i == last {
                out.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
                out.extend_from_slice(&crc32(&whole).to_le_bytes());
                let n = u32::try_from(whole.len()).unwrap_or(u32::MAX);
                out.extend_from_slice(&n.to_le_bytes());
            }
            *event = out;
        });
    }
    script.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
}

/// The checksum of RFC 1952 §8, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

/// The position of the token event in the middle; of the only event where there is one.
fn middle(script: &Script) -> usize {
    let tokens: Vec<usize> = script
        .events
        .iter()
        .enumerate()
        .filter(|(_, event)| event.is_token)
        .map(|(i, _)| i)
        .collect();
    tokens.get(tokens.len() / 2).copied().unwrap_or(0)
}

fn length(script: &Script) -> usize {
    script.events.iter().map(|event| event.bytes.len()).sum()
}

fn edit(script: &mut Script, event: usize, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = script.events[event].bytes.to_vec();
    change(&mut bytes);
    script.events[event].bytes = Bytes::from(bytes);
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
