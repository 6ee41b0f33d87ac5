//! Random plans for benches that drive the lanes in this process.

use std::collections::BTreeMap;

use weighbridge::catalog::{self, Dialect, Endpoint};
use weighbridge::plan::Plan;
use weighbridge::sim::Fleet;
use weighbridge::store::{NewRun, PlannedTrial, StoredEndpoint, StoredTask};
use weighbridge::suite::{Task, load_texts};
use weighbridge::units::{Draw, Goal, Judging, Manifest};

/// Some of its endpoints, each with the price that it bills.
pub fn picked(fleet: &Fleet, draw: &mut Draw) -> Vec<Endpoint> {
    let text = fleet.catalog_toml("http://simulated.invalid", true, &[Dialect::OpenaiChat]);
    let mut all = catalog::load_text(&text, "the fleet").expect("a catalog").endpoints;
    for endpoint in &mut all {
        let profile = fleet.profiles.iter().find(|profile| profile.id == endpoint.id);
        endpoint.price = profile.expect("of the fleet").price.clone();
    }
    draw.shuffle(&mut all);
    all.truncate(1 + below(draw, 6));
    all
}

/// 4 to 40 tasks of random length.
pub fn tasks(draw: &mut Draw) -> Vec<Task> {
    let lines: Vec<String> = (0..4 + below(draw, 37))
        .map(|i| {
            let filler = "and so on ".repeat(below(draw, 40));
            let answer = "word ".repeat(1 + below(draw, 60));
            serde_json::json!({
                "id": i.to_string(), "prompt": format!("question {i} {filler}"),
                "reference": answer, "max_tokens": 1 + below(draw, 400),
            })
            .to_string()
        })
        .collect();
    let header = "version = \"1\"\nlicense = \"MIT\"\ncategory = \"math\"\ngrader = \"exact\"";
    load_texts("quiz", header, &lines.join("\n")).expect("a suite").suite.tasks
}

/// A number below `n`.
pub fn below(draw: &mut Draw, n: usize) -> usize {
    let n = u64::try_from(n).expect("small");
    usize::try_from(draw.bits() % n).expect("small")
}

/// A plan as a run database takes it.
pub struct Stored {
    manifest: Manifest,
    tasks: Vec<StoredTask>,
    endpoints: Vec<StoredEndpoint>,
    /// Its trials.
    pub trials: Vec<PlannedTrial>,
}

impl Stored {
    /// That of a run with this name.
    pub fn of(plan: &Plan, name: &str) -> Self {
        let task = |(idx, task): (u32, &Task)| StoredTask {
            idx,
            suite: task.suite.clone(),
            task: task.id.clone(),
            category: task.category.as_str().to_owned(),
            cluster: None,
            tags: Vec::new(),
            grader: task.grader.clone(),
            reference: None,
            schema: None,
            messages: Vec::new(),
            content_hash: None,
        };
        let endpoints = (0..).zip(&plan.endpoints);
        let endpoint =
            |(idx, endpoint): (u32, &Endpoint)| StoredEndpoint { idx, endpoint: endpoint.clone() };
        let trials = plan.trials.iter().map(|trial| PlannedTrial {
            idx: trial.idx,
            key: trial.key,
            task: trial.task,
            endpoint: trial.endpoint,
            repeat: trial.repeat,
            ineligible: plan.why_ineligible(trial),
        });
        Self {
            manifest: manifest(name, plan.seed.0, plan.repeats),
            tasks: (0..).zip(plan.tasks.iter()).map(task).collect(),
            endpoints: endpoints.map(endpoint).collect(),
            trials: trials.collect(),
        }
    }

    /// What a new run database is made of.
    pub fn new_run(&self) -> NewRun<'_> {
        NewRun {
            manifest: &self.manifest,
            tasks: &self.tasks,
            endpoints: &self.endpoints,
            keep_content: false,
        }
    }
}

/// The manifest of a run that nobody judged yet.
pub fn manifest(name: &str, seed: u64, repeats: u32) -> Manifest {
    Manifest {
        run: name.to_owned(),
        name: name.to_owned(),
        version: String::new(),
        seed,
        virtual_time: true,
        demo: false,
        started_at: "2026-01-01T00:00:00Z".to_owned(),
        repeats,
        suites: Vec::new(),
        plan_hash: String::new(),
        prices_hash: String::new(),
        judging: Judging {
            today: None,
            shares: BTreeMap::new(),
            requests_per_month: None,
            cached_input: None,
            goal: Goal::Cheaper,
            margin: 0.02,
            margins: BTreeMap::new(),
            worth: None,
            traffic: BTreeMap::new(),
            invoice: None,
            slo: None,
            max_share_provider: None,
        },
        notes: Vec::new(),
        load: None,
        calibration: None,
        embedded: true,
        skills: std::collections::BTreeMap::new(),
        cache: weighbridge::units::CacheMode::AsIs,
        shard: None,
        imported: None,
        ended: None,
    }
}
