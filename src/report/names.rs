//! Short names of endpoints.

use std::collections::BTreeMap;

use super::text::escape_control;
use crate::units::EndpointId;

/// Names of endpoints and models as short as they may be without two of them being the same.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    shown: BTreeMap<String, (String, String)>,
}

impl Names {
    /// For these ids.
    pub(crate) fn new<'a>(ids: impl Iterator<Item = &'a EndpointId> + Clone) -> Self {
        let mut shorts: BTreeMap<&str, u32> = BTreeMap::new();
        let mut models: BTreeMap<&str, u32> = BTreeMap::new();
        for id in ids.clone() {
            let short = id.short();
            *shorts.entry(short).or_default() += 1;
            *models.entry(model_of(short)).or_default() += 1;
        }
        let shown = ids
            .map(|id| {
                let (id, short) = (id.as_str(), id.short());
                let short_name = if shorts[short] == 1 { short } else { id };
                let model = model_of(short);
                let alone = models[model] == 1 && !short.contains('#');
                let model_name = if alone { model } else { short_name };
                (
                    id.to_owned(),
                    (
                        escape_control(short_name).into_owned(),
                        escape_control(model_name).into_owned(),
                    ),
                )
            })
            .collect();
        Self { shown }
    }

    /// `name@provider`, or the whole id where that is not unique.
    pub(crate) fn short(&self, id: &str) -> String {
        self.shown
            .get(id)
            .map_or_else(|| escape_control(id).into_owned(), |(short, _)| short.clone())
    }

    /// The model's name alone where one endpoint has it, else as [`Names::short`].
    pub(crate) fn model(&self, id: &str) -> String {
        self.shown
            .get(id)
            .map_or_else(|| escape_control(id).into_owned(), |(_, model)| model.clone())
    }
}

fn model_of(short: &str) -> &str {
    match short.split_once('@') {
        Some(("", _)) | None => short,
        Some((model, _)) => model,
    }
}
