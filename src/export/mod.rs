//! Weights as the configuration of a gateway: one shared form, one file for each gateway.

mod agentgateway;
mod envoy;
mod error;
mod gateway;
mod json;
mod keys;
mod litellm;
mod mix;
mod name;
mod node;
mod openrouter;
mod portkey;
mod prices;
mod provenance;
mod routing;
mod written;

pub use error::ExportError;
pub use gateway::{Exported, Gateway, export};
pub use keys::{KeyVariable, apply_keys};
pub use provenance::Provenance;
pub use routing::{Blend, KindOfWork, Route, Routing, Target, routing};
