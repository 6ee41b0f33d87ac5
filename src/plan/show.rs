//! A plan's estimate as text of at most 80 columns.

use std::fmt::Write as _;

use crate::units::Usd;

use super::estimate::{EndpointEstimate, PlanEstimate};

/// The width that a terminal surely has.
const WIDTH: usize = 80;
/// The width of the first column.
const NAME: usize = 22;

/// Renders an estimate for `weighbridge plan`. Ends with a line break.
#[must_use]
pub fn show(plan: &PlanEstimate) -> String {
    let mut lines = vec![heading(plan), String::new()];
    lines.push(format!("{:<NAME$} {:>6}  can show a difference of", "category", "tasks"));
    for row in &plan.categories {
        lines.push(category_row(row.category.as_str(), row.tasks, row.can_show));
    }
    if plan.categories.len() > 1 {
        lines.push(category_row("all", plan.tasks, plan.can_show));
    }
    lines.push(String::new());
    let header = ["trials", "inel.", "in", "out", "expected", "at most", "min", "up to"];
    lines.push(row("endpoint", &header.map(str::to_owned)));
    lines.extend(plan.endpoints.iter().map(endpoint_row));
    if plan.endpoints.len() > 1 {
        lines.push(total_row(plan));
    }
    lines.push(String::new());
    for answer in &plan.answers {
        lines.extend(wrap(&answer.sentence()));
    }
    for sentence in notes(plan).iter().chain(&plan.assumptions) {
        lines.extend(wrap(sentence));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn heading(plan: &PlanEstimate) -> String {
    let count = |n: usize, one: &str| {
        let plural = if n == 1 { "" } else { "s" };
        format!("{} {one}{plural}", grouped(n as u128))
    };
    let mut text = format!(
        "plan · {} × {}",
        count(plan.tasks, "task"),
        count(plan.endpoints.len(), "endpoint")
    );
    if plan.repeats > 1 {
        let _ = write!(text, " × {} repeats", plan.repeats);
    }
    let _ = write!(text, " · {}", count(plan.trials, "trial"));
    if plan.ineligible > 0 {
        let _ = write!(text, " · {} ineligible", grouped(plan.ineligible as u128));
    }
    text
}

fn category_row(name: &str, tasks: usize, can_show: Option<f64>) -> String {
    let shown = match can_show {
        Some(difference) => format!("{:.1} pt", difference * 100.0),
        None => "none: too few tasks".to_owned(),
    };
    format!("{} {:>6}  {shown}", cut(name, NAME), grouped(tasks as u128))
}

fn endpoint_row(e: &EndpointEstimate) -> String {
    let dollars = |amount: Option<Usd>| match amount {
        _ if e.free => "free".to_owned(),
        Some(usd) => dollars(usd),
        None => "unknown".to_owned(),
    };
    let cells = [
        compact(e.trials),
        if e.ineligible == 0 { "–".to_owned() } else { compact(e.ineligible) },
        compact(e.input_tokens),
        compact(e.output_tokens),
        dollars(e.expected),
        dollars(e.at_most),
        minutes(e.minutes),
        e.percentiles.last().map_or("none", |name| *name).to_owned(),
    ];
    row(e.endpoint.short(), &cells)
}

fn total_row(plan: &PlanEstimate) -> String {
    let sum = |of: fn(&EndpointEstimate) -> u64| compact(plan.endpoints.iter().map(of).sum());
    // What is known is a lower bound where something is not.
    let money = |whole: Option<Usd>, of: fn(&EndpointEstimate) -> Option<Usd>| match whole {
        Some(usd) => dollars(usd),
        None => format!("≥{}", dollars(plan.endpoints.iter().filter_map(of).sum())),
    };
    let cells = [
        sum(|e| e.trials),
        if plan.ineligible == 0 { "–".to_owned() } else { sum(|e| e.ineligible) },
        sum(|e| e.input_tokens),
        sum(|e| e.output_tokens),
        money(plan.expected, |e| e.expected),
        money(plan.at_most, |e| e.at_most),
        minutes(plan.minutes),
        String::new(),
    ];
    row("total", &cells).trim_end().to_owned()
}

fn notes(plan: &PlanEstimate) -> Vec<String> {
    let mut notes: Vec<String> = upper_figure(plan).into_iter().collect();
    notes.extend(plan.caps.iter().cloned());
    let unknown: Vec<&str> = plan
        .endpoints
        .iter()
        .filter(|e| e.expected.is_none())
        .map(|e| e.endpoint.as_str())
        .collect();
    if !unknown.is_empty() {
        notes.push(format!(
            "Price unknown, so not in the total and refused under a budget: {}.",
            unknown.join(", ")
        ));
    }
    let ineligible = plan.endpoints.iter().filter(|e| e.ineligible > 0);
    let why: Vec<String> = ineligible
        .map(|e| {
            let each = e.ineligible_because.iter().map(|(why, n)| format!("{n} ({why})"));
            format!("{} {}", e.endpoint.short(), each.collect::<Vec<_>>().join(", "))
        })
        .collect();
    if !why.is_empty() {
        notes.push(format!("Ineligible: {}.", why.join("; ")));
    }
    if plan.billed_endpoints == 0 {
        notes.push("Nothing here is billed: every endpoint is free or on this machine.".to_owned());
    }
    notes.push(
        "Up to: the highest latency percentile that so many answers give, all categories together."
            .to_owned(),
    );
    notes
}

/// What the run costs if those endpoints reason of which it is not known.
fn upper_figure(plan: &PlanEstimate) -> Option<String> {
    let may: Vec<&EndpointEstimate> =
        plan.endpoints.iter().filter(|e| e.may_reason && e.up_to != e.expected).collect();
    let [first, ..] = may.as_slice() else { return None };
    let who = match may.len() {
        1 => first.endpoint.to_string(),
        n => format!("{} and {} more", first.endpoint, n - 1),
    };
    let sum = |of: fn(&EndpointEstimate) -> Option<Usd>| {
        dollars(plan.endpoints.iter().filter_map(of).sum())
    };
    Some(format!(
        "Expected {}, up to {}: {who} may reason, for the catalog does not say (supports).",
        sum(|e| e.expected),
        sum(|e| e.up_to),
    ))
}

/// A row of the endpoints' table: 78 columns where every cell fits its own.
fn row(name: &str, cells: &[String; 8]) -> String {
    const WIDTHS: [usize; 8] = [7, 6, 7, 7, 9, 9, 5, 6];
    let mut text = cut(name, NAME);
    for (cell, width) in cells.iter().zip(WIDTHS) {
        let _ = write!(text, "{cell:>width$}");
    }
    text
}

/// A name in exactly `width` columns.
fn cut(name: &str, width: usize) -> String {
    if name.chars().count() <= width {
        return format!("{name:<width$}");
    }
    let kept: String = name.chars().take(width - 1).collect();
    format!("{kept}…")
}

/// A count in at most 6 columns: 9,999 as it is, then 12.3k, 4.56M.
fn compact(n: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let n_f64 = n as f64;
    match n {
        0..10_000 => grouped(u128::from(n)),
        10_000..999_950 => format!("{:.1}k", n_f64 / 1e3),
        999_950..999_950_000 => format!("{:.1}M", n_f64 / 1e6),
        _ => format!("{:.1}G", n_f64 / 1e9),
    }
}

/// Dollars with cents where they matter.
fn dollars(usd: Usd) -> String {
    let cent = Usd::from_raw(10_i128.pow(22));
    if usd > Usd::ZERO && usd < cent {
        return "<$0.01".to_owned();
    }
    let decimals = if usd < cent.times(100_000) { 2 } else { 0 };
    let text = usd.to_fixed(decimals);
    let (whole, cents) = text.split_once('.').unwrap_or((&text, ""));
    let point = if cents.is_empty() { "" } else { "." };
    match whole.parse::<u128>() {
        Ok(n) => format!("${}{point}{cents}", grouped(n)),
        Err(_) => format!("${text}"),
    }
}

fn minutes(minutes: f64) -> String {
    match minutes {
        m if m <= 0.0 => "–".to_owned(),
        m if m < 0.95 => "<1".to_owned(),
        m => format!("{:.0}", m.ceil()),
    }
}

/// Digits in groups of three.
fn grouped(n: u128) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn wrap(sentence: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in sentence.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(format!("  {word}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Price;
    use crate::plan::estimate;
    use crate::plan::tests::{endpoint, plan_of, task};

    fn shown() -> String {
        let make = |i: usize| {
            let category = if i < 100 { "classify" } else { "a-category-with-a-long-name" };
            task(&i.to_string(), category, &"word ".repeat(100))
        };
        let mut unknown = endpoint("birch/a-model-with-a-very-long-name");
        unknown.price = Price::Unknown;
        let mut free = endpoint("cedar/small");
        free.price = Price::Free;
        free.context_window = Some(100);
        let fleet = vec![endpoint("acme/large"), unknown, free];
        let at_once = vec![16; fleet.len()];
        show(&estimate(&plan_of((0..120).map(make).collect(), fleet), &at_once, 1.0))
    }

    #[test]
    fn it_fits_a_terminal() {
        let text = shown();
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{} columns: {line}", line.chars().count());
            assert_eq!(line.trim_end(), line);
        }
        assert!(text.ends_with(".\n"));
    }

    #[test]
    fn it_reads() {
        insta::assert_snapshot!(shown());
    }

    #[test]
    fn metrics() {
        for (n, expected) in
            [(9_999, "9,999"), (12_345, "12.3k"), (999_999, "1.0M"), (45_600_000_000, "45.6G")]
        {
            assert_eq!(compact(n), expected);
        }
        for (text, expected) in [
            ("0", "$0.00"),
            ("0.004", "<$0.01"),
            ("26.15", "$26.15"),
            ("999.994", "$999.99"),
            ("1234.5", "$1,234"),
            ("1234567", "$1,234,567"),
        ] {
            assert_eq!(dollars(text.parse().expect("decimal")), expected);
        }
        assert_eq!(minutes(0.2), "<1");
        assert_eq!(minutes(1.2), "2");
    }
}
