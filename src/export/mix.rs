//! Mixes: shares of endpoints in parts per million, and the blend of two.

use std::collections::BTreeMap;

use crate::weights::PARTS;

/// Parts per million by endpoint; they sum to a million.
pub(super) type Mix = BTreeMap<String, u32>;

/// Everything to one endpoint.
pub(super) fn whole(endpoint: &str) -> Mix {
    Mix::from([(endpoint.to_owned(), PARTS)])
}

/// `share` of the new mix and the rest of the old one. What is left by rounding down goes to the
/// largest remainders, ties by name.
pub(super) fn blend(old: &Mix, new: &Mix, share: f64) -> Mix {
    let part = |mix: &Mix, name: &str| f64::from(mix.get(name).copied().unwrap_or(0));
    let mut exact: Vec<(&String, f64)> = old
        .keys()
        .chain(new.keys().filter(|name| !old.contains_key(*name)))
        .map(|name| (name, (1.0 - share) * part(old, name) + share * part(new, name)))
        .collect();
    exact.sort_by(|a, b| a.0.cmp(b.0));
    let mut mix: Mix = exact.iter().map(|(name, x)| ((*name).clone(), floor(*x))).collect();
    exact.sort_by(|a, b| b.1.fract().total_cmp(&a.1.fract()).then(a.0.cmp(b.0)));
    let missing = PARTS.saturating_sub(mix.values().sum());
    for (name, _) in exact.iter().take(usize::try_from(missing).unwrap_or(usize::MAX)) {
        *mix.get_mut(*name).expect("its own name") += 1;
    }
    mix.retain(|_, parts| *parts > 0);
    mix
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to a million")]
fn floor(parts: f64) -> u32 {
    // 0.1 × 1,000,000 is a little below 100,000 in floating point.
    (parts + 1e-6).floor() as u32
}

/// The parts divided by what divides them all: 90 % and 10 % are 9 and 1.
pub(super) fn reduced(parts: impl IntoIterator<Item = u32> + Clone) -> Vec<u64> {
    let gcd = parts.clone().into_iter().fold(0, gcd).max(1);
    parts.into_iter().map(|part| u64::from(part / gcd)).collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Parts as a share, digit for digit: `0.9`.
pub(super) fn share(parts: u32) -> String {
    let text = format!("{}.{:06}", parts / PARTS, parts % PARTS);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Parts in per cent: `90 %`.
pub(super) fn percent(parts: u32) -> String {
    let text = format!("{}.{:04}", parts / 10_000, parts % 10_000);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix(parts: &[(&str, u32)]) -> Mix {
        parts.iter().map(|(name, part)| ((*name).to_owned(), *part)).collect()
    }

    #[test]
    fn a_blend_sums_to_a_million() {
        let thirds = mix(&[("a", 333_333), ("b", 333_333), ("c", 333_334)]);
        for share in [0.0, 1e-7, 0.001, 0.1, 1.0 / 3.0, 0.5, 0.999_999, 1.0] {
            let blended = blend(&whole("a"), &thirds, share);
            assert_eq!(blended.values().sum::<u32>(), PARTS, "{share}");
            assert!(blended.values().all(|part| *part > 0), "{share}");
        }
        assert_eq!(blend(&whole("a"), &whole("b"), 0.1), mix(&[("a", 900_000), ("b", 100_000)]));
        assert_eq!(blend(&whole("a"), &whole("b"), 0.0), whole("a"));
        assert_eq!(blend(&whole("a"), &whole("b"), 1.0), whole("b"));
        assert_eq!(blend(&whole("a"), &thirds, 1.0), thirds);
    }

    #[test]
    fn parts_are_written_short() {
        assert_eq!(reduced([900_000, 100_000]), [9, 1]);
        assert_eq!(reduced([333_333, 333_333, 333_334]), [333_333, 333_333, 333_334]);
        assert_eq!(reduced([PARTS]), [1]);
        assert_eq!(
            (share(PARTS), share(900_000), share(1)),
            ("1".into(), "0.9".into(), "0.000001".into())
        );
        assert_eq!((percent(PARTS), percent(125_000)), ("100 %".into(), "12.5 %".into()));
    }
}
