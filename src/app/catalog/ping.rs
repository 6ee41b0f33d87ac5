//! `catalog ping`: one tiny request to each endpoint, and what came of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::find::{Found, find_for};
use crate::app::catalog_source;
use crate::app::error::{AppError, refused};
use crate::app::events::Events;
use crate::app::fleet::{self, Behaviour, Fleet, Serving};
use crate::app::keys;
use crate::app::selection::matched;
use crate::catalog::{Endpoint, Price};
use crate::client::attempt::Outcome as Ended;
use crate::client::{AttemptLimits, HttpTransport, runtime};
use crate::dispatch::{BreakerPolicy, CallEnd, Caller, EndpointClient, Key, Keys};
use crate::plan::{RequestPolicy, select};
use crate::run::ping::{Ping, ping};
use crate::units::prose::pluralize;
use crate::units::{Clock, Usd};

/// Dollars that pings may cost at most without a word of the user's.
const ASK_ABOVE: &str = "0.25";
/// Endpoints above which a whole catalog is not asked unless something is selected.
const MOST_UNSELECTED: usize = 20;
/// DNS, TCP and TLS.
const CONNECT: Duration = Duration::from_secs(10);
/// A tiny answer that takes longer than this is not coming.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Which endpoints to ping, and for how much.
#[derive(Debug)]
pub(crate) struct PingOptions {
    /// A catalog; otherwise the configuration's, otherwise the simulated fleet's.
    pub catalog: Option<PathBuf>,
    /// The configuration; otherwise `weighbridge.toml` here or in a parent folder.
    pub config: Option<PathBuf>,
    /// Globs over models.
    pub models: Vec<String>,
    /// Globs over the whole ids of endpoints.
    pub endpoints: Vec<String>,
    /// Send nothing if all of it might cost more.
    pub budget: Option<Usd>,
    /// Also ask endpoints whose cost has no known bound, whatever the sum.
    pub yes: bool,
    /// Give an endpoint up after this time.
    pub timeout: Option<Duration>,
}

/// Sends one tiny request to each endpoint.
pub(crate) fn ping_all(options: &PingOptions, events: &dyn Events) -> Result<Vec<Row>, AppError> {
    let (found, _serving) = catalog(options)?;
    for warning in &found.catalog.warnings {
        events.notice(warning);
    }
    let models = match &found.config {
        Some(config) if options.models.is_empty() => &config.models,
        _ => &options.models,
    };
    let mut endpoints =
        select::endpoints(&found.catalog.endpoints, models, &options.endpoints).map_err(refused)?;
    if endpoints.is_empty() {
        return Err(refused(format!("{} holds no endpoint", found.name)));
    }
    let selected = !models.is_empty() || !options.endpoints.is_empty();
    if !selected && endpoints.len() > MOST_UNSELECTED {
        return Err(refused(format!(
            "{} holds {} endpoints: choose with -m GLOB ('*' is all of them)",
            found.name,
            endpoints.len()
        )));
    }
    if selected && !found.simulated {
        events.notice(matched(&endpoints, found.catalog.endpoints.len()));
    }
    let mut rows: Vec<Row> = endpoints.iter().map(Row::of).collect();
    // Prompts do not leave this machine for the simulated fleet.
    let own = found.config.filter(|_| !found.simulated);
    let policy = RequestPolicy {
        privacy: own.map(|config| config.privacy).unwrap_or_default(),
        ..RequestPolicy::default()
    };
    let asked = prepare(options, &policy, &mut endpoints, &mut rows);
    let bound = within_budget(options, &asked)?;
    if !asked.is_empty() {
        let endpoints_asked = pluralize(asked.len() as u64, "endpoint");
        events.notice(format!("asking {endpoints_asked}, at most ${bound}"));
        ask(options, asked, &mut rows)?;
    }
    Ok(rows)
}

