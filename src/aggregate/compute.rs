//! From the rows of a run to its metrics, in one pass.
//!
//! Trials come cell by cell and, within a cell, in the order of their keys, which do not depend on
//! how the run was interleaved or split. So the sums, and every digit that rests on them, do not
//! either; and the histograms of two sets of trials are all that is held at a time.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::failures::FailureTally;
use super::run::{Run, Unit, settled};
use super::tally::{Tally, cost_of_task};
use super::timing::Timing;
use super::unpassed::unpassed;
use super::{
    AggregateError, BilledFactor, Cell, Counts, Damage, EndpointMetrics, RoutingCounts, RunMetrics,
    ScoreTable, at_traffic, cached_share, compare, local,
};
use crate::catalog::Price;
use crate::stats::proportion::{TaskScore, mean_score};
use crate::stats::{Estimate, Level};
use crate::store::{Order, Reader, TrialRow, TrialStatus};
use crate::units::Usd;

/// The metrics of the run in this folder, finished or not.
pub fn compute_metrics(dir: &Path) -> Result<RunMetrics, AggregateError> {
    let reader = Reader::open(dir)?;
    let run = Run::read(&reader)?;
    if run.manifest.load.is_some() {
        return Err(AggregateError::IsLoad(dir.display().to_string()));
    }
    let planned: u64 = reader.status_counts()?.values().sum();
    let mut pass = Pass::new(&run)?;
    reader.for_each_trial(Order::Cell, |row| {
        pass.visit(row);
        Ok::<(), AggregateError>(())
    })?;
    let mut metrics = pass.finish();
    // A broken disk or another program can take a trial's task or endpoint.
    let trials = planned.saturating_sub(metrics.counts.planned);
    metrics.damage = Damage { rows: reader.damaged_rows(), trials };
    metrics.unpassed =
        unpassed(&reader, &metrics.categories, &metrics.endpoints, &run.category_of)?;
    if metrics.endpoints.iter().any(|endpoint| endpoint.uncounted > 0) {
        if reader.keeps_content()? {
            #[cfg(feature = "tokenizer")]
            count_tokens(&reader, &run, &mut metrics.endpoints)?;
        } else {
            metrics.endpoints.iter_mut().for_each(|endpoint| endpoint.uncounted = 0);
        }
    }
    Ok(metrics)
}

/// Counts the tokens of answers without usage.
#[cfg(feature = "tokenizer")]
fn count_tokens(
    reader: &Reader,
    run: &Run,
    endpoints: &mut [EndpointMetrics],
) -> Result<(), AggregateError> {
    let local = super::token_counter::tokens(reader, &run.endpoints)?;
    for (endpoint, local) in endpoints.iter_mut().zip(local) {
        endpoint.local = Some(local);
    }
    Ok(())
}

/// What the pass over the rows holds.
struct Pass<'a> {
    run: &'a Run,
    /// The wall-clock time of the run's anchor.
    started: Timestamp,
    units: Vec<Unit>,
    endpoints: Vec<EndpointMetrics>,
    table: ScoreTable,
    simulated: bool,
    failures: FailureTally,
    /// The cell whose rows are passing: endpoint, category.
    at: Option<(usize, usize)>,
    cell: Tally,
    row: Tally,
    /// Of the endpoint whose rows are passing, by task: Σ score, scored repeats.
    scores: Vec<(f64, u32)>,
    /// Of the same endpoint: what an answer was charged over what it costs by the prices.
    billed: Vec<f64>,
    /// Likewise: Σ dollars, trials whose cost is known.
    costs: Vec<(f64, u32)>,
}

impl<'a> Pass<'a> {
    fn new(run: &'a Run) -> Result<Self, AggregateError> {
        let endpoints = run.endpoints.iter().map(|stored| EndpointMetrics {
            id: stored.endpoint.id.clone(),
            model: stored.endpoint.model.clone(),
            provider: stored.endpoint.provider.name.clone(),
            priced: stored.endpoint.price != Price::Unknown,
            limits: stored.endpoint.limits,
            all: Cell::default(),
            cells: vec![Cell::default(); run.categories.len()],
            uncounted: 0,
            local: None,
            served: RoutingCounts {
                pin: stored.endpoint.provider.pin().map(str::to_owned),
                by: BTreeMap::new(),
            },
            billed_factor: None,
        });
        Ok(Self {
            run,
            started: run.started()?,
            units: run.units(),
            endpoints: endpoints.collect(),
            table: ScoreTable::new(run.scored_tasks(), run.endpoints.len()),
            simulated: false,
            failures: FailureTally::default(),
            at: None,
            cell: Tally::default(),
            row: Tally::default(),
            scores: vec![(0.0, 0); run.tasks.len()],
            billed: Vec::new(),
            costs: vec![(0.0, 0); run.tasks.len()],
        })
    }

