//! Bad input: one clear error each, exit 2, before any request is sent and anything is written.

use std::path::Path;

use crate::stub::Stub;
use crate::support::{Ran, csv, file, files, folder, measured, run, run_with, statuses, summary};

const PROMPTS: &str = "question,expected,type\nWhat is 1+1?,2,sums\nWhat is 2+2?,4,sums\n";

/// A folder in which all is well but for what a test spoils: a suite, a catalog, a server that
/// would answer.
struct Bench {
    dir: tempfile::TempDir,
    stub: Stub,
}

impl Bench {
    fn new() -> Self {
        let (dir, stub) = (folder(), Stub::says("2"));
        file(dir.path(), "prompts.csv", PROMPTS);
        file(dir.path(), "catalog.toml", &stub.catalog("context_window = 4096\n"));
        Self { dir, stub }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn file(&self, name: &str, text: &str) {
        file(self.path(), name, text);
    }

    /// Replaces text in the catalog.
    #[track_caller]
    fn spoil_catalog(&self, good: &str, bad: &str) {
        let text = self.stub.catalog("context_window = 4096\n");
        assert!(text.contains(good), "{good:?} is not in the catalog");
        self.file("catalog.toml", &text.replace(good, bad));
    }

    /// Runs the suite on the catalog with further arguments.
    fn run(&self, args: &[&str]) -> Ran {
        let usual = ["run", "--suite", "prompts.csv", "--catalog", "catalog.toml"];
        run(self.path(), &[&usual, args].concat())
    }

    /// Asserts a refusal: exit 2, one line that says all of these, nothing written, nothing sent.
    #[track_caller]
    fn refuses(&self, args: &[&str], parts: &[&str]) {
        self.refused(|| run(self.path(), args), parts);
    }

    /// Asserts that arguments are refused where they are read: exit 2, with all of these parts.
    #[track_caller]
    fn rejects_arguments(&self, args: &[&str], parts: &[&str]) {
        run(self.path(), args).exits(2).says(parts);
        assert!(!self.path().join("results").exists(), "no run folder");
    }

    /// The same for the suite on the catalog.
    #[track_caller]
    fn refuses_run(&self, args: &[&str], parts: &[&str]) {
        self.refused(|| self.run(args), parts);
    }

    #[track_caller]
    fn refused(&self, run: impl FnOnce() -> Ran, parts: &[&str]) {
        let before = files(self.path());
        let ran = run().exits(2).says(parts);
        assert_eq!(ran.stderr.lines().count(), 1, "one error, one line:\n{}", ran.stderr);
        assert!(ran.stderr.starts_with("weighbridge: "), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
        let names = |files: std::collections::BTreeMap<String, Vec<u8>>| {
            files.into_keys().collect::<Vec<_>>()
        };
        assert_eq!(names(before), names(files(self.path())), "nothing is written");
        assert!(!self.path().join("results").exists(), "no run folder");
        assert_eq!(self.stub.asked().len(), 0, "no request is sent");
    }
}

/// What the other tests rest on: unspoiled, the bench is weighed.
#[test]
fn all_is_well_before_it_is_spoilt() {
    measured(all_is_well_before_it_is_spoilt_once);
}

fn all_is_well_before_it_is_spoilt_once() {
    let bench = Bench::new();
    bench.run(&["--out", "here"]).weighed();
    assert_eq!(bench.stub.asked().len(), 2);
    assert!(bench.path().join("here/trials.csv").exists());
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest() {
    let bench = Bench::new();
    bench.spoil_catalog("context_window", "contxt_window");
    bench.refuses_run(&[], &["catalog.toml:9", "\"contxt_window\"", "\"context_window\""]);

    let bench = Bench::new();
    bench.file("weighbridge.toml", "models = [\"*\"]\n\n[objective]\ngaol = \"cheaper\"\n");
    bench.refuses_run(&[], &["weighbridge.toml:4", "\"gaol\"", "\"goal\""]);
    bench.file("weighbridge.toml", "models = [\"*\"]\n\n[trafic]\nrequests_per_month = 9\n");
    bench.refuses_run(&[], &["weighbridge.toml:3", "\"trafic\"", "\"traffic\""]);
}

#[test]
fn a_price_is_a_decimal_string_of_what_is_charged() {
    let bench = Bench::new();
    bench.spoil_catalog("\"1.00\"", "1.50");
    bench.refuses_run(&[], &["catalog.toml:8", "decimal string", "write input = \"1.50\""]);
    bench.spoil_catalog("\"2.00\"", "\"-2.00\"");
    bench.refuses_run(&[], &["catalog.toml:8", "output = \"-2.00\" is negative"]);
}

#[test]
fn a_price_in_the_wrong_unit_is_warned_of() {
    let bench = Bench::new();
    for (price, why) in [
        // $1.00 a million, written per thousand tokens, per token, and a thousand times too high.
        ("0.001", "per thousand"),
        ("0.000001", "dollars per token"),
        ("1000", "too high"),
    ] {
        bench.spoil_catalog("\"1.00\"", &format!("{price:?}"));
        let warning = [
            "catalog.toml:8: input of acme/large@stub",
            why,
            "prices are in dollars per million tokens",
        ];
        let list = ["catalog", "list", "--catalog", "catalog.toml"];
        run(bench.path(), &list).exits(0).says(&warning);
        let plan = ["plan", "--suite", "prompts.csv", "--catalog", "catalog.toml"];
        run(bench.path(), &plan).exits(0).says(&warning);
    }
    assert_eq!(bench.stub.asked().len(), 0);
}

#[test]
fn ids_are_unique() {
    let bench = Bench::new();
    bench.file(
        "twice.jsonl",
        "{\"id\":\"a\",\"prompt\":\"p\",\"reference\":\"1\"}\n\
         {\"id\":\"b\",\"prompt\":\"q\",\"reference\":\"2\"}\n\
         {\"id\":\"a\",\"prompt\":\"r\",\"reference\":\"3\"}\n",
    );
    bench.refuses(
        &["run", "--suite", "twice.jsonl", "--catalog", "catalog.toml"],
        &["twice.jsonl:3", "duplicate id `a`", "line 1"],
    );
    let catalog = bench.stub.catalog("");
    let endpoint = catalog.split_once("[[endpoint]]").expect("one").1;
    bench.file("catalog.toml", &format!("{catalog}[[endpoint]]{endpoint}"));
    bench.refuses_run(&[], &["catalog.toml:10", "acme/large@stub", "twice", "catalog.toml:6"]);
}

#[test]
fn shares_sum_to_1() {
    let bench = Bench::new();
    bench.file("weighbridge.toml", "[traffic]\nshare = { sums = 0.5, chat = 0.4 }\n");
    bench.refuses_run(&[], &["weighbridge.toml:2", "sums to 0.9, not to 1", "0.1 is missing"]);
}

#[test]
fn a_task_has_the_reference_that_its_grader_needs() {
    let bench = Bench::new();
    bench.file("prompts.csv", "question,expected,type\nWhat is 1+1?,2,sums\nAnd 2+2?,,sums\n");
    bench.refuses_run(
        &[],
        &["prompts.csv:3", "task `2` has no reference", "grader `number` needs", "grader `none`"],
    );
}

#[test]
fn broken_json_names_its_line() {
    let bench = Bench::new();
    let mut text: String = (1..7)
        .map(|i| format!("{{\"id\":\"{i}\",\"prompt\":\"p{i}\",\"reference\":\"{i}\"}}\n"))
        .collect();
    text.push_str("{\"id\":\"7\",\"prompt\":\"p7\" \"reference\":\"7\"}\n");
    bench.file("seven.jsonl", &text);
    bench.refuses(
        &["run", "--suite", "seven.jsonl", "--catalog", "catalog.toml"],
        &["seven.jsonl:7: broken JSON"],
    );
}

#[test]
fn columns_that_cannot_be_mapped_are_listed_with_the_flag() {
    let bench = Bench::new();
    bench.file("german.csv", "frage,antwort\nWie viel ist 1+1?,2\n");
    let german = ["run", "--suite", "german.csv", "--catalog", "catalog.toml"];
    bench.refuses(&german, &["german.csv", "`frage`, `antwort`", "--map \"prompt=frage\""]);
    bench.refuses(
        &[&german[..], &["--map", "prompt=fragen"]].concat(),
        &["no column `fragen` for the prompt", "`frage`, `antwort`", "--map"],
    );
    bench.rejects_arguments(
        &[&german[..], &["--map", "promt=frage"]].concat(),
        &["--map", "no field `promt`", "`prompt`"],
    );
}

#[test]
fn a_map_belongs_to_a_suite() {
    let bench = Bench::new();
    bench.refuses(
        &["run", "--catalog", "catalog.toml", "--map", "prompt=question"],
        &["--map", "--suite"],
    );
}

#[test]
fn a_key_variable_that_is_not_set_is_named() {
    let bench = Bench::new();
    bench.spoil_catalog("base_url", "api_key_env = \"STUB_API_KEY\"\nbase_url");
    bench.refuses_run(&[], &["\"stub\"", "STUB_API_KEY", "not set", "export STUB_API_KEY="]);
    let run_with_key = |key: &'static str| {
        let args = ["run", "--suite", "prompts.csv", "--catalog", "catalog.toml"];
        move |dir: &Path| run_with(dir, ("STUB_API_KEY", key), &args)
    };
    bench.refused(|| run_with_key(" ")(bench.path()), &["STUB_API_KEY", "not set"]);
    let broken = "mark-a7f3\nmark-b8e4";
    bench.refused(|| run_with_key(broken)(bench.path()), &["STUB_API_KEY", "cannot carry"]);
    let ran = run_with_key(broken)(bench.path());
    assert!(!ran.stderr.contains("mark-"), "a key is never shown: {}", ran.stderr);
}

#[test]
fn a_suite_holds_a_task() {
    let bench = Bench::new();
    bench.file("empty.jsonl", "\n");
    bench.refuses(
        &["run", "--suite", "empty.jsonl", "--catalog", "catalog.toml"],
        &["empty.jsonl has no tasks"],
    );
    bench.file("prompts.csv", "question,expected,type\n");
    bench.refuses_run(&[], &["prompts.csv has no tasks"]);
    bench.refuses(
        &["run", "--suite", "none.csv", "--catalog", "catalog.toml"],
        &["none.csv does not exist", "--suite takes"],
    );
}

#[test]
fn a_glob_that_matches_nothing_is_answered_with_the_nearest() {
    let bench = Bench::new();
    let check = |flag: &str, glob: &str, near: &str| {
        bench.refuses_run(&[flag, glob], &[glob, "matches nothing", "nearest", near]);
    };
    check("-m", "acme/lagre", "acme/large");
    check("--endpoint", "acme/large@stob", "acme/large@stub");
    check("--category", "smus", "sums");
    bench.refuses_run(&["--tag", "easy"], &["tag \"easy\" matches nothing"]);
}

#[test]
fn tasks_beyond_the_window_are_shown_and_not_sent() {
    measured(tasks_beyond_the_window_are_shown_and_not_sent_once);
}

fn tasks_beyond_the_window_are_shown_and_not_sent_once() {
    let bench = Bench::new();
    let long = "and then ".repeat(4_000);
    bench.file("prompts.csv", &format!("{PROMPTS}{long}?,3,sums\n"));
    bench.run(&["--out", "here"]).weighed();
    let here = bench.path().join("here");
    let trials = csv(&here.join("trials.csv"));
    assert_eq!(statuses(&trials), [("ineligible".into(), 1), ("ok".into(), 2)].into());
    let ineligible = trials.iter().find(|t| t["status"] == "ineligible").expect("counted above");
    assert_eq!((ineligible["task"].as_str(), ineligible["attempts"].as_str()), ("3", "0"));
    for never in ["score", "e2e_us", "cost_usd", "started_at", "error_class"] {
        assert_eq!(ineligible[never], "", "{never} of what was never sent is unknown");
    }
    assert_eq!(summary(&here, "acme/large@stub", "*", "ineligible"), "1");
    assert!(bench.stub.asked().iter().all(|asked| asked.prompt.len() < 1_000));
    let plan = ["plan", "--suite", "prompts.csv", "--catalog", "catalog.toml"];
    assert!(run(bench.path(), &plan).exits(0).stdout.contains("1 ineligible"));
}

#[test]
fn a_folder_that_holds_a_run_is_left_alone() {
    measured(a_folder_that_holds_a_run_is_left_alone_once);
}

fn a_folder_that_holds_a_run_is_left_alone_once() {
    let bench = Bench::new();
    bench.run(&["--out", "here"]).weighed();
    let (before, asked) = (files(bench.path()), bench.stub.asked().len());
    bench.run(&["--out", "here"]).exits(2).says(&["here already holds a run", "--out"]);
    assert_eq!(files(bench.path()), before);
    assert_eq!(bench.stub.asked().len(), asked);
}

#[test]
fn more_than_5_dollars_want_a_word() {
    let bench = Bench::new();
    // Billed, because it is not on this machine. Nothing is asked of it: the run is refused.
    let elsewhere = |price: &str| {
        bench.spoil_catalog(&bench.stub.url, "https://api.example.invalid/v1");
        let text = std::fs::read_to_string(bench.path().join("catalog.toml")).expect("written");
        bench.file("catalog.toml", &text.replace("\"1.00\"", price).replace("\"2.00\"", price));
    };
    let prompts: String = (0..60).map(|i| format!("What is {i}+1?,{},sums\n", i + 1)).collect();
    bench.file("prompts.csv", &format!("question,expected,type\n{prompts}"));
    elsewhere("\"5000\"");
    bench.refuses_run(&[], &["would cost about $", "--budget USD", "--yes", "weighbridge plan"]);
    bench.refuses_run(&["--budget", "0"], &["--budget must be above zero"]);
    bench.spoil_catalog("price = { input = \"1.00\", output = \"2.00\" }\n", "");
    bench.refuses_run(&["--budget", "3"], &["acme/large@stub", "no known price", "catalog"]);
}

#[test]
fn more_than_20_billed_endpoints_want_a_selection() {
    let bench = Bench::new();
    let mut catalog = String::from(
        "[[provider]]\nname = \"far\"\nbase_url = \"https://api.example.invalid/v1\"\n",
    );
    for i in 1..=21 {
        catalog.push_str(&format!(
            "[[endpoint]]\nmodel = \"acme/m{i}\"\nprovider = \"far\"\n\
             price = {{ input = \"200\", output = \"400\" }}\n"
        ));
    }
    bench.file("catalog.toml", &catalog);
    bench.refuses_run(&[], &["21 billed endpoints", "about $", "-m GLOB"]);
    bench.refuses_run(&["--yes"], &["21 billed endpoints", "about $"]);
}

#[test]
fn a_suite_with_nothing_to_run_on_names_the_keys_that_are_there() {
    let bench = Bench::new();
    std::fs::remove_file(bench.path().join("catalog.toml")).expect("it was there");
    let args = ["run", "--suite", "prompts.csv"];
    bench.refuses(&args, &["nothing to run on", "--catalog", "no provider's key"]);
    let key = ("OPENROUTER_API_KEY", "mark-5c1d9e");
    let with_key = || run_with(bench.path(), key, &args);
    bench.refused(with_key, &["nothing to run on", "OPENROUTER_API_KEY", "--demo"]);
    assert!(!with_key().stderr.contains("mark-"), "the key itself is not shown");
}

#[test]
fn today_is_in_the_catalog() {
    let bench = Bench::new();
    bench.file("weighbridge.toml", "[today]\nendpoint = \"acme/lagre@stub\"\n");
    bench.refuses_run(&[], &["[today]", "\"acme/lagre@stub\"", "acme/large@stub"]);
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    let bench = Bench::new();
    for (args, says) in [
        (&["run", "--virtual", "--catalog", "catalog.toml"][..], "cannot be used with"),
        (&["run", "--limit", "0"], "--limit"),
        (&["run", "--no-such-flag"], "--no-such-flag"),
        (&["run", "--resume"], "--resume"),
        (&["wiegh"], "wiegh"),
    ] {
        run(bench.path(), args).exits(2).says(&[says]);
    }
    assert_eq!(bench.stub.asked().len(), 0);
}

/// Runs the suite, grown so that its records outgrow a small disk, with `--out` on it.
#[cfg(unix)]
fn fill(bench: &Bench, command: &mut std::process::Command) -> Ran {
    let prompts: String = (0..1_500).map(|i| format!("What is {i}+1?,{},sums\n", i + 1)).collect();
    bench.file("prompts.csv", &format!("question,expected,type\n{prompts}"));
    let ran = Ran::of(command.output().expect("the binary runs"));
    ran.exits(1).says(&["the run stopped; what was recorded is in "])
}

/// What a run that stopped left behind can be read, elsewhere: here there is no room for a report.
#[cfg(unix)]
#[track_caller]
fn is_readable(left: &Path) {
    let elsewhere = folder();
    for (name, bytes) in files(left) {
        std::fs::write(elsewhere.path().join(name), bytes).expect("there is room here");
    }
    run(elsewhere.path(), &["report", "."]).exits(0);
    let trials = csv(&elsewhere.path().join("trials.csv"));
    assert_eq!(trials.len(), 1_500);
    let statuses = statuses(&trials);
    assert!(statuses.get("ok").is_some_and(|n| *n > 50), "{statuses:?}");
    assert!(statuses.get("skipped").is_some_and(|n| *n > 50), "{statuses:?}");
    let text = std::fs::read_to_string(elsewhere.path().join("report.md")).expect("written");
    assert!(text.contains("UNFINISHED"), "the report says so: {text}");
}

/// A limit on the size of a file: what a quota does. It needs no rights, so it runs everywhere.
#[cfg(unix)]
#[test]
fn a_file_that_may_not_grow_stops_the_run_and_keeps_what_was_written() {
    let bench = Bench::new();
    // Blocks of 512 bytes. A shell that ignores the signal leaves the error to the process.
    let script = "trap '' XFSZ; ulimit -f 1500; exec \"$0\" \"$@\"";
    let mut shell = std::process::Command::new("sh");
    shell.current_dir(bench.path()).args(["-c", script, env!("CARGO_BIN_EXE_weighbridge")]);
    shell.args(["run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", "here"]);
    let ran = fill(&bench, &mut shell);
    assert_eq!(ran.stdout, "");
    is_readable(&bench.path().join("here"));
}

/// A file system of its own, as large as it says; it is unmounted when this is dropped.
/// What the simulator is asked for and cannot have is the caller's to put right.
#[test]
fn a_simulator_that_cannot_listen_or_write_says_what_to_change() {
    let dir = folder();
    let check = |args: &[&str], parts: &[&str]| {
        let ran = run(dir.path(), &[&["sim", "--listen"][..], args].concat()).exits(2);
        ran.says(parts);
    };
    check(&["nowhere"], &["nowhere", "127.0.0.1:8100"]);
    check(&["127.0.0.1"], &["127.0.0.1:8100"]);
    // A host by its name is found; only the paths are wrong.
    check(&["localhost:0", "--ledger", "no/such/l.jsonl"], &["no/such/l.jsonl"]);
    check(&["localhost:0", "--write-catalog", "no/such/c.toml"], &["no/such/c.toml"]);
}

#[cfg(target_os = "linux")]
struct SmallDisk(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let at = folder();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"])
            .arg(at.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(at)),
            _ => {
                crate::support::skipped("a small disk cannot be mounted here");
                None
            }
        }
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).output();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_run_and_keeps_what_was_written() {
    let Some(disk) = SmallDisk::mount("1400k") else { return };
    let bench = Bench::new();
    let here = disk.0.path().join("here");
    let mut command = crate::support::weighbridge(bench.path());
    command.args(["run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out"]);
    let ran = fill(&bench, command.arg(&here));
    assert!(ran.stderr.contains("full"), "{}", ran.stderr);
    is_readable(&here);
}
