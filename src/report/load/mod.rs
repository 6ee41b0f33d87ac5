//! The report of a load run: the screen, the page, the Markdown summary, the charts, the CSV
//! files, the interval log.

mod interval_log;
mod load_text;
mod markdown;
mod page;
mod screen;
mod sweep;
#[cfg(test)]
mod tests;
mod write;

pub use interval_log::interval_log;
pub use screen::answer;
pub use sweep::{SweepStep, sweep_answer, write_sweep};
pub use write::write;
