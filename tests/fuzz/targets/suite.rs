//! Suites: a folder's two files (cut at the first NUL), a single `.jsonl`, a single `.csv`. What
//! loads is checked and graded too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weighbridge::suite::{ColumnMap, LoadedSuite, check_suite, load_path, load_texts};
use weighbridge::units::AnswerContent;

/// A header for tasks that come without one.
const HEADER: &str = "name = \"fuzz\"\nversion = \"1\"\nlicense = \"CC0-1.0\"\ncategory = \"math\"\ngrader = \"number\"\n";

fn look_at(loaded: &LoadedSuite) {
    let _findings = check_suite(loaded);
    let n_tasks = loaded.suite.tasks.len();
    for task in &loaded.suite.tasks {
        let answers = task.messages.iter().map(|message| message.content.as_str());
        for text in answers.chain([task.id.as_str()]).take(3) {
            let answer = AnswerContent { text: text.to_owned(), ..AnswerContent::default() };
            let score = task.grade(&answer);
            assert!(score.value.is_none_or(|value| (0.0..=1.0).contains(&value)), "{score:?}");
            assert!(!score.detail.contains(char::is_control), "{score:?}");
        }
    }
    assert!(n_tasks > 0, "a suite without tasks does not load");
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 3 {
        0 => {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            let (header, tasks) = text.split_once('\0').unwrap_or((HEADER, text));
            if let Ok(loaded) = load_texts("fuzz", header, tasks) {
                look_at(&loaded);
            }
        }
        kind => {
            let extension = if kind == 1 { ".jsonl" } else { ".csv" };
            let file = tempfile::Builder::new().suffix(extension).tempfile().expect("a file");
            std::fs::write(file.path(), bytes).expect("written");
            if let Ok(loaded) = load_path(file.path(), &ColumnMap::default()) {
                look_at(&loaded);
            }
        }
    }
});
