//! The requests of a load: endpoint, task, and body, serialised ahead of time.

use std::sync::{Arc, OnceLock};

use crate::catalog::Endpoint;
use crate::plan::{Lengths, Plan, input_bound, output_bound};
use crate::run::render;
use crate::suite::Task;
use crate::units::{Body, CacheMode, Message, Seed, Usd};
use crate::wire::Request;

/// Bodies are cached up to about this many bytes; beyond it they are serialised each time, so that
/// memory stays flat.
const KEPT_BYTES: usize = 32 << 20;
/// The task of a request that a trace describes.
const TRACE_TASK: u32 = 0;

/// The requests of a load, as a pure function of the seed and a request's number.
#[derive(Debug)]
pub struct Prompts {
    endpoints: Vec<Endpoint>,
    tasks: Arc<[Task]>,
    /// Tasks in the order in which each endpoint gets them, repeatedly.
    order: Vec<u32>,
    seed: Seed,
    cache: CacheMode,
    /// By endpoint, then task; empty where they are too many to keep.
    kept: Vec<OnceLock<Made>>,
    /// Requests of lengths as in a trace, instead of tasks.
    by_length: bool,
}

/// A request that can be sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Its number, from 0.
    pub request: u64,
    /// The endpoint's position.
    pub endpoint: u32,
    /// The task's position.
    pub task: u32,
    /// Its body.
    pub body: Body,
    /// The most that it can cost; `None`: not known.
    pub bound: Option<Usd>,
    /// The most output tokens that it asks for; `None`: not known.
    pub max_output: Option<u64>,
}

#[derive(Clone, Debug)]
struct Made {
    body: Body,
    bound: Option<Usd>,
    /// The most output tokens that it asks for; `None`: not known.
    max_output: Option<u64>,
}

impl Prompts {
    /// The prompts of a plan's tasks. A task that one endpoint cannot take is sent to none, so that all
    /// have the same load; `None`: no task is left.
    #[must_use]
    pub fn of_tasks(plan: &Plan) -> Option<Self> {
        let mut fits = vec![true; plan.tasks.len()];
        for trial in plan.trials.iter().filter(|trial| trial.ineligible.is_some()) {
            fits[trial.task as usize] = false;
        }
        let mut order: Vec<u32> =
            (0..).zip(&fits).filter(|(_, fits)| **fits).map(|(i, _)| i).collect();
        if order.is_empty() {
            return None;
        }
        plan.seed.draw("load tasks", &[]).shuffle(&mut order);
        let mut prompts = Self {
            endpoints: plan.endpoints.clone(),
            tasks: Arc::clone(&plan.tasks),
            order,
            seed: plan.seed,
            cache: plan.cache,
            kept: Vec::new(),
            by_length: false,
        };
        prompts.keep();
        Some(prompts)
    }

    /// Prompts of given lengths, as a trace has them.
    #[must_use]
    pub fn of_lengths(plan: &Plan) -> Self {
        Self {
            endpoints: plan.endpoints.clone(),
            tasks: Arc::new([]),
            order: Vec::new(),
            seed: plan.seed,
            cache: plan.cache,
            kept: Vec::new(),
            by_length: true,
        }
    }

    /// The number of tasks; 0: requests have lengths as in a trace.
    #[must_use]
    pub fn n_tasks(&self) -> usize {
        self.order.len()
    }

    /// The number of endpoints.
    #[must_use]
    pub fn n_endpoints(&self) -> usize {
        self.endpoints.len()
    }

    /// The most that any request can cost: the upper bound for a request in doubt. `None`: not known.
    /// `lengths`: those of a trace.
    #[must_use]
    pub fn max_cost(&self, lengths: Option<&[Lengths]>) -> Option<Usd> {
        if self.by_length {
            let all = || lengths.unwrap_or_default().iter();
            let most = Lengths {
                input_tokens: all().map(|l| l.input_tokens).max()?,
                output_tokens: all().map(|l| l.output_tokens).max()?,
            };
            return self
                .endpoints
                .iter()
                .map(|e| of_length(e, u64::MAX, most, self.cache).bound)
                .max()?;
        }
        let n = self.n_tasks() as u64;
        let bound = |endpoint| move |nth| self.prepare(0, endpoint, nth, None).bound;
        (0..).take(self.n_endpoints()).flat_map(|endpoint| (0..n).map(bound(endpoint))).max()?
    }

