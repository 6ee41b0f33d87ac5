//! `report.html`: one file, no request to anywhere, every text escaped by the template engine.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::answers_page::AnswersView;
use super::chart::Chart;
use super::error::ReportError;
use super::page::Page;
use crate::report::model::RunReport;

/// The names end in `.html`, so the engine escapes every value.
const TEMPLATE: &str = "report.html";
/// What every page begins and ends with.
const BASE: &str = "base.html";
/// What a run notes of itself.
const RECORD: &str = "record.html";

/// Makes the page.
pub(super) fn page(
    report: &RunReport,
    charts: &[Chart],
    answers: Option<AnswersView>,
) -> Result<String, ReportError> {
    render(include_str!("report.html.j2"), Page::of(report, charts, answers))
}

/// Fills a template, which may extend [`BASE`].
pub(super) fn render(template: &str, page: impl Serialize) -> Result<String, ReportError> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    // A block's own line leaves no blank line behind.
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    engine.add_template(BASE, include_str!("base.html.j2"))?;
    engine.add_template(RECORD, include_str!("record.html.j2"))?;
    engine.add_template(TEMPLATE, template)?;
    Ok(engine.get_template(TEMPLATE)?.render(Serde(page))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::RunMetrics;
    use crate::report::chart;
    use crate::report::fixture;
    use crate::weights::WeightsFile;

    fn of(made: &(RunMetrics, WeightsFile)) -> String {
        let report = fixture::report(made);
        let charts = chart::all(&report).expect("memory");
        page(&report, &charts, None).expect("the template is ours")
    }

    fn check(page: &str) {
        assert!(page.contains("default-src 'none'; style-src 'unsafe-inline'; img-src data:"));
        // Nothing that a browser would fetch or run.
        for asked in
            ["<script", "<link", "<img", "<iframe", "@import", "url(", " src=", "<svg onload"]
        {
            assert!(!page.contains(asked), "{asked}");
        }
        let addresses = page.matches("http").count();
        assert_eq!(
            addresses,
            page.matches("http-equiv").count() + page.matches("http://www.w3.org/2000/svg").count()
        );
        for c in ['\u{1b}', '\u{202e}', '\u{7}', '\r'] {
            assert!(!page.contains(c), "{c:?}");
        }
    }

    #[test]
    fn the_page_asks_nobody_and_shows_everything() {
        let made = fixture::demo();
        let page = of(&made);
        check(&page);
        assert!(page.contains("SIMULATED"));
        assert_eq!(page.matches("<svg xmlns").count(), 5);
        for endpoint in &made.0.endpoints {
            let shown = endpoint.id.as_str().replace('/', "&#x2f;");
            assert!(page.contains(&shown), "{shown}");
        }
    }

    #[test]
    fn a_real_run_is_not_called_simulated() {
        assert!(!of(&fixture::support()).contains("SIMULATED"));
    }

    #[test]
    fn an_incomplete_run_is_not_called_valid() {
        let (mut metrics, weights) = fixture::support();
        let ended = metrics.manifest.ended.as_mut().expect("ended");
        (ended.complete, ended.why) = (false, Some("the budget was used up".to_owned()));
        let page = of(&(metrics, weights));
        assert!(page.contains("<b>INCOMPLETE</b> The budget was used up."));
        assert!(page.contains("class=\"mark doubtful\">INCOMPLETE") && !page.contains(">VALID<"));
    }

    #[test]
    fn hostile_names_are_text() {
        let (metrics, weights) = fixture::hostile();
        let page = of(&(metrics, weights)).replace("src=http:&#x2f;&#x2f;evil", "");
        check(&page);
        assert!(page.contains("&lt;script&gt;alert(1)"));
        assert!(!page.contains("</style><svg"));
        assert!(page.contains("${{7*7}} {{7*7}}"), "a name is not a template");
    }

    #[test]
    fn hostile_answers_are_text_and_the_search_alone_may_run() {
        let report = fixture::report(&fixture::support());
        let hostile =
            "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>\u{1b}[2J";
        let task = crate::aggregate::TaskAnswers {
            suite: hostile.into(),
            task: "t1".into(),
            category: "c".into(),
            grader: "exact".into(),
            prompt: vec![crate::units::Message { role: "user".into(), content: hostile.into() }],
            reference: Some(hostile.into()),
            answers: Vec::new(),
        };
        let answers = AnswersView::new(std::iter::once(Ok::<_, ReportError>(task))).expect("read");
        let page = page(&report, &[], Some(answers)).expect("the template is ours");
        assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (1, 1));
        assert!(!page.contains("<img") && !page.contains('\u{1b}'));
        assert!(
            page.contains("; script-src 'sha256-"),
            "the policy allows this script by its hash"
        );
        assert!(
            page.contains("id=\"search\" hidden"),
            "without scripts there is no search to fail"
        );
    }

    #[test]
    fn an_empty_run_has_a_page() {
        let page = of(&fixture::empty());
        check(&page);
        assert!(page.contains("nothing was scored"));
        assert!(page.contains("UNFINISHED"));
    }
}
