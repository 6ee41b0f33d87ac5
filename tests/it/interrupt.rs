//! Ctrl-C: once waits for what is under way, twice cuts it; either way everything is accounted for.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::stub::{Stub, stream};
use crate::support::{Ran, csv, file, folder, measured, run, statuses, summary, weighbridge};

/// How long a step may take before the test gives up; nothing here takes a second.
const BOUND: Duration = Duration::from_secs(60);

/// A server that holds every answer until it is told to let go, and tells of each request.
pub struct Holding {
    pub stub: Stub,
    arrived: Receiver<()>,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

impl Holding {
    pub fn start() -> Self {
        let (arrives, arrived): (Sender<()>, Receiver<()>) = channel();
        let arrives = Mutex::new(arrives);
        let gate = Arc::<(Mutex<bool>, Condvar)>::default();
        let held = Arc::clone(&gate);
        let stub = Stub::start(move |_| {
            let told = arrives.lock().map(|arrives| arrives.send(()));
            assert!(told.is_ok());
            let (open, changed) = &*held;
            let open = open.lock().expect("nobody panics while holding it");
            drop(changed.wait_while(open, |open| !*open));
            stream(&["2"])
        });
        Self { stub, arrived, gate }
    }

    pub fn wait_for(&self, requests: usize) {
        for _ in 0..requests {
            self.arrived.recv_timeout(BOUND).expect("a request");
        }
    }

