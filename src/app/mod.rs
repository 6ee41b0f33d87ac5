//! The application: everything between arguments and layers.

pub mod baseline;
pub mod calibrate;
pub mod catalog;
pub mod catalog_source;
pub mod csv_rows;
pub mod execution;
pub mod fleet;
pub mod grade;
pub mod init;
pub mod inputs;
pub mod key_command;
pub mod load;
pub mod merge;
pub mod plan;
pub mod policy;
pub mod report;
pub mod reprice;
pub mod resume;
pub mod run;
pub mod selection;
pub mod shard;
pub mod snapshots;
pub mod spend;
pub mod tune;
