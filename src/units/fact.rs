//! What a reader of a run must know, as data.
//!
//! A run's manifest keeps facts as tagged JSON (`{"fact":"resumed","times":2}`), and code branches
//! on their kind. Only [`Fact`]'s `Display` makes sentences of them. Manifests of earlier versions
//! and the published `weights.json` hold sentences: [`Fact::from_sentence`] reads those.

mod from_sentence;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::CacheMode;
use super::prose::{self, join_and, percent};

/// Names that a sentence lists before it counts the rest.
const NAMED: usize = 3;

/// Something that a reader of a run, of a load or of a weights file must know.
///
/// Shares are 0..1. Names are those of endpoints, providers, categories or files as the user wrote
/// them: not escaped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// The run was interrupted and resumed.
    Resumed {
        /// How often.
        times: u32,
    },
    /// The run holds one part of a plan.
    Shard {
        /// Which part, from 1.
        k: u32,
        /// Of how many.
        n: u32,
    },
    /// `--no-content`: the run keeps neither prompts nor answers.
    NoContent,
    /// The outcomes were measured elsewhere, and imported.
    Imported {
        /// The files, without their folders.
        files: Vec<String>,
    },
    /// No `[today]` when the run was planned.
    TodayAssumed,
    /// No `[traffic]` when the run was planned.
    SharesAssumed,
    /// The simulated fleet's answers are shorter than its profiles' models would give.
    AnswersShortened,
    /// A configuration file was found and not read, because the simulated fleet is measured.
    ConfigIgnored {
        /// The file.
        path: String,
    },
    /// No suite was named, so the bundled ones run.
    BundledSuites,
    /// Today's endpoint was not selected and is measured all the same.
    TodayAdded {
        /// The endpoint.
        endpoint: String,
    },
    /// `[traffic]` states shares, but none for these categories.
    NoTraffic {
        /// The categories.
        categories: Vec<String>,
    },
    /// `[traffic]` states shares for categories that are not in the run.
    TrafficNotMeasured {
        /// The categories.
        categories: Vec<String>,
    },
    /// Endpoints whose price is per hour.
    PaidByHour {
        /// The endpoints.
        endpoints: Vec<String>,
    },
    /// Providers reached through the environment's HTTP proxy.
    ThroughProxy {
        /// The providers.
        providers: Vec<String>,
    },
    /// Prompt caches are kept cold or warmed.
    PromptCache {
        /// Cold or warm.
        mode: CacheMode,
    },
    /// Where prices were read, and when.
    PricesRead {
        /// The price list.
        source: String,
        /// When, RFC 3339.
        read_at: String,
    },
    /// Endpoints that a wildcard matched and no price list has a price for.
    PriceNotListed {
        /// The endpoints.
        endpoints: Vec<String>,
    },
    /// An endpoint that cannot take the load's requests.
    EndpointLeftOut {
        /// The endpoint.
        endpoint: String,
        /// The class of the reason, as in `trials.csv`.
        reason: String,
        /// The reason in words.
        why: String,
    },
    /// Trials that some endpoints cannot take.
    TrialsIneligible {
        /// How many.
        trials: u64,
        /// The class of the reason, as in `trials.csv`.
        reason: String,
        /// The reason in words.
        why: String,
        /// The endpoints.
        endpoints: Vec<String>,
    },
    /// Some task's output limit is above what these endpoints give.
    OutputLimitCut {
        /// The endpoints.
        endpoints: Vec<String>,
    },
    /// Some task's JSON Schema is not sent to these endpoints.
    SchemaNotSent {
        /// The endpoints.
        endpoints: Vec<String>,
    },
    /// A parameter that an endpoint refuses, and that requests do without since.
    ParameterRefused {
        /// The endpoint.
        endpoint: String,
        /// The parameter.
        parameter: String,
        /// The one that is sent instead; `None`: none.
        instead: Option<String>,
    },
    /// An endpoint that no more requests were sent to before its trials were all asked.
    EndpointGivenUp {
        /// The endpoint.
        endpoint: String,
        /// The class of the failures that said so, as in `trials.csv`; `None`: a budget or a pause.
        class: Option<String>,
        /// The reason in words, with the endpoint's name.
        why: String,
    },
    /// Requests of a load that failed, and what was said of the first.
    RequestsFailed {
        /// The endpoint.
        endpoint: String,
        /// The class of the failure, as in `requests.csv`.
        class: String,
        /// The provider's words, or the client's; `None`: they are not kept.
        words: Option<String>,
        /// Where it was asked, without query and key.
        url: String,
        /// What to try.
        remedy: Option<String>,
    },
    /// An endpoint that writes its reasoning into the content of its answers, between tags.
    InlineReasoning {
        /// The endpoint.
        endpoint: String,
    },

    /// The client's runtime was late.
    RuntimeLate(Lag),
    /// Requests left after their scheduled time.
    RequestsLate(Lag),
    /// An I/O thread was busy for this share of five seconds.
    IoThreadBusy {
        /// The share of a core.
        share: f64,
    },
    /// An I/O thread was busy more than 97 % for half of the run.
    IoThreadSaturated,
    /// Requests of a load that were never sent.
    RequestsDropped {
        /// How many.
        dropped: u64,
        /// Of how many that came due.
        asked: u64,
    },
    /// Throughput × mean latency differs from the concurrency.
    LittlesLaw {
        /// By what share of it.
        off: f64,
    },

    /// The weights rest on a simulator's answers.
    Simulated,
    /// No category could be tuned.
    NothingTuned {
        /// The reason.
        why: String,
    },
    /// No mix is feasible, so today's endpoint keeps all traffic.
    TodayKeepsAll {
        /// Today's endpoint.
        today: String,
        /// The reason.
        why: String,
    },
    /// The weights rest on a run that did not complete.
    RunIncomplete {
        /// The reason.
        why: String,
    },
    /// The objective rests on latencies that are degraded.
    LatenciesDegraded,
    /// No `[today]`: the best single endpoint stands for it.
    TodayStandsIn {
        /// The endpoint.
        endpoint: String,
        /// Whether only endpoints with a known price could.
        priced_only: bool,
    },
    /// No `[traffic]` shares when the weights were tuned.
    SharesNotStated,
    /// Categories that have no traffic.
    WithoutTraffic {
        /// The categories.
        categories: Vec<String>,
    },
    /// Attempts whose cost is unknown, by endpoint.
    CostUnknown {
        /// The endpoint and its number of attempts.
        attempts: Vec<(String, u64)>,
    },
    /// No mix keeps `max_share.provider`.
    CapBroken {
        /// The provider.
        provider: String,
        /// Its share of the traffic.
        share: f64,
        /// The largest share allowed.
        cap: f64,
    },
    /// No mix keeps the latency objective.
    SloMissed {
        /// The objective's limit, milliseconds.
        ttft_ms: f64,
        /// The expected share of answers above it.
        miss: f64,
        /// The share allowed.
        allowed: f64,
    },
    /// Expected figures are means over the measured tasks.
    ExpectedAreMeans,
    /// How the default mix is tuned.
    DefaultMixTuned,

    /// A sentence that no code branches on.
    Text {
        /// The sentence.
        text: String,
    },
}

