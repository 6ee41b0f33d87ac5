//! No key reaches a file or a screen, even where the provider says it back.

use crate::stub::{Stub, events, stream, whole, whole_with};
use crate::support::{Ran, Sim, file, files, folder, measured, run, run_with};

/// Long enough for a real key, and nowhere else in the world.
const KEY: &str = "sk-Mark7/Qx+Vw93LpTz0RbYd";

/// What of the key may be found nowhere: the whole, its halves, its masked ends, and the forms in
/// which it travels.
const NOWHERE: [&str; 7] = [
    KEY,
    "Mark7",
    "LpTz0",
    "RbYd",
    "%2FQx%2BVw93",
    // Base64 of "Bearer sk-…" and of the key, a stretch of each.
    "IHNrLU1hcms3L1F4K1Z3OTNMcFR6",
    "c2stTWFyazcvUXgrVnc5M0xwVHow",
];

/// Providers that say back what they were sent, each in its way.
fn indiscreet(asked: &crate::stub::Asked) -> String {
    let sent = asked.header("authorization").expect("the key is sent").to_owned();
    let key = sent.strip_prefix("Bearer ").expect("a bearer token");
    let error = |message: String| {
        serde_json::json!({"error": {"message": message, "type": "auth"}}).to_string()
    };
    let json = "application/json";
    match asked.prompt.as_str() {
        "quoted" => whole("401 Unauthorized", json, &error(format!("bad header: {sent}"))),
        "masked" => {
            let masked = format!("{}****{}", &key[..8], &key[key.len() - 4..]);
            whole("401 Unauthorized", json, &error(format!("Incorrect API key: {masked}")))
        }
        "page" => {
            let padding = "<p>".repeat(90);
            whole("403 Forbidden", "text/html", &format!("{padding}authorization: {sent}"))
        }
        "encoded" => whole(
            "400 Bad Request",
            json,
            &error(
                "sk-Mark7%2FQx%2BVw93LpTz0RbYd QmVhcmVyIHNrLU1hcms3L1F4K1Z3OTNMcFR6MFJiWWQ= \
                    c2stTWFyazcvUXgrVnc5M0xwVHowUmJZZA=="
                    .to_owned(),
            ),
        ),
        "in the stream" => events(&[&error(format!("not allowed: {sent}"))]),
        "not JSON" => whole("200 OK", json, &format!("{sent} is not JSON")),
        "as the answer" => stream(&["You sent ", key, "."]),
        other => panic!("{other}"),
    }
}

#[test]
fn a_key_is_sent_and_found_nowhere() {
    measured(a_key_is_sent_and_found_nowhere_once);
}

fn a_key_is_sent_and_found_nowhere_once() {
    let (dir, stub) = (folder(), Stub::start(indiscreet));
    let asks =
        ["quoted", "masked", "page", "encoded", "in the stream", "not JSON", "as the answer"];
    let rows: String = asks.iter().map(|ask| format!("{ask},yes\n")).collect();
    file(dir.path(), "prompts.csv", &format!("question,expected\n{rows}"));
    let catalog = stub.catalog("").replace("base_url", "api_key_env = \"MARKED_KEY\"\nbase_url");
    file(dir.path(), "catalog.toml", &catalog);
    let args =
        ["-vvv", "run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", "run"];
    let ran = run_with(dir.path(), ("MARKED_KEY", KEY), &args);
    // A refused key ends the endpoint.
    assert!([12, 13].contains(&ran.code), "{}", ran.stderr);

    let asked = stub.asked();
    assert!(asked.len() >= asks.len());
    for request in asked {
        assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    }
    for part in ["HTTP 401", "bad header: Bearer [key]", "Incorrect API key: [key]"] {
        assert!(ran.stderr.contains(part), "what was said is kept: {part}\n{}", ran.stderr);
    }
    run_with(dir.path(), ("MARKED_KEY", KEY), &["report", "run"]).exits(0);
    let mut everything = files(dir.path());
    everything.insert("stdout".to_owned(), ran.stdout.into_bytes());
    everything.insert("stderr".to_owned(), ran.stderr.into_bytes());
    assert!(everything.contains_key("run/run.sqlite"));
    for (name, bytes) in &everything {
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        for part in NOWHERE {
            assert!(!text.contains(&part.to_lowercase()), "{part} is in {name}");
        }
    }
}

