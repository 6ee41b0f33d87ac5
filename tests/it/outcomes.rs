//! Outcomes that were measured elsewhere: imported, and read by every later stage.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Ran, file, folder, run};

/// A table of two categories: `big` is right but for one in ten, `small` likewise at a tenth of the
/// cost in `facts`, and mostly wrong in `code`.
fn table() -> String {
    let mut rows = "source,category,query_id,model,score,prompt_tokens,completion_tokens,cost_usd,latency_s,error\n".to_owned();
    for i in 0..120 {
        let category = if i % 2 == 0 { "facts" } else { "code" };
        let big = u8::from(i % 20 > 1);
        let small = u8::from(if category == "facts" { i % 20 > 1 } else { i % 20 > 12 });
        rows += &format!("team,{category},q{i},acme/big,{big},70,60,2e-03,1.5,0\n");
        rows += &format!("team,{category},q{i},acme/small,{small},70,60,2.0e-4,0.5,\n");
    }
    rows
}

fn import(dir: &Path, name: &str, more: &[&str]) -> Ran {
    run(dir, &[&["outcomes", "import", name, "--out", "run"], more].concat())
}

fn weights(dir: &Path, run: &str) -> Value {
    let text = std::fs::read_to_string(dir.join(run).join("weights.json")).expect("written");
    serde_json::from_str(&text).expect("JSON")
}

fn refusal(dir: &Path, name: &str, text: &str) -> String {
    file(dir, name, text);
    let ran = import(dir, name, &[]).exits(2);
    assert!(!dir.join("run/run.sqlite").exists(), "nothing is left behind");
    ran.stderr.trim_end().to_owned()
}

#[test]
fn every_later_stage_reads_an_imported_table() {
    let dir = folder();
    file(dir.path(), "table.csv", &table());
    let ran =
        import(dir.path(), "table.csv", &["--today", "acme/big", "--goal", "cheaper"]).exits(0);
    for expected in ["table · 2 kinds of work · 120 tasks × 2 endpoints", "imported", "facts"] {
        assert!(ran.stdout.contains(expected), "{expected}: {}", ran.stdout);
    }
    let weights = weights(dir.path(), "run");
    assert_ne!(weights["categories"]["facts"]["verdict"]["word"], "STAY", "{weights:#}");
    assert_eq!(weights["categories"]["code"]["verdict"]["word"], "STAY", "{weights:#}");
    for name in ["report.html", "report.md", "summary.csv", "trials.csv", "weights.json"] {
        assert!(dir.path().join("run").join(name).exists(), "{name}");
    }
    let trials = std::fs::read_to_string(dir.path().join("run/trials.csv")).expect("written");
    assert!(trials.contains("acme/small@imported"), "{trials}");
    let page = std::fs::read_to_string(dir.path().join("run/report.html")).expect("written");
    assert!(!page.contains("SIMULATED"));
    run(dir.path(), &["tune", "run"]).exits(0);
    run(dir.path(), &["report", "run", "--format", "json"]).exits(0);
    run(dir.path(), &["weights", "evaluate", "run", "--on", "run"]).exits(0);
    run(dir.path(), &["weights", "why", "code", "--on", "run"]).exits(0);
    run(dir.path(), &["export", "run", "--to", "litellm"]).exits(2).says(&["no base_url"]);
    let shown = run(dir.path(), &["show", "run", "--task", "q1"]).exits(0).stdout;
    assert!(shown.contains("graded by score column"), "{shown}");
    assert_eq!(
        run(dir.path(), &["grade", "run"]).exits(2).stderr,
        "weighbridge: run is imported and keeps the scores of its own graders (score column); to \
         change them, change the table and import it again\n"
    );
}

#[test]
fn halves_of_a_table_merge_to_the_whole() {
    let dir = folder();
    let whole = table();
    let (heading, rows) = whole.split_once('\n').expect("a heading");
    let rows: Vec<&str> = rows.lines().collect();
    let (first, second) = rows.split_at(rows.len() / 2);
    file(dir.path(), "a.csv", &format!("{heading}\n{}\n", first.join("\n")));
    file(dir.path(), "b.csv", &format!("{heading}\n{}\n", second.join("\n")));
    file(dir.path(), "table.csv", &whole);
    for name in ["a", "b", "table"] {
        let args = ["outcomes", "import", &format!("{name}.csv"), "--out", name, "--today", "big"];
        run(dir.path(), &[&args[..], &["--measured", "2026-06-30"]].concat()).exits(0);
    }
    run(dir.path(), &["merge", "a", "b", "--out", "both"]).exits(0);
    let of = |name: &str| weights(dir.path(), name)["categories"].clone();
    assert_eq!(of("both"), of("table"));
}

