//! The charts: one file per chart. Nothing outside this folder knows the drawing library.
//!
//! plotters writes SVG without asking for a font, so the same figures give the same bytes on every
//! machine. It over-measures text, so labels are placed here.

mod all;
mod canvas;
mod color;
mod frontier;
mod heat;
mod histogram;
mod mix;
mod nines;
mod place;
mod scale;

pub(super) use all::{all, of_load};
pub(super) use canvas::Chart;
pub(super) use color::style_sheet;
