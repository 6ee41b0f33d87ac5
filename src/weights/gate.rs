//! What a file says of the test that let it replace the one before, or kept the one before.

use serde::{Deserialize, Serialize};

/// The tasks that are remembered as used. Beyond them no further evidence is counted, so that a task
/// never counts twice.
const MOST_USED: usize = 16_384;
/// The hexadecimal digits that a task is remembered by. Two tasks that share them count as one, which
/// leaves evidence out and adds none.
const DIGITS: usize = 8;

/// The test of a new file against the one that is served by, on tasks that did not choose it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateTest {
    /// Whether the new file replaces the one before.
    pub replaces: bool,
    /// When the file before was made (RFC 3339).
    pub against: String,
    /// The hash of the mixes that were proposed.
    pub proposal: String,
    /// The accepted loss over the categories that differ, score units.
    pub margin: f64,
    /// The evidence: the wealth of a gambler who bets on "within the margin" with a stake of 1.
    pub wealth: f64,
    /// The wealth from which the new file replaces the one before.
    pub needed: f64,
    /// The tasks that the evidence rests on.
    pub tasks: u64,
    /// The wealth of each bet, as a logarithm: where the next night goes on.
    pub log_wealth: Vec<f64>,
    /// The tasks that were used against the file before, eight hexadecimal digits each: none counts
    /// twice.
    pub used: UsedTasks,
}

/// Tasks that have been used, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UsedTasks(String);

impl UsedTasks {
    /// Whether a task, by the hash of its key in hexadecimal, was used, or can no longer be
    /// remembered.
    #[must_use]
    pub fn bars(&self, hash: &str) -> bool {
        let text = self.0.as_bytes();
        text.len() >= MOST_USED * DIGITS
            || text.chunks(DIGITS).any(|used| Some(used) == hash.as_bytes().get(..DIGITS))
    }

    /// Remembers a task.
    pub fn add(&mut self, hash: &str) {
        self.0.push_str(hash.get(..DIGITS).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_counts_once_and_memory_is_bounded() {
        let mut used = UsedTasks::default();
        used.add("0123456789abcdef");
        assert!(used.bars("01234567ffffffff"));
        assert!(!used.bars("1234567012345670"), "only whole entries are compared");
        assert!(!used.bars("fedcba9876543210"));
        for task in 1..MOST_USED {
            used.add(&format!("{task:08x}"));
        }
        assert!(used.bars("fedcba9876543210"), "nothing more is remembered, so nothing counts");
    }
}
