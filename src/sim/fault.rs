//! Injected faults: the ways in which a provider, or a proxy before it, breaks an answer.
//!
//! A fault changes a finished `Script`, so that server and in-process transport play the same
//! one. Whether a request has one is a pure draw of the seed and the attempt.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use crate::wire::server::answer::Closing;

use super::behaviour::Case;

/// A way to break an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "`FaultKind::meaning` says what each is, here and in the help")]
pub enum FaultKind {
    TooMany,
    TooManySeconds,
    TooManyDate,
    Status500,
    Status502,
    Status503,
    Status529,
    ResetBeforeHead,
    ResetAfterHead,
    Cut,
    HangBeforeHead,
    HangBeforeToken,
    HangBetweenTokens,
    MalformedJson,
    ErrorInteger,
    ErrorString,
    EmptyStream,
    NoDone,
    NoEnd,
    UsageMissing,
    UsageTwice,
    UsageOnLast,
    LongLine,
    HugeBody,
    InvalidUtf8,
    LengthOver,
    LengthUnder,
    Gzip,
    Redirect,
    Stale,
}

/// The injected faults with their rates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults(Vec<(FaultKind, f64)>);

/// A fault and the share of the requests that it affects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultRate {
    /// The fault.
    pub kind: FaultKind,
    /// The share, above 0 and at most 1.
    pub rate: f64,
}

/// Why a fault cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseFaultError {
    /// There is no such fault.
    #[error("{0:?} is no fault; `weighbridge sim --help` lists them")]
    Kind(String),
    /// The rate is not a share.
    #[error("{0:?} is no share: write KIND=RATE with RATE above 0 and at most 1, such as 429=0.1")]
    Rate(String),
}

/// The sum of the rates of several faults is above 1.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("the rates of all faults are together {0}, which is above 1")]
pub struct TooManyFaults(f64);

impl FaultKind {
    /// All, in the order of the help.
    pub const ALL: [Self; 30] = [
        Self::TooMany,
        Self::TooManySeconds,
        Self::TooManyDate,
        Self::Status500,
        Self::Status502,
        Self::Status503,
        Self::Status529,
        Self::ResetBeforeHead,
        Self::ResetAfterHead,
        Self::Cut,
        Self::HangBeforeHead,
        Self::HangBeforeToken,
        Self::HangBetweenTokens,
        Self::MalformedJson,
        Self::ErrorInteger,
        Self::ErrorString,
        Self::EmptyStream,
        Self::NoDone,
        Self::NoEnd,
        Self::UsageMissing,
        Self::UsageTwice,
        Self::UsageOnLast,
        Self::LongLine,
        Self::HugeBody,
        Self::InvalidUtf8,
        Self::LengthOver,
        Self::LengthUnder,
        Self::Gzip,
        Self::Redirect,
        Self::Stale,
    ];

