//! The weights file: its types, its JSON, the checks that its schema cannot express, what is wrong in
//! one, and what changes from one to another.

mod diff;
mod file;
mod gate;
mod lint;
mod read;

pub use diff::{CategoryDiff, Change, ExpectedChange, RoutingChange, WeightsDiff, compare};
pub use file::{
    CategoryWeights, CellEstimates, CountedDifference, Expected, FORMAT_VERSION, Objective, PARTS,
    TaskForecast, Verdict, VerdictWord, WeightsFile,
};
pub use gate::{GateTest, UsedTasks};
pub use lint::{Finding, RunStamp, lint};
pub use read::{SCHEMA, WeightsError};