/// How late something was at a percentile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lag {
    /// The percentile, 0..1.
    pub percentile: f64,
    /// The lag at it, milliseconds.
    pub lag_ms: f64,
    /// The lag from which latencies are degraded, milliseconds.
    pub limit_ms: f64,
}

/// How sentences call the endpoint that stands for today's where none is stated.
#[must_use]
pub const fn stand_in(priced_only: bool) -> &'static str {
    if priced_only {
        "the best single endpoint of this run with a known price"
    } else {
        "the best single endpoint of this run"
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RuntimeLate(_)
            | Self::RequestsLate(_)
            | Self::IoThreadBusy { .. }
            | Self::IoThreadSaturated
            | Self::RequestsDropped { .. }
            | Self::LittlesLaw { .. } => self.write_of_client(f),
            Self::Simulated
            | Self::NothingTuned { .. }
            | Self::TodayKeepsAll { .. }
            | Self::RunIncomplete { .. }
            | Self::LatenciesDegraded
            | Self::TodayStandsIn { .. }
            | Self::SharesNotStated
            | Self::WithoutTraffic { .. }
            | Self::CostUnknown { .. }
            | Self::CapBroken { .. }
            | Self::SloMissed { .. }
            | Self::ExpectedAreMeans
            | Self::DefaultMixTuned => self.write_of_weights(f),
            of_run => of_run.write_of_run(f),
        }
    }
}

