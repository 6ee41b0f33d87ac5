//! A LiteLLM proxy's `config.yaml` to endpoints: what it calls, under which aliases, with which
//! limits and prices.
//!
//! A key that stands in the file is compared and never kept. What cannot be called from here is
//! named with the reason, and so is every parameter that is not carried over.

mod agree;
mod deployment;
mod prefix;
mod yaml;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Catalog, Dialect, Endpoint, Router};
use super::LeftOut;
use crate::units::names::matches_none;
use agree::Stated;
use deployment::{Draft, Key, Weights};
use yaml::Node;

/// What a proxy's configuration says.
#[derive(Clone, Debug, Default)]
pub struct ProxyConfig {
    /// What is called, each once, in the order of the file.
    pub deployments: Vec<Deployment>,
    /// The names that callers use, in the order of the file.
    pub aliases: Vec<Alias>,
    /// Entries of `model_list` that did not become a deployment, with the reason.
    pub left_out: Vec<LeftOut>,
}

/// What the proxy calls for an alias.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// It as an endpoint; with parameters of its own it is a variant.
    pub endpoint: Endpoint,
    /// Whether its key stands in the file itself, and has to be set under the name that is proposed.
    pub key_in_file: bool,
    /// Where its price comes from, in words; `None`: it has none.
    pub priced_by: Option<String>,
    /// Parameters of the file that are not carried over.
    pub dropped: Vec<String>,
    /// What its entries state differently, and which of it is taken.
    pub conflicts: Vec<String>,
}

/// A name that callers use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alias {
    /// The name.
    pub name: String,
    /// Its deployments: indices into [`ProxyConfig::deployments`], and each one's share of the
    /// requests by the weights of the file; with the shares of what was left out they sum to 1.
    pub served_by: Vec<(usize, f64)>,
    /// How many of its entries were left out.
    pub left_out: usize,
    /// The aliases that take over when it fails, in order.
    pub fallbacks: Vec<String>,
    /// The alias that this is another name for.
    pub stands_for: Option<String>,
}

/// Why a proxy's configuration is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Not YAML.
    #[error(
        "{path}:{line}: this is not YAML that reads: {why}; correct that line, or check the file \
         with the proxy itself"
    )]
    Malformed {
        /// The file.
        path: String,
        /// The line.
        line: u64,
        /// What the parser said.
        why: String,
    },
    /// Another kind of YAML.
    #[error(
        "{path} has no model_list, so it is no configuration of a LiteLLM proxy; name its \
         config.yaml (models that the proxy keeps in its database stand in no file)"
    )]
    NoModels {
        /// The file.
        path: String,
    },
    /// An entry that cannot be named.
    #[error("{path}:{line}: {what} of model_list is missing; write it, or take the entry out")]
    Missing {
        /// The file.
        path: String,
        /// Where the entry begins.
        line: u64,
        /// What is missing.
        what: &'static str,
    },
    /// An alias that is not there.
    #[error("{path} has no alias {alias:?}; {remedy}")]
    NoAlias {
        /// The file.
        path: String,
        /// What was asked for.
        alias: String,
        /// The nearest.
        remedy: String,
    },
    /// An alias none of whose deployments can be called.
    #[error("{path}: nothing that serves {alias:?} can be called from here: {why}")]
    NotCalled {
        /// The file.
        path: String,
        /// The alias.
        alias: String,
        /// The reason of the first.
        why: String,
    },
    /// Several where one is asked for.
    #[error(
        "{path}: {alias:?} is served by {} deployments ({}{}), and what serves today is one \
         endpoint; name one of them: endpoint = {:?}",
        .ids.len() + .left_out, .ids.join(", "), and_left_out(*.left_out),
        .ids.first().map_or("", String::as_str)
    )]
    Several {
        /// The file.
        path: String,
        /// The alias.
        alias: String,
        /// The ids of those that can be called.
        ids: Vec<String>,
        /// How many cannot.
        left_out: usize,
    },
    /// Several aliases where none is named.
    #[error("{path} has {} aliases; say which serves today: alias = {:?}", .names.len(), .names.first().map_or("", String::as_str))]
    WhichAlias {
        /// The file.
        path: String,
        /// The aliases.
        names: Vec<String>,
    },
}

fn and_left_out(n: usize) -> String {
    if n == 0 { String::new() } else { format!(", and {n} that cannot be called from here") }
}

/// Reads a configuration. `path` is what errors name; `variable` gives the variables that addresses
/// stand in (`os.environ/NAME`), and is asked for no key; `lists` are price lists, the first that
/// knows an endpoint says what the file leaves out.
pub fn read(
    text: &str,
    path: &str,
    variable: &dyn Fn(&str) -> Option<String>,
    lists: &[Catalog],
) -> Result<ProxyConfig, ProxyError> {
    let top = yaml::read(text, path)?;
    let models = top.get("model_list").map_or(&[][..], Node::items);
    if models.is_empty() {
        return Err(ProxyError::NoModels { path: path.to_owned() });
    }
    let mut reader = Reader::new(lists, path, variable);
    for entry in models {
        reader.entry(entry)?;
    }
    let mut config = reader.finish();
    config.read_router(&top);
    Ok(config)
}

