//! An estimate and the method of its interval.

use serde::{Deserialize, Serialize};

use super::Level;

/// A number with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The point estimate, in the unit of the quantity.
    pub value: f64,
    /// The lower end of the interval; `None`: unbounded, or the sample is too small.
    pub low: Option<f64>,
    /// The upper end, likewise.
    pub high: Option<f64>,
    /// The confidence level of the interval. JSON leaves out 95 %.
    #[serde(default, skip_serializing_if = "Level::is_default")]
    pub level: Level,
    /// The number of observations.
    pub n: u64,
    /// The method of the interval.
    pub method: Method,
}

impl Estimate {
    /// The estimate in another unit: value and interval times a factor, 0 or more.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let end = |end: Option<f64>| end.map(|end| end * factor);
        Self { value: self.value * factor, low: end(self.low), high: end(self.high), ..self }
    }
}

/// The method of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Wilson score interval.
    Wilson,
    /// Wilson on the effective sample size.
    WilsonEffective,
    /// Wilson on the effective sample size, standard error clustered (CR1, t).
    WilsonClustered,
    /// Student's t.
    T,
    /// Student's t, clustered (CR1).
    TClustered,
    /// Order statistics, distribution-free.
    OrderStatistics,
    /// Fieller's method with t.
    #[serde(rename = "fieller_t", alias = "fieller")]
    Fieller,
    /// Independent strata with fixed weights: their distances to either limit, squared and added.
    Mover,
    /// Counted: no sampling error.
    Exact,
    /// A weighted sum of independent estimates, normal.
    Mixture,
    /// Tango's score interval of paired pass rates.
    Tango,
    /// The posterior of a hierarchical model over candidates and categories.
    Hierarchical,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 12] = [
        Self::Wilson,
        Self::WilsonEffective,
        Self::WilsonClustered,
        Self::T,
        Self::TClustered,
        Self::OrderStatistics,
        Self::Fieller,
        Self::Mover,
        Self::Exact,
        Self::Mixture,
        Self::Tango,
        Self::Hierarchical,
    ];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wilson => "wilson",
            Self::WilsonEffective => "wilson_effective",
            Self::WilsonClustered => "wilson_clustered",
            Self::T => "t",
            Self::TClustered => "t_clustered",
            Self::OrderStatistics => "order_statistics",
            Self::Fieller => "fieller_t",
            Self::Mover => "mover",
            Self::Exact => "exact",
            Self::Mixture => "mixture",
            Self::Tango => "tango",
            Self::Hierarchical => "hierarchical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_have_one_name() {
        for method in Method::ALL {
            assert_eq!(serde_json::to_value(method).unwrap(), method.name());
        }
    }

    #[test]
    fn json_states_a_level_other_than_95_percent() {
        let json = r#"{"value":0.5,"low":0.4,"high":0.6,"n":9,"method":"wilson"}"#;
        let estimate: Estimate = serde_json::from_str(json).unwrap();
        assert_eq!(estimate.level, Level::P95);
        assert_eq!(serde_json::to_string(&estimate).unwrap(), json);
        let level = Level::try_from(0.9).unwrap();
        let json = serde_json::to_string(&Estimate { level, ..estimate }).unwrap();
        assert!(json.contains(r#""level":0.9,"#), "{json}");
        assert_eq!(serde_json::from_str::<Estimate>(&json).unwrap().level, level);
    }
}
