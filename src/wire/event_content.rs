//! The kinds of content that one event of a stream has.

/// The kinds of content in one event of a stream, for the stamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent observations")]
pub struct EventContent {
    /// A token event: a non-empty content, reasoning, refusal or tool-call delta.
    pub token: bool,
    /// A token event that is not reasoning.
    pub output: bool,
    /// A reasoning delta.
    pub reasoning: bool,
    /// A token event that is reasoning or output by what follows: it may begin a tag.
    pub held: bool,
    /// All content so far was reasoning, though it did not look so.
    pub all_reasoning: bool,
    /// The stream's own end mark.
    pub done: bool,
}

impl EventContent {
    /// Adds a delta that has reasoning, or content that is not reasoning.
    pub(super) fn add(&mut self, reasoning: bool, output: bool) {
        self.reasoning |= reasoning;
        self.output |= output;
        self.token |= reasoning || output;
    }

    /// Adds what the next event of the same data holds.
    pub(super) fn join(&mut self, next: Self) {
        self.token |= next.token;
        self.output = (self.output && !next.all_reasoning) || next.output;
        self.reasoning |= next.reasoning;
        self.held = next.held;
        self.all_reasoning |= next.all_reasoning;
        self.done |= next.done;
    }
}
