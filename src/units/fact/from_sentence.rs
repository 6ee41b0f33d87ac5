//! Facts from the sentences of manifests before 0.3 and of `weights.json`.

use super::{Fact, stand_in};
use crate::units::CacheMode;

impl Fact {
    /// The fact that a sentence states; [`Fact::Text`] where no code branches on it.
    ///
    /// The sentences are those that earlier versions wrote: they never change here, whatever
    /// `Display` writes today.
    #[must_use]
    pub fn from_sentence(sentence: &str) -> Self {
        let sentence = sentence.trim();
        let text = || Self::Text { text: sentence.to_owned() };
        fixed(sentence).or_else(|| with_values(sentence)).unwrap_or_else(text)
    }
}

/// Sentences without values.
fn fixed(sentence: &str) -> Option<Fact> {
    Some(match sentence {
        "prompts and answers are not kept (--no-content)" => Fact::NoContent,
        "today is not stated: the best single endpoint of the run stands for it" => {
            Fact::TodayAssumed
        }
        "shares assumed: categories count equally" => Fact::SharesAssumed,
        "prices, skills and TTFT ratios are the profiles'; lengths are not: answers of at most 60 \
         tokens, thinking of at most 2 s, stalls of at most 8 s (the profiles' own: sim --scale \
         lengths=1)" => Fact::AnswersShortened,
        "no suite named: the bundled ones are asked" => Fact::BundledSuites,
        "prompt caches are kept cold: each request begins with a nonce of its own" => {
            Fact::PromptCache { mode: CacheMode::Cold }
        }
        "an I/O thread was busy more than 97 % for half of the run" => Fact::IoThreadSaturated,
        "SIMULATED: this rests on answers of a simulator; do not route real traffic by it." => {
            Fact::Simulated
        }
        "The run's latencies are degraded, and the objective rests on them." => {
            Fact::LatenciesDegraded
        }
        "No [traffic] shares are stated: categories count equally." => Fact::SharesNotStated,
        "Expected figures are means over the tasks that were measured, cells taken as \
         independent; traffic that differs from those tasks will differ from them." => {
            Fact::ExpectedAreMeans
        }
        "The default mix is tuned on all categories together, each weighing its share." => {
            Fact::DefaultMixTuned
        }
        _ => return None,
    })
}

/// Sentences with values that code reads.
fn with_values(sentence: &str) -> Option<Fact> {
    resumed(sentence)
        .or_else(|| shard(sentence))
        .or_else(|| dropped(sentence))
        .or_else(|| littles_law(sentence))
        .or_else(|| nothing_tuned(sentence))
        .or_else(|| stands_in(sentence))
        .or_else(|| cap_broken(sentence))
}

fn resumed(sentence: &str) -> Option<Fact> {
    let [times, _] =
        values(sentence, ["resumed ", " time", ": latencies are of several sessions"])?;
    Some(Fact::Resumed { times: times.parse().ok()? })
}

fn shard(sentence: &str) -> Option<Fact> {
    let [k, n] = values(sentence, ["shard ", "/", " of the plan's tasks"])?;
    Some(Fact::Shard { k: k.parse().ok()?, n: n.parse().ok()? })
}

fn dropped(sentence: &str) -> Option<Fact> {
    let [dropped, asked, _] = values(sentence, ["", " of ", " requests were dropped (", " %)"])?;
    Some(Fact::RequestsDropped { dropped: dropped.parse().ok()?, asked: asked.parse().ok()? })
}

fn littles_law(sentence: &str) -> Option<Fact> {
    let around = ["throughput × mean latency is ", " % off the concurrency (Little's law)"];
    let [off] = values(sentence, around)?;
    Some(Fact::LittlesLaw { off: off.parse::<f64>().ok()? / 100.0 })
}

fn nothing_tuned(sentence: &str) -> Option<Fact> {
    let [why] = values(sentence, ["Nothing was tuned: ", "."])?;
    Some(Fact::NothingTuned { why: why.to_owned() })
}

fn stands_in(sentence: &str) -> Option<Fact> {
    let [endpoint, best] = values(sentence, ["No [today] is stated: ", ", ", ", stands for it."])?;
    let priced_only = [false, true].into_iter().find(|priced| stand_in(*priced) == best)?;
    Some(Fact::TodayStandsIn { endpoint: endpoint.to_owned(), priced_only })
}

fn cap_broken(sentence: &str) -> Option<Fact> {
    let around =
        ["The cap is broken: ", " has ", " % of the traffic, max_share.provider allows ", " %."];
    let [provider, share, cap] = values(sentence, around)?;
    let share_of = |percent: &str| Some(percent.parse::<f64>().ok()? / 100.0);
    Some(Fact::CapBroken {
        provider: provider.to_owned(),
        share: share_of(share)?,
        cap: share_of(cap)?,
    })
}

