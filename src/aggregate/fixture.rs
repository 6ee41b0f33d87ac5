//! Small runs for the tests of this folder, made through the store like any other.

use std::collections::BTreeMap;
use std::path::Path;

use crate::catalog::{Capability, Endpoint, Price, Rates};
use crate::graders::GraderSpec;
use crate::store::{
    AttemptId, NewRun, PlannedTrial, RequestIntent, RequestRecord, RequestSource, ScoreRow, Store,
    StoreMode, StoredEndpoint, StoredTask, TrialEnding, TrialRow, TrialStatus,
};
use crate::test_kit;
use crate::units::{
    AnswerContent, ContentHash, EndpointId, Goal, Judging, Manifest, RunEnding, TokensSource,
    TrialKey, Usage, Usd, ValidityMark,
};
use crate::wire::{ErrorClass, FinishReason};

/// What becomes of a trial.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// Answered at the first attempt, at a cost, with a verdict (`None`: the grader could not).
    Ok { cost: &'static str, score: Option<f64> },
    /// Answered at the second attempt; the first failed, and nobody knows what it cost.
    Retried { cost: &'static str, score: Option<f64> },
    /// Every attempt failed, billed all the same.
    Failed { cost: &'static str },
    /// Sent, no ending.
    InDoubt,
    /// Never sent.
    Left,
    /// Cannot be sent.
    Ineligible,
}

/// The bound of every attempt.
pub(super) const BOUND: &str = "0.5";

/// Endpoint 0 is acme/large@azure#high at a price, 1 is acme/mini@azure at a price, 2 has none.
pub(super) fn endpoint(idx: u32) -> Endpoint {
    let rates = Rates { input: usd("0.000001"), output: usd("0.000002"), ..Rates::default() };
    let (model, variant, price) = match idx {
        0 => ("acme/large", Some("high"), Price::Rates(rates)),
        1 => ("acme/mini", None, Price::Rates(rates)),
        _ => ("acme/secret", None, Price::Unknown),
    };
    Endpoint {
        id: EndpointId::new(model, "azure", variant),
        price,
        supports: Some([Capability::Tools].into()),
        variant: variant.map(Into::into),
        ..test_kit::endpoint(model, "azure")
    }
}

/// A trial without attempts.
pub(super) fn trial_row(status: TrialStatus) -> TrialRow {
    TrialRow {
        idx: 0,
        key: key(0),
        task: 0,
        endpoint: 0,
        repeat: 0,
        status,
        ineligible: None,
        error: None,
        attempts: 0,
        backoff_ns: 0,
        pacing_ns: 0,
        e2e_with_retries_ns: None,
        refused: false,
        unended: false,
        failed_attempts: 0,
        attempt: None,
        started_ns: None,
        cost_known: Usd::ZERO,
        cost_unknown: 0,
        cost_upper: Some(Usd::ZERO),
        cost_cache_warmup: None,
        cost_reported: None,
        simulated: false,
        score: None,
        grading_cost: None,
    }
}

pub(super) fn usd(text: &str) -> Usd {
    text.parse().expect("a decimal")
}

fn key(idx: u32) -> TrialKey {
    TrialKey::from_hash(&ContentHash::of(&idx.to_le_bytes()))
}

/// A run to be made: categories by task, outcomes by endpoint and task.
pub(super) struct Made<'a> {
    pub categories: &'a [&'a str],
    pub outcomes: &'a [&'a [Outcome]],
    pub judging: Judging,
    pub finished: bool,
}

pub(super) fn judging(today: Option<&str>, shares: &[(&str, f64)]) -> Judging {
    Judging {
        today: today.map(Into::into),
        shares: shares.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect(),
        requests_per_month: None,
        cached_input: None,
        goal: Goal::Better,
        margin: 0.02,
        margins: BTreeMap::new(),
        worth: None,
        traffic: BTreeMap::new(),
        invoice: None,
        slo: None,
        max_share_provider: None,
    }
}

