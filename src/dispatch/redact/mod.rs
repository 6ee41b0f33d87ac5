//! A response may contain the key that was sent: an error that quotes the request's headers, a
//! proxy's page that shows them, a model that is told to spell it. The key is removed before anything
//! is recorded or shown.
//!
//! What goes: the whole key in any encoding and any case; of the key, and of each encoding, every
//! stretch of at least seven letters, whatever stands between them; a shorter stretch only where it is
//! shown as masked (`sk-ab…1234`) or cut off. Fewer letters, words that the key is made of (`master`),
//! and the well-known beginning of a provider's keys (`sk-`) stay, for other words have them too.

mod encodings;
mod forms;
mod letters;
mod masked;
mod names;
mod redactor;

pub(super) use names::{KnownNames, withhold_echoes};
pub use redactor::Redactor;
