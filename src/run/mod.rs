//! The task lane: every trial of a plan is asked once, interleaved, while the run watches its own
//! client.

mod lane;
mod progress;
mod validity;

pub use lane::{LaneEnd, RunError, Signals, dearest, run_tasks};
pub use progress::{EndpointProgress, Progress};
pub use validity::{IoThreads, Watch, judge};
