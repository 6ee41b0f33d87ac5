//! Faults on request: each way in which a provider, or what lies between, breaks an answer.
//!
//! A fault changes a finished [`Script`], so that server and in-process transport play the same
//! one. Whether a request meets one is a pure draw of the seed and of the attempt.

use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use jiff::Timestamp;

use crate::units::{Dialect, Usage, Usd};
use crate::wire::server::answer::{self, Closing, StreamError};

use super::behaviour::Case;
use super::http1::http_date;
use super::script::{Ending, Fault, Script};

/// A way to break an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "`FaultKind::meaning` says what each is, here and in the help")]
pub enum FaultKind {
    TooMany,
    TooManySeconds,
    TooManyDate,
    Status500,
    Status502,
    Status503,
    Status529,
    ResetBeforeHead,
    ResetAfterHead,
    Cut,
    HangBeforeHead,
    HangBeforeToken,
    HangBetweenTokens,
    MalformedJson,
    ErrorInteger,
    ErrorString,
    EmptyStream,
    NoDone,
    NoEnd,
    UsageMissing,
    UsageTwice,
    UsageOnLast,
    LongLine,
    HugeBody,
    InvalidUtf8,
    LengthOver,
    LengthUnder,
    Gzip,
    Redirect,
    Stale,
}

/// Which faults are met, and how often.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults(Vec<(FaultKind, f64)>);

/// A fault and the share of the requests that meet it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultRate {
    /// The fault.
    pub kind: FaultKind,
    /// The share, above 0 and at most 1.
    pub rate: f64,
}

/// Why a fault cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseFaultError {
    /// There is no such fault.
    #[error("{0:?} is no fault; `weighbridge sim --help` lists them")]
    Kind(String),
    /// The rate is not a share.
    #[error("{0:?} is no share: write KIND=RATE with RATE above 0 and at most 1, such as 429=0.1")]
    Rate(String),
}

/// The rates of several faults are together above 1.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("the rates of all faults are together {0}, which is above 1")]
pub struct TooManyFaults(f64);

/// A wait that a 429 asks for.
const RETRY_AFTER_S: u64 = 1;
/// A `Retry-After` date has no fractions: this far ahead it is at least one second away.
const RETRY_DATE_AHEAD: Duration = Duration::from_secs(2);
/// A line that overflows the buffers of careless readers.
const LONG_LINE_BYTES: usize = 64 * 1024;
/// A body that no client should hold.
const HUGE_BODY_BYTES: u64 = 1 << 30;
/// What a content length overstates.
const OVERSTATED_BYTES: usize = 100;

impl FaultKind {
    /// All, in the order of the help.
    pub const ALL: [Self; 30] = [
        Self::TooMany,
        Self::TooManySeconds,
        Self::TooManyDate,
        Self::Status500,
        Self::Status502,
        Self::Status503,
        Self::Status529,
        Self::ResetBeforeHead,
        Self::ResetAfterHead,
        Self::Cut,
        Self::HangBeforeHead,
        Self::HangBeforeToken,
        Self::HangBetweenTokens,
        Self::MalformedJson,
        Self::ErrorInteger,
        Self::ErrorString,
        Self::EmptyStream,
        Self::NoDone,
        Self::NoEnd,
        Self::UsageMissing,
        Self::UsageTwice,
        Self::UsageOnLast,
        Self::LongLine,
        Self::HugeBody,
        Self::InvalidUtf8,
        Self::LengthOver,
        Self::LengthUnder,
        Self::Gzip,
        Self::Redirect,
        Self::Stale,
    ];

