//! How much work a schema can make of an answer, counted before the validator starts: a short schema may
//! ask for more steps than there are atoms (forty `anyOf` that each name the next twice).
//!
//! The count is an upper bound: every branch is taken, and one that repeats is counted as often as the
//! validator would run it, though it is looked at once. Clocks play no part, so the verdict is the same
//! on every machine.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::pattern::cached_pattern;

/// The most steps of a validation. A step takes the validator a few microseconds.
const MAX_STEPS: u64 = 1_000_000;

/// The most pairs of a schema and a value that the count itself looks at.
const MAX_PAIRS: usize = 1_000_000;

/// The most objects of a schema: the validator's own time to read one grows with their square, and
/// four thousand take it seconds.
const MAX_PARTS: usize = 4_000;

/// The deepest nesting of schemas and values together: the validator and the count are recursive.
const MAX_DEPTH: usize = 160;

/// Lists of schemas that judge the value itself.
const IN_PLACE_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Schemas that judge the value itself.
const IN_PLACE: [&str; 4] = ["not", "if", "then", "else"];

/// References to a schema that judges the value itself.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

const NULL: Value = Value::Null;

/// Whether a schema can be run on a value; the error says which limit it breaks.
pub(super) fn check_steps(schema: &Value, value: &Value) -> Result<(), String> {
    let mut counter = Counter::new(schema);
    let steps = counter.steps(schema, value, 0)?;
    if steps > MAX_STEPS { Err(too_many()) } else { Ok(()) }
}

/// Whether each part of a schema can be run on a single value: what can be told before there are answers.
pub(super) fn check_schema_steps(schema: &Value) -> Result<(), String> {
    let mut counter = Counter::new(schema);
    let mut parts = vec![schema];
    let mut n_objects = 0;
    while let Some(part) = parts.pop() {
        n_objects += usize::from(part.is_object());
        if n_objects > MAX_PARTS {
            return Err(format!(
                "the schema has more than {MAX_PARTS} parts; name what repeats once, under `$defs`"
            ));
        }
        if counter.steps(part, &NULL, 0)? > MAX_STEPS {
            return Err(too_many());
        }
        match part {
            Value::Object(object) => parts.extend(object.values()),
            Value::Array(list) => parts.extend(list),
            _ => {}
        }
    }
    Ok(())
}

fn too_many() -> String {
    format!(
        "the schema may need more than {MAX_STEPS} steps for one answer; name each schema once in its `anyOf`, `oneOf`, `allOf` and `$ref`"
    )
}

struct Counter<'a> {
    root: &'a Value,
    /// The schemas under each `$id`, `$anchor` and `$dynamicAnchor`.
    named: HashMap<&'a str, Vec<&'a Value>>,
    /// The steps of each pair of a schema and a value, by their addresses; `None` while it is counted.
    known: HashMap<(*const Value, *const Value), Option<u64>>,
}

impl<'a> Counter<'a> {
    fn new(root: &'a Value) -> Self {
        let mut named: HashMap<&str, Vec<&Value>> = HashMap::new();
        let mut parts = vec![root];
        while let Some(part) = parts.pop() {
            match part {
                Value::Object(object) => {
                    for key in ["$id", "id", "$anchor", "$dynamicAnchor"] {
                        if let Some(name) = object.get(key).and_then(Value::as_str) {
                            named.entry(name.trim_start_matches('#')).or_default().push(part);
                        }
                    }
                    parts.extend(object.values());
                }
                Value::Array(list) => parts.extend(list),
                _ => {}
            }
        }
        Self { root, named, known: HashMap::new() }
    }

