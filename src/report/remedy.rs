//! What to try where an endpoint fails, by the class of the failure and the provider's words.

use crate::aggregate::Target;
use crate::units::Dialect;
use crate::wire::ErrorClass;

/// What to try; `None`: nothing but to try again later. Not escaped: names and addresses are the
/// catalog's.
#[must_use]
pub fn remedy(class: ErrorClass, words: Option<&str>, target: &Target) -> Option<String> {
    let said = words.unwrap_or_default().to_ascii_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
    let Target { provider, base_url, model, .. } = target;
    Some(match class {
        ErrorClass::BadRequest if says(&["verified to stream", "to stream this model"]) => format!(
            "verify the organization at {provider}, or set stream = false for the endpoint (it then \
             has no TTFT)"
        ),
        ErrorClass::BadRequest if says(&["stream"]) && says(&["not support", "unsupported"]) => {
            "set stream = false for the endpoint (it then has no TTFT)".to_owned()
        }
        ErrorClass::BadRequest if says(&["context", "too long", "maximum"]) => {
            format!("state the limits of {model} in the catalog, so that such tasks are left out")
        }
        ErrorClass::NotFound | ErrorClass::BadRequest if says(&["model"]) => format!(
            "is {model} the model's name at {provider}? Compare with `weighbridge catalog list`"
        ),
        ErrorClass::NotFound => wrong_path(target),
        ErrorClass::Auth => key(target),
        ErrorClass::Payment => {
            format!("add credit at {provider}, then `weighbridge run --resume`")
        }
        ErrorClass::RateLimited => {
            format!("lower the concurrency (-c), or state the limits of {provider} in the catalog")
        }
        ErrorClass::Connect | ErrorClass::ConnectTimeout => no_connection(class, &says, target),
        ErrorClass::FirstTokenTimeout => {
            "allow it more time: --timeout first_token=10m,total=30m".to_owned()
        }
        ErrorClass::StallTimeout => "allow it more time: --timeout stall=5m".to_owned(),
        ErrorClass::TotalTimeout => "allow it more time: --timeout total=30m".to_owned(),
        ErrorClass::Protocol | ErrorClass::Empty => format!(
            "does {base_url} speak the dialect {}? `dialect` in the catalog states it",
            target.dialect.name()
        ),
        ErrorClass::Redirect => {
            format!("redirects are not followed: write the address that {base_url} leads to")
        }
        // A server that knows no such request at this path.
        ErrorClass::Server if says(&["http 501"]) => wrong_path(target),
        ErrorClass::BadRequest if says(&["http 405"]) => wrong_path(target),
        ErrorClass::Overloaded | ErrorClass::Server => {
            format!("{provider} failed: try again later, or ask it with its words")
        }
        ErrorClass::BadRequest
        | ErrorClass::Reset
        | ErrorClass::StaleConnection
        | ErrorClass::Truncated
        | ErrorClass::TooLarge
        | ErrorClass::Interrupted => return None,
    })
}

/// The path exists nowhere: most often the version is missing from the base URL.
fn wrong_path(target: &Target) -> String {
    let Target { base_url, dialect, model, .. } = target;
    let version = match dialect {
        Dialect::Gemini => "/v1beta",
        Dialect::OpenaiChat | Dialect::OpenaiResponses | Dialect::Anthropic => "/v1",
    };
    let last = base_url.rsplit('/').next().unwrap_or_default();
    let has_version = last.starts_with('v') && last[1..].starts_with(|c: char| c.is_ascii_digit());
    if has_version {
        format!("is {base_url} right, and is {model} served there?")
    } else {
        format!("does base_url end in {version}? It is {base_url}")
    }
}

fn key(target: &Target) -> String {
    let provider = &target.provider;
    match &target.key_env {
        Some(variable) => format!("the key of {provider} is read from {variable}: is it this one?"),
        None => format!(
            "no variable holds a key of {provider}: set api_key_env to the name of one, or look at \
             api_key_cmd"
        ),
    }
}

