//! `latency.csv`: the whole percentile distribution of every cell and metric.

use std::io;

use super::{io_error, number, text};
use crate::aggregate::{Cell, Figures};

/// Writes the whole file.
pub(in crate::report) fn write<W: io::Write>(to: W, figures: &Figures) -> io::Result<()> {
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
    for endpoint in &figures.endpoints {
        let id = text(endpoint.id.as_str());
        write_cell(&mut csv, &id, "*", &endpoint.all)?;
        for (category, cell) in figures.categories.iter().zip(&endpoint.cells) {
            write_cell(&mut csv, &id, &text(category.name.as_str()), cell)?;
        }
    }
    csv.flush()
}

fn write_cell<W: io::Write>(
    csv: &mut csv::Writer<W>,
    endpoint: &str,
    category: &str,
    cell: &Cell,
) -> io::Result<()> {
    for (metric, latency) in &cell.latency {
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
        let (figures, _) = fixture::demo();
        let mut bytes = Vec::new();
        write(&mut bytes, &figures).expect("memory");
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
        let series: usize = figures
            .endpoints
            .iter()
            .flat_map(|e| std::iter::once(&e.all).chain(&e.cells))
            .map(|cell| cell.latency.len())
            .sum();
        assert_eq!(ends, series);
        assert!(rows > series);
    }
}
