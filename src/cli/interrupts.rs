//! Ctrl-C and SIGTERM.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Exit, console};

/// Hears interrupts from the moment at which it is made: two in quick succession are two.
#[derive(Debug)]
pub struct Interrupts {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

impl Interrupts {
    /// Starts to listen. From here on an interrupt no longer ends the process by itself. Must be
    /// called within a runtime.
    ///
    /// # Errors
    /// When the system takes no handler.
    #[cfg(unix)]
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        Ok(Self { signals })
    }

    /// Starts to listen.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    pub fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// From here on an interrupt ends the process: every request has ended and is recorded, and what
    /// is left to do can be done again. The thread goes with the process.
    ///
    /// # Errors
    /// When the system takes no handler.
    pub fn end_the_process(dir: &Path) -> io::Result<()> {
        let run = dir.display().to_string();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("interrupts".to_owned()).spawn(move || {
            let heard = runtime.block_on(async {
                let mut interrupts = Self::listen()?;
                interrupts.next().await;
                io::Result::Ok(())
            });
            if heard.is_ok() {
                console::say(&format!(
                    "interrupted; every answer is in {run}: weighbridge grade, tune and report it"
                ));
                leave();
            }
        })?;
        Ok(())
    }

    /// A flag that an interrupt raises, from here to the end of the process: for what looks at it
    /// between two things.
    ///
    /// # Errors
    /// When the system takes no handler.
    pub fn flag() -> io::Result<Arc<AtomicBool>> {
        let raised = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&raised);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut interrupts = runtime.block_on(async { Self::listen() })?;
        std::thread::Builder::new().name("interrupts".to_owned()).spawn(move || {
            runtime.block_on(interrupts.next());
            raised.store(true, Ordering::Release);
        })?;
        Ok(flag)
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        {
            let [interrupt, terminate] = &mut self.signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        #[cfg(not(unix))]
        {
            // An error means that the system takes no handler; then the process ends by default.
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[expect(clippy::exit, reason = "an interrupt of the last stages, which hold nothing to lose")]
fn leave() -> ! {
    std::process::exit(Exit::Incomplete.code().into())
}