/// The variable's name is recorded, so that a run can be made again; its value is not.
#[test]
fn the_name_of_the_variable_is_kept() {
    measured(the_name_of_the_variable_is_kept_once);
}

fn the_name_of_the_variable_is_kept_once() {
    let (dir, stub) = (folder(), Stub::says("yes"));
    file(dir.path(), "prompts.csv", "question,expected\nsure?,yes\n");
    let catalog = stub.catalog("").replace("base_url", "api_key_env = \"MARKED_KEY\"\nbase_url");
    file(dir.path(), "catalog.toml", &catalog);
    let args = ["run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", "run"];
    run_with(dir.path(), ("MARKED_KEY", KEY), &args).weighed();
    let database = std::fs::read(dir.path().join("run/run.sqlite")).expect("written");
    let holds = |word: &str| database.windows(word.len()).any(|w| w == word.as_bytes());
    assert!(holds("MARKED_KEY") && !holds(KEY));
}

/// A stand-in that is no secret stays in answers: it may be what was asked for.
#[test]
fn a_stand_in_for_a_key_changes_no_answer() {
    measured(a_stand_in_for_a_key_changes_no_answer_once);
}

fn a_stand_in_for_a_key_changes_no_answer_once() {
    let (dir, stub) = (folder(), Stub::says("EMPTY"));
    file(dir.path(), "prompts.csv", "question,expected\nWhat is a list without items?,EMPTY\n");
    let catalog = stub.catalog("").replace("base_url", "api_key_env = \"MARKED_KEY\"\nbase_url");
    file(dir.path(), "catalog.toml", &catalog);
    let args = ["run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", "run"];
    run_with(dir.path(), ("MARKED_KEY", "EMPTY"), &args).weighed();
    let trials = crate::support::csv(&dir.path().join("run/trials.csv"));
    assert_eq!(trials[0]["score"], "1");
}

/// A catalog whose one provider takes its key so.
fn catalog_with(stub: &Stub, key: &str) -> String {
    stub.catalog("").replace("base_url", &format!("{key}\nbase_url"))
}

/// Asserts that nothing of the key is in any file below a folder, or in what was said.
#[track_caller]
fn assert_nowhere(dir: &std::path::Path, ran: &Ran) {
    let mut everything = files(dir);
    everything.insert("stdout".to_owned(), ran.stdout.clone().into_bytes());
    everything.insert("stderr".to_owned(), ran.stderr.clone().into_bytes());
    for (name, bytes) in &everything {
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        for part in NOWHERE {
            assert!(!text.contains(&part.to_lowercase()), "{part} is in {name}");
        }
    }
}

const RUN: [&str; 8] =
    ["-vvv", "run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", "run"];

#[test]
fn a_redirect_takes_no_key_along() {
    for status in [301, 302, 303, 307, 308] {
        // Whoever connects here was sent by a redirect.
        let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        elsewhere.set_nonblocking(true).expect("a socket");
        let address = elsewhere.local_addr().expect("bound");
        let location = format!("location: http://{address}/v1/chat/completions");
        let stub =
            Stub::start(move |_| whole_with(&format!("{status} Elsewhere"), &location, "{}"));
        let dir = folder();
        file(dir.path(), "prompts.csv", "question,expected\nsure?,yes\n");
        let catalog = catalog_with(&stub, "api_key_env = \"MARKED_KEY\"");
        file(dir.path(), "catalog.toml", &catalog);
        let ran = run_with(dir.path(), ("MARKED_KEY", KEY), &RUN).exits(1);
        assert_eq!(stub.asked().len(), 1, "{status}: a redirect is not tried again");
        let trial = &crate::support::csv(&dir.path().join("run/trials.csv"))[0];
        assert_eq!(trial["error_class"], "redirect", "{status}");
        let nobody = elsewhere.accept().map(|_| ()).map_err(|e| e.kind());
        assert_eq!(nobody, Err(std::io::ErrorKind::WouldBlock), "{status} was followed");
        assert_nowhere(dir.path(), &ran);
    }
}