impl Made<'_> {
    /// Plays the run in a folder.
    pub(super) async fn play(&self, dir: &Path) {
        let tasks: Vec<StoredTask> = (0..).zip(self.categories).map(|(i, c)| task(i, c)).collect();
        let endpoints: Vec<StoredEndpoint> =
            (0..).zip(self.outcomes).map(|(idx, _)| stored(idx)).collect();
        let manifest = manifest(&self.judging);
        let new = NewRun {
            manifest: &manifest,
            tasks: &tasks,
            endpoints: &endpoints,
            keep_content: true,
        };
        let trials = self.trials();
        let planned = trials.iter().map(|(planned, _)| planned.clone());
        // Only the thread keeps what was recorded when a run is given up.
        let mode = if self.finished { StoreMode::Inline } else { StoreMode::Threaded };
        let store = Store::create(dir, mode, new, planned).expect("a new folder");
        for (planned, outcome) in &trials {
            record(&store, planned.idx, *outcome).await;
        }
        if self.finished {
            store.finish(ended()).await.expect("finished");
        }
    }

    fn trials(&self) -> Vec<(PlannedTrial, Outcome)> {
        let mut trials = Vec::new();
        for (task, _) in (0..).zip(self.categories) {
            for (endpoint, outcomes) in (0..).zip(self.outcomes) {
                let idx = u32::try_from(trials.len()).expect("few");
                let outcome = outcomes[task as usize];
                let ineligible =
                    matches!(outcome, Outcome::Ineligible).then(|| "too long".to_owned());
                let planned =
                    PlannedTrial { idx, key: key(idx), task, endpoint, repeat: 0, ineligible };
                trials.push((planned, outcome));
            }
        }
        trials
    }
}

async fn record(store: &Store, trial: u32, outcome: Outcome) {
    let at = u64::from(trial) * 1_000_000_000;
    let id = |attempt| AttemptId { trial, attempt };
    let intent = RequestIntent { source: RequestSource::Run, bound: Some(usd(BOUND)), at_ns: at };
    let ending = |status, attempts| TrialEnding {
        trial,
        status,
        error: (status == TrialStatus::Failed).then_some(ErrorClass::Server),
        attempts,
        backoff_ns: 7_000,
        pacing_ns: 8_999,
        e2e_with_retries_ns: Some(3_000_000),
        answer: (status == TrialStatus::Ok).then(AnswerContent::default),
    };
    let failure = RequestRecord {
        error: Some(ErrorClass::Server),
        dispatched_ns: Some(at),
        ended_ns: Some(at + 1),
        ..RequestRecord::default()
    };
    let done = async {
        match outcome {
            Outcome::Ineligible | Outcome::Left => {}
            Outcome::InDoubt => store.intent(id(0), intent).await?,
            Outcome::Failed { cost } => {
                store.intent(id(0), intent).await?;
                store.attempt(id(0), RequestRecord { cost: Some(usd(cost)), ..failure }).await?;
                store.trial(ending(TrialStatus::Failed, 1)).await?;
            }
            Outcome::Ok { cost, score } | Outcome::Retried { cost, score } => {
                let retried = u32::from(matches!(outcome, Outcome::Retried { .. }));
                if retried == 1 {
                    store.intent(id(0), intent).await?;
                    store.attempt(id(0), failure).await?;
                }
                store.intent(id(retried), intent).await?;
                store.attempt(id(retried), answer(trial, at, cost)).await?;
                store.trial(ending(TrialStatus::Ok, retried + 1)).await?;
                let grader = GraderSpec::from_id("exact").expect("a grader");
                store.score(ScoreRow::overall(trial, &grader, score, String::new())).await?;
            }
        }
        Ok::<_, crate::store::StoreError>(())
    };
    done.await.expect("recorded");
}

/// First token after (trial + 1) ms, one token each ms after that, five in all.
fn answer(trial: u32, at: u64, cost: &str) -> RequestRecord {
    let first = at + u64::from(trial + 1) * 1_000_000;
    RequestRecord {
        simulated: true,
        streamed: true,
        dispatched_ns: Some(at),
        first_token_ns: Some(first),
        first_output_ns: Some(first),
        last_token_ns: Some(first + 4_000_000),
        ended_ns: Some(first + 4_000_001),
        token_reads: 5,
        token_events: 5,
        gaps_us: vec![1000; 4],
        usage: Usage { input: Some(100), output: Some(5), ..Usage::default() },
        tokens_source: Some(TokensSource::Usage),
        cost: Some(usd(cost)),
        finish_reason: Some(FinishReason::Stop),
        response_model: Some("large-0611".into()),
        ..RequestRecord::default()
    }
}

pub(super) fn task(idx: u32, category: &str) -> StoredTask {
    StoredTask {
        idx,
        suite: "s".into(),
        task: format!("t{idx}"),
        category: category.into(),
        cluster: None,
        tags: vec!["a".into(), "b".into()],
        grader: GraderSpec::from_id("exact").expect("a grader"),
        reference: None,
        schema: None,
        messages: vec![],
        content_hash: Some(ContentHash::of(&idx.to_le_bytes())),
    }
}

pub(super) fn stored(idx: u32) -> StoredEndpoint {
    StoredEndpoint { idx, endpoint: endpoint(idx) }
}

pub(super) fn manifest(judging: &Judging) -> Manifest {
    Manifest { virtual_time: true, judging: judging.clone(), ..test_kit::manifest("test") }
}

pub(super) fn ended() -> RunEnding {
    test_kit::run_ending(ValidityMark::Virtual)
}
