//! The order of the trials, their keys, and who cannot take what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::catalog::{Capability, Endpoint, Price, Rates};
use crate::graders::GraderSpec;
use crate::suite::Task;
use crate::test_kit;
use crate::units::{Message, Seed, Usd};

/// A task that asks `prompt`.
pub(super) fn task(id: &str, category: &str, prompt: &str) -> Task {
    let message = Message { role: "user".to_owned(), content: prompt.to_owned() };
    Task::new("suite", id, category, vec![message])
}

/// An endpoint on this machine at $1 and $2 per million tokens.
pub(super) fn endpoint(model: &str) -> Endpoint {
    let rates = Rates {
        input: Usd::per_million("1").expect("decimal"),
        output: Usd::per_million("2").expect("decimal"),
        ..Rates::default()
    };
    Endpoint {
        price: Price::Rates(rates),
        supports: Some([Capability::Tools].into()),
        ..test_kit::endpoint(model, "local")
    }
}

/// A plan of two repeats.
pub(super) fn plan_of(tasks: Vec<Task>, endpoints: Vec<Endpoint>) -> Plan {
    Plan::new(tasks, endpoints, 2, Seed(1)).expect("a plan")
}

fn numbered(n: usize) -> Vec<Task> {
    (0..n).map(|i| task(&i.to_string(), "math", &format!("question {i}"))).collect()
}

fn fleet() -> Vec<Endpoint> {
    ["acme/large", "acme/mini", "birch/pro"].map(endpoint).into()
}

#[test]
fn every_trial_stands_once_in_its_block() {
    let plan = plan_of(numbered(40), fleet());
    assert_eq!((plan.trials.len(), plan.n_blocks()), (40 * 3 * 2, 3));
    let mut tasks_of_block: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut keys = BTreeSet::new();
    let mut block = 0;
    for (i, trial) in plan.trials.iter().enumerate() {
        assert_eq!(trial.idx as usize, i);
        assert!(trial.block >= block, "blocks come one after another");
        block = trial.block;
        tasks_of_block.entry(block).or_default().insert(trial.task);
        assert!(seen.insert((trial.task, trial.endpoint, trial.repeat)));
        assert!(keys.insert(trial.key));
    }
    let sizes: Vec<usize> = tasks_of_block.values().map(BTreeSet::len).collect();
    assert_eq!(sizes, [16, 16, 8]);
    assert_eq!(tasks_of_block.values().flatten().collect::<BTreeSet<_>>().len(), 40);
}

#[test]
fn endpoints_are_mixed_within_a_block() {
    let plan = plan_of(numbered(16), fleet());
    let first: Vec<u32> = plan.trials.iter().take(24).map(|trial| trial.endpoint).collect();
    for endpoint in 0..3 {
        let n = first.iter().filter(|&&e| e == endpoint).count();
        assert!((2..=14).contains(&n), "a quarter of the block holds {n} trials of one endpoint");
    }
    assert!(first.windows(3).any(|w| w[0] != w[1] && w[1] != w[2]));
}

#[test]
fn the_order_is_the_seeds_not_the_files() {
    let order = |tasks: Vec<Task>, seed: u64| {
        let plan = Plan::new(tasks, fleet(), 2, Seed(seed)).expect("a plan");
        plan.trials.iter().map(|trial| trial.key).collect::<Vec<_>>()
    };
    let reversed: Vec<Task> = numbered(40).into_iter().rev().collect();
    assert_eq!(order(reversed, 1), order(numbered(40), 1));
    assert_ne!(order(numbered(40), 2), order(numbered(40), 1));
}

/// What the first release gave: a change here makes every run resume from nothing.
const PINNED: &str = "48c72163ec965685c09acea478178215";

/// A change to a task and one to an endpoint.
type Change<'a> = (&'a dyn Fn(&mut Task), &'a dyn Fn(&mut Endpoint));

#[test]
fn a_key_is_its_content() {
    let key = |change_task: &dyn Fn(&mut Task), change_endpoint: &dyn Fn(&mut Endpoint)| {
        let (mut task, mut endpoint) =
            (task("1", "math", "What is 2 + 2?"), endpoint("acme/large"));
        change_task(&mut task);
        change_endpoint(&mut endpoint);
        let plan = Plan::new(vec![task], vec![endpoint], 1, Seed(1)).expect("a plan");
        plan.trials[0].key.hex()
    };
    assert_eq!(key(&|_| {}, &|_| {}), PINNED);
    let same: [Change<'_>; 4] = [
        (&|t| t.id = "2".to_owned(), &|_| {}),
        (&|t| t.reference = Some("4".into()), &|_| {}),
        (&|t| t.grader = GraderSpec::from_id("choice").unwrap(), &|e| e.price = Price::Free),
        (&|_| {}, &|e| e.provider.base_url = "http://127.0.0.1:2/v1".to_owned()),
    ];
    for (change_task, change_endpoint) in same {
        assert_eq!(key(change_task, change_endpoint), PINNED);
    }
    let other: [Change<'_>; 9] = [
        (&|t| t.messages[0].content.push(' '), &|_| {}),
        (&|t| t.messages[0].role = "system".to_owned(), &|_| {}),
        (&|t| t.max_tokens = Some(9), &|_| {}),
        (&|t| t.schema = Some(serde_json::json!({ "type": "object" })), &|_| {}),
        (&|t| t.tools = Some(serde_json::json!([])), &|_| {}),
        (&|_| {}, &|e| e.upstream_model = "large-2".to_owned()),
        (&|_| {}, &|e| e.system = Some(String::new())),
        (&|_| {}, &|e| e.stream = false),
        (&|_| {}, &|e| e.max_output = Some(100)),
    ];
    let mut keys: BTreeSet<String> = other.iter().map(|(t, e)| key(t, e)).collect();
    keys.insert(PINNED.to_owned());
    assert_eq!(keys.len(), 10);
}