/// All that the simulator can do to a request, under the eyes of every log. Most requests fail, so
/// each endpoint is given up soon after its first ones, which leave together.
#[test]
fn no_fault_shows_the_key() {
    use weighbridge::sim::FaultKind;
    let dir = folder();
    let rows: String = (0..24).map(|i| format!("{i},What is {i} + 1?,{}\n", i + 1)).collect();
    file(dir.path(), "tiny.csv", &format!("id,question,expected\n{rows}"));
    let share = 1.0 / (FaultKind::ALL.len() as f64 + 1.0);
    let faults: Vec<String> =
        FaultKind::ALL.iter().map(|kind| format!("--fault={}={share:.4}", kind.name())).collect();
    let map = "prompt=question,reference=expected";
    let mut sim_args = vec!["--answers", "tiny.csv", "--map", map];
    sim_args.extend(faults.iter().map(String::as_str));
    let sim = Sim::start(dir.path(), &sim_args);
    let fleet = std::fs::read_to_string(sim.catalog()).expect("written");
    let keyed = fleet.replace("base_url = ", "api_key_env = \"MARKED_KEY\"\nbase_url = ");
    file(dir.path(), "keyed.toml", &keyed);
    let what = ["--suite", "tiny.csv", "--map", map, "--catalog", "keyed.toml", "--yes"];
    let how = ["-c", "24", "--breaker", "2", "--patience", "1ms", "--out", "run"];
    let limits = ["--timeout", "first_token=500ms,stall=500ms,total=2s"];
    let args = [&["-vvv", "run"][..], &what, &how, &limits].concat();
    let ran = run_with(dir.path(), ("MARKED_KEY", KEY), &args);
    assert!([0, 1, 12, 13].contains(&ran.code), "{}", ran.stderr);
    let met: std::collections::BTreeSet<String> =
        sim.ledger().iter().filter_map(|line| line["fault"].as_str().map(str::to_owned)).collect();
    assert!(met.len() >= 25, "most faults were met: {met:?}");
    assert!(ran.stderr.contains("error="), "the log says what failed");
    assert_nowhere(dir.path(), &ran);
}

#[test]
fn a_command_says_the_key_once() {
    measured(a_command_says_the_key_once_once);
}

fn a_command_says_the_key_once_once() {
    let (elsewhere, dir, stub) = (folder(), folder(), Stub::says("yes"));
    let script = file(
        elsewhere.path(),
        "key.sh",
        &format!("echo ran >> \"$0.log\"\necho '  {KEY} '\necho '{KEY}' >&2\n"),
    );
    file(dir.path(), "prompts.csv", "question,expected\nsure?,yes\nreally?,yes\n");
    let catalog = catalog_with(&stub, &format!("api_key_cmd = [\"sh\", {script:?}]"))
        + "\n[[endpoint]]\nmodel = \"acme/small\"\nprovider = \"stub\"\nprice = \"free\"\n";
    file(dir.path(), "catalog.toml", &catalog);
    let ran = run(dir.path(), &RUN).weighed();
    assert_eq!(stub.asked().len(), 4);
    for request in stub.asked() {
        assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    }
    let log = std::fs::read_to_string(format!("{script}.log")).expect("it ran");
    assert_eq!(log, "ran\n", "once for two endpoints of one provider");
    assert_nowhere(dir.path(), &ran);
    let database = std::fs::read(dir.path().join("run/run.sqlite")).expect("written");
    let words = script.as_bytes();
    assert!(!database.windows(words.len()).any(|w| w == words), "nor are its arguments kept");
}

