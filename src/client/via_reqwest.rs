//! Requests through reqwest: for proxies, HTTP/2 and URLs with a user name. Chunks are stamped when
//! reqwest hands them over.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderMap;
use rustls::pki_types::CertificateDer;
use tower_layer::Layer;
use tower_service::Service;

use super::direct::STALE_WITHIN;
use super::http1::{MAX_HEAD, MAX_HEADERS};
use super::transport::{
    Head, Outgoing, Protocol, TimedChunk, TransportError, USER_AGENT, error_chain,
};
use crate::catalog::{self, HttpVersion};
use crate::units::{Clock, Stamp};
use crate::wire::ErrorClass;

/// Connections that are opened ahead of time, at most: each takes a request.
const MAX_WARMED: usize = 64;

tokio::task_local! {
    /// When the connection that this request waited for was ready.
    static CONNECTED: std::cell::Cell<Option<Stamp>>;
}

/// reqwest's clients for one provider.
#[derive(Clone, Debug)]
pub(super) struct ViaReqwest {
    /// For requests that concern no endpoint, and for HTTP/2, which tells the streams on a
    /// connection apart.
    shared: reqwest::Client,
    /// For HTTP/1.1: a client, and so a connection pool, per endpoint.
    by_endpoint: Arc<Mutex<BTreeMap<String, reqwest::Client>>>,
    settings: Arc<Settings>,
}

/// The settings of every client for a provider.
#[derive(Debug)]
struct Settings {
    certificates: Vec<reqwest::Certificate>,
    http: HttpVersion,
    is_loopback: bool,
    connect_timeout: Duration,
    clock: Clock,
}

impl Settings {
    fn client(&self) -> Result<reqwest::Client, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .tcp_nodelay(true)
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.connect_timeout)
            .referer(false)
            .http1_max_headers(MAX_HEADERS)
            .http2_max_header_list_size(MAX_HEAD)
            .user_agent(USER_AGENT)
            .connector_layer(StampConnection(self.clock.clone()));
        builder = match self.http {
            HttpVersion::Http1 => builder.http1_only(),
            HttpVersion::Http2 => builder.http2_prior_knowledge(),
        };
        if self.is_loopback {
            builder = builder.no_proxy();
        }
        if !self.certificates.is_empty() {
            builder = builder.tls_certs_merge(self.certificates.clone());
        }
        builder.build()
    }
}

