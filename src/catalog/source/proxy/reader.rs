//! Reads a proxy's configuration.

use std::collections::{BTreeMap, BTreeSet};

use super::config::{Alias, Deployment, ProxyConfig};
use super::deployment::{self, Draft, Key, RoutingWeights};
use super::error::ProxyError;
use super::reconcile::{EntryTerms, reconcile};
use super::yaml::{self, Node};
use crate::catalog::source::providers;
use crate::catalog::source::reading::Omission;
use crate::catalog::{Catalog, Dialect, Router};

/// Reads a configuration. Errors name `path`; `variable` looks up the variables of addresses
/// (`os.environ/NAME`), never of keys; missing values come from the first of `lists` that has the
/// endpoint.
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

/// The identity of a provider: another dialect at the same address is another provider.
#[derive(PartialEq, Eq)]
struct Identity {
    base_url: String,
    dialect: Dialect,
    router: Option<Router>,
    key: Key,
}

impl Identity {
    fn new(draft: &Draft) -> Self {
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
    entries: BTreeMap<String, Vec<(Option<usize>, RoutingWeights)>>,
    /// The prices and limits of each entry.
    stated: Vec<EntryTerms>,
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
        let weighed = (placed.as_ref().ok().copied(), RoutingWeights::read(entry, params));
        self.entries.entry(name.clone()).or_default().push(weighed);
        if let Err(why) = placed {
            self.config.aliases[idx].left_out += 1;
            self.config.left_out.push(Omission { entry: name, why });
        }
        Ok(())
    }

    /// Gives a draft its names and its place among the deployments.
    fn place(&mut self, alias: &str, mut draft: Draft) -> Result<usize, String> {
        let what = Identity::new(&draft);
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
        let stated = EntryTerms::new(&endpoint, draft.priced_by.as_deref());
        let same = |known: &Deployment| known.endpoint.id == endpoint.id;
        if let Some(idx) = self.config.deployments.iter().position(same) {
            self.stated.push(stated);
            return Ok(idx);
        }
        deployment::check(&endpoint)?;
        // Only accepted entries reserve their names.
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
        let own = deployment::as_name(&providers::model_at(draft.prefix.name, upstream));
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
        reconcile(&mut self.config.deployments, &self.stated);
        for alias in &mut self.config.aliases {
            let Some(entries) = self.entries.get(&alias.name) else { continue };
            // Entries that were left out still receive their share of the requests.
            let weights: Vec<RoutingWeights> =
                entries.iter().map(|(_, weights)| *weights).collect();
            // A deployment may be listed twice.
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

impl ProxyConfig {
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
