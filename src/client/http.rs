//! The HTTP transport, with every convenience that would falsify a measurement turned off.
//!
//! HTTP/1.1 straight to a server goes over our own connections (`direct`), whose reads are
//! stamped at the socket. What needs more — a proxy, HTTP/2, a URL with a user name — goes through
//! reqwest, whose chunks can be stamped only when they are handed over.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;
use tower_layer::Layer;
use tower_service::Service;

use super::direct::{Direct, DirectBody, STALE_WITHIN, causes};
use super::transport::{
    ChunkStream, Head, Outgoing, Protocol, TimedChunk, Transport, TransportError,
};
use crate::catalog::{self, HttpVersion};
use crate::units::{Clock, Stamp};
use crate::wire::ErrorClass;

/// Connections that are made ready through the library, at most: each takes a request.
const MOST_WARMED: usize = 64;

tokio::task_local! {
    /// When the connection that this request waited for became ready.
    static CONNECTED: std::cell::Cell<Option<Stamp>>;
}

/// Sends requests with one connection pool per provider.
///
/// No redirect is followed, no body is decompressed, Nagle's algorithm is off, and nothing is sent
/// again but what a closed idle connection swallowed: what is measured is what the provider did.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    providers: BTreeMap<String, Provider>,
    /// The system's proxies.
    proxies: Arc<Matcher>,
    connect_timeout: Duration,
    clock: Clock,
}

#[derive(Clone, Debug)]
struct Provider {
    general: reqwest::Client,
    /// Not for HTTP/2.
    direct: Option<Direct>,
    /// It is on this machine: no proxy is used.
    is_loopback: bool,
    is_http2: bool,
}

/// Why the HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The library's client.
    #[error("the HTTP client for {provider} could not be made: {source}")]
    Library {
        /// The provider.
        provider: String,
        /// What it says.
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
    /// A transport to these providers. A provider on this machine is asked without a proxy.
    ///
    /// # Errors
    /// When the TLS roots of the machine cannot be loaded.
    pub fn new<'a>(
        providers: impl IntoIterator<Item = &'a catalog::Provider>,
        connect_timeout: Duration,
        clock: &Clock,
    ) -> Result<Self, ClientError> {
        // Installing twice is harmless: the first provider stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut all = BTreeMap::new();
        for provider in providers {
            if all.contains_key(&provider.name) {
                continue;
            }
            let is_loopback = provider.is_loopback();
            let own = own_roots(provider)?;
            let tls = tls(own.clone())?;
            let mut builder = reqwest::Client::builder()
                .tcp_nodelay(true)
                .retry(reqwest::retry::never())
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(connect_timeout)
                .referer(false)
                .user_agent(super::USER_AGENT)
                .connector_layer(StampConnection(clock.clone()));
            builder = match provider.http {
                HttpVersion::Http1 => builder.http1_only(),
                HttpVersion::Http2 => builder.http2_prior_knowledge(),
            };
            if is_loopback {
                builder = builder.no_proxy();
            }
            let library_error =
                |source| ClientError::Library { provider: provider.name.clone(), source };
            if !own.is_empty() {
                let certificates = own.iter().map(|der| reqwest::Certificate::from_der(der));
                let certificates = certificates.collect::<Result<Vec<_>, _>>();
                builder = builder.tls_certs_merge(certificates.map_err(library_error)?);
            }
            let general = builder.build().map_err(library_error)?;
            let is_http2 = provider.http == HttpVersion::Http2;
            let direct = (!is_http2).then(|| Direct::new(clock.clone(), connect_timeout, tls));
            all.insert(provider.name.clone(), Provider { general, direct, is_loopback, is_http2 });
        }
        let proxies = Arc::new(Matcher::from_system());
        Ok(Self { providers: all, proxies, connect_timeout, clock: clock.clone() })
    }

    /// The same transport with everything through the library, to measure what that costs.
    #[must_use]
    pub fn through_library(mut self) -> Self {
        for provider in self.providers.values_mut() {
            provider.direct = None;
        }
        self
    }

    /// Opens connections to a provider before anything is timed, without asking a model anything;
    /// gives how many are ready.
    pub async fn warm(&self, provider: &str, base_url: &str, n: usize) -> usize {
        let Some(provider) = self.providers.get(provider) else { return 0 };
        if let Some((direct, uri)) = self.direct(provider, base_url) {
            return direct.warm(&uri, n).await;
        }
        // The library connects only to send something. The list of models is what every server of
        // the dialect knows; whatever it answers, the connection is there. On HTTP/2 one is enough.
        let url = format!("{}/models", base_url.trim_end_matches('/'));
        let n = if provider.is_http2 { n.min(1) } else { n.min(MOST_WARMED) };
        let mut asked = tokio::task::JoinSet::new();
        for _ in 0..n {
            let request = provider.general.get(&url);
            let limit = self.connect_timeout;
            asked.spawn(async move { tokio::time::timeout(limit, request.send()).await });
        }
        asked.join_all().await.into_iter().flatten().flatten().count()
    }

    /// Whether what answers here is the simulator, by the mark that it puts on everything.
    pub async fn is_simulated(&self, provider: &str, base_url: &str) -> bool {
        let Some(provider) = self.providers.get(provider) else { return false };
        let request = provider.general.get(format!("{}/models", base_url.trim_end_matches('/')));
        let answer = tokio::time::timeout(self.connect_timeout, request.send()).await;
        matches!(answer, Ok(Ok(answer)) if answer.headers().contains_key(super::attempt::SIMULATED_HEADER))
    }

    fn proxied(&self, provider: &Provider, uri: &Uri) -> bool {
        !provider.is_loopback && self.proxies.intercept(uri).is_some()
    }

    /// The direct way to a URL, where there is one.
    fn direct<'a>(&self, provider: &'a Provider, url: &str) -> Option<(&'a Direct, Uri)> {
        let direct = provider.direct.as_ref()?;
        let uri: Uri = url.parse().ok()?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_user = uri.authority().is_none_or(|a| a.as_str().contains('@'));
        (is_http && !has_user && !self.proxied(provider, &uri)).then_some((direct, uri))
    }
}

