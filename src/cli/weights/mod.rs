//! `weights …`.

mod command;
mod diff;
mod evaluate;
mod figures;
mod lint;
mod why;

pub(super) use command::weights;
