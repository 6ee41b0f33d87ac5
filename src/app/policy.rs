//! The request policy of a run or a load: who may see prompts, and how prompt caches are treated.

use crate::app::error::{AppError, refused};
use crate::app::options::SelectOptions;
use crate::catalog::Endpoint;
use crate::plan::{Config, Privacy, RequestPolicy};
use crate::units::{CacheMode, Fact};

/// The policy of a run. Prompt caches are left as they are by default.
pub(crate) fn for_run(select: &SelectOptions, config: &Config, simulated: bool) -> RequestPolicy {
    policy(select, config, CacheMode::AsIs, simulated)
}

/// The policy of a load. Caches are cold by default: a load repeats a few prompts, and warm caches
/// would be what it measures.
pub(crate) fn for_load(
    select: &SelectOptions,
    config: &Config,
    simulated: bool,
) -> Result<RequestPolicy, AppError> {
    let policy = policy(select, config, CacheMode::Cold, simulated);
    if policy.cache == CacheMode::Warm {
        return Err(refused(
            "a load repeats its prompts and so warms caches without --cache warm: write --cache \
             as-is, and --warmup to exclude the first requests",
        ));
    }
    Ok(policy)
}

fn policy(
    select: &SelectOptions,
    config: &Config,
    default: CacheMode,
    simulated: bool,
) -> RequestPolicy {
    let cache = select.cache.or(config.cache).unwrap_or(default);
    // Prompts do not leave this machine for the simulated fleet.
    let privacy = if simulated { Privacy::default() } else { config.privacy.clone() };
    RequestPolicy { cache, privacy }
}

/// Removes the endpoints that the policy refuses from a load.
pub(crate) fn exclude_refused(
    endpoints: &mut Vec<Endpoint>,
    policy: &RequestPolicy,
    notes: &mut Vec<Fact>,
) -> Result<(), AppError> {
    let before = endpoints.len();
    let mut first = None;
    endpoints.retain_mut(|endpoint| {
        let Some(why) = policy.fit(endpoint) else { return true };
        let note = Fact::EndpointLeftOut {
            endpoint: endpoint.id.to_string(),
            reason: why.word().to_owned(),
            why: why.to_string(),
        };
        first.get_or_insert_with(|| note.to_string());
        notes.push(note);
        false
    });
    match first {
        Some(why) if endpoints.is_empty() => {
            Err(refused(format!("none of the {before} endpoints may be asked; the first: {why}")))
        }
        _ => Ok(()),
    }
}

/// How the run treats prompt caches; `None`: as they are.
pub(crate) fn cache_note(mode: CacheMode) -> Option<Fact> {
    (mode != CacheMode::AsIs).then_some(Fact::PromptCache { mode })
}
