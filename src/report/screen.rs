//! The answer on one screen: *which model for what, and why*, in at most 24 lines of at most 80
//! columns.

use std::path::Path;

use super::model::{Endpoint, RunReport};
use super::names::Names;
use super::number::{points, share};
use super::run_text::{self, heading, per_1000, quality, ranked, ttft_pair, vs_today};
use super::text::{escape_control, fit_end, fit_middle, pad_left, pad_right, width, wrap};
use super::timing_error::TimingError;
use super::verdict::{self, CategoryVerdict, Columns};
use super::{rate_limit_notes, usage_notes};
use crate::aggregate::LatencyMetric;
use crate::units::Goal;
use crate::units::prose::pluralize;
use crate::weights::VerdictWord;

/// A terminal that everybody has.
pub(super) const LINES: usize = 24;
/// Its columns.
pub(super) const COLUMNS: usize = 80;
/// A run's name is not cut below this for the sake of the run's duration.
const NAME_LEAST: usize = 24;
/// Endpoints that are shown before categories are left out for their sake.
const ENDPOINTS_FIRST: usize = 6;

/// Lines that the tables of endpoints and categories have at least.
const TABLES_LEAST: usize = 10;
/// The most lines of a provider's words with the remedy, or of a doubt about a grader.
const PROBLEM_LINES: usize = 3;
/// The most columns of a provider's words.
const PROBLEM_WORDS: usize = 96;

/// Where the answers are that differ most: `12 answers differ between today and moe@ember:
/// weighbridge show --diff today,moe@ember`, on two lines or in fewer words where that is too wide.
fn differing(report: &RunReport, files: &Path) -> Option<Vec<String>> {
    let found = report.differing.as_ref()?;
    let name = report.names.short(found.endpoint.as_str());
    let n = pluralize(found.tasks, "answer");
    let verb = if found.tasks == 1 { "differs" } else { "differ" };
    let is_latest = files.parent().is_some_and(|parent| parent == Path::new("results"));
    let run = if is_latest { "" } else { " RUN" };
    let command = format!("weighbridge show{run} --diff today,{}", shell_word(&name));
    let whole = format!("{n} {verb} between today and {name}: {command}");
    let brief = format!("{n} {verb}: {command}");
    Some(match width(&whole) <= COLUMNS {
        true => vec![whole],
        // The demo's screen is full.
        false if report.run.demo => vec![fit_end(&brief, COLUMNS)],
        false => {
            let said = format!("{n} {verb} between today and {name}:");
            vec![fit_end(&said, COLUMNS), fit_end(&format!("  {command}"), COLUMNS)]
        }
    })
}

/// A text as one word of a shell.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "@/._:#,+=-".contains(c);
    let text = escape_control(text);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// The answer of a run as plain text, each line ended by a line feed.
///
/// With more endpoints than fit, today's, those that traffic moves to, and the best are shown; with
/// more categories than fit, those with most traffic. `files` is the run folder as the user may
/// type it.
#[must_use]
pub fn answer(report: &RunReport, files: &Path) -> String {
    let names = &report.names;
    let verdicts = verdict::verdicts(report);
    let head = head(report);
    let foot = foot(report, files);
    let unsaid = no_verdict(report);
    let (error, stated) = (timing_error(report), assumed(report));
    let failed = run_text::failed(report).map(|line| fit_end(&line, COLUMNS));
    let paced =
        rate_limit_notes::line(&report.rate_limits, names).map(|line| fit_end(&line, COLUMNS));
    let disbelieved =
        usage_notes::line(&report.usage_faults, names).map(|line| fit_end(&line, COLUMNS));
    // Header row, and the lines of remarks where there is anything to remark.
    let said = [&unsaid, &failed, &paced, &disbelieved].into_iter().flatten().count();
    let fixed = head.len() + 1 + foot.len() + said;
    let problems = problems(report, LINES.saturating_sub(fixed + TABLES_LEAST));
    let fixed = fixed + problems.len();
    let room = LINES - fixed;
    let (mut shown, mut told) = (report.endpoints.len(), verdicts.len());
    let mut remarked = error.is_some() || !stated.is_empty();
    if shown + told + usize::from(remarked) > room {
        let least = room - shown.min(ENDPOINTS_FIRST) - usize::from(remarked);
        told = told.min(least);
        remarked |= shown + told > room;
        shown = shown.min(room - usize::from(remarked) - told);
    }
    let endpoints = choose(report, shown);
    let mut lines = head;
    lines.extend(table(&endpoints, names));
    let left_out = report.endpoints.len() - endpoints.len();
    lines.extend(remark(left_out, error.as_ref(), &stated));
    lines.extend(failed);
    lines.extend(problems);
    lines.extend(paced);
    lines.extend(disbelieved);
    let table_end = lines.len();
    lines.extend(unsaid);
    lines.extend(categories(&verdicts, told, names));
    let foot_at = lines.len();
    lines.extend(foot);
    // Air where there is room for it.
    for at in [foot_at, table_end] {
        if lines.len() < LINES {
            lines.insert(at, String::new());
        }
    }
    self::lines(&lines)
}

