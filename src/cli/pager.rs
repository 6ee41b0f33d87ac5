//! Long output on a terminal: through a pager.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::{Child, Command, Stdio};

/// Where long output goes: to `$PAGER` (`less` where it is not set) on a terminal, else to stdout.
pub(super) enum Pager {
    /// A program that shows it.
    Program(Child),
    /// Stdout.
    Plain(io::Stdout),
}

impl Pager {
    /// Starts the pager, where there is a terminal and a pager. `PAGER` empty or `cat`: none.
    pub(super) fn start() -> Self {
        let plain = || Self::Plain(io::stdout());
        if !io::stdout().is_terminal() {
            return plain();
        }
        let program = std::env::var_os("PAGER").unwrap_or_else(|| OsString::from("less"));
        if program.is_empty() || program == "cat" {
            return plain();
        }
        // It may have arguments of its own.
        let mut command = if cfg!(unix) {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(&program);
            shell
        } else {
            Command::new(&program)
        };
        if std::env::var_os("LESS").is_none() {
            // Quit where it fits on a screen, cut no line, leave the text there.
            command.env("LESS", "FRX");
        }
        command.stdin(Stdio::piped()).spawn().map_or_else(|_| plain(), Self::Program)
    }

    /// Waits until the reader has seen it.
    pub(super) fn end(self) -> io::Result<()> {
        match self {
            Self::Program(mut child) => {
                drop(child.stdin.take());
                child.wait().map(drop)
            }
            Self::Plain(mut out) => match out.flush() {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                flushed => flushed,
            },
        }
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Program(child) => child.stdin.as_mut().expect("it is piped").write(bytes),
            Self::Plain(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Program(child) => child.stdin.as_mut().expect("it is piped").flush(),
            Self::Plain(out) => out.flush(),
        }
    }
}
