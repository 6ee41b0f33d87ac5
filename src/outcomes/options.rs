//! How outcome tables are read.

/// What counts as a score, and as a perfect one.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// The score of a perfect answer, above 0.
    pub max_score: f64,
    /// The scorer, or the named score, that counts; `None`: the first, or the score of all.
    pub scorer: Option<String>,
}
