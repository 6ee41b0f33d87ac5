//! The answer key of the simulator: for each prompt a task, with a right answer and a plausible
//! wrong one.

use std::collections::HashMap;
use std::sync::Arc;

use crate::suite::Task;
use crate::units::{AnswerContent, Category, ContentHash};

/// The tasks that the simulator can answer, by the hash of their prompt
/// ([`crate::suite::prompt_hash`]). Answers are made on demand: two stored for each task would be a
/// large part of the memory of a long run.
#[derive(Clone, Debug)]
pub struct AnswerKey {
    tasks: Arc<[Task]>,
    by_prompt: HashMap<ContentHash, u32>,
}

impl AnswerKey {
    /// The tasks that have both a right answer and a wrong one. Of two with the same prompt, the later
    /// one is kept.
    #[must_use]
    pub fn new(tasks: Arc<[Task]>) -> Self {
        let mut by_prompt = HashMap::with_capacity(tasks.len());
        for (at, task) in (0..).zip(tasks.iter()) {
            let (right, wrong) = (task.right_answer(), task.wrong_answer(&tasks, at.into()));
            if right.is_some() && wrong.is_some() {
                by_prompt.insert(task.prompt_hash(), at);
            }
        }
        Self { tasks, by_prompt }
    }

    /// An empty key: every prompt gets a generic answer.
    #[must_use]
    pub fn empty() -> Self {
        Self::new(Arc::new([]))
    }

    /// The task of a prompt.
    #[must_use]
    pub fn get(&self, prompt_hash: &ContentHash) -> Option<KnownTask<'_>> {
        let at = *self.by_prompt.get(prompt_hash)?;
        Some(KnownTask { all: &self.tasks, at })
    }
}

/// A task that the simulator can answer.
#[derive(Clone, Copy, Debug)]
pub struct KnownTask<'a> {
    all: &'a [Task],
    at: u32,
}

impl<'a> KnownTask<'a> {
    fn task(self) -> &'a Task {
        &self.all[self.at as usize]
    }

    /// `suite/id`, as the ledger names it.
    #[must_use]
    pub fn path(self) -> String {
        self.task().path()
    }

    /// The kind of work: it decides the skill.
    #[must_use]
    pub fn category(self) -> &'a Category {
        &self.task().category
    }

    /// The right answer, or the wrong one.
    #[must_use]
    pub fn answer(self, is_right: bool) -> AnswerContent {
        let task = self.task();
        let answer = if is_right {
            task.right_answer()
        } else {
            task.wrong_answer(self.all, self.at.into())
        };
        answer.expect("the key holds tasks that have both")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::load_texts;

    fn tasks(lines: &[&str]) -> Arc<[Task]> {
        let header = "version = \"1\"\nlicense = \"MIT\"\ncategory = \"math\"\ngrader = \"exact\"";
        let loaded = load_texts("quiz", header, &lines.join("\n")).expect("a suite");
        loaded.suite.tasks.into()
    }

    #[test]
    fn a_task_is_found_by_its_prompt_and_answered_both_ways() {
        let tasks = tasks(&[
            r#"{"id": "a", "prompt": "one?", "reference": "1"}"#,
            r#"{"id": "b", "prompt": "two?", "reference": "2"}"#,
        ]);
        let key = AnswerKey::new(Arc::clone(&tasks));
        let known = key.get(&tasks[0].prompt_hash()).expect("in the key");
        assert_eq!((known.path().as_str(), known.category().as_str()), ("quiz/a", "math"));
        assert_eq!(known.answer(true).text, "1");
        assert_eq!(known.answer(false).text, "2");
        assert!(AnswerKey::empty().get(&tasks[0].prompt_hash()).is_none());
    }

    #[test]
    fn the_later_of_two_alike_is_kept_and_what_nothing_can_answer_is_left_out() {
        let tasks = tasks(&[
            r#"{"id": "a", "prompt": "one?", "reference": "1"}"#,
            r#"{"id": "b", "prompt": "one?", "reference": "I"}"#,
            r#"{"id": "c", "prompt": "one?", "grader": "none"}"#,
        ]);
        let key = AnswerKey::new(Arc::clone(&tasks));
        let known = key.get(&tasks[0].prompt_hash()).expect("in the key");
        assert_eq!(known.path(), "quiz/b");
    }
}
