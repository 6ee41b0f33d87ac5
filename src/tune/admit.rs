//! Who may be given weight: every endpoint of every category, beside today's, with the reason
//! where it is kept out.

use std::fmt;

use super::words;
use crate::aggregate::{Cell, EndpointMetrics, RunMetrics};
use crate::stats::Estimate;
use crate::stats::paired::{self, Paired};
use crate::units::{Goal, Judging, ValidityMark};

/// Fewer tasks in common with today's endpoint say nothing about a category.
pub(super) const MIN_TASKS: usize = 10;
/// The share of failed trials that an endpoint may have above today's: five points, so that one
/// bad minute of a provider does not decide, and a broken endpoint does not pass.
const MORE_FAILURES: f64 = 0.05;
/// What a saving must exceed, as a share of what today's endpoint has, before it pays to move.
pub(super) const PAYS: f64 = 0.01;

/// What every part of the tuning reads.
pub(super) struct Setting<'a> {
    /// The figures of the run.
    pub metrics: &'a RunMetrics,
    /// What it is judged by.
    pub judging: &'a Judging,
    /// The position of today's endpoint; `None`: there is none, or it was not in the run.
    pub today: Option<usize>,
    /// Why nothing can be tuned at all.
    pub blocked: Option<String>,
}

/// One category as the tuner sees it, or all of them pooled.
pub(super) struct Sheet<'a> {
    /// The category, `*` where pooled.
    pub name: &'a str,
    /// Its share of traffic.
    pub share: f64,
    /// The position of today's endpoint.
    pub today: Option<usize>,
    /// Why nothing can be tuned here: then today's endpoint keeps it.
    pub blocked: Option<String>,
    /// The endpoints, in catalog order.
    pub rows: Vec<Row<'a>>,
}

/// An endpoint in one category.
pub(super) struct Row<'a> {
    /// The endpoint.
    pub endpoint: &'a EndpointMetrics,
    /// Its figures here.
    pub cell: &'a Cell,
    /// Its score minus today's on the tasks they share; `None` for today's own.
    pub paired: Option<Paired>,
    /// Why it may not be given weight; `None`: it may.
    pub excluded: Option<Exclusion>,
}

/// Why an endpoint may not be given weight in a category.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Exclusion {
    /// A cost that nobody knows cannot be weighed.
    PriceUnknown,
    /// It cannot take this many of the tasks.
    Ineligible(u64),
    /// The share of its trials that failed, and of today's.
    Unanswered(f64, f64),
    /// Too few tasks are scored for it and for today's endpoint.
    TooFewTasks(u64),
    /// There is a latency objective, and its latency is not known.
    NoLatency,
    /// Shown worse than today's by more than the margin.
    Worse(Estimate, f64),
    /// Not shown to be within the margin: the sample does not tell.
    Unproven(Estimate, f64),
    /// Not shown better than today's, and only that would pay.
    NotBetter(Estimate),
    /// Nothing can be compared here.
    NothingToCompare,
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PriceUnknown => f.write_str("its price is not known"),
            Self::Ineligible(tasks) => {
                write!(f, "it cannot take {}", words::count(*tasks, "task"))
            }
            Self::Unanswered(failed, today) => write!(
                f,
                "{} of its trials failed, {} of today's",
                words::percent(*failed),
                words::percent(*today)
            ),
            Self::TooFewTasks(n) => write!(
                f,
                "{} scored for it and for today's endpoint; {MIN_TASKS} are needed",
                words::count(*n, "task")
            ),
            Self::NoLatency => f.write_str("its time to first token is not known"),
            Self::Worse(difference, margin) => write!(
                f,
                "worse by more than {} pt: {}",
                words::points(*margin),
                words::difference(difference)
            ),
            Self::Unproven(difference, margin) => write!(
                f,
                "not shown to be within {} pt: {}",
                words::points(*margin),
                words::difference(difference)
            ),
            Self::NotBetter(difference) => {
                write!(f, "not shown better: {}", words::difference(difference))
            }
            Self::NothingToCompare => f.write_str("there is nothing to compare it with"),
        }
    }
}

