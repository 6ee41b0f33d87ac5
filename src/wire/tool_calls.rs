//! The tool calls of OpenAI chat completions, put together from their deltas.
//!
//! The API gives each call an index and repeats it with each delta. Compatible servers leave the
//! index out, give every call the same one, count from 1 or from -1, repeat the name or the id
//! with every delta, or send a call as a whole.

use serde::de::IgnoredAny;

use super::answer::MAX_TOOL_CALLS;
use crate::units::ToolCall;

/// A part of a call, as a delta has it. What a delta does not have is empty.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CallPart<'a> {
    pub index: Option<i64>,
    pub id: &'a str,
    pub name: &'a str,
    pub arguments: &'a str,
    /// Whether an earlier part of the same list had this index, or both have none.
    pub is_next: bool,
}

/// Which call each index means now, by position.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<Option<i64>>);

impl Slots {
    /// Adds a part; whether it held anything.
    pub fn add(&mut self, calls: &mut Vec<ToolCall>, part: CallPart<'_>) -> bool {
        let index = part.index.filter(|index| *index >= 0);
        let part = CallPart { index, ..part };
        let at = match self.continued(calls, part) {
            Some(at) => at,
            None if calls.len() >= MAX_TOOL_CALLS => return false,
            None => {
                self.0.resize(calls.len(), None);
                self.0.push(index);
                calls.push(ToolCall::default());
                calls.len() - 1
            }
        };
        let call = &mut calls[at];
        if call.id.is_empty() {
            part.id.clone_into(&mut call.id);
        }
        extend_name(call, part.name);
        // Nothing goes on after an object that is empty: the arguments begin here. Servers that repeat
        // the call with every delta may repeat what its arguments are so far.
        let is_placeholder = matches!(call.arguments.trim(), "{}" | "null");
        let has_head = !part.name.is_empty() || !part.id.is_empty();
        let is_grown = has_head
            && !call.arguments.is_empty()
            && part.arguments.starts_with(&*call.arguments)
            && is_whole(part.arguments);
        if (is_placeholder && !part.arguments.trim().is_empty()) || is_grown {
            call.arguments.clear();
        }
        // A server that sends calls as a whole may send one twice.
        if call.arguments != part.arguments || !is_whole(part.arguments) {
            call.arguments.push_str(part.arguments);
        }
        !part.name.is_empty() || !part.arguments.is_empty()
    }

    /// The call that a part continues; `None`: it opens one.
    fn continued(&self, calls: &[ToolCall], part: CallPart<'_>) -> Option<usize> {
        if !part.id.is_empty()
            && let Some(same) = calls.iter().rposition(|call| call.id == part.id)
        {
            // Servers that give every call one id tell them apart by the index.
            let slot = self.0.get(same).copied().flatten();
            let is_other = !part.name.is_empty() && slot.is_some() && part.index.is_some();
            if !is_other || slot == part.index {
                return Some(same);
            }
            let own = self.0.iter().rposition(|slot| *slot == part.index);
            return own.filter(|at| calls.get(*at).is_some_and(|call| call.id == part.id));
        }
        let last = calls.len().checked_sub(1)?;
        let open = match part.index {
            Some(index) => match self.0.iter().rposition(|slot| *slot == Some(index)) {
                Some(at) => at,
                // A server may leave the index out until the call goes on.
                None if self.0[last].is_none() && part.name.is_empty() && part.id.is_empty() => {
                    last
                }
                None => return None,
            },
            None => last,
        };
        let call = calls.get(open)?;
        let opens = if part.name.is_empty() {
            // Some servers make up an id for every delta of a call that has an index.
            !part.id.is_empty() && !call.id.is_empty() && part.index.is_none()
        } else if !part.id.is_empty() && !call.id.is_empty() {
            true
        } else if call.name.is_empty() {
            false
        } else {
            // Without ids: a further name, or the same one after arguments that are complete.
            part.is_next
                || is_whole(&call.arguments)
                || (part.index.is_none() && !part.name.starts_with(&call.name))
        };
        (!opens).then_some(open)
    }
}

/// A name may come in pieces, again, or grown.
fn extend_name(call: &mut ToolCall, name: &str) {
    if call.name == name {
        return;
    }
    if name.starts_with(&call.name) {
        name.clone_into(&mut call.name);
    } else if call.arguments.is_empty() {
        call.name.push_str(name);
    }
}

/// Whether arguments are complete: an object.
fn is_whole(arguments: &str) -> bool {
    arguments.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(arguments).is_ok()
}

