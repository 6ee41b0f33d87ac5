//! The score of one answer.

/// The longest detail, in characters: one line of a wide terminal.
const MAX_DETAIL_CHARS: usize = 160;

/// The longest that anyone waits for one score. Graders bound their own steps; this is for what
/// escapes those bounds.
pub const MAX_GRADING: std::time::Duration = std::time::Duration::from_secs(30);

/// What stands beside a score that did not come in time: the answer is unscored.
pub const GRADING_ENDED: &str = "beyond a limit: the grader did not end within 30 s";

/// A grader's judgment of one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// 0..1; `None`: unscored, since nothing could be judged (no grader, an unusable reference). An
    /// answer without what was asked for, such as a number, is wrong, not unscored.
    pub value: Option<f64>,
    /// What was extracted and what was expected, at most 160 characters, without
    /// control characters.
    pub detail: String,
}

impl Score {
    fn new(value: Option<f64>, detail: &str) -> Self {
        Self { value, detail: one_line(detail, MAX_DETAIL_CHARS) }
    }

    pub(super) fn right(detail: &str) -> Self {
        Self::new(Some(1.0), detail)
    }

    pub(super) fn wrong(detail: &str) -> Self {
        Self::new(Some(0.0), detail)
    }

    pub(super) fn unscored(detail: &str) -> Self {
        Self::new(None, detail)
    }

    pub(super) fn from_match(is_match: bool, detail: &str) -> Self {
        if is_match { Self::right(detail) } else { Self::wrong(detail) }
    }

    /// Whether the answer was judged right.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.value.is_some_and(|value| value >= 1.0)
    }
}

/// A text on one line: control characters become spaces, runs of spaces one, the rest is cut.
pub(super) fn one_line(text: &str, max_chars: usize) -> String {
    let mut line = String::new();
    let mut chars = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        for c in (!line.is_empty()).then_some(' ').into_iter().chain(word.chars()) {
            if chars == max_chars {
                line.pop();
                line.push('…');
                return line;
            }
            line.push(c);
            chars += 1;
        }
    }
    line
}

/// The beginning of a text in quotes, short enough that a detail holds two of them.
pub(crate) fn quoted(text: &str) -> String {
    format!("“{}”", one_line(text, 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_short_and_clean() {
        assert_eq!(one_line("a\n\tb\u{7}c\u{1b}[0m", 60), "a b c [0m");
        assert_eq!(one_line(&"é".repeat(200), 160).chars().count(), 160);
        assert_eq!(one_line("abc", 3), "abc");
        assert_eq!(one_line("abcd", 3), "ab…");
    }
}