impl ViaReqwest {
    pub fn new(
        provider: &catalog::Provider,
        certificates: &[CertificateDer<'_>],
        connect_timeout: Duration,
        clock: &Clock,
    ) -> Result<Self, reqwest::Error> {
        let certificates = certificates.iter().map(|der| reqwest::Certificate::from_der(der));
        let settings = Settings {
            certificates: certificates.collect::<Result<_, _>>()?,
            http: provider.http,
            is_loopback: provider.is_loopback(),
            connect_timeout,
            clock: clock.clone(),
        };
        let shared = settings.client()?;
        Ok(Self { shared, by_endpoint: Arc::default(), settings: Arc::new(settings) })
    }

    /// The client for an endpoint's requests.
    fn client_of(&self, endpoint: &str) -> Result<reqwest::Client, TransportError> {
        if self.settings.http == HttpVersion::Http2 {
            return Ok(self.shared.clone());
        }
        let mut clients = self.by_endpoint.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(endpoint) {
            return Ok(client.clone());
        }
        let client = self.settings.client().map_err(|error| failure(&error))?;
        clients.insert(endpoint.to_owned(), client.clone());
        Ok(client)
    }

    /// Opens connections for an endpoint; returns how many are ready.
    pub async fn warm(&self, endpoint: &str, base_url: &str, n: usize) -> usize {
        let Ok(client) = self.client_of(endpoint) else { return 0 };
        // reqwest connects only to send something. Every server of the dialect knows the list of
        // models, and whatever it answers, the connection is there. HTTP/2 needs only one.
        let most = if self.settings.http == HttpVersion::Http2 { 1 } else { MAX_WARMED };
        let mut opening = tokio::task::JoinSet::new();
        for _ in 0..n.min(most) {
            let request = client.get(models_url(base_url));
            let limit = self.settings.connect_timeout;
            opening.spawn(async move { tokio::time::timeout(limit, request.send()).await });
        }
        opening.join_all().await.into_iter().flatten().flatten().count()
    }

    /// The headers of the response to a request for the list of models; `None`: none came.
    pub async fn headers_of_models(&self, base_url: &str) -> Option<HeaderMap> {
        let sent = self.shared.get(models_url(base_url)).send();
        let response =
            tokio::time::timeout(self.settings.connect_timeout, sent).await.ok()?.ok()?;
        Some(response.headers().clone())
    }

    /// Sends a request and waits for the response's head.
    pub async fn open(&self, request: &Outgoing) -> Result<(Head, ReqwestBody), TransportError> {
        let client = self.client_of(&request.endpoint)?;
        let mut builder = client.post(&*request.url).body(request.body.clone());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let clock = &self.settings.clock;
        CONNECTED
            .scope(std::cell::Cell::new(None), async {
                let began = clock.now();
                let sent = builder.send().await;
                let at = clock.now();
                let connected = CONNECTED.with(std::cell::Cell::get);
                let response = sent.map_err(|error| {
                    let mut failure = failure(&error);
                    // reqwest cannot be made to connect anew, so the second try may meet a stale
                    // connection again. It counts as a plain reset then, or it would never end.
                    let may_be_stale = !request.fresh && connected.is_none();
                    let is_prompt = at.since(began) <= STALE_WITHIN;
                    if may_be_stale && is_prompt && failure.class == ErrorClass::Reset {
                        failure.class = ErrorClass::StaleConnection;
                    }
                    failure
                })?;
                let protocol = match response.version() {
                    http::Version::HTTP_2 => Protocol::Http2,
                    _ => Protocol::Http1,
                };
                let head = Head {
                    status: response.status().as_u16(),
                    headers: response.headers().clone(),
                    connected,
                    at,
                    protocol: Some(protocol),
                };
                Ok((head, ReqwestBody { response, clock: clock.clone() }))
            })
            .await
    }
}

fn models_url(base_url: &str) -> String {
    format!("{}/models", base_url.trim_end_matches('/'))
}

/// A response body that reqwest reads.
#[derive(Debug)]
pub(super) struct ReqwestBody {
    response: reqwest::Response,
    clock: Clock,
}

impl ReqwestBody {
    pub async fn next(&mut self) -> Result<Option<TimedChunk>, TransportError> {
        let bytes = self.response.chunk().await;
        let at = self.clock.now();
        let bytes = bytes.map_err(|error| failure(&error))?;
        Ok(bytes.map(|bytes| TimedChunk { at, bytes }))
    }
}

/// The class of a failure. The message leaves the URL out: its query may hold a secret.
fn failure(error: &reqwest::Error) -> TransportError {
    let class = if error.is_timeout() && error.is_connect() {
        ErrorClass::ConnectTimeout
    } else if error.is_connect() {
        ErrorClass::Connect
    } else {
        ErrorClass::Reset
    };
    let source = std::error::Error::source(error);
    let message = source.map_or_else(|| "the request failed".to_owned(), error_chain);
    TransportError { class, message }
}

/// Notes when a new connection is ready, for the request that waited for it.
#[derive(Clone, Debug)]
struct StampConnection(Clock);

impl<S> Layer<S> for StampConnection {
    type Service = Stamped<S>;

    fn layer(&self, inner: S) -> Stamped<S> {
        Stamped { inner, clock: self.0.clone() }
    }
}

/// A connector whose connections are stamped.
#[derive(Clone, Debug)]
struct Stamped<S> {
    inner: S,
    clock: Clock,
}

impl<S, R> Service<R> for Stamped<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let connecting = self.inner.call(request);
        let clock = self.clock.clone();
        Box::pin(async move {
            let connection = connecting.await;
            // Outside a request's scope (the request that wanted this connection got another one)
            // there is no stamp to set.
            let _ = CONNECTED.try_with(|stamp| stamp.set(Some(clock.now())));
            connection
        })
    }
}
