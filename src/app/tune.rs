//! `tune`: weights from a finished run.

use crate::aggregate;
use crate::app::report::write_weights;
use crate::cli::args::{GoalArg, TuneArgs};
use crate::cli::{Exit, Outcome, console};
use crate::units::Goal;
use crate::{report, tune};

/// `weighbridge tune RUN`.
pub fn tune(args: &TuneArgs) -> Outcome {
    let dir = &args.folder.run;
    let mut metrics = aggregate::compute_metrics(dir)?;
    let judging = &mut metrics.manifest.judging;
    if let Some(goal) = args.goal {
        judging.goal = match goal {
            GoalArg::Cheaper => Goal::Cheaper,
            GoalArg::Better => Goal::Better,
            GoalArg::Faster => Goal::Faster,
        };
    }
    if let Some(margin) = args.margin {
        judging.margin = margin;
    }
    let tuned = tune::tune(&metrics);
    write_weights(dir, &metrics, &tuned)?;
    console::data(&report::answer(&report::RunReport::new(&metrics, &tuned), dir))?;
    let run = dir.display();
    console::say(&format!(
        "weights.json is new; the report still shows the old weights: weighbridge report {run}"
    ));
    Ok(Exit::Ok)
}
