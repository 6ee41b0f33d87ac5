//! `init`.

use anyhow::anyhow;

use super::args::InitArgs;
use super::failure::{Outcome, refused};
use super::terminal::Terminal;
use super::{Exit, console};
use crate::app::init::{self, InitOptions};

/// `weighbridge init`.
pub(super) fn init(args: InitArgs) -> Outcome {
    let litellm = match args.from.as_slice() {
        [] => None,
        [tool, file] if tool == "litellm" => Some(file.into()),
        [tool, ..] => {
            return Err(refused(anyhow!("--from {tool:?} is not supported; use litellm")));
        }
    };
    let InitArgs { alias, prices, out, force, .. } = args;
    let options = InitOptions { litellm, alias, prices, out, force };
    init::init(&options, &Terminal::default())?;
    console::data(&format!("{}\n", options.out.display()))?;
    Ok(Exit::Ok)
}
