//! The server's half of every dialect: paths and requests read, answers and errors written.

pub(crate) mod answer;
pub(crate) mod request;
mod route;

pub(crate) use route::{CompletionPath, Resource, parse_path};
