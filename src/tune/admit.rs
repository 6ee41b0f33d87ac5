//! Admissibility: every endpoint of every category compared with today's, with the reason where it
//! may not get weight.

use std::fmt;

use super::text;
use crate::aggregate::{Cell, EndpointMetrics, RunMetrics};
use crate::stats::Estimate;
use crate::stats::paired::{self, Paired};
use crate::units::{Goal, Judging, ValidityMark, prose};

/// The fewest tasks scored for both an endpoint and today's that are compared.
pub(super) const MIN_TASKS: usize = 10;
/// The share of failed trials that an endpoint may have above today's: five points, so that one
/// bad minute of a provider does not decide, and a broken endpoint does not pass.
const MORE_FAILURES: f64 = 0.05;
/// The smallest gain that is worth a move, as a share of today's value.
pub(super) const PAYS: f64 = 0.01;

/// The inputs of every part of the tuning.
pub(super) struct TuneContext<'a> {
    pub metrics: &'a RunMetrics,
    pub judging: &'a Judging,
    /// The index of today's endpoint; `None`: there is none, or it was not in the run.
    pub today: Option<usize>,
    /// Why nothing can be tuned.
    pub blocked: Option<Block>,
}

/// Why nothing can be tuned.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Block {
    /// What serves today was not measured: nothing can be compared, and nothing gets weight.
    NoData(String),
    /// The objective cannot be judged: today's endpoint keeps all of it.
    Objective(String),
}

impl Block {
    /// The reason, in words.
    pub fn why(&self) -> &str {
        let (Self::NoData(why) | Self::Objective(why)) = self;
        why
    }
}

/// The candidates of one category, or of all categories pooled.
pub(super) struct CategoryTable<'a> {
    /// The category; `*`: all, pooled.
    pub name: &'a str,
    /// Its share of the traffic, 0..1.
    pub share: f64,
    /// The index of today's endpoint.
    pub today: Option<usize>,
    /// Why nothing can be tuned here.
    pub blocked: Option<Block>,
    /// The endpoints, in catalog order.
    pub candidates: Vec<Candidate<'a>>,
}

/// An endpoint in one category.
pub(super) struct Candidate<'a> {
    pub endpoint: &'a EndpointMetrics,
    pub cell: &'a Cell,
    /// Its score minus today's on the tasks they share; `None` for today's endpoint itself.
    pub paired: Option<Paired>,
    /// Why it may not get weight; `None`: it may.
    pub excluded: Option<Exclusion>,
}

/// Why an endpoint may not get weight in a category.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Exclusion {
    /// Its price is unknown.
    PriceUnknown,
    /// The cost of so many of its answers is unknown, of so many.
    CostUnknown(u64, u64),
    /// It is ineligible for this many of the tasks.
    Ineligible(u64),
    /// The share of its trials that failed, and of today's.
    Unanswered(f64, f64),
    /// Too few tasks are scored for it and for today's endpoint.
    TooFewTasks(u64),
    /// There is a latency objective, and its latency is unknown.
    NoLatency,
    /// Shown to be worse than today's by more than the margin.
    Worse(Estimate, f64),
    /// Not shown to be within the margin: the sample is too small.
    Unproven(Estimate, f64),
    /// Not shown to be better than today's, as the goal requires.
    NotBetter(Estimate),
    /// Nothing can be compared here.
    NothingToCompare,
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PriceUnknown => f.write_str("its price is not known"),
            Self::CostUnknown(n, of) => write!(
                f,
                "the cost of {} of its {} is not known",
                prose::group_thousands(*n),
                prose::pluralize(*of, "answer")
            ),
            Self::Ineligible(tasks) => {
                write!(f, "it cannot take {}", prose::pluralize(*tasks, "task"))
            }
            Self::Unanswered(failed, today) => write!(
                f,
                "{} of its trials failed, {} of today's",
                prose::percent(*failed),
                prose::percent(*today)
            ),
            Self::TooFewTasks(n) => write!(
                f,
                "{} scored for it and for today's endpoint; {MIN_TASKS} are needed",
                prose::pluralize(*n, "task")
            ),
            Self::NoLatency => f.write_str("its time to first token is not known"),
            Self::Worse(difference, margin) => write!(
                f,
                "worse by more than {} pt: {}",
                text::points(*margin),
                text::difference(difference)
            ),
            Self::Unproven(difference, margin) => write!(
                f,
                "not shown to be within {} pt: {}",
                text::points(*margin),
                text::difference(difference)
            ),
            Self::NotBetter(difference) => {
                write!(f, "not shown better: {}", text::difference(difference))
            }
            Self::NothingToCompare => f.write_str("there is nothing to compare it with"),
        }
    }
}

