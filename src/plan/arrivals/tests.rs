use std::time::Duration;

use super::*;

const FOREVER: Duration = Duration::MAX;

fn list(shape: &Shape, n: u64, seed: u64) -> Vec<u64> {
    draw(shape, FOREVER, Some(n), Seed(seed)).unwrap().at_ns
}

/// Gaps in seconds, as a server would see them.
fn gaps(at_ns: &[u64]) -> Vec<f64> {
    at_ns.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e9).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (values.len() - 1) as f64
}

/// The regularised lower incomplete gamma function P(k, x), by its series (DLMF 8.7.1). Enough for
/// tests: x stays below some dozens.
fn gamma_cdf(k: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let (mut term, mut sum) = (1.0 / k, 1.0 / k);
    for n in 1..10_000 {
        term *= x / (k + f64::from(n));
        sum += term;
        if term < sum * 1e-16 {
            break;
        }
    }
    (sum * (k * x.ln() - x - libm::lgamma(k)).exp()).min(1.0)
}

/// Where the comparison begins. The list is in whole nanoseconds, and at a coefficient of variation
/// of 3 one gap in seven is shorter than half of one, so that no law without an atom at 0 would fit.
const RESOLUTION_S: f64 = 1e-6;

/// The p-value of the one-sample Kolmogorov–Smirnov test against gamma gaps of this mean rate and
/// coefficient of variation (1: exponential), over all gaps from [`RESOLUTION_S`] up: a supremum
/// over part of the line is at most that over all of it, so the p-value errs towards 1, and by
/// little, for those below still count in what lies below. The limit law with Stephens'
/// correction (1970, *Journal of the Royal Statistical Society B* 32:115).
fn ks_p(gaps: &[f64], per_s: f64, cv: f64) -> f64 {
    let k = 1.0 / (cv * cv);
    let cdf = |gap: f64| gamma_cdf(k, gap * per_s * k);
    let mut sorted = gaps.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let n_below = sorted.partition_point(|gap| *gap < RESOLUTION_S);
    let start = (n_below as f64 / n - cdf(RESOLUTION_S)).abs();
    let d = sorted.iter().enumerate().skip(n_below).fold(start, |d, (i, gap)| {
        let p = cdf(*gap);
        d.max(p - i as f64 / n).max((i + 1) as f64 / n - p)
    });
    let lambda = (n.sqrt() + 0.12 + 0.11 / n.sqrt()) * d;
    let terms = (1..=100).map(|j| {
        let j = f64::from(j);
        let sign = if j % 2.0 == 0.0 { -1.0 } else { 1.0 };
        sign * (-2.0 * j * j * lambda * lambda).exp()
    });
    (2.0 * terms.sum::<f64>()).clamp(0.0, 1.0)
}

#[test]
fn the_test_of_the_tests_agrees_with_published_values() {
    // P(1/2, x) is erf(√x), P(1, x) is 1 − e⁻ˣ.
    for x in [0.01, 0.5, 2.0, 30.0] {
        assert!((gamma_cdf(0.5, x) - libm::erf(libm::sqrt(x))).abs() < 1e-13, "{x}");
        assert!((gamma_cdf(1.0, x) - (1.0 - libm::exp(-x))).abs() < 1e-13, "{x}");
    }
    // A jittered grid, which some tools call Poisson, is told from it.
    let mut draws = Seed(1).draw("jitter", &[]);
    let jittered: Vec<f64> = (0..4_000).map(|_| 0.005 * (0.5 + draws.uniform())).collect();
    assert!(ks_p(&jittered, 200.0, 1.0) < 1e-9);
    // So is a rate that is off by a tenth, and a burstiness off by a tenth.
    let poisson = gaps(&list(&Shape::Poisson { per_s: 220.0 }, 4_000, 1));
    assert!(ks_p(&poisson, 200.0, 1.0) < 0.01);
    let bursty = gaps(&list(&Shape::Gamma { per_s: 200.0, cv: 3.3 }, 4_000, 1));
    assert!(ks_p(&bursty, 200.0, 3.0) < 0.01);
}

#[test]
fn gaps_are_of_the_law_that_they_are_called_by() {
    let check = |shape: &Shape, cv: f64| {
        let p_values: Vec<f64> =
            (0..20).map(|seed| ks_p(&gaps(&list(shape, 4_001, seed)), 200.0, cv)).collect();
        let passed = p_values.iter().filter(|p| **p > 0.01).count();
        assert!(passed >= 19, "{shape}: {passed} of 20; {p_values:.3?}");
        // Were they too good, the draws would not be independent.
        let above_half = p_values.iter().filter(|p| **p > 0.5).count();
        assert!((2..=18).contains(&above_half), "{shape}: {p_values:.3?}");
    };
    check(&Shape::Poisson { per_s: 200.0 }, 1.0);
    for cv in [0.1, 0.5, 1.0, 3.0] {
        check(&Shape::Gamma { per_s: 200.0, cv }, cv);
    }
}

