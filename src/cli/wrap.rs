//! Text in lines that fit a terminal.

/// The width that every text for people keeps to.
pub(super) const COLUMNS: usize = 80;

/// A text in lines: the first at most so wide, the others so; broken at spaces where there are any.
pub(super) fn wrapped(text: &str, first: usize, others: usize) -> Vec<String> {
    let (mut lines, mut rest, mut most) = (Vec::new(), text, first);
    loop {
        let Some((end, _)) = rest.char_indices().nth(most) else {
            lines.push(rest.to_owned());
            return lines;
        };
        // A space right behind the line will do too.
        let next = rest[end..].chars().next().map_or(0, char::len_utf8);
        let cut = rest[..end + next].rfind(' ').filter(|at| !rest[..*at].trim().is_empty());
        let (line, after) = rest.split_at(cut.unwrap_or(end));
        lines.push(line.trim_end().to_owned());
        rest = after.trim_start();
        most = others;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_goes_on_below_and_nothing_is_lost() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(wrapped(text, 10, 6), expected, "{text:?}");
        };
        check("", &[""]);
        check("kind  word", &["kind  word"]);
        check("kind  word and more", &["kind  word", "and", "more"]);
        check("kind  averylongword", &["kind", "averyl", "ongwor", "d"]);
        check("ääääääääääöö", &["ääääääääää", "öö"]);
    }
}
