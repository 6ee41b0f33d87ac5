//! `merge`: the shards of a plan into one run.

use std::collections::BTreeSet;
use std::path::Path;

use crate::app::error::{AppError, refused};
use crate::app::events::Events;
use crate::app::finish::finish;
use crate::app::manifest::run_name;
use crate::app::options::MergeOptions;
use crate::app::outcome::RunOutcome;
use crate::app::run_folder;
use crate::app::suites::name_of;
use crate::run::RunEnd;
use crate::store::{MergePart, Reader, StoredEndpoint, TrialStatus, merge_runs};
use crate::units::Fact;
use crate::units::{Manifest, PacingSummary, RunEnding, Validity};

/// Merges the runs of a plan's shards into one run, and finishes it. No model is called.
///
/// # Errors
/// [`AppError::Refused`] when the runs are of different plans, or none is complete.
pub fn merge(options: MergeOptions, events: &dyn Events) -> Result<RunOutcome, AppError> {
    let MergeOptions { runs, out } = options;
    run_folder::is_free(&out)?;
    let parts = runs.iter().map(|dir| part(dir)).collect::<Result<Vec<_>, _>>()?;
    same_plan(&parts)?;
    let parts = anchored(parts)?;
    let manifest = whole(&parts);
    let ended = ended(&parts)?;
    let end = RunEnd { complete: ended.complete, why: ended.why.clone() };
    merge_runs(&out, &manifest, &ended, &parts).map_err(refused)?;
    events.notice(format!("{} runs merged in {}", parts.len(), out.display()));
    finish(&out, end, events)
}

fn part(dir: &Path) -> Result<MergePart, AppError> {
    let manifest = Reader::open(dir).and_then(|reader| reader.manifest()).map_err(refused)?;
    if manifest.load.is_some() {
        return Err(refused(format!("{} is a load run; only benchmark runs merge", dir.display())));
    }
    Ok(MergePart { dir: dir.to_owned(), manifest, later_ns: 0 })
}

/// The hash of the whole plan that a run is of.
fn plan_hash(manifest: &Manifest) -> &str {
    manifest.shard.as_ref().map_or(&manifest.plan_hash, |shard| &shard.plan_hash)
}

/// Parts of different plans are no run: their figures would mix prices, prompts or parameters.
fn same_plan(parts: &[MergePart]) -> Result<(), AppError> {
    let Some(first) = parts.first() else { return Err(refused("there is no run to merge")) };
    let mut runs = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for part in parts {
        let (a, b) = (&first.manifest, &part.manifest);
        let why = if plan_hash(a) != plan_hash(b) {
            Some("another plan: tasks, endpoints, prices, parameters, repeats or seed differ")
        } else if a.judging != b.judging {
            Some("another objective, baseline or traffic")
        } else if (a.virtual_time, a.embedded) != (b.virtual_time, b.embedded) {
            Some("only one is of the simulated fleet")
        } else {
            None
        };
        if let Some(why) = why {
            return Err(refused(format!(
                "{} and {} do not merge: {why}",
                first.dir.display(),
                part.dir.display()
            )));
        }
        if keeps_content(first)? != keeps_content(part)? {
            return Err(refused(format!(
                "{} and {} do not merge: one keeps prompts and answers, the other does not \
                 (--no-content)",
                first.dir.display(),
                part.dir.display()
            )));
        }
        if endpoints(first)? != endpoints(part)? {
            return Err(refused(format!(
                "{} and {} do not merge: their endpoints differ",
                first.dir.display(),
                part.dir.display()
            )));
        }
        let place = part.manifest.shard.as_ref().map(|shard| (shard.k, shard.n));
        // In virtual time the same shard is the same run; otherwise an id tells runs apart.
        if !runs.insert(part.manifest.run.clone()) || (place.is_some() && !taken.insert(place)) {
            return Err(refused(format!("{} is named twice", part.dir.display())));
        }
    }
    Ok(())
}

fn keeps_content(part: &MergePart) -> Result<bool, AppError> {
    Reader::open(&part.dir).and_then(|reader| reader.keeps_content()).map_err(refused)
}

/// The endpoints without where they listen, which shards on different machines may not share.
fn endpoints(part: &MergePart) -> Result<Vec<StoredEndpoint>, AppError> {
    let mut endpoints = Reader::open(&part.dir).and_then(|r| r.endpoints()).map_err(refused)?;
    for stored in &mut endpoints {
        stored.endpoint.provider.base_url.clear();
        stored.endpoint.provider.api_key_env = None;
    }
    Ok(endpoints)
}