/// Whether what the environment says of proxies (`HTTPS_PROXY`, `NO_PROXY`, …) applies to a
/// provider. One on this machine is asked directly.
#[must_use]
pub fn through_proxy(provider: &catalog::Provider) -> bool {
    let uri = provider.base_url.parse::<Uri>();
    let named = |uri: Uri| Matcher::from_system().intercept(&uri).is_some();
    !provider.is_loopback() && uri.is_ok_and(named)
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

/// The certificates that are trusted for a provider beside the machine's.
fn own_roots(provider: &catalog::Provider) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let Some(path) = &provider.ca_file else { return Ok(Vec::new()) };
    let failed = |why: String| ClientError::CaFile {
        provider: provider.name.clone(),
        path: path.display().to_string(),
        why,
    };
    let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
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
        let provider = self.providers.get(&request.provider).ok_or_else(|| TransportError {
            class: ErrorClass::Connect,
            message: format!("no connection pool for provider {}", request.provider),
        })?;
        if let Some((direct, uri)) = self.direct(provider, &request.url) {
            let (head, body) = direct.open(&uri, &request).await?;
            return Ok((head, HttpBody(Body::Direct(body))));
        }
        match self.through(&provider.general, &request).await {
            Err((_, true)) => {
                let resent = self.clock.now();
                let again = self.through(&provider.general, &request).await;
                let (mut head, body) = again.map_err(|(error, _)| error)?;
                head.resent = Some(resent);
                Ok((head, body))
            }
            sent => sent.map_err(|(error, _)| error),
        }
    }
}

