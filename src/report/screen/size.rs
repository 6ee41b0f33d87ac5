//! The size of a screen.

/// The lines of a terminal that everybody has.
pub(crate) const LINES: usize = 24;
/// Its columns.
pub(crate) const COLUMNS: usize = 80;