#[test]
fn a_packed_table_is_read_and_a_cut_one_is_refused() {
    let dir = folder();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(table().as_bytes()).expect("memory");
    let packed = packed.finish().expect("memory");
    std::fs::write(dir.path().join("cut.csv.gz"), &packed[..packed.len() / 2]).expect("written");
    std::fs::write(dir.path().join("table.csv.gz"), packed).expect("written");
    assert_eq!(
        import(dir.path(), "cut.csv.gz", &[]).exits(2).stderr,
        "weighbridge: cut.csv.gz: the gzip file ends in the middle; copy or download it again\n"
    );
    import(dir.path(), "table.csv.gz", &[]).exits(0);
}

#[test]
fn without_costs_or_latencies_nothing_is_invented() {
    let dir = folder();
    let rows: String = (0..60).map(|i| format!("q{i},a,1\nq{i},b,{}\n", i % 2)).collect();
    file(dir.path(), "t.csv", &format!("query_id,model,score\n{rows}"));
    let ran = import(dir.path(), "t.csv", &["--today", "a"]).exits(0);
    assert!(!ran.stdout.contains("$0.00"), "{}", ran.stdout);
    let summary = std::fs::read_to_string(dir.path().join("run/summary.csv")).expect("written");
    let mut rows = csv::Reader::from_reader(summary.as_bytes());
    let headings = rows.headers().expect("headings").clone();
    let column = |name: &str| headings.iter().position(|h| h == name).expect(name);
    for row in rows.records() {
        let row = row.expect("a row");
        let is_money = row[column("unit")].starts_with("usd");
        assert!(!is_money || row[column("value")].is_empty(), "{row:?}");
    }
    let refused = import(dir.path(), "t.csv", &["--goal", "faster"]).exits(2).stderr;
    assert!(refused.contains("already holds a run"), "{refused}");
    let args = ["outcomes", "import", "t.csv", "--out", "other", "--goal", "faster"];
    assert_eq!(
        run(dir.path(), &args).exits(2).stderr,
        "weighbridge: goal faster rests on the time to the first token, which no outcome table \
         holds; choose --goal cheaper or --goal better\n"
    );
    let args = ["outcomes", "import", "t.csv", "--out", "other", "--today", "c"];
    let refused = run(dir.path(), &args).exits(2).stderr;
    assert!(
        refused.starts_with("weighbridge: --today \"c\" is no model of the table; "),
        "{refused}"
    );
}

