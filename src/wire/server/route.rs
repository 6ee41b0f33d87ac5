//! The paths of every dialect: which provider, which resource.

use crate::units::Dialect;

/// The resource of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// The list of models, in the form of a dialect.
    Models(Dialect),
    /// The endpoints of a model, as OpenRouter lists them.
    Endpoints(String),
    /// A completion.
    Completion(CompletionPath),
}

impl Resource {
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Models(dialect) => *dialect,
            Self::Endpoints(_) => Dialect::OpenaiChat,
            Self::Completion(path) => path.dialect,
        }
    }
}

/// The path of a completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CompletionPath {
    pub dialect: Dialect,
    /// The model and whether to stream, where the path and not the body has them (Gemini).
    pub model_and_stream: Option<(String, bool)>,
}

/// The first part of a resource's path, below its provider.
const ROOTS: [&str; 2] = ["v1/", "v1beta/"];

/// The provider and the resource of a path: `/v1/…`, `/v1beta/…`, or the same below `/<provider>`.
pub(crate) fn parse_path<'a>(path: &'a str, query: &str) -> Option<(Option<&'a str>, Resource)> {
    let path = path.strip_prefix('/')?;
    for root in ROOTS {
        if let Some(rest) = path.strip_prefix(root) {
            return Some((None, resource(root, rest, query)?));
        }
    }
    let (provider, path) = path.split_once('/')?;
    let (root, rest) = ROOTS.iter().find_map(|root| Some((root, path.strip_prefix(root)?)))?;
    Some((Some(provider), resource(root, rest, query)?))
}

fn resource(root: &str, rest: &str, query: &str) -> Option<Resource> {
    let completion =
        |dialect| Some(Resource::Completion(CompletionPath { dialect, model_and_stream: None }));
    match rest {
        "models" if root == "v1beta/" => return Some(Resource::Models(Dialect::Gemini)),
        "models" => return Some(Resource::Models(Dialect::OpenaiChat)),
        "chat/completions" => return completion(Dialect::OpenaiChat),
        "responses" => return completion(Dialect::OpenaiResponses),
        "messages" => return completion(Dialect::Anthropic),
        _ => {}
    }
    let model = rest.strip_prefix("models/").and_then(|rest| rest.strip_suffix("/endpoints"));
    if let Some(model) = model.filter(|_| root == "v1/") {
        return Some(Resource::Endpoints(unescaped(model)?));
    }
    let (model, operation) = rest.strip_prefix("models/")?.rsplit_once(':')?;
    let stream = match operation {
        "generateContent" => false,
        // Without `alt=sse` a stream is a JSON array that grows; no client here uses that form.
        "streamGenerateContent" if query.split('&').any(|part| part == "alt=sse") => true,
        _ => return None,
    };
    let model_and_stream = Some((unescaped(model)?, stream));
    Some(Resource::Completion(CompletionPath { dialect: Dialect::Gemini, model_and_stream }))
}

/// A part of a path without its escapes (RFC 3986 §2.1).
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_a_provider_and_a_resource() {
        let check = |path: &str, expected: Option<(Option<&str>, Resource)>| {
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            assert_eq!(parse_path(path, query), expected, "{path}");
        };
        let completion =
            |dialect| Resource::Completion(CompletionPath { dialect, model_and_stream: None });
        let gemini = |model: &str, stream| {
            let model_and_stream = Some((model.to_owned(), stream));
            Resource::Completion(CompletionPath { dialect: Dialect::Gemini, model_and_stream })
        };
        check("/v1/chat/completions", Some((None, completion(Dialect::OpenaiChat))));
        check("/fjord/v1/responses", Some((Some("fjord"), completion(Dialect::OpenaiResponses))));
        check("/v1/messages?beta=true", Some((None, completion(Dialect::Anthropic))));
        check("/v1/models", Some((None, Resource::Models(Dialect::OpenaiChat))));
        let endpoints = Resource::Endpoints("elm/moe:free".to_owned());
        check("/v1/models/elm/moe:free/endpoints", Some((None, endpoints)));
        check("/v1beta/models/elm/moe/endpoints", None);
        check("/v1beta/models", Some((None, Resource::Models(Dialect::Gemini))));
        check(
            "/fjord/v1beta/models/gale/small:generateContent",
            Some((Some("fjord"), gemini("gale/small", false))),
        );
        check(
            "/v1beta/models/gale%2Fsmall%40fjord:streamGenerateContent?alt=sse",
            Some((None, gemini("gale/small@fjord", true))),
        );
        check("/v1beta/models/m:streamGenerateContent", None);
        check("/v1beta/models/%zz:generateContent", None);
        check("/v1/dream", None);
        check("/fjord/v2/models", None);
        check("/", None);
    }
}
