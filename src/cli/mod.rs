//! The command line: arguments to options, events to text, outcomes to exit codes. The only place
//! that prints.

mod args;
mod calibrate;
mod catalog;
mod console;
mod exit;
mod export;
mod failure;
mod finished;
mod init;
mod interrupts;
mod load;
mod outcomes;
mod pager;
mod panics;
mod plan;
mod program;
mod run;
mod shard;
mod show;
mod sim;
mod suite;
mod table;
mod terminal;
mod watch;
mod weights;
mod wrap;

pub use exit::Exit;
pub use program::main;
