//! Traces of production traffic: when requests came and how long they were.
//!
//! Read are the Azure LLM inference traces (2023: `TIMESTAMP,ContextTokens,GeneratedTokens`; those
//! of 2024 have the same columns) and Mooncake's, as JSONL or as CSV, plain or gzipped. What a
//! file is shows in its first bytes, not in its name.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;

use super::arrivals::{Arrivals, Lengths, MAX_ARRIVALS, whole};
use crate::units::clock::nanos;

/// The largest trace, unpacked: [`MAX_ARRIVALS`] rows of the usual 50 bytes fit twice over, and a
/// small file that unpacks to a disk full of nothing is stopped.
pub const MAX_TRACE_BYTES: u64 = 1024 * 1024 * 1024;
/// The longest line: Mooncake's rows list a block hash per 512 tokens, some kilobytes at most.
pub const MAX_TRACE_LINE_BYTES: usize = 1024 * 1024;
/// The least speed: a minute of trace takes most of a day.
pub const MIN_SPEED: f64 = 1e-3;
/// The highest speed: a day of trace takes 86 ms.
pub const MAX_SPEED: f64 = 1e6;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TraceFormat {
    /// Azure's CSV: time stamps of the day and the hour.
    Azure,
    /// Mooncake's columns as CSV: milliseconds.
    MooncakeCsv,
    /// Mooncake's own form: one JSON object a line, milliseconds.
    MooncakeJsonl,
}

/// A trace: requests in the order of time, the first at 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    name: String,
    format: TraceFormat,
    requests: Vec<Request>,
}

/// One request of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Request {
    at_ns: u64,
    lengths: Lengths,
}

/// Why a trace cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// No such file.
    #[error("there is no trace at {path}; write the path of a .csv, .csv.gz or .jsonl file")]
    Missing {
        /// The path.
        path: String,
    },
    /// The file could not be read or unpacked.
    #[error("{at} cannot be read: {why}; check that it was downloaded whole")]
    Unreadable {
        /// The file, and the line where one was reached.
        at: String,
        /// What the system said.
        why: String,
    },
    /// Bytes that are no text.
    #[error("{at} is not valid UTF-8; a trace is CSV or JSONL text, plain or gzipped")]
    NotUtf8 {
        /// File and line.
        at: String,
    },
    /// Beyond a limit.
    #[error("{at} has more than the limit of {limit} {unit}; {remedy}")]
    TooLarge {
        /// File and line.
        at: String,
        /// Of what.
        unit: &'static str,
        /// The limit.
        limit: u64,
        /// What to do.
        remedy: &'static str,
    },
    /// A file without requests.
    #[error("{path} holds no requests; a trace has one a line")]
    Empty {
        /// The path.
        path: String,
    },
    /// A first line that is neither a known header nor a JSON object.
    #[error(
        "{at}: the columns {found:?} are of no known trace; name them \
         TIMESTAMP,ContextTokens,GeneratedTokens (Azure) or timestamp_ms,input_length,output_length \
         (Mooncake), or write a JSON object a line"
    )]
    UnknownColumns {
        /// File and line.
        at: String,
        /// The line, shortened.
        found: String,
    },
    /// A row that does not have as many fields as the header.
    #[error("{at} has {found} fields where the header has {expected}; mend or remove the line")]
    Fields {
        /// File and line.
        at: String,
        /// Fields of the line.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// A field that is not what its column holds.
    #[error("{at}: {column} = {text:?} is not {what}; mend or remove the line")]
    BadField {
        /// File and line.
        at: String,
        /// The column.
        column: &'static str,
        /// What was written, shortened.
        text: String,
        /// What belongs there, with an example.
        what: &'static str,
    },
    /// A line of JSONL that is not a request.
    #[error(
        "{at}: {why}; each line is an object such as {{\"timestamp\": 0, \"input_length\": 655, \
         \"output_length\": 52}}"
    )]
    BadJson {
        /// File and line.
        at: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Why a speed cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a speed; write how many times as fast as it was recorded, as in 2 or 0.5, \
     between {MIN_SPEED} and {MAX_SPEED}"
)]
pub struct ParseSpeedError(String);

