//! Digits with marks between them: which of them are groups and which are decimals.

/// Which mark stands before decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Convention {
    Point,
    Comma,
}

/// A run of digits, read.
pub(super) struct Grouping {
    pub whole: String,
    pub fraction: String,
    pub end: usize,
    /// The whole part and the fraction of the other reading, where one mark could be either.
    pub other: Option<(String, String)>,
    pub convention: Option<Convention>,
}

/// A mark and the digits behind it.
struct Part {
    mark: char,
    digits: String,
    end: usize,
}

/// Reads the digits at a place, or a point with digits: `1,234.5` · `1.234,5` · `1 234,5` · `12,5` ·
/// `12,34,567` · `1'234` · `1_234`. `None` for what is no quantity: `1.2.3`.
pub(super) fn read_grouping(chars: &[char], start: usize) -> Option<Grouping> {
    let digits_at = |at: usize| -> String {
        chars.get(at..).unwrap_or_default().iter().take_while(|c| c.is_ascii_digit()).collect()
    };
    let first = digits_at(start);
    let first_end = start + first.len();
    let mut parts: Vec<Part> = Vec::new();
    let mut end = first_end;
    while let Some(mark) = chars.get(end).filter(|c| matches!(c, ',' | '.' | ' ' | '\'' | '_')) {
        let digits = digits_at(end + 1);
        let is_group = digits.len() == 3;
        if digits.is_empty() || (!matches!(mark, ',' | '.') && !is_group) {
            break;
        }
        end += 1 + digits.len();
        parts.push(Part { mark: *mark, digits, end });
    }
    let is_listed = |end: usize| {
        let open = start.checked_sub(1).and_then(|at| chars.get(at));
        matches!((open, chars.get(end)), (Some('('), Some(')')) | (Some('['), Some(']')))
    };
    read_parts(&first, first_end, &parts, is_listed)
}

fn read_parts(
    first: &str,
    first_end: usize,
    parts: &[Part],
    is_listed: impl Fn(usize) -> bool,
) -> Option<Grouping> {
    let plain = |whole: &str, fraction: &str, end: usize, convention| Grouping {
        whole: whole.to_owned(),
        fraction: fraction.to_owned(),
        end,
        other: None,
        convention,
    };
    let alone = Some(plain(first, "", first_end, None));
    let Some(Part { mark, .. }) = parts.first() else { return alone };
    let run: Vec<&str> =
        parts.iter().take_while(|p| p.mark == *mark).map(|p| p.digits.as_str()).collect();
    let next = parts.get(run.len());
    let can_group = (1..=3).contains(&first.len()) && !first.starts_with('0');
    let grouped = || format!("{first}{}", run.concat());
    let run_end = parts[run.len() - 1].end;
    match mark {
        ',' | '.' => {
            let (is_comma, by_convention) = match mark {
                ',' => (true, Convention::Point),
                _ => (false, Convention::Comma),
            };
            let is_group = can_group && is_grouped(first, &run, is_comma);
            // The other mark behind it is the decimal one, unless it begins a list or a group.
            let decimal = next.filter(|_| is_group).filter(|decimal| {
                parts.get(run.len() + 1).is_none_or(|after| after.mark != decimal.mark)
                    && matches!(decimal.mark, ',' | '.')
            });
            if let Some(decimal) = decimal {
                let ends_list =
                    is_comma || parts.get(run.len() + 1).is_none_or(|after| after.mark != '.');
                if ends_list {
                    let whole = grouped();
                    return Some(plain(&whole, &decimal.digits, decimal.end, Some(by_convention)));
                }
            }
            if run.len() > 1 {
                if is_group {
                    return Some(plain(&grouped(), "", run_end, Some(by_convention)));
                }
                // "1,2,3" is a list, and "1.2.3" a version or a date.
                return if is_comma { alone } else { None };
            }
            let (digits, end) = (run[0], parts[0].end);
            let is_either = is_group && run.len() == 1;
            if is_comma {
                if is_listed(end) || next.is_some_and(|p| p.mark == '.') && !is_either {
                    return alone;
                }
                if is_either {
                    let other = Some((first.to_owned(), digits.to_owned()));
                    return Some(Grouping { other, ..plain(&grouped(), "", end, None) });
                }
                return Some(plain(first, digits, end, Some(Convention::Comma)));
            }
            let other = is_either.then(|| (grouped(), String::new()));
            let convention = if is_either { None } else { Some(Convention::Point) };
            Some(Grouping { other, ..plain(first, digits, end, convention) })
        }
        // Spaces, apostrophes and underscores group; a point or a comma behind them is decimal.
        _ if can_group => {
            let decimal = next.filter(|p| {
                matches!(p.mark, ',' | '.')
                    && parts.get(run.len() + 1).is_none_or(|after| after.mark != p.mark)
            });
            let whole = grouped();
            Some(match decimal {
                Some(part) => plain(&whole, &part.digits, part.end, None),
                None => plain(&whole, "", run_end, None),
            })
        }
        _ => alone,
    }
}

/// Whether digits are cut into groups of three, or (between commas) as in India: 12,34,567.
fn is_grouped(first: &str, run: &[&str], is_comma: bool) -> bool {
    let Some((last, middle)) = run.split_last() else { return false };
    let threes = middle.iter().all(|digits| digits.len() == 3);
    let twos = is_comma && first.len() <= 2 && middle.iter().all(|digits| digits.len() == 2);
    last.len() == 3 && (threes || twos)
}
