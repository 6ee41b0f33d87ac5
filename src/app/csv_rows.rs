//! Rows as CSV.

use serde::Serialize;

use crate::units::escape::escape_csv_formula;

/// Rows as CSV, with a header. Nothing in it is a formula: a cell that begins like one is text, except
/// where all of it is a number.
pub(crate) fn csv_of<T: Serialize>(rows: &[T]) -> Result<String, csv::Error> {
    let mut cells = csv::Writer::from_writer(Vec::new());
    for row in rows {
        cells.serialize(row)?;
    }
    let cells = cells.into_inner().map_err(csv::IntoInnerError::into_error)?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let safe = |cell: &str| match cell.parse::<f64>() {
        Ok(_) => cell.to_owned(),
        Err(_) => escape_csv_formula(cell).into_owned(),
    };
    for row in csv::ReaderBuilder::new().has_headers(false).from_reader(cells.as_slice()).records()
    {
        writer.write_record(row?.iter().map(safe))?;
    }
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8(bytes).expect("made of strings"))
}
