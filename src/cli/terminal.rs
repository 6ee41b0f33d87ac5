//! Events on a terminal.

use std::cell::RefCell;

use super::console;
use super::interrupts::{self, Recorded};
use super::watch::{Notice, Watcher};
use crate::app::{Answer, Event, Events, LiveRun, Progress, Question};
use crate::run::Signals;

/// Prints notices, draws live counts, asks questions, and handles interrupts while requests are in
/// flight.
#[derive(Default)]
pub(super) struct Terminal {
    signals: Signals,
    notice: Notice,
    watcher: RefCell<Option<Watcher>>,
    /// The run under way.
    live: RefCell<Option<LiveRun>>,
    recorded: Recorded,
    is_listening: RefCell<bool>,
}

impl Terminal {
    /// What the options of a command must share, for interrupts to reach it.
    pub(super) fn signals(&self) -> Signals {
        self.signals.clone()
    }

    fn listen(&self) {
        if std::mem::replace(&mut *self.is_listening.borrow_mut(), true) {
            return;
        }
        let handled =
            interrupts::handle(self.signals(), self.recorded.clone(), self.notice.clone());
        if let Err(error) = handled {
            console::say(&format!("weighbridge: interrupts are not handled: {error}"));
        }
    }
}

impl Events for Terminal {
    fn event(&self, event: Event) {
        match event {
            Event::Notice(text) if self.watcher.borrow().is_some() => self.notice.say(&text),
            Event::Notice(text) => console::say(&text),
            Event::Progress(Progress::RunStarted(live)) => {
                self.listen();
                self.live.replace(Some(live.clone()));
                self.watcher.replace(Some(Watcher::of_run(live, self.notice.clone())));
            }
            Event::Progress(Progress::LoadStarted(live)) => {
                self.listen();
                self.watcher.replace(Some(Watcher::of_load(live, self.notice.clone())));
            }
            Event::Progress(Progress::RequestsEnded) => {
                self.watcher.take();
            }
            Event::Progress(Progress::Recorded(dir)) => {
                *self.recorded.lock().expect("nothing panics while it holds the folder") =
                    Some(dir);
                self.listen();
            }
        }
    }

    fn ask(&self, question: &Question) -> Answer {
        // Lines that are drawn would go over the question.
        let is_drawing = self.watcher.take().is_some();
        let is_over = || self.signals.drain.is_cancelled();
        let answer = console::ask(&question.to_string(), is_over);
        if let Some(live) = self.live.borrow().clone().filter(|_| is_drawing) {
            self.watcher.replace(Some(Watcher::of_run(live, self.notice.clone())));
        }
        match answer {
            Some(true) => Answer::Yes,
            Some(false) => Answer::No,
            None => Answer::None,
        }
    }
}