    /// The name on the command line and in the ledger.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooMany => "429",
            Self::TooManySeconds => "429-seconds",
            Self::TooManyDate => "429-date",
            Self::Status500 => "500",
            Self::Status502 => "502",
            Self::Status503 => "503",
            Self::Status529 => "529",
            Self::ResetBeforeHead => "reset-before-head",
            Self::ResetAfterHead => "reset-after-head",
            Self::Cut => "cut",
            Self::HangBeforeHead => "hang-before-head",
            Self::HangBeforeToken => "hang-before-token",
            Self::HangBetweenTokens => "hang-between-tokens",
            Self::MalformedJson => "malformed-json",
            Self::ErrorInteger => "error-integer",
            Self::ErrorString => "error-string",
            Self::EmptyStream => "empty-stream",
            Self::NoDone => "no-done",
            Self::NoEnd => "no-end",
            Self::UsageMissing => "usage-missing",
            Self::UsageTwice => "usage-twice",
            Self::UsageOnLast => "usage-on-last",
            Self::LongLine => "long-line",
            Self::HugeBody => "huge-body",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::LengthOver => "length-over",
            Self::LengthUnder => "length-under",
            Self::Gzip => "gzip",
            Self::Redirect => "redirect",
            Self::Stale => "stale",
        }
    }

    /// What happens, in a few words.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::TooMany => "status 429 without Retry-After",
            Self::TooManySeconds => "status 429, Retry-After: 1",
            Self::TooManyDate => "status 429, Retry-After: a date 1 to 2 s ahead",
            Self::Status500 => "status 500",
            Self::Status502 => "status 502 with a page of HTML, as a proxy says it",
            Self::Status503 => "status 503",
            Self::Status529 => "status 529",
            Self::ResetBeforeHead => "the connection is reset instead of an answer",
            Self::ResetAfterHead => "the connection is reset after the head",
            Self::Cut => "the connection closes in the middle of an event",
            Self::HangBeforeHead => "nothing ever comes",
            Self::HangBeforeToken => "nothing comes after the role chunk (streams)",
            Self::HangBetweenTokens => "nothing comes after half the tokens (streams)",
            Self::MalformedJson => "an event is half a JSON object (streams)",
            Self::ErrorInteger => "an error event with code 502 after half the tokens (streams)",
            Self::ErrorString => "the same with code \"rate_limit_exceeded\" (streams)",
            Self::EmptyStream => "status 200 and no body",
            Self::NoDone => "no [DONE]; the finish reason comes (streams)",
            Self::NoEnd => "neither [DONE] nor a finish reason (streams)",
            Self::UsageMissing => "no usage (streams)",
            Self::UsageTwice => "the usage chunk comes twice (streams)",
            Self::UsageOnLast => "usage on the last chunk that has choices (streams)",
            Self::LongLine => "a chunk of 64 KiB; the answer is whole (streams)",
            Self::HugeBody => "a body of 1 GiB, made as it is sent",
            Self::InvalidUtf8 => "bytes that are not UTF-8 in an event (streams)",
            Self::LengthOver => "a content-length of 100 bytes too many; the answer is whole",
            Self::LengthUnder => "a content-length of half the body",
            Self::Gzip => "a compressed body, whatever was asked for",
            Self::Redirect => "status 307 to another place",
            Self::Stale => "the next request on the connection is not answered",
        }
    }

    /// The list for the help.
    #[must_use]
    pub fn list() -> String {
        Self::ALL.iter().fold("Faults:\n".to_owned(), |mut list, kind| {
            let _ = writeln!(list, "  {:<20} {}", kind.name(), kind.meaning());
            list
        })
    }

    /// How a stream is closed that meets it.
    pub(super) const fn closing(self) -> Closing {
        match self {
            Self::NoDone => Closing::NoMark,
            Self::UsageMissing => Closing::UsageMissing,
            Self::UsageTwice => Closing::UsageTwice,
            Self::UsageOnLast => Closing::UsageOnLast,
            _ => Closing::Whole,
        }
    }

    /// Whether only a stream can have it; other answers then stay whole.
    const fn needs_stream(self) -> bool {
        matches!(
            self,
            Self::HangBeforeToken
                | Self::HangBetweenTokens
                | Self::MalformedJson
                | Self::ErrorInteger
                | Self::ErrorString
                | Self::NoDone
                | Self::NoEnd
                | Self::UsageMissing
                | Self::UsageTwice
                | Self::UsageOnLast
                | Self::LongLine
                | Self::InvalidUtf8
        )
    }

    /// Whether the answer still comes to its end, so that it can be right.
    const fn keeps_the_answer(self) -> bool {
        matches!(
            self,
            Self::NoDone
                | Self::UsageMissing
                | Self::UsageTwice
                | Self::UsageOnLast
                | Self::LongLine
                | Self::Stale
        )
    }

    /// Whether no token is ever sent, and so none billed.
    const fn sends_no_token(self) -> bool {
        matches!(
            self,
            Self::ResetBeforeHead
                | Self::ResetAfterHead
                | Self::HangBeforeHead
                | Self::HangBeforeToken
                | Self::EmptyStream
                | Self::HugeBody
        )
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FaultKind {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| ParseFaultError::Kind(text.to_owned()))
    }
}