/// Reads a speed: `2`, `0.5`, `10x`.
pub fn parse_speed(text: &str) -> Result<f64, ParseSpeedError> {
    let number = text.trim();
    let number = number.strip_suffix('x').unwrap_or(number);
    let speed = number.parse().ok().filter(|speed| (MIN_SPEED..=MAX_SPEED).contains(speed));
    speed.ok_or_else(|| ParseSpeedError(text.to_owned()))
}

/// Reads a trace. Rows that are not in the order of time are put into it.
pub fn read_trace(path: &Path) -> Result<Trace, TraceError> {
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => Trace::read(path, file),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(TraceError::Missing { path: name }),
        Err(e) => Err(TraceError::Unreadable { at: name, why: e.to_string() }),
    }
}

impl Trace {
    /// Its requests as arrivals, `speed` times as fast as recorded: at most `most`, all of them
    /// before the end of `window` as it is played. A trace that ends earlier is not begun again.
    ///
    /// Lengths are at least 1, for nobody can ask for an answer of no tokens, although a trace may
    /// hold one.
    ///
    /// # Panics
    /// Where the speed is not one that [`parse_speed`] gives.
    #[must_use]
    pub fn arrivals(&self, speed: f64, window: Option<Duration>, most: Option<u64>) -> Arrivals {
        assert!((MIN_SPEED..=MAX_SPEED).contains(&speed), "a speed is checked where it is read");
        let end_ns = window.map_or(u64::MAX, nanos);
        let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        let (at_ns, lengths) = self
            .requests
            .iter()
            .map(|request| {
                let Lengths { input_tokens, output_tokens } = request.lengths;
                let lengths = Lengths {
                    input_tokens: input_tokens.max(1),
                    output_tokens: output_tokens.max(1),
                };
                (whole(request.at_ns as f64 / speed), lengths)
            })
            .take_while(|(at_ns, _)| *at_ns < end_ns)
            .take(most)
            .unzip();
        Arrivals { at_ns, lengths: Some(lengths) }
    }

    /// How many requests it has; at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an empty trace is an error")]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// From its first request to its last, as recorded.
    #[must_use]
    pub fn span(&self) -> Duration {
        Duration::from_nanos(self.requests.last().map_or(0, |last| last.at_ns))
    }

    /// Requests per second in the mean, as recorded; `None` where all came at once. A wanted rate
    /// divided by it is the speed that gives that rate over the whole trace.
    #[must_use]
    pub fn mean_per_s(&self) -> Option<f64> {
        let seconds = self.span().as_secs_f64();
        (seconds > 0.0).then(|| (self.requests.len() - 1) as f64 / seconds)
    }

    /// Its format.
    #[must_use]
    pub fn format(&self) -> TraceFormat {
        self.format
    }

    /// Reads from any source; `path` is for errors and the name.
    fn read(path: &Path, source: impl Read) -> Result<Self, TraceError> {
        let shown = path.display().to_string();
        let mut lines = Lines::open(shown.clone(), source)?;
        let (format, mut rows) = if !lines.advance()? {
            return Err(TraceError::Empty { path: shown });
        } else if lines.text()?.starts_with('{') {
            (TraceFormat::MooncakeJsonl, jsonl(&mut lines)?)
        } else {
            csv(&mut lines)?
        };
        rows.sort_by_key(|row| row.at_ns);
        let Some(first) = rows.first().map(|row| row.at_ns) else {
            return Err(TraceError::Empty { path: shown });
        };
        let requests = rows
            .iter()
            .map(|row| Request { at_ns: row.at_ns.abs_diff(first), lengths: row.lengths })
            .collect();
        // The folder is left out: the name goes into run folders that travel.
        let name = path.file_name().map_or(shown, |name| name.to_string_lossy().into_owned());
        Ok(Self { name, format, requests })
    }
}

/// For people: `trace mooncake.jsonl (3993 requests in 1022.025s)`.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, requests) = (&self.name, self.requests.len());
        let plural = if requests == 1 { "" } else { "s" };
        write!(f, "trace {name} ({requests} request{plural} in {:?})", self.span())
    }
}

/// A row before the first is known.
struct Row {
    /// Nanoseconds since whatever the file counts from.
    at_ns: i64,
    lengths: Lengths,
}

/// A line of Mooncake's JSONL. What else it says, block hashes above all, is data that is not
/// replayed.
#[derive(Deserialize)]
struct RawRequest {
    timestamp: serde_json::Number,
    input_length: u32,
    output_length: u32,
}

