//! The table of kinds of work: what serves each today, what may serve it instead, and the bound that
//! decides.

use super::size::COLUMNS;
use crate::report::model::RunReport;
use crate::report::number::{dollars, grouped, points, share};
use crate::report::run_text::{kinds_of_work, missing};
use crate::report::text::{escape_control, fit_end, fit_middle, pad_left, pad_right, width};
use crate::report::verdict::CategoryVerdict;
use crate::units::Goal;
use crate::weights::VerdictWord;

/// A name of a kind of work is not cut below this.
const NAME_LEAST: usize = 8;
/// Of what happens, likewise.
const WHAT_LEAST: usize = 10;
/// The widest verdict.
const WORD: usize = 7;

/// Of 400 simulated runs, one in so many held a MOVE that was false: `cargo bench --bench truth`.
pub(super) const ONE_RUN_IN: u64 = 13;
/// Of 100 MOVEs and TRYs of those runs, so many were right.
const RIGHT_OF_100: u64 = 98;

/// The header and one line per kind of work, most traffic first, on at most so many lines below the
/// header; what does not fit is counted in the last line.
pub(super) fn work(
    report: &RunReport,
    verdicts: &[CategoryVerdict<'_>],
    most: usize,
) -> Vec<String> {
    let shown = if verdicts.len() > most { most.saturating_sub(1) } else { verdicts.len() };
    let (told, rest) = verdicts.split_at(shown);
    let rows: Vec<Row> = told.iter().map(|v| Row::of(report, v)).collect();
    let mut lines = Table::of(report, &rows).lines(&rows);
    if !rest.is_empty() {
        lines.push(fit_end(&counted(rest), COLUMNS));
    }
    lines
}

/// `truth  only a simulator knows it: 6 of 6 right here, 98 of 100 over 400 runs`.
pub(super) fn truth(report: &RunReport, verdicts: &[CategoryVerdict<'_>]) -> Option<String> {
    let judged: Vec<bool> = verdicts.iter().filter_map(|v| is_right(v)).collect();
    if judged.is_empty() {
        return None;
    }
    let right = judged.iter().filter(|right| **right).count();
    let usual = if report.run.demo && report.objective.goal == Goal::Cheaper {
        format!(", {RIGHT_OF_100} of 100 over 400 runs")
    } else {
        String::new()
    };
    Some(format!("truth  only a simulator knows it: {right} of {} right here{usual}", judged.len()))
}

/// Whether a MOVE or a TRY is right, or of a STAY that what it speaks of is worse, where the truth is
/// known.
fn is_right(verdict: &CategoryVerdict<'_>) -> Option<bool> {
    let truth = verdict.verdict.truth?;
    match verdict.verdict.word {
        VerdictWord::Move | VerdictWord::Try => Some(truth >= -verdict.margin),
        VerdictWord::Stay => Some(truth < -verdict.margin),
        VerdictWord::NotYet | VerdictWord::NoData => None,
    }
}

/// What stands in the place of figures: why, or the figures of the nearest endpoint, whose name gives
/// way before they do.
struct Reason {
    name: Option<String>,
    said: String,
}

impl Reason {
    fn fit(&self, room: usize) -> String {
        let Some(name) = &self.name else { return fit_end(&self.said, room) };
        let name = fit_middle(name, room.saturating_sub(width(&self.said) + 1));
        fit_end(&format!("{name} {}", self.said), room)
    }
}

struct Row {
    work: String,
    share: String,
    word: &'static str,
    /// `large → mini`, and `→ mini`.
    what: [String; 2],
    /// Quality, the bound that decides, and what it saves; or the reason in their place.
    told: Result<[String; 3], Reason>,
    truth: String,
}

impl Row {
    fn of(report: &RunReport, verdict: &CategoryVerdict<'_>) -> Self {
        let names = &report.names;
        let today = verdict.today.map_or_else(missing, |id| names.model(id));
        let found = verdict.verdict;
        let to = verdict.to(names);
        let what = match (&to, found.word) {
            (Some(to), VerdictWord::NotYet) => [format!("{today} → {to}?"), format!("→ {to}?")],
            (Some(to), VerdictWord::Move | VerdictWord::Try) => {
                [format!("{today} → {to}"), format!("→ {to}")]
            }
            _ => [today.clone(), today],
        };
        let mark = match is_right(verdict) {
            Some(true) => " ✓",
            Some(false) => " ✗",
            None => "",
        };
        let truth = found
            .truth
            .map_or_else(String::new, |truth| format!("{}{mark}", pad_left(&points(truth), 5)));
        let is_compared = found.difference.is_some()
            && !matches!(found.word, VerdictWord::Stay | VerdictWord::NoData);
        let told = if is_compared {
            let shown = |value: Option<f64>| value.map_or_else(missing, points);
            let quality = found.difference.as_ref().map(|difference| difference.value);
            let saves = saves(report, verdict);
            let saves = if found.word == VerdictWord::Move {
                format!("{saves} ")
            } else {
                format!("({saves})")
            };
            Ok([shown(quality), shown(found.at_worst), saves])
        } else {
            let nearest = to.as_ref().filter(|_| found.word == VerdictWord::Stay);
            let nearest = nearest.zip(found.difference.as_ref()).zip(found.at_best);
            Err(match nearest {
                Some(((to, difference), at_best)) => Reason {
                    name: Some(to.clone()),
                    said: format!("{}, at best {}", points(difference.value), points(at_best)),
                },
                None => Reason { name: None, said: escape_control(&found.why).into_owned() },
            })
        };
        Self {
            work: verdict.category.clone(),
            share: share(verdict.share),
            word: found.word.word(),
            what,
            told,
            truth,
        }
    }
}

/// What a verdict saves, with the sign of the bill: `−0.33` for 1,000 requests, `−29,600` in a month.
fn saves(report: &RunReport, verdict: &CategoryVerdict<'_>) -> String {
    let Some(saves) = verdict.verdict.saves_per_1000_usd else { return missing() };
    let (saves, sign) = (saves.to_f64(), if saves.to_f64() < 0.0 { '+' } else { '−' });
    match report.month() {
        Some(requests) => {
            let month = saves.abs() / 1e3 * requests as f64 * verdict.share;
            format!("{sign}{}", if month < 99.5 { dollars(month) } else { grouped(month) })
        }
        None => format!("{sign}{}", dollars(saves.abs())),
    }
}

/// The widths of the columns.
struct Table {
    headers: [&'static str; 4],
    truth: usize,
    work: usize,
    /// Which form of what happens.
    form: usize,
    what: usize,
    told: [usize; 3],
}

impl Table {
    fn of(report: &RunReport, rows: &[Row]) -> Self {
        let truth = rows.iter().map(|row| width(&row.truth)).max().unwrap_or(0);
        let has_truth = truth > 0;
        let per = if report.month().is_some() { "$/month" } else { "$/1,000" };
        let headers = ["quality", "at worst", per, if has_truth { "truth" } else { "" }];
        let widest = |of: &dyn Fn(&Row) -> usize, least: usize| {
            rows.iter().map(of).max().unwrap_or(0).max(least)
        };
        let told = std::array::from_fn(|i| {
            widest(&|row| row.told.as_ref().map_or(0, |told| width(&told[i])), width(headers[i]))
        });
        let work = widest(&|row| width(&row.work), 4);
        let truth = if has_truth { truth.max(width("truth")) } else { 0 };
        let mut table = Self { headers, truth, work, form: 0, what: 0, told };
        for form in [0, 1] {
            table.form = form;
            table.what = widest(&|row| width(&row.what[form]), 16);
            if table.width() <= COLUMNS {
                return table;
            }
        }
        // Names give way before numbers do.
        let over = table.width() - COLUMNS;
        let cut = over.min(table.work.saturating_sub(NAME_LEAST.max(12)));
        table.work -= cut;
        let over = over - cut;
        let cut = over.min(table.what.saturating_sub(WHAT_LEAST));
        table.what -= cut;
        table.work -= (over - cut).min(table.work.saturating_sub(NAME_LEAST));
        table
    }

    /// `work share  verdict  what  quality  at worst  $/1,000  truth`
    fn width(&self) -> usize {
        let truth = if self.truth > 0 { 2 + self.truth } else { 0 };
        self.before_told() + self.told_width() + truth
    }

    fn told_width(&self) -> usize {
        self.told[0] + 2 + self.told[1] + 2 + self.told[2]
    }

    /// Shares have five columns.
    fn before_told(&self) -> usize {
        self.work + 1 + 5 + 2 + WORD + 2 + self.what + 1
    }

    fn lines(&self, rows: &[Row]) -> Vec<String> {
        let what = if self.form == 0 { "today → instead" } else { "instead" };
        let [quality, at_worst, saves, truth] = self.headers;
        let told = Ok([quality, at_worst, saves]);
        let header = self.line(["work", "share", "verdict", what], told, truth);
        let row = |row: &Row| {
            let what = fit_middle(&row.what[self.form], self.what);
            let told = row.told.as_ref().map(|told| [&*told[0], &*told[1], &*told[2]]);
            let work = fit_end(&row.work, self.work);
            self.line([&work, &row.share, row.word, &what], told, &row.truth)
        };
        std::iter::once(header).chain(rows.iter().map(row)).collect()
    }

    fn line(
        &self,
        [work, share, word, what]: [&str; 4],
        told: Result<[&str; 3], &Reason>,
        truth: &str,
    ) -> String {
        let start = format!(
            "{} {}  {}  ",
            pad_right(work, self.work),
            pad_left(share, 5),
            pad_right(word, WORD)
        );
        let middle = match told {
            Ok([quality, at_worst, saves]) => format!(
                "{} {}  {}  {}",
                pad_right(what, self.what),
                pad_left(quality, self.told[0]),
                pad_left(at_worst, self.told[1]),
                pad_left(saves, self.told[2]),
            ),
            // A reason begins where there is room for it.
            Err(reason) if truth.is_empty() => {
                let room = COLUMNS.saturating_sub(width(&start) + width(what) + 2);
                format!("{what}  {}", reason.fit(room))
            }
            Err(reason) => {
                let whole = self.what + 1 + self.told_width();
                let room = whole.saturating_sub(width(what) + 2);
                format!("{what}  {}", pad_left(&reason.fit(room), room))
            }
        };
        let line = if truth.is_empty() { middle } else { format!("{middle}  {truth}") };
        fit_end(format!("{start}{line}").trim_end(), COLUMNS)
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
    let more = kinds_of_work(rest.len() as u64).replacen(' ', " more ", 1);
    format!("… and {more}, {} of traffic: {}", share(traffic), counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_way_before_the_figures_that_decide() {
        let nearest = |name: &str| Reason {
            name: Some(name.to_owned()),
            said: "−14.0, at best −9.8".to_owned(),
        };
        assert_eq!(nearest("moe@ember").fit(32), "moe@ember −14.0, at best −9.8");
        let long = nearest("mixtral-8x7b-instruct-v0.1").fit(32);
        assert_eq!(long, "mixtra…-v0.1 −14.0, at best −9.8");
        let why = Reason { name: None, said: "nothing saves $6000 a month".to_owned() };
        assert_eq!(why.fit(12), "nothing sav…");
    }
}
