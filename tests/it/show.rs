//! What a user sees of answers and of failures: `show`, the words of providers, NO DATA, graders
//! that nobody passes.

use std::path::Path;

use serde_json::Value;

use crate::stub::{Asked, Stub, stream, whole};
use crate::support::{NOBODY, Ran, file, folder, run, weighbridge};

/// Twelve tasks of two categories.
fn prompts(dir: &Path) {
    let lines: Vec<String> = (1..=12)
        .map(|i| {
            let category = if i <= 6 { "facts" } else { "names" };
            format!("capital {i},Paris,{category}\n")
        })
        .collect();
    file(dir, "prompts.csv", &format!("prompt,reference,category\n{}", lines.concat()));
}

/// A catalog of `acme/large@one` and `acme/mini@two`, at these addresses.
fn catalog(dir: &Path, one: &str, two: &str) -> String {
    let endpoint = |model: &str, provider: &str, url: &str, price: &str| {
        format!(
            "[[provider]]\nname = \"{provider}\"\nbase_url = \"{url}\"\n\n[[endpoint]]\n\
             model = \"{model}\"\nprovider = \"{provider}\"\n\
             price = {{ input = \"{price}\", output = \"{price}\" }}\n\n"
        )
    };
    let text =
        endpoint("acme/large", "one", one, "3.00") + &endpoint("acme/mini", "two", two, "1.00");
    file(dir, "weighbridge.toml", "[today]\nendpoint = \"acme/large@one\"\n");
    file(dir, "catalog.toml", &text)
}

fn weigh(dir: &Path, more: &[&str]) -> Ran {
    let args = ["run", "--catalog", "catalog.toml", "--suite", "prompts.csv", "--out", "run"];
    run(dir, &[&args[..], more].concat())
}

