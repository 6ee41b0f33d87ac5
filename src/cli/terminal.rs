//! Events on a terminal.

use std::cell::RefCell;

use super::console;
use super::interrupts::{self, Recorded};
use super::watch::{Notice, Watcher};
use crate::app::{Answer, Event, Events, Progress, Question};
use crate::run::Signals;

/// Prints notices, draws live counts, asks questions, and handles interrupts while requests are in
/// flight.
#[derive(Default)]
pub(super) struct Terminal {
    signals: Signals,
    notice: Notice,
    watcher: RefCell<Option<Watcher>>,
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
        match console::ask(&question.to_string()) {
            Some(true) => Answer::Yes,
            Some(false) => Answer::No,
            None => Answer::None,
        }
    }
}