impl Exclusion {
    /// The reason without its numbers, for a line over several categories.
    pub fn short(&self) -> String {
        match self {
            Self::PriceUnknown => "its price is not known".to_owned(),
            Self::Ineligible(_) => "it cannot take some tasks".to_owned(),
            Self::Unanswered(..) => "it fails more often than today's endpoint".to_owned(),
            Self::TooFewTasks(_) => "too few scored tasks".to_owned(),
            Self::NoLatency => "its time to first token is not known".to_owned(),
            Self::Worse(_, margin) => format!("worse by more than {} pt", words::points(*margin)),
            Self::Unproven(_, margin) => {
                format!("not shown to be within {} pt", words::points(*margin))
            }
            Self::NotBetter(_) => "not shown better".to_owned(),
            Self::NothingToCompare => "there is nothing to compare it with".to_owned(),
        }
    }

    /// Whether it may still stand in when another endpoint fails: quality may be lower then, an
    /// answer must be likely and its cost known.
    pub fn may_stand_in(&self) -> bool {
        match self {
            Self::PriceUnknown | Self::Ineligible(_) | Self::Unanswered(..) => false,
            Self::TooFewTasks(_)
            | Self::NoLatency
            | Self::Worse(..)
            | Self::Unproven(..)
            | Self::NotBetter(_)
            | Self::NothingToCompare => true,
        }
    }
}

impl<'a> Setting<'a> {
    /// Reads what the figures say of today, and whether anything can be tuned.
    pub fn of(metrics: &'a RunMetrics) -> Self {
        let judging = metrics.judging();
        let id = metrics.today.endpoint.as_ref();
        let today = id.and_then(|id| metrics.endpoints.iter().position(|e| e.id == *id));
        let latency_counts = judging.goal == Goal::Faster || judging.slo.is_some();
        let invalid = metrics
            .manifest
            .ended
            .as_ref()
            .is_some_and(|ended| ended.validity.mark == ValidityMark::Invalid);
        let scored = metrics.endpoints.iter().any(|e| e.all.counts.scored > 0);
        let blocked = match (id, today) {
            _ if !scored => Some("nothing was scored, so nothing can be compared".to_owned()),
            (None, _) => Some(
                "no endpoint with a known price was scored, so nothing can be compared".to_owned(),
            ),
            (Some(id), None) => {
                Some(format!("{} was not in this run, so nothing can be compared", id.short()))
            }
            _ if judging.goal == Goal::Faster && judging.slo.is_none() => {
                Some("the goal is faster, and no slo says than what".to_owned())
            }
            _ if latency_counts && invalid => {
                Some("the run's latencies are invalid, and the objective rests on them".to_owned())
            }
            _ => None,
        };
        Self { metrics, judging, today, blocked }
    }

    /// Today's endpoint by its short name.
    pub fn today_name(&self) -> &'a str {
        self.metrics.today.endpoint.as_ref().map_or("today's endpoint", |id| id.short())
    }

    /// The sheets of the categories, in name order.
    pub fn sheets(&self) -> Vec<Sheet<'a>> {
        let categories = self.metrics.categories.iter().enumerate();
        categories.map(|(i, c)| self.sheet(Some(i), c.name.as_str(), c.share)).collect()
    }

    /// The sheet of all categories together, under the shares in force.
    pub fn pooled(&self) -> Sheet<'a> {
        self.sheet(None, "*", 1.0)
    }

    fn sheet(&self, category: Option<usize>, name: &'a str, share: f64) -> Sheet<'a> {
        let cell = |e: &'a EndpointMetrics| category.map_or(&e.all, |c| &e.cells[c]);
        let local = self.today.and_then(|today| {
            let endpoint = &self.metrics.endpoints[today];
            if cell(endpoint).counts.scored == 0 {
                Some(format!("{} has no scored answer here", self.today_name()))
            } else if category.is_none() && cell(endpoint).quality.is_none() {
                Some(format!("{} was not scored in every category", self.today_name()))
            } else if cost(cell(endpoint)).is_none() {
                Some(format!("what {} costs is not known", self.today_name()))
            } else {
                None
            }
        });
        let blocked = self.blocked.clone().or(local);
        let rows = self.metrics.endpoints.iter().enumerate();
        let rows = rows.map(|(i, endpoint)| {
            let paired = self
                .today
                .filter(|today| *today != i)
                .and_then(|today| self.metrics.difference(category, i, today));
            let mut row = Row { endpoint, cell: cell(endpoint), paired, excluded: None };
            if self.today != Some(i) {
                row.excluded = match self.today {
                    Some(today) if blocked.is_none() => {
                        excluded(&row, cell(&self.metrics.endpoints[today]), self.judging)
                    }
                    _ => Some(Exclusion::NothingToCompare),
                };
            }
            row
        });
        Sheet { name, share, today: self.today, blocked: blocked.clone(), rows: rows.collect() }
    }
}