/// The parts, each with how much later than the earliest it began.
fn anchored(mut parts: Vec<MergePart>) -> Result<Vec<MergePart>, AppError> {
    let starts: Vec<jiff::Timestamp> =
        parts.iter().map(|p| p.manifest.started_at.parse()).collect::<Result<_, _>>()?;
    let first = starts.iter().min().copied().unwrap_or_default();
    for (part, start) in parts.iter_mut().zip(starts) {
        part.later_ns = u64::try_from(start.duration_since(first).as_nanos()).unwrap_or(0);
    }
    Ok(parts)
}

fn each_once<'a>(facts: impl Iterator<Item = &'a Fact>) -> Vec<Fact> {
    let mut each: Vec<Fact> = Vec::new();
    for fact in facts {
        if !each.contains(fact) {
            each.push(fact.clone());
        }
    }
    each
}

/// The manifest of the merged run, as if one process had started it with the first shard.
fn whole(parts: &[MergePart]) -> Manifest {
    let first = parts
        .iter()
        .min_by_key(|part| part.later_ns)
        .expect("merged runs are of one plan, which has a first");
    let mut manifest = first.manifest.clone();
    let plan_hash = plan_hash(&manifest).to_owned();
    manifest.run = run_name(&plan_hash, &manifest.started_at, 0);
    if let Some(shard) = &manifest.shard {
        manifest.suites.clone_from(&shard.suites);
        if !manifest.demo {
            manifest.name = name_of(&manifest.suites);
        }
    }
    let notes = parts.iter().flat_map(|part| &part.manifest.notes);
    manifest.notes = each_once(notes.filter(|note| !matches!(note, Fact::Shard { .. })));
    manifest.plan_hash = plan_hash;
    manifest.shard = None;
    manifest
}

/// How the merged run ended: complete when every part is and none is missing.
fn ended(parts: &[MergePart]) -> Result<RunEnding, AppError> {
    let mut why = Vec::new();
    let mut planned = 0;
    for part in parts {
        let reader = Reader::open(&part.dir).map_err(refused)?;
        let counts = reader.status_counts().map_err(refused)?;
        planned += counts.values().sum::<u64>();
        let open: u64 = [TrialStatus::Planned, TrialStatus::Skipped, TrialStatus::InDoubt]
            .iter()
            .filter_map(|status| counts.get(status))
            .sum();
        if open > 0 {
            why.push(format!("{} left {open} trials unfinished", part.dir.display()));
        }
    }
    if let Some(whole) = parts.iter().find_map(|part| part.manifest.shard.as_ref())
        && planned < whole.trials
    {
        let have: BTreeSet<u32> =
            parts.iter().filter_map(|p| Some(p.manifest.shard.as_ref()?.k)).collect();
        let missing: Vec<String> = (1..=whole.n)
            .filter(|k| !have.contains(k))
            .map(|k| format!("{k}/{}", whole.n))
            .collect();
        why.push(format!("shards {} are missing", missing.join(", ")));
    }
    let endings = || parts.iter().filter_map(|part| part.manifest.ended.as_ref());
    let validities: Vec<&Validity> = endings().map(|ended| &ended.validity).collect();
    let worst = validities.iter().max_by_key(|validity| validity.mark);
    let Some(worst) = worst else {
        return Err(refused("none of these runs is complete; finish them with `run --resume`"));
    };
    let mut validity = (*worst).clone();
    validity.reasons = validities.iter().flat_map(|v| v.reasons.clone()).collect();
    validity.reasons.dedup();
    validity.lag_p99_us = validities.iter().filter_map(|v| v.lag_p99_us).max();
    validity.io_cpu_peak = validities.iter().filter_map(|v| v.io_cpu_peak).reduce(f64::max);
    Ok(RunEnding {
        complete: why.is_empty(),
        why: (!why.is_empty()).then(|| why.join("; ")),
        validity,
        duration_ns: endings().map(|ended| ended.duration_ns).max().unwrap_or(0),
        waited_ns: 0,
        paced: PacingSummary::combine(endings().flat_map(|ended| &ended.paced)),
        unknown_events: RunEnding::sum_unknown_events(endings().map(|ended| &ended.unknown_events)),
        notes: each_once(endings().flat_map(|ended| &ended.notes)),
        usage_faults: RunEnding::sum_usage_faults(endings().map(|ended| &ended.usage_faults)),
    })
}
