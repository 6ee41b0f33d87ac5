//! Headers of this program.

/// Every response of the simulator has it, with the value `1`.
pub const SIMULATED_HEADER: &str = "x-weighbridge-simulated";
