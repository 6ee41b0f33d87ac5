//! Latency, cost, quality and availability per cell: the input of reports and of tuning.
//!
//! A cell is endpoint × category; an endpoint's whole row has the same form under category `*`.

mod answers;
mod at_traffic;
mod cached_share;
mod cell;
mod compare;
mod compute;
mod endpoint_metrics;
mod error;
mod failures;
#[cfg(test)]
mod fixture;
mod latency;
mod latency_metric;
mod load;
mod local;
mod no_data;
mod reprice;
mod run;
mod run_metrics;
mod score_table;
mod tally;
#[cfg(test)]
mod tests;
mod timing;
#[cfg(feature = "tokenizer")]
mod token_counter;
#[cfg(feature = "tokenizer")]
mod tokenizer;
mod traffic_request;
mod trials;
mod unpassed;

pub use answers::{AnswerFilter, AnswerView, AnswerViews, TaskAnswers};
pub use cell::{CachedShareCost, Cell, Counts, Difference, Significance, TokenSums};
pub use compare::today;
pub use compute::compute_metrics;
pub use endpoint_metrics::{BilledFactor, CategoryMetrics, EndpointMetrics, RoutingCounts, Today};
pub use error::AggregateError;
pub use failures::{Failure, Target};
pub use latency_metric::{Latency, LatencyMetric};
#[cfg(test)]
pub(crate) use load::fixture as load_fixture;
pub use load::{
    LoadCell, LoadCounts, LoadEndpoint, LoadMetrics, LoadSeconds, LoadViews, RequestView,
    SecondSeries, compute_load_metrics, is_load,
};
pub use local::{LocalRatio, LocalTokens};
pub use no_data::NoData;
pub use reprice::{PriceComparison, reprice};
pub use run_metrics::{Damage, RunMetrics};
pub use score_table::{Pair, ScoreTable, ScoredTask, TaskKey};
pub use traffic_request::TrafficRequest;
pub use trials::{TrialView, TrialViews};
pub use unpassed::Unpassed;