/// Arguments that are JSON in a JSON text: the inner ones.
pub(super) fn unwrap_twice(arguments: &mut String) {
    if arguments.trim_start().starts_with('"')
        && let Ok(inner) = serde_json::from_str::<String>(arguments)
        && is_whole(&inner)
    {
        *arguments = inner;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn part<'a>(
        index: Option<i64>,
        id: &'a str,
        name: &'a str,
        arguments: &'a str,
    ) -> CallPart<'a> {
        CallPart { index, id, name, arguments, is_next: false }
    }

    fn check(parts: &[CallPart<'_>], expected: &[(&str, &str, &str)]) {
        let (mut slots, mut calls) = (Slots::default(), Vec::new());
        for part in parts {
            slots.add(&mut calls, *part);
        }
        let calls: Vec<_> = calls.iter().map(|c| (&*c.id, &*c.name, &*c.arguments)).collect();
        assert_eq!(calls, expected, "{parts:?}");
    }

    #[test]
    fn calls_are_told_apart_however_they_are_numbered() {
        let two = [("a", "f", r#"{"x":1}"#), ("b", "f", r#"{"x":2}"#)];
        let whole = |first, second| {
            [part(first, "a", "f", r#"{"x":1}"#), part(second, "b", "f", r#"{"x":2}"#)]
        };
        check(&whole(Some(0), Some(1)), &two);
        check(&whole(Some(0), Some(0)), &two);
        check(&whole(Some(1), Some(2)), &two);
        check(&whole(Some(-1), Some(-1)), &two);
        check(&whole(None, None), &two);
        check(&whole(Some(7), None), &two);
        let pieces = |index: Option<i64>, other: Option<i64>| {
            [
                part(index, "a", "f", ""),
                part(index, "", "", r#"{"x":"#),
                part(index, "", "", "1}"),
                part(other, "b", "f", ""),
                part(other, "", "", r#"{"x":2}"#),
            ]
        };
        check(&pieces(Some(0), Some(1)), &two);
        check(&pieces(Some(0), Some(0)), &two);
        check(&pieces(None, None), &two);
        check(&pieces(Some(-1), Some(-1)), &two);
        // Taking turns.
        check(
            &[
                part(Some(0), "a", "f", r#"{"x""#),
                part(Some(1), "b", "f", r#"{"x""#),
                part(Some(0), "", "", ":1}"),
                part(Some(1), "", "", ":2}"),
            ],
            &two,
        );
    }

    #[test]
    fn what_is_repeated_is_not_appended() {
        let one = [("a", "f", r#"{"x":1}"#)];
        let named = |index, id| [part(index, "a", "f", r#"{"x":"#), part(index, id, "f", "1}")];
        check(&named(Some(0), "a"), &one);
        check(&named(Some(0), ""), &one);
        check(&named(None, "a"), &one);
        check(&named(None, ""), &one);
        check(&[part(Some(0), "a", "f", r#"{"x":1}"#); 2], &one);
        // An id of its own with every delta, and no name.
        check(
            &[
                part(Some(0), "a", "f", ""),
                part(Some(0), "z", "", r#"{"x":"#),
                part(Some(0), "y", "", "1}"),
            ],
            &one,
        );
        check(
            &[part(Some(0), "a", "look", ""), part(Some(0), "", "_up", "{}")],
            &[("a", "look_up", "{}")],
        );
        check(
            &[part(Some(0), "a", "look", ""), part(Some(0), "", "look_up", "{}")],
            &[("a", "look_up", "{}")],
        );
        check(&[part(None, "a", "f", ""), part(Some(0), "", "", "{}")], &[("a", "f", "{}")]);
    }

    #[test]
    fn calls_without_ids_are_told_apart_by_what_is_complete() {
        let two = [("", "f", "{}"), ("", "f", "{}")];
        check(&[part(None, "", "f", "{}"), part(None, "", "f", "{}")], &two);
        let none = [("", "f", ""), ("", "f", "")];
        let next = CallPart { is_next: true, ..part(None, "", "f", "") };
        check(&[part(None, "", "f", ""), next], &none);
        let next = CallPart { is_next: true, ..part(None, "", "f", "{}") };
        check(&[part(None, "", "f", "{}"), next], &two);
        check(
            &[part(None, "", "f", r#"{"x":1}"#), part(None, "", "f", r#"{"x":2}"#)],
            &[("", "f", r#"{"x":1}"#), ("", "f", r#"{"x":2}"#)],
        );
        check(
            &[part(None, "", "f", ""), part(None, "", "g", "{}")],
            &[("", "f", ""), ("", "g", "{}")],
        );
    }

    #[test]
    fn arguments_that_are_wrapped_twice_are_unwrapped() {
        let check = |said: &str, expected: &str| {
            let mut arguments = said.to_owned();
            unwrap_twice(&mut arguments);
            assert_eq!(arguments, expected);
        };
        check(r#""{\"x\":1}""#, r#"{"x":1}"#);
        check(r#"{"x":1}"#, r#"{"x":1}"#);
        check(r#""text""#, r#""text""#);
        check(r#""{broken""#, r#""{broken""#);
    }
}
