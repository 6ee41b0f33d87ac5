//! A request of production.

/// A request of production in one cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrafficRequest {
    /// Prompt tokens.
    pub input_tokens: f64,
    /// Output tokens.
    pub output_tokens: f64,
    /// Dollars, further attempts included.
    pub usd: f64,
}