#[test]
fn means_and_variances_are_those_of_the_law() {
    let check = |shape: &Shape, cv: f64| {
        let n = 200_000;
        let gaps = gaps(&list(shape, n + 1, 11));
        let (expected, n) = (1.0 / 200.0, n as f64);
        let sd = cv * expected;
        let mean_se = sd / n.sqrt();
        assert!((mean(&gaps) - expected).abs() < 4.0 * mean_se, "{shape}: {}", mean(&gaps));
        // A gamma law's excess kurtosis is 6cv².
        let variance_se = sd * sd * ((2.0 + 6.0 * cv * cv) / n).sqrt();
        let found = variance(&gaps);
        assert!((found - sd * sd).abs() < 4.0 * variance_se, "{shape}: {found}");
    };
    check(&Shape::Poisson { per_s: 200.0 }, 1.0);
    for cv in [0.01, 0.3, 1.0, 3.0, 10.0] {
        check(&Shape::Gamma { per_s: 200.0, cv }, cv);
    }
}

#[test]
fn a_window_holds_the_mean_rate_from_its_first_moment() {
    // With whole gaps from the start, bursty gaps would give some (cv² − 1)/2 = 4 too many.
    let window = Duration::from_millis(500);
    let shapes = [
        Shape::Poisson { per_s: 20.0 },
        Shape::Gamma { per_s: 20.0, cv: 3.0 },
        Shape::Gamma { per_s: 20.0, cv: 0.3 },
    ];
    for shape in shapes {
        let counts: Vec<f64> = (0..2_000)
            .map(|seed| draw(&shape, window, None, Seed(seed)).unwrap().len() as f64)
            .collect();
        let se = (variance(&counts) / counts.len() as f64).sqrt();
        assert!((mean(&counts) - 10.0).abs() < 4.0 * se, "{shape}: {} ± {se}", mean(&counts));
    }
}

#[test]
fn constant_gaps_are_exact() {
    let at_ns = list(&Shape::Constant { per_s: 50.0 }, 100_000, 1);
    assert!(at_ns.iter().zip(0_u64..).all(|(at, number)| *at == number * 20_000_000));
    // Thirds of a nanosecond do not add up.
    let at_ns = list(&Shape::Constant { per_s: 3.0 }, 3_000_001, 1);
    assert_eq!((at_ns[0], at_ns[1], at_ns[2]), (0, 333_333_333, 666_666_667));
    assert_eq!(at_ns[3_000_000], 1_000_000 * 1_000_000_000);
    // A window of 20 s at 200/s is 4,000 requests, the next would be at its end.
    let window = draw(&Shape::Constant { per_s: 200.0 }, Duration::from_secs(20), None, Seed(1));
    assert_eq!(window.unwrap().len(), 4_000);
}

#[test]
fn lists_are_ascending_and_each_the_beginning_of_a_longer_one() {
    for text in ["constant:70", "poisson:200", "gamma:200,cv=3", "steps:10x3s,500x2s,0x1s,90x9s"] {
        let shape: Shape = text.parse().unwrap();
        let list = |seconds, most| {
            draw(&shape, Duration::from_secs(seconds), most, Seed(5)).unwrap().at_ns
        };
        let whole = list(10, None);
        assert!(whole.is_sorted() && whole.len() > 500, "{text}");
        let shorter = list(6, None);
        assert!(whole.starts_with(&shorter), "{text}");
        assert!(shorter.last().is_some_and(|at| *at < 6_000_000_000), "{text}");
        assert!(whole[shorter.len()] >= 6_000_000_000, "{text}");
        assert_eq!(list(10, Some(100)), whole[..100], "{text}");
        assert_eq!(list(0, None), [0_u64; 0], "{text}");
        assert_eq!(list(10, Some(0)), [0_u64; 0], "{text}");
        let twin = draw(&shape, Duration::from_secs(10), None, Seed(6)).unwrap().at_ns;
        assert_eq!(twin == whole, text == "constant:70", "{text}: only chance takes a seed");
    }
}

#[test]
fn twice_the_rate_is_the_same_pattern_twice_as_dense() {
    for (slow, fast) in [("poisson:100", "poisson:200"), ("gamma:100,cv=3", "gamma:200,cv=3")] {
        let at = |text: &str| list(&text.parse().unwrap(), 1_000, 9);
        for (slow, fast) in at(slow).iter().zip(at(fast)) {
            assert!(slow.abs_diff(2 * fast) <= 2, "{slow} {fast}");
        }
    }
}

