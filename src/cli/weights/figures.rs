//! Figures as the tables of `weights` write them.

/// A share of 1 in whole percent, with a decimal where it is below ten: `100 %`, `7.5 %`.
pub(super) fn percent(share: f64) -> String {
    let digits = usize::from(share.abs() < 0.0995 && share.abs() > 0.0);
    unsigned_zero(format!("{:.digits$} %", share * 100.0)).replace('-', "−")
}

/// Score units in points, with a sign: `+2.1`.
pub(super) fn points(score: f64) -> String {
    signed(score * 100.0, 1)
}

/// Dollars per task as dollars per 1,000, with a sign.
pub(super) fn per_1000_change(cost: f64) -> String {
    let per_1000 = cost * 1000.0;
    signed(per_1000, digits(per_1000))
}

/// Dollars per task as dollars per 1,000.
pub(super) fn per_1000(cost: f64) -> String {
    let per_1000 = cost * 1000.0;
    format!("{:.*}", digits(per_1000), per_1000)
}

/// Three significant digits of what is below ten.
fn digits(value: f64) -> usize {
    match value.abs() {
        v if v >= 0.1 || v == 0.0 => 2,
        v if v >= 0.01 => 3,
        _ => 5,
    }
}

fn signed(value: f64, digits: usize) -> String {
    let text = format!("{value:+.digits$}");
    if text.trim_start_matches(['+', '-']).chars().all(|c| matches!(c, '0' | '.')) {
        return text.replacen(['+', '-'], "±", 1);
    }
    text.replace('-', "−")
}

fn unsigned_zero(text: String) -> String {
    if text.starts_with("-0 ") || text.starts_with("-0.0 ") {
        text.replacen('-', "", 1)
    } else {
        text
    }
}

/// A figure, or `?` where it is not known.
pub(super) fn known(value: Option<f64>, shown: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| "?".to_owned(), shown)
}

/// An endpoint's id without the author.
pub(super) fn short(endpoint: &str) -> String {
    crate::units::EndpointId::from_text(endpoint).short().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_digits_that_are_read() {
        for (share, shown) in
            [(1.0, "100 %"), (0.075, "7.5 %"), (0.0, "0 %"), (-0.2, "−20 %"), (-1e-9, "0.0 %")]
        {
            assert_eq!(percent(share), shown);
        }
        assert_eq!([points(0.021), points(-0.021), points(0.0)], ["+2.1", "−2.1", "±0.0"]);
        assert_eq!([per_1000(0.000_022), per_1000(0.0108)], ["0.022", "10.80"]);
        assert_eq!([per_1000_change(-0.000_33), per_1000_change(0.0)], ["−0.33", "±0.00"]);
        assert_eq!(known(None, percent), "?");
    }
}
