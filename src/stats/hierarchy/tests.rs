//! Expected values: an independent calculation with full matrices (numpy, scipy), on the same scores.

use super::*;
use crate::stats::oracle::close;
use crate::units::Seed;

/// Passes and failures that anyone can repeat; `K` candidates beside the baseline.
fn tasks(
    category: usize,
    n: usize,
    candidates: usize,
    missing: Option<usize>,
) -> Vec<TaskDifferences> {
    let passes = |task: usize, model: usize| {
        let drawn = (task * 7919 + model * 104_729 + category * 1_299_709 + task * model * 31) % 97;
        f64::from(u8::from(drawn < [70, 66, 80, 50][model] + category * 3))
    };
    let difference =
        |task, model| (missing != Some(model)).then(|| passes(task, model) - passes(task, 0));
    let one = |task| TaskDifferences {
        cluster: None,
        differences: (1..=candidates).map(|model| difference(task, model)).collect(),
    };
    (0..n).map(one).collect()
}

/// As the calculation does: no pair of endpoints serves one model.
const APART: Scale = Scale { host: 0.0, ..Scale::SCORES };

fn apart(categories: &[Vec<TaskDifferences>], candidates: usize) -> Posterior {
    Posterior::new(&alike(categories), &(0..candidates).collect::<Vec<_>>(), &APART)
}

/// Categories of one scale.
fn alike(categories: &[Vec<TaskDifferences>]) -> Vec<CategoryDifferences> {
    categories.iter().map(|tasks| CategoryDifferences { tasks: tasks.clone(), room: 0.2 }).collect()
}

fn check(posterior: &Posterior, expected: &[(f64, f64, f64)]) {
    assert_eq!(posterior.cells().len(), expected.len());
    for (index, (mean, sd, within)) in expected.iter().enumerate() {
        let cell = posterior.cell(index);
        close(cell.mean(), *mean, 1e-9, "mean");
        close(cell.sd(), *sd, 1e-9, "standard deviation");
        close(cell.at_least(-0.05), *within, 1e-9, "P(within 5 points)");
    }
}

#[test]
fn three_categories_and_three_candidates_of_which_one_is_missing_once() {
    let categories = [tasks(0, 24, 3, None), tasks(1, 30, 3, Some(2)), tasks(2, 18, 3, None)];
    let expected = [
        (-0.024_064_810_841, 0.082_878_437_905, 0.632_026_770_168),
        (0.033_664_864_178, 0.084_573_461_111, 0.840_563_339_650),
        (-0.096_408_394_341, 0.093_398_820_327, 0.315_914_225_386),
        (-0.024_388_135_719, 0.079_107_148_785, 0.632_213_209_554),
        (-0.105_085_336_644, 0.087_065_741_765, 0.270_022_738_055),
        (0.005_256_421_354, 0.087_373_535_116, 0.737_794_678_657),
        (0.041_654_299_861, 0.088_949_019_905, 0.852_378_819_870),
        (-0.090_254_098_132, 0.099_045_990_336, 0.343_474_632_007),
    ];
    let posterior = apart(&categories, 3);
    check(&posterior, &expected);
    let missing = CellIndex { category: 1, candidate: 1 };
    assert!(!posterior.cells().contains(&missing));
}

#[test]
fn one_category_and_one_cell_need_no_special_case() {
    let posterior = apart(&[tasks(0, 24, 3, None)], 3);
    for (index, mean) in [-0.038_006_11, 0.023_091_50, -0.063_685_62].into_iter().enumerate() {
        close(posterior.cell(index).mean(), mean, 1e-8, "mean");
    }
    let posterior = apart(&[tasks(0, 24, 1, None)], 1);
    let cell = posterior.cell(0);
    close(cell.mean(), -0.081_782_31, 1e-8, "mean");
    close(cell.sd(), 0.136_426_79, 1e-8, "standard deviation");
}

#[test]
fn a_sum_of_one_cell_is_that_cell() {
    let categories = [tasks(0, 24, 3, None), tasks(2, 18, 3, None)];
    let posterior = apart(&categories, 3);
    for index in 0..posterior.cells().len() {
        let mut weights = vec![0.0; posterior.cells().len()];
        weights[index] = 1.0;
        let (cell, sum) = (posterior.cell(index), posterior.sum(&weights));
        close(sum.mean(), cell.mean(), 1e-12, "mean");
        close(sum.sd(), cell.sd(), 1e-9, "standard deviation");
    }
}

#[test]
fn a_sum_of_two_cells_knows_that_they_share_the_baseline() {
    // Two candidates with the same answers: their sum has twice the deviation, not √2 of it.
    let twins = |task: TaskDifferences| TaskDifferences {
        differences: vec![task.differences[0], task.differences[0]],
        ..task
    };
    let tasks: Vec<_> = tasks(0, 200, 1, None).into_iter().map(twins).collect();
    let posterior = apart(&[tasks], 2);
    let (one, both) = (posterior.cell(0), posterior.sum(&[1.0, 1.0]));
    close(both.mean(), 2.0 * one.mean(), 1e-6, "mean");
    assert!(both.sd() > 1.8 * one.sd(), "{} of {}", both.sd(), one.sd());
}

