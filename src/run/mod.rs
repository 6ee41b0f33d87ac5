//! The task lane: every trial of a plan is asked once, interleaved. The load lane: traffic. In both
//! the run watches its own client.

pub mod calibrate;
mod lane;
pub mod load;
pub mod ping;
mod progress;
mod render;
mod validity;

pub use lane::{Asked, RunEnd, RunError, Signals, dearest, run_tasks, suites};
pub use progress::{EndpointProgress, Progress};
pub use validity::{IoThreads, LoadChecks, Watch, judge, judge_load};