#[test]
fn a_command_that_fails_says_so_and_nothing_else() {
    let (elsewhere, stub) = (folder(), Stub::says("yes"));
    let check = |script: &str, said: &str| {
        let dir = folder();
        let path = file(elsewhere.path(), "key.sh", script);
        file(dir.path(), "prompts.csv", "question,expected\nsure?,yes\n");
        let catalog = catalog_with(&stub, &format!("api_key_cmd = [\"sh\", {path:?}]"));
        file(dir.path(), "catalog.toml", &catalog);
        let ran = run(dir.path(), &RUN).exits(2).says(&["provider \"stub\"", "sh ", said]);
        assert_nowhere(dir.path(), &ran);
        assert!(!dir.path().join("run").exists(), "nothing was written");
    };
    check(&format!("echo {KEY}; echo {KEY} >&2; exit 3"), "failed (exit status: 3)");
    check("true", "said nothing");
    check(&format!("echo hello; echo {KEY}"), "said more than one line");
    assert!(stub.asked().is_empty());

    let dir = folder();
    file(dir.path(), "prompts.csv", "question,expected\nsure?,yes\n");
    let absent = catalog_with(&stub, &format!("api_key_cmd = [\"no-such-program\", \"{KEY}\"]"));
    let catalog = file(dir.path(), "catalog.toml", &absent);
    let ran = run(dir.path(), &RUN).exits(2).says(&["no-such-program could not be started"]);
    std::fs::remove_file(catalog).expect("there");
    assert_nowhere(dir.path(), &ran);

    let both = "api_key_env = \"A_KEY\"\napi_key_cmd = [\"true\"]";
    file(dir.path(), "catalog.toml", &catalog_with(&stub, both));
    run(dir.path(), &RUN).exits(2).says(&["catalog.toml:4", "keep one of them"]);
    file(dir.path(), "catalog.toml", &catalog_with(&stub, "api_key_cmd = []"));
    run(dir.path(), &RUN).exits(2).says(&["catalog.toml:3", "names no program", "op://"]);
}

/// What a prompt, a system message, a reference and an answer hold, and an error that quotes them.
const CONTENT: [&str; 4] = ["PromptMark81", "SystemMark82", "ReferenceMark83", "AnswerMark84"];

#[test]
fn without_content_only_scores_are_kept() {
    measured(without_content_only_scores_are_kept_once);
}

