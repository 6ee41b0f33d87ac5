//! `weights lint`.

use std::fmt::Write;

use crate::app::weights;
use crate::cli::args::{ReportFormat, WeightsLintArgs};
use crate::cli::failure::Outcome;
use crate::cli::{Exit, console};
use crate::units::prose;

/// `weighbridge weights lint`. Any finding is exit 2: the file is not to be served by.
pub(super) fn lint(args: &WeightsLintArgs) -> Outcome {
    let findings = weights::lint(&args.file, args.on.as_deref())?;
    match args.format {
        ReportFormat::Json => {
            console::data(&format!("{}\n", serde_json::to_string_pretty(&findings)?))?;
        }
        ReportFormat::Screen => {
            let mut text = String::new();
            for finding in &findings {
                writeln!(text, "{finding}")?;
            }
            console::table(&text)?;
        }
    }
    let path = args.file.display();
    if findings.is_empty() {
        console::say(&format!("{path}: nothing is wrong"));
        return Ok(Exit::Ok);
    }
    let n = prose::pluralize(findings.len() as u64, "finding");
    console::say(&format!("{path}: {n}: do not serve by it"));
    Ok(Exit::Usage)
}
