//! The HTTP transport, with every convenience turned off that would falsify a measurement.
//!
//! HTTP/1.1 straight to a server uses connections of our own (`direct`), whose
//! reads are stamped at the socket. What needs more (a proxy, HTTP/2, a URL with a user name) goes
//! through reqwest (`via_reqwest`), whose chunks are stamped when they are
//! handed over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;

use super::direct::{Direct, DirectBody};
use super::transport::{ChunkStream, Head, Outgoing, TimedChunk, Transport, TransportError};
use super::via_reqwest::{ReqwestBody, ViaReqwest};
use crate::catalog::{self, HttpVersion};
use crate::units::Clock;
use crate::wire::ErrorClass;

/// Sends requests to providers. A connection serves one endpoint's requests only.
///
/// No redirect is followed, no body is decompressed, Nagle's algorithm is off, and no request is
/// sent again: what is measured is what the provider did.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    providers: BTreeMap<String, Provider>,
    /// The system's proxies.
    proxies: Arc<Matcher>,
}

#[derive(Clone, Debug)]
struct Provider {
    reqwest: ViaReqwest,
    /// `None` for HTTP/2.
    direct: Option<Direct>,
    /// It is on this machine: no proxy is used.
    is_loopback: bool,
}

/// Why the HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// reqwest's client.
    #[error("the HTTP client for {provider} could not be made: {source}")]
    Library {
        /// The provider.
        provider: String,
        /// The cause.
        source: reqwest::Error,
    },
    /// The roots of trust.
    #[error("the machine's TLS roots could not be loaded: {0}")]
    Tls(#[from] rustls::Error),
    /// A provider's own certificates.
    #[error("{provider}: ca_file {path}: {why}")]
    CaFile {
        /// The provider.
        provider: String,
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

impl HttpTransport {
    /// A transport to these providers. A provider on this machine is reached without a proxy.
    ///
    /// # Errors
    /// When the machine's TLS roots or a provider's `ca_file` cannot be loaded.
    pub fn new<'a>(
        providers: impl IntoIterator<Item = &'a catalog::Provider>,
        connect_timeout: Duration,
        clock: &Clock,
    ) -> Result<Self, ClientError> {
        // A second call is harmless: the first provider stays installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut all = BTreeMap::new();
        for provider in providers {
            if all.contains_key(&provider.name) {
                continue;
            }
            let own = own_roots(provider)?;
            let tls = tls(own.clone())?;
            let reqwest =
                ViaReqwest::new(provider, &own, connect_timeout, clock).map_err(|source| {
                    ClientError::Library { provider: provider.name.clone(), source }
                })?;
            let is_http1 = provider.http == HttpVersion::Http1;
            let direct = is_http1.then(|| Direct::new(clock.clone(), connect_timeout, tls));
            let is_loopback = provider.is_loopback();
            all.insert(provider.name.clone(), Provider { reqwest, direct, is_loopback });
        }
        Ok(Self { providers: all, proxies: Arc::new(Matcher::from_system()) })
    }

    /// The same transport with every request through reqwest, to measure what that costs.
    #[must_use]
    pub fn via_reqwest(mut self) -> Self {
        for provider in self.providers.values_mut() {
            provider.direct = None;
        }
        self
    }

    /// Opens connections for an endpoint before anything is timed, without a request to a model;
    /// returns how many are ready.
    pub async fn warm(&self, provider: &str, endpoint: &str, base_url: &str, n: usize) -> usize {
        let Some(provider) = self.providers.get(provider) else { return 0 };
        match self.direct(provider, base_url) {
            Some((direct, uri)) => direct.warm(endpoint, &uri, n).await,
            None => provider.reqwest.warm(endpoint, base_url, n).await,
        }
    }

    /// Whether the server at this address is the simulator, by the mark on its responses.
    pub async fn is_simulated(&self, provider: &str, base_url: &str) -> bool {
        let Some(provider) = self.providers.get(provider) else { return false };
        let headers = provider.reqwest.headers_of_models(base_url).await;
        headers.is_some_and(|headers| headers.contains_key(crate::wire::SIMULATED_HEADER))
    }

    fn proxied(&self, provider: &Provider, uri: &Uri) -> bool {
        !provider.is_loopback && self.proxies.intercept(uri).is_some()
    }

    /// The direct client for a URL, where it can be used.
    fn direct<'a>(&self, provider: &'a Provider, url: &str) -> Option<(&'a Direct, Uri)> {
        let direct = provider.direct.as_ref()?;
        let uri: Uri = url.parse().ok()?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_user = uri.authority().is_none_or(|a| a.as_str().contains('@'));
        (is_http && !has_user && !self.proxied(provider, &uri)).then_some((direct, uri))
    }
}

/// Whether the environment's proxies (`HTTPS_PROXY`, `NO_PROXY`, …) apply to a provider. One on this
/// machine is reached directly.
#[must_use]
pub fn through_proxy(provider: &catalog::Provider) -> bool {
    let uri = provider.base_url.parse::<Uri>();
    let is_proxied = |uri: Uri| Matcher::from_system().intercept(&uri).is_some();
    !provider.is_loopback() && uri.is_ok_and(is_proxied)
}

fn tls(own: Vec<CertificateDer<'static>>) -> Result<TlsConnector, ClientError> {
    let crypto = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(own, Arc::clone(&crypto))?;
    let mut config = rustls::ClientConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

/// The certificates that are trusted for a provider in addition to the machine's.
fn own_roots(provider: &catalog::Provider) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let Some(path) = &provider.ca_file else { return Ok(Vec::new()) };
    let failed = |why: String| ClientError::CaFile {
        provider: provider.name.clone(),
        path: path.display().to_string(),
        why,
    };
    let pem =
        crate::units::text_file::read_bytes(path).map_err(|error| failed(error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(failed("it holds no PEM certificate".to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err(failed(format!("it does not read as PEM: {error}"))),
    }
}

impl Transport for HttpTransport {
    type Body = HttpBody;

    async fn open(&self, request: Outgoing) -> Result<(Head, HttpBody), TransportError> {
        let provider = self.providers.get(&*request.provider).ok_or_else(|| TransportError {
            class: ErrorClass::Connect,
            message: format!("no connection pool for provider {}", request.provider),
        })?;
        if let Some((direct, uri)) = self.direct(provider, &request.url) {
            let (head, body) = direct.open(&uri, &request).await?;
            return Ok((head, HttpBody(Body::Direct(body))));
        }
        let (head, body) = provider.reqwest.open(&request).await?;
        Ok((head, HttpBody(Body::Reqwest(body))))
    }
}

/// A response body whose reads are stamped.
#[derive(Debug)]
pub struct HttpBody(Body);

#[derive(Debug)]
enum Body {
    Direct(DirectBody),
    Reqwest(ReqwestBody),
}

impl ChunkStream for HttpBody {
    async fn next(&mut self) -> Result<Option<TimedChunk>, TransportError> {
        match &mut self.0 {
            Body::Direct(body) => body.next().await,
            Body::Reqwest(body) => body.next().await,
        }
    }
}

#[cfg(test)]
mod tests;
