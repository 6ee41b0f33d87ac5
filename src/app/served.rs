//! The file that is served by today: `[today] weights`.
//!
//! A run keeps a copy of it. What the run proposes is held against the copy on tasks that did not
//! choose the proposal, and `weights.json` is the new file only if that is shown; else it is the file
//! before, and the proposal stands beside it.

use std::path::Path;

use jiff::Timestamp;

use crate::app::error::{AppError, Context, refused};
use crate::catalog::Endpoint;
use crate::plan::{Config, select};
use crate::report;
use crate::units::{Clock, Fact, plain_file};
use crate::weights::{GateTest, PARTS, WeightsFile};

/// The copy of the file that is served by.
const SERVED: &str = "weights.served.json";
/// What a run proposed and did not show.
pub(crate) const PROPOSED: &str = "weights.proposed.json";

/// Reads the file that `[today] weights` names, adds its endpoints to those that are measured, and sets
/// what every saving is measured against: the endpoint that it gives the most traffic to.
///
/// # Errors
/// [`AppError::Refused`] for a file that does not read, is simulated where the run is not, or serves
/// by an endpoint that is not known.
pub(crate) fn read(
    config: &mut Config,
    endpoints: &mut Vec<Endpoint>,
    simulated: bool,
    notes: &mut Vec<Fact>,
) -> Result<Option<WeightsFile>, AppError> {
    let Some(path) = config.today_weights.clone() else { return Ok(None) };
    let shown = path.display();
    let wrong = |why: String| refused(format!("[today] weights: {why}"));
    let text = plain_file::read_to_string(&path)
        .map_err(|error| wrong(format!("{shown}: {error}; name a weights file")))?;
    let file = WeightsFile::from_json(&text, &shown.to_string())
        .map_err(|error| wrong(error.to_string()))?;
    if file.simulated && !simulated {
        return Err(wrong(format!(
            "{shown} was tuned on simulated answers, so no team serves by it; name the file that \
             serves production"
        )));
    }
    let Some((main, parts)) = main_endpoint(&file) else {
        return Err(wrong(format!("{shown} gives no endpoint any traffic; tune a run first")));
    };
    let mixes = file.categories.values().chain([&file.default]);
    for id in mixes.flat_map(|mix| mix.weights.keys()) {
        if endpoints.iter().any(|endpoint| endpoint.id.as_str() == id) {
            continue;
        }
        let endpoint = select::endpoint(&config.catalog.endpoints, id)
            .map_err(|error| wrong(format!("{shown} serves by {id}: {error}")))?;
        notes.push(Fact::TodayAdded { endpoint: id.clone() });
        endpoints.push(endpoint.clone());
    }
    if config.today.is_none() {
        if parts < 1.0 {
            notes.push(Fact::from(format!(
                "{shown} gives {main} the most traffic ({:.0} %), so it stands for today: verdicts \
                 and savings are against it, and a new file is tested against the whole of {shown}",
                100.0 * parts
            )));
        }
        config.today = Some(main);
    }
    let now = Clock::real().wall_anchor();
    if !simulated && file.valid_until.parse::<Timestamp>().is_ok_and(|until| until < now) {
        notes.push(Fact::from(format!(
            "{shown} was valid until {}: it is served past its date",
            day(&file.valid_until)
        )));
    }
    Ok(Some(file))
}

/// The endpoint with the most traffic under the file's own shares, and its part.
fn main_endpoint(file: &WeightsFile) -> Option<(String, f64)> {
    let mut parts = std::collections::BTreeMap::<&String, f64>::new();
    for (name, category) in &file.categories {
        let share = file.objective.shares.get(name).copied().unwrap_or(0.0);
        for (endpoint, part) in &category.weights {
            *parts.entry(endpoint).or_default() += share * f64::from(*part) / f64::from(PARTS);
        }
    }
    let most = parts.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some((most.0.clone(), most.1))
}

/// Says which categories of the file the run does not measure.
pub(crate) fn unmeasured(file: &WeightsFile, categories: &[&str]) -> Option<Fact> {
    let missing: Vec<&str> = file
        .categories
        .keys()
        .map(String::as_str)
        .filter(|name| !categories.contains(name))
        .collect();
    (!missing.is_empty()).then(|| {
        Fact::from(format!(
            "[today] weights serves {}, which no suite of this run measures: a new file would \
             serve it as traffic without a label",
            missing.join(", ")
        ))
    })
}

/// Keeps a copy in the run folder.
pub(crate) fn keep(dir: &Path, file: &WeightsFile) -> Result<(), AppError> {
    let path = dir.join(SERVED);
    report::write_whole(&path, file.to_json().as_bytes()).context(path.display())?;
    Ok(())
}

/// The copy in a run folder; `None`: the run was made without one.
pub(crate) fn kept(dir: &Path) -> Result<Option<WeightsFile>, AppError> {
    let path = dir.join(SERVED);
    match plain_file::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        text => {
            let text = text.context(path.display())?;
            Ok(Some(WeightsFile::from_json(&text, &path.display().to_string())?))
        }
    }
}

/// What became of a proposal.
pub(crate) fn sentence(test: &GateTest) -> String {
    let GateTest { replaces, against, margin, wealth, needed, tasks, .. } = test;
    let margin = (margin * 1000.0).round() / 10.0;
    let date = day(against);
    match (replaces, tasks) {
        (true, 0) => format!("weights.json has the same mixes as the one of {date}, and new dates"),
        (true, _) => format!(
            "weights.json replaces the one of {date}: shown to be within {margin} points (E = \
             {wealth:.1} of {needed:.0}) on {tasks} held-out tasks"
        ),
        (false, 0) => format!(
            "kept weights.json of {date}: no held-out task that was not used before tells of the \
             new mixes; add tasks to the suites. The proposal is in {PROPOSED}"
        ),
        (false, _) => format!(
            "kept weights.json of {date}: not shown to be within {margin} points (E = {wealth:.1} \
             of {needed:.0}) on {tasks} held-out tasks. The proposal is in {PROPOSED}"
        ),
    }
}

/// The day of a time.
fn day(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::UsedTasks;

    #[test]
    fn what_became_of_a_proposal_is_said() {
        let test = GateTest {
            replaces: false,
            against: "2026-11-01T03:00:00Z".to_owned(),
            proposal: String::new(),
            margin: 0.02,
            wealth: 3.1,
            needed: 20.0,
            tasks: 120,
            log_wealth: Vec::new(),
            used: UsedTasks::default(),
        };
        insta::assert_snapshot!(
            sentence(&test),
            @"kept weights.json of 2026-11-01: not shown to be within 2 points (E = 3.1 of 20) on 120 held-out tasks. The proposal is in weights.proposed.json"
        );
        insta::assert_snapshot!(
            sentence(&GateTest { replaces: true, wealth: 45.0, ..test.clone() }),
            @"weights.json replaces the one of 2026-11-01: shown to be within 2 points (E = 45.0 of 20) on 120 held-out tasks"
        );
        insta::assert_snapshot!(
            sentence(&GateTest { replaces: true, tasks: 0, ..test }),
            @"weights.json has the same mixes as the one of 2026-11-01, and new dates"
        );
    }
}
