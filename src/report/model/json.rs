//! Reports as JSON text.

use serde::Serialize;

/// The version of the format.
pub(super) const FORMAT_VERSION: u32 = 1;

/// The text of a report: indented, a line feed at the end.
pub(super) fn to_json(report: &impl Serialize) -> String {
    let mut text =
        serde_json::to_string_pretty(report).expect("numbers, strings and maps of them only");
    text.push('\n');
    text
}
