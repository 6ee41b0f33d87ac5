//! models.dev as one JSON.

use super::model::{Cost, Literals, Model, OVER_200K, RATES, provider};
use crate::catalog::Facts;
use crate::catalog::source::fields::Fields;
use crate::catalog::source::reading::Reading;

/// Reads models.dev's one JSON: providers by name, each with its models.
pub(in crate::catalog::source) fn read_api(top: &Fields<'_>) -> Reading {
    let mut reading = Reading::default();
    for (name, raw) in top.iter() {
        let fields = Fields::of(raw);
        let models = fields.as_ref().and_then(|fields| fields.object("models"));
        let Some((fields, models)) = fields.zip(models) else {
            reading.entries += 1;
            reading.leave_out(name, "is no provider: it has no models");
            continue;
        };
        let env = fields.texts("env").unwrap_or_default();
        let provider = provider(name, fields.text("api"), env);
        for (id, raw) in models.iter() {
            reading.entries += 1;
            let shown = format!("{name}/{id}");
            let Some(fields) = Fields::of(raw) else {
                reading.leave_out(&shown, "is not an object");
                continue;
            };
            let model = api_model(&fields);
            let facts = Facts { created: model.released, ..Facts::default() };
            reading.attempt(&shown, |reading| {
                reading.take(&shown, model.endpoint(&provider, id)?, facts);
                Ok(())
            });
        }
    }
    reading
}

fn api_model(fields: &Fields<'_>) -> Model {
    let flag = |key| fields.get(key).map(|_| fields.is_true(key));
    let limit = fields.object("limit");
    let limited = |key| limit.as_ref().and_then(|limit| limit.count(key));
    let literals = |cost: &Fields<'_>| -> Literals {
        let read = RATES
            .into_iter()
            .filter_map(|(key, _)| Some((key.to_owned(), cost.get(key)?.get().to_owned())));
        read.collect()
    };
    let cost = fields.object("cost").map(|cost| {
        let mut above = Vec::new();
        if let Some(over) = cost.object("context_over_200k") {
            above.push((OVER_200K, literals(&over)));
        }
        for tier in cost.list("tiers").unwrap_or_default() {
            let tier = Fields::of(tier);
            let size = tier.as_ref().and_then(|t| t.object("tier")?.count("size"));
            above.extend(size.zip(tier).map(|(size, tier)| (size, literals(&tier))));
        }
        Cost { base: literals(&cost), above, tiers: Vec::new() }
    });
    Model {
        base: None,
        cost,
        context: limited("context"),
        output: limited("output"),
        tools: flag("tool_call"),
        schema: flag("structured_output"),
        temperature: flag("temperature"),
        reasoning: flag("reasoning"),
        released: fields.day("release_date"),
        unread: Vec::new(),
    }
}
