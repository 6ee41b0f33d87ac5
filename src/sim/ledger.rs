//! The ledger: one JSON line per request with its intended result, its writes and its bill.
//!
//! It is evidence for tests, so it holds only what happened on this side of the socket and nothing
//! that the client stated.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;

use crate::units::{Clock, EndpointId, Stamp, Usd};

/// The most queued lines; a request beyond them waits for the disk.
const MOST_WAITING: usize = 16_384;
/// How long a line may stay in memory.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// One request.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The client's key, or a generated name.
    pub id: String,
    /// The endpoint; `None` where the request named none.
    pub endpoint: Option<EndpointId>,
    /// The task; `None` where the prompt is not in the answer key.
    pub task: Option<String>,
    /// When the request was fully read.
    pub read_ns: u64,
    /// When the write of each token event returned.
    pub writes_ns: Vec<u64>,
    /// The HTTP status.
    pub status: u16,
    /// Whether the answer is intended to be right; `None`: unknown, or no answer.
    pub intended_pass: Option<bool>,
    /// The intended failure.
    pub fault: Option<&'static str>,
    /// Prompt tokens billed.
    pub input_tokens: u64,
    /// Of those, read from the cache.
    pub cached_tokens: u64,
    /// Output tokens billed.
    pub output_tokens: u64,
    /// Of those, reasoning.
    pub reasoning_tokens: u64,
    /// Dollars billed, every digit; a client that leaves early still pays in full.
    pub billed_usd: Usd,
    /// Whether everything was written.
    pub complete: bool,
}

/// Why a ledger could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}", path = path.display())]
pub struct LedgerError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// A ledger and its writer thread.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    lines: Mutex<Option<SyncSender<Entry>>>,
    writer: Mutex<Option<JoinHandle<io::Result<u64>>>>,
}

impl Ledger {
    /// Starts a ledger in a new file, or empties an old one.
    pub fn create(path: &Path, clock: Clock) -> Result<Self, LedgerError> {
        let failed = |source| LedgerError { path: path.to_owned(), source };
        let file = File::create(path).map_err(failed)?;
        let (lines, received) = sync_channel(MOST_WAITING);
        let writer = std::thread::Builder::new()
            .name("sim-ledger".to_owned())
            .spawn(move || write_lines(file, &received, &clock))
            .map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            lines: Mutex::new(Some(lines)),
            writer: Mutex::new(Some(writer)),
        })
    }

    /// Adds a line. Lines after the end or after a disk error are lost; `finish` returns the error.
    pub(super) fn enter(&self, entry: Entry) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(lines) = lines {
            drop(lines.send(entry));
        }
    }

    /// Writes the queued lines; returns the number of lines, or the error. A second call returns 0.
    pub fn finish(&self) -> Result<u64, LedgerError> {
        drop(self.lines.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(writer) = writer else { return Ok(0) };
        writer
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the ledger's thread ended early")))
            .map_err(|source| LedgerError { path: self.path.clone(), source })
    }
}

impl Drop for Ledger {
    /// The last lines reach the file without `finish`; an error is then lost.
    fn drop(&mut self) {
        drop(self.finish());
    }
}

fn write_lines(file: File, entries: &Receiver<Entry>, clock: &Clock) -> io::Result<u64> {
    let mut out = BufWriter::new(file);
    let mut n_lines = 0;
    let mut flushed: Stamp = clock.now();
    loop {
        match entries.recv_timeout(FLUSH_EVERY) {
            Ok(entry) => {
                serde_json::to_writer(&mut out, &entry)?;
                out.write_all(b"\n")?;
                n_lines += 1;
                if clock.now().since(flushed) < FLUSH_EVERY {
                    continue;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                out.flush()?;
                return Ok(n_lines);
            }
        }
        out.flush()?;
        flushed = clock.now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_every_key_in_its_form() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("ledger.jsonl");
        let ledger = Ledger::create(&path, Clock::real()).expect("a new file");
        ledger.enter(Entry {
            id: "k".to_owned(),
            endpoint: Some(EndpointId::from_text("a/b@c")),
            task: None,
            read_ns: 1,
            writes_ns: vec![2, 3],
            status: 200,
            intended_pass: Some(true),
            fault: None,
            input_tokens: 4,
            cached_tokens: 0,
            output_tokens: 6,
            reasoning_tokens: 5,
            billed_usd: "0.00000125".parse().expect("a decimal"),
            complete: true,
        });
        assert_eq!(ledger.finish().expect("written"), 1);
        let text = std::fs::read_to_string(&path).expect("readable");
        let expected = concat!(
            r#"{"id":"k","endpoint":"a/b@c","task":null,"read_ns":1,"writes_ns":[2,3],"status":200,"#,
            r#""intended_pass":true,"fault":null,"input_tokens":4,"cached_tokens":0,"#,
            r#""output_tokens":6,"reasoning_tokens":5,"billed_usd":"0.00000125","complete":true}"#,
            "\n"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named() {
        let path = Path::new("no such folder/ledger.jsonl");
        let error = Ledger::create(path, Clock::real()).expect_err("no such folder");
        assert!(error.to_string().starts_with("no such folder/ledger.jsonl: "), "{error}");
    }
}