#[test]
fn quantiles_of_a_mixture_lie_where_its_probability_says() {
    let mixture = NormalMixture { components: vec![(0.3, -1.0, 0.5), (0.7, 2.0, 1.0)] };
    for p in [0.025, 0.3, 0.5, 0.975] {
        close(1.0 - mixture.at_least(mixture.quantile(p)), p, 1e-12, "quantile");
    }
    let single = NormalMixture { components: vec![(1.0, 3.0, 2.0)] };
    let (low, high) = single.interval(Level::P95);
    close(low, 3.0 - 2.0 * 1.959_963_984_540_054, 1e-9, "low");
    close(high, 3.0 + 2.0 * 1.959_963_984_540_054, 1e-9, "high");
}

#[test]
fn the_best_of_many_equal_candidates_is_drawn_back() {
    let mut draw = Seed(7).draw("equal candidates", &[]);
    let mut task = || TaskDifferences {
        cluster: None,
        differences: (0..12)
            .map(|_| {
                Some(
                    f64::from(u8::from(draw.chance(0.15))) - f64::from(u8::from(draw.chance(0.15))),
                )
            })
            .collect(),
    };
    let categories: Vec<Vec<_>> = (0..3).map(|_| (0..60).map(|_| task()).collect()).collect();
    let posterior = apart(&categories, 12);
    let raw = |cell: &CellIndex| {
        let tasks = &categories[cell.category];
        let sum: f64 = tasks.iter().filter_map(|t| t.differences[cell.candidate]).sum();
        sum / tasks.len() as f64
    };
    let best_raw = posterior.cells().iter().map(raw).fold(0.0, f64::max);
    let means = (0..posterior.cells().len()).map(|index| posterior.cell(index).mean());
    let best = means.fold(0.0, f64::max);
    assert!(best_raw > 0.1 && best < 0.4 * best_raw, "raw {best_raw}, drawn back {best}");
}

#[test]
fn clustered_tasks_widen_the_posterior() {
    let plain = tasks(0, 60, 1, None);
    let clustered: Vec<_> = plain
        .iter()
        .enumerate()
        .map(|(i, _)| {
            // The same answer four times in a row, once as tasks of their own and once as clusters.
            let source = &plain[i / 4 * 4];
            TaskDifferences {
                cluster: u32::try_from(i / 4).ok(),
                differences: source.differences.clone(),
            }
        })
        .collect();
    let unclustered: Vec<_> =
        clustered.iter().map(|task| TaskDifferences { cluster: None, ..task.clone() }).collect();
    let sd = |tasks: &Vec<_>| apart(std::slice::from_ref(tasks), 1).cell(0).sd();
    assert!(sd(&clustered) > 1.5 * sd(&unclustered), "{} {}", sd(&clustered), sd(&unclustered));
}

#[test]
fn hosts_of_one_model_are_evidence_for_each_other() {
    // Two endpoints with the same number of passes on different tasks, as one model or as two.
    let mut draw = Seed(3).draw("hosts", &[]);
    let mut task = || {
        let mut pass = || f64::from(u8::from(draw.chance(0.7)));
        TaskDifferences { cluster: None, differences: vec![Some(pass() - 0.7), Some(pass() - 0.7)] }
    };
    let categories: Vec<Vec<_>> = (0..4).map(|_| (0..60).map(|_| task()).collect()).collect();
    let sd =
        |models: &[usize]| Posterior::new(&alike(&categories), models, &Scale::SCORES).cell(0).sd();
    let (one, two) = (sd(&[0, 0]), sd(&[0, 1]));
    assert!(one < 0.9 * two, "{one} {two}");
}

#[test]
fn a_category_with_less_room_is_drawn_towards_less() {
    // Two hard categories in which every candidate is 20 points better, and one that is nearly always
    // solved by all and shows nothing of its own.
    let hard = |at: usize| {
        let difference = |task: usize| f64::from(u8::from((task * 7 + at) % 10 < 4));
        let both = |task| vec![Some(difference(task) - 0.2), Some(difference(task + 3) - 0.2)];
        (0..80).map(|task| TaskDifferences { cluster: None, differences: both(task) }).collect()
    };
    let easy = (0..4)
        .map(|task| {
            let step = f64::from(u8::from(task % 2 == 0)) - 0.5;
            TaskDifferences { cluster: None, differences: vec![Some(step), Some(-step)] }
        })
        .collect();
    let tasks: [Vec<TaskDifferences>; 3] = [hard(0), hard(1), easy];
    let mean_of_the_easy = |room: f64| {
        let rooms = [0.25, 0.25, room];
        let with_room =
            |(tasks, room): (&Vec<_>, f64)| CategoryDifferences { tasks: tasks.clone(), room };
        let categories: Vec<_> = tasks.iter().zip(rooms).map(with_room).collect();
        Posterior::new(&categories, &[0, 1], &APART).cell(4).mean()
    };
    let (alike, little) = (mean_of_the_easy(0.25), mean_of_the_easy(0.05));
    assert!(alike > 0.05 && little < 0.7 * alike, "{alike} {little}");
}
