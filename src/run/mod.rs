//! Benchmark runs ([`run_trials`]) and load tests ([`load`]), and the client's watch over itself
//! during both.

mod benchmark;
pub mod calibrate;
pub mod load;
pub mod ping;
mod progress;
mod render;
mod spend_watch;
mod validity;

pub use benchmark::{PlanProgress, RunEnd, RunError, Signals, max_cost, run_trials, suites};
pub use progress::{EndpointProgress, Progress};
pub use spend_watch::SpendWatch;
pub use validity::{IoThreads, LoadChecks, Watch, judge, judge_load};