    /// The most steps that a schema takes on a value.
    fn steps(&mut self, schema: &'a Value, value: &'a Value, depth: usize) -> Result<u64, String> {
        let Value::Object(keywords) = schema else { return Ok(1) };
        if depth > MAX_DEPTH {
            return Err(format!(
                "the schema is nested, or refers to itself, more than {MAX_DEPTH} levels deep for one answer"
            ));
        }
        let key = (std::ptr::from_ref(schema), std::ptr::from_ref(value));
        // A schema that leads to itself on the same value is an error of the validator.
        if let Some(known) = self.known.get(&key) {
            return Ok(known.unwrap_or(1));
        }
        if self.known.len() >= MAX_PAIRS {
            return Err(too_many());
        }
        self.known.insert(key, None);
        let mut sum = 1_u64;
        for part in self.in_place(keywords) {
            sum = sum.saturating_add(self.steps(part, value, depth + 1)?);
        }
        let own = match value {
            Value::Object(object) => self.object_steps(keywords, object, depth)?,
            Value::Array(list) => self.list_steps(keywords, list, depth)?,
            Value::String(text) => pattern_steps(keywords.get("pattern"), text.len()),
            _ => 0,
        };
        let n_values = keywords.get("enum").and_then(Value::as_array).map_or(0, Vec::len);
        sum = sum.saturating_add(own).saturating_add(n_values as u64 / 32);
        self.known.insert(key, Some(sum));
        Ok(sum)
    }

    /// The schemas that judge the same value.
    fn in_place(&self, keywords: &'a Map<String, Value>) -> Vec<&'a Value> {
        let mut parts: Vec<&Value> = IN_PLACE.iter().filter_map(|key| keywords.get(*key)).collect();
        let lists = IN_PLACE_LISTS.iter().filter_map(|key| keywords.get(*key)?.as_array());
        parts.extend(lists.flatten());
        let dependent = ["dependentSchemas", "dependencies"];
        let dependent = dependent.iter().filter_map(|key| keywords.get(*key)?.as_object());
        parts.extend(dependent.flat_map(Map::values));
        for reference in REFERENCES.iter().filter_map(|key| keywords.get(*key)?.as_str()) {
            parts.extend(self.targets(reference));
        }
        parts
    }

    /// Every schema that a reference may mean: a pointer may start at the root or at a schema with an
    /// `$id` of its own.
    fn targets(&self, reference: &str) -> Vec<&'a Value> {
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if fragment.is_empty() || fragment.starts_with('/') {
            let pointer = percent_decoded(fragment);
            let roots = self.named.iter().filter(|(name, _)| {
                document.is_empty() || name.ends_with(document.trim_start_matches("./"))
            });
            let roots = roots.flat_map(|(_, schemas)| schemas.iter().copied());
            let roots = std::iter::once(self.root).chain(roots);
            let mut found: Vec<&Value> = roots.filter_map(|root| root.pointer(&pointer)).collect();
            found.dedup_by(|a, b| std::ptr::eq(*a, *b));
            return found;
        }
        self.named.get(fragment).cloned().unwrap_or_default()
    }

    fn object_steps(
        &mut self,
        keywords: &'a Map<String, Value>,
        object: &'a Map<String, Value>,
        depth: usize,
    ) -> Result<u64, String> {
        let mut sum = 0_u64;
        let own = keywords.get("properties").and_then(Value::as_object);
        let patterns = keywords.get("patternProperties").and_then(Value::as_object);
        let others = ["additionalProperties", "unevaluatedProperties"];
        for (key, value) in object {
            let mut parts: Vec<&Value> = Vec::new();
            match own.and_then(|own| own.get(key)) {
                Some(schema) => parts.push(schema),
                None => parts.extend(others.iter().filter_map(|other| keywords.get(*other))),
            }
            for (pattern, schema) in patterns.into_iter().flatten() {
                sum = sum.saturating_add(pattern_cost(pattern, key.len()));
                parts.push(schema);
            }
            for schema in parts {
                sum = sum.saturating_add(self.steps(schema, value, depth + 1)?);
            }
            if let Some(names) = keywords.get("propertyNames") {
                sum = sum.saturating_add(self.steps(names, &NULL, depth + 1)?);
                sum = sum.saturating_add(pattern_steps(names.get("pattern"), key.len()));
            }
        }
        Ok(sum)
    }

    fn list_steps(
        &mut self,
        keywords: &'a Map<String, Value>,
        list: &'a [Value],
        depth: usize,
    ) -> Result<u64, String> {
        let mut sum = 0_u64;
        let tuple = ["prefixItems", "items"];
        let tuple = tuple.iter().find_map(|key| keywords.get(*key)?.as_array());
        let rest = ["items", "additionalItems", "unevaluatedItems"];
        for (idx, value) in list.iter().enumerate() {
            let mut parts: Vec<&Value> = keywords.get("contains").into_iter().collect();
            match tuple.and_then(|tuple| tuple.get(idx)) {
                Some(schema) => parts.push(schema),
                None => parts.extend(rest.iter().filter_map(|key| keywords.get(*key))),
            }
            for schema in parts {
                sum = sum.saturating_add(self.steps(schema, value, depth + 1)?);
            }
        }
        let compares = keywords.get("uniqueItems") == Some(&Value::Bool(true));
        Ok(sum.saturating_add(if compares { list.len() as u64 * 4 } else { 0 }))
    }
}

