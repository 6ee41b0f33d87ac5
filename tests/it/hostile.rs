//! What comes from models, providers, catalogs and suites is hostile. Nothing of it acts: in a
//! page, a chart, Markdown, a spreadsheet, a terminal or a path. The corpus is
//! `tests/hostile/corpus.json`.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::stub::{Asked, Stub, events, whole, whole_with};
use crate::support::{Ran, csv, file, files, folder, measured, run, skipped};

/// The texts.
fn corpus() -> Vec<String> {
    let text = include_str!("../hostile/corpus.json");
    serde_json::from_str(text).expect("a list of texts")
}

/// Whether a character acts on a terminal or on the text around it.
fn acts(c: char) -> bool {
    c.is_control()
        || ('\u{200b}'..='\u{200f}').contains(&c)
        || ('\u{2028}'..='\u{202e}').contains(&c)
        || ('\u{2060}'..='\u{206f}').contains(&c)
        || c == '\u{feff}'
        || c == '\u{ad}'
}

/// A provider that says the nth text of the corpus wherever it may say something; each in three
/// ways: as an answer, as an error, as an error within a stream.
fn hostile(asked: &Asked) -> String {
    let texts = corpus();
    let (n, way) = asked.prompt.split_once(' ').expect("a number and a way");
    let text = &texts[n.parse::<usize>().expect("a number") % texts.len()];
    let error = serde_json::json!({"error": {"message": text, "type": text, "code": text}});
    match way {
        "refused" => {
            let header = "x-request-id: 1";
            whole_with("400 Bad Request", header, &error.to_string())
        }
        "page" => whole("403 Forbidden", "text/html", text),
        "inside" => events(&[&error.to_string()]),
        _ => {
            let call = serde_json::json!({"index": 0, "id": text, "function":
                {"name": text, "arguments": text}});
            let delta = serde_json::json!({"content": text, "reasoning_content": text,
                "refusal": if n == "3" { text } else { "" }, "tool_calls": [call]});
            let first = serde_json::json!({"model": text, "provider": text, "id": text,
                "choices": [{"delta": delta, "finish_reason": null}]});
            let last = serde_json::json!({"model": text, "provider": text,
                "choices": [{"delta": {}, "finish_reason": text}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 1, "note": text}});
            events(&[&first.to_string(), &last.to_string(), "[DONE]"])
        }
    }
}

/// Inputs of which every name is of the corpus, as far as it loads: tasks, categories, tags and
/// clusters of a suite whose own name is one, models, providers and variants.
fn inputs(dir: &Path, stub: &Stub) -> (String, String) {
    let texts = corpus();
    let plain = |text: &String| !text.trim().is_empty() && !text.chars().any(char::is_control);
    let named: Vec<&String> = texts.iter().filter(|text| plain(text)).collect();
    let mut tasks = String::new();
    for (i, text) in texts.iter().enumerate() {
        let name = named[i % named.len()];
        for way in ["said", "refused", "page", "inside"] {
            // Few categories, so that each has tasks enough to be weighed.
            let task = serde_json::json!({
                "id": format!("{name}{i}{way}"), "prompt": format!("{i} {way}"), "reference": text,
                "grader": "contains", "category": named[i % 5 * 7], "tags": [name], "cluster": name,
            });
            tasks.push_str(&format!("{task}\n"));
        }
    }
    let header = format!(
        "name = {}\nversion = {}\nlicense = {}\ncategory = \"c\"\ngrader = \"contains\"\n",
        toml(named[0]),
        toml(named[1]),
        toml(named[2])
    );
    file(dir, "suite/suite.toml", &header);
    file(dir, "suite/tasks.jsonl", &tasks);
    let id = |text: &&&String| {
        !text.chars().any(|c| "@#*?".contains(c) || c.is_whitespace() || acts(c))
            && text.len() <= 256
    };
    let ids: Vec<&&String> = named.iter().filter(id).collect();
    assert!(ids.len() > 20, "most texts without spaces are names that a catalog takes");
    let mut catalog = String::new();
    for (i, name) in ids.iter().enumerate().take(24) {
        let model = ids[(i + 7) % ids.len()];
        catalog.push_str(&format!(
            "[[provider]]\nname = {}\nbase_url = \"{}\"\n[[endpoint]]\nmodel = {}\nprovider = {}\n\
             upstream_model = {}\nprice = {{ input = \"1.00\", output = \"2.00\" }}\n",
            toml(name),
            stub.url,
            toml(model),
            toml(name),
            toml(&texts[i]),
        ));
    }
    let variant = toml(ids[4]);
    catalog.push_str(&format!(
        "[[variant]]\nname = {variant}\nmatch = {}\nsystem = {variant}\n",
        toml(ids[7])
    ));
    (dir.join("suite").display().to_string(), file(dir, "catalog.toml", &catalog))
}

