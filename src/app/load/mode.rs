//! What makes requests leave: the flags, as a list of arrivals or a closed loop.

use std::time::Duration;

use crate::app::error::{AppError, refused};
use crate::app::inputs::Inputs;
use crate::app::options::LoadOptions;
use crate::plan::{Arrivals, Lengths, Shape, draw, read_trace};
use crate::run::load::{Closed, Prompts};
use crate::units::Seed;

/// How long requests are sent where nothing says.
pub(super) const DEFAULT_WINDOW: Duration = Duration::from_secs(20);
/// The demo's rate where nothing says: enough for medians of every endpoint in 20 s.
const DEFAULT_RATE: f64 = 50.0;

/// What makes requests leave.
#[derive(Debug)]
pub(super) enum Mode {
    /// A list of arrivals.
    Open {
        /// The list.
        arrivals: Arrivals,
        /// Its shape, for people.
        shape: String,
        /// How many times as fast as recorded a trace is replayed.
        speed: f64,
        /// The window, warm-up included; `None`: the list ends by its number.
        window: Option<Duration>,
    },
    /// Users who ask again once answered.
    Closed(Closed),
}

impl Mode {
    /// The lengths of a trace's requests.
    pub(super) fn lengths(&self) -> Option<&[Lengths]> {
        match self {
            Self::Open { arrivals, .. } => arrivals.lengths.as_deref(),
            Self::Closed(_) => None,
        }
    }
}

/// What the flags ask for.
pub(super) fn mode(options: &LoadOptions, demo: bool) -> Result<Mode, AppError> {
    if options.speed.is_some() && options.trace.is_none() {
        return Err(refused("--speed requires --trace FILE"));
    }
    if options.ramp.is_some() && options.concurrency.is_none() {
        return Err(refused("--ramp requires a closed loop: -c N"));
    }
    let warmup = options.warmup.unwrap_or_default();
    if let Some(concurrency) = options.concurrency {
        let window = match (options.duration, options.requests) {
            (None, None) => Some(DEFAULT_WINDOW),
            (window, _) => window,
        };
        let (ramp, requests) = (options.ramp.unwrap_or_default(), options.requests);
        return Ok(Mode::Closed(Closed { concurrency, ramp, warmup, window, requests }));
    }
    if let Some(path) = &options.trace {
        let trace = read_trace(path).map_err(refused)?;
        let speed = options.speed.unwrap_or(1.0);
        let window = options.duration.map(|window| window + warmup);
        let before = trace.arrivals(speed, Some(warmup), None).len() as u64;
        let most = options.requests.map(|n| n + before);
        let arrivals = trace.arrivals(speed, window, most);
        // A list that ends before its window is as long as it is.
        let window = window.filter(|window| {
            trace.span().div_f64(speed) >= *window && most != Some(arrivals.len() as u64)
        });
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let shape = if (speed - 1.0).abs() < f64::EPSILON {
            format!("trace {name}")
        } else {
            format!("trace {name} at {speed}×")
        };
        return Ok(Mode::Open { arrivals, shape, speed, window });
    }
    open(options, &shape(options, demo)?)
}

/// An open loop at a rate of a sweep.
pub(super) fn at_rate(options: &LoadOptions, per_s: f64) -> Result<Mode, AppError> {
    open(options, &spread(options, per_s)?)
}

fn open(options: &LoadOptions, shape: &Shape) -> Result<Mode, AppError> {
    let (warmup, seed) = (options.warmup.unwrap_or_default(), Seed(options.select.seed));
    let window = match (options.duration, options.requests, shape.span()) {
        (Some(window), ..) => Some(window + warmup),
        (None, _, Some(span)) => Some(span),
        (None, Some(_), None) => None,
        (None, None, None) => Some(DEFAULT_WINDOW + warmup),
    };
    let before = draw(shape, warmup, None, seed).map_err(refused)?.len() as u64;
    let most = options.requests.map(|n| n + before);
    let arrivals = draw(shape, window.unwrap_or(Duration::MAX), most, seed).map_err(refused)?;
    let window = window.filter(|_| most != Some(arrivals.len() as u64));
    Ok(Mode::Open { arrivals, shape: shape.to_string(), speed: 1.0, window })
}

