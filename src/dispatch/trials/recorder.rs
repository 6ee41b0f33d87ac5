//! Records a trial's requests in the run database. The end of a trial's last attempt and the end of
//! the trial are one record.

use std::sync::Arc;
use std::time::Duration;

use super::Trials;
use crate::client::{AttemptRecord, Outcome, Transport};
use crate::dispatch::cost::may_be_billed;
use crate::dispatch::give_up::shape_of;
use crate::dispatch::recorder::{CallEnd, Intent, Recorder};
use crate::dispatch::trial::{DispatchError, TrialJob, TrialOutcome, TrialState};
use crate::graders::{GRADING_ENDED, MAX_GRADING};
use crate::store::{
    AttemptId, Record, RequestSource, ScoreRow, StoreError, TrialEnding, TrialStatus,
};
use crate::suite::Task;
use crate::units::clock::nanos;
use crate::units::{AnswerContent, Stamp, Usd};
use crate::wire::{Answer, ErrorClass};

/// What comes after an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// Another one, after this wait.
    Again(Duration),
    /// Nothing: the trial is over.
    Over(TrialOutcome),
}

/// Records one request of a trial.
pub(super) struct TrialRecorder<'a, T> {
    trials: &'a Trials<T>,
    job: &'a TrialJob,
    state: &'a mut TrialState,
    pub next: Next,
    /// Whether the request counts against no limit on attempts: a stale connection lost it, or the
    /// next one has another form.
    pub is_repeated: bool,
}

impl<T: Transport> Recorder for TrialRecorder<'_, T> {
    type Error = StoreError;

    async fn intent(&mut self, intent: Intent) -> Result<bool, StoreError> {
        let id = AttemptId { trial: self.job.trial, attempt: self.state.attempts };
        let row = intent.row(|stamp| self.trials.since_anchor(stamp));
        self.trials.store.intent(id, row).await?;
        self.state.attempts += 1;
        Ok(true)
    }

    fn ended(&mut self, end: CallEnd) -> impl Future<Output = Result<(), StoreError>> + Send {
        // Made before anything waits, so that the future that waits is small.
        let (mut record, grading) = self.end(end);
        let store = &self.trials.store;
        async move {
            if let (Record::Last(_, last), Some(grading)) = (&mut record, grading) {
                last.2 = Some(grading.score().await);
            }
            store.record(record).await
        }
    }
}

impl<T: Transport> TrialRecorder<'_, T> {
    /// What a request's end comes to in the run database, and the answer that is still to be graded.
    fn end(&mut self, mut end: CallEnd) -> (Record, Option<Box<Grading>>) {
        let (trials, job, state) = (self.trials, self.job, &mut *self.state);
        let error = end.error();
        self.is_repeated = end.in_new_form || error == Some(ErrorClass::StaleConnection);
        state.cost += end.cost.unwrap_or(Usd::ZERO);
        let is_open = end.cost.is_none() || may_be_billed(&end.record);
        state.open_cost += job.bound.filter(|_| is_open).unwrap_or(Usd::ZERO);
        trials.log(job, state, &end.record);
        let id = AttemptId { trial: job.trial, attempt: state.attempts - 1 };
        let mut row = end.take_request_record(|stamp| trials.since_anchor(stamp));
        if trials.tasks_to_grade.is_some() {
            let (Outcome::Answered(answer) | Outcome::Failed { partial: answer, .. }) =
                &end.record.outcome;
            trials.endpoints[job.endpoint].withhold_echoes(&mut row, &job.body, &answer.text);
        }
        if end.intent.source == RequestSource::Prime {
            state.ended += 1;
            state.cache_warmups += 1;
            return (Record::Attempt(id, Box::new(row)), None);
        }
        let record = end.record;
        let is_given_up = trials.endpoints[job.endpoint].given_up().is_some();
        // The same request, bought a third time, would be answered in the same shape.
        let before = state.failed.as_deref().and_then(shape_of);
        let is_same = before.is_some() && before == shape_of(&record);
        let wait = if is_given_up || is_same {
            None
        } else if end.in_new_form {
            Some(Duration::ZERO)
        } else {
            state.first_dispatch.get_or_insert(record.stamps.dispatched);
            trials.retry.wait(trials.seed, &job.key, state.n_counted(), &record)
        };
        state.ended += 1;
        state.uncounted += u32::from(self.is_repeated);
        let Some(wait) = wait else {
            let (trial, outcome) = trial_end(job, state, record);
            self.next = Next::Over(outcome);
            let grading = trials.grading(job, &trial);
            return (Record::Last(id, Box::new((row, trial, None))), grading);
        };
        state.backoff += wait;
        state.failed = Some(Box::new(record));
        self.next = Next::Again(wait);
        (Record::Attempt(id, Box::new(row)), None)
    }
}

/// An answer that is graded before its trial ends, for it is not kept.
struct Grading {
    tasks: Arc<[Task]>,
    idx: usize,
    answer: AnswerContent,
    trial: u32,
    /// On a paused clock nothing awaits a thread.
    is_inline: bool,
}

