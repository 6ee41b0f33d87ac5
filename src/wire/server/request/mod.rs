//! Requests as a server reads them: every dialect into one form.

mod anthropic;
mod fields;
mod form;
mod gemini;
mod openai_chat;
mod openai_responses;
mod parse;

pub(crate) use form::CompletionRequest;
pub(crate) use parse::parse_request;
