//! What a model would say to a task: a right answer, and a plausible wrong one.
//!
//! The simulator answers with these, and `suite check` proves with them that a grader can tell.

use serde_json::{Map, Value};

use super::decimal::Decimal;
use super::number::Number;
use super::reference::{self, ExpectedCall};
use super::{GraderSpec, Task};

/// An answer as a model gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum Sample {
    /// In words.
    Text(String),
    /// As tool calls: names and arguments.
    ToolCalls(Vec<(String, Value)>),
}

/// What a model says that does not know: the first that the reference does not happen to ask for.
const UNSURE: [&str; 3] = ["I am not sure.", "Nobody knows.", "…"];

/// What a model says that needs no tool.
const NO_CALL: &str = "None of the tools fits this request.";

/// A right answer: the task's own `answer`, else one made from the reference. `None` where the
/// reference does not give one away (a pattern, a schema alone, no grader).
#[must_use]
pub fn right(task: &Task) -> Option<Sample> {
    if let Some(answer) = &task.answer {
        return stated(answer);
    }
    let reference = task.reference.as_ref()?;
    Some(Sample::Text(match &task.grader {
        GraderSpec::Exact { .. } => reference::text(reference)?,
        GraderSpec::OneOf { .. } => reference::texts(reference)?.into_iter().next()?,
        GraderSpec::Contains { .. } => reference::texts(reference)?.join(" "),
        GraderSpec::Number { .. } => answer_is(&reference::number(reference)?),
        GraderSpec::Choice {} => format!("Answer: {}", reference::letter(reference)?),
        GraderSpec::Json {} => reference.to_string(),
        GraderSpec::ToolCall {} => return Some(calls_sample(&reference::calls(reference).ok()?)),
        GraderSpec::Regex {} | GraderSpec::None {} => return None,
    }))
}

/// A plausible wrong answer: the task's own `wrong`, else a slip of the kind that models make.
/// `all` are the tasks of the suite, whose references lend wrong labels; `pick` chooses among the
/// slips. `None` where nothing is graded.
#[must_use]
pub fn wrong(task: &Task, all: &[Task], pick: u64) -> Option<Sample> {
    if let Some(wrong) = &task.wrong {
        return stated(wrong);
    }
    let slip = match (&task.grader, &task.reference) {
        (GraderSpec::None {}, _) => return None,
        (GraderSpec::Number { tolerance }, Some(reference)) => {
            let tolerance = tolerance.as_deref().and_then(Decimal::parse);
            reference::number(reference)
                .map(|right| Sample::Text(answer_is(&off_by(&right, tolerance, pick))))
        }
        (GraderSpec::Choice {}, Some(reference)) => reference::letter(reference)
            .map(|right| Sample::Text(format!("Answer: {}", other_letter(right, all, pick)))),
        (GraderSpec::Exact { .. } | GraderSpec::OneOf { .. }, Some(reference)) => {
            other_label(task, reference, all, pick).map(Sample::Text)
        }
        (GraderSpec::Json {}, Some(reference)) => {
            changed(reference, pick).map(|value| Sample::Text(value.to_string()))
        }
        (GraderSpec::ToolCall {}, Some(reference)) => {
            reference::calls(reference).ok().map(|calls| other_calls(&calls, task, pick))
        }
        _ => None,
    };
    Some(slip.unwrap_or_else(|| Sample::Text(unsure(task).to_owned())))
}

/// Words that say nothing, and that the task's reference does not take.
fn unsure(task: &Task) -> &'static str {
    let texts = task.reference.as_ref().and_then(reference::texts).unwrap_or_default();
    let taken = |said: &str| match &task.grader {
        GraderSpec::Contains { .. } => {
            let said = said.to_lowercase();
            texts.iter().all(|text| said.contains(&text.to_lowercase()))
        }
        GraderSpec::Regex {} => {
            texts.iter().all(|text| reference::pattern(text).is_ok_and(|p| p.is_match(said)))
        }
        _ => texts.iter().any(|text| text.trim().eq_ignore_ascii_case(said)),
    };
    UNSURE.into_iter().find(|said| !taken(said)).unwrap_or(UNSURE[2])
}

/// An answer that the task states.
fn stated(answer: &Value) -> Option<Sample> {
    match answer {
        Value::Array(_) => Some(calls_sample(&reference::calls(answer).ok()?)),
        other => reference::text(other).map(Sample::Text),
    }
}

fn answer_is(number: &Number) -> String {
    format!("The answer is {number}.")
}

/// One of `n` by `pick`.
fn index(pick: u64, n: usize) -> usize {
    usize::try_from(pick % n.max(1) as u64).expect("below a usize")
}

