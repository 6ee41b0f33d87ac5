//! A finished run that is killed at any moment of `grade`, `tune` and `report` reads as before, and the
//! next command gives the bytes that it gives undisturbed.
//!
//! ```sh
//! cargo bench --bench kill_after              # 300 kills, some minutes
//! cargo bench --bench kill_after -- --quick   # 12 kills
//! cargo bench --bench kill_after -- --trials 3000
//! ```
//!
//! 30,000 trials in virtual time. Each command is killed at moments spread evenly over the time that it
//! takes, with SIGKILL, SIGTERM, SIGINT and SIGHUP in turn. After each kill the next command runs to
//! its end: the same one, or another of the three, in turn. Then every file of the folder is compared
//! with those of a folder in which nothing was ever killed.
//!
//! Bars, of each command and each signal:
//! - the next command ends well;
//! - every file but the run database has the same bytes, and no other file is there;
//! - the run database holds the same rows.
//!
//! It proves the same of an unoptimised build, so it runs in one too.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use support::{Bars, finished, folder, grouped, say, weighbridge};
use weighbridge::units::Clock;

/// Trials: tasks × endpoints × repeats of the demo are cut to about as many.
const TRIALS: usize = 30_000;
const KILLS: usize = 300;
const KILLS_QUICK: usize = 12;
const COMMANDS: [&str; 3] = ["grade", "tune", "report"];
const SIGNALS: [(&str, Signal); 4] =
    [("KILL", Signal::KILL), ("TERM", Signal::TERM), ("INT", Signal::INT), ("HUP", Signal::HUP)];

/// What the kills of one command came to.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    kills: usize,
    /// Kills that came before the command's own end.
    hit: usize,
    read: usize,
    same: usize,
}

/// The files of a folder, and the rows of its database.
type Content = BTreeMap<String, Vec<u8>>;

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (kills, usual) = if quick { (KILLS_QUICK, 2_000) } else { (KILLS, TRIALS) };
    let asked = std::env::args().skip_while(|argument| argument != "--trials").nth(1);
    let trials = asked.map_or(usual, |text| text.parse().expect("--trials N"));
    let mut bars = Bars::always(&format!("{kills} kills of grade, tune and report"));
    let dir = folder();
    let run = dir.path().join("run");
    make(dir.path(), trials);
    // Undisturbed: each command once, and how long it takes.
    let mut takes = [Duration::ZERO; 3];
    for (command, took) in COMMANDS.iter().zip(&mut takes) {
        let clock = Clock::real();
        finished(&mut on_run(dir.path(), command), &[0]);
        *took = clock.now().since(clock.anchor());
    }
    let expected = content(&run);
    let planned = rows(&run, "trial");
    bars.figure("trials", &grouped(u64::from(planned)));
    let took: Vec<String> =
        COMMANDS.iter().zip(takes).map(|(c, t)| format!("{c} {} ms", t.as_millis())).collect();
    bars.figure("undisturbed", &took.join(", "));
    let mut counts = [[Count::default(); 4]; 3];
    for n in 0..kills {
        let (command, signal) = (n % 3, n / 3 % 4);
        // Evenly over the command's time, and a little beyond it.
        let of = kills.div_ceil(3);
        let share = (n / 3) as f64 / of as f64;
        let wait = takes[command].mul_f64(1.05 * share);
        let hit = kill(dir.path(), COMMANDS[command], wait, SIGNALS[signal].1);
        // The next command is the same one or another.
        let next = COMMANDS[(command + n / 12) % 3];
        let ran = on_run(dir.path(), next).output().expect("the binary runs");
        let count = &mut counts[command][signal];
        count.kills += 1;
        count.hit += usize::from(hit);
        if !ran.status.success() {
            say(&format!("   {next}: {}", String::from_utf8_lossy(&ran.stderr)));
            continue;
        }
        count.read += 1;
        match difference(&expected, &content(&run)) {
            None => count.same += 1,
            Some(name) => say(&format!(
                "   {} after {} ms of {}, then {next}: {name} differs",
                SIGNALS[signal].0,
                wait.as_millis(),
                COMMANDS[command]
            )),
        }
    }
    judge(&mut bars, &counts, kills);
    bars.end()
}

