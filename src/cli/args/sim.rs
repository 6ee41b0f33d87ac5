//! `sim`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::values::time;
use crate::sim::{FaultKind, FaultRate, Schedule};
use crate::suite::ColumnMap;
use crate::units::Dialect;

/// `sim`.
#[derive(Debug, Args)]
#[command(after_help = FaultKind::list())]
pub(in crate::cli) struct SimArgs {
    /// The address to listen on; port 0 picks a free port. The address is printed on stdout.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = address)]
    pub listen: SocketAddr,
    /// An additional suite whose answers the fleet knows; repeatable.
    #[arg(long, value_name = "SUITE")]
    pub answers: Vec<PathBuf>,
    /// Columns of a single-file suite: prompt=question,reference=expected,category=type.
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    pub map: Option<ColumnMap>,
    /// The seed of the fleet's behaviour.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Scale lengths, thinking times and stalls: `lengths=1` keeps the profiles' values.
    #[arg(long, value_name = "lengths=F", value_parser = scale)]
    pub scale: Option<f64>,
    /// Read the endpoints from a file like src/sim/fleet.toml.
    #[arg(long, value_name = "FILE")]
    pub fleet: Option<PathBuf>,
    /// Also serve the chaos profiles.
    #[arg(long)]
    pub chaos: bool,
    /// Simulate no rate limits, drift or failures: each response depends on its request alone.
    #[arg(long)]
    pub steady: bool,
    /// Answer without delay or fault; with a number: answers of this many tokens.
    #[arg(long, value_name = "TOKENS", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "absent, without a number, with one")]
    pub instant: Option<Option<usize>>,
    /// Use one schedule for every answer: `ttft=200ms,gap=10ms,tokens=50`; `head=0ms` sets the time
    /// of the response head (default: half of ttft).
    #[arg(long, value_name = "KEY=VALUE,…", conflicts_with = "instant")]
    pub schedule: Option<Schedule>,
    /// Inject a fault from the list below into a share of the responses; repeatable. The seed decides
    /// which responses are affected.
    #[arg(long, value_name = "KIND[=RATE]")]
    pub fault: Vec<FaultRate>,
    /// Stall every stream at its middle for this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub stall: Option<Duration>,
    /// Write events in groups of N, when the last of a group is due.
    #[arg(long, value_name = "N")]
    pub coalesce: Option<NonZeroUsize>,
    /// Split every write at N bytes, even inside a character.
    #[arg(long, value_name = "N")]
    pub split: Option<NonZeroUsize>,
    /// Write single bytes (with --split: N bytes) at this interval.
    #[arg(long, value_name = "TIME", value_parser = time, num_args = 0..=1,
        default_missing_value = "100us")]
    pub drip: Option<Duration>,
    /// Print the fleet's true skill per category, latency medians and prices, then exit.
    #[arg(long)]
    pub truth: bool,
    /// Record each request: read time, write time of each chunk, intended and billed tokens.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Write a catalog of the fleet at this address, for `run --catalog`.
    #[arg(long, value_name = "FILE")]
    pub write_catalog: Option<PathBuf>,
    /// The dialects of the providers in that catalog; each provider is listed once per dialect. The
    /// fleet itself always serves every dialect.
    #[arg(long, value_name = "DIALECT", value_delimiter = ',', default_value = "openai-chat",
        value_parser = PossibleValuesParser::new(Dialect::ALL.map(Dialect::name)).map(dialect))]
    pub dialect: Vec<Dialect>,
}

#[expect(clippy::needless_pass_by_value, reason = "what a value parser gives")]
fn dialect(name: String) -> Dialect {
    Dialect::from_name(&name).unwrap_or_default()
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text
        .to_socket_addrs()
        .map_err(|e| format!("{e}; it takes an address and a port, such as 127.0.0.1:8100"))?;
    found.next().ok_or_else(|| format!("{text} names no address"))
}

fn scale(text: &str) -> Result<f64, String> {
    let value = text.strip_prefix("lengths=").and_then(|v| v.parse::<f64>().ok());
    value
        .filter(|v| *v > 0.0 && *v <= 10.0)
        .ok_or_else(|| "lengths=F with F above 0 and at most 10, such as lengths=1".to_owned())
}