/// Another number: off by one, by ten, doubled, or with the sign lost; beyond the tolerance.
fn off_by(right: &Number, tolerance: Option<Decimal>, pick: u64) -> Number {
    let tolerance = tolerance.unwrap_or_else(Decimal::zero);
    let two = Decimal::whole(2);
    let ten = Decimal::whole(10);
    let unit = right.unit();
    let slips = [
        right.plus(&unit),
        right.plus(&unit.negated()),
        right.times(&two),
        right.plus(&unit.times(&ten)),
        right.plus(&unit.times(&ten).negated()),
        right.times(&Decimal::whole(1).negated()),
    ];
    let start = index(pick, slips.len());
    slips
        .iter()
        .cycle()
        .skip(start)
        .take(slips.len())
        .find(|slip| !slip.within(right, &tolerance))
        .cloned()
        .unwrap_or_else(|| right.plus(&tolerance.times(&two).plus(&unit)))
}

/// Another letter among those that the suite's references use, A to D at least.
fn other_letter(right: char, all: &[Task], pick: u64) -> char {
    let used = all
        .iter()
        .filter(|task| matches!(task.grader, GraderSpec::Choice {}))
        .filter_map(|task| task.reference.as_ref().and_then(reference::letter));
    let last = used.fold('D'.max(right), char::max);
    let others: Vec<char> = ('A'..=last).filter(|letter| *letter != right).collect();
    others[index(pick, others.len())]
}

/// Another task's reference, from the same category where it has another.
fn other_label(task: &Task, right: &Value, all: &[Task], pick: u64) -> Option<String> {
    let folded = |text: &str| text.trim().to_lowercase();
    let right: Vec<String> = reference::texts(right)?.iter().map(|text| folded(text)).collect();
    let start = index(pick, all.len());
    let candidates = || {
        let (before, after) = all.split_at(start.min(all.len()));
        after.iter().chain(before).filter(|other| {
            matches!(other.grader, GraderSpec::Exact { .. } | GraderSpec::OneOf { .. })
        })
    };
    let label = |other: &Task| {
        let texts = reference::texts(other.reference.as_ref()?)?;
        texts.into_iter().next().filter(|text| !right.contains(&folded(text)))
    };
    candidates()
        .filter(|other| other.category == task.category)
        .find_map(label)
        .or_else(|| candidates().find_map(label))
}

/// The same JSON with one of its leaves changed; `None` for an empty object or list.
fn changed(reference: &Value, pick: u64) -> Option<Value> {
    let mut pointers = Vec::new();
    leaves(reference, String::new(), &mut pointers);
    let pointer = pointers.get(index(pick, pointers.len()))?;
    let mut value = reference.clone();
    let leaf = value.pointer_mut(pointer)?;
    *leaf = slip_of(leaf);
    Some(value)
}

fn leaves(value: &Value, at: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                let key = key.replace('~', "~0").replace('/', "~1");
                leaves(inner, format!("{at}/{key}"), pointers);
            }
        }
        Value::Array(list) => {
            for (idx, inner) in list.iter().enumerate() {
                leaves(inner, format!("{at}/{idx}"), pointers);
            }
        }
        _ => pointers.push(at),
    }
}

/// A value like this one that is not it.
fn slip_of(value: &Value) -> Value {
    match value {
        Value::Null => Value::from("unknown"),
        Value::Bool(truth) => Value::from(!truth),
        Value::Number(number) => match number.as_i64().and_then(|n| n.checked_add(1)) {
            Some(next) => Value::from(next),
            None => Value::from(number.as_f64().map_or(0.0, |n| n / 2.0 + 1.5)),
        },
        Value::String(text) => match text.rsplit_once(' ') {
            // A name or a phrase that is cut short is the slip that extraction makes.
            Some((head, _)) if !head.trim().is_empty() => Value::from(head),
            _ if text.is_empty() => Value::from("unknown"),
            _ => Value::from(format!("{text} or so")),
        },
        Value::Array(_) | Value::Object(_) => Value::Null,
    }
}

/// The calls of a reference, each argument at its first alternative.
fn calls_sample(calls: &[ExpectedCall]) -> Sample {
    if calls.is_empty() {
        return Sample::Text(NO_CALL.to_owned());
    }
    let call = |call: &ExpectedCall| (call.name.clone(), Value::Object(first_of(&call.arguments)));
    Sample::ToolCalls(calls.iter().map(call).collect())
}

fn first_of(arguments: &Map<String, Value>) -> Map<String, Value> {
    let chosen = |value: &Value| -> Option<Value> {
        match (reference::any_of(value), value) {
            (Some(alternatives), _) => alternatives.first().filter(|v| !v.is_null()).cloned(),
            (None, Value::Object(inner)) => Some(Value::Object(first_of(inner))),
            (None, other) => Some(other.clone()),
        }
    };
    arguments.iter().filter_map(|(key, value)| Some((key.clone(), chosen(value)?))).collect()
}

