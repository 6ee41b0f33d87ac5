//! `catalog ping`: one tiny request to each endpoint, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::find::{Found, find_for};
use crate::app::csv_rows::csv_of;
use crate::app::fleet::{self, Behaviour, Fleet, Serving};
use crate::app::selection::matched;
use crate::app::{catalog_source, inputs};
use crate::catalog::{Endpoint, Price};
use crate::cli::args::{CatalogPingArgs, Format};
use crate::cli::{Exit, Failure, Outcome, console, refused};
use crate::client::attempt::Outcome as Ended;
use crate::client::{AttemptLimits, HttpTransport, runtime};
use crate::dispatch::{BreakerPolicy, CallEnd, Caller, EndpointClient, Keys};
use crate::plan::{Manner, select};
use crate::run::ping::{Ping, ping};
use crate::units::{Clock, Usd};

/// Dollars that pings may cost at most without a word of the user's.
const ASK_ABOVE: &str = "0.25";
/// Endpoints above which a whole catalog is not asked unless something is selected.
const MOST_UNSELECTED: usize = 20;
/// DNS, TCP and TLS.
const CONNECT: Duration = Duration::from_secs(10);
/// A tiny answer that takes longer than this is not coming.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// `weighbridge catalog ping`.
pub fn ping_all(args: &CatalogPingArgs) -> Outcome {
    let (found, _serving) = catalog(args)?;
    for warning in &found.catalog.warnings {
        console::say(warning);
    }
    let models = match &found.config {
        Some(config) if args.model.is_empty() => &config.models,
        _ => &args.model,
    };
    let mut endpoints =
        select::endpoints(&found.catalog.endpoints, models, &args.endpoint).map_err(refused)?;
    if endpoints.is_empty() {
        return Err(refused(anyhow!("{} holds no endpoint", found.name)));
    }
    let selected = !models.is_empty() || !args.endpoint.is_empty();
    if !selected && endpoints.len() > MOST_UNSELECTED {
        return Err(refused(anyhow!(
            "{} holds {} endpoints: choose with -m GLOB ('*' is all of them)",
            found.name,
            endpoints.len()
        )));
    }
    if selected && !found.simulated {
        console::say(&matched(&endpoints, found.catalog.endpoints.len()));
    }
    let mut rows: Vec<Row> = endpoints.iter().map(Row::of).collect();
    // Prompts do not leave this machine for the simulated fleet.
    let own = found.config.filter(|_| !found.simulated);
    let manner = Manner {
        privacy: own.map(|config| config.privacy).unwrap_or_default(),
        ..Manner::default()
    };
    let asked = prepare(args, &manner, &mut endpoints, &mut rows);
    let bound = within_budget(args, &asked)?;
    if !asked.is_empty() {
        let n = asked.len();
        let endpoints_asked =
            if n == 1 { "1 endpoint".to_owned() } else { format!("{n} endpoints") };
        console::say(&format!("asking {endpoints_asked}, at most ${bound}"));
        ask(args, asked, &mut rows)?;
    }
    show(args, &rows)
}

