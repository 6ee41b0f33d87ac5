//! Loading: suites of many shapes, and the error of each mistake.

use std::fmt::Write as _;

use serde_json::json;

use super::*;
use crate::graders::GraderSpec;
use crate::suite::Task;

fn file(name: &str, bytes: impl AsRef<[u8]>, map: &str) -> Result<LoadedSuite, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let map = if map.is_empty() { ColumnMap::default() } else { map.parse().unwrap() };
    let place = format!("{}/", folder.path().display());
    let without_place = |text: &str| text.replace(&place, "");
    load_path(&path, &map).map_err(|e| without_place(&e.to_string())).map(|mut loaded| {
        loaded.notes = loaded.notes.iter().map(|note| without_place(note)).collect();
        loaded
    })
}

fn texts(header: &str, tasks: &str) -> Result<LoadedSuite, String> {
    load_texts("suites/s", header, tasks).map_err(|e| e.to_string())
}

/// (id, prompt, reference, category) of each task.
fn rows(loaded: &LoadedSuite) -> Vec<(String, String, String, String)> {
    let row = |task: &Task| {
        let reference = task.reference.as_ref().map(ToString::to_string).unwrap_or_default();
        let prompt = task.messages[0].content.clone();
        (task.id.clone(), prompt, reference, task.category.to_string())
    };
    loaded.suite.tasks.iter().map(row).collect()
}

fn row(
    id: &str,
    prompt: &str,
    reference: &str,
    category: &str,
) -> (String, String, String, String) {
    (id.to_owned(), prompt.to_owned(), reference.to_owned(), category.to_owned())
}

const EXACT: &str = "name = \"demo\"\nversion = \"1\"\ngrader = \"exact\"\n";

#[test]
fn a_folder_with_everything() {
    let header = "name = \"demo\"\nversion = \"1.2\"\nlicense = \"CC0-1.0\"\ncategory = \"sums\"\n\
        prompt = \"Sum of {{ tags[0] }}: {{ prompt }}\"\nmax_tokens = 100\ndescription = \"Sums.\"\n\
        grader = { kind = \"number\", tolerance = \"0.01\" }\n";
    let tasks = concat!(
        r#"{"id": "a", "prompt": "1+1", "reference": 2, "tags": ["two"], "wrong": "3"}"#,
        "\n\n",
        r#"{"id": 7, "messages": [{"role": "user", "content": "hi"}], "grader": "exact", "#,
        r#""reference": "ho", "category": "talk", "cluster": "c1", "max_tokens": 5}"#,
        "\n"
    );
    let loaded = texts(header, tasks).unwrap();
    let suite = &loaded.suite;
    assert_eq!((suite.name.as_str(), suite.version.as_str()), ("demo", "1.2"));
    assert_eq!(loaded.description.as_deref(), Some("Sums."));
    assert_eq!(
        rows(&loaded),
        [row("a", "Sum of two: 1+1", "2", "sums"), row("7", "hi", "\"ho\"", "talk")]
    );
    let number = json!({"kind": "number", "tolerance": "0.01"});
    assert_eq!(suite.tasks[0].grader, GraderSpec::parse(&number).unwrap());
    assert_eq!((suite.tasks[0].max_tokens, suite.tasks[1].max_tokens), (Some(100), Some(5)));
    assert_eq!(suite.tasks[0].wrong, Some(json!("3")));
    assert_eq!(suite.tasks[1].cluster.as_deref(), Some("c1"));
    assert_eq!(suite.tasks[1].path(), "demo/7");
}