/// The shape of arrivals that the flags ask for.
fn shape(options: &LoadOptions, demo: bool) -> Result<Shape, AppError> {
    if let Some(steps) = &options.steps {
        return format!("steps:{steps}").parse().map_err(refused);
    }
    let rate = match options.rate {
        Some(rate) => rate,
        None if demo => DEFAULT_RATE,
        None => {
            return Err(refused(
                "no load is given: add -q PER_S (open loop), -c N (closed loop), --steps or --trace",
            ));
        }
    };
    spread(options, rate)
}

/// Arrivals at a rate, spread as `--arrivals` says.
fn spread(options: &LoadOptions, rate: f64) -> Result<Shape, AppError> {
    let text = match options.arrivals.split_once(':') {
        Some(("gamma", cv)) => format!("gamma:{rate},cv={cv}"),
        None if matches!(options.arrivals.as_str(), "poisson" | "constant") => {
            format!("{}:{rate}", options.arrivals)
        }
        _ => {
            return Err(refused(format!(
                "--arrivals {}: write poisson, constant or gamma:CV, such as gamma:3",
                options.arrivals
            )));
        }
    };
    text.parse().map_err(|_| {
        refused(format!(
            "-q {rate} --arrivals {}: a rate is above 0 and at most 1,000,000 a second, a coefficient of \
             variation from 0.01 to 10",
            options.arrivals
        ))
    })
}

/// What is asked.
pub(super) fn prompts(mode: &Mode, inputs: &Inputs, warmup: Duration) -> Result<Prompts, AppError> {
    if let Mode::Open { arrivals, .. } = mode {
        let warmup = warmup.as_nanos();
        if arrivals.at_ns.last().is_none_or(|last| u128::from(*last) < warmup) {
            return Err(refused(
                "no request falls into the window after the warm-up; raise the duration or the rate",
            ));
        }
        if arrivals.lengths.is_some() {
            return Ok(Prompts::of_lengths(&inputs.plan));
        }
    }
    Prompts::of_tasks(&inputs.plan).ok_or_else(|| {
        refused(
            "no task is left that every endpoint can take; choose endpoints with -m or tasks with \
             --category",
        )
    })
}

/// `poisson 200/s · 4000 requests`
pub(super) fn describe(mode: &Mode) -> String {
    match mode {
        Mode::Open { arrivals, shape, .. } => format!("{shape} · {} requests", arrivals.len()),
        Mode::Closed(closed) => {
            let each = format!("{} at a time", closed.concurrency);
            let until = match (closed.requests, closed.window) {
                (Some(n), _) => format!("{n} requests"),
                (None, Some(window)) => format!("{window:?}"),
                (None, None) => String::new(),
            };
            format!("{each} · {until}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut LoadOptions), expected: Option<(usize, &str)>) {
        let mut options = LoadOptions::default();
        change(&mut options);
        let found = mode(&options, true).ok().map(|mode| match mode {
            Mode::Open { arrivals, shape, .. } => (arrivals.len(), shape),
            Mode::Closed(_) => (0, "closed".to_owned()),
        });
        assert_eq!(found, expected.map(|(n, shape)| (n, shape.to_owned())), "{options:?}");
    }

    #[test]
    fn options_make_a_list_of_arrivals() {
        let constant = |o: &mut LoadOptions| {
            (o.rate, o.arrivals) = (Some(100.0), "constant".to_owned());
        };
        let two = Some(Duration::from_secs(2));
        check(|o| (constant(o), o.duration = two).1, Some((200, "constant 100/s")));
        check(|o| (o.rate, o.requests) = (Some(100.0), Some(70)), Some((70, "poisson 100/s")));
        check(
            |o| {
                constant(o);
                (o.requests, o.warmup) = (Some(70), Some(Duration::from_secs(1)));
            },
            Some((170, "constant 100/s")),
        );
        check(
            |o| {
                (o.rate, o.requests) = (Some(100.0), Some(7));
                o.arrivals = "gamma:3".to_owned();
            },
            Some((7, "gamma 100/s, cv 3")),
        );
        check(|o| o.concurrency = Some(4), Some((0, "closed")));
        check(|o| o.rate = Some(0.0), None);
        check(|o| (o.rate, o.arrivals) = (Some(9.0), "even".to_owned()), None);
        check(|o| o.speed = Some(2.0), None);
    }
}
