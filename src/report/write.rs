//! The files of a run's report. Each appears whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::answers_page::AnswersView;
use super::error::ReportError;
use super::model::RunReport;
use super::{chart, csv, html, markdown};
use crate::aggregate::{AnswerViews, TrialView};
use crate::units::plain_file;

/// The folder of charts.
const CHARTS: &str = "charts";
/// How a file begins that is not finished yet, and how it ends.
const UNFINISHED: (&str, &str) = (".weighbridge-", ".tmp");

/// Rows of `trials.csv` that are not yet on disk; a row is about 300 bytes.
const CSV_BUFFER_BYTES: usize = 256 * 1024;

/// Writes `trials.csv`, `summary.csv`, `latency.csv`, `charts/*.svg`, `report.html` and
/// `report.md` into a run folder.
///
/// Each file appears whole or not at all: it is written beside its place and then moved there, so
/// no reader sees half of it. The trials stream; memory does not grow with them. `answers`: what the
/// page shows of prompts and answers.
///
/// # Errors
/// The first file that cannot be written, or the first trial that cannot be read; the files before
/// it are then already in place.
pub fn write_all<E>(
    dir: &Path,
    report: &RunReport,
    trials: impl Iterator<Item = Result<TrialView, E>>,
    answers: Option<AnswerViews>,
) -> Result<(), ReportError>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let charts = chart::all(report)?;
    write_trials(&dir.join("trials.csv"), trials)?;
    whole(&dir.join("summary.csv"), |file| csv::write_summary(file, report))?;
    whole(&dir.join("latency.csv"), |file| csv::write_latency(file, report))?;
    write_charts(dir, &charts)?;
    write_page(dir, report, &charts, answers)?;
    let summary = markdown::summary(report);
    whole(&dir.join("report.md"), |file| file.write_all(summary.as_bytes()))
}

/// Writes `report.html`. With prompts and answers only its owner may read it, as the run database.
fn write_page(
    dir: &Path,
    report: &RunReport,
    charts: &[chart::Chart],
    answers: Option<AnswerViews>,
) -> Result<(), ReportError> {
    let path = dir.join("report.html");
    let at = |source| io_at(&path, source);
    let Some(answers) = answers else {
        let page = html::page(report, charts, None)?;
        return whole(&path, |file| file.write_all(page.as_bytes()));
    };
    let answers = AnswersView::new(answers).map_err(|why| ReportError::Trials(why.into()))?;
    let page = html::page(report, charts, Some(answers))?;
    plain_file::check(&path).map_err(at)?;
    let mut temporary = unfinished().tempfile_in(dir).map_err(at)?;
    temporary
        .write_all(page.as_bytes())
        .and_then(|()| temporary.as_file().sync_data())
        .map_err(at)?;
    temporary.persist(&path).map_err(|error| at(error.error))?;
    Ok(())
}

pub(super) fn write_charts(dir: &Path, charts: &[chart::Chart]) -> Result<(), ReportError> {
    let folder = dir.join(CHARTS);
    let made = plain_file::check_folder(&folder).and_then(|()| fs::create_dir_all(&folder));
    made.map_err(|source| io_at(&folder, source))?;
    for chart in charts {
        let path = folder.join(format!("{}.svg", chart.name));
        whole(&path, |file| file.write_all(chart.file().as_bytes()))?;
    }
    Ok(())
}

fn write_trials<E>(
    path: &Path,
    trials: impl Iterator<Item = Result<TrialView, E>>,
) -> Result<(), ReportError>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    write_rows(path, csv::trial_columns(), trials, csv::trial_cells)
}

/// Writes a file of rows that are read while it is written.
pub(super) fn write_rows<T, E, C>(
    path: &Path,
    columns: impl Iterator<Item = &'static str>,
    rows: impl Iterator<Item = Result<T, E>>,
    cells: impl Fn(&T) -> C,
) -> Result<(), ReportError>
where
    C: IntoIterator<Item = String>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut unread = None;
    whole(path, |file| {
        let mut writer = ::csv::Writer::from_writer(file);
        writer.write_record(columns).map_err(csv::io_error)?;
        for row in rows {
            match row {
                Ok(row) => writer.write_record(cells(&row)).map_err(csv::io_error)?,
                Err(error) => {
                    unread = Some(error.into());
                    return Err(io::Error::other("the trials could not be read"));
                }
            }
        }
        writer.flush()
    })
    .map_err(|error| match unread {
        Some(why) => ReportError::Trials(why),
        None => error,
    })
}

/// Writes a small file whole or not at all, as [`write_all`] does with each of its own.
///
/// # Errors
/// When the file cannot be written; the one before it is then still there.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<(), ReportError> {
    whole(path, |file| file.write_all(content))
}

