//! Numbers in, estimates out. Pure functions: no clock, no file, no `async`.
//!
//! Every estimate has its sample size, its interval, the interval's confidence level and the name of
//! its method.

pub mod betting;
pub mod blocks;
mod estimate;
pub mod hierarchy;
mod level;
mod matrix;
pub mod mean;
pub mod multiple;
#[cfg(test)]
mod oracle;
pub mod paired;
pub mod proportion;
pub mod quantile;
pub mod ratio;
pub mod special;
pub mod tango;

pub use estimate::{Estimate, Method};
pub use level::Level;
