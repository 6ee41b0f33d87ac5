//! What a configuration was made from.

use super::node::{Node, map};
use crate::units::ContentHash;
use crate::weights::WeightsFile;

/// What a configuration was made from: enough to make it again, and to know when not to serve by it.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// The version of weighbridge that wrote it.
    pub version: String,
    /// The weights file's format.
    pub format_version: u32,
    /// SHA-256 of the weights file.
    pub weights: ContentHash,
    /// SHA-256 of the file with the weights before; `None`: today's endpoint was before.
    pub from: Option<ContentHash>,
    /// The run.
    pub run: String,
    /// SHA-256 of the prices.
    pub prices: String,
    /// When the weights were made (RFC 3339).
    pub made_at: String,
    /// Until when they should be served by (RFC 3339).
    pub valid_until: String,
    /// The share of the new weights; `None`: all.
    pub ramp: Option<f64>,
    /// Whether this is what was before the weights.
    pub undo: bool,
    /// Whether any of the evidence was simulated.
    pub simulated: bool,
}

impl Provenance {
    /// Of a file whose bytes are these.
    #[must_use]
    pub fn of(file: &WeightsFile, bytes: &[u8]) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            format_version: file.format_version,
            weights: ContentHash::of(bytes),
            from: None,
            run: file.run.clone(),
            prices: file.prices.clone(),
            made_at: file.made_at.clone(),
            valid_until: file.valid_until.clone(),
            ramp: None,
            undo: false,
            simulated: file.simulated,
        }
    }

    /// As lines of a heading.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.simulated {
            lines.push(
                "SIMULATED: this rests on answers of a simulator; do not route real traffic by it."
                    .to_owned(),
            );
        }
        lines.push(format!(
            "Written by weighbridge {} export, from weights of format {}.",
            self.version, self.format_version
        ));
        lines.push(format!("weights SHA-256  {}", self.weights.hex()));
        if let Some(from) = &self.from {
            lines.push(format!("before  SHA-256  {}", from.hex()));
        }
        lines.push(format!("prices  SHA-256  {}", self.prices));
        lines.push(format!("run              {}, {}", self.run, self.made_at));
        lines.push(format!("valid until      {}", self.valid_until));
        match (self.undo, self.ramp) {
            (true, _) => lines.push("undo             this is what was before".to_owned()),
            (false, Some(ramp)) => {
                lines.push(format!("ramp             {ramp} of the new weights"));
            }
            (false, None) => {}
        }
        lines
    }

    /// As an object of a JSON document.
    pub(super) fn node(&self) -> Node {
        map([
            ("weighbridge", self.version.as_str().into()),
            ("format_version", u64::from(self.format_version).into()),
            ("simulated", self.simulated.into()),
            ("weights_sha256", self.weights.hex().into()),
        ])
        .with_some("before_sha256", self.from.map(|from| from.hex()))
        .with("prices_sha256", self.prices.as_str())
        .with("run", self.run.as_str())
        .with("made_at", self.made_at.as_str())
        .with("valid_until", self.valid_until.as_str())
        .with_some("ramp", self.ramp.map(|ramp| Node::Number(ramp.to_string())))
        .with("undo", self.undo)
    }
}