/// The catalog; with nothing named, the simulated fleet's, which is then served.
fn catalog(args: &CatalogPingArgs) -> Result<(Found, Option<Serving>), Failure> {
    let found = find_for(Some(&args.model), args.catalog.as_deref(), args.config.as_deref())?;
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
    args: &CatalogPingArgs,
    manner: &Manner,
    endpoints: &mut [Endpoint],
    rows: &mut [Row],
) -> Vec<Asked> {
    let mut keys = Keys::new();
    let mut asked = Vec::new();
    for (at, endpoint) in endpoints.iter_mut().enumerate() {
        // What it pins, and who may see prompts, is said in the request as in a run's.
        if let Some(why) = manner.fit(endpoint) {
            rows[at].detail = Some(format!("ineligible ({}): {why}", why.word()));
            continue;
        }
        let ping = Ping::new(endpoint);
        let why = match lane(endpoint, &mut keys) {
            // Without a bound nothing can be promised, whether the price is known or not.
            Ok(_) if ping.bound.is_none() && !args.yes => {
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
fn lane(endpoint: &Endpoint, keys: &mut Keys) -> Result<EndpointClient, String> {
    let provider = &endpoint.provider;
    if provider.base_url.is_empty() {
        return Err(format!("no address is known for {}", provider.name));
    }
    if !keys.contains_key(&provider.name) {
        let variable = provider.api_key_env.as_ref().filter(|_| provider.api_key_cmd.is_none());
        if let Some(name) = variable.filter(|name| catalog_source::variable(name).is_none()) {
            return Err(format!("{name}, which holds its key, is not set"));
        }
        let key = inputs::key_of(provider).map_err(|failure| failure.error.to_string())?;
        keys.extend(key.map(|key| (provider.name.clone(), key)));
    }
    EndpointClient::new(endpoint.clone(), keys, BreakerPolicy::default())
        .map_err(|bad| bad.to_string())
}

/// The most that the requests can cost, if that may be spent.
fn within_budget(args: &CatalogPingArgs, asked: &[Asked]) -> Result<String, Failure> {
    let known: Usd = asked.iter().filter_map(|asked| asked.ping.bound).sum();
    let unbounded = asked.iter().filter(|asked| asked.ping.bound.is_none()).count();
    let limit = args.budget.unwrap_or_else(|| ASK_ABOVE.parse().expect("a decimal"));
    let shown = rounded_up(known);
    if args.budget.is_some_and(|budget| budget < Usd::ZERO) {
        return Err(refused(anyhow!("--budget must not be below zero")));
    }
    if known > limit && !(args.yes && args.budget.is_none()) {
        return Err(refused(anyhow!(
            "{} pings may cost ${shown} at most, more than ${limit}: choose fewer with -m, or allow \
             it with --budget {shown}",
            asked.len()
        )));
    }
    if unbounded > 0 && args.budget.is_some() {
        return Err(refused(anyhow!(
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

fn ask(args: &CatalogPingArgs, asked: Vec<Asked>, rows: &mut [Row]) -> Result<(), Failure> {
    let total = args.timeout.unwrap_or(DEFAULT_TIMEOUT);
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
        Ok::<_, Failure>(ping(caller, pings).await)
    })?;
    for (at, end) in places.into_iter().zip(ends) {
        rows[at].fill(&end);
    }
    Ok(())
}

/// What came of one endpoint.
#[derive(Debug, Serialize)]
struct Row {
    endpoint: String,
    /// `ok`, `not asked`, or the class of the error.
    status: String,
    http_status: Option<u16>,
    /// Without connection set-up.
    ttft_us: Option<u64>,
    e2e_us: Option<u64>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cost_usd: Option<String>,
    cost_reported_usd: Option<String>,
    /// The provider that a router gave the request to.
    served_by: Option<String>,
    response_model: Option<String>,
    simulated: bool,
    /// What went wrong.
    detail: Option<String>,
    #[serde(skip)]
    cost: Option<Usd>,
}

/// The status of an endpoint that nothing was sent to.
const NOT_ASKED: &str = "not asked";

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

    fn is_ok(&self) -> bool {
        self.status == "ok"
    }
}

fn show(args: &CatalogPingArgs, rows: &[Row]) -> Outcome {
    let simulated = rows.iter().any(|row| row.simulated);
    let mark = "SIMULATED: no real model gave any of these answers";
    let text = match args.format {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(rows)?),
        Format::Csv => csv_of(rows)?,
        Format::Table if simulated => format!("{mark}\n{}", table(rows)),
        Format::Table => table(rows),
    };
    if simulated && args.format != Format::Table {
        console::say(mark);
    }
    crate::cli::table::show(args.format, &text)?;
    let ok = rows.iter().filter(|row| row.is_ok()).count();
    let cost: Usd = rows.iter().filter_map(|row| row.cost).sum();
    let unknown = rows.iter().filter(|row| row.status != NOT_ASKED && row.cost.is_none()).count();
    let more = if unknown == 0 { String::new() } else { format!(" and {unknown} unknown costs") };
    console::say(&format!("{ok} of {} answered · ${}{more}", rows.len(), cost.to_fixed(6)));
    Ok(if ok == 0 { Exit::Internal } else { Exit::Ok })
}

/// Rows as a table of at most 80 columns. What does not fit is in the CSV and in the JSON.
fn table(rows: &[Row]) -> String {
    const COLUMNS: usize = 80;
    const WIDEST: usize = 34;
    /// Lines of a reason at most.
    const REASON_LINES: usize = 3;
    let shortened = |text: &str, most: usize| -> String {
        if text.chars().count() <= most {
            return text.to_owned();
        }
        text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
    };
    let longest =
        |cell: fn(&Row) -> usize, head: usize| rows.iter().map(cell).max().unwrap_or(0).max(head);
    let name = longest(|row| row.endpoint.chars().count(), "endpoint".len()).min(WIDEST);
    let status = longest(|row| row.status.len(), "status".len());
    let line = |cells: [&str; 6]| {
        let [endpoint, state, ttft, tokens, cost, last] = cells;
        let endpoint = shortened(endpoint, name);
        let text =
            format!("{endpoint:<name$}  {state:<status$} {ttft:>7} {tokens:>6} {cost:>9}  {last}");
        shortened(text.trim_end(), COLUMNS) + "\n"
    };
    let mut text = line(["endpoint", "status", "TTFT", "tokens", "$", "by"]);
    for row in rows {
        if let Some(why) = &row.detail {
            // Nothing was measured: the reason takes the room.
            let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
            let (endpoint, state) = (shortened(&row.endpoint, name), &row.status);
            let failed = format!("{endpoint:<name$}  {state:<status$}  {why}");
            // A provider may say pages; the beginning tells, and the rest is in the JSON.
            let mut lines = crate::cli::table::wrapped(failed.trim_end(), COLUMNS, COLUMNS - 4);
            if lines.len() > REASON_LINES {
                lines.truncate(REASON_LINES);
                let last = lines.pop().unwrap_or_default();
                lines.push(shortened(&last, COLUMNS - 5) + "…");
            }
            text.push_str(&(lines.join("\n    ") + "\n"));
            continue;
        }
        let count = |n: Option<u64>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let tokens = match (row.input_tokens, row.output_tokens) {
            (None, None) => String::new(),
            (input, output) => format!("{}+{}", count(input), count(output)),
        };
        let ttft = row.ttft_us.map(|us| seconds(Duration::from_micros(us))).unwrap_or_default();
        let cost = row.cost.map(|usd| usd.to_fixed(6)).unwrap_or_default();
        let answered = [row.served_by.as_deref(), row.response_model.as_deref()];
        let answered = answered.into_iter().flatten().collect::<Vec<_>>().join(" · ");
        text.push_str(&line([&row.endpoint, &row.status, &ttft, &tokens, &cost, &answered]));
    }
    text
}

fn seconds(time: Duration) -> String {
    let s = time.as_secs_f64();
    if s < 0.1 { format!("{s:.3} s") } else { format!("{s:.2} s") }
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
