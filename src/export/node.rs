//! A document as a tree that keeps the order of its keys, written as YAML or JSON. Equal trees are
//! equal bytes.

use serde_json::Value;

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Text.
    Text(String),
    /// A number as it is to be written, such as `0.00000015`.
    Number(String),
    /// True or false.
    Bool(bool),
    /// Nothing.
    Null,
    /// Items.
    List(Vec<Node>),
    /// Values by key, in order.
    Map(Vec<(String, Node)>),
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Node {
    fn from(number: u64) -> Self {
        Self::Number(number.to_string())
    }
}

impl From<bool> for Node {
    fn from(is: bool) -> Self {
        Self::Bool(is)
    }
}

impl From<Vec<Node>> for Node {
    fn from(items: Vec<Node>) -> Self {
        Self::List(items)
    }
}

impl From<&Value> for Node {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(is) => Self::Bool(*is),
            Value::Number(number) => Self::Number(number.to_string()),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(fields) => {
                Self::Map(fields.iter().map(|(key, value)| (key.clone(), value.into())).collect())
            }
        }
    }
}

/// A map of these keys.
pub(super) fn map<const N: usize>(pairs: [(&str, Node); N]) -> Node {
    Node::Map(pairs.into_iter().map(|(key, node)| (key.to_owned(), node)).collect())
}

impl Node {
    /// Adds a key to a map, in which it is not yet.
    pub(super) fn with(mut self, key: &str, node: impl Into<Self>) -> Self {
        let Self::Map(pairs) = &mut self else { unreachable!("only maps have keys") };
        pairs.push((key.to_owned(), node.into()));
        self
    }

    /// The same, if there is something.
    pub(super) fn with_some(self, key: &str, node: Option<impl Into<Self>>) -> Self {
        match node {
            Some(node) => self.with(key, node),
            None => self,
        }
    }

    /// As JSON, indented by two, with a newline at the end.
    pub(super) fn to_json(&self) -> String {
        let mut text = String::new();
        self.write_json(&mut text, 0);
        text.push('\n');
        text
    }

    fn write_json(&self, text: &mut String, depth: usize) {
        let pad = "  ".repeat(depth + 1);
        match self {
            Self::List(items) if !items.is_empty() => {
                for (nth, item) in items.iter().enumerate() {
                    text.push_str(if nth == 0 { "[\n" } else { ",\n" });
                    text.push_str(&pad);
                    item.write_json(text, depth + 1);
                }
                text.push('\n');
                text.push_str(&"  ".repeat(depth));
                text.push(']');
            }
            Self::Map(pairs) if !pairs.is_empty() => {
                for (nth, (key, node)) in pairs.iter().enumerate() {
                    text.push_str(if nth == 0 { "{\n" } else { ",\n" });
                    text.extend([pad.as_str(), &quoted(key), ": "]);
                    node.write_json(text, depth + 1);
                }
                text.push('\n');
                text.push_str(&"  ".repeat(depth));
                text.push('}');
            }
            leaf => text.push_str(&leaf.leaf(quoted)),
        }
    }

    /// As YAML in block style.
    pub(super) fn to_yaml(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Map(_) | Self::List(_) => self.write_yaml(&mut text, 0, false),
            leaf => text = format!("{}\n", leaf.leaf(scalar)),
        }
        text
    }

    /// `is_open`: the first line already stands at its column.
    fn write_yaml(&self, text: &mut String, depth: usize, mut is_open: bool) {
        let mut begin = |text: &mut String| {
            if !std::mem::take(&mut is_open) {
                text.push_str(&"  ".repeat(depth));
            }
        };
        match self {
            Self::List(items) if !items.is_empty() => {
                for item in items {
                    begin(text);
                    text.push_str("- ");
                    item.write_yaml(text, depth + 1, true);
                }
            }
            Self::Map(pairs) if !pairs.is_empty() => {
                for (key, node) in pairs {
                    begin(text);
                    text.extend([scalar(key).as_str(), ":"]);
                    if node.is_nested() {
                        text.push('\n');
                        node.write_yaml(text, depth + 1, false);
                    } else {
                        text.extend([" ", &node.leaf(scalar), "\n"]);
                    }
                }
            }
            leaf => text.extend([leaf.leaf(scalar).as_str(), "\n"]),
        }
    }

    fn is_nested(&self) -> bool {
        match self {
            Self::List(items) => !items.is_empty(),
            Self::Map(pairs) => !pairs.is_empty(),
            _ => false,
        }
    }

    /// What has nothing below it, in one piece.
    fn leaf(&self, text_as: fn(&str) -> String) -> String {
        match self {
            Self::Text(text) => text_as(text),
            Self::Number(number) => number.clone(),
            Self::Bool(is) => is.to_string(),
            Self::Null => "null".to_owned(),
            Self::List(_) => "[]".to_owned(),
            Self::Map(_) => "{}".to_owned(),
        }
    }
}

/// Text in quotes, as JSON and YAML both read it.
pub(super) fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).expect("text is JSON");
    // YAML takes neither DEL nor the C1 controls as they are.
    let must_escape = |c: char| c.is_control() || c == '\u{feff}';
    let write = |c: char| {
        if must_escape(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }
    };
    json.chars().map(write).collect()
}

/// Text as YAML: plain where no reader takes it for something else.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"];
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_plain = begins
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { quoted(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Node {
        map([
            ("name", "support/classify".into()),
            ("at", "yes".into()),
            ("odd", "a: \u{7f}#\n".into()),
            ("key", "$NAME".into()),
            ("none", Node::List(Vec::new())),
            (
                "list",
                vec![
                    map([("weight", 9_u64.into()), ("model", "12".into())]),
                    Node::List(vec!["x".into(), Node::Null]),
                    true.into(),
                ]
                .into(),
            ),
        ])
    }

    #[test]
    fn a_tree_reads_back_from_both_forms() {
        let json: Value = serde_json::from_str(&tree().to_json()).expect("JSON");
        let yaml: Value = serde_saphyr::from_str(&tree().to_yaml()).expect("YAML");
        assert_eq!(json, yaml);
        assert_eq!(json["list"][0]["model"], "12");
    }

    #[test]
    fn yaml_is_in_block_style() {
        insta::assert_snapshot!(tree().to_yaml(), @r#"
        name: support/classify
        at: "yes"
        odd: "a: \u007f#\n"
        key: "$NAME"
        "none": []
        list:
          - weight: 9
            model: "12"
          - - x
            - null
          - true
        "#);
    }
}
