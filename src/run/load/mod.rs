//! The load lane: traffic for latency under load. Arrivals are drawn once and sent on time by a
//! scheduler of its own; nothing is retried; what is late is counted, and so is what is left out.

mod closed;
mod lane;
mod open;
mod progress;
mod prompts;
mod recorder;
mod schedule;
mod sweep;

pub use closed::{Closed, run_closed};
pub use lane::{LoadEnd, LoadSetup, LoadTest};
pub use open::run_open;
pub use progress::{LoadProgress, LoadState};
pub use prompts::Prompts;
pub use recorder::{Recorded, Recorder, RecorderSetup};
pub use schedule::{Timekeeper, Worked, keep_time};
pub use sweep::Search;

/// The load lane cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The run database failed.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The system gave no thread.
    #[error("no thread for the load lane: {0}")]
    Thread(std::io::Error),
    /// One of our own threads or tasks panicked: our own bug.
    #[error("the load lane broke: {0}")]
    Broken(&'static str),
}
