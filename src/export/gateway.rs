//! The gateways, and the text that each is given.

use super::error::ExportError;
use super::node::{Node, map};
use super::routing::Routing;
use super::written::Form;
use super::{agentgateway, envoy, json, litellm, openrouter, portkey};

/// A gateway, or the neutral form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gateway {
    /// The LiteLLM proxy: `config.yaml`.
    Litellm,
    /// OpenRouter: bodies of requests.
    Openrouter,
    /// Portkey's gateway: configs.
    Portkey,
    /// agentgateway: `config.yaml`.
    Agentgateway,
    /// Envoy AI Gateway: Kubernetes resources.
    Envoy,
    /// All that is known, for programs of one's own.
    Json,
}

impl Gateway {
    /// All.
    pub const ALL: [Self; 6] = [
        Self::Litellm,
        Self::Openrouter,
        Self::Portkey,
        Self::Agentgateway,
        Self::Envoy,
        Self::Json,
    ];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Litellm => "litellm",
            Self::Openrouter => "openrouter",
            Self::Portkey => "portkey",
            Self::Agentgateway => "agentgateway",
            Self::Envoy => "envoy",
            Self::Json => "json",
        }
    }

    /// What is written for it.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Litellm => "LiteLLM proxy or Router: config.yaml",
            Self::Openrouter => "OpenRouter: a request body for each alias",
            Self::Portkey => "Portkey gateway: a config for each alias",
            Self::Agentgateway => "agentgateway: config.yaml",
            Self::Envoy => "Envoy AI Gateway: Kubernetes resources",
            Self::Json => "Aliases, shares, fallbacks, endpoints, prices, for programs of your own",
        }
    }
}

/// A configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The file.
    pub text: String,
    /// What of the weights it does not hold, one sentence each.
    pub losses: Vec<String>,
}

/// Writes the configuration of a gateway.
///
/// # Errors
/// [`ExportError::Dangling`]: a defect.
pub fn export(routing: &Routing, gateway: Gateway) -> Result<Exported, ExportError> {
    let written = match gateway {
        Gateway::Litellm => litellm::write(routing)?,
        Gateway::Openrouter => openrouter::write(routing),
        Gateway::Portkey => portkey::write(routing),
        Gateway::Agentgateway => agentgateway::write(routing)?,
        Gateway::Envoy => envoy::write(routing)?,
        Gateway::Json => json::write(routing),
    };
    let mut losses = routing.notes.clone();
    losses.extend(written.losses);
    if gateway != Gateway::Json {
        losses.extend(routing.lost_everywhere());
    }
    let text = match &written.form {
        Form::Yaml(documents) => yaml(routing, &written.usage, &losses, documents),
        Form::Json(Node::Map(rest)) => {
            let head = map([
                ("provenance", routing.provenance.node()),
                ("usage", texts(&written.usage)),
                ("losses", texts(&losses)),
            ]);
            let Node::Map(mut pairs) = head else { unreachable!("a map") };
            pairs.extend(rest.iter().cloned());
            Node::Map(pairs).to_json()
        }
        Form::Json(_) => unreachable!("a document is an object"),
    };
    Ok(Exported { text, losses })
}

fn texts(lines: &[String]) -> Node {
    Node::List(lines.iter().map(|line| line.as_str().into()).collect())
}

fn yaml(routing: &Routing, usage: &[String], losses: &[String], documents: &[Node]) -> String {
    let mut text = String::new();
    let mut comment = |line: &str| {
        // A line of ours never ends early, and no reader expands what stands in it.
        let line: String =
            line.chars().map(|c| if c.is_control() || c == '$' { ' ' } else { c }).collect();
        text.push_str(format!("# {line}").trim_end());
        text.push('\n');
    };
    for line in routing.provenance.lines() {
        comment(&line);
    }
    if !usage.is_empty() {
        comment("");
        for line in usage {
            comment(line);
        }
    }
    comment("");
    if losses.is_empty() {
        comment("Nothing of the weights is lost here.");
    } else {
        comment("Not as in the weights:");
        for line in losses {
            comment(&format!("- {line}"));
        }
    }
    for document in documents {
        if documents.len() > 1 {
            text.push_str("---\n");
        }
        text.push_str(&document.to_yaml());
    }
    text
}
