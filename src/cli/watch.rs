//! The live view of a terminal: a line per endpoint.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console;
use crate::app::{LiveLoad, LiveRun};
use crate::run::EndpointProgress;
use crate::run::load::LoadState;
use crate::units::escape::escape_control;

/// The last line of the view. A notice printed between the lines would be drawn over.
#[derive(Clone, Debug, Default)]
pub(super) struct Notice(Arc<Mutex<String>>);

impl Notice {
    /// Prints it, on the terminal's last line or on stderr.
    pub(super) fn say(&self, text: &str) {
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
pub(super) struct Watcher {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How often the lines are drawn.
const REFRESH: Duration = Duration::from_millis(250);

impl Watcher {
    /// Draws a line per endpoint of a run.
    pub(super) fn of_run(live: LiveRun, notice: Notice) -> Self {
        Self::start(move |stop| draw(&live, &notice, stop))
    }

    /// Draws the one line of a load.
    pub(super) fn of_load(live: LiveLoad, notice: Notice) -> Self {
        Self::start(move |stop| draw_load(&live, &notice, stop))
    }

    fn start(draw: impl FnOnce(&AtomicBool) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = console::is_watched().then(|| std::thread::spawn(move || draw(&stopped)));
        Self { stop, thread }
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

fn draw(live: &LiveRun, notice: &Notice, stop: &AtomicBool) {
    let LiveRun { endpoints: names, state, clock } = live;
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
        state.with(|endpoints| {
            for ((name, bar), endpoint) in names.iter().zip(&bars).zip(endpoints) {
                bar.set_message(row(name, endpoint, elapsed));
            }
        });
        last.set_message(notice.now());
        std::thread::sleep(REFRESH);
    }
    let _ = lines.clear();
}

fn draw_load(live: &LiveLoad, notice: &Notice, stop: &AtomicBool) {
    let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_style(ProgressStyle::with_template("{msg}").expect("a fixed template"));
    let (mut last, mut sent) = (live.clock.now(), 0);
    while !stop.load(Ordering::Acquire) {
        std::thread::sleep(REFRESH);
        let (now, state) = (live.clock.now(), live.state.now());
        let rate = (state.sent - sent) as f64 / now.since(last).as_secs_f64();
        (last, sent) = (now, state.sent);
        let notice = notice.now();
        line.set_message(if notice.is_empty() {
            load_row(live.planned, &state, rate)
        } else {
            notice
        });
    }
    line.finish_and_clear();
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
