//! `latency.csv`: the whole percentile distribution of every cell and metric.

use std::collections::BTreeMap;
use std::io;

use super::cells::{io_error, number};
use crate::aggregate::LatencyMetric;
use crate::report::model::{Latency, RunReport};
use crate::units::escape::escape_csv_formula;

/// Writes the whole file.
pub(crate) fn write<W: io::Write>(to: W, report: &RunReport) -> io::Result<()> {
    let cells = report.endpoints.iter().flat_map(|endpoint| {
        let id = endpoint.id.as_str();
        let cells = &endpoint.cells;
        let cells = cells.iter().map(move |cell| (id, cell.category.as_str(), &cell.latency));
        std::iter::once((id, "*", &endpoint.all.latency)).chain(cells)
    });
    write_cells(to, cells)
}

/// Writes the file of these cells: endpoint, category, latency by metric.
pub(super) fn write_cells<'a, W: io::Write>(
    to: W,
    cells: impl Iterator<Item = (&'a str, &'a str, &'a BTreeMap<LatencyMetric, Latency>)>,
) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(to);
    csv.write_record([
        "endpoint",
        "category",
        "metric",
        "value_us",
        "percentile",
        "count",
        "cumulative_count",
        "n",
    ])
    .map_err(io_error)?;
    for (endpoint, category, latency) in cells {
        write_cell(
            &mut csv,
            &escape_csv_formula(endpoint),
            &escape_csv_formula(category),
            latency,
        )?;
    }
    csv.flush()
}

fn write_cell<W: io::Write>(
    csv: &mut csv::Writer<W>,
    endpoint: &str,
    category: &str,
    latency: &BTreeMap<LatencyMetric, Latency>,
) -> io::Result<()> {
    for (metric, latency) in latency {
        let total: u64 = latency.slots.iter().map(|(_, count)| count).sum();
        let mut up_to = 0;
        for &(value_us, count) in &latency.slots {
            up_to += count;
            let percentile = number(100.0 * up_to as f64 / total as f64);
            csv.write_record([
                endpoint,
                category,
                metric.name(),
                &value_us.to_string(),
                &percentile,
                &count.to_string(),
                &up_to.to_string(),
                &total.to_string(),
            ])
            .map_err(io_error)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_counts_of_a_distribution_add_up() {
        let report = fixture::report(&fixture::demo());
        let mut bytes = Vec::new();
        write(&mut bytes, &report).expect("memory");
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let (mut ends, mut rows) = (0, 0);
        for row in reader.records() {
            let row = row.expect("well-formed");
            rows += 1;
            if row[6] == row[7] {
                assert_eq!(&row[4], "100");
                ends += 1;
            }
        }
        let series: usize = report
            .endpoints
            .iter()
            .flat_map(|e| std::iter::once(&e.all).chain(&e.cells))
            .map(|cell| cell.latency.len())
            .sum();
        assert_eq!(ends, series);
        assert!(rows > series);
    }
}