fn judge(bars: &mut Bars, counts: &[[Count; 4]; 3], kills: usize) {
    let mut all = Count::default();
    for (command, counts) in COMMANDS.iter().zip(counts) {
        for ((signal, _), count) in SIGNALS.iter().zip(counts) {
            let Count { kills, hit, read, same } = *count;
            let figure = format!("{read} read, {same} same");
            let name = format!("{command}, {signal} ({hit} of {kills} in time)");
            let holds = read == kills && same == kills;
            bars.bar(&name, &figure, &format!("{kills} of {kills}"), holds);
            all.kills += kills;
            all.hit += hit;
            all.read += read;
            all.same += same;
        }
    }
    let figure = format!("{} read, {} same", all.read, all.same);
    let name = format!("all ({} of {} in time)", all.hit, all.kills);
    bars.bar(
        &name,
        &figure,
        &format!("{kills} of {kills}"),
        all.read == kills && all.same == kills,
    );
    // Kills that came too late prove nothing.
    bars.bar(
        "kills before the command's end",
        &all.hit.to_string(),
        "≥ 80 %",
        all.hit * 5 >= kills * 4,
    );
}

/// A finished run of about so many trials in virtual time.
fn make(dir: &Path, trials: usize) {
    let rows: Vec<String> =
        (0..trials / 10).map(|i| format!("t{i},What is {i} plus 1?,{}\n", i + 1)).collect();
    let text = format!("id,question,expected\n{}", rows.concat());
    std::fs::write(dir.join("prompts.csv"), text).expect("written");
    let mut command = weighbridge(dir);
    command.args(["run", "--virtual", "--suite", "prompts.csv", "--steady", "--yes"]);
    command.args(["--endpoint", "delta/dense@dune", "--endpoint", "elm/moe@fjord"]);
    command.args(["--repeats", "5", "--out", "run"]);
    finished(&mut command, &[0]);
}

fn on_run(dir: &Path, name: &str) -> Command {
    let mut command = weighbridge(dir);
    command.args([name, "run"]);
    command
}

/// Kills the command after this time; `false`: it had ended.
fn kill(dir: &Path, name: &str, wait: Duration, signal: Signal) -> bool {
    let mut command = on_run(dir, name);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.expect("the binary runs");
    std::thread::sleep(wait);
    let hit = child.try_wait().expect("it runs").is_none();
    // It may end in between.
    let _ = kill_process(Pid::from_child(&child), signal);
    child.wait().expect("it ends");
    hit
}

/// Every file below a folder but the database, and the database's rows.
fn content(run: &Path) -> Content {
    let mut found = Content::new();
    let mut folders: Vec<PathBuf> = vec![run.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(run).expect("below it").display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if name != "run.sqlite" {
                found.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    let scores = "SELECT group_concat(trial || ':' || ifnull(value, '-'), ' ') FROM
                  (SELECT trial, value FROM score ORDER BY trial)";
    let conn = rusqlite::Connection::open(run.join("run.sqlite")).expect("opens");
    let scores: String = conn.query_row(scores, [], |row| row.get(0)).expect("scores");
    found.insert("scores".to_owned(), scores.into_bytes());
    found
}

fn rows(run: &Path, table: &str) -> u32 {
    let conn = rusqlite::Connection::open(run.join("run.sqlite")).expect("opens");
    conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("rows")
}

/// The first file that is not the same in both.
fn difference(expected: &Content, found: &Content) -> Option<String> {
    let names = expected.keys().chain(found.keys());
    names.into_iter().find(|name| expected.get(*name) != found.get(*name)).cloned()
}