/// The `N` values between `N + 1` pieces of a sentence; `None` where a piece is missing.
fn values<'a, const N: usize, const PIECES: usize>(
    sentence: &'a str,
    around: [&str; PIECES],
) -> Option<[&'a str; N]> {
    const { assert!(PIECES == N + 1) };
    let mut rest = sentence.strip_prefix(around[0])?;
    let mut values = [""; N];
    for (i, value) in values.iter_mut().enumerate() {
        let after = around[i + 1];
        let (found, left) =
            if i + 1 == N { (rest.strip_suffix(after)?, "") } else { rest.split_once(after)? };
        (*value, rest) = (found, left);
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::fact::Lag;

    /// Every sentence that an earlier version kept, with the fact it is read as. Those with `None`
    /// stay text: no code branches on them.
    fn old_sentences() -> Vec<(&'static str, Option<Fact>)> {
        let text = |text: &str| text.to_owned();
        vec![
            ("resumed 1 time: latencies are of several sessions", Some(Fact::Resumed { times: 1 })),
            (
                "resumed 12 times: latencies are of several sessions",
                Some(Fact::Resumed { times: 12 }),
            ),
            ("shard 2/16 of the plan's tasks", Some(Fact::Shard { k: 2, n: 16 })),
            ("prompts and answers are not kept (--no-content)", Some(Fact::NoContent)),
            (
                "today is not stated: the best single endpoint of the run stands for it",
                Some(Fact::TodayAssumed),
            ),
            ("shares assumed: categories count equally", Some(Fact::SharesAssumed)),
            ("no suite named: the bundled ones are asked", Some(Fact::BundledSuites)),
            (
                "prompt caches are kept cold: each request begins with a nonce of its own",
                Some(Fact::PromptCache { mode: CacheMode::Cold }),
            ),
            ("weighbridge.toml is left aside: the simulated fleet is weighed", None),
            ("acme/large@azure serves today, so it is measured too", None),
            ("no traffic is stated for math: share 0", None),
            ("traffic of math is not weighed; the other shares are scaled to 1", None),
            ("prices are those of openrouter, read 2026-11-22T00:00:00Z", None),
            ("a/b@c is left out: ineligible (privacy): its provider trains on prompts", None),
            ("40 trials ineligible (tools): it takes no tools: a/b@c", None),
            ("the client's runtime was late: lag p99 12.5 ms, limit 5.0 ms", None),
            ("requests left late: lag p99 12.5 ms, limit 5.0 ms", None),
            ("an I/O thread was busy 85 % of the time over 5 s", None),
            (
                "an I/O thread was busy more than 97 % for half of the run",
                Some(Fact::IoThreadSaturated),
            ),
            (
                "20 of 1000 requests were dropped (2.00 %)",
                Some(Fact::RequestsDropped { dropped: 20, asked: 1_000 }),
            ),
            (
                "throughput × mean latency is 12.5 % off the concurrency (Little's law)",
                Some(Fact::LittlesLaw { off: 0.125 }),
            ),
            (
                "SIMULATED: this rests on answers of a simulator; do not route real traffic by it.",
                Some(Fact::Simulated),
            ),
            (
                "Nothing was tuned: the goal is faster, and no slo says than what.",
                Some(Fact::NothingTuned {
                    why: text("the goal is faster, and no slo says than what"),
                }),
            ),
            ("large@azure keeps everything: no mix keeps P(TTFT > 800 ms) within 5 %.", None),
            ("The run is not complete (interrupted); this rests on what was answered.", None),
            (
                "The run's latencies are degraded, and the objective rests on them.",
                Some(Fact::LatenciesDegraded),
            ),
            (
                "No [today] is stated: large@azure, the best single endpoint of this run, stands \
                 for it.",
                Some(Fact::TodayStandsIn { endpoint: text("large@azure"), priced_only: false }),
            ),
            (
                "No [today] is stated: large@azure, the best single endpoint of this run with a \
                 known price, stands for it.",
                Some(Fact::TodayStandsIn { endpoint: text("large@azure"), priced_only: true }),
            ),
            (
                "No [traffic] shares are stated: categories count equally.",
                Some(Fact::SharesNotStated),
            ),
            ("math and code without traffic: tuned by itself.", None),
            (
                "Attempts whose cost is not known are left out of it: large@azure (2 attempts).",
                None,
            ),
            (
                "The cap is broken: azure has 62.5 % of the traffic, max_share.provider allows 50 %.",
                Some(Fact::CapBroken { provider: text("azure"), share: 0.625, cap: 0.5 }),
            ),
            ("P(TTFT > 800 ms) stays at 7 %, above the 5 % that the slo allows.", None),
            (
                "Expected figures are means over the tasks that were measured, cells taken as \
                 independent; traffic that differs from those tasks will differ from them.",
                Some(Fact::ExpectedAreMeans),
            ),
            (
                "The default mix is tuned on all categories together, each weighing its share.",
                Some(Fact::DefaultMixTuned),
            ),
            ("prompts.csv: prompt ← question, reference ← expected (guessed: grader exact)", None),
            ("shard", None),
            ("resumed often", None),
            ("", None),
        ]
    }

    #[test]
    fn old_sentences_are_read_as_facts() {
        for (sentence, fact) in old_sentences() {
            let expected = fact.unwrap_or_else(|| Fact::from(sentence.to_owned()));
            assert_eq!(Fact::from_sentence(sentence), expected);
            let json = serde_json::to_string(sentence).expect("JSON");
            assert_eq!(serde_json::from_str::<Fact>(&json).expect("a fact"), expected);
        }
    }

    #[test]
    fn published_sentences_keep_their_words() {
        let published = old_sentences().into_iter().filter(|(s, _)| s.ends_with('.'));
        for (sentence, fact) in published {
            assert_eq!(fact.unwrap_or_else(|| sentence.to_owned().into()).to_string(), sentence);
        }
        let slo = Fact::SloMissed { ttft_ms: 800.0, miss: 0.07, allowed: 0.05 };
        assert_eq!(
            slo.to_string(),
            "P(TTFT > 800 ms) stays at 7 %, above the 5 % that the slo allows."
        );
        let late = Fact::RequestsLate(Lag { percentile: 0.9, lag_ms: 12.25, limit_ms: 5.0 });
        assert_eq!(late.to_string(), "requests left late: lag p90 12.2 ms, limit 5.0 ms");
    }
}
