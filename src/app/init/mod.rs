//! `init`: a commented `weighbridge.toml` from what is here. Keys are looked up by name; their values
//! are not read.

mod folder;
mod litellm;
mod propose;
mod run;
mod text;

pub(crate) use run::{InitOptions, init};
