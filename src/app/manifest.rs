//! What a run is, when it starts.

use crate::app::calibrate;
use crate::app::inputs::Inputs;
use crate::catalog::{Endpoint, HttpVersion};
use crate::client;
use crate::plan;
use crate::store::StoredTask;
use crate::suite::Task;
use crate::units::{Clock, ContentHash, Fact, Manifest};

/// The run's id. In virtual time the same plan and seed are the same run; otherwise each start
/// is its own.
fn run_id(inputs: &Inputs, clock: &Clock) -> String {
    let process = if clock.is_virtual() { 0 } else { std::process::id() };
    run_name(&inputs.plan.hash().hex(), &clock.wall_anchor().to_string(), process)
}

/// The id of the run of a plan that this process began at that time.
pub(crate) fn run_name(plan_hash: &str, started_at: &str, process: u32) -> String {
    let parts = [plan_hash.as_bytes(), started_at.as_bytes(), &process.to_le_bytes()];
    ContentHash::of_parts(parts).hex()[..16].to_owned()
}

/// What a run is, when it starts.
pub(crate) fn manifest(inputs: &Inputs, clock: &Clock) -> Manifest {
    let plan_hash = inputs.plan.hash().hex();
    let started_at = clock.wall_anchor().to_string();
    let mut notes = inputs.notes.clone();
    if inputs.simulated {
        notes.push(Fact::AnswersShortened);
    }
    Manifest {
        run: run_id(inputs, clock),
        name: inputs.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: inputs.plan.seed.0,
        virtual_time: clock.is_virtual(),
        demo: inputs.demo,
        started_at,
        repeats: inputs.plan.repeats,
        suites: inputs.suites.clone(),
        plan_hash,
        prices_hash: inputs.plan.prices_hash().hex(),
        judging: inputs.judging.clone(),
        notes,
        load: None,
        calibration: calibrate::kept().filter(|_| is_calibrated(inputs, clock)),
        embedded: inputs.simulated,
        skills: inputs.skills.clone(),
        cache: inputs.plan.cache,
        shard: inputs.shard.clone(),
        imported: None,
        ended: None,
    }
}

/// Whether what `calibrate` measures is how every endpoint is asked: in real time, over HTTP/1.1,
/// with nothing between.
fn is_calibrated(inputs: &Inputs, clock: &Clock) -> bool {
    let direct = |e: &Endpoint| {
        let proxied = !inputs.simulated && client::through_proxy(&e.provider);
        e.provider.http == HttpVersion::Http1 && !proxied
    };
    !clock.is_virtual() && inputs.plan.endpoints.iter().all(direct)
}

/// A task as it is kept.
pub(crate) fn stored_task((idx, task): (u32, &Task)) -> StoredTask {
    StoredTask {
        idx,
        suite: task.suite.clone(),
        task: task.id.clone(),
        category: task.category.as_str().to_owned(),
        cluster: task.cluster.clone(),
        tags: task.tags.clone(),
        grader: task.grader.clone(),
        reference: task.reference.clone(),
        schema: task.schema.clone(),
        messages: task.messages.clone(),
        content_hash: Some(plan::key::task_hash(task)),
    }
}
