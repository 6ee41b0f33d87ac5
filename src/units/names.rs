//! Matching names the way people type them.

use std::collections::BTreeSet;

/// Whether a name matches a glob: `*` is any run of characters (none included, `/` and `@`
/// included), `?` is any one character, the rest stands for itself. Case matters.
#[must_use]
pub fn glob_matches(glob: &str, name: &str) -> bool {
    let glob: Vec<char> = glob.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut g, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(&c) if c == '?' || c == name[n] => {
                g += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    g = at + 1;
                    n = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|&c| c == '*')
}

/// The names nearest to what was typed, best first, at most `most` and none that is far off. Of
/// names that are as near, the one that is listed first comes first.
#[must_use]
pub fn nearest<'a>(
    typed: &str,
    names: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Vec<&'a str> {
    let typed = typed.trim_matches(['*', '?']).to_lowercase();
    let mut seen = BTreeSet::new();
    let mut scored: Vec<(usize, &str)> = names
        .into_iter()
        .filter(|name| seen.insert(*name))
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let far = distance(&typed, &lower);
            let contained = !typed.is_empty() && lower.contains(&typed);
            let limit = (typed.chars().count().max(lower.chars().count())).div_ceil(2);
            (contained || far <= limit).then_some((if contained { far / 4 } else { far }, name))
        })
        .collect();
    scored.sort_by_key(|(far, _)| *far);
    scored.into_iter().take(most).map(|(_, name)| name).collect()
}

/// A phrase that names the nearest of some names, or all of them where none is near.
pub(crate) fn suggest(typed: &str, names: &[&str]) -> String {
    match nearest(typed, names.iter().copied(), 1).first() {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", names.join(", ")),
    }
}

/// What to say of a glob that matches none of these names: the nearest ones, else what there is.
/// A name is near when the glob's letters resemble the whole of it or its beginning.
#[must_use]
pub fn matches_none(glob: &str, names: &[&str]) -> String {
    const MOST: usize = 3;
    let mut near = nearest(glob, names.iter().copied(), MOST);
    if near.is_empty() {
        let letters = glob.trim_matches(['*', '?']).to_lowercase();
        let length = letters.chars().count();
        let far = |name: &str| {
            let beginning: String = name.to_lowercase().chars().take(length).collect();
            distance(&letters, &beginning)
        };
        near = names.iter().copied().filter(|name| far(name) <= length / 3).collect();
        near.sort_by_key(|name| (far(name), *name));
        near.dedup();
        near.truncate(MOST);
    }
    if !near.is_empty() {
        return format!("nearest: {}", near.join(", "));
    }
    match names.len() {
        0 => "there are none to choose from".to_owned(),
        n if n <= MOST => format!("there are: {}", names.join(", ")),
        n => format!("there are: {} and {} more", names[..MOST].join(", "), n - MOST),
    }
}

/// The number of single-character insertions, deletions, substitutions and swaps of neighbours
/// between two words (optimal string alignment).
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let width = b.len() + 1;
    let mut two_up = vec![0; width];
    let mut up: Vec<usize> = (0..width).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; width];
        for j in 1..width {
            let same = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (up[j] + 1).min(row[j - 1] + 1).min(up[j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(two_up[j - 2] + 1);
            }
        }
        two_up = std::mem::replace(&mut up, row);
    }
    up[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        assert!(glob_matches("acme/*", "acme/large@azure"));
        assert!(glob_matches("*mini*", "acme/mini-2@azure"));
        assert!(glob_matches("a?c", "abc"));
        assert!(glob_matches("*", ""));
        assert!(!glob_matches("acme", "acme/large"));
        assert!(!glob_matches("a*b", "acc"));
    }

    #[test]
    fn nearest_names() {
        assert_eq!(distance("concurency", "concurrency"), 1);
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(nearest("promt", ["prompt", "reference", "id"], 2), ["prompt"]);
        assert_eq!(matches_none("amce/*", &["birch/pro", "acme/large"]), "nearest: acme/large");
        assert_eq!(matches_none("zzz", &["a", "b", "c", "d"]), "there are: a, b, c and 1 more");
        assert_eq!(matches_none("zzz", &[]), "there are none to choose from");
        assert_eq!(nearest("lrage*", ["acme/large", "large", "tiny"], 1), ["large"]);
    }
}