/// The catalog; with nothing named, the simulated fleet's, which is then served.
fn catalog(options: &PingOptions) -> Result<(Found, Option<Serving>), AppError> {
    let found =
        find_for(Some(&options.models), options.catalog.as_deref(), options.config.as_deref())?;
    if !found.simulated {
        return Ok((found, None));
    }
    let served = Fleet::bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let found = Found { catalog: served.catalog(false), ..found };
    let simulator = fleet::simulator([].into(), &Behaviour::default(), &Clock::real())?;
    Ok((found, Some(served.serve(Arc::new(simulator))?)))
}

/// An endpoint that is asked, by its place.
struct Asked {
    at: usize,
    lane: EndpointClient,
    ping: Ping,
}

/// Makes the requests; what cannot or may not be sent is said in its row.
fn prepare(
    options: &PingOptions,
    policy: &RequestPolicy,
    endpoints: &mut [Endpoint],
    rows: &mut [Row],
) -> Vec<Asked> {
    let mut keys = Keys::new();
    let mut asked = Vec::new();
    for (at, endpoint) in endpoints.iter_mut().enumerate() {
        // What it pins, and who may see prompts, is said in the request as in a run's.
        if let Some(why) = policy.fit(endpoint) {
            rows[at].detail = Some(format!("ineligible ({}): {why}", why.word()));
            continue;
        }
        let ping = Ping::new(endpoint);
        let why = match lane(endpoint, &mut keys) {
            // Without a bound nothing can be promised, whether the price is known or not.
            Ok(_) if ping.bound.is_none() && !options.yes => {
                let unknown = if endpoint.price == Price::Unknown {
                    "its price is unknown"
                } else {
                    "its parameters set no bound on its answer"
                };
                format!("{unknown}; --yes asks it all the same")
            }
            Ok(lane) => {
                asked.push(Asked { at, lane, ping });
                continue;
            }
            Err(why) => why,
        };
        rows[at].detail = Some(why);
    }
    asked
}

/// A lane to an endpoint; an error says why there is none.
fn lane(endpoint: &Endpoint, found: &mut Keys) -> Result<EndpointClient, String> {
    let provider = &endpoint.provider;
    if provider.base_url.is_empty() {
        return Err(format!("no address is known for {}", provider.name));
    }
    if !found.contains_key(&provider.name) {
        let variable = provider.api_key_env.as_ref().filter(|_| provider.api_key_cmd.is_none());
        if let Some(name) = variable.filter(|name| catalog_source::variable(name).is_none()) {
            return Err(format!("{name}, which holds its key, is not set"));
        }
        let key = keys::of_provider(provider).map_err(|failure| failure.to_string())?;
        found.extend(key.map(|key| (provider.name.clone(), Key::new(key))));
    }
    EndpointClient::new(endpoint.clone(), found, BreakerPolicy::default())
        .map_err(|bad| bad.to_string())
}

/// The most that the requests can cost, if that may be spent.
fn within_budget(options: &PingOptions, asked: &[Asked]) -> Result<String, AppError> {
    let known: Usd = asked.iter().filter_map(|asked| asked.ping.bound).sum();
    let unbounded = asked.iter().filter(|asked| asked.ping.bound.is_none()).count();
    let limit = options.budget.unwrap_or_else(|| ASK_ABOVE.parse().expect("a decimal"));
    let shown = rounded_up(known);
    if options.budget.is_some_and(|budget| budget < Usd::ZERO) {
        return Err(refused("--budget must not be below zero"));
    }
    if known > limit && !(options.yes && options.budget.is_none()) {
        return Err(refused(format!(
            "{} pings may cost ${shown} at most, more than ${limit}: choose fewer with -m, or allow \
             it with --budget {shown}",
            asked.len()
        )));
    }
    if unbounded > 0 && options.budget.is_some() {
        return Err(refused(format!(
            "a budget cannot hold for {unbounded} of the endpoints: what they cost at most is not known"
        )));
    }
    let more = if unbounded == 0 { "" } else { " and what is not known" };
    Ok(format!("{shown}{more}"))
}

