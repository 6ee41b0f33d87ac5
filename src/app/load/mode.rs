//! What makes requests leave: the flags, as a list of arrivals or a closed loop.

use std::time::Duration;

use anyhow::anyhow;

use crate::app::inputs::Inputs;
use crate::cli::args::LoadArgs;
use crate::cli::{Failure, refused};
use crate::plan::{Arrivals, Lengths, Shape, draw, read_trace};
use crate::run::load::{Closed, Prompts};
use crate::units::Seed;

/// How long requests are sent where nothing says.
const DEFAULT_WINDOW: Duration = Duration::from_secs(20);
/// The demo's rate where nothing says: enough for medians of every endpoint in 20 s.
const DEFAULT_RATE: f64 = 50.0;

/// What makes requests leave.
#[derive(Debug)]
pub enum Mode {
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
    pub fn lengths(&self) -> Option<&[Lengths]> {
        match self {
            Self::Open { arrivals, .. } => arrivals.lengths.as_deref(),
            Self::Closed(_) => None,
        }
    }
}

/// What the flags ask for.
pub fn mode(args: &LoadArgs, demo: bool) -> Result<Mode, Failure> {
    if args.speed.is_some() && args.trace.is_none() {
        return Err(refused(anyhow!("--speed is of a trace: add --trace FILE, or leave it out")));
    }
    if args.ramp.is_some() && args.concurrency.is_none() {
        return Err(refused(anyhow!("--ramp is of a closed loop: add -c N, or leave it out")));
    }
    let warmup = args.warmup.unwrap_or_default();
    if let Some(concurrency) = args.concurrency {
        let window = match (args.duration, args.requests) {
            (None, None) => Some(DEFAULT_WINDOW),
            (window, _) => window,
        };
        let (ramp, requests) = (args.ramp.unwrap_or_default(), args.requests);
        return Ok(Mode::Closed(Closed { concurrency, ramp, warmup, window, requests }));
    }
    if let Some(path) = &args.trace {
        let trace = read_trace(path).map_err(refused)?;
        let speed = args.speed.unwrap_or(1.0);
        let window = args.duration.map(|window| window + warmup);
        let before = trace.arrivals(speed, Some(warmup), None).len() as u64;
        let most = args.requests.map(|n| n + before);
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
    open(args, &shape(args, demo)?)
}

/// An open loop at a rate of a sweep.
pub fn at_rate(args: &LoadArgs, per_s: f64) -> Result<Mode, Failure> {
    open(args, &spread(args, per_s)?)
}

fn open(args: &LoadArgs, shape: &Shape) -> Result<Mode, Failure> {
    let (warmup, seed) = (args.warmup.unwrap_or_default(), Seed(args.pick.seed));
    let window = match (args.duration, args.requests, shape.span()) {
        (Some(window), ..) => Some(window + warmup),
        (None, _, Some(span)) => Some(span),
        (None, Some(_), None) => None,
        (None, None, None) => Some(DEFAULT_WINDOW + warmup),
    };
    let before = draw(shape, warmup, None, seed).map_err(refused)?.len() as u64;
    let most = args.requests.map(|n| n + before);
    let arrivals = draw(shape, window.unwrap_or(Duration::MAX), most, seed).map_err(refused)?;
    let window = window.filter(|_| most != Some(arrivals.len() as u64));
    Ok(Mode::Open { arrivals, shape: shape.to_string(), speed: 1.0, window })
}

/// The shape of arrivals that the flags ask for.
fn shape(args: &LoadArgs, demo: bool) -> Result<Shape, Failure> {
    if let Some(steps) = &args.steps {
        return format!("steps:{steps}").parse().map_err(refused);
    }
    let rate = match args.rate {
        Some(rate) => rate,
        None if demo => DEFAULT_RATE,
        None => {
            return Err(refused(anyhow!(
                "say how much load: -q PER_S (open loop), -c N (closed loop), --steps or --trace"
            )));
        }
    };
    spread(args, rate)
}

/// Arrivals at a rate, spread as `--arrivals` says.
fn spread(args: &LoadArgs, rate: f64) -> Result<Shape, Failure> {
    let text = match args.arrivals.split_once(':') {
        Some(("gamma", cv)) => format!("gamma:{rate},cv={cv}"),
        None if matches!(args.arrivals.as_str(), "poisson" | "constant") => {
            format!("{}:{rate}", args.arrivals)
        }
        _ => {
            return Err(refused(anyhow!(
                "--arrivals {}: write poisson, constant or gamma:CV, such as gamma:3",
                args.arrivals
            )));
        }
    };
    text.parse().map_err(|_| {
        refused(anyhow!(
            "-q {rate} --arrivals {}: a rate is above 0 and at most 1,000,000 a second, a coefficient of \
             variation from 0.01 to 10",
            args.arrivals
        ))
    })
}

/// What is asked.
pub fn prompts(mode: &Mode, inputs: &Inputs, warmup: Duration) -> Result<Prompts, Failure> {
    if let Mode::Open { arrivals, .. } = mode {
        let warmup = warmup.as_nanos();
        if arrivals.at_ns.last().is_none_or(|last| u128::from(*last) < warmup) {
            return Err(refused(anyhow!(
                "no request falls into the window after the warm-up; make it longer, or the rate higher"
            )));
        }
        if arrivals.lengths.is_some() {
            return Ok(Prompts::of_lengths(&inputs.plan));
        }
    }
    Prompts::of_tasks(&inputs.plan).ok_or_else(|| {
        refused(anyhow!(
            "no task is left that every endpoint can take; choose endpoints with -m or tasks with \
             --category"
        ))
    })
}

/// `poisson 200/s · 4000 requests`
pub fn describe(mode: &Mode) -> String {
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
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Cli, Command};

    fn arrivals(flags: &[&str]) -> Result<(usize, String), String> {
        let line = ["weighbridge", "load"].iter().chain(flags);
        let cli = Cli::try_parse_from(line).map_err(|e| e.to_string())?;
        let Command::Load(args) = cli.command else { return Err("another command".to_owned()) };
        match mode(&args, true).map_err(|failure| failure.error.to_string())? {
            Mode::Open { arrivals, shape, .. } => Ok((arrivals.len(), shape)),
            Mode::Closed(_) => Ok((0, "closed".to_owned())),
        }
    }

    fn check(flags: &[&str], n: usize, shape: &str) {
        assert_eq!(arrivals(flags), Ok((n, shape.to_owned())), "{flags:?}");
    }

    #[test]
    fn flags_make_a_list_of_arrivals() {
        check(&["-q", "100", "--arrivals", "constant", "-z", "2s"], 200, "constant 100/s");
        check(&["-q", "100", "-n", "70"], 70, "poisson 100/s");
        check(
            &["-q", "100", "-n", "70", "--warmup", "1s", "--arrivals", "constant"],
            170,
            "constant 100/s",
        );
        check(&["-q", "100", "-n", "7", "--arrivals", "gamma:3"], 7, "gamma 100/s, cv 3");
        check(&["-c", "4"], 0, "closed");
        assert!(arrivals(&["-q", "0"]).is_err());
        assert!(arrivals(&["-q", "9", "--arrivals", "even"]).is_err());
        assert!(arrivals(&["-q", "9", "-c", "9"]).is_err());
        assert!(arrivals(&["--slo", "ttfx=1s"]).is_err());
        assert!(arrivals(&["--speed", "2"]).is_err());
    }
}
