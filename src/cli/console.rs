//! The two ways out: stdout is data, stderr is talk.

use std::io::{self, IsTerminal, Write};

use crate::units::escape::escape_control_lines;

/// Writes data to stdout. A reader that has gone away (`| head`) is success.
///
/// # Errors
/// Any other failure to write.
pub fn data(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes a table for people to stdout. Names in it come from files that others wrote: nothing in
/// them acts on a terminal.
///
/// # Errors
/// As of [`data`].
pub fn table(text: &str) -> io::Result<()> {
    data(&escape_control_lines(text))
}

/// Says something on stderr, of which nothing acts on a terminal. Nothing can be done where that
/// fails.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", escape_control_lines(text));
}

/// Where the log goes: stderr, a record at a time, of which nothing acts on a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Log;

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

/// Asks a question that is answered with yes or no; `None`: nobody is there to answer.
pub fn ask(question: &str) -> Option<bool> {
    if !io::stdin().is_terminal() || !is_watched() {
        return None;
    }
    let _ = write!(io::stderr().lock(), "{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok()?;
    Some(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Whether somebody watches stderr.
#[must_use]
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}
