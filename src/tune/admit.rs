//! Admissibility: every endpoint of every category compared with today's, with the reason where it
//! may not get weight.

use super::evidence::{CellEvidence, Evidence};
use super::exclusion::{Exclusion, MIN_TASKS, PAYS};
use crate::aggregate::{Cell, EndpointMetrics, RunMetrics};
use crate::stats::paired::Paired;
use crate::units::{Goal, Judging, ValidityMark};

/// The share of failed trials that an endpoint may have above today's: five points, so that one
/// bad minute of a provider does not decide, and a broken endpoint does not pass.
const MORE_FAILURES: f64 = 0.05;
/// The smallest gain of quality that is worth a move.
pub(super) const PAYS_QUALITY: f64 = 0.005;
/// The probability of being within the margin from which an endpoint may get weight.
const SHOWN: f64 = 0.95;
/// The probability from which an endpoint is worth a try.
const LIKELY: f64 = 0.925;
/// What a point of quality is worth, as a share of today's cost.
const POINT_IS_WORTH: f64 = 0.01;
/// What the whole risk of being beyond the margin would cost, as a multiple of today's cost.
const RISK_COSTS: f64 = 20.0;

/// The inputs of every part of the tuning.
pub(super) struct TuneContext<'a> {
    pub metrics: &'a RunMetrics,
    pub judging: &'a Judging,
    /// The index of today's endpoint; `None`: there is none, or it was not in the run.
    pub today: Option<usize>,
    /// What the run shows of the others against it.
    pub evidence: Option<Evidence<'a>>,
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
    /// Its index; `None`: all, pooled.
    pub category: Option<usize>,
    /// The quality loss that is accepted here, 0..1.
    pub margin: f64,
    /// The least saving that is worth a move, as a share of today's cost.
    pub pays: f64,
    /// The index of today's endpoint.
    pub today: Option<usize>,
    /// Why nothing can be tuned here.
    pub blocked: Option<Block>,
    /// An endpoint that would be chosen here, if the risk of the whole run allowed it.
    pub held_back: Option<usize>,
    /// The endpoints, in catalog order.
    pub candidates: Vec<Candidate<'a>>,
}

/// An endpoint in one category.
pub(super) struct Candidate<'a> {
    pub endpoint: &'a EndpointMetrics,
    pub cell: &'a Cell,
    /// Its score minus today's on the tasks they share, as counted; `None` for today's endpoint
    /// itself.
    pub paired: Option<Paired>,
    /// What the whole run shows of it here; `None` for today's endpoint itself.
    pub evidence: Option<CellEvidence>,
    /// Today's dollars per task.
    pub todays_cost: Option<f64>,
    /// The quality loss that is accepted here, 0..1.
    pub margin: f64,
    /// Why it may not get weight; `None`: it may.
    pub excluded: Option<Exclusion>,
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
        let evidence = today.filter(|_| scored).map(|today| Evidence::new(metrics, today));
        Self { metrics, judging, today, evidence, blocked }
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
        // Traffic without a label may be of any category, so what holds for those without a margin of
        // their own holds for it.
        let margin = self.judging.margin_in(name);
        let todays_cost = self.today.and_then(|today| cost(cell(&self.metrics.endpoints[today])));
        let pays = self.pays(todays_cost, share);
        let candidates = self.metrics.endpoints.iter().enumerate();
        let candidates = candidates.map(|(i, endpoint)| {
            let paired = self
                .today
                .filter(|today| *today != i)
                .and_then(|today| self.metrics.difference(category, i, today));
            let evidence = self.evidence.as_ref().filter(|_| self.today != Some(i));
            let mut candidate = Candidate {
                endpoint,
                cell: cell(endpoint),
                paired,
                evidence: evidence.and_then(|evidence| match category {
                    Some(category) => evidence.cell(category, i),
                    None => evidence.whole(&self.shares(), i),
                }),
                todays_cost,
                margin,
                excluded: None,
            };
            if self.today != Some(i) {
                candidate.excluded = match self.today {
                    Some(today) if blocked.is_none() => excluded(
                        &candidate,
                        cell(&self.metrics.endpoints[today]),
                        self.judging,
                        pays,
                    ),
                    _ => Some(Exclusion::NothingToCompare),
                };
            }
            candidate
        });
        CategoryTable {
            name,
            share,
            category,
            margin,
            pays,
            today: self.today,
            blocked: blocked.clone(),
            held_back: None,
            candidates: candidates.collect(),
        }
    }

    /// The least saving that is worth a move, as a share of today's cost: 1 %, and what
    /// `[objective] worth` says of a month. Nothing is worth a move in a category without traffic then.
    fn pays(&self, todays_cost: Option<f64>, share: f64) -> f64 {
        let month = self.judging.requests_per_month.map(|n| n as f64 * share);
        let least = self.judging.worth.zip(month).map(|(worth, requests)| {
            let todays = todays_cost.unwrap_or(0.0) * requests;
            if todays > 0.0 { worth.to_f64() / todays } else { f64::INFINITY }
        });
        least.unwrap_or(0.0).max(PAYS)
    }

    /// The cells in which an endpoint gets this weight of a table: one, or of the pooled table one in
    /// each category, as traffic is spread.
    pub fn spread(
        &self,
        table: &CategoryTable<'_>,
        endpoint: usize,
        weight: f64,
    ) -> Vec<(usize, usize, f64)> {
        if let Some(category) = table.category {
            vec![(category, endpoint, weight)]
        } else {
            let shares = self.shares().into_iter().enumerate();
            let with_traffic = shares.filter(|(_, share)| *share > 0.0);
            with_traffic.map(|(category, share)| (category, endpoint, weight * share)).collect()
        }
    }

    /// The shares of the traffic, by category.
    pub fn shares(&self) -> Vec<f64> {
        self.metrics.categories.iter().map(|category| category.share).collect()
    }
}