/// A text as TOML.
fn toml(text: &str) -> String {
    // JSON's escapes are TOML's, but for the delete character, which JSON leaves as it is.
    serde_json::to_string(text).expect("a text").replace('\u{7f}', "\\u007f")
}

/// Runs all of it in a folder below this one.
fn weighed(dir: &Path) -> Ran {
    let stub = Stub::start(hostile);
    let (suite, catalog) = inputs(&dir.join("inputs"), &stub);
    let args = ["-vv", "run", "--suite", &suite, "--catalog", &catalog, "--yes", "--limit", "60"];
    let below = dir.join("work/here");
    std::fs::create_dir_all(&below).expect("a folder");
    // Who answers like this is given up, by the breaker or for a refusal.
    let ran = run(&below, &[&args[..], &["--breaker", "0", "--out", "run"]].concat());
    assert!([0, 12, 13].contains(&ran.code), "exit {}, stderr:\n{}", ran.code, ran.stderr);
    ran
}

#[test]
fn nothing_acts_wherever_it_is_shown() {
    measured(nothing_acts_wherever_it_is_shown_once);
}

fn nothing_acts_wherever_it_is_shown_once() {
    let dir = folder();
    let ran = weighed(dir.path());
    let below = dir.path().join("work/here");
    for (name, said) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        let found = said.lines().find(|line| line.contains(acts));
        assert_eq!(found, None, "{name}");
    }
    let raw: Vec<String> =
        corpus().into_iter().filter(|text| text.contains(['<', '"', '\''])).collect();
    for (name, bytes) in files(&below.join("run")) {
        let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
        let text = String::from_utf8_lossy(&bytes);
        match kind {
            "html" | "svg" | "md" => {
                let acting = text.lines().find(|line| line.contains(acts));
                assert_eq!(acting, None, "{name}");
                for text_of in raw.iter().filter(|text| kind != "md" || text.contains('<')) {
                    assert!(!text.contains(text_of.as_str()), "{name} holds {text_of}");
                }
            }
            "csv" => assert_inert(&below.join("run").join(&name)),
            "json" => {
                serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
            }
            "sqlite" => {}
            other => panic!("{name}: what is a {other}?"),
        }
    }
    for args in [
        &["report", "run"][..],
        &["grade", "run"],
        &["tune", "run"],
        &["plan", "--suite", "../../inputs/suite", "--catalog", "../../inputs/catalog.toml"],
        &["suite", "list", "../../inputs/suite"],
        &["suite", "check", "../../inputs/suite"],
        &["catalog", "list", "--catalog", "../../inputs/catalog.toml"],
    ] {
        let ran = run(&below, args);
        let said = ran.stdout.clone() + &ran.stderr;
        let found = said.lines().find(|line| line.contains(acts));
        assert_eq!(found, None, "{args:?}");
        assert!(said.len() > 20 && [0, 2].contains(&ran.code), "{args:?}: {ran:?}");
    }
    for args in [
        &["suite", "list", "../../inputs/suite", "--format", "csv"][..],
        &["catalog", "list", "--catalog", "../../inputs/catalog.toml", "--format", "csv"],
    ] {
        let listed = run(&below, args).exits(0);
        assert_inert(Path::new(&file(&below, "listed.csv", &listed.stdout)));
    }
}

/// Asserts that no cell of a CSV file can be taken for a formula.
#[track_caller]
fn assert_inert(path: &Path) {
    let rows = csv(path);
    assert!(!rows.is_empty(), "{}", path.display());
    for (column, cell) in rows.iter().flatten() {
        let begins =
            cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
        assert!(!begins || cell.parse::<f64>().is_ok(), "{}: {column} is {cell:?}", path.display());
    }
}

#[test]
fn no_name_leaves_the_run_folder() {
    measured(no_name_leaves_the_run_folder_once);
}