impl Fact {
    fn write_of_run(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resumed { times } => {
                let times = prose::pluralize(u64::from(*times), "time");
                write!(f, "resumed {times}: latencies are of several sessions")
            }
            Self::Shard { k, n } => write!(f, "shard {k}/{n} of the plan's tasks"),
            Self::NoContent => f.write_str("prompts and answers are not kept (--no-content)"),
            Self::Imported { files } => write!(
                f,
                "imported from {}: scores, costs and times are as stated there; nothing was measured \
                 here",
                first_of(files)
            ),
            Self::TodayAssumed => f.write_str(
                "today is not stated: the best single endpoint of the run stands for it",
            ),
            Self::SharesAssumed => f.write_str("shares assumed: categories count equally"),
            Self::AnswersShortened => f.write_str(
                "prices, skills and TTFT ratios are the profiles'; lengths are not: answers of at \
                 most 60 tokens, thinking of at most 2 s, stalls of at most 8 s (the profiles' own: \
                 sim --scale lengths=1)",
            ),
            Self::ConfigIgnored { path } => {
                write!(f, "{path} is left aside: the simulated fleet is weighed")
            }
            Self::BundledSuites => f.write_str("no suite named: the bundled ones are asked"),
            Self::TodayAdded { endpoint } => {
                write!(f, "{endpoint} serves today, so it is measured too")
            }
            Self::NoTraffic { categories } => {
                write!(f, "no traffic is stated for {}: share 0", categories.join(", "))
            }
            Self::TrafficNotMeasured { categories } => write!(
                f,
                "traffic of {} is not weighed; the other shares are scaled to 1",
                categories.join(", ")
            ),
            Self::PaidByHour { endpoints } => write!(
                f,
                "paid by the hour, so a request costs $0 here and `weighbridge load` tells dollars \
                 per task: {}",
                endpoints.join(", ")
            ),
            Self::ThroughProxy { providers } => write!(
                f,
                "asked through the proxy that the environment names, whose time is in every \
                 latency: {}",
                providers.join(", ")
            ),
            Self::PromptCache { mode } => f.write_str(match mode {
                CacheMode::AsIs => "prompt caches are as they are",
                CacheMode::Cold => {
                    "prompt caches are kept cold: each request begins with a nonce of its own"
                }
                CacheMode::Warm => {
                    "prompt caches are warmed: each prompt is sent once before the request that \
                     counts; what that costs is in the run's spend, not in the figures"
                }
            }),
            Self::PricesRead { source, read_at } => {
                write!(f, "prices are those of {source}, read {read_at}")
            }
            Self::PriceNotListed { endpoints } => write!(
                f,
                "skipped {}: no listed price. Pass {} with -m to include {}",
                first_of(endpoints),
                if endpoints.len() == 1 { "its full id" } else { "a full id" },
                if endpoints.len() == 1 { "it" } else { "that endpoint" }
            ),
            Self::EndpointLeftOut { endpoint, reason, why } => {
                write!(f, "{endpoint} is left out: ineligible ({reason}): {why}")
            }
            Self::TrialsIneligible { trials, reason, why, endpoints } => {
                let s = if *trials == 1 { "" } else { "s" };
                write!(f, "{trials} trial{s} ineligible ({reason}): {why}: {}", first_of(endpoints))
            }
            Self::OutputLimitCut { endpoints } => write!(
                f,
                "an output limit of the tasks is above what the endpoint gives, and cut to it: {}",
                first_of(endpoints)
            ),
            Self::SchemaNotSent { endpoints } => write!(
                f,
                "the tasks' schema is not sent, for the endpoint takes none: the prompt alone \
                 asks: {}",
                first_of(endpoints)
            ),
            Self::ParameterRefused { endpoint, parameter, instead: Some(instead) } => write!(
                f,
                "{endpoint} refuses {parameter}, and is sent {instead} instead; max_tokens_field = \
                 {instead:?} at its [[endpoint]] spares the refusal"
            ),
            Self::ParameterRefused { endpoint, parameter, instead: None } => write!(
                f,
                "{endpoint} refuses {parameter}, so its streams need not state their tokens, and \
                 costs may be unknown; stream_usage = false at its [[endpoint]] spares the refusal"
            ),
            Self::EndpointGivenUp { why, .. } => f.write_str(why),
            Self::RequestsFailed { endpoint, class, words, url, remedy } => {
                write!(f, "{endpoint}, {class}: ")?;
                match words {
                    Some(words) => write!(f, "“{words}” at {url}")?,
                    None => write!(f, "at {url}")?,
                }
                remedy.iter().try_for_each(|remedy| write!(f, ": {remedy}"))
            }
            Self::InlineReasoning { endpoint } => write!(
                f,
                "{endpoint} writes its reasoning into its answers, between tags such as <think>: it \
                 was taken out, is not graded, and counts in TTFT, not in TTFO"
            ),
            Self::Text { text } => f.write_str(text),
            _ => unreachable!("written with the facts of its kind"),
        }
    }

    fn write_of_client(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RuntimeLate(lag) => write!(f, "the client's runtime was late: {lag}"),
            Self::RequestsLate(lag) => write!(f, "requests left late: {lag}"),
            Self::IoThreadBusy { share } => {
                write!(f, "an I/O thread was busy {:.0} % of the time over 5 s", share * 100.0)
            }
            Self::IoThreadSaturated => {
                f.write_str("an I/O thread was busy more than 97 % for half of the run")
            }
            Self::RequestsDropped { dropped, asked } => {
                let share = *dropped as f64 / (*asked).max(1) as f64;
                write!(f, "{dropped} of {asked} requests were dropped ({:.2} %)", share * 100.0)
            }
            Self::LittlesLaw { off } => write!(
                f,
                "throughput × mean latency is {:.1} % off the concurrency (Little's law)",
                off * 100.0
            ),
            _ => unreachable!("written with the facts of its kind"),
        }
    }

    /// These are published in `weights.json`: their words are part of its format.
    fn write_of_weights(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulated => f.write_str(
                "SIMULATED: this rests on answers of a simulator; do not route real traffic by it.",
            ),
            Self::NothingTuned { why } => write!(f, "Nothing was tuned: {why}."),
            Self::TodayKeepsAll { today, why } => write!(f, "{today} keeps everything: {why}."),
            Self::RunIncomplete { why } => {
                write!(f, "The run is not complete ({why}); this rests on what was answered.")
            }
            Self::LatenciesDegraded => {
                f.write_str("The run's latencies are degraded, and the objective rests on them.")
            }
            Self::TodayStandsIn { endpoint, priced_only } => write!(
                f,
                "No [today] is stated: {endpoint}, {}, stands for it.",
                stand_in(*priced_only)
            ),
            Self::SharesNotStated => {
                f.write_str("No [traffic] shares are stated: categories count equally.")
            }
            Self::WithoutTraffic { categories } => {
                write!(f, "{} without traffic: tuned by itself.", join_and(categories))
            }
            Self::CostUnknown { attempts } => {
                let one = |(name, n): &(String, u64)| {
                    let s = if *n == 1 { "" } else { "s" };
                    format!("{name} ({n} attempt{s})")
                };
                let all: Vec<String> = attempts.iter().map(one).collect();
                write!(
                    f,
                    "Attempts whose cost is not known are left out of it: {}.",
                    join_and(&all)
                )
            }
            Self::CapBroken { provider, share, cap } => write!(
                f,
                "The cap is broken: {provider} has {} of the traffic, max_share.provider allows {}.",
                percent(*share),
                percent(*cap)
            ),
            Self::SloMissed { ttft_ms, miss, allowed } => write!(
                f,
                "P(TTFT > {ttft_ms} ms) stays at {}, above the {} that the slo allows.",
                percent(*miss),
                percent(*allowed)
            ),
            Self::ExpectedAreMeans => f.write_str(
                "Expected figures are means over the tasks that were measured, cells taken as \
                 independent; traffic that differs from those tasks will differ from them.",
            ),
            Self::DefaultMixTuned => f.write_str(
                "The default mix is tuned on all categories together, each weighing its share.",
            ),
            _ => unreachable!("written with the facts of its kind"),
        }
    }
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { percentile, lag_ms, limit_ms } = self;
        write!(f, "lag p{:.0} {lag_ms:.1} ms, limit {limit_ms:.1} ms", percentile * 100.0)
    }
}

