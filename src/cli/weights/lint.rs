//! `weights lint`.

use std::fmt::Write;

use super::print::print;
use crate::app::weights;
use crate::cli::args::WeightsLintArgs;
use crate::cli::failure::Outcome;
use crate::cli::{Exit, console};
use crate::units::prose;

/// `weighbridge weights lint`. Any finding is exit 2: the file is not to be served by.
pub(super) fn lint(args: &WeightsLintArgs) -> Outcome {
    let findings = weights::lint(&args.file, args.on.as_deref())?;
    print(&findings, args.format, |findings| {
        let mut text = String::new();
        for finding in findings {
            writeln!(text, "{finding}")?;
        }
        Ok(text)
    })?;
    let path = args.file.display();
    if findings.is_empty() {
        console::say(&format!("{path}: nothing is wrong"));
        return Ok(Exit::Ok);
    }
    let n = prose::pluralize(findings.len() as u64, "finding");
    console::say(&format!("{path}: {n}: do not serve by it"));
    Ok(Exit::Usage)
}
