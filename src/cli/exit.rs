//! Exit codes: one table, here and in the README.

use std::process::ExitCode;

use crate::app::RunStatus;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Ok,
    /// An internal error, or the infrastructure's: a database, a disk, every request failed.
    Internal,
    /// Usage, bad input, or a refusal before any request was sent.
    Usage,
    /// The run is incomplete: interrupted, a budget is used up, an endpoint was given up, a shard is
    /// missing; or an endpoint or a category has no answer.
    Incomplete,
    /// The client could not keep up: the run's latencies mean nothing.
    Invalid,
    /// `tune --require-proven`: the new weights are not shown to be within the margin.
    Unproven,
}

impl Exit {
    /// All, in the order of their codes.
    pub const ALL: [Self; 6] =
        [Self::Ok, Self::Internal, Self::Usage, Self::Incomplete, Self::Invalid, Self::Unproven];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Incomplete => 12,
            Self::Invalid => 13,
            Self::Unproven => 14,
        }
    }

    /// What it means, for `--help`.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Internal => "internal or infrastructure error",
            Self::Usage => "usage, bad input, or refused before any request was sent",
            Self::Incomplete => {
                "incomplete: budget used up, interrupted, an endpoint given up, or NO DATA"
            }
            Self::Invalid => "invalid measurement: the client could not keep up",
            Self::Unproven => {
                "tune --require-proven: the new weights are not shown to be within the margin"
            }
        }
    }
}

/// The table, for `run --help`.
pub(super) const TABLE: &str = "Exit codes:
   0  ok
   1  internal or infrastructure error
   2  usage, bad input, or refused before any request was sent
  12  incomplete: budget used up, interrupted, an endpoint given up, or NO DATA
  13  invalid measurement: the client could not keep up
  14  tune --require-proven: the new weights are not shown to be within the margin";

impl From<RunStatus> for Exit {
    fn from(status: RunStatus) -> Self {
        match status {
            RunStatus::Complete => Self::Ok,
            RunStatus::Incomplete | RunStatus::NoData => Self::Incomplete,
            RunStatus::Invalid => Self::Invalid,
            RunStatus::Failed => Self::Internal,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_every_code() {
        let lines: Vec<String> = Exit::ALL
            .into_iter()
            .map(|exit| format!("{:>4}  {}", exit.code(), exit.meaning()))
            .collect();
        assert_eq!(TABLE, format!("Exit codes:\n{}", lines.join("\n")));
    }
}