#[test]
fn names_and_versions_have_defaults() {
    let loaded = texts("grader = \"none\"", r#"{"id": "a", "prompt": "p"}"#).unwrap();
    assert_eq!(loaded.suite.name, "s");
    assert_eq!(loaded.suite.version, loaded.suite.hash.hex()[..12]);
    assert_eq!(loaded.suite.tasks[0].category.as_str(), "s");
}

fn check_header(header: &str, expected: &str) {
    assert_eq!(texts(header, r#"{"id":"a","prompt":"p","reference":"r"}"#).unwrap_err(), expected);
}

#[test]
fn what_is_wrong_with_a_header() {
    check_header(
        "name = \"a\"\nlicence = \"MIT\"\n",
        "suites/s/suite.toml:2: unknown key `licence`; did you mean `license`?",
    );
    check_header(
        "name = \"a\"\n\ngrader = \"numbr\"\n",
        "suites/s/suite.toml:3: unknown grader `numbr`; did you mean `number`?",
    );
    check_header(
        "max_tokens = 0\n",
        "suites/s/suite.toml:1: `max_tokens` must be a whole number above 0",
    );
    check_header(
        "grader = \"exact\"\nprompt = \"{{ passage }}\"\n",
        "suites/s/tasks.jsonl:1: `prompt` template of suite.toml uses a variable that this task does not give; it gives id, prompt",
    );
    check_header(
        "name = \"a\"\n",
        "suites/s/tasks.jsonl:1: task `a` has no grader; set `grader` here or in suite.toml (`grader = \"none\"` measures cost and speed only)",
    );
    let broken = texts("name = \n", "").unwrap_err();
    assert!(broken.starts_with("suites/s/suite.toml:1: broken TOML: "), "{broken}");
    let template = texts("prompt = \"{{ prompt\"\n", "").unwrap_err();
    assert!(
        template.starts_with("suites/s/suite.toml:1: `prompt` is not a valid template: "),
        "{template}"
    );
}

/// Errors of the task on the second line.
fn check_task(task: &str, expected: &str) {
    let good = r#"{"id":"a","prompt":"p","reference":"r"}"#;
    let error = texts(EXACT, &format!("{good}\n{task}\n")).unwrap_err();
    assert_eq!(error, format!("suites/s/tasks.jsonl:2: {expected}"), "{task}");
}

#[test]
fn what_is_wrong_with_a_task() {
    check_task(
        r#"{"id":"b","promt":"p","reference":"r"}"#,
        "unknown key `promt`; did you mean `prompt`?",
    );
    check_task(
        r#"{"id":"b","prompt":"p" "reference":1}"#,
        "broken JSON: expected `,` or `}`, at column 24",
    );
    check_task(
        r#"{"id":"a","prompt":"p","reference":"r"}"#,
        "duplicate id `a`, first used on line 1; ids are unique in a suite, so rename one of them",
    );
    check_task(
        r#"{"id":"b","prompt":"p"}"#,
        "task `b` has no reference, which grader `exact` needs; add it, or use grader `none`",
    );
    check_task(
        r#"{"id":"b","prompt":"p","grader":"json"}"#,
        "task `b` has no reference or schema, which grader `json` needs; add it, or use grader `none`",
    );
    check_task(
        r#"{"id":"b","prompt":"p","grader":"regex","reference":"[a"}"#,
        "task `b`: the reference does not suit grader `regex`: `[a` is no regular expression: unclosed character class",
    );
    check_task(
        r#"{"id":"b","messages":[],"reference":"r"}"#,
        "`messages` is an empty list; a prompt needs at least one message",
    );
    check_task(
        r#"{"id":"b","messages":[{"role":"usr","content":""}],"reference":"r"}"#,
        "`messages` holds a message with the unknown role `usr`; did you mean `user`?",
    );
    check_task(
        r#"{"id":"b","prompt":"p","messages":[{"role":"user","content":"x"}],"reference":"r"}"#,
        "`messages` and `prompt` are both there; keep one of them",
    );
    check_task(
        r#"{"id":"b","reference":"r"}"#,
        "`prompt` is missing; a task has `prompt` or `messages`",
    );
    check_task(r#"{"id":"b","prompt":" ","reference":"r"}"#, "`prompt` is empty");
    check_task(r#"{"prompt":"p","reference":"r"}"#, "`id` is missing");
    check_task(
        r#"{"id":"b","prompt":"p","reference":"r","schema":[]}"#,
        "`schema` must be a JSON Schema: an object",
    );
    check_task(
        r#"{"id":"b","prompt":"p","reference":"r","schema":{"type":"objct"}}"#,
        "`schema` has the type `objct`; did you mean `object`?",
    );
    check_task(
        r#"{"id":"b","prompt":"p","reference":"r","tags":"x"}"#,
        "`tags` must be a list of texts",
    );
    check_task(
        r#"{"id":"b","prompt":"p","reference":"r","wrong":{}}"#,
        "`wrong` must be a text or a list of tool calls",
    );
}

#[test]
fn what_is_wrong_with_a_file() {
    let error = |name: &str, bytes: &[u8], map: &str| file(name, bytes, map).unwrap_err();
    assert_eq!(
        texts(EXACT, "\n").unwrap_err(),
        "suites/s/tasks.jsonl has no tasks; a suite needs at least one: a line of JSON, or a row below the heading"
    );
    assert_eq!(
        error("a.csv", b"prompt\n", ""),
        "a.csv has no tasks; a suite needs at least one: a line of JSON, or a row below the heading"
    );
    assert_eq!(
        error("a.csv", b"frage,antwort\nx,y\n", ""),
        "a.csv: no column is known to hold the prompt, and the first row is read as the heading; its columns are `frage`, `antwort`. Say which is which: --map \"prompt=COLUMN\""
    );
    assert_eq!(
        error("a.csv", b"prompt,answer\nx,y\n", "reference=gold"),
        "a.csv: there is no column `gold` for the reference; its columns are `prompt`, `answer`. Say which is which: --map \"prompt=prompt,reference=answer\""
    );
    assert_eq!(
        error("a.csv", b"prompt,answer\n\n\"x\ny\",1\nz,1,2\n", ""),
        "a.csv:5: broken CSV: this row has 3 cells, the heading has 2; put \"…\" around cells that hold commas or quotes"
    );
    assert_eq!(
        error("a.csv", b"prompt,answer\r\nx,1\r\n,2\r\n", ""),
        "a.csv:3: `prompt` is empty; every task needs a prompt"
    );
    assert_eq!(
        error("a.csv", b"prompt,answer\nx,1\ny,\n", ""),
        "a.csv:3: task `2` has no reference, which grader `number` needs; add it, or use grader `none`"
    );
    assert_eq!(
        error("a.csv", b"id,prompt\nq,1\n\nq,2\n", ""),
        "a.csv:4: duplicate id `q`, first used on line 2; ids are unique in a suite, so rename one of them"
    );
    assert_eq!(
        error("a.csv", b"prompt\nx\n\xff\n", ""),
        "a.csv:3 is not valid UTF-8; save the file as UTF-8"
    );
    assert_eq!(
        error("a.csv", b"prompt,prompt\nx,y\n", ""),
        "a.csv:1: broken CSV: two columns are called `prompt`; rename one"
    );
    assert_eq!(
        error("a.jsonl", b"{\"prompt\":\"x\"}\n\n\n\n\n\n{\"prompt\":\n", ""),
        "a.jsonl:7: broken JSON: EOF while parsing a value, at column 10"
    );
    assert!(error("a.txt", b"", "").starts_with("a.txt is not a suite: a suite is a folder"));
    let missing = load_path(Path::new("no/such.csv"), &ColumnMap::default()).unwrap_err();
    assert!(missing.to_string().starts_with("no/such.csv does not exist; --suite takes"));
    let folder = tempfile::tempdir().unwrap();
    let bare = load_path(folder.path(), &ColumnMap::default()).unwrap_err().to_string();
    assert!(
        bare.ends_with("the folder has no suite.toml; it needs suite.toml and tasks.jsonl"),
        "{bare}"
    );
}

#[test]
fn the_notes_name_columns_and_guessed_graders() {
    let mut csv = "question,expected,type,author\n".to_owned();
    for n in 0..40 {
        writeln!(csv, "{n}+1,{},sums,me", n + 1).unwrap();
    }
    let loaded = file("prompts.csv", csv, "").unwrap();
    assert_eq!(
        loaded.notes,
        [
            "prompts.csv: prompt ← question, reference ← expected, category ← type; grader guessed: number (40 of 40 references end in a number)",
            "prompts.csv: columns not used: author"
        ]
    );
    assert_eq!(loaded.suite.name, "prompts");
    assert_eq!(rows(&loaded)[39], row("40", "39+1", "\"40\"", "sums"));
}

/// Checks the rows of a CSV, and the grader that is guessed.
fn check_csv(bytes: &[u8], map: &str, grader: &str, expected: &[(&str, &str, &str, &str)]) {
    let shown = String::from_utf8_lossy(bytes).into_owned();
    let loaded = file("t.csv", bytes, map).unwrap_or_else(|e| panic!("{shown:?}: {e}"));
    let expected: Vec<_> = expected.iter().map(|r| row(r.0, r.1, r.2, r.3)).collect();
    assert_eq!(rows(&loaded), expected, "{shown:?}");
    assert_eq!(loaded.suite.tasks[0].grader.id(), grader, "{shown:?}");
}

#[test]
fn csvs_of_many_shapes() {
    let one = &[("1", "p", "\"1\"", "t")];
    check_csv(b"prompt,reference\np,1\n", "", "number", one);
    check_csv(b"prompt,reference\np,1", "", "number", one);
    check_csv(b"prompt,reference\r\np,1\r\n", "", "number", one);
    check_csv(b"\xef\xbb\xbfprompt,reference\r\np,1\r\n", "", "number", one);
    check_csv(b"\n\nprompt,reference\n\np,1\n\n\n", "", "number", one);
    check_csv(b"prompt,reference\np,1\n,\n", "", "number", one);
    check_csv(b"reference,prompt\n1,p\n", "", "number", one);
    check_csv(b"Input,Expected\np,1\n", "", "number", one);
    check_csv(b" question , __expected \np,1\n", "", "number", one);
    check_csv(b"prompt;reference\np;1\n", "", "number", one);
    check_csv(b"prompt\treference\np\t1\n", "", "number", one);
    check_csv(b"a,b\np,1\n", "prompt=a,reference=b", "number", one);
    check_csv(b"a,answer\np,1\n", "prompt=a", "number", one);
    check_csv(b"\"prompt\",\"ideal\"\n\"p\",\"1\"\n", "", "number", one);
    check_csv(b"prompt,answer,\np,1,\n", "", "number", one);
    check_csv(b"id,prompt\nx,p\n", "", "none", &[("x", "p", "", "t")]);
    check_csv(b"id,prompt\n,p\n", "", "none", &[("1", "p", "", "t")]);
    check_csv(
        b"prompt,category\np,\nq,k\n",
        "",
        "none",
        &[("1", "p", "", "t"), ("2", "q", "", "k")],
    );
    check_csv(
        b"prompt,answer\n\"a,\r\n\"\"b\"\"\",B\n",
        "",
        "choice",
        &[("1", "a,\r\n\"b\"", "\"B\"", "t")],
    );
    check_csv(
        "prompt,answer\nwo?,Zürich\n".as_bytes(),
        "",
        "exact",
        &[("1", "wo?", "\"Zürich\"", "t")],
    );
    check_csv(
        b"prompt,answer\np,\"{\"\"a\"\": [1]}\"\n",
        "",
        "json",
        &[("1", "p", "{\"a\":[1]}", "t")],
    );
    check_csv(
        b"prompt,answer\np,\"So 2.\n#### 1,002\"\n",
        "",
        "number",
        &[("1", "p", "\"So 2.\\n#### 1,002\"", "t")],
    );
}

#[test]
fn each_category_has_its_own_grader() {
    let csv = "prompt,answer,type\na,4,sums\nb,\"1,200\",sums\nc,refund,triage\nd,bug,triage\n";
    let loaded = file("mixed.csv", csv, "").unwrap();
    let graders: Vec<&str> = loaded.suite.tasks.iter().map(|t| t.grader.id()).collect();
    assert_eq!(graders, ["number", "number", "exact", "exact"]);
    insta::assert_snapshot!(loaded.notes.join("\n"));
}

#[test]
fn folders_are_read_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sums");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join(HEADER), "\u{feff}grader = \"exact\"\r\nlicense = \"MIT\"\r\n")
        .unwrap();
    let tasks = "\u{feff}{\"id\":\"a\",\"prompt\":\"p\",\"reference\":\"r\"}\r\n";
    std::fs::write(path.join(TASKS), tasks).unwrap();
    let loaded = load_path(&path, &ColumnMap::default()).unwrap();
    assert_eq!(
        (loaded.suite.name.as_str(), loaded.suite.license.as_deref()),
        ("sums", Some("MIT"))
    );
    assert!(loaded.notes.is_empty());
    let mapped = load_path(&path, &"prompt=q".parse().unwrap()).unwrap();
    assert!(mapped.notes[0].contains("--map is ignored"), "{:?}", mapped.notes);
    let file = load_path(&path.join(TASKS), &ColumnMap::default()).unwrap();
    assert!(file.notes[1].contains("give the folder"), "{:?}", file.notes);
    assert_eq!(file.suite.name, "tasks");
}

#[test]
fn jsonl_files() {
    let loaded = file(
        "t.jsonl",
        "{\"input\": [{\"role\": \"user\", \"content\": \"hi\"}], \"ideal\": [\"a\", \"b\"], \"x\": 1}\n",
        "",
    )
    .unwrap();
    assert_eq!(rows(&loaded), [row("1", "hi", "[\"a\",\"b\"]", "t")]);
    let one_of = json!({"kind": "one_of", "ignore_case": true});
    assert_eq!(loaded.suite.tasks[0].grader, GraderSpec::parse(&one_of).unwrap());
    assert_eq!(loaded.notes[1], "t.jsonl: columns not used: x");
}

/// A file of each shape that people have, and the rows that are read from it.
#[test]
fn tables_of_other_shapes() {
    let one = &[("1", "p, q", "\"Paris\"", "t")];
    check_csv(b"sep=;\nprompt;expected\n\"p, q\";Paris\n", "", "exact", one);
    check_csv(b"sep=;\r\nprompt;expected\r\n\"p, q\";Paris\r\n", "", "exact", one);
    check_csv(b"prompt;expected;notes, misc\np, q;Paris;x\n", "", "exact", one);
    check_csv(b"prompt|expected\np, q|Paris\n", "", "exact", one);
    check_csv(b"prompt\texpected\np, q\tParis\n", "", "exact", one);
    check_csv(b"Query;Expected Output\np, q;Paris\n", "", "exact", one);
    check_csv(b"a;b\np, q;Paris\n", "prompt=a,reference=b", "exact", one);
    let utf16: Vec<u8> = std::iter::once(0xfeff_u16)
        .chain("prompt\texpected\np, q\tParis\n".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    check_csv(&utf16, "", "exact", one);
    assert_eq!(
        file("a.csv", b"sep=;\nprompt;answer\nx;1\ny;2;3\n", "").unwrap_err(),
        "a.csv:4: broken CSV: this row has 3 cells, the heading has 2; put \"…\" around cells that hold semicolons or quotes"
    );
}

#[test]
fn names_of_columns_in_many_dialects() {
    let check = |heading: &str, prompt: &str, reference: &str| {
        let loaded = file("t.csv", format!("{heading}\nx,y\n"), "").unwrap();
        let expected = format!("t.csv: prompt ← {prompt}, reference ← {reference}; ");
        assert!(loaded.notes[0].starts_with(&expected), "{heading}: {:?}", loaded.notes);
    };
    check("input,target", "input", "target");
    check("query,expected_output", "query", "expected_output");
    check("text,label", "text", "label");
    check("Question,Expected Answer", "Question", "Expected Answer");
    check("instruction,output", "instruction", "output");
    check("prompt,completion", "prompt", "completion");
    check("user_input,groundTruth", "user_input", "groundTruth");
    let alpaca = "{\"instruction\":\"Translate\",\"input\":\"Haus\",\"output\":\"house\"}\n";
    let loaded = file("t.jsonl", alpaca, "").unwrap();
    assert_eq!(rows(&loaded), [row("1", "Translate\n\nHaus", "\"house\"", "t")]);
}

#[test]
fn documents_of_json() {
    let list = "[\n {\"prompt\": \"p\",\n  \"expected\": \"Paris\"},\n {\"prompt\": \"q\", \"expected\": \"Rome\"}\n]\n";
    let expected = [row("1", "p", "\"Paris\"", "t"), row("2", "q", "\"Rome\"", "t")];
    for (name, text) in [
        ("t.json", list.to_owned()),
        ("t.jsonl", list.to_owned()),
        ("t.json", format!("{{\"version\": 1, \"tests\": {list}}}")),
        (
            "t.json",
            "{\"prompt\":\"p\",\"expected\":\"Paris\"}\n{\"prompt\":\"q\",\"expected\":\"Rome\"}\n"
                .to_owned(),
        ),
    ] {
        assert_eq!(rows(&file(name, text, "").unwrap()), expected, "{name}");
    }
    let error = |text: &str| file("t.json", text, "").unwrap_err();
    assert!(error("[\n {\"prompt\": \"p\",}\n]").starts_with("t.json:2: broken JSON: "));
    assert_eq!(error("[\n 1\n]"), "t.json:2: broken JSON: each item of the list must be an object");
    assert!(
        error("{\n \"a\": 1\n}").starts_with("t.json is not a suite: the document holds no list")
    );
    assert!(error("[]").starts_with("t.json has no tasks"));
    assert!(error("").starts_with("t.json has no tasks"));
}

#[test]
fn integers_keep_their_digits() {
    let text = "{\"id\":12345678901234567890123,\"prompt\":\"n\",\"expected\":123456789012345678901234567890}\n\
        {\"id\":1.0,\"prompt\":\"m\",\"expected\":0.1}\n";
    let loaded = file("t.jsonl", text, "").unwrap();
    assert_eq!(
        rows(&loaded),
        [
            row("12345678901234567890123", "n", "\"123456789012345678901234567890\"", "t"),
            row("1.0", "m", "0.1", "t")
        ]
    );
    assert_eq!(loaded.suite.tasks[0].grader.id(), "number");
    let folder = texts(
        "grader = \"json\"",
        "{\"id\":\"a\",\"prompt\":\"p\",\"reference\":{\"n\":123456789012345678901234567890}}",
    )
    .unwrap();
    let task = &folder.suite.tasks[0];
    let answer =
        |text: &str| crate::units::AnswerContent { text: text.to_owned(), ..Default::default() };
    assert!(task.grade(&answer("{\"n\":123456789012345678901234567890}")).is_right());
    assert!(!task.grade(&answer("{\"n\":123456789012345678901234567891}")).is_right());
}

#[test]
fn the_last_turn_of_the_assistant_is_the_reference() {
    let chat = r#"{"messages":[{"role":"system","content":"short"},{"role":"user","content":"p"},{"role":"assistant","content":"Paris","weight":1}]}"#;
    let loaded = file("t.jsonl", chat, "").unwrap();
    let task = &loaded.suite.tasks[0];
    assert_eq!((task.messages.len(), &task.reference), (2, &Some(json!("Paris"))));
    assert_eq!(task.grader.id(), "exact");
    assert_eq!(loaded.notes[1], "t.jsonl: the last turn of the assistant is the reference");
    let other =
        r#"{"conversations":[{"from":"human","value":"p"},{"from":"gpt","value":"Paris"}]}"#;
    assert_eq!(rows(&file("t.jsonl", other, "").unwrap()), [row("1", "p", "\"Paris\"", "t")]);
    let calls = r#"{"messages":[{"role":"user","content":"p"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}],"tools":[{"type":"function","function":{"name":"f"}}]}"#;
    let loaded = file("t.jsonl", calls, "").unwrap();
    assert_eq!(loaded.suite.tasks[0].grader.id(), "tool_call");
    assert_eq!(loaded.suite.tasks[0].reference, Some(json!([{"name":"f","arguments":{"a":1}}])));
}

#[test]
fn multiple_choice_by_place_letter_and_text() {
    let check = |answer: &str, more: &str, expected: &str| {
        let line = format!(
            "{{\"question\":\"Capital of France? Rome, Oslo, Paris{more}\",\"choices\":[\"Rome\",\"Oslo\",\"Paris\"],\"answer\":{answer}}}"
        );
        let loaded = file("t.jsonl", line, "").unwrap();
        let task = &loaded.suite.tasks[0];
        assert_eq!(task.grader.id(), "choice", "{answer}");
        assert_eq!(task.reference.as_ref().unwrap()["answer"], json!(expected), "{answer}");
        task.messages[0].content.clone()
    };
    assert_eq!(check("2", "", "C"), "Capital of France? Rome, Oslo, Paris");
    check("0", "", "A");
    check("3", "", "C");
    check("\"C\"", "", "C");
    check("\"(c)\"", "", "C");
    check("\"paris\"", "", "C");
    let letters = "question,A,B,C,answer\nCapital of France?,Rome,Oslo,Paris,C\n";
    let loaded = file("t.csv", letters, "").unwrap();
    assert_eq!(
        loaded.suite.tasks[0].messages[0].content,
        "Capital of France?\n\nA. Rome\nB. Oslo\nC. Paris\n\nAnswer with the letter of the right choice."
    );
    assert_eq!(
        file("t.jsonl", r#"{"question":"q","choices":["a","b"],"answer":7}"#, "").unwrap_err(),
        "t.jsonl:1: `answer` is “7”, which is none of its 2 choices: give a letter, the text of a choice, or its place from 0"
    );
}

#[test]
fn a_line_says_how_it_is_graded() {
    let lines = concat!(
        r#"{"prompt":"a","reference":"1","grader":{"kind":"number","tolerance":"0.1"},"tags":["x"],"max_tokens":9}"#,
        "\n",
        r#"{"prompt":"b","grader":"json","schema":{"type":"object"},"cluster":"c"}"#,
        "\n",
        r#"{"prompt":"c","reference":[{"name":"f"}],"grader":"tool_call","tools":[{"type":"function","function":{"name":"f"}}]}"#,
        "\n"
    );
    let loaded = file("t.jsonl", lines, "").unwrap();
    let graders: Vec<&str> = loaded.suite.tasks.iter().map(|task| task.grader.id()).collect();
    assert_eq!(graders, ["number", "json", "tool_call"]);
    let first = &loaded.suite.tasks[0];
    assert_eq!((first.tags.as_slice(), first.max_tokens), (["x".to_owned()].as_slice(), Some(9)));
    assert!(loaded.suite.tasks[2].tools.is_some());
    let csv = "prompt,reference,grader,tags\na,Paris,contains,x;y\n";
    let loaded = file("t.csv", csv, "").unwrap();
    assert_eq!(loaded.suite.tasks[0].grader.id(), "contains");
    assert_eq!(loaded.suite.tasks[0].tags, ["x", "y"]);
    assert_eq!(
        file("t.jsonl", r#"{"prompt":"a","reference":"1","grader":"numbr"}"#, "").unwrap_err(),
        "t.jsonl:1: unknown grader `numbr`; did you mean `number`?"
    );
}

#[test]
fn assertions_of_promptfoo() {
    let csv = "prompt,__expected\na,contains: Paris\nb,equals: Rome\nc,\"icontains-any: 41,42\"\nd,plain\n";
    let loaded = file("t.csv", csv, "").unwrap();
    let grade = |idx: usize, text: &str| {
        let answer = crate::units::AnswerContent { text: text.to_owned(), ..Default::default() };
        loaded.suite.tasks[idx].grade(&answer).value
    };
    assert_eq!(grade(0, "It is Paris."), Some(1.0));
    assert_eq!(grade(1, "It is Rome"), Some(0.0));
    assert_eq!(grade(2, "42"), Some(1.0));
    assert_eq!(grade(3, "plain"), Some(1.0));
    assert_eq!(loaded.notes, ["t.csv: prompt ← prompt, reference ← __expected; grader: assert"]);
    let several =
        "prompt,__expected1,__expected2,city\na,contains: {{city}},not-contains: Rome,Paris\n";
    let task = &file("t.csv", several, "").unwrap().suite.tasks[0];
    assert_eq!(task.reference, Some(json!(["contains: Paris", "not-contains: Rome"])));
    let test =
        r#"[{"vars":{"question":"q"},"assert":[{"type":"contains-all","value":["a","b"]}]}]"#;
    let task = &file("t.json", test, "").unwrap().suite.tasks[0];
    assert_eq!(task.reference, Some(json!(["contains-all: a,b"])));
    let refused = "prompt,__expected\na,is-json\nb,llm-rubric: is friendly\nc,javascript: output.length < 10\nd,grade: polite\n";
    insta::assert_snapshot!(
        file("t.csv", refused, "").unwrap_err(),
        @"t.csv:3: `__expected` has assertions that are not judged here: `llm-rubric` (line 3) needs a model or a person as judge; `javascript` (line 4) runs code or asks a service; `grade` (line 5) needs a model or a person as judge. Understood are equals, contains, icontains, contains-all, icontains-all, contains-any, icontains-any, starts-with, regex, is-json, contains-json, each also with `not-`. Remove those rows, or grade by another column: --map reference=COLUMN"
    );
}

#[test]
fn a_suggested_map_claims_nothing_that_is_not_known() {
    let suggested = |csv: &str| {
        let error = file("a.csv", csv, "").unwrap_err();
        error.rsplit_once("--map ").unwrap().1.to_owned()
    };
    let long = "frage,kategorie,antwort\n\
        Was ist die Hauptstadt von Frankreich?,geo,Paris\n\
        Wie viele Tage hat ein normales Jahr?,zeit,365\n";
    assert_eq!(suggested(long), "\"prompt=frage\"");
    assert_eq!(suggested("a,b,category\nx,y,z\n"), "\"prompt=COLUMN,category=category\"");
    assert_eq!(suggested("key,answer\n1,2\n"), "\"prompt=COLUMN,reference=answer\"");
}
