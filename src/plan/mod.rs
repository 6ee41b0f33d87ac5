//! Catalog, suites and options to an ordered list of trials, and what they will cost.
//!
//! Trials stand in blocks of tasks; within a block, every endpoint × repeat × task in seeded random
//! order, so that drift over the hour falls on all endpoints alike.

mod answers;
pub mod arrivals;
pub mod bounds;
pub mod config;
pub mod eligible;
pub mod estimate;
pub mod key;
pub mod pick;
mod policy;
pub mod privacy;
pub mod select;
mod shape_notes;
pub mod shard;
pub mod show;
#[cfg(test)]
mod tests;
pub mod trace;
mod trials;

pub use answers::PlanAnswer;
pub use arrivals::{Arrivals, Lengths, Shape, Step, draw};
pub use bounds::{input_bound, max_tokens, output_bound};
pub(crate) use config::OTHERS;
pub use config::{Config, ConfigError, Spend, SuiteEntry};
pub use eligible::Ineligible;
pub use estimate::{PlanEstimate, estimate};
pub use policy::RequestPolicy;
pub use privacy::{Privacy, Refusal};
pub use select::SelectError;
pub use shard::{ParseShardError, Part, Shard};
pub use show::show;
pub use trace::{Trace, TraceError, read_trace};
pub use trials::{MAX_TRIALS, Plan, PlanError, TASKS_PER_BLOCK, Trial};