impl Exclusion {
    /// The reason without its numbers, to group categories.
    pub fn short(&self) -> String {
        match self {
            Self::PriceUnknown => "its price is not known".to_owned(),
            Self::CostUnknown(..) => "the cost of its answers is not known".to_owned(),
            Self::Ineligible(_) => "it cannot take some tasks".to_owned(),
            Self::Unanswered(..) => "it fails more often than today's endpoint".to_owned(),
            Self::TooFewTasks(_) => "too few scored tasks".to_owned(),
            Self::NoLatency => "its time to first token is not known".to_owned(),
            Self::Worse(_, margin) => format!("worse by more than {} pt", text::points(*margin)),
            Self::Unproven(_, margin) => {
                format!("not shown to be within {} pt", text::points(*margin))
            }
            Self::NotBetter(_) => "not shown better".to_owned(),
            Self::NothingToCompare => "there is nothing to compare it with".to_owned(),
        }
    }

    /// Whether the endpoint may be a fallback: quality may be lower, but an answer must be likely and
    /// its cost known.
    pub fn can_be_fallback(&self) -> bool {
        match self {
            Self::PriceUnknown
            | Self::CostUnknown(..)
            | Self::Ineligible(_)
            | Self::Unanswered(..) => false,
            Self::TooFewTasks(_)
            | Self::NoLatency
            | Self::Worse(..)
            | Self::Unproven(..)
            | Self::NotBetter(_)
            | Self::NothingToCompare => true,
        }
    }
}

impl<'a> TuneContext<'a> {
    /// Finds today's endpoint, and whether anything can be tuned.
    pub fn new(metrics: &'a RunMetrics) -> Self {
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
            _ if !scored => {
                Some(Block::NoData("nothing was scored, so nothing can be compared".to_owned()))
            }
            (None, _) => Some(Block::NoData(
                "no endpoint with a known price was scored, so nothing can be compared".to_owned(),
            )),
            (Some(id), None) => Some(Block::NoData(format!(
                "{} was not in this run, so nothing can be compared",
                id.short()
            ))),
            _ if judging.goal == Goal::Faster && judging.slo.is_none() => {
                Some(Block::Objective("goal = \"faster\" needs [objective] slo.ttft".to_owned()))
            }
            _ if latency_counts && invalid => Some(Block::Objective(
                "the run's latencies are invalid, and the objective rests on them".to_owned(),
            )),
            _ => None,
        };
        Self { metrics, judging, today, blocked }
    }

    /// Today's endpoint by its short name.
    pub fn today_name(&self) -> &'a str {
        self.metrics.today.endpoint.as_ref().map_or("today's endpoint", |id| id.short())
    }

    /// One table per category, in name order.
    pub fn tables(&self) -> Vec<CategoryTable<'a>> {
        let categories = self.metrics.categories.iter().enumerate();
        categories.map(|(i, c)| self.table(Some(i), c.name.as_str(), c.share)).collect()
    }

    /// The table of all categories together, under the shares of traffic.
    pub fn pooled(&self) -> CategoryTable<'a> {
        self.table(None, "*", 1.0)
    }

    fn table(&self, category: Option<usize>, name: &'a str, share: f64) -> CategoryTable<'a> {
        let cell = |e: &'a EndpointMetrics| category.map_or(&e.all, |c| &e.cells[c]);
        let local = self.today.and_then(|today| {
            let (cell, name) = (cell(&self.metrics.endpoints[today]), self.today_name());
            if cell.counts.scored == 0 {
                Some(format!("{name}: {}", cell.why_unscored()))
            } else if category.is_none() && cell.quality.is_none() {
                Some(format!("{name} was not scored in every category"))
            } else if cost(cell).is_none() {
                Some(format!("what {name} costs is not known"))
            } else {
                None
            }
        });
        // Without data there is nothing that an objective could be about.
        let blocked = local.map(Block::NoData).or_else(|| self.blocked.clone());
        let candidates = self.metrics.endpoints.iter().enumerate();
        let candidates = candidates.map(|(i, endpoint)| {
            let paired = self
                .today
                .filter(|today| *today != i)
                .and_then(|today| self.metrics.difference(category, i, today));
            let mut candidate =
                Candidate { endpoint, cell: cell(endpoint), paired, excluded: None };
            if self.today != Some(i) {
                candidate.excluded = match self.today {
                    Some(today) if blocked.is_none() => {
                        excluded(&candidate, cell(&self.metrics.endpoints[today]), self.judging)
                    }
                    _ => Some(Exclusion::NothingToCompare),
                };
            }
            candidate
        });
        CategoryTable {
            name,
            share,
            today: self.today,
            blocked: blocked.clone(),
            candidates: candidates.collect(),
        }
    }
}

