//! A large catalog is there at once.
//!
//! ```sh
//! cargo bench --bench catalog
//! ```
//!
//! 5,000 endpoints with prices, tiers by size, limits and facts, written as a snapshot and loaded
//! from its text; the median of 21 loads.
//!
//! Bar: below 100 ms.

mod support;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use support::Bars;
use weighbridge::catalog::snapshot::to_toml;
use weighbridge::catalog::{
    Capability, Catalog, Change, Dialect, Endpoint, Facts, HttpVersion, Limits, Price, Provider,
    Rate, Rates, SnapshotStamp, load_text,
};
use weighbridge::units::{EndpointId, Usd};

const ENDPOINTS: u64 = 5_000;
const LOADS: usize = 21;
const BAR: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let Some(mut bars) = Bars::start("A large catalog") else { return ExitCode::SUCCESS };
    let stamp = SnapshotStamp {
        source: "a bench".to_owned(),
        fetched_at: "2026-06-16T00:00:00Z".to_owned(),
    };
    let text = to_toml(&catalog(), &stamp);
    bars.figure("snapshot", &format!("{ENDPOINTS} endpoints, {} kB", text.len() / 1_000));
    let mut walls: Vec<Duration> = (0..LOADS).map(|_| load(&text)).collect();
    walls.sort_unstable();
    let ms = |wall: Duration| format!("{:.1} ms", wall.as_secs_f64() * 1e3);
    bars.figure("fastest and slowest", &format!("{} to {}", ms(walls[0]), ms(walls[LOADS - 1])));
    let median = walls[LOADS / 2];
    bars.bar("load, median", &ms(median), "< 100 ms", median < BAR);
    bars.end()
}

#[expect(clippy::disallowed_methods, reason = "the wall time of the load is the figure")]
fn load(text: &str) -> Duration {
    let begun = Instant::now();
    let catalog = load_text(text, "snapshot.toml").expect("it loads");
    let wall = begun.elapsed();
    assert_eq!(catalog.endpoints.len() as u64, ENDPOINTS);
    wall
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for n in 0..ENDPOINTS {
        let endpoint = endpoint(n);
        let facts = Facts { created: "2026-01-02".parse().ok(), ..Facts::default() };
        catalog.facts.insert(endpoint.id.clone(), facts);
        catalog.endpoints.push(endpoint);
    }
    catalog
}

fn endpoint(n: u64) -> Endpoint {
    let usd = |units: u64| Usd::from_raw(i128::from(units) * 10_i128.pow(15));
    let provider = format!("provider-{}", n % 20);
    let model = format!("author-{}/model-{n}", n % 50);
    let base = [
        (Rate::Input, usd(100 + n)),
        (Rate::Output, usd(400 + n)),
        (Rate::CachedInput, usd(10 + n)),
    ];
    let dearer: BTreeMap<Rate, Usd> =
        [(Rate::Input, usd(200 + n)), (Rate::Output, usd(800 + n))].into();
    let mut rates = Rates::from_map(base.into()).expect("input and output");
    if n.is_multiple_of(4) {
        let change = Change { above_input: Some(200_000), rates: dearer, ..Change::default() };
        rates.changes.push(change);
    }
    Endpoint {
        id: EndpointId::new(&model, &provider, None),
        upstream_model: format!("model-{n}"),
        model,
        provider: Provider {
            base_url: format!("https://{provider}.example/v1"),
            name: provider,
            dialect: Dialect::OpenaiChat,
            api_key_env: Some("BENCH_API_KEY".to_owned()),
            api_key_cmd: None,
            http: HttpVersion::default(),
            headers: BTreeMap::new(),
            ca_file: None,
            router: None,
            data_policy: weighbridge::catalog::DataPolicy::default(),
            concurrency: None,
        },
        price: Price::Rates(rates),
        context_window: Some(131_072 + n),
        max_output: Some(8_192),
        limits: Limits { requests_per_min: Some(600), ..Limits::default() },
        supports: Some([Capability::Tools, Capability::Temperature].into()),
        variant: None,
        params: serde_json::Map::new(),
        system: None,
        stream: true,
        request_form: weighbridge::catalog::RequestForm::default(),
    }
}
