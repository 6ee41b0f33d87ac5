//! The parts of the screen, and the lines that each may take.

use std::path::Path;

use super::below::below;
use super::endpoints::{choose, table, timing_error};
use super::headline::headline;
use super::problems::{differing, problems};
use super::size::{COLUMNS, LINES};
use super::work::work;
use crate::report::model::RunReport;
use crate::report::rate_limit_notes;
use crate::report::run_text::{self, screen_heading};
use crate::report::text::{escape_control, fit_end, fit_middle, width};
use crate::report::usage_notes;
use crate::report::verdict;

/// A run's name is not cut below this for the sake of the run's duration.
const NAME_LEAST: usize = 24;
/// Kinds of work that are shown before what a user has to mend is left out for their sake.
const WORK_LEAST: usize = 6;
/// Endpoints that are shown where there is no verdict.
const ENDPOINTS_LEAST: usize = 6;

/// How much is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// The verdicts, on one screen.
    #[default]
    Screen,
    /// The table of all endpoints below them.
    Endpoints,
}

/// The answer of a run as plain text, each line ended by a line feed.
///
/// With more kinds of work than fit, those with most traffic are shown. Without a verdict the
/// endpoints are shown in their place. `files` is the run folder as the user may type it.
#[must_use]
pub fn answer(report: &RunReport, files: &Path, detail: Detail) -> String {
    let verdicts = verdict::verdicts(report);
    let head = head(report);
    let foot = foot(report, files);
    let mut said: Vec<String> = no_verdict(report).into_iter().collect();
    said.extend(run_text::failed(report));
    said.extend(rate_limit_notes::line(&report.rate_limits, &report.names));
    said.extend(usage_notes::line(&report.usage_faults, &report.names));
    let mut said: Vec<String> = said.iter().map(|line| fit_end(line, COLUMNS)).collect();
    let headline = headline(report, &verdicts);
    let assumed = assumed(report);
    // The table's header is one line.
    let fixed = head.len() + headline.len() + assumed.iter().len() + said.len() + 1 + foot.len();
    let least = if verdicts.is_empty() { ENDPOINTS_LEAST } else { WORK_LEAST.min(verdicts.len()) };
    said.extend(problems(report, LINES.saturating_sub(fixed + least)));
    let room = LINES.saturating_sub(head.len() + headline.len() + said.len() + foot.len());

    let mut lines = head;
    let mut airs = Vec::new();
    if verdicts.is_empty() {
        lines.extend(said);
        airs.push(lines.len());
        lines.extend(endpoints(report, room));
    } else {
        airs.push(lines.len());
        lines.extend(headline);
        lines.extend(said);
        airs.push(lines.len());
        let told = room.saturating_sub(assumed.iter().len() + 1);
        lines.extend(work(report, &verdicts, told));
        lines.extend(assumed);
        airs.push(lines.len());
        let room = LINES.saturating_sub(lines.len() + foot.len());
        lines.extend(below(report, &verdicts, room));
    }
    if detail == Detail::Endpoints && !verdicts.is_empty() {
        lines.push(String::new());
        lines.extend(endpoints(report, report.endpoints.len() + 2));
    }
    airs.push(lines.len());
    lines.extend(foot);
    // Air where there is room for it.
    airs.dedup();
    for at in airs.into_iter().rev() {
        if lines.len() < LINES || detail == Detail::Endpoints {
            lines.insert(at, String::new());
        }
    }
    self::lines(&lines)
}