/// To a millionth of a dollar, and never below the amount: it is a bound.
fn rounded_up(usd: Usd) -> String {
    let step: Usd = "0.000001".parse().expect("a decimal");
    let shown = usd.to_fixed(6);
    let is_less = shown.parse::<Usd>().is_ok_and(|shown| shown < usd);
    if is_less { (usd + step).to_fixed(6) } else { shown }
}

fn ask(options: &PingOptions, asked: Vec<Asked>, rows: &mut [Row]) -> Result<(), AppError> {
    let total = options.timeout.unwrap_or(DEFAULT_TIMEOUT);
    let limits =
        AttemptLimits { first_token: total, stall: total, total, ..AttemptLimits::default() };
    let places: Vec<usize> = asked.iter().map(|asked| asked.at).collect();
    let clock = Clock::real();
    let ends = runtime::build(|| {})?.block_on(async {
        let providers = asked.iter().map(|asked| &asked.lane.endpoint().provider);
        let transport =
            HttpTransport::new(providers, CONNECT.min(total), &clock).map_err(refused)?;
        let pings = asked.into_iter().map(|asked| (asked.lane, asked.ping)).collect();
        let caller = Caller { transport, clock, limits, abort: CancellationToken::new() };
        Ok::<_, AppError>(ping(caller, pings).await)
    })?;
    for (at, end) in places.into_iter().zip(ends) {
        rows[at].fill(&end);
    }
    Ok(())
}

/// What came of one endpoint.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub endpoint: String,
    /// `ok`, `not asked`, or the class of the error.
    pub status: String,
    pub http_status: Option<u16>,
    /// Without connection set-up.
    pub ttft_us: Option<u64>,
    pub e2e_us: Option<u64>,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub cost_usd: Option<String>,
    pub cost_reported_usd: Option<String>,
    /// The provider that a router gave the request to.
    pub served_by: Option<String>,
    pub response_model: Option<String>,
    pub simulated: bool,
    /// What went wrong.
    pub detail: Option<String>,
    #[serde(skip)]
    pub cost: Option<Usd>,
}

/// The status of an endpoint that nothing was sent to.
pub(crate) const NOT_ASKED: &str = "not asked";

impl Row {
    fn of(endpoint: &Endpoint) -> Self {
        Self {
            endpoint: endpoint.id.to_string(),
            status: NOT_ASKED.to_owned(),
            http_status: None,
            ttft_us: None,
            e2e_us: None,
            input_tokens: None,
            output_tokens: None,
            cost_usd: None,
            cost_reported_usd: None,
            served_by: None,
            response_model: None,
            simulated: false,
            detail: None,
            cost: None,
        }
    }

    fn fill(&mut self, end: &CallEnd) {
        let record = &end.record;
        let micros = |d: Duration| u64::try_from(d.as_micros()).unwrap_or(u64::MAX);
        self.cost = end.cost;
        self.cost_usd = self.cost.map(|usd| usd.to_string());
        self.http_status = record.status;
        self.simulated = record.simulated;
        let start = record.stamps.connected.unwrap_or(record.stamps.dispatched);
        let answer = match &record.outcome {
            Ended::Answered(answer) => {
                "ok".clone_into(&mut self.status);
                self.ttft_us = record.ttft().map(micros);
                self.e2e_us = Some(micros(record.stamps.ended.since(start)));
                answer
            }
            Ended::Failed { class, detail, partial } => {
                class.name().clone_into(&mut self.status);
                self.detail = Some(detail.clone());
                partial
            }
        };
        self.input_tokens = answer.usage.input;
        self.output_tokens = answer.usage.output;
        self.cost_reported_usd = answer.cost_reported.map(|usd| usd.to_string());
        self.served_by.clone_from(&answer.served_by);
        self.response_model.clone_from(&answer.response_model);
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.status == "ok"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_never_shown_below_itself() {
        let check = |usd: &str, expected: &str| {
            assert_eq!(rounded_up(usd.parse().expect("a decimal")), expected);
        };
        check("0.0003341", "0.000335");
        check("0.000334", "0.000334");
        check("0.0000000001", "0.000001");
        check("0", "0.000000");
    }
}
