//! Load tests: traffic for latency under load. Arrivals are drawn once and sent on time by a
//! scheduler thread; failures are not retried; lateness and dropped requests are counted.

mod closed;
mod error;
mod load_test;
mod open;
mod progress;
mod prompts;
mod recorder;
mod schedule;
mod sweep;

pub use closed::{Closed, run_closed};
pub use error::LoadError;
pub use load_test::{FirstFailure, LoadEnd, LoadSetup, LoadTest};
pub use open::run_open;
pub use progress::{LoadProgress, LoadState};
pub use prompts::Prompts;
pub use recorder::{Recorded, Recorder, RecorderSetup};
pub use schedule::{Timekeeper, Worked, keep_time};
pub use sweep::Search;
