//! `summary.csv`: one row per cell and metric, in long form.

use std::collections::BTreeMap;
use std::io;

use super::cells::{estimate, io_error, number};
use crate::aggregate::LatencyMetric;
use crate::report::model::{Cell, Estimate, Latency, LocalRatio, LocalTokens, RunReport};
use crate::report::number::percentile;
use crate::units::Usd;
use crate::units::escape::escape_csv_formula;

/// The percentiles that a run may give, in tenths of a percent.
const PERCENTILES: [u16; 5] = [500, 900, 950, 990, 999];

/// The columns, in order.
pub(super) const COLUMNS: [&str; 9] =
    ["endpoint", "category", "metric", "value", "ci_low", "ci_high", "n", "method", "unit"];

/// Writes the whole file.
pub(crate) fn write<W: io::Write>(to: W, report: &RunReport) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(to);
    csv.write_record(COLUMNS).map_err(io_error)?;
    for endpoint in &report.endpoints {
        let id = endpoint.id.as_str();
        let mut whole = Rows { csv: &mut csv, endpoint: id, category: "*" };
        whole.cell(&endpoint.all)?;
        if let Some(local) = &endpoint.local_tokens {
            whole.local(local)?;
        }
        for cell in &endpoint.cells {
            Rows { csv: &mut csv, endpoint: id, category: &cell.category }.cell(cell)?;
        }
    }
    csv.flush()
}

/// The rows of one cell.
pub(super) struct Rows<'a, W: io::Write> {
    pub csv: &'a mut csv::Writer<W>,
    pub endpoint: &'a str,
    pub category: &'a str,
}

