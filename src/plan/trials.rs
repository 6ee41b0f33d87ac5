//! The ordered trials of a plan.

use std::sync::Arc;

use super::bounds::{self, PromptSize};
use super::eligible::{self, Ineligible};
use super::key;
use super::policy::RequestPolicy;
use crate::catalog::Endpoint;
use crate::suite::Task;
use crate::units::{CacheMode, ContentHash, Seed, TrialKey};

/// Tasks in a block. Few enough that all endpoints meet a task at about the same time, many enough
/// that one slow answer does not hold up a block.
pub const TASKS_PER_BLOCK: u32 = 16;
/// The most trials in a plan: 40 bytes each, so 400 MB; more is several runs.
pub const MAX_TRIALS: usize = 10_000_000;

/// Everything that will be asked, in the order in which it will be asked.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The tasks, as they were selected; shared with the simulator where that answers them.
    pub tasks: Arc<[Task]>,
    /// The endpoints, in the order of the catalog.
    pub endpoints: Vec<Endpoint>,
    /// How often each endpoint is asked each task.
    pub repeats: u32,
    /// The seed.
    pub seed: Seed,
    /// What providers' prompt caches are to find.
    pub cache: CacheMode,
    /// By endpoint: why it takes no task at all.
    pub(super) refused: Vec<Option<Ineligible>>,
    /// The trials, in order; `trials[i].idx == i`.
    pub trials: Vec<Trial>,
}

/// Task × endpoint × repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Its position in the plan.
    pub idx: u32,
    /// Its identity.
    pub key: TrialKey,
    /// Its task: an index into [`Plan::tasks`].
    pub task: u32,
    /// Its endpoint: an index into [`Plan::endpoints`].
    pub endpoint: u32,
    /// Its repeat, from 0.
    pub repeat: u32,
    /// Its block, from 0.
    pub block: u32,
    /// Why the endpoint cannot take the task; such a trial is shown, never sent.
    pub ineligible: Option<Ineligible>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No tasks.
    #[error("there are no tasks to run; name a suite with --suite, or in weighbridge.toml")]
    NoTasks,
    /// No endpoints.
    #[error(
        "there are no endpoints to run on; select some with -m, or with models in weighbridge.toml"
    )]
    NoEndpoints,
    /// No repeats.
    #[error("--repeats 0 asks nothing; write at least 1")]
    NoRepeats,
    /// More trials than a run may have.
    #[error(
        "{tasks} tasks × {endpoints} endpoints × {repeats} repeats are more than the {MAX_TRIALS} \
         trials that one run holds; take a sample with --limit, or make several runs"
    )]
    TooManyTrials {
        /// Tasks.
        tasks: usize,
        /// Endpoints.
        endpoints: usize,
        /// Repeats.
        repeats: u32,
    },
}

impl Plan {
    /// Lays out the trials, with every prompt as it is and for everybody to see. The order of the
    /// tasks in their file plays no part in the order of the trials.
    pub fn new(
        tasks: Vec<Task>,
        endpoints: Vec<Endpoint>,
        repeats: u32,
        seed: Seed,
    ) -> Result<Self, PlanError> {
        Self::shaped(tasks, endpoints, repeats, seed, &RequestPolicy::default())
    }

    /// A plan whose requests follow a policy.
    pub fn shaped(
        tasks: Vec<Task>,
        mut endpoints: Vec<Endpoint>,
        repeats: u32,
        seed: Seed,
        policy: &RequestPolicy,
    ) -> Result<Self, PlanError> {
        if tasks.is_empty() {
            return Err(PlanError::NoTasks);
        }
        if endpoints.is_empty() {
            return Err(PlanError::NoEndpoints);
        }
        if repeats == 0 {
            return Err(PlanError::NoRepeats);
        }
        let n_trials = tasks
            .len()
            .checked_mul(endpoints.len())
            .and_then(|n| n.checked_mul(usize::try_from(repeats).ok()?))
            .filter(|&n| n <= MAX_TRIALS);
        let Some(n_trials) = n_trials else {
            let (tasks, endpoints) = (tasks.len(), endpoints.len());
            return Err(PlanError::TooManyTrials { tasks, endpoints, repeats });
        };
        let refused = endpoints.iter_mut().map(|endpoint| policy.fit(endpoint)).collect();
        let mut plan = Self {
            tasks: tasks.into(),
            endpoints,
            repeats,
            seed,
            cache: policy.cache,
            refused,
            trials: Vec::with_capacity(n_trials),
        };
        plan.lay_out();
        Ok(plan)
    }