impl HttpTransport {
    /// One request through the library. A failure says whether a reused connection broke before
    /// any byte of a response came.
    async fn through(
        &self,
        client: &reqwest::Client,
        request: &Outgoing,
    ) -> Result<(Head, HttpBody), (TransportError, bool)> {
        let mut builder = client.post(&request.url).body(request.body.clone());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        CONNECTED
            .scope(std::cell::Cell::new(None), async {
                let began = self.clock.now();
                let sent = builder.send().await;
                let at = self.clock.now();
                let connected = CONNECTED.with(std::cell::Cell::get);
                let response = sent.map_err(|error| {
                    let failure = failure(&error);
                    let prompt = at.since(began) <= STALE_WITHIN;
                    let is_stale =
                        prompt && connected.is_none() && failure.class == ErrorClass::Reset;
                    (failure, is_stale)
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
                    resent: None,
                };
                let clock = self.clock.clone();
                Ok((head, HttpBody(Body::Library { response, clock })))
            })
            .await
    }
}

/// A response body whose reads are stamped.
#[derive(Debug)]
pub struct HttpBody(Body);

#[derive(Debug)]
enum Body {
    Direct(DirectBody),
    Library { response: reqwest::Response, clock: Clock },
}

impl ChunkStream for HttpBody {
    async fn next(&mut self) -> Result<Option<TimedChunk>, TransportError> {
        match &mut self.0 {
            Body::Direct(body) => body.next().await,
            Body::Library { response, clock } => {
                let bytes = response.chunk().await;
                let at = clock.now();
                match bytes {
                    Ok(Some(bytes)) => Ok(Some(TimedChunk { at, bytes })),
                    Ok(None) => Ok(None),
                    Err(error) => Err(failure(&error)),
                }
            }
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
    let source = std::error::Error::source(error);
    let message = source.map_or_else(|| "the request failed".to_owned(), causes);
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinSet;

    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
    const CHUNKED: &str = "transfer-encoding: chunked\r\n\r\n";

    /// Reads one request: a head and a body of two bytes.
    async fn request(socket: &mut TcpStream) -> String {
        let mut got = Vec::new();
        while !got.ends_with(b"\r\n\r\nhi") {
            let n = socket.read_buf(&mut got).await.expect("a request");
            assert!(n > 0, "a whole request");
        }
        String::from_utf8(got).expect("ASCII")
    }

    fn ask(url: &str) -> Outgoing {
        Outgoing {
            provider: "p".into(),
            url: url.into(),
            headers: vec![(http::header::ACCEPT_ENCODING, "identity".parse().expect("a value"))],
            body: Bytes::from("hi"),
        }
    }

    fn transport() -> HttpTransport {
        speaking(HttpVersion::Http1)
    }

    fn speaking(http: HttpVersion) -> HttpTransport {
        to(&catalog::Provider { http, ..provider() }).expect("a client")
    }

    fn to(provider: &catalog::Provider) -> Result<HttpTransport, ClientError> {
        HttpTransport::new([provider], Duration::from_secs(5), &Clock::real())
    }

    fn provider() -> catalog::Provider {
        catalog::Provider {
            name: "p".into(),
            dialect: catalog::Dialect::OpenaiChat,
            base_url: "http://127.0.0.1:1/v1".into(),
            api_key_env: None,
            api_key_cmd: None,
            http: HttpVersion::Http1,
            headers: BTreeMap::new(),
            ca_file: None,
            router: None,
            agreed: crate::catalog::Agreed::default(),
        }
    }

    /// What was read: the head, the chunks, how it ended.
    async fn read(
        transport: &HttpTransport,
        url: &str,
    ) -> Result<(Head, Vec<String>, Option<ErrorClass>), TransportError> {
        let (head, mut body) = transport.open(ask(url)).await?;
        let mut chunks = Vec::new();
        loop {
            match body.next().await {
                Ok(Some(chunk)) => {
                    assert!(chunk.at >= head.at, "stamps do not run backwards");
                    chunks.push(String::from_utf8_lossy(&chunk.bytes).into_owned());
                }
                Ok(None) => return Ok((head, chunks, None)),
                Err(error) => return Ok((head, chunks, Some(error.class))),
            }
        }
    }

    /// A server whose connections do what `serve` says, and its address.
    async fn server<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> (String, Arc<AtomicUsize>, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/v1/x?y=1", listener.local_addr().expect("bound"));
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.expect("a client");
                counted.fetch_add(1, Ordering::Relaxed);
                connections.spawn(serve(socket));
            }
        });
        (url, count, tasks)
    }