/// Removes what killed processes left of files that they did not finish. The caller holds the lock of
/// the run folder.
pub fn remove_unfinished(dir: &Path) {
    let (begins, ends) = UNFINISHED;
    let charts = dir.join(CHARTS);
    let charts = plain_file::check_folder(&charts).is_ok().then_some(charts);
    for folder in std::iter::once(dir.to_owned()).chain(charts) {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_ours = name.to_str().is_some_and(|n| n.starts_with(begins) && n.ends_with(ends));
            if is_ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
                // What stays is in nobody's way.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Writes a file beside its place, makes it durable, and moves it there.
pub(super) fn whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
) -> Result<(), ReportError> {
    let at = |source| io_at(path, source);
    plain_file::check(path).map_err(at)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut temporary = beside(folder).map_err(at)?;
    {
        let mut file = BufWriter::with_capacity(CSV_BUFFER_BYTES, temporary.as_file_mut());
        write(&mut file).and_then(|()| file.flush()).map_err(at)?;
    }
    temporary.as_file().sync_data().map_err(at)?;
    temporary.persist(path).map_err(|error| at(error.error))?;
    Ok(())
}

/// A file that will be moved to its place. Temporary files are private to their owner; a report
/// holds no prompt and no answer and is for others too, as far as the user's mask allows.
#[cfg(unix)]
fn beside(folder: &Path) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;
    unfinished().permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder)
}

#[cfg(not(unix))]
fn beside(folder: &Path) -> io::Result<NamedTempFile> {
    unfinished().tempfile_in(folder)
}

fn unfinished() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
    builder
}

fn io_at(path: &Path, source: io::Error) -> ReportError {
    ReportError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::report::{Detail, answer, fixture};
    use std::collections::BTreeSet;

    type Trials = Vec<Result<TrialView, io::Error>>;

    fn trials() -> Trials {
        (0..3).map(|i| Ok(TrialView { repeat: i, status: "ok", ..TrialView::default() })).collect()
    }

    #[test]
    fn a_report_is_all_its_files_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let report = fixture::report(&fixture::demo());
        write_all(dir.path(), &report, trials().into_iter(), None).expect("written");
        let names = |dir: &Path| -> BTreeSet<String> {
            let entries = fs::read_dir(dir).expect("readable");
            entries.map(|e| e.expect("entry").file_name().to_string_lossy().into_owned()).collect()
        };
        let files =
            ["charts", "latency.csv", "report.html", "report.md", "summary.csv", "trials.csv"];
        assert_eq!(names(dir.path()), files.map(str::to_owned).into());
        let charts = [
            "cost-quality.svg",
            "latency-histogram.svg",
            "latency-nines.svg",
            "quality-by-category.svg",
            "weights.svg",
        ];
        assert_eq!(names(&dir.path().join("charts")), charts.map(str::to_owned).into());
        let csv = fs::read_to_string(dir.path().join("trials.csv")).expect("written");
        assert_eq!(csv.lines().count(), 4);
        assert!(csv.starts_with("run,trial,suite,task,category,endpoint,model,provider,repeat,"));
        assert!(csv.lines().next().is_some_and(|l| l.ends_with(",tokens_source,cost_upper_usd")));
    }

    #[test]
    fn a_trial_that_cannot_be_read_leaves_the_old_file() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let report = fixture::report(&fixture::support());
        let path = dir.path().join("trials.csv");
        fs::write(&path, "old").expect("written");
        let mut trials = trials();
        trials.push(Err(io::Error::other("disk")));
        let error = write_all(dir.path(), &report, trials.into_iter(), None);
        assert!(matches!(error, Err(ReportError::Trials(_))), "{error:?}");
        assert_eq!(fs::read_to_string(&path).expect("still there"), "old");
        assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 1);
    }

    /// With `WEIGHBRIDGE_DUMP_REPORTS=DIR`, leaves the made-up reports there to be looked at.
    #[test]
    fn reports_of_every_fixture_can_be_written() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let asked = std::env::var_os("WEIGHBRIDGE_DUMP_REPORTS").map(PathBuf::from);
        let root = asked.unwrap_or_else(|| temporary.path().to_owned());
        for (name, made) in [
            ("demo", fixture::demo()),
            ("support", fixture::support()),
            ("hostile", fixture::hostile()),
            ("empty", fixture::empty()),
        ] {
            let dir = root.join(name);
            fs::create_dir_all(&dir).expect("a folder");
            let report = fixture::report(&made);
            write_all(&dir, &report, trials().into_iter(), None).expect(name);
            let screen = answer(&report, Path::new("results/2026-11-22-demo"), Detail::Screen);
            fs::write(dir.join("screen.txt"), screen).expect("written");
        }
    }
}
