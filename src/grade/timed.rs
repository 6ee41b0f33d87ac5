//! Grading with a limit on time.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use crate::graders::{Score, Target};
use crate::store::TaskRubric;
use crate::units::AnswerContent;

/// Grades on a thread of its own, which is left behind where one answer keeps it too long.
pub(super) struct TimedGrader {
    rubrics: Arc<Vec<TaskRubric>>,
    limit: Duration,
    worker: Worker,
}

struct Worker {
    asked: Sender<(u32, AnswerContent)>,
    scores: Receiver<Score>,
}

impl TimedGrader {
    pub fn new(rubrics: Vec<TaskRubric>, limit: Duration) -> Self {
        let rubrics = Arc::new(rubrics);
        Self { worker: Worker::start(&rubrics), rubrics, limit }
    }

    /// How the answers to a task are graded; `None`: there is no such task.
    pub fn rubric(&self, task: u32) -> Option<&TaskRubric> {
        self.rubrics.get(task as usize)
    }

    /// The score of an answer to a task; `None`: it did not come in time, or the grader broke.
    pub fn score(&mut self, task: u32, answer: AnswerContent) -> Option<Score> {
        let score = match self.worker.asked.send((task, answer)) {
            Ok(()) => self.worker.scores.recv_timeout(self.limit).ok(),
            Err(_) => None,
        };
        if score.is_none() {
            self.worker = Worker::start(&self.rubrics);
        }
        score
    }
}

impl Worker {
    fn start(rubrics: &Arc<Vec<TaskRubric>>) -> Self {
        let (asked, answers) = mpsc::channel::<(u32, AnswerContent)>();
        let (score, scores) = mpsc::channel();
        let rubrics = Arc::clone(rubrics);
        std::thread::spawn(move || {
            for (task, answer) in answers {
                let rubric = &rubrics[task as usize];
                let target =
                    Target { reference: rubric.reference.as_ref(), schema: rubric.schema.as_ref() };
                if score.send(rubric.grader.grade(&target, &answer)).is_err() {
                    return;
                }
            }
        });
        Self { asked, scores }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_takes_too_long_has_no_score_and_the_next_one_has() {
        let exact = serde_json::from_str(r#"{"kind":"exact"}"#).expect("a grader");
        let reference = Some(serde_json::json!("yes"));
        let rubrics = vec![TaskRubric { grader: exact, reference, schema: None }];
        let mut timed = TimedGrader::new(rubrics, Duration::ZERO);
        let of = |text: String| AnswerContent { text, ..AnswerContent::default() };
        assert_eq!(timed.score(0, of("no ".repeat(4 << 20))), None);
        timed.limit = Duration::from_secs(60);
        let score = timed.score(0, of("yes".to_owned())).expect("a score");
        assert_eq!(score.value, Some(1.0));
    }
}