/// Reads from the line at which `lines` stands.
fn jsonl(lines: &mut Lines<'_>) -> Result<Vec<Row>, TraceError> {
    let mut rows = Vec::new();
    loop {
        let raw: RawRequest = serde_json::from_str(lines.text()?).map_err(|e| {
            let text = e.to_string();
            // To the parser, each line is line 1.
            let why = text.rsplit_once(" at line ").map_or(&*text, |(what, _)| what).to_owned();
            TraceError::BadJson { at: lines.at(), why }
        })?;
        let time = raw.timestamp.to_string();
        let at_ns = millis(&time).ok_or_else(|| lines.bad("timestamp", &time, MILLIS))?;
        let lengths = Lengths { input_tokens: raw.input_length, output_tokens: raw.output_length };
        for (column, n) in
            [("input_length", raw.input_length), ("output_length", raw.output_length)]
        {
            if n > MOST_TOKENS {
                return Err(lines.bad(column, &n.to_string(), TOKENS));
            }
        }
        lines.push(&mut rows, Row { at_ns, lengths })?;
        if !lines.advance()? {
            return Ok(rows);
        }
    }
}

/// The columns of a CSV trace: (format, time, input, output). The first set whose names are all
/// in the header is taken, whatever their order and case.
const HEADERS: [(TraceFormat, [&str; 3]); 3] = [
    (TraceFormat::Azure, ["TIMESTAMP", "ContextTokens", "GeneratedTokens"]),
    (TraceFormat::MooncakeCsv, ["timestamp_ms", "input_length", "output_length"]),
    (TraceFormat::MooncakeCsv, ["timestamp", "input_length", "output_length"]),
];

/// Reads from the header, at which `lines` stands.
///
/// A line is split at its commas, since no trace has text with commas in it: so one stray quote
/// spoils a line, with its number, and not the rest of the file.
fn csv(lines: &mut Lines<'_>) -> Result<(TraceFormat, Vec<Row>), TraceError> {
    let header: Vec<&str> = lines.text()?.split(',').map(unquoted).collect();
    let find = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
    let known = HEADERS.iter().find_map(|(format, names)| {
        Some((*format, *names, [find(names[0])?, find(names[1])?, find(names[2])?]))
    });
    let Some((format, names, columns)) = known else {
        return Err(TraceError::UnknownColumns { at: lines.at(), found: shortened(lines.text()?) });
    };
    let n_columns = header.len();
    let mut rows = Vec::new();
    while lines.advance()? {
        let fields: Vec<&str> = lines.text()?.split(',').map(unquoted).collect();
        if fields.len() != n_columns {
            let (found, expected) = (fields.len(), n_columns);
            return Err(TraceError::Fields { at: lines.at(), found, expected });
        }
        let [time, input, output] = columns.map(|column| fields[column]);
        let (at_ns, what) = match format {
            TraceFormat::Azure => (date_time(time), DATE_TIME),
            TraceFormat::MooncakeCsv | TraceFormat::MooncakeJsonl => (millis(time), MILLIS),
        };
        let at_ns = at_ns.ok_or_else(|| lines.bad(names[0], time, what))?;
        let tokens = |column, text: &str| {
            let n = text.parse().ok().filter(|n| *n <= MOST_TOKENS);
            n.ok_or_else(|| lines.bad(column, text, TOKENS))
        };
        let lengths = Lengths {
            input_tokens: tokens(names[1], input)?,
            output_tokens: tokens(names[2], output)?,
        };
        lines.push(&mut rows, Row { at_ns, lengths })?;
    }
    Ok((format, rows))
}

/// More tokens than any context window of today holds: such a row is a mistake, and its prompt would
/// be made in memory.
const MOST_TOKENS: u32 = 4_000_000;
const TOKENS: &str = "a number of tokens of at most 4,000,000, such as 655";
const MILLIS: &str = "a time in milliseconds, such as 27482 or 27482.5";
const DATE_TIME: &str = "a time such as 2023-11-16 18:17:03.9799600";

