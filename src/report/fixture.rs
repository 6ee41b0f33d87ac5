//! Runs made up for the tests of this folder: a usual one, a large one, a hostile one, an empty
//! one.

use std::collections::BTreeMap;

use crate::aggregate::{
    CategoryMetrics, Cell, Counts, Difference, EndpointMetrics, Latency, LatencyMetric, RunMetrics,
    ScoreTable, Significance, Today, TokenSums,
};
use crate::report::RunReport;
use crate::stats::{Estimate, Level, Method};
use crate::test_kit;
use crate::units::{
    Category, EndpointId, Goal, Judging, Manifest, RunEnding, Slo, SuiteStamp, Usd, Validity,
    ValidityMark,
};
use crate::weights::{
    CategoryWeights, CellEstimates, Expected, FORMAT_VERSION, Objective, PARTS, TaskForecast,
    Verdict, VerdictWord, WeightsFile,
};

/// The report of a made-up run.
pub(super) fn report((metrics, weights): &(RunMetrics, WeightsFile)) -> RunReport {
    RunReport::new(metrics, weights)
}

/// An endpoint to be made: id, skill, dollars per task, median TTFT in seconds, tail ratio.
struct Make(&'static str, f64, f64, f64, f64);

/// The example: three endpoints, three categories with stated shares.
pub(super) fn support() -> (RunMetrics, WeightsFile) {
    let made = [
        Make("acme/large@azure", 0.923, 0.009_51, 0.41, 1.9),
        Make("birch/pro@birch", 0.920, 0.010_81, 0.99, 1.57),
        Make("acme/mini@azure", 0.888, 0.002_85, 0.35, 1.77),
    ];
    let categories = [("classify", 0.60, 0.0), ("extract", 0.25, -0.02), ("reply", 0.15, -0.04)];
    let mut metrics = build("support", &made, &categories, 480, true);
    metrics.today.stated = true;
    for (category, tasks) in metrics.categories.iter_mut().zip([480, 200, 120]) {
        category.share_stated = true;
        category.tasks = tasks;
    }
    metrics.counts = counts(2_400, 0);
    metrics.cost = "18.536".parse().expect("decimal");
    metrics.cost_upper = metrics.cost;
    metrics.simulated = false;
    metrics.manifest.demo = false;
    let mut weights = weigh(&metrics, &[VerdictWord::Move, VerdictWord::NotYet, VerdictWord::Stay]);
    let gap = |value, low, high| Some(estimate(value, low, high, 480, Method::T));
    set(&mut weights, "classify", "acme/mini@azure", gap(0.005, -0.023, 0.028), "3.08");
    set(&mut weights, "extract", "acme/mini@azure", gap(-0.012, -0.050, 0.026), "2.10");
    (metrics, weights)
}

fn set(
    weights: &mut WeightsFile,
    category: &str,
    candidate: &str,
    difference: Option<Estimate>,
    saves: &str,
) {
    let found = weights.categories.get_mut(category).expect("made above");
    found.verdict.candidate = Some(candidate.to_owned());
    found.verdict.difference = difference;
    found.verdict.saves_per_1000_usd = Some(saves.parse().expect("decimal"));
    if found.verdict.word == VerdictWord::Move {
        found.weights = BTreeMap::from([(candidate.to_owned(), PARTS)]);
    }
}

/// The demo's size: 11 endpoints over 9 categories, simulated, in virtual time.
pub(super) fn demo() -> (RunMetrics, WeightsFile) {
    let made = [
        Make("acme/large@azure", 0.93, 0.009_5, 0.41, 1.9),
        Make("acme/mini@azure", 0.86, 0.002_8, 0.30, 1.8),
        Make("acme/nano@azure", 0.71, 0.000_31, 0.21, 1.7),
        Make("birch/pro@birch", 0.92, 0.010_8, 0.99, 1.6),
        Make("birch/pro@cloudy", 0.915, 0.008_1, 0.62, 2.9),
        Make("birch/swift@birch", 0.83, 0.001_2, 0.24, 2.2),
        Make("cedar/think-70b@cedar", 0.95, 0.031, 1.80, 1.5),
        Make("cedar/chat-70b@forge", 0.81, 0.000_88, 0.35, 3.4),
        Make("delta/coder-large@delta", 0.88, 0.004_2, 0.52, 1.7),
        Make("elm/open-8b@forge", 0.62, 0.000_09, 0.12, 1.9),
        Make("elm/open-27b@house", 0.74, 0.000_22, 0.28, 4.0),
    ];
    let categories = [
        ("classification", 0.0, 0.03),
        ("code output", 0.0, -0.10),
        ("extraction", 0.0, 0.01),
        ("instruction following", 0.0, -0.04),
        ("long context", 0.0, -0.08),
        ("multiple choice", 0.0, -0.02),
        ("text transformation", 0.0, 0.0),
        ("tool calling", 0.0, -0.05),
        ("word problems", 0.0, -0.06),
    ];
    let metrics = build("demo", &made, &categories, 54, false);
    let words = [VerdictWord::Move, VerdictWord::NotYet, VerdictWord::Stay, VerdictWord::Move];
    let mut weights = weigh(&metrics, &words);
    let split = weights.categories.get_mut("long context").expect("made above");
    split.weights = BTreeMap::from([
        ("birch/swift@birch".to_owned(), 640_000),
        ("acme/large@azure".to_owned(), 300_000),
        ("elm/open-8b@forge".to_owned(), 60_000),
    ]);
    (metrics, weights)
}

/// Every name tries to break out of where it is shown; every number is at an edge.
pub(super) fn hostile() -> (RunMetrics, WeightsFile) {
    let made = [
        Make("<script>alert(1)</script>/x@p\"onload=\"a", 0.9, 0.001, 0.4, 2.0),
        Make("a|b`c\u{202e}gnp@\u{1b}[31mred\u{7}", 0.8, 0.0, 0.3, 2.0),
        Make("模型/一个很长很长很长很长很长很长的名字@提供者\r\n=cmd", 0.7, f64::NAN, 1e-9, 9.0),
        Make("=HYPERLINK(1)/</style><svg onload=x>@q#v", f64::NAN, 1e9, 1e6, 1.0),
    ];
    let categories = [
        ("<b>&amp;</b>", 0.0, 0.0),
        ("=1+1|`x`", 0.0, -0.1),
        ("a-category-whose-name-is-far-too-long-to-be-shown-in-any-table-of-the-report", 0.0, 0.1),
    ];
    let mut metrics = build("<i>x</i> \u{1b}]0;title\u{7}", &made, &categories, 8, false);
    metrics
        .manifest
        .notes
        .push("</p><script src=http://evil></script> ${{7*7}} {{7*7}}".to_owned().into());
    let mut weights = weigh(&metrics, &[VerdictWord::Stay, VerdictWord::NotYet, VerdictWord::Move]);
    for found in weights.categories.values_mut() {
        found.verdict.why = "</svg><script>x</script>\u{1b}[2J".to_owned();
    }
    (metrics, weights)
}

/// Nothing was scored, nothing was even answered.
pub(super) fn empty() -> (RunMetrics, WeightsFile) {
    let mut metrics = build("empty", &[], &[("only", 1.0, 0.0)], 0, false);
    metrics.endpoints = vec![EndpointMetrics {
        id: EndpointId::from_text("acme/large@azure"),
        model: "acme/large".to_owned(),
        provider: "azure".to_owned(),
        priced: false,
        limits: crate::catalog::Limits::default(),
        all: Cell::default(),
        cells: vec![Cell::default()],
        uncounted: 0,
        local: None,
        served: crate::aggregate::RoutingCounts::default(),
        billed_factor: None,
    }];
    metrics.today.endpoint = None;
    metrics.manifest.ended = None;
    let mut weights = weigh(&metrics, &[VerdictWord::Stay]);
    weights.categories.clear();
    weights.notes.push("nothing was scored, so there are no weights".to_owned().into());
    (metrics, weights)
}

fn build(
    name: &str,
    made: &[Make],
    categories: &[(&str, f64, f64)],
    tasks: u64,
    wide: bool,
) -> RunMetrics {
    let equal = 1.0 / categories.len() as f64;
    let categories_made: Vec<CategoryMetrics> = categories
        .iter()
        .map(|&(name, share, _)| CategoryMetrics {
            name: Category::new(name),
            tasks,
            share: if share > 0.0 { share } else { equal },
            share_stated: false,
        })
        .collect();
    let best = made
        .iter()
        .filter(|m| !m.1.is_nan())
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|m| if wide { made[0].0 } else { m.0 });
    let endpoints: Vec<EndpointMetrics> = made
        .iter()
        .enumerate()
        .map(|(i, make)| endpoint(i, make, categories, tasks, best == Some(make.0)))
        .collect();
    let all = counts(tasks * (categories.len() * made.len()) as u64, 3);
    RunMetrics {
        damage: crate::aggregate::Damage::default(),
        manifest: manifest(name),
        simulated: true,
        counts: all,
        cost: endpoints.iter().map(|e| e.all.cost).sum(),
        cost_upper: endpoints.iter().map(|e| e.all.cost_upper).sum(),
        today: Today { endpoint: best.map(EndpointId::from_text), stated: false, apart: false },
        categories: categories_made,
        endpoints,
        scores: ScoreTable::default(),
        failures: Vec::new(),
        unpassed: Vec::new(),
    }
}