/// Reads `KIND` or `KIND=RATE`.
impl FromStr for FaultRate {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((kind, rate)) = text.split_once('=') else {
            return Ok(Self { kind: text.parse()?, rate: 1.0 });
        };
        let share = rate.parse().ok().filter(|rate: &f64| *rate > 0.0 && *rate <= 1.0);
        let share = share.ok_or_else(|| ParseFaultError::Rate(rate.to_owned()))?;
        Ok(Self { kind: kind.parse()?, rate: share })
    }
}

impl Faults {
    /// These; a request meets at most one.
    ///
    /// # Errors
    /// When the rates are together above 1.
    pub fn new(rates: &[FaultRate]) -> Result<Self, TooManyFaults> {
        let all: f64 = rates.iter().map(|fault| fault.rate).sum();
        if all > 1.0 + 1e-9 {
            return Err(TooManyFaults(all));
        }
        Ok(Self(rates.iter().map(|fault| (fault.kind, fault.rate)).collect()))
    }

    /// What an attempt meets.
    pub(super) fn of(&self, case: &Case<'_>) -> Option<FaultKind> {
        if self.0.is_empty() {
            return None;
        }
        let mut left = case.fault_draw();
        for &(kind, rate) in &self.0 {
            left -= rate;
            if left < 0.0 {
                return Some(kind);
            }
        }
        None
    }
}

/// Breaks a script. `now` is the wall clock's time at which the request was read.
pub(super) fn inflict(kind: FaultKind, script: Script, now: Timestamp) -> Script {
    // One that failed by its profile has nothing left to break.
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

/// The faults that are a status.
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

/// The faults of an answer that was meant to come.
fn broken(kind: FaultKind, mut script: Script) -> Script {
    // A stream says itself where it ends; of a plain body the length decides.
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
            // Inside a text that every reader looks at: the first of the event that is not its id.
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

/// Compresses every event into blocks of its own (RFC 1951 §3.2.4, stored; RFC 1952 around them):
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
    fn faults_are_read() {
        for kind in FaultKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert!(FaultKind::list().contains(kind.meaning()));
        }
        let check = |text: &str, expected: Option<(FaultKind, f64)>| {
            let got = text.parse().ok().map(|fault: FaultRate| (fault.kind, fault.rate));
            assert_eq!(got, expected, "{text}");
        };
        check("cut", Some((FaultKind::Cut, 1.0)));
        check("429=0.25", Some((FaultKind::TooMany, 0.25)));
        for wrong in ["", "teapot", "cut=", "cut=0", "cut=1.5", "cut=NaN", "429=-1"] {
            check(wrong, None);
        }
        let half = FaultRate { kind: FaultKind::Cut, rate: 0.5 };
        assert!(Faults::new(&[half, half]).is_ok());
        assert_eq!(Faults::new(&[half, half, half]), Err(TooManyFaults(1.5)));
    }

    #[test]
    fn the_checksum_is_the_published_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