fn no_name_leaves_the_run_folder_once() {
    let dir = folder();
    let elsewhere = Path::new("/tmp/weighbridge-was-here");
    assert!(!elsewhere.exists(), "remove {}, which this test looks for", elsewhere.display());
    weighed(dir.path());
    let made: BTreeSet<String> =
        files(dir.path()).into_keys().filter(|name| !name.starts_with("inputs/")).collect();
    let charts = [
        "cost-quality.svg",
        "latency-histogram.svg",
        "latency-nines.svg",
        "quality-by-category.svg",
        "weights.svg",
    ]
    .map(|chart| format!("charts/{chart}"));
    let all =
        ["latency.csv", "report.html", "report.md", "run.sqlite", "summary.csv", "trials.csv"]
            .map(str::to_owned);
    let expected: BTreeSet<String> = all
        .into_iter()
        .chain(["weights.json".to_owned()])
        .chain(charts)
        .map(|name| format!("work/here/run/{name}"))
        .collect();
    assert_eq!(made, expected);
    assert!(!elsewhere.exists());
}

/// Without `--out` the folder's name comes from the suite's.
#[test]
fn a_suite_names_one_folder_below_results() {
    measured(a_suite_names_one_folder_below_results_once);
}

fn a_suite_names_one_folder_below_results_once() {
    let stub = Stub::says("yes");
    for name in ["../../../escaped", "/tmp/escaped", "CON", "..", "$(touch x)", "\u{202e}gnp", "."]
    {
        let dir = folder();
        let below = dir.path().join("a/b/c");
        file(&below, "catalog.toml", &stub.catalog(""));
        let header = format!(
            "name = {}\nversion = \"1\"\nlicense = \"CC0-1.0\"\ncategory = \"c\"\ngrader = \"exact\"\n",
            toml(name)
        );
        file(&below, "s/suite.toml", &header);
        file(&below, "s/tasks.jsonl", "{\"id\":\"a\",\"prompt\":\"q\",\"reference\":\"yes\"}\n");
        run(&below, &["run", "--suite", "s", "--catalog", "catalog.toml"]).weighed();
        let results = std::fs::read_dir(below.join("results")).expect("made");
        let mut folders: Vec<String> =
            results.map(|e| e.expect("entry").file_name().into_string().expect("text")).collect();
        folders.retain(|name| name != "latest");
        let [only] = folders.as_slice() else { panic!("{name:?}: {folders:?}") };
        let safe = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(only.chars().all(safe) && only.len() < 80, "{name:?}: {only}");
        let outside = files(dir.path()).into_keys().find(|path| !path.starts_with("a/b/c/"));
        assert_eq!(outside, None, "{name:?}");
    }
}

/// Names that no table could show are refused before anything is asked or written.
#[test]
fn names_of_four_kibibytes_are_refused() {
    let stub = Stub::says("yes");
    let long = "x".repeat(4096);
    let check = |catalog: &str, header: &str, task: &str, said: &str| {
        let dir = folder();
        file(dir.path(), "catalog.toml", catalog);
        file(dir.path(), "s/suite.toml", header);
        file(dir.path(), "s/tasks.jsonl", task);
        let args = ["run", "--suite", "s", "--catalog", "catalog.toml", "--out", "run"];
        let ran = run(dir.path(), &args).exits(2).says(&[said]);
        assert!(ran.stderr.len() < 600, "it is not said back whole: {}", ran.stderr);
        assert!(!dir.path().join("run").exists());
    };
    let (catalog, header) = (
        stub.catalog(""),
        "name = \"s\"\nversion = \"1\"\nlicense = \"x\"\ncategory = \"c\"\ngrader = \"exact\"\n",
    );
    let task = "{\"id\":\"a\",\"prompt\":\"q\",\"reference\":\"yes\"}\n";
    let named = |name: &str| catalog.replace("acme/large", name);
    check(&named(&long), header, task, "model has 4096 bytes, more than the limit of 256");
    check(&catalog.replace("stub", &long), header, task, "name has 4096 bytes");
    let bidi = named("acme/\u{202e}egral");
    check(&bidi, header, task, "cannot be part of an endpoint's id");
    let id = task.replace("\"a\"", &format!("{long:?}"));
    check(&catalog, header, &id, "must have at most 200 characters");
    let suite = header.replace("\"s\"", &format!("{long:?}"));
    check(&catalog, &suite, task, "must have at most 200 characters");
    assert!(stub.asked().is_empty());
}

/// A browser, where there is one.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| path.is_file())
}

/// Whoever asks for `canary.test`, or for anything else that is not on the disk.
struct Canary {
    port: u16,
    asked: Arc<Mutex<Vec<u8>>>,
}

