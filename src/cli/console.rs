//! Output: data on stdout, notices on stderr.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::wrap::{COLUMNS, wrapped};
use crate::units::escape::escape_control_lines;

/// Writes data to stdout. A reader that has gone away (`| head`) is success.
///
/// # Errors
/// Any other failure to write.
pub(super) fn data(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes a table for people to stdout. Names in it come from files of others: control characters
/// are escaped.
///
/// # Errors
/// As of [`data`].
pub(super) fn table(text: &str) -> io::Result<()> {
    data(&escape_control_lines(text))
}

/// Prints a notice on stderr, with control characters escaped. A failure to write is ignored.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", escape_control_lines(text));
}

/// Prints a notice in lines of at most 80 columns, broken between words.
pub(super) fn say_wrapped(text: &str) {
    let lines = wrapped(text, COLUMNS, COLUMNS - 2);
    say(&lines.join("\n  "));
}

/// The log: stderr, a record at a time, with control characters escaped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log;

impl Write for Log {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(record);
        io::stderr().lock().write_all(escape_control_lines(&text).as_bytes())?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Asks a question that is answered with yes or no, until `is_over`, which is a no; `None`: not on a
/// terminal.
pub(super) fn ask(question: &str, is_over: impl Fn() -> bool) -> Option<bool> {
    const LOOK: Duration = Duration::from_millis(100);
    if !io::stdin().is_terminal() || !is_watched() {
        return None;
    }
    let _ = write!(io::stderr().lock(), "{question} [y/N] ");
    // The thread stays with its line where the question is over: nothing else reads there.
    let (told, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line);
        let _ = told.send(read.is_ok().then_some(line));
    });
    loop {
        match answer.recv_timeout(LOOK) {
            Ok(line) => {
                let word = line?.trim().to_ascii_lowercase();
                return Some(matches!(word.as_str(), "y" | "yes"));
            }
            Err(RecvTimeoutError::Timeout) if is_over() => return Some(false),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// The columns of the terminal: `COLUMNS` where it is a number, else those of stdout's; 80 where
/// that is none.
pub(super) fn columns() -> usize {
    const DEFAULT: usize = 80;
    let stated = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    #[cfg(unix)]
    let stated = stated.or_else(|| {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col))
    });
    stated.filter(|columns| *columns > 0).unwrap_or(DEFAULT)
}

/// Whether stderr is a terminal.
pub(super) fn is_watched() -> bool {
    io::stderr().is_terminal()
}
