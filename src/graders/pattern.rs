//! Regular expressions whose time and memory are bounded: they match in linear time, their compiled size
//! is limited, and so is its product with the length of a text.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex::{Regex, RegexBuilder};

use super::target::GradingError;

/// The largest compiled pattern, in bytes: enough for any hand-written one, and small enough that
/// a suite of them fits in memory.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// The sizes that are told apart, in bytes.
const SIZES: [usize; 4] = [1 << 14, 1 << 16, 1 << 18, MAX_BYTES];

/// The most bytes of pattern times bytes of text: in the worst case, a state of some 32 bytes takes a
/// nanosecond for each byte of the text, so this is a second or two.
const MAX_WORK: u64 = 1 << 35;

/// A compiled pattern.
pub(super) struct BoundedPattern {
    regex: Regex,
    /// Its compiled size in bytes, rounded up to one of [`SIZES`].
    size: usize,
}

impl BoundedPattern {
    pub fn compile(text: &str) -> Result<Self, GradingError> {
        let build = |size: usize| RegexBuilder::new(text).size_limit(size).build();
        let mut result = build(SIZES[0]).map(|regex| Self { regex, size: SIZES[0] });
        for size in &SIZES[1..] {
            if !matches!(result, Err(regex::Error::CompiledTooBig(_))) {
                break;
            }
            result = build(*size).map(|regex| Self { regex, size: *size });
        }
        result.map_err(|error| GradingError::Reference(describe(text, &error)))
    }

    /// Whether a text matches; an error where that could take too long.
    pub fn is_match(&self, text: &str) -> Result<bool, GradingError> {
        let work = (self.size as u64).saturating_mul(text.len() as u64);
        if work > MAX_WORK {
            let limit = MAX_WORK / self.size as u64;
            return Err(GradingError::Limit(format!(
                "the answer has {} bytes, and this pattern is searched in at most {limit}; make the pattern smaller (fewer counted repeats such as {{1,500}})",
                text.len()
            )));
        }
        Ok(self.regex.is_match(text))
    }

    /// The work of a search in a text of so many bytes, in steps of a microsecond.
    pub const fn steps(&self, bytes: usize) -> u64 {
        (self.size as u64 / 32).saturating_mul(bytes as u64) / 1_000
    }
}

/// Why a pattern is refused.
pub(super) fn describe(text: &str, error: &regex::Error) -> String {
    if let regex::Error::CompiledTooBig(limit) = error {
        let shown = super::score::quoted(text);
        return format!(
            "the pattern {shown} needs more than {limit} bytes; use fewer or smaller counted repeats such as {{1,500}}"
        );
    }
    let message = error.to_string();
    let reason = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
    format!("`{text}` is no regular expression: {reason}")
}

/// The most compiled patterns that a thread keeps. A suite has a few hundred; a full cache is
/// emptied.
pub(super) const MAX_CACHED: usize = 1_024;

thread_local! {
    static CACHE: RefCell<HashMap<String, Rc<BoundedPattern>>> = RefCell::new(HashMap::new());
}

/// A compiled pattern from the cache: the same few judge every answer of a run.
pub(super) fn cached_pattern(text: &str) -> Result<Rc<BoundedPattern>, GradingError> {
    CACHE.with_borrow_mut(|cache| {
        if let Some(compiled) = cache.get(text) {
            return Ok(Rc::clone(compiled));
        }
        let compiled = Rc::new(BoundedPattern::compile(text)?);
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(text.to_owned(), Rc::clone(&compiled));
        Ok(compiled)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_and_work_are_bounded() {
        let error = BoundedPattern::compile("(?:a{1,500}){1,500}").err().expect("too large");
        insta::assert_snapshot!(error.to_string(), @"unusable reference: the pattern “(?:a{1,500}){1,500}” needs more than 1048576 bytes; use fewer or smaller counted repeats such as {1,500}");
        let large = BoundedPattern::compile("(?:ab?){1,5000}c").expect("within the limit");
        assert_eq!(large.is_match(&"ab".repeat(100)), Ok(false));
        let error = large.is_match(&"ab".repeat(4 << 20)).unwrap_err().to_string();
        assert!(error.starts_with("beyond a limit: the answer has 8388608 bytes"), "{error}");
        let small = BoundedPattern::compile("^a+$").expect("small");
        assert_eq!(small.is_match(&"a".repeat(1 << 20)), Ok(true));
    }
}