impl Canary {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let asked = Arc::<Mutex<Vec<u8>>>::default();
        let heard = Arc::clone(&asked);
        // Ends with the process: nobody waits for it.
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let mut head = [0; 4096];
                let mut socket = socket;
                let n = socket.read(&mut head).unwrap_or(0);
                heard.lock().expect("no panic").extend_from_slice(&head[..n]);
                // Unanswered, the browser would ask again and again. One that has gone does not care.
                let _ = socket.write_all(b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n");
            }
        });
        Self { port, asked }
    }

    fn was_asked(&self) -> bool {
        // In plain text, or as the name in a TLS hello: either way the name itself.
        let asked = self.asked.lock().expect("no panic");
        asked.windows(11).any(|part| part == b"canary.test")
    }
}

/// Opens a page and gives its document as it is after everything ran.
fn opened(browser: &Path, page: &Path, width: u32, canary: &Canary) -> String {
    let profile = folder();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--disable-background-networking", "--disable-component-update", "--no-first-run"])
        .args(["--disable-sync", "--disable-default-apps", "--disable-extensions", "--mute-audio"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--host-resolver-rules=MAP * 127.0.0.1:{}", canary.port))
        .arg(format!("--window-size={width},900"))
        // Time of the page's own, which passes as fast as it can.
        .arg("--virtual-time-budget=4000")
        // And an end, whatever the page does.
        .arg("--timeout=30000")
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()))
        .stderr(Stdio::null())
        .output()
        .expect("the browser runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn no_script_runs_in_a_browser_and_no_request_leaves() {
    measured(no_script_runs_in_a_browser_and_no_request_leaves_once);
}

fn no_script_runs_in_a_browser_and_no_request_leaves_once() {
    let Some(browser) = chromium() else {
        skipped("no Chromium is on the PATH, so no report was opened in one");
        return;
    };
    let dir = folder();
    // First what is not escaped: the marks that the rest must not show are seen here.
    let naked: String = corpus()
        .iter()
        .filter(|t| t.contains("ran="))
        .map(|t| format!("<div>{t}</div>\n"))
        .collect();
    let both =
        "<script>document.documentElement.dataset.ran=1;fetch('http://canary.test/')</script>";
    for (text, sees_both) in [(both, true), (&naked, false)] {
        let canary = Canary::start();
        let page = file(dir.path(), "naked.html", &format!("<!doctype html><p>{text}"));
        let document = opened(&browser, Path::new(&page), 800, &canary);
        if !document.contains("<html") {
            skipped("Chromium is here but opens no page");
            return;
        }
        let seen = [document.contains("data-ran"), canary.was_asked()];
        assert!(seen.contains(&true) && (seen == [true; 2] || !sees_both), "{seen:?}: {document}");
    }

    weighed(dir.path());
    let run = dir.path().join("work/here/run");
    let report = std::fs::read_to_string(run.join("report.html")).expect("written");
    let policy = report.lines().find(|line| line.contains("Content-Security-Policy"));
    let bare = report.replace(policy.expect("a policy"), "");
    // What is measured is written into the document, for which the policy must go.
    let measure = "<script>addEventListener('load',()=>{const e=document.documentElement;\
                   e.dataset.wide=e.scrollWidth>innerWidth?e.scrollWidth+'>'+innerWidth:'no'})\
                   </script></body>";
    let measured = bare.replace("</body>", measure);
    assert_ne!(measured, bare);
    let mut pages = vec![
        (file(&run, "as-it-is.html", &report), 800, false),
        (file(&run, "bare.html", &bare), 800, false),
    ];
    for width in [400, 800, 1280] {
        pages.push((file(&run, &format!("measured-{width}.html"), &measured), width, true));
    }
    for chart in files(&run.join("charts")).into_keys() {
        pages.push((run.join("charts").join(chart).display().to_string(), 800, false));
    }
    // A browser mostly waits: a few at a time.
    let next = Mutex::new(pages.into_iter());
    let open = || {
        while let Some((page, width, is_measured)) = next.lock().map_or(None, |mut n| n.next()) {
            let canary = Canary::start();
            let document = opened(&browser, Path::new(&page), width, &canary);
            assert!(document.len() > 1000, "{page} was opened: {document}");
            assert!(!document.contains("data-ran="), "{page}: a script ran");
            assert!(!canary.was_asked(), "{page}: a request left");
            if is_measured {
                assert!(document.contains("data-wide=\"no\""), "{page}: wider than {width} pixels");
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(open);
        }
    });
}
