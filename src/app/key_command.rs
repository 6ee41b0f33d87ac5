//! Keys that a command says: a password manager, a cloud's login.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use secrecy::SecretString;

use crate::catalog::KeyCommand;

/// How long a command may take: long enough to unlock a vault by hand.
const PATIENCE: Duration = Duration::from_secs(120);
/// The longest output that can be a key; tokens of clouds take some kilobytes.
const MOST_BYTES: u64 = 64 << 10;

/// Why a command gave no key. Neither its arguments nor what it said are part of it: both may hold
/// the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyCommandError {
    /// The program could not be started.
    #[error("{program} could not be started: {why}")]
    NotStarted {
        /// The program.
        program: String,
        /// What the system said.
        why: String,
    },
    /// It ended with a failure.
    #[error(
        "{program} failed ({status}); run it yourself to see why, for what it says may be a key"
    )]
    Failed {
        /// The program.
        program: String,
        /// Its exit status.
        status: String,
    },
    /// It did not end.
    #[error("{program} did not end within {} s", PATIENCE.as_secs())]
    TooSlow {
        /// The program.
        program: String,
    },
    /// What it said is no key.
    #[error("{program} {what}; it must write the key, and nothing else, to its stdout")]
    NoKey {
        /// The program.
        program: String,
        /// What was wrong.
        what: &'static str,
    },
}

/// Runs the command and takes its stdout, without the white space around it, for the key. Its
/// stderr is read by nobody.
///
/// # Errors
/// See [`KeyCommandError`].
pub(crate) fn run(command: &KeyCommand) -> Result<SecretString, KeyCommandError> {
    let program = command.program().to_owned();
    let mut child = Command::new(command.program())
        .args(command.args())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| KeyCommandError::NotStarted {
            program: program.clone(),
            why: e.to_string(),
        })?;
    let said = output(&mut child);
    let Some(said) = said else {
        // It may have ended meanwhile; there is nothing else to do about it.
        let _ = child.kill();
        let _ = child.wait();
        return Err(KeyCommandError::TooSlow { program });
    };
    let status = child.wait();
    if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
        let status = status.map_or_else(|e| e.to_string(), |status| status.to_string());
        return Err(KeyCommandError::Failed { program, status });
    }
    key(&said).map_err(|what| KeyCommandError::NoKey { program, what })
}

/// What it writes until it closes its stdout; `None`: it does not, in time.
fn output(child: &mut Child) -> Option<Vec<u8>> {
    let stdout = child.stdout.take()?;
    let (sender, said) = mpsc::channel();
    // Ends with the pipe, at the latest with this process: who waits for it is the channel.
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.take(MOST_BYTES + 1).read_to_end(&mut bytes);
        let _ = sender.send(read.map(|_| bytes));
    });
    said.recv_timeout(PATIENCE).ok()?.ok()
}

fn key(said: &[u8]) -> Result<SecretString, &'static str> {
    if said.len() as u64 > MOST_BYTES {
        return Err("said more than a key can be");
    }
    let text = std::str::from_utf8(said).map_err(|_| "said something that is no text")?.trim();
    if text.is_empty() {
        return Err("said nothing");
    }
    if text.contains(char::is_control) {
        return Err("said more than one line");
    }
    Ok(SecretString::from(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn output_is_a_key_without_the_space_around_it() {
        let check = |said: &[u8], expected: Result<&str, &'static str>| {
            let found = key(said);
            let found = found.as_ref().map(ExposeSecret::expose_secret).map_err(|what| *what);
            assert_eq!(found, expected);
        };
        check(b"sk-1\n", Ok("sk-1"));
        check(b"  sk-1\r\n", Ok("sk-1"));
        check(b"\n", Err("said nothing"));
        check(b"welcome\nsk-1\n", Err("said more than one line"));
        check(b"\xff", Err("said something that is no text"));
        check(&vec![b'x'; 70_000], Err("said more than a key can be"));
    }
}
