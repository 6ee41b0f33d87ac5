//! The snapshots that `catalog sync` left in this folder.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

/// Where they are kept: `catalogs/<source>-<day>.toml`, or by a name of the user's.
pub(crate) const FOLDER: &str = "catalogs";

/// A file in the folder of snapshots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kept {
    /// The day in its name; `None`: its name is the user's.
    pub day: Option<Date>,
    /// Its name without the day.
    pub source: String,
    /// The file.
    pub path: PathBuf,
}

/// All that are here, the latest day last.
pub(crate) fn all() -> Vec<Kept> {
    let Ok(entries) = std::fs::read_dir(FOLDER) else { return Vec::new() };
    let mut kept: Vec<Kept> = entries.filter_map(|entry| named(&entry.ok()?.path())).collect();
    kept.sort();
    kept
}

/// A file by its name; `None`: it is no TOML.
fn named(path: &Path) -> Option<Kept> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".toml")?;
    let dated = stem.len().checked_sub("-2026-11-22".len()).and_then(|at| {
        let day = stem.get(at..)?.strip_prefix('-')?.parse::<Date>().ok()?;
        Some((&stem[..at], day))
    });
    let (source, day) = dated.map_or((stem, None), |(source, day)| (source, Some(day)));
    Some(Kept { day, source: source.to_owned(), path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_known_by_its_name() {
        let check = |name: &str, expected: Option<(&str, Option<&str>)>| {
            let found = named(&Path::new(FOLDER).join(name));
            let expected = expected.map(|(source, day)| {
                (source.to_owned(), day.map(|day| day.parse::<Date>().expect("a day")))
            });
            assert_eq!(found.map(|kept| (kept.source, kept.day)), expected, "{name}");
        };
        check("openrouter-2026-11-21.toml", Some(("openrouter", Some("2026-11-21"))));
        check("models.dev-2026-11-21.toml", Some(("models.dev", Some("2026-11-21"))));
        check("a-b-2026-11-21.toml", Some(("a-b", Some("2026-11-21"))));
        check("mine.toml", Some(("mine", None)));
        check("mine-2026-13-21.toml", Some(("mine-2026-13-21", None)));
        check("ä2026-11-21.toml", Some(("ä2026-11-21", None)));
        check("notes.txt", None);
    }
}