    fn visit(&mut self, row: &TrialRow) {
        let (endpoint, task) = (row.endpoint as usize, row.task as usize);
        if !self.run.has(row) {
            return;
        }
        let category = self.run.category_of[task];
        if self.at != Some((endpoint, category)) {
            self.end_cell();
            if self.at.is_some_and(|(before, _)| before != endpoint) {
                self.end_endpoint();
            }
            self.at = Some((endpoint, category));
        }
        self.simulated |= row.simulated;
        self.endpoints[endpoint].uncounted += u64::from(local::is_uncounted(row));
        let status = settled(row);
        let timing = Timing::of(row, &self.run.endpoints[endpoint].endpoint);
        let judging = &self.run.manifest.judging;
        let spec = &self.run.endpoints[endpoint].endpoint;
        let projected = judging
            .cached_input
            .map(|share| cached_share::cost(row, status, spec, share, self.started));
        for tally in [&mut self.cell, &mut self.row] {
            tally.record(row, status, timing.as_ref(), self.units[task], judging.slo);
            if let Some(cost) = projected {
                tally.project(status, cost, self.units[task]);
            }
        }
        if status == TrialStatus::Failed {
            self.failures.record(endpoint, row);
        }
        let answer = row.attempt.as_ref().filter(|_| status == TrialStatus::Ok);
        if let Some(name) = answer.and_then(|attempt| attempt.served_by.as_ref()) {
            *self.endpoints[endpoint].served.by.entry(name.clone()).or_default() += 1;
        }
        let both = answer.and_then(|attempt| attempt.cost_reported.zip(attempt.cost));
        if let Some((charged, cost)) = both.filter(|(_, cost)| *cost > Usd::ZERO) {
            self.billed.push(charged.to_f64() / cost.to_f64());
        }
        if let (TrialStatus::Ok, Some(Some(score))) = (status, row.score) {
            let (sum, n) = &mut self.scores[task];
            *sum += score;
            *n += 1;
        }
        if let Some(cost) = cost_of_task(row, status) {
            let (sum, n) = &mut self.costs[task];
            *sum += cost;
            *n += 1;
        }
    }

    fn end_cell(&mut self) {
        let Some((endpoint, category)) = self.at else { return };
        let tally = std::mem::take(&mut self.cell);
        let quality = self.quality(Some(category));
        let metrics = &mut self.endpoints[endpoint];
        metrics.cells[category] = Cell { quality, ..tally.finish(metrics.priced) };
    }

    fn end_endpoint(&mut self) {
        let Some((endpoint, _)) = self.at else { return };
        let tally = std::mem::take(&mut self.row);
        let quality = self.quality(None);
        let metrics = &mut self.endpoints[endpoint];
        metrics.billed_factor = BilledFactor::of(std::mem::take(&mut self.billed));
        metrics.all = Cell { quality, ..tally.finish(metrics.priced) };
        for (task, (sum, n)) in self.scores.iter_mut().enumerate() {
            if *n > 0 {
                self.table.set(task, endpoint, Some(*sum / f64::from(*n)));
            }
            (*sum, *n) = (0.0, 0);
        }
        let priced = self.endpoints[endpoint].priced;
        for (task, (sum, n)) in self.costs.iter_mut().enumerate() {
            if *n > 0 && priced {
                self.table.set_cost(task, endpoint, Some(*sum / f64::from(*n)));
            }
            (*sum, *n) = (0.0, 0);
        }
    }

    /// The mean score over the tasks of a category (`None`: all) that this endpoint was scored on.
    fn quality(&self, category: Option<usize>) -> Option<Estimate> {
        let of_category = |task: usize| category.is_none_or(|c| self.run.category_of[task] == c);
        let tasks: Vec<TaskScore> = self
            .scores
            .iter()
            .enumerate()
            .filter(|(task, (_, n))| *n > 0 && of_category(*task))
            .map(|(task, (sum, n))| TaskScore {
                mean: sum / f64::from(*n),
                repeats: *n,
                cluster: self.run.cluster_of[task],
            })
            .collect();
        mean_score(&tasks, Level::P95)
    }

    fn finish(mut self) -> RunMetrics {
        self.end_cell();
        self.end_endpoint();
        let run = self.run;
        let mut tasks_in = vec![0; run.categories.len()];
        run.category_of.iter().for_each(|&category| tasks_in[category] += 1);
        let judging = &run.manifest.judging;
        let categories = compare::categories(&run.categories, &tasks_in, judging);
        let mut endpoints = self.endpoints;
        // The row of an endpoint is weighted as traffic is, stated or assumed: one definition, so
        // that the rows, the differences and what a mix is expected to give agree. One category
        // is all of it.
        if categories.len() > 1 {
            let graded = compare::traffic(&categories, &endpoints, |cell| cell.quality);
            let billed = compare::traffic(&categories, &endpoints, |cell| cell.cost_per_task);
            for EndpointMetrics { all, cells, .. } in &mut endpoints {
                all.quality = compare::mixture(&graded, cells.iter().map(|c| c.quality));
                all.cost_per_task =
                    compare::mixture(&billed, cells.iter().map(|c| c.cost_per_task));
                if let Some(whole) = &mut all.at_cached_share {
                    let parts = cells.iter().map(|c| c.at_cached_share.and_then(|p| p.per_task));
                    whole.per_task = compare::mixture(&billed, parts);
                }
                // Σ cost over Σ score of easier work is no price of a pass either.
                all.cost_per_pass = all.cost_per_pass.filter(|_| all.cost_per_task.is_some());
            }
        }
        let scores = self.table;
        let today = compare::today(judging, &categories, &endpoints, &scores);
        let specs: Vec<_> = run.endpoints.iter().map(|stored| &stored.endpoint).collect();
        at_traffic::project(&mut endpoints, &specs, &run.categories, judging, &today);
        let compared = today.apart.then(|| scores.without_choice());
        let compared = compared.as_ref().unwrap_or(&scores);
        compare::against_today(&mut endpoints, &categories, compared, &today);
        RunMetrics {
            simulated: self.simulated,
            counts: endpoints.iter().fold(Counts::default(), |sum, e| sum.and(&e.all.counts)),
            cost: endpoints.iter().map(|endpoint| endpoint.all.cost).sum::<Usd>(),
            cost_upper: endpoints.iter().map(|endpoint| endpoint.all.cost_upper).sum::<Usd>(),
            manifest: run.manifest.clone(),
            today,
            categories,
            endpoints,
            scores,
            unpassed: Vec::new(),
            failures: self.failures.finish(|endpoint| &run.endpoints[endpoint].endpoint),
            damage: Damage::default(),
        }
    }
}