impl ProxyConfig {
    /// The alias of this name, and what it stands for.
    #[must_use]
    pub fn alias(&self, name: &str) -> Option<&Alias> {
        let found = self.aliases.iter().find(|alias| alias.name == name)?;
        match &found.stands_for {
            // One step: a name that stands for itself must not turn for ever.
            Some(other) => self.aliases.iter().find(|alias| alias.name == *other),
            None => Some(found),
        }
    }

    /// The one deployment that serves an alias; `None` names the only one there is.
    pub fn serving(&self, alias: Option<&str>, path: &str) -> Result<&Deployment, ProxyError> {
        let path = path.to_owned();
        let names = || self.aliases.iter().map(|alias| alias.name.as_str());
        let alias = match (alias, self.aliases.as_slice()) {
            (Some(name), _) => self.alias(name).ok_or_else(|| {
                let known: Vec<&str> = names().collect();
                let (alias, remedy) = (name.to_owned(), matches_none(name, &known));
                ProxyError::NoAlias { path: path.clone(), alias, remedy }
            })?,
            (None, [only]) => only,
            (None, _) => {
                return Err(ProxyError::WhichAlias {
                    path,
                    names: names().map(str::to_owned).collect(),
                });
            }
        };
        let name = alias.name.clone();
        match alias.served_by.as_slice() {
            // With others that were left out it is one of several, and perhaps the least.
            [(only, _)] if alias.left_out == 0 => Ok(&self.deployments[*only]),
            [] => {
                let why = self.left_out.iter().find(|left| left.entry == name);
                let why = why.map_or_else(|| "it has no entry".to_owned(), |left| left.why.clone());
                Err(ProxyError::NotCalled { path, alias: name, why })
            }
            several => {
                let id = |(idx, _): &(usize, f64)| self.deployments[*idx].endpoint.id.to_string();
                Err(ProxyError::Several {
                    path,
                    alias: name,
                    ids: several.iter().map(id).collect(),
                    left_out: alias.left_out,
                })
            }
        }
    }

    /// Further names and fallbacks: they stand in `router_settings`, and in older files in
    /// `litellm_settings`.
    fn read_router(&mut self, top: &Node) {
        for settings in
            ["router_settings", "litellm_settings"].iter().filter_map(|key| top.get(key))
        {
            for (name, target) in settings.get("model_group_alias").map_or(&[][..], Node::pairs) {
                let target = target.scalar().or_else(|| target.text("model"));
                let is_new = self.aliases.iter().all(|alias| alias.name != *name);
                if let Some(target) = target.filter(|_| is_new) {
                    let stands_for = Some(target.to_owned());
                    let name = name.clone();
                    self.aliases.push(Alias { name, stands_for, ..Alias::default() });
                }
            }
            let fallbacks = settings.get("fallbacks").map_or(&[][..], Node::items);
            for (name, others) in fallbacks.iter().flat_map(Node::pairs) {
                let alias = self.aliases.iter_mut().find(|alias| alias.name == *name);
                let Some(alias) = alias else { continue };
                alias.fallbacks.extend(others.texts().into_iter().map(str::to_owned));
            }
        }
    }
}

/// What makes a provider: the same address and key in another dialect are another.
#[derive(PartialEq, Eq)]
struct Identity {
    base_url: String,
    dialect: Dialect,
    router: Option<Router>,
    key: Key,
}

impl Identity {
    fn of(draft: &Draft) -> Self {
        let provider = &draft.endpoint.provider;
        Self {
            base_url: provider.base_url.clone(),
            dialect: provider.dialect,
            router: provider.router,
            key: draft.key.clone(),
        }
    }
}

/// What is collected while the list is read.
struct Reader<'a> {
    path: &'a str,
    variable: &'a dyn Fn(&str) -> Option<String>,
    lists: &'a [Catalog],
    config: ProxyConfig,
    /// What each provider's name stands for.
    providers: BTreeMap<String, Identity>,
    /// The upstream model behind each endpoint without its variant.
    models: BTreeMap<(String, String), String>,
    /// The entries of each alias: the deployment, unless it was left out, and its relative weights.
    entries: BTreeMap<String, Vec<(Option<usize>, Weights)>>,
    /// The prices and limits of each entry.
    stated: Vec<Stated>,
}