impl Row<'_> {
    /// Dollars per task, where they are known.
    pub fn cost(&self) -> Option<f64> {
        cost(self.cell)
    }

    /// P(TTFT > the SLO's limit); 1 where it is not known, as a missing metric is not met.
    pub fn miss(&self) -> f64 {
        self.cell.slo_miss.map_or(1.0, |estimate| estimate.value)
    }

    /// The score minus today's on the same tasks; 0 for today's own.
    pub fn gain(&self) -> f64 {
        self.paired.as_ref().map_or(0.0, |paired| paired.estimate.value)
    }

    /// What the goal minimises, per task of this category.
    pub fn value(&self, goal: Goal) -> f64 {
        match goal {
            // Only today's own cost can be unknown here, where it is the only choice.
            Goal::Cheaper => self.cost().unwrap_or(0.0),
            Goal::Better => -self.gain(),
            Goal::Faster => self.miss(),
        }
    }
}

impl Sheet<'_> {
    /// The row of today's endpoint.
    pub fn today(&self) -> Option<&Row<'_>> {
        self.today.map(|today| &self.rows[today])
    }

    /// Its share of the traffic of the sheets tuned together; alone, it is all of it.
    pub fn share_of(&self, whole: f64) -> f64 {
        if whole > 0.0 { self.share / whole } else { 1.0 }
    }

    /// Whether an endpoint misses the latency objective less often than it allows, where today's
    /// misses it more often.
    pub fn would_be_prompter(&self, row: &Row<'_>, judging: &Judging) -> bool {
        let Some((slo, today)) = judging.slo.zip(self.today()) else { return false };
        row.cost().is_some() && row.miss() <= slo.miss && today.miss() > slo.miss
    }

    /// Whether an endpoint is worth moving to from today's, if its quality allows.
    pub fn would_pay(&self, row: &Row<'_>, goal: Goal) -> bool {
        let Some((today, cost)) = self.today().and_then(|t| Some((t, t.cost()?))) else {
            return false;
        };
        let within_cost = row.cost().is_some_and(|c| c <= cost * (1.0 + 1e-9));
        let least = today.value(goal) - PAYS * today.value(goal).abs();
        row.cost().is_some() && row.value(goal) < least && (goal == Goal::Cheaper || within_cost)
    }
}

fn cost(cell: &Cell) -> Option<f64> {
    cell.cost_per_task.map(|estimate| estimate.value).filter(|cost| cost.is_finite())
}

/// The share of trials without an answer, after retries.
fn failed(cell: &Cell) -> Option<f64> {
    cell.availability_retried.map(|estimate| 1.0 - estimate.value)
}

/// The rules in the order in which a reader wants to hear them.
fn excluded(row: &Row<'_>, today: &Cell, judging: &Judging) -> Option<Exclusion> {
    if !row.endpoint.priced {
        return Some(Exclusion::PriceUnknown);
    }
    if row.cell.counts.ineligible > 0 {
        return Some(Exclusion::Ineligible(row.cell.counts.ineligible));
    }
    let todays_failed = failed(today).unwrap_or(0.0);
    if let Some(share) = failed(row.cell)
        && share > todays_failed + MORE_FAILURES + 1e-12
    {
        return Some(Exclusion::Unanswered(share, todays_failed));
    }
    // After the reasons for which a cost may be missing although the price is known.
    if row.cost().is_none() && row.cell.counts.trials() > 0 {
        return Some(Exclusion::PriceUnknown);
    }
    let Some(paired) = &row.paired else { return Some(Exclusion::TooFewTasks(0)) };
    if paired.estimate.n < MIN_TASKS as u64 {
        return Some(Exclusion::TooFewTasks(paired.estimate.n));
    }
    if judging.slo.is_some() && row.cell.slo_miss.is_none() {
        return Some(Exclusion::NoLatency);
    }
    quality(paired, judging)
}