/// What differs from run to run: the port, the time it took, latencies.
fn steady(text: &str, url: &str) -> String {
    let text = text.replace(url.trim_end_matches("/v1"), "http://127.0.0.1:PORT");
    let mut lines: Vec<String> = Vec::new();
    let text = text.replace(", DEGRADED", "").replace(", INVALID", "");
    for line in text.lines() {
        // The heading ends in the duration; rows of endpoints in the latencies.
        let line = line.split(" · $").next().unwrap_or(line);
        let cut = line.find(" s").filter(|_| line.contains("@one") || line.contains("@two"));
        let line = match cut {
            Some(_) if line.ends_with(" s") => {
                line.rsplit_once("  ").map_or(line, |(left, _)| left)
            }
            _ => line,
        };
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

fn weights(dir: &Path) -> Value {
    let text = std::fs::read_to_string(dir.join("run/weights.json")).expect("written");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_today_without_an_answer_is_no_data_and_the_screen_says_why() {
    let dir = folder();
    prompts(dir.path());
    let stub = Stub::start(|asked: &Asked| {
        if asked.head.starts_with("POST /v1/") {
            stream(&["Paris"])
        } else {
            whole("404 Not Found", "application/json", r#"{"error":{"message":"Not Found"}}"#)
        }
    });
    catalog(dir.path(), stub.url.trim_end_matches("/v1"), &stub.url);
    let ran = weigh(dir.path(), &[]).exits(12).says(&["no data: acme/large@one answered nothing"]);
    insta::assert_snapshot!(steady(&ran.stdout, &stub.url), @r"
    prompts · NO DATA · 2 kinds of work · 12 tasks × 2 endpoints

      NO DATA for 2 kinds of work. Nothing gets weight.
    12 of 24 trials failed: 12 not_found (large@one)
    large@one: “HTTP 404: Not Found” at http://127.0.0.1:PORT/chat/completions.
      Does base_url end in /v1? It is http://127.0.0.1:PORT.

    work  share  verdict  today → instead  quality  at worst  $/1,000
    facts  50 %  NO DATA  large  large@one: all 6 trials failed: not_found
    names  50 %  NO DATA  large  large@one: all 6 trials failed: not_found
    Assumed  equal shares

    report.html, weights.json, *.csv and charts in run
    ");
    let file = weights(dir.path());
    for found in file["categories"].as_object().expect("an object").values() {
        assert_eq!(found["weights"], serde_json::json!({}), "{found}");
        assert_eq!(found["verdict"]["word"], "NO DATA", "{found}");
    }
    // The commands that read the run say so too.
    run(dir.path(), &["tune", "run"]).exits(12).says(&["no data: acme/large@one"]);
    let json = run(dir.path(), &["report", "run", "--format", "json"]).exits(12);
    let report: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(report["failures"][0]["words"], "HTTP 404: Not Found");
    assert_eq!(report["no_data"][0]["endpoint"], "acme/large@one");
    let markdown = std::fs::read_to_string(dir.path().join("run/report.md")).expect("written");
    assert!(markdown.contains("**What the providers said**"), "{markdown}");
    assert!(markdown.contains("Does base\\_url end in /v1?"), "{markdown}");
    let page = std::fs::read_to_string(dir.path().join("run/report.html")).expect("written");
    assert!(page.contains("What the providers said") && page.contains(">NO DATA"), "{page}");
}

#[test]
fn a_port_that_is_closed_is_named() {
    let dir = folder();
    prompts(dir.path());
    let stub = Stub::says("Paris");
    catalog(dir.path(), &stub.url, &format!("http://{NOBODY}/v1"));
    let ran = weigh(dir.path(), &["--category", "facts", "--no-content"]);
    let ran = ran.exits(12).says(&["no data: acme/mini@two answered nothing"]);
    assert!(ran.stdout.contains("NO DATA"), "{}", ran.stdout);
    assert!(ran.stdout.contains("reachable from here?"), "{}", ran.stdout);
    assert_eq!(weights(dir.path())["categories"]["facts"]["verdict"]["word"], "STAY");
}

/// What the screen says of graders.
fn doubts(screen: &str) -> String {
    let from = screen.lines().skip_while(|line| !line.starts_with("nobody"));
    from.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_category_that_nobody_passes_doubts_its_grader() {
    let dir = folder();
    prompts(dir.path());
    let stub = Stub::says("It is \u{1b}[2JParis.");
    catalog(dir.path(), &stub.url, &stub.url);
    let ran = weigh(dir.path(), &[]).completed();
    let said = doubts(&ran.stdout);
    insta::assert_snapshot!(said, @r"
    nobody passed facts: got “It is [2JParis.”, expected “Paris”: is the grader
      right?
    nobody passed names: got “It is [2JParis.”, expected “Paris”: is the grader
      right?
    ");
    assert!(!ran.stdout.contains('\u{1b}'), "{:?}", ran.stdout);

    std::fs::remove_dir_all(dir.path().join("run")).expect("removed");
    let ran = weigh(dir.path(), &["--no-content"]).completed();
    let said = doubts(&ran.stdout);
    insta::assert_snapshot!(said, @r"
    nobody passed facts: graded by exact: is the grader right?
    nobody passed names: graded by exact: is the grader right?
    ");
}

/// A run in which `mini` is wrong on two of twelve tasks, one of them without an answer.
fn differing() -> (tempfile::TempDir, Stub) {
    let dir = folder();
    prompts(dir.path());
    let stub = Stub::start(|asked: &Asked| {
        let is_mini = asked.body["model"].as_str().is_some_and(|model| model.contains("mini"));
        match (is_mini, asked.prompt.as_str()) {
            (true, "capital 3") => stream(&["Lyon\u{1b}[2J,", " the\u{202e} second city"]),
            (true, "capital 9") => {
                whole("400 Bad Request", "application/json", "{\"detail\":\"no\"}")
            }
            _ => stream(&["Paris"]),
        }
    });
    catalog(dir.path(), &stub.url, &stub.url);
    (dir, stub)
}

#[test]
fn answers_are_shown_chosen_and_compared() {
    let (dir, _stub) = differing();
    let ran = weigh(dir.path(), &[]).completed();
    let last: Vec<&str> = ran.stdout.lines().rev().take(2).collect();
    insta::assert_snapshot!(format!("{}\n{}", last[1], last[0]), @r"
    2 answers differ between today and mini@two:
      weighbridge show RUN --diff today,mini@two
    ");

    let show =
        |args: &[&str]| run(dir.path(), &[&["show", "run"][..], args].concat()).exits(0).stdout;
    insta::assert_snapshot!(show(&["--diff", "today,mini@two"]), @r"
    ── prompts/3 · facts · graded by exact ─────────────────────────────────────────
      user
        capital 3
      expected
        Paris
    ✓ acme/large@one · 1 · got “Paris”,    │ ✗ acme/mini@two · 0 · got “Lyon [2J,
      expected “Paris”                     │   the\u{202e} second city”, expected
      Paris                                │   “Paris”
                                           │   Lyon\u{1b}[2J, the\u{202e} second
                                           │   city

    ── prompts/9 · names · graded by exact ─────────────────────────────────────────
      user
        capital 9
      expected
        Paris
    ✓ acme/large@one · 1 · got “Paris”,    │ ✗ acme/mini@two · failed: bad_request
      expected “Paris”                     │   · “HTTP 400: no”
      Paris                                │
    ");
    insta::assert_snapshot!(show(&["--failed", "--category", "fact*"]), @r"
    ── prompts/3 · facts · graded by exact ─────────────────────────────────────────
      user
        capital 3
      expected
        Paris
    ✗ acme/mini@two · 0 · got “Lyon [2J, the\u{202e} second city”, expected “Paris”
        Lyon\u{1b}[2J, the\u{202e} second city
    ");
    assert_eq!(show(&["--endpoint", "mini@*", "--task", "*"]).matches("acme/mini@two").count(), 12);
    let lines = show(&["--failed", "--format", "json"]);
    assert!(!lines.contains(['\u{1b}', '\u{202e}']), "{lines}");
    let first: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert_eq!(first["answer"]["text"], "Lyon\u{1b}[2J, the\u{202e} second city");
    assert_eq!((&first["reference"], &first["score"]), (&"Paris".into(), &0.0.into()));
    let wide = weighbridge(dir.path())
        .env("COLUMNS", "160")
        .args(["show", "run", "--diff", "today,acme/mini@two"])
        .output()
        .expect("the binary runs");
    let wide = Ran::of(wide).exits(0).stdout;
    assert!(wide.lines().any(|line| line.chars().count() > 80), "{wide}");

    let refused =
        |args: &[&str]| run(dir.path(), &[&["show", "run"][..], args].concat()).exits(2).stderr;
    let said = [
        refused(&["--diff", "today,mimi@two"]),
        refused(&["--diff", "today,large@one"]),
        refused(&["--endpoint", "nano*"]),
        refused(&["--category", "fact"]),
        refused(&["--task", "t99"]),
    ];
    insta::assert_snapshot!(said.concat(), @r#"
    weighbridge: --diff "mimi@two" is no endpoint of this run; nearest: mini@two, acme/mini@two
    weighbridge: --diff today,large@one: both are acme/large@one; name two endpoints
    weighbridge: --endpoint "nano*" is no endpoint of this run; there are: large@one, acme/large@one, mini@two and 1 more
    weighbridge: --category "fact" matches nothing in this run; nearest: facts
    weighbridge: --task "t99" matches nothing in this run; nearest: 9
    "#);
}

#[test]
fn without_content_there_are_scores_and_faults_only() {
    let (dir, _stub) = differing();
    weigh(dir.path(), &["--no-content"]).completed();
    let shown = run(dir.path(), &["show", "run", "--failed"]).exits(0);
    insta::assert_snapshot!(shown.stdout, @r"
    ── prompts/3 · facts · graded by exact ─────────────────────────────────────────
    ✗ acme/mini@two · 0

    ── prompts/9 · names · graded by exact ─────────────────────────────────────────
    ✗ acme/mini@two · failed: bad_request
    ");
    assert!(shown.stderr.contains("keeps no prompts and no answers"), "{}", shown.stderr);
    run(dir.path(), &["report", "run", "--with-content"])
        .exits(2)
        .says(&["keeps no prompts and no answers", "leave out --with-content"]);
}

#[test]
fn a_report_with_content_is_its_owners_and_runs_only_its_search() {
    let (dir, _stub) = differing();
    weigh(dir.path(), &[]).completed();
    let path = dir.path().join("run/report.html");
    let before = std::fs::read_to_string(&path).expect("written");
    assert!(!before.contains("capital 3") && !before.contains("<script"), "{before}");
    run(dir.path(), &["report", "run", "--with-content"]).exits(0);
    let page = std::fs::read_to_string(&path).expect("written");
    assert!(page.contains("capital 3") && page.contains("Lyon\\u{1b}[2J"), "{page}");
    assert_eq!(page.matches("<details class=\"task\"").count(), 12);
    assert_eq!(page.matches("<details class=\"task\" data-failed>").count(), 2);
    assert_eq!(page.matches("<script>").count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o077, 0, "it holds prompts: {mode:o}");
    }
    // Without the flag they are gone again.
    run(dir.path(), &["report", "run"]).exits(0);
    assert!(!std::fs::read_to_string(&path).expect("written").contains("capital 3"));
}
