//! What happens while a provider is down.

use std::collections::BTreeSet;

use serde::Serialize;

use super::figures::{Figures, figures};
use super::served::Served;
use crate::units::Slo;

/// One provider down: what was drawn for it goes to the first of the file's fallbacks at another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outage {
    /// The provider.
    pub provider: String,
    /// Its share of the traffic, 0..1.
    pub share: f64,
    /// The share of the traffic that nothing serves then.
    pub unserved: f64,
    /// Who takes over.
    pub takes_over: Vec<String>,
    /// Of those, who is not measured where it takes over: the figures are then not known.
    pub not_measured: Vec<String>,
    /// Figures of the traffic that is served.
    pub figures: Figures,
}

/// The outages of every provider with traffic, the largest share first. Outcomes that were measured
/// elsewhere do not say who served them: none.
pub(super) fn outages(served: &Served<'_>, slo: Option<Slo>) -> Vec<Outage> {
    if served.metrics.manifest.imported.is_some() {
        return Vec::new();
    }
    let mut shares: Vec<(String, f64)> = served.providers().into_iter().collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    shares.into_iter().map(|(provider, share)| outage(served, provider, share, slo)).collect()
}

fn outage(served: &Served<'_>, provider: String, share: f64, slo: Option<Slo>) -> Outage {
    let metrics = served.metrics;
    let mut weights = served.weights.clone();
    let mut unserved = 0.0;
    let (mut takes_over, mut not_measured) = (BTreeSet::new(), BTreeSet::new());
    for (category, row) in weights.iter_mut().enumerate() {
        let traffic = served.shares[category];
        let down: Vec<usize> = (0..row.len())
            .filter(|i| row[*i] > 0.0 && metrics.endpoints[*i].provider == provider)
            .collect();
        let moved: f64 = down.iter().map(|i| std::mem::take(&mut row[*i])).sum();
        if moved <= 0.0 || traffic <= 0.0 {
            continue;
        }
        let Some(next) = served.fallback(category, &provider) else {
            unserved += traffic * moved;
            continue;
        };
        takes_over.insert(next.to_owned());
        let place = metrics.endpoints.iter().position(|endpoint| endpoint.id.as_str() == next);
        match place.filter(|i| metrics.endpoints[*i].cells[category].quality.is_some()) {
            Some(place) => row[place] += moved,
            None => {
                not_measured.insert(next.to_owned());
            }
        }
    }
    let mut found = figures(metrics, served.shares, &weights, slo);
    if !not_measured.is_empty() {
        found = Figures {
            quality: None,
            cost_per_task_usd: None,
            ttft_s: super::Percentiles::default(),
            e2e_s: super::Percentiles::default(),
            slo_miss: None,
        };
    }
    Outage {
        provider,
        share,
        unserved,
        takes_over: takes_over.into_iter().collect(),
        not_measured: not_measured.into_iter().collect(),
        figures: found,
    }
}
