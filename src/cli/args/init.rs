//! `init`.

use std::path::PathBuf;

use clap::Args;

/// `init`.
#[derive(Debug, Args)]
#[command(
    after_help = "weighbridge init\nweighbridge init --from litellm config.yaml --alias gpt-4o"
)]
pub(in crate::cli) struct InitArgs {
    /// Import another tool's configuration: litellm, with its config.yaml.
    #[arg(long, num_args = 2, value_names = ["TOOL", "FILE"])]
    pub from: Vec<String>,
    /// With --from litellm: the alias whose deployment becomes `[today]`; default: the first.
    #[arg(long, value_name = "NAME", requires = "from")]
    pub alias: Option<String>,
    /// The source of prices, as in `catalog sync --from`; default: the snapshots in catalogs/, else
    /// the public lists.
    #[arg(long, value_name = "SOURCE")]
    pub prices: Option<String>,
    /// The configuration to write.
    #[arg(long, value_name = "FILE", default_value = "weighbridge.toml")]
    pub out: PathBuf,
    /// Overwrite an existing file.
    #[arg(long)]
    pub force: bool,
}