fn no_connection(class: ErrorClass, says: &dyn Fn(&[&str]) -> bool, target: &Target) -> String {
    let Target { base_url, .. } = target;
    let authority = base_url.split_once("://").map_or(base_url.as_str(), |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or(authority);
    if says(&["refused"]) {
        return format!("nothing listens at {authority}: is the server up, and the port right?");
    }
    if says(&["dns", "resolve", "lookup", "name or service", "nodename", "no address"]) {
        return format!("{authority} was not found: is it spelt right, is there a network?");
    }
    if says(&["certificate", "unknownissuer", "ca used", "notvalidforname"]) {
        return format!(
            "the certificate of {authority} is not trusted: ca_file of the provider names another \
             authority"
        );
    }
    if says(&["tls", "ssl", "invalidcontenttype", "corrupt message", "handshake"]) {
        return format!("is {base_url} rightly https, and is it reached without a proxy between?");
    }
    if class == ErrorClass::ConnectTimeout {
        return format!("{authority} did not answer: a firewall, or HTTPS_PROXY is needed?");
    }
    format!("is {authority} reachable from here? `weighbridge catalog ping` asks once")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target {
            url: "https://api.acme.example/chat/completions".into(),
            base_url: "https://api.acme.example".into(),
            provider: "acme".into(),
            dialect: Dialect::OpenaiChat,
            key_env: Some("ACME_KEY".into()),
            model: "large-1".into(),
        }
    }

    #[test]
    fn each_kind_of_failure_has_its_remedy() {
        let versioned = || Target { base_url: "https://api.acme.example/v1".into(), ..target() };
        let keyless = || Target { key_env: None, ..target() };
        let cases = [
            (ErrorClass::NotFound, "HTTP 404: Not Found", target()),
            (ErrorClass::NotFound, "HTTP 404: Not Found", versioned()),
            (ErrorClass::NotFound, "HTTP 404: no such model", versioned()),
            (ErrorClass::BadRequest, "Your organization must be verified to stream", target()),
            (ErrorClass::BadRequest, "stream is not supported", target()),
            (ErrorClass::BadRequest, "out of cheese", target()),
            (ErrorClass::Auth, "", target()),
            (ErrorClass::Auth, "", keyless()),
            (ErrorClass::Payment, "", target()),
            (ErrorClass::RateLimited, "", target()),
            (ErrorClass::Connect, "tcp connect: Connection refused (os error 111)", target()),
            (ErrorClass::Connect, "dns error: failed to lookup address", target()),
            (ErrorClass::Connect, "invalid peer certificate: UnknownIssuer", target()),
            (ErrorClass::Connect, "received corrupt message of type InvalidContentType", target()),
            (ErrorClass::Connect, "", target()),
            (ErrorClass::ConnectTimeout, "no connection within 10 s", target()),
            (ErrorClass::FirstTokenTimeout, "", target()),
            (ErrorClass::Protocol, "", target()),
            (ErrorClass::Redirect, "", target()),
            (ErrorClass::Server, "", target()),
        ];
        let said: Vec<String> = cases
            .iter()
            .map(|(class, words, target)| {
                let found = remedy(*class, Some(words), target);
                format!("{}: {}", class.name(), found.as_deref().unwrap_or("-"))
            })
            .collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        not_found: does base_url end in /v1? It is https://api.acme.example
        not_found: is https://api.acme.example/v1 right, and is large-1 served there?
        not_found: is large-1 the model's name at acme? Compare with `weighbridge catalog list`
        bad_request: verify the organization at acme, or set stream = false for the endpoint (it then has no TTFT)
        bad_request: set stream = false for the endpoint (it then has no TTFT)
        bad_request: -
        auth: the key of acme is read from ACME_KEY: is it this one?
        auth: no variable holds a key of acme: set api_key_env to the name of one, or look at api_key_cmd
        payment: add credit at acme, then `weighbridge run --resume`
        rate_limited: lower the concurrency (-c), or state the limits of acme in the catalog
        connect: nothing listens at api.acme.example: is the server up, and the port right?
        connect: api.acme.example was not found: is it spelt right, is there a network?
        connect: the certificate of api.acme.example is not trusted: ca_file of the provider names another authority
        connect: is https://api.acme.example rightly https, and is it reached without a proxy between?
        connect: is api.acme.example reachable from here? `weighbridge catalog ping` asks once
        connect_timeout: api.acme.example did not answer: a firewall, or HTTPS_PROXY is needed?
        first_token_timeout: allow it more time: --timeout first_token=10m,total=30m
        protocol: does https://api.acme.example speak the dialect openai-chat? `dialect` in the catalog states it
        redirect: redirects are not followed: write the address that https://api.acme.example leads to
        server: acme failed: try again later, or ask it with its words
        ");
    }
}
