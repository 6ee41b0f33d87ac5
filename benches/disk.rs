//! A disk that fills up stops a run with a clear word, and takes nothing from it.
//!
//! ```sh
//! cargo bench --bench disk
//! ```
//!
//! 20 runs of 600 trials over HTTP, each on a small tmpfs of its own of which a file fills all but a random rest.
//! Needs the right to mount (root); without it the bench skips, and says so.
//!
//! Bars, for the runs that the disk stopped:
//! - it exits with 1 and says that the disk is full;
//! - what was recorded before reads, while the disk is still full;
//! - after space has returned, `--resume` brings it to its end: every trial `ok`, rows of trials.csv = planned,
//!   trials ≤ requests billed ≤ trials + requests in doubt.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use support::{Bars, Sim, csv, finished, folder, grouped, say, weighbridge};
use weighbridge::store::{ExistingRun, FILE_NAME, Reader};
use weighbridge::units::Seed;

const LEVELS: u64 = 20;
const TASKS: u64 = 300;
const ENDPOINTS: [&str; 2] = ["delta/dense@dune", "elm/moe@fjord"];
/// The whole disk, KiB; a run with its log and its report takes about a quarter.
const DISK_KIB: u64 = 24_576;
/// The most that is left free, KiB: below what the run itself takes.
const MOST_FREE_KIB: u64 = 1_200;

/// A tmpfs; it is unmounted when this is dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={DISK_KIB}k"), "tmpfs"]).arg(at);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[derive(Default)]
struct Sum {
    stopped: u64,
    midway: u64,
    clear: u64,
    read: u64,
    resumed: u64,
    paid_once: u64,
}

fn main() -> ExitCode {
    let mut bars = Bars::always(&format!("a full disk at {LEVELS} random levels"));
    let mut sum = Sum::default();
    for level in 0..LEVELS {
        let dir = folder();
        let Some(disk) = Disk::mount(&dir.path().join("disk")) else {
            say("   SKIPPED: no right to mount a tmpfs here");
            return ExitCode::SUCCESS;
        };
        one_level(&mut sum, level, dir.path(), &disk);
    }
    let of = |n: u64| grouped(n);
    bars.bar("runs that the disk stopped", &of(sum.stopped), "≥ 10", sum.stopped >= 10);
    let bar = format!("= {}", sum.stopped);
    bars.bar("of them with answers on record", &of(sum.midway), "≥ 5", sum.midway >= 5);
    bars.bar("exit 1, saying why", &of(sum.clear), &bar, sum.clear == sum.stopped);
    bars.bar("readable while it is full", &of(sum.read), &bar, sum.read == sum.stopped);
    bars.bar("brought to their end", &of(sum.resumed), &bar, sum.resumed == sum.stopped);
    bars.bar("billed within the bounds", &of(sum.paid_once), &bar, sum.paid_once == sum.stopped);
    bars.end()
}

fn one_level(sum: &mut Sum, level: u64, dir: &Path, disk: &Disk) {
    let prompts: Vec<String> =
        (0..TASKS).map(|i| format!("t{i},What is {i} plus 1?,{}\n", i + 1)).collect();
    let text = format!("id,question,expected\n{}", prompts.concat());
    std::fs::write(dir.join("prompts.csv"), text).expect("written");
    let sim = Sim::start(dir, &["--instant", "20", "--answers", "prompts.csv"]);
    let run = disk.0.join("run");
    let mut draw = Seed(1).draw("disk", &[&level.to_string()]);
    let free = draw.bits() % MOST_FREE_KIB;
    let filler = disk.0.join("filler");
    let bytes = usize::try_from((DISK_KIB - free) * 1024).expect("a small disk");
    std::fs::write(&filler, vec![0; bytes]).expect("it fits");

    let first = command(dir, &run).output().expect("the binary runs");
    let said = String::from_utf8_lossy(&first.stderr);
    if first.status.code() != Some(1) {
        say(&format!("   level {level}: {free} KiB were enough ({:?})", first.status.code()));
        return;
    }
    sum.stopped += 1;
    let clear = said.contains("disk is full") || said.contains("No space left");
    sum.clear += u64::from(clear);
    if !clear {
        say(&format!("   level {level}: it said {said}"));
    }
    let recorded = if run.join(FILE_NAME).exists() { readable(&run) } else { Ok(0) };
    match recorded {
        Ok(ended) => {
            sum.read += 1;
            sum.midway += u64::from(ended > 0);
        }
        Err(error) => say(&format!("   level {level}: {free} KiB free: {error}")),
    }
    std::fs::remove_file(&filler).expect("there");
    finished(&mut command(dir, &run), &[0, 13]);
    let planned = TASKS * ENDPOINTS.len() as u64;
    let rows = csv(&run.join("trials.csv")).filter(|row| row["status"] == "ok").count() as u64;
    sum.resumed += u64::from(rows == planned);
    let earlier = ExistingRun::open(&run).expect("readable").expect("a run");
    let in_doubt: u64 = earlier.trials.iter().map(|trial| u64::from(trial.in_doubt())).sum();
    drop(earlier);
    let billed = sim.ledger().len() as u64;
    sum.paid_once += u64::from((planned..=planned + in_doubt).contains(&billed));
}

/// How many trials have an ending, by a reader that changes nothing.
fn readable(run: &Path) -> Result<u64, weighbridge::store::StoreError> {
    let reader = Reader::open(run)?;
    reader.manifest()?;
    let mut ended = 0;
    reader.for_each_trial(weighbridge::store::Order::Plan, |row| {
        ended += u64::from(row.attempt.is_some());
        Ok::<_, weighbridge::store::StoreError>(())
    })?;
    Ok(ended)
}

fn command(dir: &Path, run: &Path) -> Command {
    let mut command = weighbridge(dir);
    command.args(["run", "--suite", "prompts.csv", "--catalog", Sim::CATALOG, "--yes", "--resume"]);
    command.args(["--concurrency", "8", "--out", &run.display().to_string()]);
    for endpoint in ENDPOINTS {
        command.args(["--endpoint", endpoint]);
    }
    command
}
