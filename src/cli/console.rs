//! The two ways out: stdout is data, stderr is talk.

use std::io::{self, IsTerminal, Write};

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

/// Says something on stderr. Nothing can be done where that fails.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether somebody watches stderr.
#[must_use]
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}
