//! How the requests of a plan are made.

use super::eligible::{self, Ineligible};
use super::privacy::Privacy;
use crate::catalog::Endpoint;
use crate::units::CacheMode;

/// How requests are made, beyond what tasks and endpoints define.
#[derive(Clone, Debug, Default)]
pub struct RequestPolicy {
    /// What providers' prompt caches are to find.
    pub cache: CacheMode,
    /// Who may see prompts.
    pub privacy: Privacy,
}

impl RequestPolicy {
    /// Fits an endpoint to it: its parameters say what its API must be told. Gives the reason where
    /// nothing may be sent to it at all; whoever sends outside a plan asks this first.
    pub fn fit(&self, endpoint: &mut Endpoint) -> Option<Ineligible> {
        let refused = self.privacy.refuses(&endpoint.provider).map(Ineligible::Privacy);
        let why = refused.or_else(|| eligible::of_endpoint(endpoint));
        self.privacy.tell(endpoint);
        why
    }
}