/// Calls that are not those of the reference: an argument changed, another tool, or a call where
/// there should be none.
fn other_calls(calls: &[ExpectedCall], task: &Task, pick: u64) -> Sample {
    let tools: Vec<&str> = task
        .tools
        .as_ref()
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|tool| tool.pointer("/function/name")?.as_str())
        .collect();
    let Sample::ToolCalls(mut said) = calls_sample(calls) else {
        let tool = tools.get(index(pick, tools.len())).copied().unwrap_or("search");
        return Sample::ToolCalls(vec![(tool.to_owned(), Value::Object(Map::new()))]);
    };
    let which = index(pick, said.len());
    let (name, arguments) = &mut said[which];
    let expected = &calls[which].arguments;
    let keys: Vec<String> =
        arguments.as_object().map(|a| a.keys().cloned().collect()).unwrap_or_default();
    if let Some(key) = keys.get(index(pick / 3, keys.len())) {
        let slip = slip_beyond(&arguments[key], &expected[key]);
        arguments[key] = slip;
        return Sample::ToolCalls(said);
    }
    match tools.iter().find(|tool| *tool != name) {
        Some(tool) => (*tool).clone_into(name),
        None => return Sample::Text(NO_CALL.to_owned()),
    }
    Sample::ToolCalls(said)
}

/// A value that is none of the alternatives.
fn slip_beyond(said: &Value, expected: &Value) -> Value {
    let alternatives = reference::any_of(expected).unwrap_or_default();
    let start = match said {
        Value::Object(_) | Value::Array(_) => changed(said, 0).unwrap_or(Value::Null),
        leaf => slip_of(leaf),
    };
    // Each step leaves the values behind it, so one more step than alternatives is enough.
    let mut slip = start;
    for _ in alternatives {
        if !alternatives.iter().any(|a| *a == slip || a.as_f64() == slip.as_f64() && a.is_number())
        {
            break;
        }
        slip = match slip {
            Value::Bool(_) => Value::from("unknown"),
            Value::String(text) => Value::from(format!("{text} or so")),
            other => slip_of(&other),
        };
    }
    slip
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::units::Category;

    fn task(grader: &str, reference: Value) -> Task {
        Task {
            suite: "s".to_owned(),
            id: "1".to_owned(),
            category: Category::new("c"),
            messages: Vec::new(),
            grader: GraderSpec::from_name(grader).unwrap(),
            reference: Some(reference),
            answer: None,
            wrong: None,
            tags: Vec::new(),
            cluster: None,
            tools: None,
            schema: None,
            max_tokens: None,
        }
    }

    fn check_right(grader: &str, reference: Value, expected: &str) {
        let sample = right(&task(grader, reference));
        assert_eq!(sample, Some(Sample::Text(expected.to_owned())), "{grader}");
    }

    #[test]
    fn right_answers() {
        check_right("number", json!(42), "The answer is 42.");
        check_right("number", json!("She has 3.\n#### 1,234"), "The answer is 1234.");
        check_right("choice", json!("(b)"), "Answer: B");
        check_right("exact", json!("Paris"), "Paris");
        check_right("one_of", json!(["a", "b"]), "a");
        check_right("contains", json!(["a", "b"]), "a b");
        check_right("json", json!({"b": 1, "a": [2]}), "{\"a\":[2],\"b\":1}");
        check_right("tool_call", json!([]), NO_CALL);
        assert_eq!(right(&task("regex", json!("a+"))), None);
        let calls = json!([{"name": "f", "arguments":
            {"a": {"any_of": ["x", "y"]}, "b": {"any_of": [null, 1]}, "c": {"d": {"any_of": [2]}}}}]);
        let expected = Sample::ToolCalls(vec![("f".to_owned(), json!({"a": "x", "c": {"d": 2}}))]);
        assert_eq!(right(&task("tool_call", calls)), Some(expected));
    }

    #[test]
    fn stated_answers_come_first() {
        let mut stated = task("number", json!(42));
        stated.answer = Some(json!("It is 42"));
        stated.wrong = Some(json!("It is 41"));
        assert_eq!(right(&stated), Some(Sample::Text("It is 42".to_owned())));
        assert_eq!(wrong(&stated, &[], 5), Some(Sample::Text("It is 41".to_owned())));
    }

    #[test]
    fn wrong_answers_are_of_the_same_kind() {
        let labels = ["billing", "refund", "Billing "].map(|label| task("exact", json!(label)));
        for pick in 0..6 {
            assert_eq!(
                wrong(&labels[0], &labels, pick),
                Some(Sample::Text("refund".to_owned())),
                "{pick}"
            );
        }
        assert_eq!(
            wrong(&labels[0], &labels[..1], 0),
            Some(Sample::Text(UNSURE[0].to_owned())),
            "nothing else to say"
        );
        let choices = ["A", "F"].map(|letter| task("choice", json!(letter)));
        let said: std::collections::BTreeSet<String> = (0..5)
            .filter_map(|pick| match wrong(&choices[0], &choices, pick) {
                Some(Sample::Text(text)) => Some(text),
                _ => None,
            })
            .collect();
        assert_eq!(said.len(), 5, "B to F: {said:?}");
        assert!(!said.contains("Answer: A"));
        assert_eq!(wrong(&task("none", json!("x")), &[], 0), None);
    }
}
