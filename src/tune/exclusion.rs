//! Why an endpoint may not get weight in a category.

use std::fmt;

use super::evidence::Saving;
use super::text;
use crate::stats::Estimate;
use crate::units::prose;

/// The fewest tasks scored for both an endpoint and today's that are compared.
pub(super) const MIN_TASKS: usize = 10;
/// The smallest saving that is worth a move, as a share of today's cost.
pub(super) const PAYS: f64 = 0.01;

/// Why an endpoint may not get weight in a category.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Exclusion {
    /// Its cost is unknown.
    PriceUnknown,
    /// The cost of so many of its answers is unknown, of so many.
    CostUnknown(u64, u64),
    /// It is ineligible for this many of the tasks.
    Ineligible(u64),
    /// The share of its trials that failed, and of today's.
    Unanswered(f64, f64),
    /// Too few tasks are scored for it and for today's endpoint.
    TooFewTasks(u64),
    /// There is a latency objective, and its latency is unknown.
    NoLatency,
    /// Shown to be worse than today's by more than the margin.
    Worse(Estimate, f64),
    /// Likely within the margin, though not shown to be.
    Likely(Estimate, f64),
    /// Not shown to be within the margin: the sample is too small.
    Unproven(Estimate, f64),
    /// It does not cost less than today's, or is not shown to.
    NotCheaper(Saving),
    /// Nothing can be compared here.
    NothingToCompare,
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PriceUnknown => f.write_str("its price is not known"),
            Self::CostUnknown(n, of) => write!(
                f,
                "the cost of {} of its {} is not known",
                prose::group_thousands(*n),
                prose::pluralize(*of, "answer")
            ),
            Self::Ineligible(tasks) => {
                write!(f, "it cannot take {}", prose::pluralize(*tasks, "task"))
            }
            Self::Unanswered(failed, today) => write!(
                f,
                "{} of its trials failed, {} of today's",
                prose::percent(*failed),
                prose::percent(*today)
            ),
            Self::TooFewTasks(n) => write!(
                f,
                "{} scored for it and for today's endpoint; {MIN_TASKS} are needed",
                prose::pluralize(*n, "task")
            ),
            Self::NoLatency => f.write_str("its time to first token is not known"),
            Self::Worse(difference, margin) => write!(
                f,
                "worse by more than {} pt: {}",
                text::points(*margin),
                text::difference(difference)
            ),
            Self::Likely(difference, margin) => write!(
                f,
                "likely within {} pt: {}",
                text::points(*margin),
                text::difference(difference)
            ),
            Self::Unproven(difference, margin) => write!(
                f,
                "not shown to be within {} pt: {}",
                text::points(*margin),
                text::difference(difference)
            ),
            Self::NotCheaper(saving) if saving.high <= PAYS => f.write_str("it is not cheaper"),
            Self::NotCheaper(saving) => {
                write!(f, "not shown cheaper: saves {}", saving.in_percent())
            }
            Self::NothingToCompare => f.write_str("there is nothing to compare it with"),
        }
    }
}

impl Exclusion {
    /// The reason without its numbers, to group categories.
    pub fn short(&self) -> String {
        match self {
            Self::PriceUnknown => "its price is not known".to_owned(),
            Self::CostUnknown(..) => "the cost of its answers is not known".to_owned(),
            Self::Ineligible(_) => "it cannot take some tasks".to_owned(),
            Self::Unanswered(..) => "it fails more often than today's endpoint".to_owned(),
            Self::TooFewTasks(_) => "too few scored tasks".to_owned(),
            Self::NoLatency => "its time to first token is not known".to_owned(),
            Self::Worse(_, margin) => format!("worse by more than {} pt", text::points(*margin)),
            Self::Likely(_, margin) => format!("likely within {} pt", text::points(*margin)),
            Self::Unproven(_, margin) => {
                format!("not shown to be within {} pt", text::points(*margin))
            }
            Self::NotCheaper(_) => "not shown cheaper".to_owned(),
            Self::NothingToCompare => "there is nothing to compare it with".to_owned(),
        }
    }

    /// Whether the endpoint may be a fallback: quality may be lower, but an answer must be likely and
    /// its cost known.
    pub fn can_be_fallback(&self) -> bool {
        match self {
            Self::PriceUnknown
            | Self::CostUnknown(..)
            | Self::Ineligible(_)
            | Self::Unanswered(..) => false,
            Self::TooFewTasks(_)
            | Self::NoLatency
            | Self::Worse(..)
            | Self::Likely(..)
            | Self::Unproven(..)
            | Self::NotCheaper(_)
            | Self::NothingToCompare => true,
        }
    }
}
