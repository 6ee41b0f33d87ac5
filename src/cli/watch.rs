//! What a terminal shows while a run runs: a line per endpoint.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console;
use crate::run::load::{LoadProgress, LoadState};
use crate::run::{EndpointProgress, Progress};
use crate::units::Clock;
use crate::units::escape::escape_control;

/// What has to be said while the lines are drawn: said between them, it would be overdrawn.
#[derive(Clone, Debug, Default)]
pub struct Notice(Arc<Mutex<String>>);

impl Notice {
    /// Says it, on the terminal's last line or on stderr.
    pub fn say(&self, text: &str) {
        if console::is_watched() {
            escape_control(text)
                .as_ref()
                .clone_into(&mut self.0.lock().expect("nothing panics while it holds the notice"));
        } else {
            console::say(text);
        }
    }

    fn now(&self) -> String {
        self.0.lock().expect("nothing panics while it holds the notice").clone()
    }
}

/// Draws until it is dropped. Without a terminal it draws nothing.
pub struct Watcher {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How often the lines are drawn.
const REFRESH: Duration = Duration::from_millis(250);

impl Watcher {
    /// Starts drawing the state of these endpoints.
    pub fn start(
        names: Vec<String>,
        progress: Arc<Progress>,
        notice: Notice,
        clock: Clock,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        if !console::is_watched() {
            return Self { stop, thread: None };
        }
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || draw(&names, &progress, &notice, &clock, &stopped));
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn draw(names: &[String], progress: &Progress, notice: &Notice, clock: &Clock, stop: &AtomicBool) {
    let lines = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg}").expect("a fixed template");
    let line = || lines.add(ProgressBar::new_spinner().with_style(style.clone()));
    let heading = line();
    heading.set_message(format!(
        "{:<30} {:>11} {:>6} {:>9} {:>9} {:>8}",
        "endpoint", "done", "failed", "TTFT p50", "dollars", "left"
    ));
    let bars: Vec<ProgressBar> = names.iter().map(|_| line()).collect();
    let last = line();
    let started = clock.now();
    while !stop.load(Ordering::Acquire) {
        let elapsed = clock.now().since(started);
        progress.with(|endpoints| {
            for ((name, bar), endpoint) in names.iter().zip(&bars).zip(endpoints) {
                bar.set_message(row(name, endpoint, elapsed));
            }
        });
        last.set_message(notice.now());
        std::thread::sleep(REFRESH);
    }
    let _ = lines.clear();
}

impl Watcher {
    /// Starts drawing the one line of a load run. `planned`: so many requests there will be.
    pub fn of_load(
        planned: Option<u64>,
        progress: Arc<LoadProgress>,
        notice: Notice,
        clock: Clock,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        if !console::is_watched() {
            return Self { stop, thread: None };
        }
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
                .with_style(ProgressStyle::with_template("{msg}").expect("a fixed template"));
            let (mut last, mut sent) = (clock.now(), 0);
            while !stopped.load(Ordering::Acquire) {
                std::thread::sleep(REFRESH);
                let (now, state) = (clock.now(), progress.now());
                let rate = (state.sent - sent) as f64 / now.since(last).as_secs_f64();
                (last, sent) = (now, state.sent);
                let notice = notice.now();
                line.set_message(if notice.is_empty() {
                    load_row(planned, &state, rate)
                } else {
                    notice
                });
            }
            line.finish_and_clear();
        });
        Self { stop, thread: Some(thread) }
    }
}

/// The line of a load run, at most 80 columns.
fn load_row(planned: Option<u64>, state: &LoadState, per_s: f64) -> String {
    let asked = planned.map_or(state.asked.to_string(), |n| format!("{}/{n}", state.asked));
    let ttft = state.ttft_p50.map_or("–".to_owned(), |t| format!("{:.2} s", t.as_secs_f64()));
    let dropped =
        if state.dropped > 0 { format!(" · {} dropped", state.dropped) } else { String::new() };
    format!(
        "{asked} asked · {} ok · {} failed{dropped} · {per_s:.0}/s · TTFT p50 {ttft}",
        state.ok, state.failed
    )
}

/// One endpoint's line, at most 80 columns.
fn row(name: &str, endpoint: &EndpointProgress, elapsed: Duration) -> String {
    let name: String = escape_control(name).chars().take(30).collect();
    let done = format!("{}/{}", endpoint.done, endpoint.total);
    let ttft =
        endpoint.ttft_p50().map_or("–".to_owned(), |t| format!("{:.2} s", t.as_secs_f64()));
    let left = match endpoint.eta(elapsed) {
        _ if endpoint.done >= endpoint.total => "done".to_owned(),
        Some(left) => format!("{} s", left.as_secs() + 1),
        None => "–".to_owned(),
    };
    format!(
        "{name:<30} {done:>11} {:>6} {ttft:>9} {:>9} {left:>8}",
        endpoint.failed,
        format!("${}", endpoint.cost.to_fixed(4)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_a_terminal() {
        let mut endpoint = EndpointProgress { total: 100_000, done: 99_999, ..Default::default() };
        endpoint.ttft.record(Duration::from_secs(99));
        let line = row(&"x".repeat(90), &endpoint, Duration::from_secs(9_999));
        assert!(line.chars().count() <= 80, "{line}");
    }
}