fn endpoint(
    i: usize,
    make: &Make,
    categories: &[(&str, f64, f64)],
    tasks: u64,
    is_today: bool,
) -> EndpointMetrics {
    let (model, provider) = make.0.split_once('@').unwrap_or((make.0, ""));
    let cells = categories
        .iter()
        .enumerate()
        .map(|(c, (_, _, ease))| {
            let wobble = ((i * 7 + c * 13) % 11) as f64 / 11.0 - 0.5;
            let skill = (make.1 + ease + 0.06 * wobble).clamp(0.02, 0.995);
            cell(tasks, if make.1.is_nan() { f64::NAN } else { skill }, make, is_today)
        })
        .collect();
    let all = cell(tasks * categories.len() as u64, make.1, make, is_today);
    EndpointMetrics {
        id: EndpointId::from_text(make.0),
        model: model.to_owned(),
        provider: provider.to_owned(),
        priced: !make.2.is_nan(),
        limits: crate::catalog::Limits::default(),
        all,
        cells,
        uncounted: 0,
        local: None,
        served: crate::aggregate::RoutingCounts::default(),
        billed_factor: None,
    }
}

fn cell(n: u64, skill: f64, make: &Make, is_today: bool) -> Cell {
    let spread = |p: f64| 1.96 * libm::sqrt(p * (1.0 - p) / n as f64);
    let quality = (!skill.is_nan()).then(|| {
        let half = spread(skill);
        estimate(skill, (skill - half).max(0.0), (skill + half).min(1.0), n, Method::Wilson)
    });
    let gap = skill - 0.923;
    let half = 1.2 * spread(skill.clamp(0.05, 0.95));
    let significance = match gap {
        g if g + half < 0.0 => Significance::Worse,
        g if g - half > 0.0 => Significance::Better,
        _ => Significance::Unclear,
    };
    let cost_per_task =
        (!make.2.is_nan()).then(|| estimate(make.2, make.2 * 0.94, make.2 * 1.06, n, Method::T));
    let mut per_pass = cost_per_task
        .map(|c| estimate(c.value / skill, c.value, c.value * 2.0, n, Method::Fieller));
    if n < 20 {
        per_pass = per_pass.map(|c| Estimate { high: None, ..c });
    }
    #[expect(clippy::cast_possible_truncation, reason = "made-up dollars, far below 2^63 units")]
    let cost = Usd::from_raw((make.2.min(1e3) * 1e9) as i128 * 1_000_000_000_000_000).times(n);
    let rate = |value: f64| Some(estimate(value, value - 0.01, 1.0, n, Method::Wilson));
    Cell {
        counts: counts(n, 1.min(n)),
        failures: BTreeMap::from([("server", 1.min(n))]),
        quality,
        availability: rate(0.985),
        availability_retried: rate(0.998),
        cost,
        cost_upper: cost,
        cost_per_task,
        cost_per_pass: per_pass,
        vs_today: (quality.is_some() && !is_today).then(|| Difference {
            estimate: estimate(gap, gap - half, gap + half, n, Method::T),
            p: 0.02,
            p_adjusted: 0.04,
            significance,
            se: half / 1.96,
            detectable: half * 1.43,
        }),
        latency: BTreeMap::from([
            (LatencyMetric::Ttft, latency(n, make.3, make.4)),
            (LatencyMetric::E2e, latency(n, make.3 + 0.8, 1.4)),
        ]),
        slo_miss: rate(0.04),
        output_tokens: Some(31.4),
        input_tokens: Some(210.0),
        tokens: TokenSums { input: 210 * n, cached_input: 0, output: 31 * n, reasoning: 0 },
        ..Cell::default()
    }
}

