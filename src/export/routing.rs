//! The shared form of an export: aliases, each with weighted targets and fallbacks.

use std::collections::{BTreeMap, BTreeSet};

use super::error::ExportError;
use super::mix::{self, Mix};
use super::name::{self, DEFAULT};
use super::provenance::Provenance;
use crate::catalog::Endpoint;
use crate::units::ContentHash;
use crate::units::names::matches_none;
use crate::weights::{CategoryWeights, VerdictWord, WeightsFile};

/// The most fallbacks of an alias.
const MOST_FALLBACKS: usize = 3;

/// What is routed, whatever the gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Routing {
    /// What it was made from.
    pub provenance: Provenance,
    /// The endpoints that some alias names, by id.
    pub endpoints: Vec<Endpoint>,
    /// The aliases, the one for traffic without a label last.
    pub routes: Vec<Route>,
    /// What differs from the weights file under any gateway, one sentence each.
    pub notes: Vec<String>,
}

/// How one alias is routed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What callers ask for: `support/classify`, `default`.
    pub alias: String,
    /// Where its requests go; the parts sum to a million.
    pub targets: Vec<Target>,
    /// Where they go when that fails, in order: positions in [`Routing::endpoints`].
    pub fallbacks: Vec<usize>,
}

/// A share of an alias's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The position in [`Routing::endpoints`].
    pub endpoint: usize,
    /// Parts per million, at least one.
    pub parts: u32,
}

/// A category, and the suites that have tasks of it; none: not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindOfWork {
    /// The category.
    pub category: String,
    /// The suites.
    pub suites: Vec<String>,
}

/// How new weights take the place of old ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blend<'a> {
    /// The weights before, and their file's hash; `None`: today's endpoint has everything.
    pub old: Option<(&'a WeightsFile, ContentHash)>,
    /// The share of the new weights; `None`: all.
    pub ramp: Option<f64>,
    /// Only what was before.
    pub undo: bool,
}

/// Makes the shared form. `known` are the endpoints whose address and price are known.
///
/// Under a ramp a TRY goes to its candidate; without one it stays as it is today. A category without
/// weights goes where it goes today.
pub fn routing(
    file: &WeightsFile,
    provenance: Provenance,
    kinds: &[KindOfWork],
    known: &BTreeMap<String, Endpoint>,
    blend: Blend<'_>,
) -> Result<Routing, ExportError> {
    let provenance = Provenance {
        ramp: blend.ramp,
        undo: blend.undo,
        from: blend.old.map(|(_, hash)| hash),
        simulated: provenance.simulated || blend.old.is_some_and(|(old, _)| old.simulated),
        ..provenance
    };
    let mut builder = Builder { file, known, blend, notes: Vec::new(), drafts: Vec::new() };
    let mut taken = BTreeSet::from([DEFAULT.to_owned()]);
    for (category, weights) in &file.categories {
        let kind = kinds.iter().find(|kind| kind.category == *category);
        let suites = kind.map_or(&[][..], |kind| kind.suites.as_slice());
        let mut aliases: Vec<String> =
            suites.iter().map(|suite| name::alias(Some(suite), category)).collect();
        if aliases.is_empty() {
            aliases.push(name::alias(None, category));
        }
        let aliases: Vec<String> =
            aliases.iter().map(|alias| name::unused(alias, &mut taken)).collect();
        let before = blend.old.and_then(|(old, _)| old.categories.get(category));
        builder.add(&aliases, category, weights, before)?;
    }
    let before = blend.old.map(|(old, _)| &old.default);
    builder.add(&[DEFAULT.to_owned()], "traffic without a label", &file.default, before)?;
    Ok(builder.finish(provenance))
}

/// An alias by the names of its endpoints.
struct Draft {
    alias: String,
    mix: Mix,
    fallbacks: Vec<String>,
}

struct Builder<'a> {
    file: &'a WeightsFile,
    known: &'a BTreeMap<String, Endpoint>,
    blend: Blend<'a>,
    notes: Vec<String>,
    drafts: Vec<Draft>,
}

