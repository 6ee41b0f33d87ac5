//! Identities by content: what a trial asks, never where it stands.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::catalog::Endpoint;
use crate::suite::Task;
use crate::units::{CacheMode, ContentHash, Dialect, TrialKey};

/// The key of a trial: its task's content, its endpoint's, the output limit that is asked for, and
/// its repeat.
pub(super) fn trial_key(
    task: &ContentHash,
    endpoint: &ContentHash,
    max_tokens: u64,
    repeat: u32,
) -> TrialKey {
    let hash = ContentHash::of_parts([
        b"weighbridge trial 1".as_slice(),
        task.as_bytes(),
        endpoint.as_bytes(),
        &max_tokens.to_le_bytes(),
        &repeat.to_le_bytes(),
    ]);
    TrialKey::from_hash(&hash)
}

/// What a request takes from an endpoint. Its price, its limits and its provider's address are left
/// out: they do not change what is asked of whom.
///
/// Of a prompt cache, that it is to be cold or warm; the nonce of a cold request is left out, so that
/// a run goes on where it stood.
pub(super) fn endpoint_content(endpoint: &Endpoint, cache: CacheMode) -> ContentHash {
    let params = Value::Object(endpoint.params.clone()).to_string();
    let system = endpoint.system.as_deref();
    let dialect = endpoint.provider.dialect;
    let said = [
        endpoint.id.as_str().as_bytes(),
        endpoint.upstream_model.as_bytes(),
        params.as_bytes(),
        &[u8::from(system.is_some())],
        system.unwrap_or("").as_bytes(),
        &[u8::from(endpoint.stream)],
    ];
    // Chat completions with caches as they are were all there was when the first keys were made;
    // they stay as they were.
    let other = (dialect != Dialect::OpenaiChat).then(|| dialect.name().as_bytes());
    let cache = cache.as_part().map(str::as_bytes);
    ContentHash::of_parts(said.into_iter().chain(other).chain(cache))
}

/// What a request takes from each task. Tasks that ask the very same thing are told apart by a
/// number, given in the order of their ids, so that each has trials of its own.
pub(super) fn task_contents(tasks: &[Task]) -> Vec<ContentHash> {
    let mut alike: BTreeMap<ContentHash, Vec<usize>> = BTreeMap::new();
    for (i, task) in tasks.iter().enumerate() {
        alike.entry(task_content(task)).or_default().push(i);
    }
    let mut contents = vec![ContentHash::of(b""); tasks.len()];
    for (content, mut group) in alike {
        group.sort_by_key(|&i| tasks[i].path());
        for (copy, i) in group.into_iter().enumerate() {
            contents[i] = match copy {
                0 => content,
                n => ContentHash::of_parts([
                    content.as_bytes().as_slice(),
                    &(n as u64).to_le_bytes(),
                ]),
            };
        }
    }
    contents
}

/// What a request takes from a task: messages, tools, schema, output limit. How its answer is
/// judged is left out.
pub(super) fn task_content(task: &Task) -> ContentHash {
    let json = |value: Option<&Value>| value.map(Value::to_string).unwrap_or_default();
    let (tools, schema) = (json(task.tools.as_ref()), json(task.schema.as_ref()));
    let limit = task.max_tokens.map(u64::to_le_bytes);
    let limit = limit.as_ref().map_or([].as_slice(), <[u8; 8]>::as_slice);
    let head = [tools.as_bytes(), schema.as_bytes(), limit];
    let messages = task.messages.iter().flat_map(|m| [m.role.as_bytes(), m.content.as_bytes()]);
    ContentHash::of_parts(head.into_iter().chain(messages))
}

/// What a task asks and what counts as right: the same in two runs where their scores can be
/// compared.
#[must_use]
pub fn task_hash(task: &Task) -> ContentHash {
    let grader = serde_json::to_string(&task.grader).expect("a grader's keys are strings");
    let reference = task.reference.as_ref().map(Value::to_string).unwrap_or_default();
    let asked = task_content(task);
    ContentHash::of_parts([
        b"weighbridge task 1".as_slice(),
        asked.as_bytes(),
        grader.as_bytes(),
        reference.as_bytes(),
    ])
}

/// Everything about a task, judging included, as one text for hashing.
pub(super) fn task_text(task: &Task) -> String {
    let json = |value: Option<&Value>| value.cloned().unwrap_or(Value::Null);
    serde_json::json!([
        task.suite,
        task.id,
        task.category,
        task_content(task).hex(),
        task.grader,
        json(task.reference.as_ref()),
        task.tags,
        task.cluster,
    ])
    .to_string()
}
