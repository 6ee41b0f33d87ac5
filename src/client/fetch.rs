//! Getting one document, such as a price list: bounded in size and in time.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::transport::{USER_AGENT, error_chain};

/// A price list of all models has a few megabytes.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;
/// DNS, TCP and TLS.
const CONNECT: Duration = Duration::from_secs(10);
/// Between two reads.
const STALL: Duration = Duration::from_secs(20);
/// All of it.
const TOTAL: Duration = Duration::from_secs(120);

/// Why a document could not be fetched. The URL is left out where it may hold a key.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A URL that cannot be fetched.
    #[error("{0}; write for example https://openrouter.ai/api/v1/models")]
    BadUrl(&'static str),
    /// The client could not be made.
    #[error("the HTTP client could not be made: {0}")]
    Client(reqwest::Error),
    /// It could not be reached, or stopped answering.
    #[error("{host} could not be read: {why}")]
    Unreachable {
        /// The host.
        host: String,
        /// What went wrong, with its causes.
        why: String,
    },
    /// Its certificate does not verify.
    #[error(
        "{host} has a certificate that does not verify ({why}); where a network looks into TLS, name \
         its certificates as SSL_CERT_FILE=corp.pem"
    )]
    Certificate {
        /// The host.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// An error status.
    #[error("{host} answered {status}{hint}")]
    Status {
        /// The host.
        host: String,
        /// The status, with its name.
        status: http::StatusCode,
        /// Where it points to instead.
        hint: String,
    },
    /// Too large for a price list.
    #[error("{host} sends more than {} MB, which no price list has; nothing was kept", MAX_BYTES >> 20)]
    TooLarge {
        /// The host.
        host: String,
    },
    /// Not text.
    #[error("{host} sends something that is not UTF-8 text")]
    NotText {
        /// The host.
        host: String,
    },
}

/// A document and how it came.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its text.
    pub text: String,
    /// The headers of the answer.
    pub headers: HeaderMap,
}

/// Fetches a document with these headers. No redirect is followed, so they go nowhere else.
pub async fn get(
    url: &str,
    headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
) -> Result<Document, FetchError> {
    let parsed: http::Uri = url.parse().map_err(|_| FetchError::BadUrl("that is not a URL"))?;
    if !matches!(parsed.scheme_str(), Some("http" | "https")) {
        return Err(FetchError::BadUrl("a URL begins with https://"));
    }
    let authority = parsed.authority().ok_or(FetchError::BadUrl("the URL names no host"))?;
    if authority.as_str().contains('@') {
        return Err(FetchError::BadUrl("the URL holds credentials: take them out"));
    }
    let host = authority.host().to_owned();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(STALL)
        .timeout(TOTAL)
        .referer(false)
        .default_headers(headers.into_iter().collect::<HeaderMap>())
        .user_agent(USER_AGENT);
    if host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|a| a.is_loopback()) {
        builder = builder.no_proxy();
    }
    let client = builder.build().map_err(FetchError::Client)?;
    read(&client, url, host).await
}

async fn read(client: &reqwest::Client, url: &str, host: String) -> Result<Document, FetchError> {
    let unreachable = |error: &reqwest::Error| match certificate(error) {
        Some(why) => FetchError::Certificate { host: host.clone(), why },
        None => FetchError::Unreachable { host: host.clone(), why: causes(error) },
    };
    let mut response = client.get(url).send().await.map_err(|error| unreachable(&error))?;
    if response.status() != reqwest::StatusCode::OK {
        let moved = response.headers().get(http::header::LOCATION).and_then(|to| to.to_str().ok());
        let hint = moved.map(|to| format!(", which points to {to}: name that address"));
        let (status, hint) = (response.status(), hint.unwrap_or_default());
        return Err(FetchError::Status { host, status, hint });
    }
    if response.content_length().is_some_and(|length| length > MAX_BYTES as u64) {
        return Err(FetchError::TooLarge { host });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(FetchError::TooLarge { host });
        }
        body.extend_from_slice(&chunk);
    }
    let text = String::from_utf8(body).map_err(|_| FetchError::NotText { host })?;
    Ok(Document { text, headers: std::mem::take(response.headers_mut()) })
}

/// Why the server's certificate does not verify, where that is the error.
fn certificate(error: &reqwest::Error) -> Option<String> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(rustls::Error::InvalidCertificate(why)) = cause.downcast_ref() {
            return Some(why.to_string());
        }
        // An I/O error's `source` skips the error that it wraps, which may be another I/O error.
        let held = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match held {
            Some(held) => Some(held),
            None => cause.source(),
        };
    }
    None
}

/// An error with its causes. The URL is left out: it may hold a key.
fn causes(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() { "it took too long" } else { "the connection failed" };
    match std::error::Error::source(error) {
        Some(source) => format!("{what}: {}", error_chain(source)),
        None => what.to_owned(),
    }
}
