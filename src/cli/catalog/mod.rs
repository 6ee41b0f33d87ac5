//! `catalog …`.

mod check;
mod command;
mod diff;
mod list;
mod pick;
mod ping;

pub(super) use command::catalog;
