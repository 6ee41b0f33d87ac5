//! What a wrong answer lacks in form, as far as its score's detail says so.

/// The beginnings of details that speak of form, and what each says without a word of the answer.
const FAULTS: [(&str, &str); 9] = [
    ("no number", "no number"),
    ("no choice", "no choice"),
    ("no JSON", "no JSON"),
    ("no call", "no tool call"),
    ("no match", "no match of the pattern"),
    ("no text", "a tool call instead of text"),
    ("invalid at", "JSON that its schema refuses"),
    ("ambiguous", "several choices"),
    ("empty answer", "an empty answer"),
];

/// The fault in form that a wrong answer's detail names, in words that quote nothing; `None`: the
/// form is right and the content is not, or the detail is empty.
#[must_use]
pub(crate) fn form_fault(detail: &str) -> Option<&'static str> {
    let found = FAULTS.iter().find(|(start, name)| detail.starts_with(start) || detail == *name);
    found.map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graders::{GraderSpec, Target};
    use crate::units::AnswerContent;
    use serde_json::json;

    #[test]
    fn every_grader_says_what_the_form_lacks() {
        let fault = |grader: &str, reference: serde_json::Value, answer: &str| {
            let spec: GraderSpec = serde_json::from_value(json!({ "kind": grader }))
                .expect("a grader without settings");
            let target = Target { reference: Some(&reference), schema: None };
            let answer = AnswerContent { text: answer.to_owned(), ..AnswerContent::default() };
            let detail = spec.grade(&target, &answer).detail;
            assert_eq!(
                form_fault(form_fault(&detail).unwrap_or_default()),
                form_fault(&detail),
                "a fault that is kept alone reads back"
            );
            form_fault(&detail)
        };
        assert_eq!(fault("number", json!(5), "many of them"), Some("no number"));
        assert_eq!(fault("number", json!(5), "6"), None);
        assert_eq!(fault("json", json!({"a": 1}), "a is 1"), Some("no JSON"));
        assert_eq!(fault("regex", json!("^A$"), "B"), Some("no match of the pattern"));
        assert_eq!(fault("exact", json!("Paris"), "It is Paris."), None);
        assert_eq!(fault("exact", json!("Paris"), " "), Some("an empty answer"));
    }
}
