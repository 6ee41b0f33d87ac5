//! What a plan's tasks will tell of an endpoint: how much better it must truly be to be shown within the
//! margin, and how many tasks show an equal one.
//!
//! Planned for 80 % power at the one-sided 5 % level by which a MOVE is decided, where [`DISCORDANT`] of
//! the tasks are passed by one of the two alone: (z(α) + z(β)) · √(discordant/n) is cleared by the true
//! difference and the margin together (Miller 2024, arXiv:2411.00640, section 5).

use serde::Serialize;

use crate::stats::paired;
use crate::units::{normal, prose};

/// The share of tasks on which two endpoints come out differently.
pub const DISCORDANT: f64 = 0.2;

/// What the tasks of some categories will tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanAnswer {
    /// The categories, each with so many tasks and this margin.
    pub categories: Vec<String>,
    /// Tasks of each.
    pub tasks: usize,
    /// The accepted loss of quality, 0..1.
    pub margin: f64,
    /// How much better than today's an endpoint must truly be to be shown within the margin, score
    /// units; 0: an equal one is shown; `None`: none can be.
    pub better: Option<f64>,
    /// Tasks that show an endpoint within the margin that is truly equal to today's; `None`: none do,
    /// for the margin is 0.
    pub equal_takes: Option<u64>,
}

/// The least paired difference that `n` tasks show with 80 % power at the two-sided 5 % level; none
/// above the discordant share can occur.
#[must_use]
pub fn can_show(n: usize) -> Option<f64> {
    // The difference of two passes is −1, 0 or 1, so its standard deviation is at most the root of
    // the share of tasks on which it is not 0.
    let least = paired::detectable(libm::sqrt(DISCORDANT / n as f64));
    (n > 0 && least <= DISCORDANT).then_some(least)
}

/// The answers for categories with so many tasks each, those that are alike together.
pub(super) fn answers<'a>(
    categories: impl IntoIterator<Item = (&'a str, usize)>,
    margin: impl Fn(&str) -> f64,
) -> Vec<PlanAnswer> {
    let mut answers: Vec<PlanAnswer> = Vec::new();
    for (name, tasks) in categories {
        let margin = margin(name);
        let same = |a: &&mut PlanAnswer| a.tasks == tasks && a.margin.to_bits() == margin.to_bits();
        if let Some(found) = answers.iter_mut().find(same) {
            found.categories.push(name.to_owned());
            continue;
        }
        let categories = vec![name.to_owned()];
        let (better, equal_takes) = (better(tasks, margin), equal_takes(margin));
        answers.push(PlanAnswer { categories, tasks, margin, better, equal_takes });
    }
    answers
}

fn quantiles() -> f64 {
    normal::quantile(0.95) + normal::quantile(0.8)
}

fn better(tasks: usize, margin: f64) -> Option<f64> {
    let needed = quantiles() * libm::sqrt(DISCORDANT / tasks as f64) - margin;
    (tasks > 0 && needed <= DISCORDANT).then_some(needed.max(0.0))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 1e15")]
fn equal_takes(margin: f64) -> Option<u64> {
    let ratio = quantiles() / margin.max(1e-6);
    (margin > 0.0).then(|| libm::ceil(DISCORDANT * ratio * ratio) as u64)
}

impl PlanAnswer {
    /// `96 tasks will show an endpoint that is truly 9.4 points better; within 2 points of an equal one
    /// takes about 3,100: classify, extract.`
    pub(super) fn sentence(&self) -> String {
        let points = |share: f64| {
            let text = format!("{:.1}", share * 100.0);
            text.strip_suffix(".0").unwrap_or(&text).to_owned()
        };
        let shows = match self.better {
            Some(better) if better > 0.0 => {
                format!("will show an endpoint that is truly {} points better", points(better))
            }
            Some(_) => "will show an endpoint that is truly equal".to_owned(),
            None => "are too few to show any endpoint".to_owned(),
        };
        let takes = self.equal_takes.map_or_else(String::new, |n| {
            let about = prose::group_thousands(two_digits(n));
            format!("; within {} points of an equal one takes about {about}", points(self.margin))
        });
        let names: Vec<&str> = self.categories.iter().map(String::as_str).collect();
        format!(
            "{} {shows}{takes}: {}.",
            prose::pluralize(self.tasks as u64, "task"),
            names.join(", ")
        )
    }
}

/// Rounded to two significant digits, the precision of a plan.
fn two_digits(n: u64) -> u64 {
    let mut step = 1;
    while n / step >= 100 {
        step *= 10;
    }
    (n + step / 2) / step * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detectable_effect_agrees_with_published_values() {
        for (n, sd, expected) in [
            (100.0, 0.5, 0.140_079_260_905_648_43),
            (164.0, 0.45, 0.098_445_173_121_947_96),
            (1319.0, 0.35, 0.026_999_112_212_087_867),
        ] {
            assert!((paired::detectable(sd / f64::sqrt(n)) - expected).abs() < 1e-9, "{n}");
        }
        assert_eq!(can_show(39), None);
        assert!(can_show(40).is_some_and(|d| (d - 0.198).abs() < 0.001));
        assert_eq!(can_show(0), None);
    }

    #[test]
    fn it_answers_by_tasks_and_margin() {
        let rows = [("classify", 96), ("extract", 96), ("reply", 96), ("rare", 12)];
        let answers = answers(rows, |name| if name == "reply" { 0.10 } else { 0.02 });
        let said: Vec<String> = answers.iter().map(PlanAnswer::sentence).collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        96 tasks will show an endpoint that is truly 9.3 points better; within 2 points of an equal one takes about 3,100: classify, extract.
        96 tasks will show an endpoint that is truly 1.3 points better; within 10 points of an equal one takes about 120: reply.
        12 tasks are too few to show any endpoint; within 2 points of an equal one takes about 3,100: rare.
        ");
    }

    #[test]
    fn enough_tasks_show_an_equal_one() {
        let n = usize::try_from(equal_takes(0.05).expect("a margin")).expect("small");
        assert_eq!(better(n, 0.05), Some(0.0));
        assert!(better(n - 1, 0.05).is_some_and(|needed| needed > 0.0 && needed < 1e-3));
        assert_eq!((equal_takes(0.0), better(0, 0.02)), (None, None));
    }
}
