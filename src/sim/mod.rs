//! The simulated fleet: providers with a known price, skill per category, latency and faults.
//!
//! It is the demo, the fixture of every test, and the known truth that estimates are checked
//! against. How an endpoint behaves is a pure function of the seed and of what it is asked
//! ([`behaviour`]); a [`Script`] is one response, written down before any of it is sent; and the
//! HTTP server ([`serve`]) and the in-process transport ([`InProcess`]) both only play scripts.

pub mod answer_key;
mod attempt_key;
pub mod behaviour;
pub mod catalog_file;
pub mod delivery;
pub mod fault;
mod fault_injection;
mod fleet_file;
mod http1;
pub mod ledger;
mod limits;
mod memory;
mod models;
pub mod pace;
mod pacer;
pub mod profile;
mod prompt;
pub mod script;
pub mod server;
pub mod simulator;
pub mod transport;
pub mod truth;

pub use answer_key::{AnswerKey, KnownTask};
pub use behaviour::{ParseScaleError, Scale};
pub use delivery::Delivery;
pub use fault::{FaultKind, FaultRate, Faults, ParseFaultError, TooManyFaults};
pub use fleet_file::FleetError;
pub use ledger::{Ledger, LedgerError};
pub use pace::{Pace, ParseScheduleError, Schedule};
pub use profile::{Fleet, Profile};
pub use script::{Ending, Event, Fault, Script};
pub use server::serve;
pub use simulator::Simulator;
pub use transport::InProcess;
pub use truth::Truth;