impl Candidate<'_> {
    /// Dollars per task, where they are known.
    pub fn cost(&self) -> Option<f64> {
        cost(self.cell)
    }

    /// P(TTFT > the SLO's limit); 1 where it is unknown: a missing metric misses the objective.
    pub fn miss(&self) -> f64 {
        self.cell.slo_miss.map_or(1.0, |estimate| estimate.value)
    }

    /// The score minus today's on the same tasks; 0 for today's endpoint itself.
    pub fn gain(&self) -> f64 {
        self.paired.as_ref().map_or(0.0, |paired| paired.estimate.value)
    }

    /// The quantity that the goal minimises, per task of this category.
    pub fn value(&self, goal: Goal) -> f64 {
        match goal {
            // Only the cost of today's endpoint can be unknown here, where it is the only choice.
            Goal::Cheaper => self.cost().unwrap_or(0.0),
            Goal::Better => -self.gain(),
            Goal::Faster => self.miss(),
        }
    }
}

impl CategoryTable<'_> {
    /// Whether what serves today was not measured here: nothing gets weight.
    pub fn has_no_data(&self) -> bool {
        matches!(self.blocked, Some(Block::NoData(_)))
    }

    /// Today's endpoint.
    pub fn today(&self) -> Option<&Candidate<'_>> {
        self.today.map(|today| &self.candidates[today])
    }

    /// Its share of the traffic of the tables tuned together; 1 where it is tuned alone.
    pub fn share_of(&self, whole: f64) -> f64 {
        if whole > 0.0 { self.share / whole } else { 1.0 }
    }

    /// Whether an endpoint meets the latency objective where today's endpoint does not.
    pub fn would_be_faster(&self, candidate: &Candidate<'_>, judging: &Judging) -> bool {
        let Some((slo, today)) = judging.slo.zip(self.today()) else { return false };
        candidate.cost().is_some() && candidate.miss() <= slo.miss && today.miss() > slo.miss
    }

    /// Whether a move to an endpoint would pay, quality aside.
    pub fn would_pay(&self, candidate: &Candidate<'_>, goal: Goal) -> bool {
        let Some((today, cost)) = self.today().and_then(|t| Some((t, t.cost()?))) else {
            return false;
        };
        let within_cost = candidate.cost().is_some_and(|c| c <= cost * (1.0 + 1e-9));
        let least = today.value(goal) - PAYS * today.value(goal).abs();
        candidate.cost().is_some()
            && candidate.value(goal) < least
            && (goal == Goal::Cheaper || within_cost)
    }
}

fn cost(cell: &Cell) -> Option<f64> {
    cell.cost_per_task.map(|estimate| estimate.value).filter(|cost| cost.is_finite())
}

/// The share of trials without an answer, after retries.
fn failed(cell: &Cell) -> Option<f64> {
    cell.availability_retried.map(|estimate| 1.0 - estimate.value)
}

/// The rules, the most useful reason first.
fn excluded(candidate: &Candidate<'_>, today: &Cell, judging: &Judging) -> Option<Exclusion> {
    if !candidate.endpoint.priced {
        return Some(Exclusion::PriceUnknown);
    }
    if candidate.cell.counts.ineligible > 0 {
        return Some(Exclusion::Ineligible(candidate.cell.counts.ineligible));
    }
    let todays_failed = failed(today).unwrap_or(0.0);
    if let Some(share) = failed(candidate.cell)
        && share > todays_failed + MORE_FAILURES + 1e-12
    {
        return Some(Exclusion::Unanswered(share, todays_failed));
    }
    // Checked after the reasons for which a cost can be missing although the price is known.
    if candidate.cell.hides_costs() {
        return Some(Exclusion::CostUnknown(candidate.cell.uncosted, candidate.cell.counts.ok));
    }
    if candidate.cost().is_none() && candidate.cell.counts.trials() > 0 {
        return Some(Exclusion::PriceUnknown);
    }
    let Some(paired) = &candidate.paired else { return Some(Exclusion::TooFewTasks(0)) };
    if paired.estimate.n < MIN_TASKS as u64 {
        return Some(Exclusion::TooFewTasks(paired.estimate.n));
    }
    if judging.slo.is_some() && candidate.cell.slo_miss.is_none() {
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
        let tables = TuneContext::new(metrics).tables();
        let reason = tables[0].candidates[1].excluded.as_ref().map(ToString::to_string);
        assert_eq!(reason.as_deref(), expected);
        assert!(tables[0].candidates[0].excluded.is_none(), "today's endpoint is always admitted");
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
        let blocked = |metrics: &RunMetrics| {
            TuneContext::new(metrics).blocked.map(|block| block.why().to_owned())
        };
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
        assert_eq!(
            blocked(&faster).as_deref(),
            Some("goal = \"faster\" needs [objective] slo.ttft")
        );
        assert_eq!(blocked(&with_slo(faster, 0.05)), None);
    }
}
