#![doc = include_str!("ARCHITECTURE.md")]
//!
//! ## The library
//!
//! [`app`] is the library's API, [`weights`] the file that it tunes. The modules hidden from this
//! page are public for the project's own tests, benches and fuzz targets, and change without notice.

// Reading order, which is also the order of the layers: a module imports only from those above it.
#[doc(hidden)]
pub mod units;

#[cfg(test)]
mod test_kit;

#[doc(hidden)]
pub mod stats;

#[doc(hidden)]
pub mod catalog;
#[doc(hidden)]
pub mod graders;
#[doc(hidden)]
pub mod outcomes;
#[doc(hidden)]
pub mod suite;
pub mod weights;
#[doc(hidden)]
pub mod wire;

#[doc(hidden)]
pub mod client;
#[doc(hidden)]
pub mod plan;
#[doc(hidden)]
pub mod store;

#[doc(hidden)]
pub mod dispatch;
#[doc(hidden)]
pub mod sim;

#[doc(hidden)]
pub mod grade;
#[doc(hidden)]
pub mod run;

#[doc(hidden)]
pub mod aggregate;

#[doc(hidden)]
pub mod tune;

#[doc(hidden)]
pub mod export;
#[doc(hidden)]
pub mod report;

pub mod app;

#[doc(hidden)]
pub mod cli;