/// Milliseconds to nanoseconds: whole ones exactly, as far as an `i64` holds them (292 years).
#[expect(clippy::cast_possible_truncation, reason = "checked to be within an i64")]
fn millis(text: &str) -> Option<i64> {
    if let Ok(whole_ms) = text.parse::<i64>() {
        return whole_ms.checked_mul(1_000_000);
    }
    let ns = libm::round(text.parse::<f64>().ok()? * 1e6);
    (ns.abs() < 9.2e18).then_some(ns as i64)
}

/// A date and time to nanoseconds of the epoch, with up to nine decimals; one without an offset is
/// read as UTC, for only differences count.
fn date_time(text: &str) -> Option<i64> {
    let stamp = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        jiff::tz::Offset::UTC.to_timestamp(civil).ok()
    })?;
    i64::try_from(stamp.as_nanosecond()).ok()
}

/// A field without white space and the quotes that some programs put around everything.
fn unquoted(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|field| field.strip_suffix('"')).unwrap_or(field)
}

/// What an error shows of a text.
fn shortened(text: &str) -> String {
    const SHOWN_CHARS: usize = 80;
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The lines of a file, unpacked where it is packed, blank ones skipped, each within the limits.
struct Lines<'s> {
    name: String,
    source: Box<dyn BufRead + 's>,
    line_no: u64,
    n_bytes: u64,
    line: Vec<u8>,
}

impl<'s> Lines<'s> {
    fn open(name: String, source: impl Read + 's) -> Result<Self, TraceError> {
        /// What every gzip file begins with (RFC 1952, §2.3.1).
        const GZIP: [u8; 2] = [0x1f, 0x8b];
        let mut source = BufReader::new(source);
        let begin = source
            .fill_buf()
            .map_err(|e| TraceError::Unreadable { at: name.clone(), why: e.to_string() })?;
        let source: Box<dyn BufRead + 's> = if begin.starts_with(&GZIP) {
            Box::new(BufReader::new(MultiGzDecoder::new(source)))
        } else {
            Box::new(source)
        };
        Ok(Self { name, source, line_no: 0, n_bytes: 0, line: Vec::new() })
    }

    /// Goes to the next line that is not blank; false: there is none.
    fn advance(&mut self) -> Result<bool, TraceError> {
        loop {
            self.line.clear();
            self.line_no += 1;
            // One byte more than allowed tells a line that is too long from one that just fits.
            let mut source = self.source.by_ref().take(MAX_TRACE_LINE_BYTES as u64 + 1);
            let n_read = source
                .read_until(b'\n', &mut self.line)
                .map_err(|e| TraceError::Unreadable { at: self.at(), why: e.to_string() })?;
            if n_read == 0 {
                return Ok(false);
            }
            self.n_bytes += n_read as u64;
            self.check_limits(n_read)?;
            if self.line_no == 1 && self.line.starts_with("\u{feff}".as_bytes()) {
                self.line.drain(.."\u{feff}".len());
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    fn check_limits(&self, n_read: usize) -> Result<(), TraceError> {
        let too_large =
            |unit, limit, remedy| Err(TraceError::TooLarge { at: self.at(), unit, limit, remedy });
        if n_read > MAX_TRACE_LINE_BYTES {
            let limit = MAX_TRACE_LINE_BYTES as u64;
            return too_large("bytes in one line", limit, "a trace has one request a line");
        }
        if self.n_bytes > MAX_TRACE_BYTES {
            return too_large("bytes", MAX_TRACE_BYTES, "cut a shorter piece out of the trace");
        }
        Ok(())
    }

    /// The line, without white space at its ends.
    fn text(&self) -> Result<&str, TraceError> {
        std::str::from_utf8(self.line.trim_ascii())
            .map_err(|_| TraceError::NotUtf8 { at: self.at() })
    }

    /// `file:line`.
    fn at(&self) -> String {
        format!("{}:{}", self.name, self.line_no)
    }

    fn bad(&self, column: &'static str, text: &str, what: &'static str) -> TraceError {
        TraceError::BadField { at: self.at(), column, text: shortened(text), what }
    }

    /// Adds the line's row.
    fn push(&self, rows: &mut Vec<Row>, row: Row) -> Result<(), TraceError> {
        if rows.len() >= MAX_ARRIVALS {
            return Err(TraceError::TooLarge {
                at: self.at(),
                unit: "requests",
                limit: MAX_ARRIVALS as u64,
                remedy: "cut a shorter piece out of the trace",
            });
        }
        rows.push(row);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
