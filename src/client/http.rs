//! The HTTP transport: reqwest, with every convenience that would falsify a measurement turned off.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tower_layer::Layer;
use tower_service::Service;

use super::transport::{ChunkStream, Head, Outgoing, TimedChunk, Transport, TransportError};
use crate::units::{Clock, Stamp};
use crate::wire::ErrorClass;

tokio::task_local! {
    /// When the connection that this request waited for became ready.
    static CONNECTED: std::cell::Cell<Option<Stamp>>;
}

/// Sends requests over HTTP/1.1 with one connection pool per provider.
///
/// No request is sent again by the library, no redirect is followed, no body is decompressed, and
/// Nagle's algorithm is off: what is measured is what the provider did.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    clients: BTreeMap<String, reqwest::Client>,
    clock: Clock,
}

/// Why the HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for {provider} could not be made: {source}")]
pub struct ClientError {
    provider: String,
    source: reqwest::Error,
}

impl HttpTransport {
    /// A transport for these providers: name, whether it is on this machine (then no proxy is
    /// used), and how long a connection may take.
    ///
    /// # Errors
    /// When the TLS roots of the machine cannot be loaded.
    pub fn new<'a>(
        providers: impl IntoIterator<Item = (&'a str, bool)>,
        connect_timeout: Duration,
        clock: &Clock,
    ) -> Result<Self, ClientError> {
        // Installing twice is harmless: the first provider stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut clients = BTreeMap::new();
        for (name, loopback) in providers {
            let mut builder = reqwest::Client::builder()
                .http1_only()
                .tcp_nodelay(true)
                .retry(reqwest::retry::never())
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(connect_timeout)
                .referer(false)
                .user_agent(concat!("weighbridge/", env!("CARGO_PKG_VERSION")))
                .connector_layer(StampConnection(clock.clone()));
            if loopback {
                builder = builder.no_proxy();
            }
            let client = builder
                .build()
                .map_err(|source| ClientError { provider: name.to_owned(), source })?;
            clients.insert(name.to_owned(), client);
        }
        Ok(Self { clients, clock: clock.clone() })
    }
}

impl Transport for HttpTransport {
    type Body = HttpBody;

    async fn open(&self, request: Outgoing) -> Result<(Head, HttpBody), TransportError> {
        let client = self.clients.get(&request.provider).ok_or_else(|| TransportError {
            class: ErrorClass::Connect,
            message: format!("no connection pool for provider {}", request.provider),
        })?;
        let mut builder = client.post(&request.url).body(request.body);
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        CONNECTED
            .scope(std::cell::Cell::new(None), async {
                let response = builder.send().await.map_err(|e| failure(&e))?;
                let at = self.clock.now();
                let head = Head {
                    status: response.status().as_u16(),
                    headers: response.headers().clone(),
                    connected: CONNECTED.with(std::cell::Cell::get),
                    at,
                };
                Ok((head, HttpBody { response, clock: self.clock.clone() }))
            })
            .await
    }
}

/// A response body that stamps each read.
#[derive(Debug)]
pub struct HttpBody {
    response: reqwest::Response,
    clock: Clock,
}

impl ChunkStream for HttpBody {
    async fn next(&mut self) -> Result<Option<TimedChunk>, TransportError> {
        let bytes = self.response.chunk().await;
        let at = self.clock.now();
        match bytes {
            Ok(Some(bytes)) => Ok(Some(TimedChunk { at, bytes })),
            Ok(None) => Ok(None),
            Err(error) => Err(failure(&error)),
        }
    }
}

/// The class of a transport's failure. The URL is left out: a query may hold what should not be
/// shown.
fn failure(error: &reqwest::Error) -> TransportError {
    let class = if error.is_timeout() && error.is_connect() {
        ErrorClass::ConnectTimeout
    } else if error.is_connect() {
        ErrorClass::Connect
    } else {
        ErrorClass::Reset
    };
    let mut message = String::new();
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = source {
        if !message.is_empty() {
            message.push_str(": ");
        }
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    if message.is_empty() {
        "the request failed".clone_into(&mut message);
    }
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
            // Outside a request's own scope (a connection that another request no longer waits
            // for) there is nobody to tell.
            let _ = CONNECTED.try_with(|stamp| stamp.set(Some(clock.now())));
            connection
        })
    }
}