#[test]
fn tasks_that_ask_the_same_have_trials_of_their_own() {
    let twins = vec![task("1", "math", "same"), task("2", "math", "same")];
    let keys = |tasks: Vec<Task>| {
        let plan = plan_of(tasks, vec![endpoint("acme/large")]);
        let pair = |t: &Trial| (plan.task(t).id.clone(), t.repeat, t.key.hex());
        plan.trials.iter().map(pair).collect::<BTreeSet<_>>()
    };
    let made = keys(twins.clone());
    assert_eq!(made.iter().map(|(_, _, key)| key).collect::<BTreeSet<_>>().len(), 4);
    assert_eq!(keys(twins.into_iter().rev().collect()), made);
}

#[test]
fn the_hash_covers_what_is_asked_judged_and_billed() {
    let hash = |change: &dyn Fn(&mut Plan)| {
        let mut plan = plan_of(numbered(3), fleet());
        change(&mut plan);
        plan.hash()
    };
    let base = hash(&|_| {});
    assert_eq!(base, hash(&|_| {}));
    assert_eq!(base, hash(&|p| p.endpoints[0].provider.base_url.push('2')));
    let changes: [&dyn Fn(&mut Plan); 6] = [
        &|p| p.seed = Seed(2),
        &|p| p.repeats = 3,
        &|p| p.endpoints[0].price = Price::Free,
        &|p| drop(p.endpoints[0].params.insert("x".to_owned(), 1.into())),
        &|p| Arc::make_mut(&mut p.tasks)[1].reference = Some("4".into()),
        &|p| Arc::make_mut(&mut p.tasks)[1].messages[0].content.push(' '),
    ];
    for (i, change) in changes.iter().enumerate() {
        assert_ne!(base, hash(change), "change {i}");
    }
}

#[test]
fn who_cannot_take_a_task() {
    let mut with_tools = task("1", "math", "x");
    with_tools.tools = Some(serde_json::json!([{ "type": "function" }]));
    let why = |task: Task, endpoint: Endpoint| {
        let plan = plan_of(vec![task], vec![endpoint]);
        plan.why_ineligible(&plan.trials[0])
    };
    assert_eq!(why(with_tools.clone(), endpoint("acme/large")), None);
    let mut plain = endpoint("acme/large");
    plain.supports = Some(BTreeSet::new());
    let tools = "the task needs tools, which the endpoint does not take";
    assert_eq!(why(with_tools.clone(), plain).as_deref(), Some(tools));
    let mut unstated = endpoint("acme/large");
    unstated.supports = None;
    assert_eq!(why(with_tools, unstated), None);

    let mut small = endpoint("acme/large");
    small.context_window = Some(116);
    assert_eq!(why(task("1", "math", &"x".repeat(396)), small.clone()), None);
    let full = "the prompt does not fit the context window: about 116 tokens against 116";
    assert_eq!(why(task("1", "math", &"x".repeat(400)), small).as_deref(), Some(full));
}

#[test]
fn a_trial_is_small() {
    assert!(size_of::<Trial>() <= 48, "{} bytes", size_of::<Trial>());
}

#[test]
fn nothing_to_do_is_said() {
    let error = |tasks, endpoints, repeats| {
        Plan::new(tasks, endpoints, repeats, Seed(1)).expect_err("no plan").to_string()
    };
    assert!(error(Vec::new(), fleet(), 1).contains("--suite"));
    assert!(error(numbered(1), Vec::new(), 1).contains("-m"));
    assert!(error(numbered(1), fleet(), 0).contains("at least 1"));
    assert!(error(numbered(10), fleet(), u32::MAX).contains("--limit"));
}

#[test]
fn the_price_snapshot_is_the_prices_alone() {
    let make = || plan_of(vec![task("a", "c", "word")], vec![endpoint("acme/large")]);
    let mut other = make();
    other.tasks = Vec::new().into();
    other.endpoints[0].context_window = Some(7);
    assert_eq!(make().prices_hash(), other.prices_hash());
    other.endpoints[0].price = crate::catalog::Price::Free;
    assert_ne!(make().prices_hash(), other.prices_hash());
}
