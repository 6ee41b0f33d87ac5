//! What each gateway's file makes of the routing.

use super::node::Node;

/// What a gateway's file makes of the routing.
pub(super) struct Written {
    /// How to use it, one line each.
    pub usage: Vec<String>,
    /// The documents of the file.
    pub form: Form,
    /// What this gateway cannot express.
    pub losses: Vec<String>,
}

/// The form of a file.
pub(super) enum Form {
    /// YAML, in one document or several; comments are possible.
    Yaml(Vec<Node>),
    /// A JSON object, without comments.
    Json(Node),
}
