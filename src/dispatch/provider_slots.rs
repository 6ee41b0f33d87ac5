//! How many requests may be in flight at a provider, over all its endpoints.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::catalog::Endpoint;

/// The slots of each endpoint's provider, in the endpoints' order. `among`: the processes that share
/// the limits.
#[must_use]
pub fn provider_slots(endpoints: &[Endpoint], among: u32) -> Vec<Option<Arc<Semaphore>>> {
    // A router that is pinned to one of its hosts stands under several names.
    let mut made: BTreeMap<&str, Arc<Semaphore>> = BTreeMap::new();
    let of = endpoints.iter().map(|endpoint| -> Option<Arc<Semaphore>> {
        let provider = &endpoint.provider;
        let limit = (provider.concurrency? / among.max(1)).max(1);
        let slots = made
            .entry(provider.base_url.as_str())
            .or_insert_with(|| Arc::new(Semaphore::new(limit as usize)));
        Some(Arc::clone(slots))
    });
    of.collect()
}
