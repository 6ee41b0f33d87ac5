//! Getting one document, such as a price list: bounded in size and in time.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::transport::USER_AGENT;

/// A price list of every model there is has a few megabytes.
pub const MOST_BYTES: usize = 64 * 1024 * 1024;
/// DNS, TCP and TLS.
const CONNECT: Duration = Duration::from_secs(10);
/// Between two reads.
const STALL: Duration = Duration::from_secs(20);
/// All of it.
const TOTAL: Duration = Duration::from_secs(120);

/// Why a document did not come. The URL is never repeated where it may hold a key.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A URL that is not fetched.
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
    /// It could not show who it is.
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
    /// An answer that is none.
    #[error("{host} answered {status}{hint}")]
    Status {
        /// The host.
        host: String,
        /// The status, with its name.
        status: http::StatusCode,
        /// Where it points to instead.
        hint: String,
    },
    /// Too large to be what was meant.
    #[error("{host} sends more than {} MB, which no price list has; nothing was kept", MOST_BYTES >> 20)]
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

/// Gets a document, with headers of one's own: no redirect carries them elsewhere, for none is
/// followed.
pub async fn get(
    url: &str,
    headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
) -> Result<String, FetchError> {
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

async fn read(client: &reqwest::Client, url: &str, host: String) -> Result<String, FetchError> {
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
    if response.content_length().is_some_and(|length| length > MOST_BYTES as u64) {
        return Err(FetchError::TooLarge { host });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(FetchError::TooLarge { host });
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| FetchError::NotText { host })
}

/// What is wrong with the server's certificate, where that is the error.
fn certificate(error: &reqwest::Error) -> Option<String> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(rustls::Error::InvalidCertificate(why)) = cause.downcast_ref() {
            return Some(why.to_string());
        }
        // An I/O error passes over what it holds, and may hold another.
        let held = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match held {
            Some(held) => Some(held),
            None => cause.source(),
        };
    }
    None
}

/// An error with its causes, without the URL.
fn causes(error: &reqwest::Error) -> String {
    let mut words = vec![
        if error.is_timeout() { "it took too long" } else { "the connection failed" }.to_owned(),
    ];
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        words.push(cause.to_string());
        next = cause.source();
    }
    words.join(": ")
}
