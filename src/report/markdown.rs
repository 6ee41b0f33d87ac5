//! `report.md`: the answer for the summary page of a CI run, as GitHub Markdown.

use std::fmt::Write as _;

use super::in_service;
use super::number::share;
use super::run_text::{
    self, availability, heading, per_1000, quality_or_failure, ranked, ttft_pair, vs_today,
};
use super::text::{MOST_WORDS, markdown as escaped};
use super::verdict;
use crate::report::model::RunReport;
use crate::units::prose::group_thousands;

/// The whole file.
pub(super) fn summary(report: &RunReport) -> String {
    let facts = heading(report);
    let mut text = String::new();
    let _ = writeln!(text, "## {}\n", escaped(&facts[0]));
    let facts: Vec<String> = facts[1..].iter().map(|fact| escaped(fact)).collect();
    let _ = writeln!(text, "{}\n", facts.join(" · "));
    if report.simulated {
        text.push_str("> **SIMULATED**: no real model gave any of these answers.\n\n");
    }
    verdicts(&mut text, report);
    endpoints(&mut text, report);
    let failed: Vec<String> = run_text::failed(report).into_iter().collect();
    list(&mut text, "In service", &in_service(report));
    list(&mut text, "Failed", &failed);
    let no_data: Vec<String> = report.no_data.iter().map(|d| d.sentence.clone()).collect();
    list(&mut text, "No data", &no_data);
    list(&mut text, "What the providers said", &said(report));
    let doubts: Vec<String> = report.unpassed.iter().map(|u| u.sentence.clone()).collect();
    list(&mut text, "Is the grader right?", &doubts);
    list(&mut text, "Assumed", &report.assumptions);
    list(&mut text, "No verdict", &verdict::unjudged(report));
    list(&mut text, "Notes", &report.notes);
    let left_out: Vec<String> =
        report.left_out.iter().map(|(id, why)| format!("{id}: {why}")).collect();
    if report.counts.scored > 0 {
        list(&mut text, "Left out of the weights", &left_out);
    }
    let _ = writeln!(
        text,
        "<sub>Run {} · seed {} · all figures, charts and definitions are in report.html; routing \
         weights in weights.json.</sub>",
        escaped(&report.run.id),
        report.run.seed
    );
    text
}

/// What serving by the weights takes.
fn in_service(report: &RunReport) -> Vec<String> {
    let lines =
        [in_service::speed(report), in_service::outage(report), in_service::money_line(report)];
    let lines = lines.into_iter().flatten().map(|(name, text)| format!("{name}: {text}"));
    lines.chain(in_service::rooms(report).into_iter().map(|text| format!("Room: {text}"))).collect()
}

/// One item per endpoint and class of failure.
fn said(report: &RunReport) -> Vec<String> {
    let said = report.failures.iter().map(|failure| {
        let remedy = failure.remedy.as_deref().map_or_else(String::new, |r| format!(". {r}"));
        let trials = group_thousands(failure.trials);
        let (endpoint, class) = (failure.endpoint.as_str(), failure.class);
        format!("{endpoint}, {trials} {class}: {}{remedy}", failure.said(MOST_WORDS))
    });
    said.collect()
}

fn verdicts(text: &mut String, report: &RunReport) {
    let verdicts = verdict::verdicts(report);
    if verdicts.is_empty() {
        let why = match report.counts.scored {
            0 => "nothing was scored",
            _ => "nothing stands for today",
        };
        let _ = writeln!(text, "No verdict: {why}.\n");
        return;
    }
    for sentence in verdict::mixture(report) {
        let _ = writeln!(text, "{}\n", escaped(&sentence));
    }
    let _ = writeln!(text, "{}\n", escaped(&verdict::test(report)));
    text.push_str("| category | traffic | verdict | |\n|---|---:|---|---|\n");
    for verdict in &verdicts {
        let _ = writeln!(
            text,
            "| {} | {} | **{}** | {} |",
            escaped(&verdict.category),
            share(verdict.share),
            verdict.verdict.word.word(),
            escaped(&verdict.sentences(&report.names))
        );
    }
    text.push('\n');
}

fn endpoints(text: &mut String, report: &RunReport) {
    text.push_str(
        "| endpoint | quality, % (95 %) | $ per 1,000 tasks | vs today, points | TTFT p50/p95 | \
         answered first time, % |\n|---|---|---:|---|---|---:|\n",
    );
    for endpoint in ranked(report) {
        let today = endpoint.is_today;
        let _ = writeln!(
            text,
            "| {}{} | {} | {} | {} | {} | {} |",
            escaped(endpoint.id.as_str()),
            if today { " **today**" } else { "" },
            quality_or_failure(&endpoint.all),
            per_1000(&endpoint.all),
            vs_today(&endpoint.all, today),
            ttft_pair(&endpoint.all),
            availability(&endpoint.all)
        );
    }
    text.push('\n');
}

pub(super) fn list(text: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(text, "**{title}**\n");
    for item in items {
        let _ = writeln!(text, "- {}", escaped(item));
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::RunMetrics;
    use crate::report::fixture;
    use crate::weights::WeightsFile;

    fn of(made: &(RunMetrics, WeightsFile)) -> String {
        summary(&fixture::report(made))
    }

    #[test]
    fn the_summary_of_a_usual_run() {
        insta::assert_snapshot!(of(&fixture::support()));
    }

    #[test]
    fn hostile_names_stay_in_their_cells() {
        let text = of(&fixture::hostile());
        assert!(!text.contains("<script") && !text.contains("<svg") && !text.contains("<img"));
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
        // Every row of a table has as many unescaped bars as its header.
        for block in text.split("\n\n").filter(|b| b.starts_with('|')) {
            let bars = |line: &str| line.replace("\\|", "").matches('|').count();
            let mut lines = block.lines();
            let first = bars(lines.next().expect("a header"));
            assert!(lines.all(|line| bars(line) == first), "{block}");
        }
    }
}