/// Lines as text, each ended by a line feed.
pub(crate) fn lines(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

/// The table of endpoints, on so many lines, and what was left out of it.
fn endpoints(report: &RunReport, most: usize) -> Vec<String> {
    let remarks = |left_out: usize| {
        let more = (left_out > 0).then(|| format!("… and {left_out} more"));
        let said: Vec<String> = more.into_iter().chain(timing_error(report)).collect();
        (!said.is_empty()).then(|| fit_end(&said.join(" · "), COLUMNS))
    };
    let all = report.endpoints.len();
    let remarked = usize::from(remarks(0).is_some() || all + 1 > most);
    let shown = choose(report, most.saturating_sub(1 + remarked));
    let mut lines = table(&shown, &report.names);
    lines.extend(remarks(all - shown.len()));
    lines
}

/// Which files are where.
pub(crate) fn files(listed: &str, folder: &Path) -> String {
    let folder = escape_control(&folder.to_string_lossy()).into_owned();
    if width(listed) + width(&folder) <= COLUMNS {
        format!("{listed}{folder}")
    } else {
        fit_middle(&format!("files in {folder}"), COLUMNS)
    }
}

/// What a simulated run must say of itself, and the heading.
fn head(report: &RunReport) -> Vec<String> {
    let mut facts = screen_heading(report);
    let rest = |facts: &[String]| -> usize { facts[1..].iter().map(|f| width(f) + 3).sum() };
    // The duration and the number of kinds of work give way before the name does, and nothing else.
    let duration = run_text::duration(&report.run);
    let kinds = run_text::kinds_of_work(report.categories.len() as u64);
    for less in duration.into_iter().chain([kinds]) {
        if width(&facts[0]).min(NAME_LEAST) + rest(&facts) > COLUMNS {
            facts.retain(|fact| *fact != less);
        }
    }
    let rest = rest(&facts);
    facts[0] = fit_middle(&facts[0], COLUMNS.saturating_sub(rest).max(8));
    let simulated = report.simulated.then(|| {
        if report.run.demo {
            "SIMULATED: invented models, prices and answers. Yours: weighbridge init".to_owned()
        } else {
            "SIMULATED: no real model gave any of these answers".to_owned()
        }
    });
    simulated.into_iter().chain([fit_end(&facts.join(" · "), COLUMNS)]).collect()
}

/// Where the files are, and which answers to look at.
fn foot(report: &RunReport, files: &Path) -> Vec<String> {
    let listed = if report.counts.scored == 0 {
        "report.html, *.csv and charts in "
    } else {
        "report.html, weights.json, *.csv and charts in "
    };
    let files_line = self::files(listed, files);
    std::iter::once(files_line).chain(differing(report, files).into_iter().flatten()).collect()
}

fn no_verdict(report: &RunReport) -> Option<String> {
    let why = report.no_verdict.as_ref()?;
    Some(if why.is_empty() && report.counts.scored == 0 {
        "No verdict: nothing was scored.".to_owned()
    } else {
        format!("No verdict. {why}")
    })
}

/// What was assumed, in a few words.
fn assumed(report: &RunReport) -> Option<String> {
    let mut said = Vec::new();
    if report.is_cap_broken {
        said.push("max_share.provider is broken (see the notes)".to_owned());
    }
    if report.today.endpoint.is_some() && !report.today.stated {
        let best = if report.today.priced_only { "best priced" } else { "best of this run" };
        said.push(format!("today = {best}"));
    }
    if report.categories.len() > 1 && report.categories.iter().any(|c| !c.share_stated) {
        said.push("equal shares".to_owned());
    }
    let unjudged = verdict::unjudged(report);
    if !unjudged.is_empty() {
        said.push(format!("no verdict: {}", unjudged.join(", ")));
    }
    (!said.is_empty()).then(|| fit_end(&format!("Assumed  {}", said.join(" · ")), COLUMNS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::RunMetrics;
    use crate::report::fixture;
    use crate::weights::{CategoryWeights, VerdictWord, WeightsFile};

    fn check((metrics, weights): &(RunMetrics, WeightsFile)) -> String {
        let report = RunReport::new(metrics, weights);
        let screen = answer(&report, Path::new("results/2026-11-22T00-00-00-demo"), Detail::Screen);
        assert!(screen.lines().count() <= LINES, "{screen}");
        for line in screen.lines() {
            assert!(width(line) <= COLUMNS, "{} columns: {line}", width(line));
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
        screen
    }

    #[test]
    fn the_example_of_the_design() {
        insta::assert_snapshot!(check(&fixture::support()));
    }

    #[test]
    fn how_a_run_ended_is_never_cut() {
        let (mut metrics, weights) = fixture::support();
        metrics.manifest.name = "a-suite-with-a-long-name".to_owned();
        metrics.counts.planned = 1_234_567_890;
        let ended = metrics.manifest.ended.as_mut().expect("it ended");
        ended.complete = false;
        let heading = |metrics: &RunMetrics| {
            let screen = check(&(metrics.clone(), weights.clone()));
            screen.lines().next().unwrap_or_default().to_owned()
        };
        assert!(heading(&metrics).contains(" · INCOMPLETE · "), "{}", heading(&metrics));
        metrics.manifest.ended = None;
        assert!(heading(&metrics).contains(" · UNFINISHED · "), "{}", heading(&metrics));
    }

    #[test]
    fn the_demo_fits() {
        insta::assert_snapshot!(check(&fixture::demo()));
    }

    #[test]
    fn nothing_scored_is_said() {
        insta::assert_snapshot!(check(&fixture::empty()));
    }

    #[test]
    fn what_never_answered_says_why() {
        let (mut metrics, weights) = fixture::demo();
        let cell = &mut metrics.endpoints[9].all;
        let counts = crate::aggregate::Counts { planned: 40, failed: 40, ..Default::default() };
        *cell = crate::aggregate::Cell { counts, ..Default::default() };
        cell.failures.insert("connect", 40);
        metrics.counts.failed += 40;
        let screen = check(&(metrics.clone(), weights.clone()));
        let said = "43 of 5,386 trials failed: 40 connect (open-8b@forge)";
        assert!(screen.lines().any(|line| line == said), "{screen}");
        let report = RunReport::new(&metrics, &weights);
        let screen = answer(&report, Path::new("run"), Detail::Endpoints);
        let row = screen.lines().find(|l| l.starts_with("open-8b@forge")).expect("its row");
        assert!(row.ends_with("  NO DATA: all 40 trials failed: connect"), "{screen}");
    }

    #[test]
    fn what_is_wrong_is_never_cut_off() {
        let (mut metrics, weights) = fixture::demo();
        metrics.manifest.name = "tools, math and a very long list of other suites".to_owned();
        metrics.counts.skipped = 100;
        metrics.cost_upper = metrics.cost.times(2);
        let screen = check(&(metrics.clone(), weights.clone()));
        assert!(screen.lines().nth(1).is_some_and(|l| l.ends_with(" simulated")), "{screen}");
        metrics.manifest.ended.as_mut().expect("ended").complete = false;
        let screen = check(&(metrics, weights));
        assert!(screen.lines().nth(1).is_some_and(|l| l.contains("INCOMPLETE")), "{screen}");
    }

    #[test]
    fn hostile_names_do_not_reach_the_terminal() {
        let screen = check(&fixture::hostile());
        assert!(!screen.contains('\u{1b}') && !screen.contains('\u{202e}'));
    }

    #[test]
    fn many_categories_are_counted() {
        let (mut metrics, mut weights) = fixture::demo();
        let word = [VerdictWord::Move, VerdictWord::Stay, VerdictWord::NotYet];
        let (template, cell) = (weights.default.clone(), metrics.endpoints[0].cells[0].clone());
        for i in 0..40 {
            let mut category = metrics.categories[0].clone();
            category.name = crate::units::Category::new(format!("category {i}"));
            let mut found: CategoryWeights = template.clone();
            found.verdict.word = word[i % 3];
            weights.categories.insert(category.name.as_str().to_owned(), found);
            metrics.categories.push(category);
            for endpoint in &mut metrics.endpoints {
                endpoint.cells.push(cell.clone());
            }
        }
        for category in &mut metrics.categories {
            category.share = 1.0 / 49.0;
        }
        let screen = check(&(metrics, weights));
        assert_eq!(screen.lines().count(), LINES);
        assert!(screen.contains("more kinds of work, "), "{screen}");
    }
}
