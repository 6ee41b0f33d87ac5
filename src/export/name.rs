//! Names that a configuration defines: aliases that callers ask for, names of resources.

use std::collections::BTreeSet;

use crate::units::ContentHash;

/// The alias of the traffic without a label.
pub(super) const DEFAULT: &str = "default";

/// `suite/category`. Characters that a gateway or a shell takes for something else become dashes.
pub(super) fn alias(suite: Option<&str>, category: &str) -> String {
    match suite {
        Some(suite) => format!("{}/{}", part(suite), part(category)),
        None => part(category),
    }
}

fn part(text: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '-' };
    text.chars().map(kept).collect()
}

/// The name itself, or with a number behind it where it is taken.
pub(super) fn unused(name: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|n: u32| format!("{name}-{n}"));
    let free = std::iter::once(name.to_owned()).chain(numbered).find(|n| !taken.contains(n));
    let free = free.expect("numbers do not end");
    taken.insert(free.clone());
    free
}

/// A name of at most 63 lower-case letters, digits and dashes (RFC 1123), different for each text.
pub(super) fn label(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let dashed: String = text.chars().map(letter).collect();
    let parts: Vec<&str> = dashed.split('-').filter(|part| !part.is_empty()).collect();
    let short: String = parts.join("-").chars().take(48).collect();
    let hash = ContentHash::of(text.as_bytes()).hex();
    format!("wb-{}-{}", short.trim_end_matches('-'), &hash[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_hold_no_wildcards_and_stay_apart() {
        let mut taken = BTreeSet::new();
        let mut named = |suite, category| unused(&alias(suite, category), &mut taken);
        assert_eq!(named(Some("support"), "classify"), "support/classify");
        assert_eq!(named(Some("support"), "a*b c"), "support/a-b-c");
        assert_eq!(named(Some("support"), "a/b c"), "support/a-b-c-2");
        assert_eq!(named(None, "größe"), "größe");
    }

    #[test]
    fn labels_are_short_and_different() {
        let label = |text: &str| super::label(text);
        assert_eq!(label("Acme/Mini@azure#low"), label("Acme/Mini@azure#low"));
        assert!(label("Acme/Mini@azure").starts_with("wb-acme-mini-azure-"));
        assert_ne!(label("a/b@c"), label("a-b@c"));
        assert!(label(&"x".repeat(300)).len() <= 63);
    }
}
