//! One integration crate: a module per feature. The real binary, the simulator on port 0.

#![expect(
    clippy::format_collect,
    clippy::format_push_string,
    reason = "small texts, and a map into a String reads best"
)]

mod support;

mod bad_input;
mod budget;
mod bundled;
mod catalog;
mod catalog_data;
mod cli;
mod dialect_echoes;
mod dialects;
mod echoes;
mod edges;
mod encodings;
mod example;
mod export;
mod faults;
#[cfg(unix)]
mod folders;
mod gate_files;
mod golden_wire;
#[cfg(unix)]
mod hostile;
mod init;
#[cfg(unix)]
mod interrupt;
mod layers;
mod ledger;
mod limits;
mod litellm;
#[cfg(unix)]
mod load;
mod local_counts;
mod money;
mod network;
#[cfg(unix)]
mod no_content;
mod onboard;
mod outcomes;
mod own;
mod ping;
mod price_oracle;
mod refusals;
#[cfg(unix)]
mod resume;
mod schemas;
mod secrets;
mod shape;
mod shards;
mod show;
mod stale;
mod stub;
mod suites;
mod traffic;
mod usages;
mod virtual_time;
mod weights;
mod wire_faults;