impl<W: io::Write> Rows<'_, W> {
    fn cell(&mut self, cell: &Cell) -> io::Result<()> {
        self.counts(cell)?;
        self.estimate("quality", cell.quality.as_ref(), "share")?;
        self.vs_today(cell)?;
        self.estimate("availability", cell.availability.as_ref(), "share")?;
        self.estimate("availability_retried", cell.availability_retried.as_ref(), "share")?;
        let primed = cell.cost_cache_warmup;
        let trials = cell.counts.trials;
        self.money("cost_usd", cell.cost, trials)?;
        self.money("cost_upper_usd", cell.cost_upper, trials)?;
        self.money("cost_reported_usd", cell.cost_reported, trials)?;
        if primed.is_some() {
            self.money("cost_primed_usd", primed, trials)?;
        }
        self.count("cost_unknown", cell.cost_unknown, cell.counts.planned, "attempts")?;
        self.estimate("cost_per_task", cell.cost_per_task.as_ref(), "usd")?;
        // Where `[traffic]` states the share of cached input.
        if let Some(at_share) = &cell.at_cached_share {
            self.money("cost_at_cached_share_usd", Some(at_share.cost), at_share.trials)?;
            self.estimate("cost_per_task_at_cached_share", at_share.per_task.as_ref(), "usd")?;
        }
        self.estimate("cost_per_pass", cell.cost_per_pass.as_ref(), "usd")?;
        self.latencies(&cell.latency)?;
        self.estimate("slo_miss", cell.slo_miss.as_ref(), "share")?;
        self.tokens(cell)
    }

    fn counts(&mut self, cell: &Cell) -> io::Result<()> {
        let counts = &cell.counts;
        for (metric, count) in [
            ("trials", counts.trials),
            ("ok", counts.ok),
            ("failed", counts.failed),
            ("ineligible", counts.ineligible),
            ("skipped", counts.skipped),
            ("in_doubt", counts.in_doubt),
            ("scored", counts.scored),
            ("unscored", counts.unscored),
            ("truncated", counts.truncated),
            ("refused", counts.refused),
        ] {
            self.count(metric, count, counts.planned, "trials")?;
        }
        Ok(())
    }

    fn vs_today(&mut self, cell: &Cell) -> io::Result<()> {
        let difference = cell.vs_today.as_ref();
        self.estimate("vs_today", difference.map(|d| &d.estimate), "share")?;
        let n = difference.map_or_else(String::new, |d| d.estimate.n.to_string());
        for (metric, value, unit) in [
            ("vs_today_p", difference.map(|d| d.p), "probability"),
            ("vs_today_p_adjusted", difference.map(|d| d.p_adjusted), "probability"),
            ("vs_today_detectable", difference.map(|d| d.detectable), "share"),
        ] {
            let value = value.map(number).unwrap_or_default();
            self.row(
                metric,
                [value, String::new(), String::new(), n.clone(), String::new()],
                unit,
            )?;
        }
        Ok(())
    }

    /// A percentile under its floor is a row without a value: asked for, and not to be had.
    pub(super) fn latencies(
        &mut self,
        latency: &BTreeMap<LatencyMetric, Latency>,
    ) -> io::Result<()> {
        for metric in LatencyMetric::ALL {
            let Some(latency) = latency.get(&metric) else { continue };
            let name = metric.name();
            for key in PERCENTILES {
                let metric = format!("{name}_{}", percentile(key));
                if let Some(found) = latency.percentiles.get(&key) {
                    self.estimate(&metric, Some(found), "s")?;
                } else {
                    let n = latency.n_effective.to_string();
                    let empty = String::new;
                    let method = "order_statistics".to_owned();
                    self.row(&metric, [empty(), empty(), empty(), n, method], "s")?;
                }
            }
            for (what, value) in [("mean", latency.mean), ("max", latency.max)] {
                let cells = [
                    number(value),
                    String::new(),
                    String::new(),
                    latency.n.to_string(),
                    "exact".to_owned(),
                ];
                self.row(&format!("{name}_{what}"), cells, "s")?;
            }
        }
        Ok(())
    }

    fn tokens(&mut self, cell: &Cell) -> io::Result<()> {
        let n = cell.counts.trials;
        for (metric, sum) in [
            ("input_tokens", cell.tokens.input),
            ("cached_input_tokens", cell.tokens.cached_input),
            ("output_tokens", cell.tokens.output),
            ("reasoning_tokens", cell.tokens.reasoning),
        ] {
            self.count(metric, sum, n, "tokens")?;
        }
        for (metric, mean) in
            [("input_tokens_mean", cell.input_tokens), ("output_tokens_mean", cell.output_tokens)]
        {
            let value = mean.map(number).unwrap_or_default();
            let n = n.to_string();
            let cells = [value, String::new(), String::new(), n, "exact".to_owned()];
            self.row(metric, cells, "tokens")?;
        }
        Ok(())
    }

    /// What was counted here, in rows of its own.
    fn local(&mut self, local: &LocalTokens) -> io::Result<()> {
        let tokens = [local.input, local.output].map(|n| (local.answers > 0).then_some(n as f64));
        let [input, output] = tokens;
        let cost = local.cost.map(|cost| cost.to_string()).unwrap_or_default();
        let ratio = |of: fn(&LocalRatio) -> f64| local.ratio.as_ref().map(of);
        let shown = |value: Option<f64>| value.map(number).unwrap_or_default();
        let compared = local.ratio.map_or(0, |ratio| ratio.n);
        for (metric, value, n, unit) in [
            ("local_input_tokens", shown(input), local.answers, "tokens"),
            ("local_output_tokens", shown(output), local.answers, "tokens"),
            ("local_cost_usd", cost, local.answers, "usd"),
            ("local_to_usage_input", shown(ratio(|ratio| ratio.input)), compared, "ratio"),
            ("local_to_usage_output", shown(ratio(|ratio| ratio.output)), compared, "ratio"),
        ] {
            let method = format!("local tokenizer {}", local.vocabulary);
            self.row(metric, [value, String::new(), String::new(), n.to_string(), method], unit)?;
        }
        Ok(())
    }

    pub(super) fn count(
        &mut self,
        metric: &str,
        count: u64,
        of: u64,
        unit: &str,
    ) -> io::Result<()> {
        let cells =
            [count.to_string(), String::new(), String::new(), of.to_string(), "exact".to_owned()];
        self.row(metric, cells, unit)
    }

    pub(super) fn money(&mut self, metric: &str, amount: Option<Usd>, of: u64) -> io::Result<()> {
        let cells = [
            amount.map(|a| a.to_string()).unwrap_or_default(),
            String::new(),
            String::new(),
            of.to_string(),
            "exact".to_owned(),
        ];
        self.row(metric, cells, "usd")
    }

    pub(super) fn estimate(
        &mut self,
        metric: &str,
        found: Option<&Estimate>,
        unit: &str,
    ) -> io::Result<()> {
        let cells = found.map(estimate).unwrap_or_default();
        self.row(metric, cells, unit)
    }

    pub(super) fn row(&mut self, metric: &str, cells: [String; 5], unit: &str) -> io::Result<()> {
        let [value, low, high, n, method] = cells;
        let endpoint = escape_csv_formula(self.endpoint);
        let category = escape_csv_formula(self.category);
        let row =
            [endpoint.as_ref(), category.as_ref(), metric, &value, &low, &high, &n, &method, unit];
        self.csv.write_record(row).map_err(io_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn every_cell_has_the_same_metrics_and_money_is_exact() {
        let report = fixture::report(&fixture::demo());
        let mut bytes = Vec::new();
        write(&mut bytes, &report).expect("memory");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let cells = report.endpoints.len() * (report.categories.len() + 1);
        assert_eq!(text.lines().filter(|l| l.contains(",quality,")).count(), cells);
        let first = report.endpoints[0].id.as_str();
        let cost = report.endpoints[0].all.cost.expect("priced");
        assert!(text.contains(&format!("{first},*,cost_usd,{cost},,,")), "{text}");
        assert!(!text.contains("NaN") && !text.contains("inf"));
    }

    #[test]
    fn an_unknown_price_leaves_its_sums_empty() {
        let (mut metrics, weights) = fixture::demo();
        metrics.endpoints[0].priced = false;
        let report = RunReport::new(&metrics, &weights);
        let mut bytes = Vec::new();
        write(&mut bytes, &report).expect("memory");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let id = metrics.endpoints[0].id.as_str();
        for metric in ["cost_usd", "cost_upper_usd"] {
            assert!(text.contains(&format!("{id},*,{metric},,,,")), "{metric}");
        }
    }

    #[test]
    fn a_percentile_under_its_floor_is_empty() {
        let mut report = fixture::report(&fixture::demo());
        let cell = &mut report.endpoints[0].all;
        let ttft = cell.latency.get_mut(&LatencyMetric::Ttft).expect("measured");
        ttft.percentiles.remove(&999);
        ttft.n_effective = 400;
        let mut bytes = Vec::new();
        write(&mut bytes, &report).expect("memory");
        let text = String::from_utf8(bytes).expect("UTF-8");
        assert!(text.contains(",*,ttft_p99.9,,,,400,order_statistics,s\n"), "{text}");
    }
}