fn latency(n: u64, median: f64, tail: f64) -> Latency {
    let floors =
        [(500, 6, 0.0), (900, 36, 0.674), (950, 72, 1.0), (990, 368, 1.8), (999, 3_688, 2.9)];
    let percentiles: BTreeMap<u16, Estimate> = floors
        .iter()
        .filter(|(_, floor, _)| n >= *floor)
        .map(|&(key, _, z)| {
            // Log-normal up to p95, then a second mode, as the study of real services found.
            let value = median * libm::pow(tail, z * if z > 1.0 { 1.3 } else { 1.1 - 0.1 * z });
            (key, estimate(value, value * 0.95, value * 1.08, n, Method::OrderStatistics))
        })
        .collect();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "made-up latency")]
    let us = |seconds: f64| (seconds * 1e6) as u64;
    Latency {
        n,
        n_effective: n,
        percentiles,
        slots: vec![(us(median), n - n / 2), (us(median * tail), n / 2)]
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .collect(),
        mean: median * 1.1,
        max: median * tail * tail,
    }
}

fn weigh(metrics: &RunMetrics, words: &[VerdictWord]) -> WeightsFile {
    let today = metrics.today.endpoint.as_ref().map(ToString::to_string);
    let nothing = Expected {
        difference: None,
        saving: None,
        slo_miss: None,
        today_quality: None,
        today_cost_per_task_usd: None,
        today_slo_miss: None,
    };
    let expected = Expected {
        difference: Some(estimate(-0.002, -0.009, 0.005, 480, Method::Hierarchical)),
        saving: Some(estimate(0.56, 0.54, 0.58, 480, Method::Hierarchical)),
        today_quality: Some(estimate(0.923, 0.905, 0.941, 480, Method::Wilson)),
        today_cost_per_task_usd: Some(estimate(0.009_51, 0.009_4, 0.009_6, 480, Method::T)),
        ..nothing.clone()
    };
    let candidates = ["acme/mini@azure", "delta/coder-large@delta", "birch/swift@birch"];
    let known = |id: &str| metrics.endpoints.iter().any(|e| e.id.as_str() == id);
    let categories: BTreeMap<String, CategoryWeights> = metrics
        .categories
        .iter()
        .enumerate()
        .map(|(i, category)| {
            let word = words[i % words.len()];
            let candidate = candidates[i % candidates.len()];
            let candidate = if known(candidate) {
                candidate.to_owned()
            } else {
                today.clone().unwrap_or_default()
            };
            let to = if word == VerdictWord::Move {
                candidate.clone()
            } else {
                today.clone().unwrap_or_default()
            };
            let verdict = Verdict {
                word,
                candidate: (word != VerdictWord::Stay).then(|| candidate.clone()),
                difference: (word != VerdictWord::Stay)
                    .then(|| estimate(-0.004, -0.031, 0.024, 54, Method::T)),
                at_worst: (word != VerdictWord::Stay).then_some(-0.027),
                at_best: (word != VerdictWord::Stay).then_some(0.019),
                saves_per_1000_usd: (word != VerdictWord::Stay)
                    .then(|| "28.20".parse().expect("decimal")),
                counted: None,
                within_margin: (word != VerdictWord::Stay).then_some(0.96),
                tasks_needed: (word == VerdictWord::NotYet).then_some(TaskForecast {
                    low: 700,
                    high: 1_400,
                    chance: 0.5,
                }),
                why: match word {
                    VerdictWord::Move => "not worse by more than 2 pt, and it saves",
                    VerdictWord::Try => "likely not worse by more than 2 pt, and it saves",
                    VerdictWord::Stay => "nothing cheaper is within 2 pt",
                    VerdictWord::NoData => "large@azure: all 400 trials failed: connect",
                    VerdictWord::NotYet => "the sample does not tell yet",
                }
                .to_owned(),
            };
            let weights = CategoryWeights {
                weights: BTreeMap::from([(to, PARTS)]),
                fallbacks: today.iter().cloned().collect(),
                verdict,
                expected: expected.clone(),
            };
            (category.name.as_str().to_owned(), weights)
        })
        .collect();
    let default = categories.values().next().cloned().unwrap_or_else(|| CategoryWeights {
        weights: BTreeMap::new(),
        fallbacks: Vec::new(),
        verdict: Verdict {
            word: VerdictWord::Stay,
            candidate: None,
            difference: None,
            at_worst: None,
            at_best: None,
            saves_per_1000_usd: None,
            counted: None,
            within_margin: None,
            tasks_needed: None,
            why: String::new(),
        },
        expected: nothing,
    });
    WeightsFile {
        format_version: FORMAT_VERSION,
        simulated: metrics.simulated,
        run: metrics.manifest.run.clone(),
        suites: metrics.manifest.suites.clone(),
        prices: "5f0c1e".repeat(10),
        made_at: metrics.manifest.started_at.clone(),
        valid_until: "2026-12-22T00:00:00Z".to_owned(),
        objective: Objective {
            goal: Goal::Cheaper,
            margin: 0.02,
            margins: BTreeMap::new(),
            worth_per_month_usd: None,
            slo: metrics.manifest.judging.slo,
            max_share_provider: None,
            today,
            today_stated: metrics.today.stated,
            shares: metrics
                .categories
                .iter()
                .map(|c| (c.name.as_str().to_owned(), c.share))
                .collect(),
            shares_stated: false,
        },
        categories,
        default,
        expected,
        estimates: BTreeMap::<String, BTreeMap<String, CellEstimates>>::new(),
        left_out: BTreeMap::from([(
            "elm/open-27b@house".to_owned(),
            "answered 91 % of trials; at least 95 % is asked for".to_owned(),
        )]),
        notes: Vec::new(),
        gate: None,
    }
}