fn without_content_only_scores_are_kept_once() {
    let reply = |asked: &crate::stub::Asked| {
        let said = format!("no: {} {}", asked.body, CONTENT[3]);
        match asked.prompt.split_once(' ').map_or("", |(first, _)| first) {
            "right" => stream(&[CONTENT[2]]),
            "wrong" => stream(&[CONTENT[3]]),
            "page" => whole("403 Forbidden", "text/html", &said),
            "broken" => events(&[&format!("{{\"choices\":{said}")]),
            _ => {
                let message = serde_json::json!({"error": {"message": said}}).to_string();
                whole("400 Bad Request", "application/json", &message)
            }
        }
    };
    let (dir, stub) = (folder(), Stub::start(reply));
    let asks = ["right", "wrong", "page", "broken", "quoted"];
    let rows: String =
        asks.iter().map(|ask| format!("{ask},{ask} {},{}\n", CONTENT[0], CONTENT[2])).collect();
    let inputs = folder();
    let prompts = file(inputs.path(), "prompts.csv", &format!("id,question,expected\n{rows}"));
    let variant = format!(
        "\n[[variant]]\nname = \"told\"\nmatch = \"acme/*\"\nsystem = \"{}\"\n",
        CONTENT[1]
    );
    let catalog = file(inputs.path(), "catalog.toml", &stub.catalog(&variant));
    let args = ["-vvv", "run", "--suite", &prompts, "--catalog", &catalog, "--out"];
    let kept = run(dir.path(), &[&args[..], &["kept"]].concat()).weighed();
    let bare = run(dir.path(), &[&args[..], &["bare", "--no-content"]].concat()).weighed();
    let bare = bare.says(&["prompts and answers are not kept"]);

    let holds = |name: &str, mark: &str| {
        let bytes = std::fs::read(dir.path().join(name)).expect(name);
        bytes.windows(mark.len()).any(|w| w == mark.as_bytes())
    };
    for mark in CONTENT {
        assert!(holds("kept/run.sqlite", mark), "{mark} is where it may be");
        assert!(!bare.stdout.contains(mark) && !bare.stderr.contains(mark), "{mark} was said");
        for name in files(dir.path()).keys().filter(|name| name.starts_with("bare/")) {
            assert!(!holds(name, mark), "{mark} is in {name}");
        }
    }
    assert!(kept.stderr.contains(CONTENT[3]), "the usual log quotes a provider's error");

    let scores = |folder: &str| -> Vec<[String; 4]> {
        let rows = crate::support::csv(&dir.path().join(folder).join("trials.csv"));
        let mut scores: Vec<_> = rows
            .iter()
            .map(|row| ["task", "endpoint", "status", "score"].map(|column| row[column].clone()))
            .collect();
        scores.sort();
        scores
    };
    assert_eq!(scores("bare"), scores("kept"), "what is graded does not depend on what is kept");
    assert!(scores("bare").iter().any(|row| row[3] == "1"));
    assert!(scores("bare").iter().any(|row| row[3] == "0"));
    // Its scores cannot be made again, so nothing may take them away.
    run(dir.path(), &["grade", "bare"])
        .exits(2)
        .says(&["keeps no answers", "those scores are kept"]);
    run(dir.path(), &["report", "bare"]).exits(0);
    assert_eq!(scores("bare"), scores("kept"));
}

/// Only their owner reads files that hold content, the write-ahead log too; a report is for others
/// as far as the mask allows.
#[cfg(unix)]
#[test]
fn content_is_for_its_owner_alone() {
    measured(content_is_for_its_owner_alone_once);
}

#[cfg(unix)]
fn content_is_for_its_owner_alone_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = folder();
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path).map(|found| found.permissions().mode() & 0o777)
    };
    let run_folder = dir.path().join("run");
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (looked, below) = (std::sync::Arc::clone(&seen), run_folder.clone());
    let stub = Stub::start(move |_| {
        for name in ["run.sqlite", "run.sqlite-wal", "run.sqlite-shm"] {
            let mode = mode(&below.join(name)).expect("there while the run is under way");
            looked.lock().expect("no panic").push((name, mode));
        }
        stream(&["yes"])
    });
    file(dir.path(), "prompts.csv", "question,expected\nsure?,yes\n");
    file(dir.path(), "catalog.toml", &stub.catalog(""));
    let masked = |mask: &str, out: &str| {
        let line = format!(
            "umask {mask}; exec \"$0\" run --suite prompts.csv --catalog catalog.toml --out {out}"
        );
        let mut shell = std::process::Command::new("sh");
        shell.current_dir(dir.path()).arg("-c").arg(line).arg(env!("CARGO_BIN_EXE_weighbridge"));
        Ran::of(shell.output().expect("a shell")).weighed();
    };
    masked("000", "run");
    let seen = seen.lock().expect("no panic");
    assert_eq!(seen.len(), 3);
    for (name, mode) in seen.iter() {
        assert_eq!(*mode, 0o600, "{name}");
    }
    drop(seen);
    assert_eq!(mode(&run_folder.join("run.sqlite")).expect("there"), 0o600);
    assert_eq!(mode(&run_folder.join("report.html")).expect("there"), 0o666);
    std::fs::remove_dir_all(&run_folder).expect("ours");
    masked("077", "run");
    for name in files(&run_folder).keys() {
        let mode = mode(&run_folder.join(name)).expect("there");
        assert_eq!(mode, 0o600, "{name} keeps to the mask");
    }
}
