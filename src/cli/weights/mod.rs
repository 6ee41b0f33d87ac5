//! `weights …`.

mod command;
mod diff;
mod evaluate;
mod figures;
mod lint;
mod print;
mod why;

pub(super) use command::weights;