impl Grading {
    async fn score(self: Box<Self>) -> ScoreRow {
        if self.is_inline {
            return self.grade();
        }
        let (tasks, idx, trial) = (Arc::clone(&self.tasks), self.idx, self.trial);
        let graded = tokio::task::spawn_blocking(move || self.grade());
        match tokio::time::timeout(MAX_GRADING, graded).await {
            Ok(Ok(row)) => row,
            _ => ScoreRow::overall(trial, &tasks[idx].grader, None, GRADING_ENDED.to_owned()),
        }
    }

    /// The detail quotes the answer; the store keeps what it says of its form.
    fn grade(&self) -> ScoreRow {
        let task = &self.tasks[self.idx];
        let score = task.grade(&self.answer);
        ScoreRow::overall(self.trial, &task.grader, score.value, score.detail)
    }
}

impl<'a, T> TrialRecorder<'a, T> {
    pub fn new(trials: &'a Trials<T>, job: &'a TrialJob, state: &'a mut TrialState) -> Self {
        Self { trials, job, state, next: Next::Again(Duration::ZERO), is_repeated: false }
    }
}

impl<T: Transport> Trials<T> {
    /// Ends a trial whose last attempt is on record.
    pub(super) async fn end_failed(
        &self,
        job: &TrialJob,
        state: &TrialState,
        record: Box<AttemptRecord>,
    ) -> Result<TrialOutcome, DispatchError> {
        let (row, outcome) = trial_end(job, state, *record);
        self.store.trial(row).await?;
        Ok(outcome)
    }

    /// The score of a trial's answer, where the answer is not kept. It is recorded with the trial's
    /// end, so that a crash keeps both or neither. Graders bound their own steps; they run on a thread
    /// of their own, so that no stream and no signal waits for them.
    fn grading(&self, job: &TrialJob, end: &TrialEnding) -> Option<Box<Grading>> {
        let tasks = Arc::clone(self.tasks_to_grade.as_ref()?);
        let idx = job.task as usize;
        let answer = end.answer.clone().filter(|_| idx < tasks.len())?;
        let is_inline = self.caller.clock.is_virtual();
        Some(Box::new(Grading { tasks, idx, answer, trial: job.trial, is_inline }))
    }

    /// Logs how an attempt went. A provider's message may quote the prompt, so it is logged only
    /// where answers are kept.
    fn log(&self, job: &TrialJob, state: &TrialState, record: &AttemptRecord) {
        let endpoint = self.endpoints[job.endpoint].endpoint().id.as_str();
        let (trial, attempt) = (job.key.hex(), state.attempts);
        match &record.outcome {
            Outcome::Failed { class, detail, .. } => {
                let detail = if self.tasks_to_grade.is_some() { "" } else { detail };
                tracing::info!(endpoint, trial, attempt, error = class.name(), "{detail}");
            }
            Outcome::Answered(answer) => {
                let ms = record.stamps.ended.since(record.stamps.dispatched).as_millis();
                let (output_tokens, unknown_events) = (answer.usage.output, answer.unknown_events);
                tracing::debug!(endpoint, trial, attempt, ms, output_tokens, unknown_events, "ok");
            }
        }
    }

    /// Nanoseconds since the run's anchor.
    fn since_anchor(&self, stamp: Stamp) -> u64 {
        nanos(stamp.since(self.caller.clock.anchor()) + self.since_start)
    }
}

/// What a trial came to with its last attempt.
fn trial_end(
    job: &TrialJob,
    state: &TrialState,
    record: AttemptRecord,
) -> (TrialEnding, TrialOutcome) {
    let first = state.first_dispatch.unwrap_or(record.stamps.dispatched);
    let last = record.stamps.last_token.unwrap_or(record.stamps.ended);
    let ttft = record.ttft();
    let (status, error, answer) = match record.outcome {
        Outcome::Answered(answer) => (TrialStatus::Ok, None, Some(content(answer))),
        Outcome::Failed { class, .. } => (TrialStatus::Failed, Some(class), None),
    };
    // After a crash it would count the time in which nothing ran.
    let is_timed = status == TrialStatus::Ok && job.attempts == 0;
    let row = TrialEnding {
        trial: job.trial,
        status,
        error,
        attempts: state.attempts,
        backoff_ns: nanos(state.backoff),
        pacing_ns: nanos(state.pacing),
        e2e_with_retries_ns: is_timed.then(|| nanos(last.since(first))),
        answer,
    };
    let (cost, open_cost) = (state.cost, state.open_cost);
    (row, TrialOutcome { endpoint: job.endpoint, status, ttft, cost, open_cost })
}

fn content(answer: Answer) -> AnswerContent {
    AnswerContent {
        text: answer.text,
        reasoning: answer.reasoning,
        refusal: answer.refusal,
        tool_calls: answer.tool_calls,
    }
}
