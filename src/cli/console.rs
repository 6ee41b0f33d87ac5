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