/// Lines as text, each ended by a line feed.
pub(super) fn lines(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

/// What the providers said of endpoints that often failed, and the categories whose grader may be
/// wrong: on at most so many lines, none of them begun in vain.
fn problems(report: &RunReport, most: usize) -> Vec<String> {
    let failing: Vec<&str> = run_text::failing(report).into_iter().map(|e| e.id.as_str()).collect();
    let mut failures: Vec<_> =
        report.failures.iter().filter(|f| failing.contains(&f.endpoint.as_str())).collect();
    failures.sort_by_key(|failure| std::cmp::Reverse(failure.trials));
    let said = failures.into_iter().map(|failure| {
        let name = report.names.short(failure.endpoint.as_str());
        let remedy = failure.remedy.as_deref().map_or_else(String::new, |r| format!(". {r}"));
        format!("{name}: {}{remedy}", failure.said(PROBLEM_WORDS))
    });
    let doubts = report.unpassed.iter().map(|found| found.sentence.clone());
    let mut lines = Vec::new();
    for text in doubts.chain(said) {
        let more = wrap(&text, COLUMNS, PROBLEM_LINES);
        if lines.len() + more.len() > most {
            break;
        }
        lines.extend(more);
    }
    lines
}

/// Which files are where.
pub(super) fn files(listed: &str, folder: &Path) -> String {
    let folder = escape_control(&folder.to_string_lossy()).into_owned();
    if width(listed) + width(&folder) <= COLUMNS {
        format!("{listed}{folder}")
    } else {
        fit_middle(&format!("files in {folder}"), COLUMNS)
    }
}

/// The heading, and under it what a simulated run must say of itself.
fn head(report: &RunReport) -> Vec<String> {
    let mut facts = heading(report);
    let rest = |facts: &[String]| -> usize { facts[1..].iter().map(|f| width(f) + 3).sum() };
    // The duration gives way before the name does, and nothing else.
    if let Some(ended) = &report.run.ending
        && width(&facts[0]).min(NAME_LEAST) + rest(&facts) > COLUMNS
    {
        let duration = run_text::duration(ended);
        facts.retain(|fact| *fact != duration);
    }
    let rest = rest(&facts);
    facts[0] = fit_middle(&facts[0], COLUMNS.saturating_sub(rest).max(8));
    let mut lines = vec![fit_end(&facts.join(" · "), COLUMNS)];
    if report.simulated {
        lines.push(
            if report.run.demo {
                "SIMULATED fleet · prices, skills, TTFT ratios from profiles; answers shortened"
            } else {
                "SIMULATED: no real model gave any of these answers"
            }
            .to_owned(),
        );
    }
    lines.iter().map(|line| fit_end(line, COLUMNS)).collect()
}

/// Where the files are; in the demo, how to weigh one's own models.
fn foot(report: &RunReport, files: &Path) -> Vec<String> {
    let listed = if report.counts.scored == 0 {
        "report.html, *.csv and charts in "
    } else {
        "report.html, weights.json, *.csv and charts in "
    };
    let mut lines = vec![self::files(listed, files)];
    if report.run.demo {
        lines.extend(
            [
                "Your own: export OPENROUTER_API_KEY=… (or another provider's), then",
                "  weighbridge init && weighbridge plan && weighbridge run",
            ]
            .map(str::to_owned),
        );
    }
    lines.extend(differing(report, files).into_iter().flatten());
    lines
}

fn no_verdict(report: &RunReport) -> Option<String> {
    let why = report.no_verdict.as_ref()?;
    let line = if why.is_empty() && report.counts.scored == 0 {
        "No verdict: nothing was scored.".to_owned()
    } else {
        format!("No verdict. {why}")
    };
    Some(fit_end(&line, COLUMNS))
}

/// The timing error of the slowest TTFT, where it is known.
fn timing_error(report: &RunReport) -> Option<String> {
    let medians = report.endpoints.iter().filter_map(|e| {
        let ttft = e.all.latency.get(&LatencyMetric::Ttft)?;
        Some(ttft.percentiles.get(&500)?.value)
    });
    let slowest = medians.fold(0.0, f64::max);
    let error = TimingError::new(&report.run, None);
    let error = error.and_then(|error| error.beside(LatencyMetric::Ttft, slowest));
    error.map(|e| format!("TTFT {e} ms"))
}

/// What was assumed, in a few words.
fn assumed(report: &RunReport) -> Vec<String> {
    let mut said = Vec::new();
    if report.is_cap_broken {
        said.push("max_share.provider is broken (see the notes)".to_owned());
    }
    if report.today.endpoint.is_some() && report.counts.scored > 0 {
        said.push(match report.objective.goal {
            Goal::Better => "MOVE: shown better".to_owned(),
            Goal::Cheaper | Goal::Faster => {
                format!("margin {}", points(report.objective.margin).trim_start_matches('+'))
                    + " pt"
            }
        });
    }
    if report.today.endpoint.is_some() && !report.today.stated {
        let best = if report.today.priced_only { "best priced" } else { "best of this run" };
        said.push(format!("today = {best}"));
    }
    if report.categories.len() > 1 && report.categories.iter().any(|c| !c.share_stated) {
        said.push("equal shares assumed".to_owned());
    }
    let unjudged = verdict::unjudged(report);
    if !unjudged.is_empty() {
        said.push(format!("no verdict: {}", unjudged.join(", ")));
    }
    said
}

fn remark(left_out: usize, error: Option<&String>, stated: &[String]) -> Option<String> {
    let more = (left_out > 0).then(|| format!("… and {left_out} more"));
    let all: Vec<&str> = more.iter().chain(error).chain(stated).map(String::as_str).collect();
    let mut line = all.join(" · ");
    // Assumptions must be on the screen; the timing error is in the report as well.
    if width(&line) > COLUMNS {
        let all: Vec<&str> = more.iter().chain(stated).map(String::as_str).collect();
        line = all.join(" · ");
    }
    (!line.is_empty()).then(|| fit_end(&line, COLUMNS))
}

/// The endpoints to show, best first: today's and those that traffic moves to before the rest.
fn choose(report: &RunReport, most: usize) -> Vec<&Endpoint> {
    let order = ranked(report);
    let today = |e: &Endpoint| e.is_today;
    let target = |e: &Endpoint| {
        let routings = report.categories.iter().filter_map(|category| category.routing.as_ref());
        let mut moves = routings.filter(|routing| routing.verdict.word == VerdictWord::Move);
        moves.any(|routing| routing.mix.iter().any(|(id, _)| id == e.id.as_str()))
    };
    let mut by_need: Vec<usize> = (0..order.len()).collect();
    by_need.sort_by_key(|&i| (!today(order[i]), !target(order[i]), i));
    by_need.truncate(most);
    by_need.sort_unstable();
    by_need.into_iter().map(|i| order[i]).collect()
}

/// The header row and one line per endpoint.
fn table(endpoints: &[&Endpoint], names: &Names) -> Vec<String> {
    let is_today = |e: &Endpoint| e.is_today;
    let header = ["quality (95 %)", "$/1,000", "vs today", "TTFT p50/p95"].map(str::to_owned);
    let rows: Vec<[String; 4]> = endpoints
        .iter()
        .map(|e| {
            [quality(&e.all), per_1000(&e.all), vs_today(&e.all, is_today(e)), ttft_pair(&e.all)]
        })
        .collect();
    let widest = |column: usize| {
        let cells = rows.iter().chain([&header]).map(|row| width(&row[column]));
        cells.max().unwrap_or(0)
    };
    let wide = [widest(0), widest(1), widest(2), widest(3)];
    // Two columns of space before each of the four.
    let left = COLUMNS.saturating_sub(wide.iter().sum::<usize>() + 8).max(8);
    let full = |e: &Endpoint| escape_control(e.id.as_str()).into_owned();
    let mark = |e: &Endpoint| if is_today(e) { " today" } else { "" };
    let all_fit = endpoints.iter().all(|e| width(&full(e)) + width(mark(e)) <= left);
    let shown: Vec<String> = endpoints
        .iter()
        .map(|e| {
            let name = if all_fit { full(e) } else { names.short(e.id.as_str()) };
            format!("{}{}", fit_middle(&name, left - width(mark(e))), mark(e))
        })
        .collect();
    let names_wide = shown.iter().map(|n| width(n)).max().unwrap_or(0).max(8);
    let line = |name: &str, row: &[String; 4]| {
        let cells = [
            pad_right(name, names_wide),
            pad_right(&row[0], wide[0]),
            pad_left(&row[1], wide[1]),
            pad_right(&row[2], wide[2]),
            row[3].clone(),
        ];
        fit_end(cells.join("  ").trim_end(), COLUMNS)
    };
    std::iter::once(line("endpoint", &header))
        .chain(endpoints.iter().zip(&shown).zip(&rows).map(|((e, name), row)| {
            // What never answered has no figures, and says why across their columns.
            match run_text::never_answered(&e.all) {
                Some(why) => fit_end(&format!("{}  {why}", pad_right(name, names_wide)), COLUMNS),
                None => line(name, row),
            }
        }))
        .collect()
}

/// A category's name is cut before anything else, but never below this.
const CATEGORY_LEAST: usize = 12;
/// Ever briefer lines: the most columns of a category's name, then the forms of what happens and
/// of what it brings, as [`Columns`] numbers them.
const BRIEFER: [(usize, usize, usize); 4] = [(24, 0, 0), (20, 0, 1), (18, 1, 1), (18, 1, 2)];

/// One line per category, most traffic first; what does not fit is counted in the last line.
fn categories(verdicts: &[CategoryVerdict<'_>], most: usize, names: &Names) -> Vec<String> {
    let shown = if verdicts.len() > most { most.saturating_sub(1) } else { verdicts.len() };
    let (told, rest) = verdicts.split_at(shown);
    let rows: Vec<Row> = told.iter().map(|v| Row::of(v, names)).collect();
    let drafts = BRIEFER.map(|(name, what, tail)| Draft::of(&rows, name, what, tail));
    let fits = drafts.iter().find(|d| d.width() <= COLUMNS);
    let mut lines = fits.unwrap_or(&drafts[BRIEFER.len() - 1]).lines(&rows);
    if !rest.is_empty() {
        lines.push(fit_end(&counted(rest), COLUMNS));
    }
    lines
}

struct Row<'a> {
    category: &'a str,
    share: String,
    word: VerdictWord,
    columns: Columns,
}

impl<'a> Row<'a> {
    fn of(verdict: &'a CategoryVerdict<'_>, names: &Names) -> Self {
        Self {
            category: &verdict.category,
            share: share(verdict.share),
            word: verdict.verdict.word,
            columns: verdict.columns(names),
        }
    }
}

/// The widths of the columns at one level of brevity.
struct Draft {
    name: usize,
    share: usize,
    /// Which form of what happens.
    form: usize,
    what: usize,
    gap: usize,
    tail: usize,
}

impl Draft {
    fn of(rows: &[Row], name_most: usize, form: usize, tail: usize) -> Self {
        let widest = |of: &dyn Fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
        Self {
            name: widest(&|r| width(r.category)).min(name_most),
            share: widest(&|r| width(&r.share)),
            form,
            what: widest(&|r| width(&r.columns.what[form])),
            gap: widest(&|r| width(&r.columns.gap)),
            // A verdict without a difference ends in a reason, which may be cut at the edge.
            tail: widest(&|r| {
                if r.columns.gap.is_empty() { 0 } else { width(&r.columns.tail[tail]) }
            }),
        }
    }

    /// `name share  VERDICT  what  gap  tail`
    fn width(&self) -> usize {
        self.before_tail() + self.tail
    }

    fn before_tail(&self) -> usize {
        self.name + 1 + self.share + 2 + 7 + 2 + self.what + 2 + self.gap + 2
    }

    fn lines(&self, rows: &[Row]) -> Vec<String> {
        // Names give way before numbers do: the category's first, then the endpoints'.
        let over = self.width().saturating_sub(COLUMNS);
        let name = self.name.saturating_sub(over).max(self.name.min(CATEGORY_LEAST));
        let over = over - (self.name - name);
        let what = self.what.saturating_sub(over).max(8);
        let cut = Self { name, what, ..*self };
        rows.iter().map(|row| cut.line(row, cut.tail_form(rows, row.word))).collect()
    }

    /// The longest form of the tail that all rows with this verdict have room for.
    fn tail_form(&self, rows: &[Row], word: VerdictWord) -> usize {
        let room = COLUMNS.saturating_sub(self.before_tail());
        let same = || rows.iter().filter(|r| r.word == word);
        (0..3).find(|&form| same().all(|r| width(&r.columns.tail[form]) <= room)).unwrap_or(2)
    }

    fn line(&self, row: &Row, tail_form: usize) -> String {
        let Columns { what, gap, tail } = &row.columns;
        let start = format!(
            "{} {}  {}  {}  ",
            pad_right(&fit_end(row.category, self.name), self.name),
            pad_left(&row.share, self.share),
            pad_right(row.word.word(), 7),
            pad_right(&fit_middle(&what[self.form], self.what), self.what)
        );
        let gap = if gap.is_empty() { String::new() } else { pad_right(gap, self.gap) + "  " };
        fit_end(format!("{start}{gap}{}", tail[tail_form]).trim_end(), COLUMNS)
    }
}

/// `… and 4 more categories, 18 % of traffic: 2 MOVE, 1 STAY, 1 NOT YET`.
fn counted(rest: &[CategoryVerdict<'_>]) -> String {
    let traffic: f64 = rest.iter().map(|v| v.share).sum();
    let words = [
        VerdictWord::Move,
        VerdictWord::Try,
        VerdictWord::Stay,
        VerdictWord::NotYet,
        VerdictWord::NoData,
    ];
    let counts: Vec<String> = words
        .into_iter()
        .map(|word| (rest.iter().filter(|v| v.verdict.word == word).count(), word.word()))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    let categories = match rest.len() {
        1 => "1 more category".to_owned(),
        n => format!("{n} more categories"),
    };
    format!("… and {categories}, {} of traffic: {}", share(traffic), counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::RunMetrics;
    use crate::report::fixture;
    use crate::weights::{CategoryWeights, WeightsFile};

    fn check((metrics, weights): &(RunMetrics, WeightsFile)) -> String {
        let report = RunReport::new(metrics, weights);
        let screen = answer(&report, Path::new("results/2026-11-22T00-00-00-demo"));
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
        let screen = check(&(metrics, weights));
        let said = "43 of 5,386 trials failed: 40 connect (open-8b@forge)";
        assert!(screen.lines().any(|line| line == said), "{screen}");
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
        assert!(screen.lines().next().is_some_and(|l| l.ends_with("VALID")), "{screen}");
        metrics.manifest.ended.as_mut().expect("ended").complete = false;
        let screen = check(&(metrics, weights));
        assert!(screen.lines().next().is_some_and(|l| l.contains("INCOMPLETE")), "{screen}");
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
        assert!(screen.contains("more categories, "), "{screen}");
        assert!(screen.contains("… and 5 more"), "{screen}");
    }
}
