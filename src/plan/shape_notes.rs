//! Notes on the requests of a plan: endpoints without requests, output limits that are cut, schemas
//! that are not sent.

use std::collections::BTreeMap;

use super::bounds::{self, PromptSize};
use super::eligible::Ineligible;
use super::trials::Plan;
use crate::catalog::Capability;
use crate::units::Fact;

impl Plan {
    /// How requests are shaped: which endpoints are not asked and why, what is cut, what is left
    /// out.
    #[must_use]
    pub fn shape_notes(&self) -> Vec<Fact> {
        let mut refused: BTreeMap<Ineligible, Vec<String>> = BTreeMap::new();
        for (endpoint, why) in self.endpoints.iter().zip(&self.refused) {
            if let Some(why) = why.filter(|why| why.is_of_endpoint()) {
                refused.entry(why).or_default().push(endpoint.id.to_string());
            }
        }
        let each = self.tasks.len() * self.repeats as usize;
        let refused = refused.into_iter().map(|(why, endpoints)| Fact::TrialsIneligible {
            trials: (endpoints.len() * each) as u64,
            reason: why.word().to_owned(),
            why: why.to_string(),
            endpoints,
        });
        let mut notes: Vec<Fact> = refused.collect();
        let (cut, bare) = self.cut_and_bare();
        let concerned = |concerned: &[bool]| {
            let all = self.endpoints.iter().zip(concerned).filter(|(_, concerned)| **concerned);
            let ids: Vec<String> = all.map(|(endpoint, _)| endpoint.id.to_string()).collect();
            (!ids.is_empty()).then_some(ids)
        };
        notes.extend(concerned(&cut).map(|endpoints| Fact::OutputLimitCut { endpoints }));
        notes.extend(concerned(&bare).map(|endpoints| Fact::SchemaNotSent { endpoints }));
        notes
    }

    /// By endpoint: whether the output limit of some task that it is asked is cut, and whether the
    /// schema of one is left out. One pass over the trials: a plan may have millions.
    fn cut_and_bare(&self) -> (Vec<bool>, Vec<bool>) {
        let sizes: Vec<PromptSize> = self.tasks.iter().map(PromptSize::of).collect();
        let stated: Vec<bool> =
            self.endpoints.iter().map(|e| bounds::stated_limit(e).is_some()).collect();
        let none = vec![false; self.endpoints.len()];
        let (mut cut, mut bare) = (none.clone(), none);
        for trial in self.trials.iter().filter(|trial| trial.ineligible.is_none()) {
            let (task, idx) = (self.task(trial), trial.endpoint as usize);
            let endpoint = &self.endpoints[idx];
            let asked = task.max_tokens.filter(|_| !cut[idx] && !stated[idx]);
            let size = sizes[trial.task as usize];
            cut[idx] |= asked.is_some_and(|n| bounds::max_tokens_of(size, task, endpoint) < n);
            bare[idx] |= task.schema.is_some() && !endpoint.can(Capability::JsonSchema);
        }
        (cut, bare)
    }
}
