//! Run folders as they are found: after kills, with links in them, without their database, in use.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use weighbridge::units::Clock;

use crate::support::{Ran, assert_same, folder, made, run, weighbridge};

/// A finished run of the demo in virtual time, in `run` below the folder.
fn weigh(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let endpoints = ["--endpoint", "delta/dense@dune", "--endpoint", "elm/moe@fjord"];
    let usual = ["run", "--virtual", "--limit", "20", "--out", "run"];
    run(dir, &[&usual[..], &endpoints].concat()).exits(0);
    made(&dir.join("run"))
}

#[test]
fn a_kill_while_a_finished_run_is_worked_on_leaves_it_whole() {
    let dir = folder();
    weigh(dir.path());
    let commands = ["grade", "tune", "report"];
    let mut takes = BTreeMap::new();
    for command in commands {
        let clock = Clock::real();
        run(dir.path(), &[command, "run"]).exits(0);
        takes.insert(command, clock.now().since(clock.anchor()));
    }
    let expected = made(&dir.path().join("run"));
    let signals = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP];
    for (n, signal) in (0_u32..).zip(signals.into_iter().cycle().take(12)) {
        let command = commands[n as usize % 3];
        let mut child = weighbridge(dir.path())
            .args([command, "run"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        std::thread::sleep(takes[command] * (n + 1) / 13);
        let _ = kill_process(Pid::from_child(&child), signal);
        child.wait().expect("it ends");
        run(dir.path(), &[commands[(n as usize + n as usize / 3) % 3], "run"]).exits(0);
        assert_same(&made(&dir.path().join("run")), &expected);
    }
}

/// What a killed `grade` leaves: pages of the new scores in the file, the old ones in its journal.
#[test]
fn a_hot_journal_is_rolled_back_by_whoever_reads() {
    let dir = folder();
    let expected = weigh(dir.path());
    let file = dir.path().join("run/run.sqlite");
    let whole = std::fs::read(&file).expect("there");
    let half_written = |journal: &Path| {
        std::fs::write(&file, &whole).expect("written");
        let conn = rusqlite::Connection::open(&file).expect("opens");
        conn.execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE;")
            .expect("SQL");
        conn.execute_batch("DELETE FROM score; UPDATE trial SET attempts = attempts + 7;")
            .expect("SQL");
        let torn = (std::fs::read(&file), std::fs::read(journal));
        drop(conn);
        std::fs::write(&file, torn.0.expect("there")).expect("written");
        std::fs::write(journal, torn.1.expect("there")).expect("written");
    };
    let journal = dir.path().join("run/run.sqlite-journal");
    for command in [["report", "run"], ["tune", "run"], ["grade", "run"]] {
        half_written(&journal);
        assert_ne!(std::fs::read(&file).expect("there"), whole, "pages were written");
        run(dir.path(), &command).exits(0);
        assert!(!journal.exists(), "{command:?}");
        run(dir.path(), &["report", "run"]).exits(0);
        assert_same(&made(&dir.path().join("run")), &expected);
    }
    half_written(&journal);
    run(dir.path(), &["merge", "run", "--out", "merged"]).exits(0);
    assert_eq!(made(&dir.path().join("merged"))["trials.csv"].len(), expected["trials.csv"].len());
}

#[test]
fn what_a_killed_report_left_unfinished_is_cleared_away() {
    let dir = folder();
    let expected = weigh(dir.path());
    for name in ["run/.weighbridge-a1B2.tmp", "run/charts/.weighbridge-c3D4.tmp", "run/run.lock"] {
        std::fs::write(dir.path().join(name), "half").expect("written");
    }
    run(dir.path(), &["report", "run"]).exits(0);
    assert_same(&made(&dir.path().join("run")), &expected);
}

#[test]
fn a_finished_run_is_worked_on_by_one_process_at_a_time() {
    let dir = folder();
    weigh(dir.path());
    let lock = weighbridge::store::RunLock::take(&dir.path().join("run")).expect("free");
    let who = format!("process {}", std::process::id());
    for command in ["grade", "tune", "report"] {
        run(dir.path(), &[command, "run"]).exits(2).says(&["run is in use by", &who]);
    }
    drop(lock);
    run(dir.path(), &["report", "run"]).exits(0);
}

#[test]
fn a_run_that_lost_its_database_is_not_begun_again() {
    let dir = folder();
    let expected = weigh(dir.path());
    let file = dir.path().join("run/run.sqlite");
    let again = ["run", "--virtual", "--limit", "20", "--out", "run"];
    let resume = [&again[..], &["--resume"]].concat();
    for (state, lose) in [("empty", true), ("missing", false)] {
        if lose {
            std::fs::write(&file, "").expect("written");
        } else {
            std::fs::remove_file(&file).expect("there");
        }
        let said = format!(
            "run holds trials.csv of a run, and run.sqlite is {state}: a new run would pay for all \
             its requests again. Put run.sqlite back from a copy, or choose another --out"
        );
        for args in [&resume[..], &again[..]] {
            run(dir.path(), args).exits(2).says(&[&said]);
        }
        run(dir.path(), &["load", "--demo", "--rate", "1", "--duration", "1s", "--out", "run"])
            .exits(2);
    }
    std::fs::write(&file, "").expect("written");
    assert_same(&made(&dir.path().join("run")), &expected);
}

/// Runs a command that must not hang.
fn within(dir: &Path, args: &[&str]) -> Ran {
    let mut child = weighbridge(dir)
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let clock = Clock::real();
    while child.try_wait().expect("it runs").is_none() {
        if clock.now().since(clock.anchor()) > Duration::from_secs(30) {
            let _ = child.kill();
            panic!("{args:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ran::of(child.wait_with_output().expect("it ended"))
}

/// What is put at a path, and how.
type Way<'a> = (&'a str, Box<dyn Fn() + 'a>);

#[test]
fn nothing_in_a_run_folder_is_opened_through_a_link_or_a_pipe() {
    let (dir, elsewhere) = (folder(), folder());
    weigh(dir.path());
    let outside = elsewhere.path().join("mine");
    let pipe = elsewhere.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    let check = |name: &str, commands: &[&str]| {
        let path = dir.path().join("run").join(name);
        let aside = elsewhere.path().join("aside");
        let had = std::fs::rename(&path, &aside).is_ok();
        let mut ways: Vec<Way> = vec![
            ("symbolic link", Box::new(|| symlink(&outside, &path).expect("a link"))),
            ("pipe", Box::new(|| std::fs::rename(&pipe, &path).expect("moved"))),
        ];
        if name.starts_with("run.") {
            let second = || std::fs::hard_link(&outside, &path).expect("a link");
            ways.push(("second name", Box::new(second)));
        }
        for (what, put) in ways {
            std::fs::write(&outside, "mine").expect("written");
            put();
            for command in commands {
                let ran = within(dir.path(), &[command, "run"]);
                assert_ne!(ran.code, 0, "{command} with {name} as a {what}");
                let base = name.rsplit('/').next().expect("a name");
                ran.says(&[base, what, "move it away"]);
            }
            assert_eq!(std::fs::read_to_string(&outside).expect("there"), "mine", "{name}: {what}");
            if what == "pipe" {
                std::fs::rename(&path, &pipe).expect("moved back");
            } else {
                std::fs::remove_file(&path).expect("there");
            }
        }
        if had {
            std::fs::rename(&aside, &path).expect("moved back");
        }
    };
    let all = ["grade", "tune", "report"];
    check("run.lock", &all);
    for name in ["run.sqlite-wal", "run.sqlite-shm", "run.sqlite-journal"] {
        check(name, &["grade"]);
    }
    check("weights.json", &["tune", "report"]);
    for name in ["trials.csv", "report.html", "charts", "charts/weights.svg"] {
        check(name, &["report"]);
    }
    // A database elsewhere is not read either: what stands here is what is meant.
    let file = dir.path().join("run/run.sqlite");
    std::fs::rename(&file, &outside).expect("moved");
    symlink(&outside, &file).expect("a link");
    for command in all {
        within(dir.path(), &[command, "run"]).exits(2).says(&["run.sqlite", "symbolic link"]);
    }
    std::fs::remove_file(&file).expect("there");
    std::fs::rename(&outside, &file).expect("moved back");
    run(dir.path(), &["report", "run"]).exits(0);
}

/// A link to the folder itself is how `results/latest` works.
#[test]
fn a_run_folder_may_be_a_link() {
    let dir = folder();
    weigh(dir.path());
    symlink("run", dir.path().join("latest")).expect("a link");
    for command in ["grade", "tune", "report"] {
        run(dir.path(), &[command, "latest"]).exits(0);
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_says_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = folder();
    weigh(dir.path());
    let here = dir.path().join("run");
    let mode = |mode| {
        std::fs::set_permissions(&here, std::fs::Permissions::from_mode(mode)).expect("ours");
    };
    mode(0o555);
    if std::fs::write(here.join("probe"), "").is_ok() {
        mode(0o755);
        crate::support::skipped("this user writes where nobody may");
        return;
    }
    let remedy = "copy it to a place that you may write to";
    for command in ["grade", "tune", "report"] {
        run(dir.path(), &[command, "run"]).exits(2).says(&["run cannot be written to", remedy]);
    }
    mode(0o755);
}

/// A limit on the size of files ends a run as a full disk does: with an error, not by a signal.
#[test]
fn a_file_at_the_limit_of_its_size_is_an_error() {
    let dir = folder();
    let mut command = std::process::Command::new("sh");
    // 64 blocks of 512 or 1,024 bytes.
    command.args(["-c", "ulimit -f 64; exec \"$0\" run --virtual --limit 60 --out run"]);
    command.arg(env!("CARGO_BIN_EXE_weighbridge")).current_dir(dir.path());
    let ran = Ran::of(command.env("XDG_CACHE_HOME", dir.path()).output().expect("sh runs"));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let said = ran.stderr.lines().last().unwrap_or_default();
    assert!(said.starts_with("weighbridge: run/run.sqlite: "), "{said}");
    // Said once.
    assert_eq!(said.matches("run.sqlite").count(), 1, "{said}");
}

#[test]
fn a_cause_is_said_once() {
    let dir = folder();
    weigh(dir.path());
    std::fs::remove_file(dir.path().join("run/run.sqlite")).expect("there");
    std::fs::create_dir(dir.path().join("run/run.sqlite")).expect("made");
    let ran = run(dir.path(), &["report", "run"]).exits(2);
    insta::assert_snapshot!(ran.stderr, @"weighbridge: run/run.sqlite: this is a folder, and nothing is read or written through it: move it away, or put the thing itself in its place");
}