fn manifest(name: &str) -> Manifest {
    Manifest {
        run: "7c1b09aa52e64d0f".to_owned(),
        demo: true,
        started_at: "2026-11-22T00:00:00Z".to_owned(),
        suites: ["arithmetic", "extraction"]
            .map(|name| SuiteStamp {
                name: name.to_owned(),
                version: "1".to_owned(),
                hash: "ab12".repeat(16),
            })
            .to_vec(),
        plan_hash: "90ff".repeat(16),
        judging: Judging {
            requests_per_month: Some(16_000_000),
            slo: Some(Slo { ttft_ms: 800.0, miss: 0.05 }),
            ..test_kit::judging()
        },
        notes: vec![
            "prompt ← question, reference ← expected (guessed: grader exact)".to_owned().into(),
        ],
        ended: Some(RunEnding {
            validity: Validity {
                mark: ValidityMark::Valid,
                reasons: Vec::new(),
                lag_p99_us: Some(310),
                io_cpu_peak: Some(0.22),
            },
            duration_ns: 660_000_000_000,
            ..test_kit::run_ending(ValidityMark::Valid)
        }),
        ..test_kit::manifest(name)
    }
}

fn counts(planned: u64, failed: u64) -> Counts {
    let failed = failed.min(planned);
    let ok = planned - failed;
    Counts { planned, ok, failed, scored: ok, ..Counts::default() }
}

fn estimate(value: f64, low: f64, high: f64, n: u64, method: Method) -> Estimate {
    Estimate { value, low: Some(low), high: Some(high), level: Level::P95, n, method }
}