#[test]
fn what_is_no_table_is_refused_with_its_remedy() {
    let dir = folder();
    let check = |name: &str, text: &str, expected: &str| {
        assert_eq!(refusal(dir.path(), name, text), format!("weighbridge: {name}{expected}"));
    };
    let run_it = "run `promptfoo eval --output results.json` and import results.json";
    let known = "a table is CSV with a heading, promptfoo's results.json or a log of Inspect; where \
                 it is one of them, say --from csv, promptfoo or inspect";
    let configuration = format!(": this is a promptfoo configuration, not its results; {run_it}");
    check(
        "empty.csv",
        "",
        " holds no outcomes; the file is empty: a table has a heading and one outcome a row",
    );
    check(
        "heading.csv",
        "query_id,model,score\n",
        " holds no outcomes; check that the evaluation was complete",
    );
    check(
        "nan.csv",
        "query_id,model,score\nq,m,NaN\n",
        ":2: score NaN is no number; leave the score empty where the answer was not scored",
    );
    check("config.yaml", "prompts:\n  - hi\nproviders: [openai:gpt-4o]\n", &configuration);
    check("config.json", r#"{"prompts": ["hi"], "providers": ["openai:x"]}"#, &configuration);
    check("other.json", r#"{"a": 1}"#, &format!(": the JSON is of no known tool; {known}"));
    check(
        "prose.txt",
        "no table at all\n",
        &format!(": its first line is no heading of an outcome table; {known}"),
    );
    check(
        "cut.json",
        r#"{"results": {"version": 3, "results": [{"pro"#,
        ":1: the file ends in the middle; copy or download it again",
    );
}

fn promptfoo_row(i: usize, provider: &Value, success: bool) -> Value {
    json!({
        "provider": provider,
        "prompt": {"raw": format!("Capital {i}?"), "label": "Capital {{n}}?"},
        "vars": {"n": i},
        "testCase": {"vars": {"n": i}, "assert": [{"type": "equals"}], "metadata": {"category": "geo"}},
        "response": {"output": "Paris", "cost": 0.002, "tokenUsage": {"prompt": 20, "completion": 5, "total": 25}},
        "success": success,
        "failureReason": u8::from(!success),
        "error": if success { Value::Null } else { json!("Expected output to equal") },
        "score": f64::from(u8::from(success)),
        "latencyMs": 420,
        "cost": 0.002,
        "gradingResult": {"pass": success, "score": f64::from(u8::from(success)), "reason": "because",
            "componentResults": [{"pass": success, "score": 1, "reason": "equals?", "assertion": {"type": "equals"}}]},
    })
}

#[test]
fn promptfoo_results_keep_their_scores_and_graders() {
    let dir = folder();
    let mut rows: Vec<Value> = (0..40)
        .flat_map(|i| {
            [
                promptfoo_row(i, &json!({"id": "openai:gpt-4o"}), true),
                promptfoo_row(i, &json!("openai:gpt-4o-mini"), i % 8 != 0),
            ]
        })
        .collect();
    // A request that failed, one from the cache, one that nobody asserted anything of.
    rows[0]["failureReason"] = json!(2);
    rows[0]["success"] = json!(false);
    rows[0]["error"] = json!("API error: 429 Too Many Requests");
    rows[2]["response"]["cached"] = json!(true);
    rows[4]["gradingResult"] = json!({"pass": true, "score": 1, "reason": "No assertions"});
    rows[6]["score"] = json!(3.5);
    let results = json!({"evalId": "e1", "results": {"version": 3, "timestamp": "2026-06-01T10:00:00.000Z", "results": rows}});
    file(dir.path(), "results.json", &results.to_string());
    let ran = import(dir.path(), "results.json", &["--today", "gpt-4o"]).exits(0);
    assert!(
        ran.stderr.contains("1 scores of results.json are above 1 and cut to 1"),
        "{}",
        ran.stderr
    );
    let trials = std::fs::read_to_string(dir.path().join("run/trials.csv")).expect("written");
    let rows: Vec<&str> = trials.lines().collect();
    assert!(rows[1].contains("failed,rate_limited"), "{}", rows[1]);
    let timed = rows.iter().filter(|row| row.contains(",420000,")).count();
    assert_eq!(timed, 78, "neither a failure nor a cached answer");
    let shown = run(dir.path(), &["show", "run", "--task", "n=0"]).exits(0).stdout;
    assert!(shown.contains("promptfoo/n=0 · geo · graded by equals"), "{shown}");
    assert!(shown.contains("Capital 0?") && shown.contains("Paris"), "{shown}");
}

fn inspect_sample(model: &str, id: usize, value: &Value) -> Value {
    json!({
        "id": id, "epoch": 1, "input": format!("What is {id} + {id}?"), "target": "4",
        "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "4"}],
        "output": {"model": "m", "completion": "4", "time": 0.75},
        "scores": {"match": {"value": value, "answer": "4", "explanation": "as asked"}},
        "model_usage": {(model): {"input_tokens": 10, "output_tokens": 2, "total_tokens": 32,
            "input_tokens_cache_read": 20, "total_cost": 0.001}},
        "total_time": 9.0, "working_time": 3.0,
    })
}

fn inspect_header(model: &str) -> Value {
    json!({"version": 2, "status": "success", "eval": {"eval_id": model, "task": "sums", "model": model,
        "created": "2026-06-01T10:00:00+00:00"}, "results": {"scores": [{"name": "match"}]}})
}

/// An archive of entries that are stored, deflated and packed with Zstandard.
fn archive(entries: &[(&str, String)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (i, (name, text)) in entries.iter().enumerate() {
        let mut crc = flate2::Crc::new();
        crc.update(text.as_bytes());
        let (method, packed) = match i % 3 {
            0 => (0_u16, text.as_bytes().to_vec()),
            1 => {
                let mut packer =
                    flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                packer.write_all(text.as_bytes()).expect("memory");
                (8, packer.finish().expect("memory"))
            }
            _ => {
                let level = ruzstd::encoding::CompressionLevel::Fastest;
                (93, ruzstd::encoding::compress_to_vec(text.as_bytes(), level))
            }
        };
        let size = |n: usize| u32::try_from(n).expect("small").to_le_bytes();
        let name_len = u16::try_from(name.len()).expect("short").to_le_bytes();
        let at = size(bytes.len());
        let common = [
            &[20, 0, 0, 0][..],
            &method.to_le_bytes(),
            &[0; 4],
            &crc.sum().to_le_bytes(),
            &size(packed.len()),
            &size(text.len()),
            &name_len,
            &[0, 0],
        ]
        .concat();
        bytes.extend([b"PK\x03\x04".as_slice(), &common, name.as_bytes(), &packed].concat());
        directory.extend(
            [b"PK\x01\x02\x14\x00".as_slice(), &common, &[0; 10], &at, name.as_bytes()].concat(),
        );
    }
    let n = u16::try_from(entries.len()).expect("few").to_le_bytes();
    let size = |n: usize| u32::try_from(n).expect("small").to_le_bytes();
    let end = [
        b"PK\x05\x06\0\0\0\0".as_slice(),
        &n,
        &n,
        &size(directory.len()),
        &size(bytes.len()),
        &[0, 0],
    ]
    .concat();
    [bytes, directory, end].concat()
}

#[test]
fn logs_of_inspect_are_read_packed_and_plain() {
    let dir = folder();
    let mut entries = vec![("header.json".to_owned(), inspect_header("openai/gpt-4o").to_string())];
    let value = |i: usize| if i.is_multiple_of(10) { json!("I") } else { json!("C") };
    for i in 0..40 {
        entries.push((
            format!("samples/{i}_epoch_1.json"),
            inspect_sample("openai/gpt-4o", i, &value(i)).to_string(),
        ));
    }
    let entries: Vec<(&str, String)> =
        entries.iter().map(|(n, t)| (n.as_str(), t.clone())).collect();
    let packed = archive(&entries);
    std::fs::write(dir.path().join("a.eval"), &packed).expect("written");
    std::fs::write(dir.path().join("cut.eval"), &packed[..packed.len() - 400]).expect("written");
    let mut plain = inspect_header("openai/gpt-4o-mini");
    let mut samples: Vec<Value> =
        (0..40).map(|i| inspect_sample("openai/gpt-4o-mini", i, &value(i + 1))).collect();
    samples[3]["error"] = json!({"message": "Request timed out"});
    plain["samples"] = json!(samples);
    file(dir.path(), "b.json", &plain.to_string());
    let args =
        ["outcomes", "import", "a.eval", "b.json", "--out", "run", "--today", "openai/gpt-4o"];
    run(dir.path(), &args).exits(0);
    let trials = std::fs::read_to_string(dir.path().join("run/trials.csv")).expect("written");
    let with = |cells: &str| trials.lines().filter(|row| row.contains(cells)).count();
    assert_eq!(with(",750000,"), 79, "{trials}");
    assert!(with(",30,20,2,") >= 79, "what a cache gave is part of the input");
    assert!(trials.contains("failed,total_timeout"));
    let shown = run(dir.path(), &["show", "run", "--task", "7"]).exits(0).stdout;
    assert!(shown.contains("graded by match"), "{shown}");
    let refused = |files: &[&str]| {
        let args = [&["outcomes", "import", "--out", "other"], files].concat();
        run(dir.path(), &args).exits(2).stderr
    };
    assert_eq!(
        refused(&["cut.eval"]),
        "weighbridge: cut.eval: the archive ends in the middle or is damaged; copy or download it \
         again\n"
    );
    assert_eq!(
        refused(&["a.eval", "a.eval"]),
        "weighbridge: a.eval: the log of evaluation openai/gpt-4o is named twice; name each log once\n"
    );
}
