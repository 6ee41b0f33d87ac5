//! Ctrl-C, SIGTERM and SIGHUP.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::watch::Notice;
use super::{Exit, console};
use crate::run::Signals;

/// The folder whose run is recorded. From then on an interrupt ends the process.
pub(super) type Recorded = Arc<Mutex<Option<PathBuf>>>;

/// Interrupts from the moment at which this is made: two in quick succession are two.
#[derive(Debug)]
pub(super) struct Interrupts {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
    /// `None`: whoever started the process wants it to outlive the terminal (`nohup`).
    #[cfg(unix)]
    hangup: Option<tokio::signal::unix::Signal>,
}

impl Interrupts {
    /// Starts to listen. From here on an interrupt no longer ends the process by itself. Must be
    /// called within a runtime.
    ///
    /// # Errors
    /// When the system takes no handler.
    #[cfg(unix)]
    pub(super) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let ignores = ignores_hangup();
        let signals = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        let hangup = if ignores { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { signals, hangup })
    }

    /// Starts to listen.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        #[cfg(unix)]
        {
            let [interrupt, terminate] = &mut self.signals;
            let hangup = async {
                match &mut self.hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup => {}
            }
        }
        #[cfg(not(unix))]
        {
            // An error means that the system takes no handler; then the process ends by default.
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

/// Whether the process was started to go on without its terminal: then SIGHUP is ignored. Told on
/// Linux alone.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The first bit is signal 1, which SIGHUP is.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

/// From here on a file at the limit of its size is an error of the write, as a full disk is, and does
/// not end the process. Where the system takes no handler, it still does.
#[cfg(unix)]
pub(super) fn survive_file_limits() {
    use tokio::signal::unix::{SignalKind, signal};
    let kind = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() {
        // The handler stays when what listens to it is gone.
        let _ = runtime.block_on(async { signal(kind) });
    }
}

/// Elsewhere no signal says so.
#[cfg(not(unix))]
pub(super) fn survive_file_limits() {}

/// Handles interrupts from here on, in a thread that ends with the process. While requests are in
/// flight the first drains and the second aborts them; once the run is recorded, the process ends.
///
/// # Errors
/// When the system takes no handler.
pub(super) fn handle(signals: Signals, recorded: Recorded, notice: Notice) -> io::Result<()> {
    // The caller may be on a runtime, where no other can be entered: the thread has its own.
    let (ready, listening) = std::sync::mpsc::sync_channel(1);
    std::thread::Builder::new().name("interrupts".to_owned()).spawn(move || {
        let started = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let started = started.and_then(|runtime| {
            let interrupts = runtime.block_on(async { Interrupts::listen() })?;
            Ok((runtime, interrupts))
        });
        match started {
            Ok((runtime, mut interrupts)) => {
                let _ = ready.send(Ok(()));
                loop {
                    runtime.block_on(interrupts.next());
                    interrupted(&signals, &recorded, &notice);
                }
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
    })?;
    listening.recv().unwrap_or_else(|_| Err(io::Error::other("the thread ended")))
}

fn interrupted(signals: &Signals, recorded: &Recorded, notice: &Notice) {
    let recorded = recorded.lock().expect("nothing panics while it holds the folder");
    if let Some(run) = &*recorded {
        console::say(&format!(
            "interrupted; every answer is in {run}: weighbridge grade, tune and report it",
            run = run.display()
        ));
        end_process();
    } else if signals.drain.is_cancelled() {
        signals.abort.cancel();
    } else {
        signals.drain.cancel();
        notice.say("interrupted; waiting for in-flight requests (Ctrl-C again to abort)");
    }
}

#[expect(clippy::exit, reason = "the last stages of a run hold nothing that could be lost")]
fn end_process() -> ! {
    std::process::exit(Exit::Incomplete.code().into())
}
