//! Notes about answers whose provider reported no usage: Weighbridge's own token counts, or that
//! this build has no tokenizer.

use super::number::{money, significant};
use super::text::escape_control;
use crate::aggregate::{EndpointMetrics, LocalTokens, RunMetrics};
use crate::units::prose::{group_thousands, pluralize};

/// One sentence for each endpoint with answers without usage, and one on how far local counts are
/// from the providers' own; nothing where every provider reported usage.
pub(super) fn notes(metrics: &RunMetrics) -> Vec<String> {
    if !cfg!(feature = "tokenizer") {
        return metrics.endpoints.iter().filter(|e| e.uncounted > 0).map(not_counted).collect();
    }
    let mut said: Vec<String> = metrics
        .endpoints
        .iter()
        .filter_map(|endpoint| Some((endpoint, endpoint.local.as_ref()?)))
        .filter(|(_, local)| local.answers > 0)
        .map(|(endpoint, local)| counted(endpoint, local))
        .collect();
    if !said.is_empty() {
        said.push(differ(metrics));
    }
    said
}

fn not_counted(endpoint: &EndpointMetrics) -> String {
    format!(
        "{} gave no usage with {} of {}: this build has no tokenizer, so their tokens are not \
         known. `cargo install weighbridge --features tokenizer` installs a build that counts them.",
        escape_control(endpoint.id.as_str()),
        group_thousands(endpoint.uncounted),
        pluralize(endpoint.all.counts.ok, "answer"),
    )
}

fn counted(endpoint: &EndpointMetrics, local: &LocalTokens) -> String {
    let whose = if local.own { "the model's own" } else { "standing in for the model's own" };
    let cost = local.cost.map_or_else(String::new, |cost| {
        format!(", which would cost {} at its price", money(cost))
    });
    format!(
        "{} gave no usage with {} of {}: a local tokenizer ({}, {whose}) counts {} in and {} \
         out{cost}; no bill and no mean is made of them.",
        escape_control(endpoint.id.as_str()),
        group_thousands(local.answers),
        pluralize(endpoint.all.counts.ok, "answer"),
        local.vocabulary,
        pluralize(local.input, "token"),
        group_thousands(local.output),
    )
}

fn differ(metrics: &RunMetrics) -> String {
    let each: Vec<String> = metrics
        .endpoints
        .iter()
        .filter_map(|endpoint| {
            let ratio = endpoint.local.as_ref()?.ratio?;
            let [input, output] = [ratio.input, ratio.output].map(|r| significant(r, 3));
            let id = escape_control(endpoint.id.as_str());
            Some(format!("{id} {input} × in, {output} × out ({})", pluralize(ratio.n, "answer")))
        })
        .collect();
    if each.is_empty() {
        return "How far local counts are from the providers' own is not known: no answer has both."
            .to_owned();
    }
    format!("Local counts over the providers' own, where both are known: {}.", each.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[cfg(not(feature = "tokenizer"))]
    #[test]
    fn a_build_without_a_tokenizer_says_so() {
        let (mut metrics, _) = fixture::support();
        assert!(notes(&metrics).is_empty());
        metrics.endpoints[0].uncounted = 40;
        insta::assert_snapshot!(notes(&metrics).join("\n"), @"acme/large@azure gave no usage with 40 of 1,439 answers: this build has no tokenizer, so their tokens are not known. `cargo install weighbridge --features tokenizer` installs a build that counts them.");
    }

    #[cfg(feature = "tokenizer")]
    fn local(answers: u64, ratio: Option<crate::aggregate::LocalRatio>) -> LocalTokens {
        let cost = Some("1.25".parse::<crate::units::Usd>().expect("a decimal"));
        let (input, output) = (answers * 30, answers * 9);
        LocalTokens { vocabulary: "o200k_base", own: false, answers, input, output, cost, ratio }
    }

    #[cfg(feature = "tokenizer")]
    #[test]
    fn counts_from_here_are_told_with_their_distance_from_the_providers() {
        let (mut metrics, _) = fixture::support();
        assert!(notes(&metrics).is_empty());
        metrics.endpoints[0].local = Some(local(40, None));
        let unknown = "How far local counts are from the providers' own is not known: no answer \
                       has both.";
        assert_eq!(notes(&metrics)[1], unknown);
        let ratio = crate::aggregate::LocalRatio { n: 100, input: 1.0234, output: 0.9 };
        metrics.endpoints[1].local = Some(local(0, Some(ratio)));
        let said = notes(&metrics);
        assert_eq!(said.len(), 2, "{said:?}");
        let (first, second) = (metrics.endpoints[0].id.as_str(), metrics.endpoints[1].id.as_str());
        assert!(said[0].starts_with(&format!("{first} gave no usage with 40 of ")), "{said:?}");
        assert!(said[0].contains("1,200 tokens in and 360 out, which would cost $1.25"));
        let differ = format!("{second} 1.02 × in, 0.9 × out (100 answers).");
        assert!(said[1].ends_with(&differ), "{}", said[1]);
    }
}
