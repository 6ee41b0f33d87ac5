//! Everything after the last request of a load.

use std::path::Path;

use crate::aggregate::{self, LoadMetrics, Target};
use crate::app::error::AppError;
use crate::app::outcome::RunStatus;
use crate::catalog::Endpoint;
use crate::plan::Plan;
use crate::report::{self, LoadReport};
use crate::run::load::{FirstFailure, LoadEnd};
use crate::units::{Fact, ValidityMark};
use crate::wire::ErrorClass;

/// Aggregates a recorded load and writes its report.
pub(crate) fn conclude(dir: &Path) -> Result<(LoadMetrics, LoadReport), AppError> {
    let metrics = aggregate::compute_load_metrics(dir)?;
    let report = LoadReport::new(&metrics);
    report::load::write(dir, &report)?;
    Ok((metrics, report))
}

pub(super) fn status(end: &LoadEnd, metrics: &LoadMetrics) -> RunStatus {
    let counts = &metrics.all.counts;
    let mark = metrics.validity.as_ref().map_or(ValidityMark::Valid, |validity| validity.mark);
    if counts.ok == 0 && counts.failed > 0 {
        RunStatus::Failed
    } else if end.why.is_some() {
        RunStatus::Incomplete
    } else if metrics.endpoints.iter().any(|e| e.cell.counts.ok == 0 && e.cell.counts.failed > 0) {
        RunStatus::NoData
    } else if mark == ValidityMark::Invalid {
        RunStatus::Invalid
    } else {
        RunStatus::Complete
    }
}

/// Letters and digits in a row that a provider's words have from a prompt where they quote it.
const QUOTED: usize = 16;

/// The first failure of each endpoint and class as facts, which the report keeps. A load keeps no
/// text of its tasks: words that quote a prompt are left out.
pub(super) fn facts(end: &LoadEnd, plan: &Plan) -> Vec<Fact> {
    let letters = |text: &str| -> Vec<char> {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let tasks = plan.tasks.iter().flat_map(|task| &task.messages);
    let prompts: Vec<String> =
        tasks.map(|message| letters(&message.content).into_iter().collect()).collect();
    let quotes = |words: &str| {
        let words = letters(words);
        let whole: String = words.iter().collect();
        words.windows(QUOTED).step_by(QUOTED / 4).any(|part| {
            let part: String = part.iter().collect();
            prompts.iter().any(|prompt| prompt.contains(&part))
        }) || prompts.iter().any(|prompt| prompt.len() >= QUOTED / 2 && whole.contains(prompt))
    };
    let fact = |((_, class), first): (&(u32, ErrorClass), &FirstFailure)| {
        let endpoint = plan.endpoints.iter().find(|e| e.id == first.endpoint)?;
        let target = Target::new(endpoint);
        Some(Fact::RequestsFailed {
            endpoint: endpoint.id.to_string(),
            class: class.name().to_owned(),
            words: Some(report::provider_words(&first.detail)).filter(|words| !quotes(words)),
            remedy: report::remedy(*class, Some(&first.detail), &target),
            url: target.url,
        })
    };
    end.failures.iter().filter_map(fact).collect()
}

/// The first failure of each endpoint and class, with the address and what to try.
pub(super) fn failures(end: &LoadEnd, endpoints: &[Endpoint]) -> Vec<String> {
    let said = |((_, class), first): (&(u32, ErrorClass), &FirstFailure)| {
        let text = format!("{}: {}", class.name(), first.detail);
        let Some(endpoint) = endpoints.iter().find(|e| e.id == first.endpoint) else { return text };
        let target = Target::new(endpoint);
        let remedy = report::remedy(*class, Some(&first.detail), &target);
        let remedy = remedy.map_or_else(String::new, |remedy| format!(": {remedy}"));
        format!("{text} ({} at {}){remedy}", endpoint.id, target.url)
    };
    end.failures.iter().map(said).collect()
}