    #[tokio::test]
    async fn a_certificate_of_ones_own_is_trusted_where_it_is_named_and_nowhere_else() {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a key");
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
        let crypto = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(crypto)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.expect("a key"))
            .expect("a configuration");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let (url, _, _server) = server(move |socket| {
            let acceptor = acceptor.clone();
            async move {
                // A client that does not trust the certificate goes away.
                let Ok(mut stream) = acceptor.accept(socket).await else { return };
                let mut space = [0; 4096];
                let _ = stream.read(&mut space).await;
                let answer = format!("{HEAD}content-length: 2\r\n\r\nok");
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
        .await;
        let url = url.replace("http://", "https://");
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("own.pem");
        std::fs::write(&file, made.cert.pem()).expect("a file");
        let named = catalog::Provider { ca_file: Some(file), ..provider() };
        for through_library in [false, true] {
            let client = |provider: &catalog::Provider| {
                let client = to(provider).expect("a client");
                if through_library { client.through_library() } else { client }
            };
            let (_, chunks, _) = read(&client(&named), &url).await.expect("it is trusted");
            assert_eq!(chunks.concat(), "ok");
            let error = read(&client(&provider()), &url).await.expect_err("it is not");
            assert_eq!(error.class, ErrorClass::Connect);
            assert!(error.message.contains("certificate"), "{}", error.message);
        }
    }

    #[test]
    fn certificates_that_do_not_read_are_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let check = |text: Option<&str>, expected: &str| {
            let file = dir.path().join("ca.pem");
            match text {
                Some(text) => std::fs::write(&file, text).expect("a file"),
                None => drop(std::fs::remove_file(&file)),
            }
            let error = to(&catalog::Provider { ca_file: Some(file), ..provider() });
            let error = error.expect_err(expected).to_string();
            assert!(error.starts_with("p: ca_file ") && error.contains(expected), "{error}");
        };
        check(Some("hello"), "it holds no PEM certificate");
        check(Some("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"), "PEM");
        check(None, "No such file");
    }

    #[tokio::test]
    async fn a_connection_is_reused_and_a_read_is_a_chunk() {
        let (url, count, _server) = server(|mut socket| async move {
            for _ in 0..2 {
                let got = request(&mut socket).await;
                assert!(got.starts_with("POST /v1/x?y=1 HTTP/1.1\r\nhost: 127.0.0.1:"), "{got}");
                assert!(got.contains("\r\naccept-encoding: identity\r\n"), "{got}");
                let answer = format!("{HEAD}{CHUNKED}2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
                socket.write_all(answer.as_bytes()).await.expect("a reader");
            }
            std::future::pending::<()>().await;
        })
        .await;
        let transport = transport();
        for turn in 0..2 {
            let (head, chunks, end) = read(&transport, &url).await.expect("an answer");
            assert_eq!((chunks.as_slice(), end), (&["abc".to_owned()][..], None));
            assert_eq!((head.status, head.protocol), (200, Some(Protocol::Http1)));
            assert_eq!((head.connected.is_some(), head.resent), (turn == 0, None));
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_stale_connection_costs_one_more_try() {
        for transport in [transport(), transport().through_library()] {
            let (url, count, _server) = server(|mut socket| async move {
                request(&mut socket).await;
                let answer = format!("{HEAD}content-length: 2\r\n\r\nok");
                socket.write_all(answer.as_bytes()).await.expect("a reader");
                // The next request is swallowed.
                request(&mut socket).await;
            })
            .await;
            for turn in 0..2 {
                let (head, chunks, end) = read(&transport, &url).await.expect("an answer");
                assert_eq!(head.resent.is_some(), turn == 1);
                assert!(head.connected.is_some(), "the second answer came over a fresh connection");
                assert_eq!((chunks.concat(), end), ("ok".to_owned(), None));
            }
            assert_eq!(count.load(Ordering::Relaxed), 2);
        }
    }

    #[tokio::test]
    async fn what_breaks_has_its_class() {
        let check = async |answer: &'static str, expected: Option<ErrorClass>| {
            let (url, count, _server) = server(move |mut socket| async move {
                request(&mut socket).await;
                socket.write_all(answer.as_bytes()).await.expect("a reader");
            })
            .await;
            let end = read(&transport(), &url).await;
            let end = end.map_or_else(|error| Some(error.class), |(_, _, end)| end);
            assert_eq!(end, expected, "{answer:?}");
            assert_eq!(count.load(Ordering::Relaxed), 1, "nothing is sent twice");
        };
        check("", Some(ErrorClass::Reset)).await;
        check("HTTP/1.1 20", Some(ErrorClass::Reset)).await;
        check("SSH-2.0-OpenSSH\r\n", Some(ErrorClass::Protocol)).await;
        check("HTTP/1.1 101 Other\r\n\r\n", Some(ErrorClass::Protocol)).await;
        check("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", Some(ErrorClass::Reset)).await;
        let cut = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc";
        check(cut, Some(ErrorClass::Reset)).await;
        let bad = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n";
        check(bad, Some(ErrorClass::Protocol)).await;
        check("HTTP/1.1 200 OK\r\n\r\nuntil the end", None).await;
        check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", None).await;
    }

    #[tokio::test]
    async fn nobody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        drop(listener);
        let error = read(&transport(), &url).await.expect_err("refused");
        assert_eq!(error.class, ErrorClass::Connect);
        assert!(error.message.contains("refused"), "{error}");
    }

    #[tokio::test]
    async fn warm_connections_are_used() {
        let (url, _, _server) = server(|mut socket| async move {
            request(&mut socket).await;
            let answer = format!("{HEAD}content-length: 2\r\n\r\nok");
            socket.write_all(answer.as_bytes()).await.expect("a reader");
        })
        .await;
        let transport = transport();
        assert_eq!(transport.warm("p", &url, 3).await, 3);
        for _ in 0..3 {
            let (head, ..) = read(&transport, &url).await.expect("an answer");
            assert_eq!(head.connected, None);
        }
        assert_eq!(transport.warm("nobody", &url, 3).await, 0);
    }

    #[tokio::test]
    async fn http_2_is_an_option() {
        let (url, _, _server) = server(|socket| async move {
            let mut connection = h2::server::handshake(socket).await.expect("HTTP/2");
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                let mut body =
                    respond.send_response(http::Response::new(()), false).expect("a client");
                body.send_data(Bytes::from("ok"), true).expect("a client");
            }
        })
        .await;
        let transport = speaking(HttpVersion::Http2);
        let (head, chunks, end) = read(&transport, &url).await.expect("an answer");
        assert_eq!(
            (head.protocol, chunks.concat(), end),
            (Some(Protocol::Http2), "ok".into(), None)
        );
        assert!(head.connected.is_some());
    }
}
