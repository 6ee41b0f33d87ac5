//! What a command tells its caller while it works, and what it asks.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::run::load::LoadProgress;
use crate::run::{EndpointProgress, Progress as RunState};
use crate::units::{Clock, Usd};

/// Receives what happens while a command works. The command line prints it, a test collects it, a
/// server logs it.
pub trait Events {
    /// Something happened.
    fn event(&self, event: Event);

    /// A question, asked where going on may be unwanted. Without an answer the command refuses and
    /// names the option that answers it.
    fn ask(&self, question: &Question) -> Answer {
        let _ = question;
        Answer::None
    }
}

impl dyn Events + '_ {
    pub(crate) fn notice(&self, text: impl Into<String>) {
        self.event(Event::Notice(text.into()));
    }

    pub(crate) fn progress(&self, progress: Progress) {
        self.event(Event::Progress(progress));
    }
}

/// Discards every event and answers no question.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Events for Silent {
    fn event(&self, _: Event) {}
}

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// A line for people. It may quote files and responses: escape control characters before it
    /// reaches a terminal.
    Notice(String),
    /// The command reached another stage.
    Progress(Progress),
}

/// The stages of a command that sends requests.
#[derive(Debug)]
pub enum Progress {
    /// The requests of a run in real time are about to leave.
    RunStarted(LiveRun),
    /// The requests of a load are about to leave.
    LoadStarted(LiveLoad),
    /// The last request has ended.
    RequestsEnded,
    /// Every answer is in this run folder. What follows calls no model and can be repeated.
    Recorded(PathBuf),
}

/// Live counts of a run.
#[derive(Clone, Debug)]
pub struct LiveRun {
    /// The ids of its endpoints.
    pub endpoints: Vec<String>,
    pub(crate) state: Arc<RunState>,
    pub(crate) clock: Clock,
}

impl LiveRun {
    /// Trials that have ended, and trials in all.
    #[must_use]
    pub fn done(&self) -> (u64, u64) {
        let sum = |of: fn(&EndpointProgress) -> u64| {
            let mut sum = 0;
            self.state.with(|endpoints| sum = endpoints.iter().map(of).sum());
            sum
        };
        (sum(|endpoint| endpoint.done), sum(|endpoint| endpoint.total))
    }
}

/// Live counts of a load.
#[derive(Clone, Debug)]
pub struct LiveLoad {
    /// Requests that are planned; `None`: the load ends by its duration.
    pub planned: Option<u64>,
    pub(crate) state: Arc<LoadProgress>,
    pub(crate) clock: Clock,
}

impl LiveLoad {
    /// Requests sent so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.state.now().sent
    }
}

/// A question with yes or no for an answer; its text ends with a question mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The output folder holds an unfinished run.
    ResumeUnfinished {
        /// The run folder.
        dir: PathBuf,
        /// How far it came.
        progress: String,
    },
    /// A run under way costs more than twice what was expected.
    CostsMore {
        /// Dollars so far.
        spent: Usd,
        /// Dollars expected.
        expected: Usd,
    },
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResumeUnfinished { dir, progress } => {
                write!(f, "{} holds an unfinished run: {progress}. Resume it?", dir.display())
            }
            Self::CostsMore { spent, expected } => write!(
                f,
                "The run has cost up to ${} so far, more than twice the ${} that was expected. Go on?",
                spent.to_fixed(2),
                expected.to_fixed(2)
            ),
        }
    }
}

/// An answer to a [`Question`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Yes,
    /// Do not.
    No,
    /// There is no one to answer.
    None,
}