impl Candidate<'_> {
    /// Dollars per task, where they are known: of today's endpoint as counted, of another what the
    /// whole run shows of it.
    pub fn cost(&self) -> Option<f64> {
        let counted = cost(self.cell)?;
        let ratio = self.evidence.as_ref().and_then(|evidence| evidence.log_cost.as_ref());
        match (ratio, self.todays_cost) {
            (Some(ratio), Some(todays)) => Some(todays * ratio.mean_exp()),
            _ => Some(counted),
        }
    }

    /// P(TTFT > the SLO's limit); 1 where it is unknown: a missing metric misses the objective.
    pub fn miss(&self) -> f64 {
        self.cell.slo_miss.map_or(1.0, |estimate| estimate.value)
    }

    /// Its quality less today's, as expected from the whole run; 0 for today's endpoint itself.
    pub fn gain(&self) -> f64 {
        self.evidence.as_ref().map_or(0.0, |evidence| evidence.difference.mean())
    }

    /// The probability of being more than the margin below today's; 0 for today's endpoint itself.
    pub fn risk(&self) -> f64 {
        self.evidence.as_ref().map_or(0.0, |evidence| 1.0 - evidence.within(self.margin))
    }

    /// The quantity that the goal minimises, per task of this category.
    ///
    /// `cheaper`: dollars, less what the quality is worth, plus what the risk costs, so that of two
    /// that cost about the same the better and surer is chosen.
    pub fn value(&self, judging: &Judging) -> f64 {
        match judging.goal {
            // Only the cost of today's endpoint can be unknown here, where it is the only choice.
            Goal::Cheaper => {
                let quality = 100.0 * POINT_IS_WORTH * self.gain();
                let risk = RISK_COSTS * self.risk();
                self.cost().unwrap_or(0.0) + self.todays_cost.unwrap_or(0.0) * (risk - quality)
            }
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

    /// Whether the risk of the whole run allows this endpoint here.
    pub fn is_open_to(&self, endpoint: usize) -> bool {
        self.held_back.is_none() || self.today == Some(endpoint)
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

    /// Whether a move to an endpoint would pay if it were shown to be within the margin.
    pub fn would_pay(&self, candidate: &Candidate<'_>, goal: Goal) -> bool {
        let Some((today, todays)) = self.today().and_then(|today| Some((today, today.cost()?)))
        else {
            return false;
        };
        let Some(cost) = candidate.cost() else { return false };
        match goal {
            Goal::Cheaper => cost < todays * (1.0 - self.pays),
            Goal::Better => candidate.gain() > PAYS_QUALITY && cost <= todays * (1.0 + 1e-9),
            Goal::Faster => {
                candidate.miss() < today.miss() * (1.0 - PAYS) && cost <= todays * (1.0 + 1e-9)
            }
        }
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
fn excluded(
    candidate: &Candidate<'_>,
    today: &Cell,
    judging: &Judging,
    pays: f64,
) -> Option<Exclusion> {
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
    shown(candidate, judging, pays)
}

/// The rules on what the whole run shows.
fn shown(candidate: &Candidate<'_>, judging: &Judging, pays: f64) -> Option<Exclusion> {
    let Some(evidence) = &candidate.evidence else { return Some(Exclusion::TooFewTasks(0)) };
    let (margin, difference) = (candidate.margin, evidence.estimate());
    let within = evidence.within(margin);
    if within <= 1.0 - SHOWN {
        return Some(Exclusion::Worse(difference, margin));
    }
    // Limits on the whole traffic may call for an endpoint that saves nothing by itself.
    let may_cost = judging.slo.is_some() || judging.max_share_provider.is_some();
    if judging.goal == Goal::Cheaper && !may_cost {
        let saving = evidence.saving().filter(|saving| saving.low <= pays);
        if let Some(saving) = saving.filter(|_| within >= SHOWN) {
            return Some(Exclusion::NotCheaper(saving));
        }
    }
    match within {
        within if within >= SHOWN => None,
        within if within >= LIKELY => Some(Exclusion::Likely(difference, margin)),
        _ => Some(Exclusion::Unproven(difference, margin)),
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
            Some("worse by more than 2 pt: −32.0 (−38.5…−25.4) pt"),
        );
        check(
            &against(mini().wrong(&[(4, 13)])),
            Some("not shown to be within 2 pt: −1.0 (−5.4…+3.4) pt"),
        );
        let better = with_goal(against(mini().wrong(&[(4, 8)])), Goal::Better);
        check(&better, None);
        let same = with_goal(against(mini()), Goal::Better);
        check(&same, None);
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
