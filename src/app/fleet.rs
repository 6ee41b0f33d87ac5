//! The simulated fleet inside this process: the demo's provider, and `sim`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::error::{AppError, Context, internal, refused};
use crate::catalog::{self, Catalog, Dialect};
use crate::plan::Plan;
use crate::sim::{self, AnswerKey, Delivery, Faults, Ledger, Pace, Scale, Simulator};
use crate::suite::Task;
use crate::units::text_file::read_text;
use crate::units::{Category, Clock, EndpointId, Seed};

/// Where the fleet is when nobody serves it: in virtual time and in plans.
const UNSERVED: &str = "http://simulated.invalid";

/// The fleet's address, and its socket while nobody serves it yet.
#[derive(Debug)]
pub(crate) struct Fleet {
    base_url: String,
    listener: Option<TcpListener>,
    profiles: Arc<sim::Fleet>,
    is_own: bool,
}

impl Fleet {
    /// A fleet that nobody serves.
    pub(crate) fn unserved() -> Self {
        Self::new(UNSERVED.to_owned(), None)
    }

    /// Takes the address; connections wait until [`Fleet::serve`].
    pub(crate) fn bind(address: SocketAddr) -> Result<Self, AppError> {
        let listener = TcpListener::bind(address)
            .context(format!("cannot listen on {address}; try --listen 127.0.0.1:0"))?;
        let base_url = format!("http://{}", listener.local_addr()?);
        Ok(Self::new(base_url, Some(listener)))
    }

    fn new(base_url: String, listener: Option<TcpListener>) -> Self {
        let profiles = Arc::new(sim::Fleet::embedded().clone());
        Self { base_url, listener, profiles, is_own: false }
    }

    /// The same address with other endpoints: those of a file, where there is one; and steady where
    /// that is asked for: see [`sim::Fleet::steady`].
    pub(crate) fn with_profiles(self, file: Option<&Path>, steady: bool) -> Result<Self, AppError> {
        let profiles = match file {
            None => sim::Fleet::embedded().clone(),
            Some(path) => read(path)?,
        };
        let profiles = if steady { profiles.steady() } else { profiles };
        Ok(Self { profiles: Arc::new(profiles), is_own: file.is_some(), ..self })
    }

    /// Whether its endpoints are of a file of the user's.
    pub(crate) fn is_own(&self) -> bool {
        self.is_own
    }

    /// Its endpoints.
    pub(crate) fn profiles(&self) -> &Arc<sim::Fleet> {
        &self.profiles
    }

    /// The true probability of a right answer, by endpoint and category, of what a plan asks.
    pub(crate) fn skills(&self, plan: &Plan) -> BTreeMap<String, BTreeMap<String, f64>> {
        let categories: BTreeSet<&Category> =
            plan.tasks.iter().map(|task| &task.category).collect();
        let is_asked = |id: &EndpointId| plan.endpoints.iter().any(|endpoint| endpoint.id == *id);
        let asked = self.profiles.listed(true).filter(|profile| is_asked(&profile.id));
        asked
            .map(|profile| {
                let skill =
                    |category: &&Category| (category.as_str().to_owned(), profile.skill(category));
                (profile.id.as_str().to_owned(), categories.iter().map(skill).collect())
            })
            .collect()
    }

    /// Where it is.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Its catalog, as a file would hold it, in these dialects.
    pub(crate) fn catalog_toml(&self, chaos: bool, dialects: &[Dialect]) -> String {
        self.profiles.catalog_toml(&self.base_url, chaos, dialects)
    }

    /// Its catalog.
    pub(crate) fn catalog(&self, chaos: bool) -> Catalog {
        let text = self.catalog_toml(chaos, &[Dialect::OpenaiChat]);
        catalog::load_text(&text, "the simulated fleet").expect("a fleet makes a catalog")
    }

    /// Serves on a thread and a runtime of its own, so that the simulator's work is not mistaken
    /// for the client's.
    pub(crate) fn serve(self, simulator: Arc<Simulator>) -> Result<Serving, AppError> {
        let listener = self.listener.ok_or_else(|| internal("the fleet has no socket"))?;
        listener.set_nonblocking(true)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("sim".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                sim::serve(listener, simulator, stopped).await
            })
        })?;
        Ok(Serving { stop, thread: Some(thread) })
    }
}

/// A fleet that is being served; it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    stop: CancellationToken,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl Serving {
    /// Waits for the server to end by itself.
    pub(crate) fn wait(mut self) -> Result<(), AppError> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(served)) => Ok(served?),
            _ => Err(internal("the simulator's thread panicked")),
        }
    }

    /// What stops it from elsewhere.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How a simulator behaves.
#[derive(Debug)]
pub(crate) struct Behaviour<'a> {
    /// Who answers.
    pub fleet: Arc<sim::Fleet>,
    /// The seed.
    pub seed: u64,
    /// The profiles' lengths times this; `None`: the demo's short ones.
    pub lengths: Option<f64>,
    /// How fast it answers.
    pub pace: Pace,
    /// Which faults its requests meet.
    pub faults: Faults,
    /// How long every stream stalls in its middle.
    pub stall: Option<Duration>,
    /// How what it writes is cut.
    pub delivery: Delivery,
    /// Where to keep the ledger.
    pub ledger: Option<&'a Path>,
}

impl Default for Behaviour<'_> {
    fn default() -> Self {
        Self {
            fleet: Arc::new(sim::Fleet::embedded().clone()),
            seed: 0,
            lengths: None,
            pace: Pace::default(),
            faults: Faults::default(),
            stall: None,
            delivery: Delivery::default(),
            ledger: None,
        }
    }
}

/// The endpoints of a file.
fn read(path: &Path) -> Result<sim::Fleet, AppError> {
    let shown = path.display().to_string();
    let text = read_text(path).context(&shown).map_err(refused)?;
    let fleet = sim::Fleet::parse(&text).context(&shown).map_err(refused)?;
    if fleet.listed(false).next().is_none() {
        return Err(refused(format!("{shown}: no endpoint is listed")));
    }
    Ok(fleet)
}

/// A simulator that knows the answers of these tasks.
pub(crate) fn simulator(
    tasks: Arc<[Task]>,
    behaviour: &Behaviour<'_>,
    clock: &Clock,
) -> Result<Simulator, AppError> {
    let fleet = sim::Fleet::clone(&behaviour.fleet);
    let answer_key = AnswerKey::new(tasks);
    let mut simulator = Simulator::new(fleet, answer_key, Seed(behaviour.seed), clock.clone());
    simulator = simulator.with_scale(Scale { lengths: behaviour.lengths });
    simulator = simulator
        .with_pace(behaviour.pace)
        .with_faults(behaviour.faults.clone())
        .with_stall(behaviour.stall)
        .with_delivery(behaviour.delivery);
    if let Some(path) = behaviour.ledger {
        simulator = simulator.with_ledger(Ledger::create(path, clock.clone())?);
    }
    Ok(simulator)
}
