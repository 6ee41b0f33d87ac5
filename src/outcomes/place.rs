//! Where an outcome stands, for messages.

use std::fmt;

/// A file, and a place in it.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    pub file: &'a str,
    pub part: Part<'a>,
}

/// A place in a file.
#[derive(Clone, Debug)]
pub(super) enum Part<'a> {
    /// A line, from 1.
    Line(u64),
    /// A member of a list, by its path: `results.results[3]`.
    Item(&'static str, usize),
    /// A file in an archive.
    Entry(&'a str),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file;
        match &self.part {
            Part::Line(line) => write!(f, "{file}:{line}"),
            Part::Item(list, i) => write!(f, "{file}: {list}[{i}]"),
            Part::Entry(name) => write!(f, "{file}: {name}"),
        }
    }
}