/// The first of some names, and how many more there are.
fn first_of(all: &[String]) -> String {
    let first = all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len() {
        n if n > NAMED => format!("{first} and {} more", n - NAMED),
        _ => first,
    }
}

impl From<String> for Fact {
    fn from(text: String) -> Self {
        Self::Text { text }
    }
}

impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Fact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FactVisitor)
    }
}

/// Reads tagged JSON, and the sentences of manifests written before facts were tagged.
struct FactVisitor;

impl<'de> de::Visitor<'de> for FactVisitor {
    type Value = Fact;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fact: an object with the key `fact`, or a sentence")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Fact, E> {
        Ok(Fact::from_sentence(text))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Fact, A::Error> {
        Fact::deserialize(de::value::MapAccessDeserializer::new(map))
    }
}

/// Facts as the sentences that a published file holds: for `#[serde(with = …)]`.
pub mod as_sentences {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Fact;

    /// Writes each fact as its sentence.
    pub fn serialize<S: Serializer>(facts: &[Fact], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(facts.iter().map(Fact::to_string))
    }

    /// Reads each sentence by [`Fact::from_sentence`].
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Fact>, D::Error> {
        let sentences = Vec::<String>::deserialize(deserializer)?;
        Ok(sentences.iter().map(|sentence| Fact::from_sentence(sentence)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_tagged_json() {
        let check = |fact: Fact, json: &str| {
            assert_eq!(serde_json::to_string(&fact).expect("JSON"), json);
            assert_eq!(serde_json::from_str::<Fact>(json).expect(json), fact);
        };
        check(Fact::Resumed { times: 2 }, r#"{"fact":"resumed","times":2}"#);
        check(Fact::NoContent, r#"{"fact":"no_content"}"#);
        check(
            Fact::RuntimeLate(Lag { percentile: 0.99, lag_ms: 12.5, limit_ms: 5.0 }),
            r#"{"fact":"runtime_late","percentile":0.99,"lag_ms":12.5,"limit_ms":5.0}"#,
        );
        check(Fact::from("a note".to_owned()), r#"{"fact":"text","text":"a note"}"#);
    }

    #[test]
    fn long_lists_are_cut() {
        let endpoints: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).into();
        let shown = Fact::OutputLimitCut { endpoints }.to_string();
        assert!(shown.ends_with("cut to it: a, b, c and 2 more"), "{shown}");
    }
}
