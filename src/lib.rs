#![doc = include_str!("ARCHITECTURE.md")]

// Reading order, which is also the order of the layers: a module imports only from those above it.
pub mod units;

#[cfg(test)]
mod test_kit;

pub mod stats;

pub mod catalog;
pub mod graders;
pub mod suite;
pub mod weights;
pub mod wire;

pub mod client;
pub mod plan;
pub mod store;

pub mod dispatch;
pub mod sim;

pub mod grade;
pub mod run;

pub mod aggregate;

pub mod tune;

pub mod report;

pub mod app;

pub mod cli;