fn quality(paired: &Paired, judging: &Judging) -> Option<Exclusion> {
    let margin = judging.margin;
    match judging.goal {
        Goal::Better if paired::lower_bound(paired) > 0.0 => None,
        Goal::Better => Some(Exclusion::NotBetter(paired.estimate)),
        Goal::Cheaper | Goal::Faster if paired::is_not_worse(paired, margin) => None,
        Goal::Cheaper | Goal::Faster if paired::upper_bound(paired) <= -margin => {
            Some(Exclusion::Worse(paired.estimate, margin))
        }
        Goal::Cheaper | Goal::Faster => Some(Exclusion::Unproven(paired.estimate, margin)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::fixture::{endpoint, metrics, with_goal, with_slo};

    /// Checks why the second of two endpoints is kept out of a category of 200 tasks, of which
    /// today's fails the first eight in a hundred.
    fn check(metrics: &RunMetrics, expected: Option<&str>) {
        let sheets = Setting::of(metrics).sheets();
        let reason = sheets[0].rows[1].excluded.as_ref().map(ToString::to_string);
        assert_eq!(reason.as_deref(), expected);
        assert!(sheets[0].rows[0].excluded.is_none(), "today's endpoint is always admitted");
    }

    fn against(other: crate::tune::fixture::Plan) -> RunMetrics {
        let today = endpoint("acme/large@azure", 0.01).wrong(&[(0, 8)]).miss(0.02);
        metrics(&[("c", 200, 1.0)], vec![today, other])
    }

    fn mini() -> crate::tune::fixture::Plan {
        endpoint("acme/mini@azure", 0.002).wrong(&[(0, 8)]).miss(0.01)
    }

    #[test]
    fn every_reason_is_said_with_its_numbers() {
        check(&against(mini()), None);
        check(&against(mini().unpriced()), Some("its price is not known"));
        check(&against(mini().ineligible(1)), Some("it cannot take 1 task"));
        check(&against(mini().failed(0.05)), None);
        check(&against(mini().failed(0.062)), Some("6.2 % of its trials failed, 0 % of today's"));
        check(
            &against(mini().wrong(&[(0, 40)])),
            Some("worse by more than 2 pt: −32.0 (−38.5…−25.5) pt"),
        );
        check(
            &against(mini().wrong(&[(4, 13)])),
            Some("not shown to be within 2 pt: −1.0 (−5.2…+3.2) pt"),
        );
        let better = with_goal(against(mini().wrong(&[(4, 8)])), Goal::Better);
        check(&better, None);
        let same = with_goal(against(mini()), Goal::Better);
        check(&same, Some("not shown better: 0.0 (−1.0…+1.0) pt"));
    }

    #[test]
    fn a_cost_that_is_missing_for_a_reason_is_not_a_price_that_is() {
        let mut narrow = against(mini().ineligible(48));
        narrow.endpoints[1].cells[0].cost_per_task = None;
        check(&narrow, Some("it cannot take 48 tasks"));
        let mut dead = against(mini().failed(1.0));
        dead.endpoints[1].cells[0].cost_per_task = None;
        check(&dead, Some("100 % of its trials failed, 0 % of today's"));
    }

    #[test]
    fn a_latency_objective_needs_a_latency() {
        let mut unknown = against(mini());
        unknown.endpoints[1].cells[0].slo_miss = None;
        check(&unknown, None);
        check(&with_slo(unknown, 0.05), Some("its time to first token is not known"));
    }

    #[test]
    fn nine_tasks_are_too_few() {
        let today = endpoint("acme/large@azure", 0.01);
        let few = metrics(&[("c", 9, 1.0)], vec![today, mini().wrong(&[])]);
        check(&few, Some("9 tasks scored for it and for today's endpoint; 10 are needed"));
    }

    #[test]
    fn nothing_is_tuned_on_what_is_not_there() {
        let blocked = |metrics: &RunMetrics| Setting::of(metrics).blocked;
        assert_eq!(blocked(&against(mini())), None);
        let mut none = against(mini());
        none.today.endpoint = None;
        assert_eq!(
            blocked(&none).as_deref(),
            Some("no endpoint with a known price was scored, so nothing can be compared")
        );
        none.today = against(mini()).today;
        none.endpoints.iter_mut().for_each(|e| e.all.counts.scored = 0);
        assert_eq!(
            blocked(&none).as_deref(),
            Some("nothing was scored, so nothing can be compared")
        );
        let mut away = against(mini());
        away.today.endpoint = Some(crate::units::EndpointId::from_text("acme/old@azure"));
        assert_eq!(
            blocked(&away).as_deref(),
            Some("old@azure was not in this run, so nothing can be compared")
        );
        let faster = with_goal(against(mini()), Goal::Faster);
        assert!(blocked(&faster).is_some_and(|why| why.contains("no slo")));
        assert_eq!(blocked(&with_slo(faster, 0.05)), None);
    }
}
