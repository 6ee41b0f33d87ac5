//! Models and providers of either format.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::source::fields::{Amount, BadField, per_million};
use crate::catalog::source::providers;
use crate::catalog::source::reading::free_or;
use crate::catalog::{Capability, Change, Endpoint, Limits, Price, Provider, Rate, Rates};
use crate::units::{EndpointId, ServiceTier, Usd};

/// Rates by models.dev's names.
pub(super) const RATES: [(&str, Rate); 7] = [
    ("input", Rate::Input),
    ("output", Rate::Output),
    ("cache_read", Rate::CachedInput),
    ("cache_write", Rate::CacheWrite),
    ("reasoning", Rate::Reasoning),
    ("input_audio", Rate::AudioInput),
    ("output_audio", Rate::AudioOutput),
];
/// The threshold of `context_over_200k`.
pub(super) const OVER_200K: u64 = 200_000;

/// A model as either form states it. Amounts are literals.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) base: Option<String>,
    pub(super) cost: Option<Cost>,
    pub(super) context: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) tools: Option<bool>,
    pub(super) schema: Option<bool>,
    pub(super) temperature: Option<bool>,
    pub(super) reasoning: Option<bool>,
    pub(super) released: Option<jiff::civil::Date>,
    /// Keys of `cost` that are not read.
    pub(super) unread: Vec<String>,
}

pub(super) type Literals = BTreeMap<String, String>;

#[derive(Clone, Debug, Default)]
pub(super) struct Cost {
    pub(super) base: Literals,
    /// By the threshold above which they hold.
    pub(super) above: Vec<(u64, Literals)>,
    /// By service tier.
    pub(super) tiers: Vec<(ServiceTier, Literals)>,
}

impl Model {
    /// Takes missing values from the base model.
    pub(super) fn over(self, base: &Self) -> Self {
        Self {
            base: self.base,
            cost: self.cost.or_else(|| base.cost.clone()),
            context: self.context.or(base.context),
            output: self.output.or(base.output),
            tools: self.tools.or(base.tools),
            schema: self.schema.or(base.schema),
            temperature: self.temperature.or(base.temperature),
            reasoning: self.reasoning.or(base.reasoning),
            released: self.released.or(base.released),
            unread: self.unread,
        }
    }

    pub(super) fn endpoint(&self, provider: &Provider, id: &str) -> Result<Endpoint, BadField> {
        let model = providers::model_at(&provider.name, id);
        let supports = [
            (Capability::Tools, self.tools),
            (Capability::JsonSchema, self.schema),
            (Capability::Temperature, self.temperature),
            (Capability::Reasoning, self.reasoning),
        ];
        let supports: BTreeSet<Capability> =
            supports.into_iter().filter_map(|(c, has)| has.unwrap_or(false).then_some(c)).collect();
        Ok(Endpoint {
            id: EndpointId::new(&model, &provider.name, None),
            provider: provider.clone(),
            upstream_model: id.to_owned(),
            price: self.price()?,
            context_window: self.context,
            max_output: self.output,
            limits: Limits::default(),
            supports: Some(supports),
            variant: None,
            params: serde_json::Map::new(),
            system: None,
            stream: true,
            request_form: crate::catalog::RequestForm::default(),
            model,
        })
    }

    fn price(&self) -> Result<Price, BadField> {
        let Some(cost) = &self.cost else { return Ok(Price::Unknown) };
        let Some(base) = amounts(&cost.base)? else { return Ok(Price::Unknown) };
        let Some(mut rates) = Rates::from_map(base) else { return Ok(Price::Unknown) };
        for (threshold, literals) in &cost.above {
            let Some(changed) = amounts(literals)? else { return Ok(Price::Unknown) };
            let above_input = Some(*threshold);
            rates.changes.push(Change { above_input, rates: changed, ..Change::default() });
        }
        rates.changes.sort_by_key(|change| change.above_input);
        for (tier, literals) in &cost.tiers {
            let Some(changed) = amounts(literals)? else { return Ok(Price::Unknown) };
            rates.changes.push(Change { tier: Some(*tier), rates: changed, ..Change::default() });
        }
        Ok(free_or(rates))
    }
}

/// Dollars per token from literals per million; `None`: one is not known.
fn amounts(literals: &Literals) -> Result<Option<BTreeMap<Rate, Usd>>, BadField> {
    let mut rates = BTreeMap::new();
    for (key, literal) in literals {
        let Some((_, rate)) = RATES.into_iter().find(|(name, _)| name == key) else { continue };
        match per_million(&format!("cost.{key}"), literal)? {
            Amount::Absent => {}
            Amount::Unknown => return Ok(None),
            Amount::Known(usd) => drop(rates.insert(rate, usd)),
        }
    }
    Ok(Some(rates))
}

/// A known provider, or one as the list states it.
pub(super) fn provider(name: &str, api: Option<String>, env: Vec<String>) -> Provider {
    let mut provider = providers::named(providers::of_models_dev(name));
    if provider.base_url.is_empty() {
        // An address with a placeholder depends on the customer.
        let api = api.filter(|url| url.starts_with("https://") && !url.contains(['$', '{']));
        provider.base_url = api.map(|url| url.trim_end_matches('/').to_owned()).unwrap_or_default();
        provider.api_key_env = env.into_iter().next();
    }
    provider
}
