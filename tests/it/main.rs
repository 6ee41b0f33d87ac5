//! One integration crate: a module per feature. The real binary, the simulator on port 0.

mod support;

mod bad_input;
mod budget;
mod cli;
mod example;
mod faults;
#[cfg(unix)]
mod interrupt;
mod layers;
mod ledger;
mod own;
mod secrets;
mod stub;
mod suites;
mod virtual_time;
