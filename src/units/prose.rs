//! Numbers and lists as sentences write them.

/// `1 task`, `2,400 tasks`.
#[must_use]
pub fn pluralize(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{} {noun}s", group_thousands(n)) }
}

/// `1,234,567`.
#[must_use]
pub fn group_thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A share of 1 in percent, rounded to one decimal: `8.3 %`, `50 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    let tenths = libm::round(share * 1000.0) / 10.0;
    format!("{tenths} %")
}

/// `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn join_and<S: AsRef<str>>(items: &[S]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `30 connect, 10 reset`: counts by name, the largest first.
#[must_use]
pub fn by_count<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let mut counts: Vec<_> = counts.collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let each = counts.iter().map(|(name, n)| format!("{} {name}", group_thousands(*n)));
    each.collect::<Vec<_>>().join(", ")
}

/// `all 40 trials failed: connect`, `all 40 trials failed: 30 connect, 10 reset`.
#[must_use]
pub fn all_failed<'a>(n: u64, classes: impl Iterator<Item = (&'a str, u64)>) -> String {
    let classes: Vec<_> = classes.collect();
    let why = match classes.as_slice() {
        [] => String::new(),
        [(class, _)] => format!(": {class}"),
        _ => format!(": {}", by_count(classes.into_iter())),
    };
    match n {
        1 => format!("its one trial failed{why}"),
        _ => format!("all {} trials failed{why}", group_thousands(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_prose() {
        for (n, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(group_thousands(n), shown);
        }
        assert_eq!(
            (pluralize(1, "task"), pluralize(2, "task")),
            ("1 task".into(), "2 tasks".into())
        );
        for (share, shown) in [(0.5, "50 %"), (0.0834, "8.3 %"), (0.0004, "0 %")] {
            assert_eq!(percent(share), shown);
        }
    }

    #[test]
    fn lists_read_as_prose() {
        for (items, shown) in
            [(&["a"][..], "a"), (&["a", "b"], "a and b"), (&["a", "b", "c"], "a, b and c")]
        {
            assert_eq!(join_and(items), shown);
        }
    }
}
