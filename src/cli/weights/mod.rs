//! `weights …`.

mod command;
mod diff;
mod figures;
mod lint;

pub(super) use command::weights;