    /// The endpoint of a request of an open loop: all of them in each block of as many requests, in
    /// seeded order.
    #[must_use]
    pub fn endpoint_of(&self, request: u64) -> u32 {
        let n = self.endpoints.len();
        if n == 1 {
            return 0;
        }
        let (block, at) = (request / n as u64, usize::try_from(request % n as u64).unwrap_or(0));
        let mut endpoints: Vec<u32> = (0..).take(n).collect();
        self.seed.draw("load endpoints", &[&block.to_string()]).shuffle(&mut endpoints);
        endpoints[at]
    }

    /// A request of an open loop.
    #[must_use]
    pub fn prepare_open(&self, request: u64, lengths: Option<Lengths>) -> Prepared {
        let nth = request / self.endpoints.len() as u64;
        self.prepare(request, self.endpoint_of(request), nth, lengths)
    }

    /// The `nth` request to an endpoint.
    #[must_use]
    pub fn prepare(
        &self,
        request: u64,
        endpoint: u32,
        nth: u64,
        lengths: Option<Lengths>,
    ) -> Prepared {
        let spec = &self.endpoints[endpoint as usize];
        if let Some(lengths) = lengths.filter(|_| self.by_length) {
            let Made { body, bound, max_output } = of_length(spec, request, lengths, self.cache);
            return Prepared { request, endpoint, task: TRACE_TASK, body, bound, max_output };
        }
        let nth = usize::try_from(nth % self.order.len() as u64).expect("below a length");
        let task = self.order[nth];
        let make = || of_task(&self.tasks[task as usize], spec, self.cache);
        let Made { body, bound, max_output } =
            match self.kept.get(endpoint as usize * self.tasks.len() + task as usize) {
                Some(kept) => kept.get_or_init(make).clone(),
                None => make(),
            };
        Prepared { request, endpoint, task, body, bound, max_output }
    }

    /// Serialises every body now, where they are few enough to cache.
    fn keep(&mut self) {
        let contents: usize =
            self.tasks.iter().flat_map(|task| &task.messages).map(|m| m.content.len()).sum();
        if contents.saturating_mul(self.endpoints.len()) > KEPT_BYTES {
            return;
        }
        let cache = self.cache;
        self.kept = self
            .endpoints
            .iter()
            .flat_map(|endpoint| self.tasks.iter().map(move |task| of_task(task, endpoint, cache)))
            .map(OnceLock::from)
            .collect();
    }
}

fn of_task(task: &Task, endpoint: &Endpoint, cache: CacheMode) -> Made {
    let most = output_bound(task, endpoint);
    let body = render::body(task, endpoint, most, cache);
    let bound = bound(endpoint, body.bytes.len(), task.messages.len(), most);
    Made { body, bound, max_output: most }
}

fn bound(endpoint: &Endpoint, body: usize, messages: usize, output: Option<u64>) -> Option<Usd> {
    output.and_then(|output| endpoint.max_cost(input_bound(body, messages), output))
}

/// A request with a prompt and an answer of these lengths. The prompt begins with its number, so that
/// no prompt cache makes it cheaper than the trace's.
fn of_length(endpoint: &Endpoint, number: u64, lengths: Lengths, cache: CacheMode) -> Made {
    /// Common words that are one token each in the vocabularies of today, with their space.
    const WORDS: [&str; 16] = [
        " the", " of", " and", " time", " people", " water", " day", " house", " world", " work",
        " life", " city", " book", " hand", " place", " year",
    ];
    /// Tokens of the beginning, about.
    const BEGINNING: u32 = 8;
    let mut content = format!("Request {number}: continue this text.");
    let words = lengths.input_tokens.saturating_sub(BEGINNING);
    content.reserve(words as usize * 6);
    for word in 0..u64::from(words) {
        let mixed = (word ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
        content.push_str(WORDS[usize::try_from(mixed).expect("four bits")]);
    }
    let messages = [Message { role: "user".to_owned(), content }];
    let wanted = u64::from(lengths.output_tokens.max(1));
    let most = wanted.min(endpoint.max_output.unwrap_or(u64::MAX));
    let request = Request {
        model: &endpoint.upstream_model,
        system: endpoint.system.as_deref(),
        messages: &messages,
        tools: None,
        schema: None,
        max_tokens: Some(most),
        limit_counts_reasoning: endpoint.provider.is_openai(),
        stream: endpoint.stream,
        params: &endpoint.params,
    };
    // A system message comes before the number, so it needs a nonce as well.
    let cache = if endpoint.system.is_some() { cache } else { CacheMode::AsIs };
    let body = render::encode(endpoint.provider.dialect, &request, cache);
    let bound = bound(endpoint, body.bytes.len(), 1, Some(most));
    Made { body, bound, max_output: Some(most) }
}