impl Builder<'_> {
    fn add(
        &mut self,
        aliases: &[String],
        category: &str,
        weights: &CategoryWeights,
        before: Option<&CategoryWeights>,
    ) -> Result<(), ExportError> {
        let shown = aliases.join(", ");
        let mix = self.mix(&shown, category, weights, before)?;
        let fallbacks = self.fallbacks(&mix, weights);
        for endpoint in mix.keys().chain(&fallbacks) {
            if !self.known.contains_key(endpoint) {
                let names: Vec<&str> = self.known.keys().map(String::as_str).collect();
                return Err(ExportError::UnknownEndpoint {
                    endpoint: endpoint.clone(),
                    category: category.to_owned(),
                    remedy: matches_none(endpoint, &names),
                });
            }
        }
        self.note_fallbacks(&shown, &mix, &fallbacks);
        self.drafts.extend(aliases.iter().map(|alias| Draft {
            alias: alias.clone(),
            mix: mix.clone(),
            fallbacks: fallbacks.clone(),
        }));
        Ok(())
    }

    /// The mix that is served, and what differs in it from the file.
    fn mix(
        &mut self,
        alias: &str,
        category: &str,
        weights: &CategoryWeights,
        before: Option<&CategoryWeights>,
    ) -> Result<Mix, ExportError> {
        let verdict = &weights.verdict;
        let today = || {
            let old = self.blend.old.and_then(|(old, _)| old.objective.today.as_deref());
            old.or(self.file.objective.today.as_deref()).map(mix::whole)
        };
        let old = before.map(|c| c.weights.clone()).filter(|mix| !mix.is_empty()).or_else(today);
        let nothing_serves = || ExportError::NothingServes {
            category: category.to_owned(),
            why: verdict.why.clone(),
        };
        if self.blend.undo {
            return old.ok_or_else(nothing_serves);
        }
        if weights.weights.is_empty() {
            let mix = old.ok_or_else(nothing_serves)?;
            self.notes.push(format!(
                "{alias}: {}, so it has no weights and goes where it goes today ({})",
                verdict.word.word(),
                verdict.why
            ));
            return Ok(mix);
        }
        let tried = verdict.candidate.as_deref().filter(|_| verdict.word == VerdictWord::Try);
        let new = match (tried, self.blend.ramp) {
            (Some(candidate), Some(_)) => mix::whole(candidate),
            (Some(candidate), None) => {
                self.notes.push(format!(
                    "{alias}: TRY {candidate} is left out; with --ramp 0.1 it gets a tenth"
                ));
                weights.weights.clone()
            }
            (None, _) => weights.weights.clone(),
        };
        Ok(match (self.blend.ramp, old) {
            (Some(share), Some(old)) => mix::blend(&old, &new, share),
            _ => new,
        })
    }

    /// The file's, then what has weight in it, then today's: of these, what is not in the mix.
    fn fallbacks(&self, mix: &Mix, weights: &CategoryWeights) -> Vec<String> {
        let mut seen: BTreeSet<&str> = mix.keys().map(String::as_str).collect();
        let all = weights.fallbacks.iter().chain(weights.weights.keys());
        let all = all.chain(self.file.objective.today.as_ref()).map(String::as_str);
        all.filter(|name| seen.insert(name)).take(MOST_FALLBACKS).map(str::to_owned).collect()
    }

    fn note_fallbacks(&mut self, alias: &str, mix: &Mix, fallbacks: &[String]) {
        let provider = |name: &String| self.known[name].provider.name.as_str();
        let served: BTreeSet<&str> = mix.keys().map(provider).collect();
        let note = if fallbacks.is_empty() {
            Some("has no fallback".to_owned())
        } else if fallbacks.iter().all(|name| served.contains(provider(name))) {
            let served: Vec<&str> = served.into_iter().collect();
            Some(format!("every fallback is at {} too, which serves it", served.join(", ")))
        } else {
            None
        };
        self.notes.extend(note.map(|note| format!("{alias}: {note}")));
    }

    fn finish(self, provenance: Provenance) -> Routing {
        let used: BTreeSet<&String> =
            self.drafts.iter().flat_map(|d| d.mix.keys().chain(&d.fallbacks)).collect();
        let place: BTreeMap<&String, usize> =
            used.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        let routes = self.drafts.iter().map(|draft| Route {
            alias: draft.alias.clone(),
            targets: draft
                .mix
                .iter()
                .map(|(name, parts)| Target { endpoint: place[name], parts: *parts })
                .collect(),
            fallbacks: draft.fallbacks.iter().map(|name| place[name]).collect(),
        });
        Routing {
            provenance,
            routes: routes.collect(),
            endpoints: used.iter().map(|name| self.known[*name].clone()).collect(),
            notes: self.notes,
        }
    }
}

impl Routing {
    /// The endpoint at a position.
    pub(super) fn endpoint(&self, at: usize) -> &Endpoint {
        &self.endpoints[at]
    }

    /// The ids at these positions, for prose.
    pub(super) fn names(&self, at: &[usize]) -> String {
        let names: Vec<&str> = at.iter().map(|at| self.endpoints[*at].id.as_str()).collect();
        names.join(", ")
    }

    /// What no gateway that is exported to can do for an endpoint.
    pub(super) fn lost_everywhere(&self) -> Vec<String> {
        let mut lost = Vec::new();
        for endpoint in &self.endpoints {
            let id = &endpoint.id;
            if endpoint.system.is_some() {
                lost.push(format!("{id}: the system message of its variant; callers must send it"));
            }
            if let Some(file) = &endpoint.provider.ca_file {
                lost.push(format!("{id}: the certificates of {}", file.display()));
            }
        }
        lost
    }
}

impl Route {
    /// The share of each endpoint, for prose.
    pub(super) fn shares(&self, routing: &Routing) -> String {
        let one = |target: &Target| {
            format!("{} {}", routing.endpoints[target.endpoint].id, mix::percent(target.parts))
        };
        self.targets.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// The weights, as small whole numbers.
    pub(super) fn integers(&self) -> Vec<u64> {
        let parts: Vec<u32> = self.targets.iter().map(|target| target.parts).collect();
        mix::reduced(parts)
    }
}
