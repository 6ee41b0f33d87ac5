//! `catalog list`: what can be called, and at what price.

use serde::Serialize;

use crate::app::catalog::find::find_for;
use crate::app::catalog_source;
use crate::app::csv_rows::csv_of;
use crate::catalog::{Catalog, Change, Endpoint, Price, Rate};
use crate::cli::args::{CatalogListArgs, Format};
use crate::cli::failure::{Outcome, refused};
use crate::cli::table::show;
use crate::cli::{Exit, console};
use crate::plan::select;

/// `weighbridge catalog list`.
pub(super) fn list(args: &CatalogListArgs) -> Outcome {
    // Without a key a glob means the fleet: listing asks nothing of anybody, and it says what it is.
    let is_keyless = !catalog_source::any_key()
        && args.config.is_none()
        && catalog_source::config_here().is_none();
    let globs = (!is_keyless).then_some(args.model.as_slice());
    let found = find_for(globs, args.catalog.as_deref(), args.config.as_deref())?;
    let mark = "SIMULATED fleet: invented models and prices";
    if found.simulated && !args.model.is_empty() {
        console::say(&format!(
            "no provider's key is in the environment ({}): these are the simulated fleet's",
            catalog_source::key_variables().join(", ")
        ));
    }
    for stamp in &found.catalog.snapshots {
        console::say(&format!("prices of {}, read {}", stamp.source, stamp.fetched_at));
    }
    for warning in &found.catalog.warnings {
        console::say(warning);
    }
    let mut endpoints =
        select::endpoints(&found.catalog.endpoints, &args.model, &[]).map_err(refused)?;
    if let Some(filter) = &args.filter {
        let all = endpoints.len();
        let mut chosen = Vec::new();
        for endpoint in endpoints {
            if filter.chooses(&endpoint, &found.catalog).map_err(refused)? {
                chosen.push(endpoint);
            }
        }
        endpoints = chosen;
        console::say(&format!("{} of {all} endpoints", endpoints.len()));
    }
    let rows: Vec<Row> =
        endpoints.iter().map(|endpoint| Row::of(endpoint, &found.catalog)).collect();
    let text = match args.format {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&rows)?),
        Format::Csv => csv_of(&rows)?,
        Format::Table if found.simulated => format!("{mark}\n{}", table(&rows)),
        Format::Table => table(&rows),
    };
    if found.simulated && args.format != Format::Table {
        console::say(mark);
    }
    show(args.format, &text)?;
    Ok(Exit::Ok)
}

/// One endpoint, dollars per million tokens.
#[derive(Serialize)]
struct Row {
    endpoint: String,
    upstream_model: String,
    input_usd_per_m: Option<String>,
    cached_input_usd_per_m: Option<String>,
    output_usd_per_m: Option<String>,
    context_window: Option<u64>,
    max_output: Option<u64>,
    supports: Option<String>,
    cache_write_usd_per_m: Option<String>,
    cache_write_1h_usd_per_m: Option<String>,
    reasoning_usd_per_m: Option<String>,
    audio_input_usd_per_m: Option<String>,
    image_input_usd_per_m: Option<String>,
    per_request_usd: Option<String>,
    per_search_usd: Option<String>,
    /// When other prices hold, one condition after the other.
    price_changes: String,
    created: Option<String>,
    expires: Option<String>,
    alias_of: Option<String>,
}

impl Row {
    fn of(endpoint: &Endpoint, catalog: &Catalog) -> Self {
        let rate = |rate: Rate| match &endpoint.price {
            Price::Rates(rates) => rates.charged(rate).map(|usd| rate.written(usd)),
            // By the hour nothing is paid by the token.
            Price::Free | Price::PerHour(_) => {
                [Rate::Input, Rate::CachedInput, Rate::Output].contains(&rate).then(|| "0".into())
            }
            Price::Unknown | Price::Recorded => None,
        };
        let conditions = match &endpoint.price {
            Price::Rates(rates) => rates.changes.iter().map(Change::condition).collect(),
            _ => Vec::new(),
        };
        let supports = endpoint.supports.as_ref().map(|set| {
            set.iter().map(|capability| capability.name()).collect::<Vec<_>>().join(" ")
        });
        let facts = catalog.facts.get(&endpoint.id);
        let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string());
        Self {
            endpoint: endpoint.id.to_string(),
            upstream_model: endpoint.upstream_model.clone(),
            input_usd_per_m: rate(Rate::Input),
            cached_input_usd_per_m: rate(Rate::CachedInput),
            output_usd_per_m: rate(Rate::Output),
            context_window: endpoint.context_window,
            max_output: endpoint.max_output,
            supports,
            cache_write_usd_per_m: rate(Rate::CacheWrite),
            cache_write_1h_usd_per_m: rate(Rate::CacheWrite1h),
            reasoning_usd_per_m: rate(Rate::Reasoning),
            audio_input_usd_per_m: rate(Rate::AudioInput),
            image_input_usd_per_m: rate(Rate::ImageInput),
            per_request_usd: rate(Rate::PerRequest),
            per_search_usd: rate(Rate::PerSearch),
            price_changes: conditions.join("; "),
            created: day(facts.and_then(|facts| facts.created)),
            expires: day(facts.and_then(|facts| facts.expires)),
            alias_of: facts.and_then(|facts| facts.alias_of.clone()),
        }
    }
}

/// The width that a terminal surely has.
const COLUMNS: usize = 80;
/// A longer name leaves no room for what is said of it.
const WIDEST: usize = 40;

/// A name that fits; whole names are in the CSV and in the JSON.
fn shortened(name: &str, widest: usize) -> String {
    if name.chars().count() <= widest {
        return name.to_owned();
    }
    name.chars().take(widest - 1).chain(['…']).collect()
}

fn table(rows: &[Row]) -> String {
    let widest =
        rows.iter().map(|row| row.endpoint.chars().count()).max().unwrap_or(0).clamp(8, WIDEST);
    let line = |endpoint: &str, cells: [&str; 4]| {
        let [input, output, context, supports] = cells;
        let endpoint = shortened(endpoint, widest);
        let text = format!("{endpoint:<widest$} {input:>7} {output:>7} {context:>8}  {supports}");
        // What does not fit is in the CSV and in the JSON.
        if text.chars().count() <= COLUMNS {
            return text.trim_end().to_owned() + "\n";
        }
        text.chars().take(COLUMNS - 1).chain("…\n".chars()).collect()
    };
    let mut text = line("endpoint", ["$/M in", "$/M out", "context", "supports"]);
    for row in rows {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
        let context = row.context_window.map(|n| n.to_string()).unwrap_or_default();
        text.push_str(&line(
            &row.endpoint,
            [
                &shown(&row.input_usd_per_m),
                &shown(&row.output_usd_per_m),
                &context,
                row.supports.as_deref().unwrap_or_default(),
            ],
        ));
    }
    text
}
