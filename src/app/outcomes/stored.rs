//! A table as what a run stores: tasks, endpoints, trials.

use std::collections::BTreeMap;

use super::error_class::class_of;
use crate::catalog::{
    DataPolicy, Dialect, Endpoint, HttpVersion, Limits, Price, Provider, RequestForm,
};
use crate::graders::GraderSpec;
use crate::outcomes::{Outcome, OutcomeTable, Query};
use crate::store::{
    Grading, ImportedTrial, PlannedTrial, RequestRecord, RequestSource, StoredEndpoint, StoredTask,
};
use crate::units::{AnswerContent, ContentHash, EndpointId, TokensSource, TrialKey};

/// The provider of every imported endpoint.
pub(super) const PROVIDER: &str = "imported";
/// The longest error that is kept, characters.
const MAX_WORDS: usize = 500;

/// A table, ready to be stored.
#[derive(Debug)]
pub(super) struct StoredTable {
    pub tasks: Vec<StoredTask>,
    /// By name, so that parts of a table have them in one order.
    pub endpoints: Vec<StoredEndpoint>,
    /// The position of each model's endpoint.
    place_of: Vec<u32>,
    gradings: Vec<Grading>,
}

impl StoredTable {
    /// The parts of a run. Every query has a category.
    pub(super) fn new(table: &OutcomeTable) -> Self {
        let is_costed = |model: u32| {
            table.outcomes.iter().any(|outcome| outcome.model == model && outcome.cost.is_some())
        };
        let mut order: Vec<(u32, EndpointId)> = (0..)
            .zip(&table.models)
            .map(|(i, m)| (i, EndpointId::new(&m.name, PROVIDER, m.variant.as_deref())))
            .collect();
        order.sort_by(|a, b| a.1.cmp(&b.1));
        let mut place_of = vec![0; table.models.len()];
        for (place, (model, _)) in (0_u32..).zip(&order) {
            place_of[*model as usize] = place;
        }
        let endpoints = (0..).zip(order).map(|(idx, (model, id))| {
            let price = if is_costed(model) { Price::Recorded } else { Price::Unknown };
            let model = &table.models[model as usize];
            let endpoint = endpoint(id, &model.name, model.variant.clone(), price);
            StoredEndpoint { idx, endpoint }
        });
        let grading = |name: &String| Grading { grader: name.clone(), version: 1 };
        Self {
            endpoints: endpoints.collect(),
            tasks: (0..).zip(&table.queries).map(|(idx, query)| task(idx, query)).collect(),
            place_of,
            gradings: table.graders.iter().map(grading).collect(),
        }
    }

    /// The trials, in the order of the table.
    pub(super) fn trials<'a>(
        &'a self,
        table: &'a OutcomeTable,
    ) -> impl Iterator<Item = ImportedTrial> + 'a {
        (0..).zip(&table.outcomes).map(|(idx, outcome)| self.trial(idx, outcome))
    }

    fn trial(&self, idx: u32, outcome: &Outcome) -> ImportedTrial {
        let endpoint = self.place_of[outcome.model as usize];
        let task = &self.tasks[outcome.query as usize];
        let hash = ContentHash::of_parts([
            b"weighbridge import 1".as_slice(),
            task.content_hash.as_ref().map_or(&[], |hash| hash.as_bytes().as_slice()),
            self.endpoints[endpoint as usize].endpoint.id.as_str().as_bytes(),
            &outcome.repeat.to_le_bytes(),
        ]);
        let planned = PlannedTrial {
            idx,
            key: TrialKey::from_hash(&hash),
            task: outcome.query,
            endpoint,
            repeat: outcome.repeat,
            ineligible: None,
        };
        let is_answered = outcome.error.is_none();
        let score = is_answered.then(|| {
            let grading = self.gradings[outcome.grader as usize].clone();
            (grading, outcome.score, outcome.detail.clone())
        });
        let answer = (is_answered && !outcome.answer.is_empty())
            .then(|| AnswerContent { text: outcome.answer.clone(), ..AnswerContent::default() });
        ImportedTrial { planned, request: request(outcome), answer, score }
    }
}

/// The one request of a trial. When it left is not known: its stamps tell durations only.
fn request(outcome: &Outcome) -> RequestRecord {
    let words = outcome.error.as_deref().unwrap_or_default();
    let counted = !outcome.usage.is_unknown();
    let source =
        if outcome.provider_counted { TokensSource::Usage } else { TokensSource::Imported };
    RequestRecord {
        source: RequestSource::Import,
        intended_ns: Some(0),
        dispatched_ns: Some(0),
        last_token_ns: outcome.latency_ns.filter(|_| outcome.error.is_none()),
        ended_ns: Some(outcome.latency_ns.unwrap_or(0)),
        error: outcome.error.as_ref().map(|words| class_of(words)),
        error_detail: (!words.is_empty()).then(|| words.chars().take(MAX_WORDS).collect()),
        usage: outcome.usage,
        tokens_source: counted.then_some(source),
        cost: outcome.cost,
        ..RequestRecord::default()
    }
}

fn task(idx: u32, query: &Query) -> StoredTask {
    // The table's own id says what is asked: the same in every table of this source.
    let parts = [b"weighbridge import 1".as_slice(), query.source.as_bytes(), query.id.as_bytes()];
    StoredTask {
        idx,
        suite: query.source.clone(),
        task: query.id.clone(),
        category: query.category.clone().unwrap_or_else(|| query.source.clone()),
        cluster: None,
        tags: Vec::new(),
        grader: GraderSpec::NONE,
        reference: query.reference.clone(),
        schema: None,
        messages: query.prompt.clone(),
        content_hash: Some(ContentHash::of_parts(parts)),
    }
}

/// An endpoint that nothing can be sent to.
fn endpoint(id: EndpointId, model: &str, variant: Option<String>, price: Price) -> Endpoint {
    Endpoint {
        id,
        model: model.to_owned(),
        provider: Provider {
            name: PROVIDER.to_owned(),
            dialect: Dialect::OpenaiChat,
            base_url: String::new(),
            api_key_env: None,
            api_key_cmd: None,
            http: HttpVersion::Http1,
            headers: BTreeMap::new(),
            ca_file: None,
            router: None,
            data_policy: DataPolicy::default(),
            concurrency: None,
        },
        upstream_model: model.to_owned(),
        price,
        context_window: None,
        max_output: None,
        limits: Limits::default(),
        supports: None,
        variant,
        params: serde_json::Map::new(),
        system: None,
        stream: false,
        request_form: RequestForm::default(),
    }
}