impl<'a> Reader<'a> {
    fn new(
        lists: &'a [Catalog],
        path: &'a str,
        variable: &'a dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self {
            path,
            variable,
            lists,
            config: ProxyConfig::default(),
            providers: BTreeMap::new(),
            models: BTreeMap::new(),
            entries: BTreeMap::new(),
            stated: Vec::new(),
        }
    }

    fn entry(&mut self, entry: &Node) -> Result<(), ProxyError> {
        let missing =
            |what| ProxyError::Missing { path: self.path.to_owned(), line: entry.line, what };
        let name = entry.text("model_name").ok_or_else(|| missing("a model_name"))?;
        let params = entry.get("litellm_params").ok_or_else(|| missing("a litellm_params"))?;
        let name = name.to_owned();
        let aliases = &mut self.config.aliases;
        let idx = aliases.iter().position(|alias| alias.name == name).unwrap_or_else(|| {
            aliases.push(Alias { name: name.clone(), ..Alias::default() });
            aliases.len() - 1
        });
        let draft = Draft::read(entry, params, self.variable, self.lists);
        let placed = draft.and_then(|draft| self.place(&name, draft));
        let weighed = (placed.as_ref().ok().copied(), Weights::of(entry, params));
        self.entries.entry(name.clone()).or_default().push(weighed);
        if let Err(why) = placed {
            self.config.aliases[idx].left_out += 1;
            self.config.left_out.push(LeftOut { entry: name, why });
        }
        Ok(())
    }

    /// Gives a draft its names and its place among the deployments.
    fn place(&mut self, alias: &str, mut draft: Draft) -> Result<usize, String> {
        let what = Identity::of(&draft);
        let provider = self.provider_name(&draft, &what);
        let model = self.model_name(&provider, &draft);
        let key_in_file = matches!(draft.key, Key::InFile(_));
        draft.name(&provider, &model);
        let mut endpoint = draft.endpoint;
        if !endpoint.params.is_empty() {
            let taken: BTreeSet<&str> =
                self.config.deployments.iter().map(|d| d.endpoint.id.as_str()).collect();
            deployment::make_variant(&mut endpoint, alias, &taken, &self.config.deployments);
        }
        let stated = Stated::of(&endpoint, draft.priced_by.as_deref());
        let same = |known: &Deployment| known.endpoint.id == endpoint.id;
        if let Some(idx) = self.config.deployments.iter().position(same) {
            self.stated.push(stated);
            return Ok(idx);
        }
        deployment::check(&endpoint)?;
        // Only what stays takes a name.
        self.stated.push(stated);
        self.models.insert((provider.clone(), model), endpoint.upstream_model.clone());
        self.providers.insert(provider, what);
        self.config.deployments.push(Deployment {
            endpoint,
            key_in_file,
            priced_by: draft.priced_by,
            dropped: draft.dropped,
            conflicts: Vec::new(),
        });
        Ok(self.config.deployments.len() - 1)
    }

    /// The name of a draft's provider: another for each address, dialect and key.
    fn provider_name(&self, draft: &Draft, what: &Identity) -> String {
        let mut wanted = draft.prefix.name_at(&what.base_url);
        if what.dialect != draft.prefix.dialect {
            wanted.push_str("-responses");
        }
        let mut name = wanted.clone();
        let mut n = 1;
        while self.providers.get(&name).is_some_and(|known| known != what) {
            n += 1;
            name = format!("{wanted}-{n}");
        }
        name
    }

    /// The name of a draft's model at its provider: another for each model upstream.
    fn model_name(&self, provider: &str, draft: &Draft) -> String {
        let upstream = &draft.endpoint.upstream_model;
        let own = deployment::as_name(&super::providers::model_at(draft.prefix.name, upstream));
        let mut name = draft.base_model.clone().unwrap_or_else(|| own.clone());
        let mut n = 1;
        while self
            .models
            .get(&(provider.to_owned(), name.clone()))
            .is_some_and(|known| known != upstream)
        {
            name = if n == 1 { own.clone() } else { format!("{own}-{n}") };
            n += 1;
        }
        name
    }

    fn finish(mut self) -> ProxyConfig {
        agree::agree(&mut self.config.deployments, &self.stated);
        for alias in &mut self.config.aliases {
            let Some(entries) = self.entries.get(&alias.name) else { continue };
            // What was left out has its part of the requests all the same.
            let weights: Vec<Weights> = entries.iter().map(|(_, weights)| *weights).collect();
            // The same deployment may stand there twice.
            let mut merged: Vec<(usize, f64)> = Vec::new();
            for ((placed, _), share) in entries.iter().zip(deployment::shares(&weights)) {
                let Some(idx) = placed else { continue };
                match merged.iter_mut().find(|(known, _)| known == idx) {
                    Some((_, sum)) => *sum += share,
                    None => merged.push((*idx, share)),
                }
            }
            alias.served_by = merged;
        }
        self.config
    }
}