fn pattern_steps(pattern: Option<&Value>, bytes: usize) -> u64 {
    pattern.and_then(Value::as_str).map_or(0, |pattern| pattern_cost(pattern, bytes))
}

fn pattern_cost(pattern: &str, bytes: usize) -> u64 {
    cached_pattern(pattern).map_or(bytes as u64, |compiled| compiled.steps(bytes))
}

/// The fragment of a URI, decoded.
fn percent_decoded(fragment: &str) -> String {
    if !fragment.contains('%') {
        return fragment.to_owned();
    }
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Forty steps, each of which names the next twice.
    fn ladder(step: impl Fn(&str) -> Value) -> Value {
        let mut defs = Map::new();
        for n in 0..40 {
            defs.insert(format!("s{n}"), step(&format!("#/$defs/s{}", n + 1)));
        }
        defs.insert("s40".to_owned(), json!({"type": "string"}));
        json!({"$ref": "#/$defs/s0", "$defs": defs})
    }

    #[test]
    fn a_ladder_is_refused_before_there_are_answers() {
        for key in ["anyOf", "oneOf", "allOf"] {
            let schema = ladder(|next| json!({key: [{"$ref": next}, {"$ref": next}]}));
            assert_eq!(check_schema_steps(&schema), Err(too_many()), "{key}");
            assert_eq!(check_steps(&schema, &json!(1)), Err(too_many()), "{key}");
        }
    }

    #[test]
    fn a_schema_of_too_many_parts_is_refused() {
        let of = |n: usize| json!({"anyOf": vec![json!({"type": "string"}); n - 1]});
        assert_eq!(check_schema_steps(&of(MAX_PARTS)), Ok(()));
        let refused = "the schema has more than 4000 parts; name what repeats once, under `$defs`";
        assert_eq!(check_schema_steps(&of(MAX_PARTS + 1)), Err(refused.to_owned()));
    }

    #[test]
    fn a_ladder_through_properties_is_refused_with_a_deep_answer() {
        let schema = ladder(
            |next| json!({"anyOf": [{"properties": {"a": {"$ref": next}}}, {"properties": {"a": {"$ref": next}}}]}),
        );
        assert_eq!(check_schema_steps(&schema), Ok(()));
        let deep = |n: usize| (0..n).fold(json!(1), |inner, _| json!({"a": inner}));
        assert_eq!(check_steps(&schema, &deep(3)), Ok(()));
        assert!(check_steps(&schema, &deep(39)).is_err());
        let own = json!({"anyOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]});
        assert!(check_steps(&own, &deep(39)).is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let mut defs = Map::new();
        for n in 0..5_000 {
            defs.insert(format!("s{n}"), json!({"$ref": format!("#/$defs/s{}", n + 1)}));
        }
        defs.insert("s5000".to_owned(), json!(true));
        let schema = json!({"$ref": "#/$defs/s0", "$defs": defs});
        let error = check_steps(&schema, &json!(1)).unwrap_err();
        assert!(error.contains("levels deep"), "{error}");
        assert!(check_schema_steps(&schema).is_err());
    }

    #[test]
    fn schemas_of_everyday_use_pass() {
        let tree = json!({"type": "object", "properties": {"name": {"type": "string", "pattern": "^[a-z]+$"},
            "children": {"type": "array", "items": {"$ref": "#"}}}, "additionalProperties": false});
        let mut value = json!({"name": "leaf", "children": []});
        for _ in 0..25 {
            value = json!({"name": "node", "children": [value, {"name": "x"}]});
        }
        assert_eq!(check_steps(&tree, &value), Ok(()));
        let many: Vec<Value> = (0..50_000).map(Value::from).collect();
        let list = json!({"items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}});
        assert_eq!(check_steps(&list, &json!(many)), Ok(()));
        let words: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
        assert_eq!(check_steps(&json!({"enum": words}), &json!("x")), Ok(()));
    }
}