    /// The name on the command line and in the ledger.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooMany => "429",
            Self::TooManySeconds => "429-seconds",
            Self::TooManyDate => "429-date",
            Self::Status500 => "500",
            Self::Status502 => "502",
            Self::Status503 => "503",
            Self::Status529 => "529",
            Self::ResetBeforeHead => "reset-before-head",
            Self::ResetAfterHead => "reset-after-head",
            Self::Cut => "cut",
            Self::HangBeforeHead => "hang-before-head",
            Self::HangBeforeToken => "hang-before-token",
            Self::HangBetweenTokens => "hang-between-tokens",
            Self::MalformedJson => "malformed-json",
            Self::ErrorInteger => "error-integer",
            Self::ErrorString => "error-string",
            Self::EmptyStream => "empty-stream",
            Self::NoDone => "no-done",
            Self::NoEnd => "no-end",
            Self::UsageMissing => "usage-missing",
            Self::UsageTwice => "usage-twice",
            Self::UsageOnLast => "usage-on-last",
            Self::LongLine => "long-line",
            Self::HugeBody => "huge-body",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::LengthOver => "length-over",
            Self::LengthUnder => "length-under",
            Self::Gzip => "gzip",
            Self::Redirect => "redirect",
            Self::Stale => "stale",
        }
    }

    /// A description in a few words.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::TooMany => "status 429 without Retry-After",
            Self::TooManySeconds => "status 429, Retry-After: 1",
            Self::TooManyDate => "status 429, Retry-After: a date 1 to 2 s ahead",
            Self::Status500 => "status 500",
            Self::Status502 => "status 502 with a page of HTML, as a proxy says it",
            Self::Status503 => "status 503",
            Self::Status529 => "status 529",
            Self::ResetBeforeHead => "the connection is reset instead of an answer",
            Self::ResetAfterHead => "the connection is reset after the head",
            Self::Cut => "the connection closes in the middle of an event",
            Self::HangBeforeHead => "nothing ever comes",
            Self::HangBeforeToken => "nothing comes after the role chunk (streams)",
            Self::HangBetweenTokens => "nothing comes after half the tokens (streams)",
            Self::MalformedJson => "an event is half a JSON object (streams)",
            Self::ErrorInteger => "an error event with code 502 after half the tokens (streams)",
            Self::ErrorString => "the same with code \"rate_limit_exceeded\" (streams)",
            Self::EmptyStream => "status 200 and no body",
            Self::NoDone => "no [DONE]; the finish reason comes (streams)",
            Self::NoEnd => "neither [DONE] nor a finish reason (streams)",
            Self::UsageMissing => "no usage (streams)",
            Self::UsageTwice => "the usage chunk comes twice (streams)",
            Self::UsageOnLast => "usage on the last chunk that has choices (streams)",
            Self::LongLine => "a chunk of 64 KiB; the answer is whole (streams)",
            Self::HugeBody => "a body of 1 GiB, made as it is sent",
            Self::InvalidUtf8 => "bytes that are not UTF-8 in an event (streams)",
            Self::LengthOver => "a content-length of 100 bytes too many; the answer is whole",
            Self::LengthUnder => "a content-length of half the body",
            Self::Gzip => "a compressed body, whatever was asked for",
            Self::Redirect => "status 307 to another place",
            Self::Stale => "the next request on the connection is not answered",
        }
    }

    /// The list for the help.
    #[must_use]
    pub fn list() -> String {
        Self::ALL.iter().fold("Faults:\n".to_owned(), |mut list, kind| {
            let _ = writeln!(list, "  {:<20} {}", kind.name(), kind.meaning());
            list
        })
    }

    /// The end of a stream with this fault.
    pub(super) const fn closing(self) -> Closing {
        match self {
            Self::NoDone => Closing::NoMark,
            Self::UsageMissing => Closing::UsageMissing,
            Self::UsageTwice => Closing::UsageTwice,
            Self::UsageOnLast => Closing::UsageOnLast,
            _ => Closing::Whole,
        }
    }

    /// Whether it applies to streams only; other answers then stay whole.
    pub(super) const fn needs_stream(self) -> bool {
        matches!(
            self,
            Self::HangBeforeToken
                | Self::HangBetweenTokens
                | Self::MalformedJson
                | Self::ErrorInteger
                | Self::ErrorString
                | Self::NoDone
                | Self::NoEnd
                | Self::UsageMissing
                | Self::UsageTwice
                | Self::UsageOnLast
                | Self::LongLine
                | Self::InvalidUtf8
        )
    }

    /// Whether the answer is still complete, so that it can be right.
    pub(super) const fn keeps_the_answer(self) -> bool {
        matches!(
            self,
            Self::NoDone
                | Self::UsageMissing
                | Self::UsageTwice
                | Self::UsageOnLast
                | Self::LongLine
                | Self::Stale
        )
    }

    /// Whether no token is sent, and so none billed.
    pub(super) const fn sends_no_token(self) -> bool {
        matches!(
            self,
            Self::ResetBeforeHead
                | Self::ResetAfterHead
                | Self::HangBeforeHead
                | Self::HangBeforeToken
                | Self::EmptyStream
                | Self::HugeBody
        )
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FaultKind {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| ParseFaultError::Kind(text.to_owned()))
    }
}

/// Reads `KIND` or `KIND=RATE`.
impl FromStr for FaultRate {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((kind, rate)) = text.split_once('=') else {
            return Ok(Self { kind: text.parse()?, rate: 1.0 });
        };
        let share = rate.parse().ok().filter(|rate: &f64| *rate > 0.0 && *rate <= 1.0);
        let share = share.ok_or_else(|| ParseFaultError::Rate(rate.to_owned()))?;
        Ok(Self { kind: kind.parse()?, rate: share })
    }
}

impl Faults {
    /// At most one of them affects a request.
    ///
    /// # Errors
    /// When the sum of the rates is above 1.
    pub fn new(rates: &[FaultRate]) -> Result<Self, TooManyFaults> {
        let all: f64 = rates.iter().map(|fault| fault.rate).sum();
        if all > 1.0 + 1e-9 {
            return Err(TooManyFaults(all));
        }
        Ok(Self(rates.iter().map(|fault| (fault.kind, fault.rate)).collect()))
    }

    /// The fault of an attempt.
    pub(super) fn of(&self, case: &Case<'_>) -> Option<FaultKind> {
        if self.0.is_empty() {
            return None;
        }
        let mut left = case.fault_draw();
        for &(kind, rate) in &self.0 {
            left -= rate;
            if left < 0.0 {
                return Some(kind);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read() {
        for kind in FaultKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert!(FaultKind::list().contains(kind.meaning()));
        }
        let check = |text: &str, expected: Option<(FaultKind, f64)>| {
            let got = text.parse().ok().map(|fault: FaultRate| (fault.kind, fault.rate));
            assert_eq!(got, expected, "{text}");
        };
        check("cut", Some((FaultKind::Cut, 1.0)));
        check("429=0.25", Some((FaultKind::TooMany, 0.25)));
        for wrong in ["", "teapot", "cut=", "cut=0", "cut=1.5", "cut=NaN", "429=-1"] {
            check(wrong, None);
        }
        let half = FaultRate { kind: FaultKind::Cut, rate: 0.5 };
        assert!(Faults::new(&[half, half]).is_ok());
        assert_eq!(Faults::new(&[half, half, half]), Err(TooManyFaults(1.5)));
    }
}