    /// The hash of everything that decides what is asked, judged and billed: tasks, endpoints with
    /// their prices and parameters, repeats, seed. Where a provider listens is left out, so that a
    /// port chosen by the system does not make another plan.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        let tasks = self.tasks.iter().map(key::task_text);
        let endpoints = self.endpoints.iter().map(|endpoint| {
            let mut endpoint = endpoint.clone();
            endpoint.provider.base_url.clear();
            endpoint.provider.api_key_env = None;
            serde_json::to_string(&endpoint).expect("plain strings and numbers")
        });
        let numbers = format!("weighbridge plan 1: {} × {}", self.seed.0, self.repeats);
        let counts = format!("{} × {}", self.tasks.len(), self.endpoints.len());
        // As it is was all there was when the first plans were hashed; they stay as they were.
        let cache = self.cache.as_part().map(str::to_owned);
        let parts: Vec<String> =
            [numbers, counts].into_iter().chain(tasks).chain(endpoints).chain(cache).collect();
        ContentHash::of_parts(parts.iter().map(String::as_bytes))
    }

    /// The hash of the price snapshot: every endpoint's id and price, and nothing else.
    #[must_use]
    pub fn prices_hash(&self) -> ContentHash {
        let price = |endpoint: &Endpoint| {
            serde_json::to_string(&(endpoint.id.as_str(), &endpoint.price))
                .expect("plain strings and numbers")
        };
        let prices: Vec<String> = self.endpoints.iter().map(price).collect();
        let parts = std::iter::once(b"weighbridge prices 1".as_slice());
        ContentHash::of_parts(parts.chain(prices.iter().map(String::as_bytes)))
    }

    /// How many blocks the trials stand in.
    #[must_use]
    pub fn n_blocks(&self) -> u32 {
        self.trials.last().map_or(0, |last| last.block + 1)
    }

    /// A trial's task.
    #[must_use]
    pub fn task(&self, trial: &Trial) -> &Task {
        &self.tasks[trial.task as usize]
    }

    /// A trial's endpoint.
    #[must_use]
    pub fn endpoint(&self, trial: &Trial) -> &Endpoint {
        &self.endpoints[trial.endpoint as usize]
    }

    /// Why a trial is not sent, with its figures; `None`: it is.
    #[must_use]
    pub fn why_ineligible(&self, trial: &Trial) -> Option<String> {
        let reason = trial.ineligible?;
        let endpoint = self.endpoint(trial);
        let tokens = || PromptSize::of(self.task(trial)).tokens(endpoint);
        let limit = bounds::stated_limit(endpoint);
        Some(match (reason, endpoint.context_window, limit, endpoint.max_output) {
            (Ineligible::ContextWindow, Some(window), ..) => {
                format!("{reason}: about {} tokens against {window}", tokens())
            }
            (Ineligible::Room, Some(window), Some(limit), _) => {
                format!("{reason}: about {} + {limit} tokens against {window}", tokens())
            }
            (Ineligible::MaxOutput, _, Some(limit), Some(most)) => {
                format!("{reason}: {limit} tokens against {most}")
            }
            (Ineligible::Privacy(_), ..) => format!("privacy: {reason}"),
            _ => reason.to_string(),
        })
    }

    fn lay_out(&mut self) {
        let sizes: Vec<PromptSize> = self.tasks.iter().map(PromptSize::of).collect();
        let contents = key::task_contents(&self.tasks);
        let endpoints: Vec<ContentHash> =
            self.endpoints.iter().map(|e| key::endpoint_content(e, self.cache)).collect();
        let order = self.task_order(&contents);
        for (block, tasks) in (0_u32..).zip(order.chunks(TASKS_PER_BLOCK as usize)) {
            let begin = self.trials.len();
            for &task in tasks {
                let size = sizes[task as usize];
                for (endpoint, spec) in (0_u32..).zip(&self.endpoints) {
                    let n = bounds::max_tokens_of(size, &self.tasks[task as usize], spec);
                    let ineligible = self.refused[endpoint as usize]
                        .or_else(|| eligible::of_task(&self.tasks[task as usize], size, spec));
                    for repeat in 0..self.repeats {
                        let (task_content, endpoint_content) =
                            (&contents[task as usize], &endpoints[endpoint as usize]);
                        let key = key::trial_key(task_content, endpoint_content, n, repeat);
                        self.trials.push(Trial {
                            idx: 0,
                            key,
                            task,
                            endpoint,
                            repeat,
                            block,
                            ineligible,
                        });
                    }
                }
            }
            self.seed.draw("plan block", &[&block.to_string()]).shuffle(&mut self.trials[begin..]);
        }
        for (idx, trial) in (0_u32..).zip(&mut self.trials) {
            trial.idx = idx;
        }
    }

    /// The tasks in seeded random order, whatever their order in the file.
    fn task_order(&self, contents: &[ContentHash]) -> Vec<u32> {
        let mut order: Vec<u32> = (0_u32..).take(contents.len()).collect();
        order.sort_by_key(|&task| contents[task as usize]);
        self.seed.draw("plan tasks", &[]).shuffle(&mut order);
        order
    }
}
