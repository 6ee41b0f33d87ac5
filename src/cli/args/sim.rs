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
    /// Where to listen; port 0 takes a free one. The address is printed on stdout.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = address)]
    pub listen: SocketAddr,
    /// A suite whose answers the fleet knows, beside the bundled ones; repeatable.
    #[arg(long, value_name = "SUITE")]
    pub answers: Vec<PathBuf>,
    /// Columns of a single-file suite: prompt=question,reference=expected,category=type.
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    pub map: Option<ColumnMap>,
    /// The seed of the fleet's behaviour.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// `lengths=1` restores the profiles' lengths, thinking times and stalls; `lengths=0.1` a tenth.
    #[arg(long, value_name = "lengths=F", value_parser = scale)]
    pub scale: Option<f64>,
    /// Serve the endpoints of this file instead, described as src/sim/fleet.toml does.
    #[arg(long, value_name = "FILE")]
    pub fleet: Option<PathBuf>,
    /// Serve the chaos profiles too.
    #[arg(long)]
    pub chaos: bool,
    /// No rate limits, no drift over time, no failures: what a request meets is its own draw alone.
    #[arg(long)]
    pub steady: bool,
    /// Answer at once, without delay or fault; with a number: answers of so many tokens.
    #[arg(long, value_name = "TOKENS", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "absent, without a number, with one")]
    pub instant: Option<Option<usize>>,
    /// Give every answer the same known schedule: `ttft=200ms,gap=10ms,tokens=50`; `head=0ms` moves
    /// the head, which otherwise comes at half the ttft.
    #[arg(long, value_name = "KEY=VALUE,…", conflicts_with = "instant")]
    pub schedule: Option<Schedule>,
    /// Break answers: one of the faults listed below, with the share of the requests that meet it;
    /// repeatable. Which ones do is a pure draw of the seed.
    #[arg(long, value_name = "KIND[=RATE]")]
    pub fault: Vec<FaultRate>,
    /// Stall every stream in its middle for so long.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub stall: Option<Duration>,
    /// Write N events at once, when the last of them is due.
    #[arg(long, value_name = "N")]
    pub coalesce: Option<NonZeroUsize>,
    /// Cut every write at N bytes, inside characters too.
    #[arg(long, value_name = "N")]
    pub split: Option<NonZeroUsize>,
    /// Write byte by byte (with --split: N by N), this far apart.
    #[arg(long, value_name = "TIME", value_parser = time, num_args = 0..=1,
        default_missing_value = "100us")]
    pub drip: Option<Duration>,
    /// Print the truth (skill per category, latency medians, prices) and exit.
    #[arg(long)]
    pub truth: bool,
    /// Record each request: when read, when each chunk was written, what was meant and billed.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Write a catalog of the fleet at this address, to pass to `run --catalog`.
    #[arg(long, value_name = "FILE")]
    pub write_catalog: Option<PathBuf>,
    /// What the providers of that catalog speak; with several, each provider stands in it once for
    /// each. The fleet answers in all of them, whatever its catalog says.
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