    pub fn let_go(&self) {
        *self.gate.0.lock().expect("nobody panics while holding it") = true;
        self.gate.1.notify_all();
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// A run under way, whose stderr is read line by line.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    pub fn start(dir: &Path, more: &[&str]) -> Self {
        let mut child = weighbridge(dir)
            .args(["run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", "run"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let (say, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if say.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    pub fn interrupt(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Waits until it says this.
    pub fn says(&self, part: &str) {
        while !self.lines.recv_timeout(BOUND).expect("it goes on talking").contains(part) {}
    }

    /// Waits until it ends: its stderr closes.
    pub fn ends(mut self) -> Ran {
        let mut stderr = String::new();
        loop {
            match self.lines.recv_timeout(BOUND) {
                Ok(line) => stderr.push_str(&(line + "\n")),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    let _ = self.child.kill();
                    panic!("it does not end; so far:\n{stderr}");
                }
            }
        }
        let mut stdout = String::new();
        self.child.stdout.take().expect("piped").read_to_string(&mut stdout).expect("UTF-8");
        let code = self.child.wait().expect("it ends").code().unwrap_or(-1);
        Ran { code, stdout, stderr }
    }
}

/// 40 tasks for a server that holds its answers; at most `at_once` are under way.
pub fn bench(at_once: usize, limits: &str) -> (tempfile::TempDir, Holding) {
    let (dir, server) = (folder(), Holding::start());
    let rows: String = (0..40).map(|i| format!("What is {i}-{i}+2?,2\n")).collect();
    file(dir.path(), "prompts.csv", &format!("question,expected\n{rows}"));
    let limits = format!("limits = {{ concurrency = {at_once}{limits} }}\n");
    file(dir.path(), "catalog.toml", &server.stub.catalog(&limits));
    (dir, server)
}

#[test]
fn once_waits_for_what_is_under_way() {
    measured(once_waits_for_what_is_under_way_once);
}

fn once_waits_for_what_is_under_way_once() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let (dir, server) = bench(5, "");
        let running = Running::start(dir.path(), &[]);
        server.wait_for(5);
        running.interrupt(signal);
        running.says("interrupted");
        server.let_go();
        let ran =
            running.ends().exits(12).says(&["incomplete", "interrupted; 35 trials not asked"]);
        assert!(
            ran.stdout.contains("INCOMPLETE") || ran.stdout.contains("UNFINISHED"),
            "{}",
            ran.stdout
        );
        assert_eq!(server.stub.asked().len(), 5, "nothing new leaves");
        let here = dir.path().join("run");
        let trials = csv(&here.join("trials.csv"));
        assert_eq!(statuses(&trials), [("ok".into(), 5), ("skipped".into(), 35)].into());
        assert!(trials.iter().filter(|t| t["status"] == "ok").all(|t| t["score"] == "1"));
        assert_eq!(summary(&here, "acme/large@stub", "*", "skipped"), "35");
        assert_eq!(summary(&here, "acme/large@stub", "*", "in_doubt"), "0");
        run(dir.path(), &["report", "run"]).exits(0);
    }
}

#[test]
fn twice_cuts_and_counts_what_is_in_doubt() {
    measured(twice_cuts_and_counts_what_is_in_doubt_once);
}

fn twice_cuts_and_counts_what_is_in_doubt_once() {
    let (dir, server) = bench(7, "");
    let running = Running::start(dir.path(), &[]);
    server.wait_for(7);
    running.interrupt(Signal::INT);
    running.says("interrupted");
    running.interrupt(Signal::INT);
    running.ends().exits(12).says(&["interrupted twice", "33 trials not asked"]);
    let here = dir.path().join("run");
    let trials = csv(&here.join("trials.csv"));
    assert_eq!(statuses(&trials), [("in_doubt".into(), 7), ("skipped".into(), 33)].into());
    for trial in trials.iter().filter(|trial| trial["status"] == "in_doubt") {
        assert_eq!((trial["attempts"].as_str(), trial["cost_usd"].as_str()), ("1", ""));
        assert_ne!(trial["cost_upper_usd"], "", "what it may have cost is bounded");
        assert_ne!(trial["started_at"], "");
    }
    assert_eq!(summary(&here, "acme/large@stub", "*", "in_doubt"), "7");
    assert_eq!(summary(&here, "acme/large@stub", "*", "trials"), "0");
    run(dir.path(), &["report", "run"]).exits(0);
}

/// What is written to a folder that is gone is lost, so nothing more is bought.
#[test]
fn a_run_whose_folder_vanishes_stops() {
    let (dir, server) = bench(3, "");
    let running = Running::start(dir.path(), &[]);
    server.wait_for(3);
    std::fs::remove_dir_all(dir.path().join("run")).expect("removed");
    running.ends().exits(1).says(&["run.sqlite is gone: its folder was removed or moved"]);
    assert_eq!(server.stub.asked().len(), 3, "nothing new leaves");
    assert!(!dir.path().join("run").exists());
}

/// A rate limit of one a minute holds the rest back; an interrupt does not wait for it.
#[test]
fn what_waits_for_a_rate_limit_is_not_sent_after_an_interrupt() {
    measured(what_waits_for_a_rate_limit_is_not_sent_after_an_interrupt_once);
}

fn what_waits_for_a_rate_limit_is_not_sent_after_an_interrupt_once() {
    let (dir, server) = bench(8, ", requests_per_min = 1");
    let running = Running::start(dir.path(), &[]);
    server.wait_for(1);
    running.interrupt(Signal::INT);
    running.says("interrupted");
    server.let_go();
    running.ends().exits(12).says(&["interrupted; 39 trials not asked"]);
    assert_eq!(server.stub.asked().len(), 1);
    let trials = csv(&dir.path().join("run/trials.csv"));
    assert_eq!(statuses(&trials), [("ok".into(), 1), ("skipped".into(), 39)].into());
}

/// The process dies without a word: what it had sent is in doubt, and can be read.
#[test]
fn a_killed_run_is_readable() {
    measured(a_killed_run_is_readable_once);
}

fn a_killed_run_is_readable_once() {
    let (dir, server) = bench(6, "");
    let running = Running::start(dir.path(), &[]);
    server.wait_for(6);
    running.interrupt(Signal::KILL);
    running.ends().exits(-1);
    run(dir.path(), &["report", "run"]).exits(0);
    let trials = csv(&dir.path().join("run/trials.csv"));
    assert_eq!(statuses(&trials), [("in_doubt".into(), 6), ("skipped".into(), 34)].into());
    let page = std::fs::read_to_string(dir.path().join("run/report.md")).expect("written");
    assert!(page.contains("UNFINISHED"), "{page}");
}
