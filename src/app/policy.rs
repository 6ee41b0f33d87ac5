//! The manner of asking, from flags and configuration: who may see prompts, and what caches are to
//! find of them.

use anyhow::anyhow;

use crate::catalog::Endpoint;
use crate::cli::args::PickArgs;
use crate::cli::{Failure, refused};
use crate::plan::{Config, Manner, Privacy};
use crate::units::{CacheMode, Fact};

/// That of a run: caches as they are, where nothing else is said.
pub fn of_run(what: &PickArgs, config: &Config, simulated: bool) -> Manner {
    of(what, config, CacheMode::AsIs, simulated)
}

/// That of a load: caches cold, for the same few prompts over and over would measure them.
pub fn of_load(what: &PickArgs, config: &Config, simulated: bool) -> Result<Manner, Failure> {
    let manner = of(what, config, CacheMode::Cold, simulated);
    if manner.cache == CacheMode::Warm {
        return Err(refused(anyhow!(
            "a load warms caches by itself, for it asks the same prompts over and over: write \
             --cache as-is, and --warmup to leave the first of them out"
        )));
    }
    Ok(manner)
}

fn of(what: &PickArgs, config: &Config, usual: CacheMode, simulated: bool) -> Manner {
    let cache = what.cache.or(config.cache).unwrap_or(usual);
    // Prompts do not leave this machine for the simulated fleet.
    let privacy = if simulated { Privacy::default() } else { config.privacy.clone() };
    Manner { cache, privacy }
}

/// Takes out of a load what can take none of its requests: the others carry the same load with or
/// without it.
pub fn leave_out_refused(
    endpoints: &mut Vec<Endpoint>,
    manner: &Manner,
    notes: &mut Vec<Fact>,
) -> Result<(), Failure> {
    let before = endpoints.len();
    let mut first = None;
    endpoints.retain_mut(|endpoint| {
        let Some(why) = manner.fit(endpoint) else { return true };
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
            Err(refused(anyhow!("none of the {before} endpoints may be asked; the first: {why}")))
        }
        _ => Ok(()),
    }
}

/// How the run treats prompt caches, where it does anything about them.
pub fn cache_note(mode: CacheMode) -> Option<Fact> {
    (mode != CacheMode::AsIs).then_some(Fact::PromptCache { mode })
}
