//! Keys that a command says: a password manager, a cloud's login.

use std::io::Read;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;

use crate::catalog::KeyCommand;
use crate::units::Clock;

/// How long a command may take: long enough to unlock a vault by hand.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long to wait for the rest of the output of a command that has ended.
const AFTER_END: Duration = Duration::from_millis(500);
/// How often a command is looked at.
const POLL: Duration = Duration::from_millis(5);
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
    #[error("{program} did not end within {} s", limit.as_secs())]
    TooSlow {
        /// The program.
        program: String,
        /// How long it was waited for.
        limit: Duration,
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
    run_within(command, PATIENCE)
}

fn run_within(command: &KeyCommand, limit: Duration) -> Result<SecretString, KeyCommandError> {
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
    let said = child.stdout.take().map(listen);
    let Some(status) = wait(&mut child, limit) else {
        // It may have ended meanwhile; there is nothing else to do about it.
        let _ = child.kill();
        let _ = child.try_wait();
        return Err(KeyCommandError::TooSlow { program, limit });
    };
    if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
        let status = status.map_or_else(|e| e.to_string(), |status| status.to_string());
        return Err(KeyCommandError::Failed { program, status });
    }
    let said = said.map(|said| said.wait(AFTER_END)).unwrap_or_default();
    key(&said).map_err(|what| KeyCommandError::NoKey { program, what })
}

/// Waits for the command itself, whatever became of its pipes; `None`: it does not end in time.
fn wait(child: &mut Child, limit: Duration) -> Option<std::io::Result<ExitStatus>> {
    let clock = Clock::real();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(Ok(status)),
            Err(error) => return Some(Err(error)),
            Ok(None) if clock.now().since(clock.anchor()) >= limit => return None,
            Ok(None) => std::thread::sleep(POLL),
        }
    }
}

/// What a command has written so far.
#[derive(Clone, Default)]
struct Said(Arc<Shared>);

#[derive(Default)]
struct Shared {
    output: Mutex<Output>,
    changed: Condvar,
}

#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    ended: bool,
}

impl Said {
    /// Waits for the end of the pipe, which another process that the command has started may keep
    /// open; then for no longer than this.
    fn wait(&self, limit: Duration) -> Vec<u8> {
        let output = self.0.output.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.changed.wait_timeout_while(output, limit, |output| !output.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.bytes.clone()
    }

    fn take(&self, more: &[u8], ended: bool) {
        let mut output = self.0.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.bytes.extend_from_slice(more);
        output.ended = ended;
        self.0.changed.notify_all();
    }
}

/// Reads a command's stdout on a thread that ends with the pipe, at the latest with this process.
fn listen(stdout: ChildStdout) -> Said {
    let said = Said::default();
    let heard = said.clone();
    std::thread::spawn(move || {
        let mut stdout = stdout.take(MOST_BYTES + 1);
        let mut part = [0; 4096];
        while let Ok(n @ 1..) = stdout.read(&mut part) {
            heard.take(&part[..n], false);
        }
        heard.take(&[], true);
    });
    said
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

    #[cfg(unix)]
    #[test]
    fn a_command_ends_at_its_limit_whatever_its_pipes_do() {
        let shell = |script: &str| {
            let words = ["sh", "-c", script].map(str::to_owned);
            KeyCommand::new(&words).expect("a program")
        };
        let limit = Duration::from_millis(300);
        let clock = Clock::real();
        let key = run_within(&shell("sleep 30 & echo sk-1"), limit);
        assert_eq!(key.expect("it was said").expose_secret(), "sk-1");
        let closed = run_within(&shell("exec >&-; sleep 30"), limit).expect_err("it hangs");
        assert_eq!(closed, KeyCommandError::TooSlow { program: "sh".to_owned(), limit });
        let _ = run_within(&shell("sleep 30 & sleep 30"), limit).expect_err("both hang");
        assert!(clock.now().since(clock.anchor()) < Duration::from_secs(20));
    }

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
