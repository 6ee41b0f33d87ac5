//! The weights file: its types, its JSON, and the checks that its schema cannot express.

mod file;
mod read;

pub use file::{
    CategoryWeights, CellEstimates, CountedDifference, Expected, FORMAT_VERSION, Objective, PARTS,
    TaskForecast, Verdict, VerdictWord, WeightsFile,
};
pub use read::{SCHEMA, WeightsError};