#[test]
fn each_step_keeps_its_own_rate_and_time() {
    let shape: Shape = "steps:100x10s,0x5s,400x10s".parse().unwrap();
    assert_eq!(shape.span(), Some(Duration::from_secs(25)));
    let at_ns = draw(&shape, FOREVER, None, Seed(3)).unwrap().at_ns;
    let between = |from: u64, to: u64| {
        at_ns.iter().filter(|at| (from..to).contains(&(**at / 1_000_000_000))).count()
    };
    // Four standard deviations of a Poisson count.
    assert!(between(0, 10).abs_diff(1_000) < 4 * 32, "{}", between(0, 10));
    assert_eq!(between(10, 15), 0);
    assert!(between(15, 25).abs_diff(4_000) < 4 * 63, "{}", between(15, 25));
    assert_eq!(between(25, u64::MAX), 0);
    let step = at_ns.iter().position(|at| *at >= 15_000_000_000).unwrap();
    assert!(ks_p(&gaps(&at_ns[step..]), 400.0, 1.0) > 0.01);
    // What comes before a step does not change it.
    let other: Shape = "steps:7x10s,0x5s,400x10s".parse().unwrap();
    assert!(draw(&other, FOREVER, None, Seed(3)).unwrap().at_ns.ends_with(&at_ns[step..]));
}

#[test]
fn the_lists_are_those_of_the_first_release() {
    // A change here changes every published load run.
    let first = |text: &str| list(&text.parse().unwrap(), 4, 1);
    let found =
        ["poisson:200", "gamma:200,cv=3", "gamma:200,cv=0.5", "steps:10x30s,20x30s"].map(first);
    let pinned = [
        [88_092, 10_226_213, 14_531_059, 15_217_842],
        [3_739_859, 5_961_023, 10_295_882, 10_295_885],
        [735_813, 6_601_681, 10_651_914, 16_125_679],
        [38_538_849, 450_203_137, 507_698_238, 527_859_617],
    ];
    assert_eq!(found, pinned);
}

#[test]
fn more_than_a_list_holds_is_refused() {
    let shape = Shape::Constant { per_s: 1_000.0 };
    let error = draw(&shape, Duration::from_secs(36_000), None, Seed(1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "constant 1000/s asks for more than the 10000000 requests that one run holds; shorten the \
         window, limit the number of requests, or lower the rate"
    );
    let just = draw(&shape, Duration::from_secs(10_000), None, Seed(1)).unwrap();
    assert_eq!(just.len(), MAX_ARRIVALS);
}

#[test]
fn shapes_are_read_and_said() {
    let check = |text: &str, expected: Shape, words: &str| {
        let shape: Shape = text.parse().unwrap();
        assert_eq!(shape, expected, "{text}");
        assert_eq!(shape.to_string(), words, "{text}");
    };
    check("poisson:200", Shape::Poisson { per_s: 200.0 }, "poisson 200/s");
    check("constant: 0.5 /s", Shape::Constant { per_s: 0.5 }, "constant 0.5/s");
    check("gamma:200,cv=3", Shape::Gamma { per_s: 200.0, cv: 3.0 }, "gamma 200/s, cv 3");
    check("gamma:200/s, cv = .5", Shape::Gamma { per_s: 200.0, cv: 0.5 }, "gamma 200/s, cv 0.5");
    let step = |per_s, ms| Step { per_s, for_: Duration::from_millis(ms) };
    check(
        "steps:10x30s,0x500ms,20/sx1m30s",
        Shape::Steps(vec![step(10.0, 30_000), step(0.0, 500), step(20.0, 90_000)]),
        "steps 10/s for 30s, 0/s for 500ms, 20/s for 90s",
    );
}

#[test]
fn shapes_that_cannot_be_read_say_what_to_write() {
    let check = |text: &str, begins: &str| {
        let error = text.parse::<Shape>().unwrap_err().to_string();
        assert!(error.starts_with(begins), "{text}: {error}");
    };
    check("200", "\"200\" is not a shape of arrivals; write poisson:200, ");
    check("poison:200", "there are no \"poison\" arrivals; did you mean \"poisson\"?");
    check("poisson:", "\"\" is not a rate; write requests per second, between 0.0001 and 1000000,");
    for rate in ["0", "-1", "nan", "inf", "2e6", "many"] {
        check(&format!("poisson:{rate}"), &format!("\"{rate}\" is not a rate"));
    }
    check("gamma:200", "\"200\" is not a coefficient of variation; write gamma:200,cv=3, ");
    for cv in ["cv=0", "cv=11", "cv=nan", "cv3", "3"] {
        check(&format!("gamma:200,{cv}"), &format!("\"{cv}\" is not a coefficient of variation"));
    }
    for step in ["10", "10x", "10x30", "10x0s", "10x-3s", "-1x3s", "2e6x3s", ""] {
        check(&format!("steps:5x1s,{step}"), &format!("\"{step}\" is not a step; write rate x"));
    }
    check("steps:0x10s", "\"0x10s\" sends nothing");
    let many = vec!["1x1s"; MAX_STEPS + 1].join(",");
    check(&format!("steps:{many}"), "1001 steps are more than the limit of 1000");
}
