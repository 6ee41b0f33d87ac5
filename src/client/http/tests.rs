use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::client::Protocol;
use crate::test_kit;

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
        endpoint: "m@p".into(),
        url: url.into(),
        headers: vec![(http::header::ACCEPT_ENCODING, "identity".parse().expect("a value"))],
        body: Bytes::from("hi"),
        fresh: false,
    }
}

fn transport() -> HttpTransport {
    speaking(HttpVersion::Http1)
}

fn speaking(http: HttpVersion) -> HttpTransport {
    to(&catalog::Provider { http, ..test_kit::provider("p") }).expect("a client")
}

fn to(provider: &catalog::Provider) -> Result<HttpTransport, ClientError> {
    HttpTransport::new([provider], Duration::from_secs(5), &Clock::real())
}

/// What was read: the head, the chunks, how it ended.
async fn read(
    transport: &HttpTransport,
    url: &str,
) -> Result<(Head, Vec<String>, Option<ErrorClass>), TransportError> {
    read_of(transport, ask(url)).await
}

async fn read_of(
    transport: &HttpTransport,
    request: Outgoing,
) -> Result<(Head, Vec<String>, Option<ErrorClass>), TransportError> {
    let (head, mut body) = transport.open(request).await?;
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
    let named = catalog::Provider { ca_file: Some(file), ..test_kit::provider("p") };
    for via_reqwest in [false, true] {
        let client = |provider: &catalog::Provider| {
            let client = to(provider).expect("a client");
            if via_reqwest { client.via_reqwest() } else { client }
        };
        let (_, chunks, _) = read(&client(&named), &url).await.expect("it is trusted");
        assert_eq!(chunks.concat(), "ok");
        let error = read(&client(&test_kit::provider("p")), &url).await.expect_err("it is not");
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
        let error = to(&catalog::Provider { ca_file: Some(file), ..test_kit::provider("p") });
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
        assert_eq!(head.connected.is_some(), turn == 0);
    }
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_stale_connection_is_reported_and_the_next_try_is_on_a_new_one() {
    for transport in [transport(), transport().via_reqwest()] {
        let (url, count, _server) = server(|mut socket| async move {
            request(&mut socket).await;
            let answer = format!("{HEAD}content-length: 2\r\n\r\nok");
            socket.write_all(answer.as_bytes()).await.expect("a reader");
            // The next request is read and not answered.
            request(&mut socket).await;
        })
        .await;
        read(&transport, &url).await.expect("an answer");
        let error = read(&transport, &url).await.expect_err("the connection is closed");
        assert_eq!(error.class, ErrorClass::StaleConnection);
        assert_eq!(count.load(Ordering::Relaxed), 1, "no request is sent again");
        let fresh = Outgoing { fresh: true, ..ask(&url) };
        let (head, chunks, end) = read_of(&transport, fresh).await.expect("an answer");
        assert!(head.connected.is_some());
        assert_eq!((chunks.concat(), end), ("ok".to_owned(), None));
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_an_interim_response_is_not_stale() {
    let (url, _, _server) = server(|mut socket| async move {
        request(&mut socket).await;
        let answer = format!("{HEAD}content-length: 2\r\n\r\nok");
        socket.write_all(answer.as_bytes()).await.expect("a reader");
        request(&mut socket).await;
        socket.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").await.expect("a reader");
    })
    .await;
    let transport = transport();
    read(&transport, &url).await.expect("an answer");
    let error = read(&transport, &url).await.expect_err("the connection is closed");
    assert_eq!(error.class, ErrorClass::Reset);
}

#[tokio::test]
async fn endpoints_share_no_connection() {
    for transport in [transport(), transport().via_reqwest()] {
        let (url, count, _server) = server(|mut socket| async move {
            request(&mut socket).await;
            let answer = format!("{HEAD}content-length: 2\r\n\r\nok");
            socket.write_all(answer.as_bytes()).await.expect("a reader");
            // An answer that comes late, to whoever asks next on this connection.
            request(&mut socket).await;
            let answer = format!("{HEAD}content-length: 4\r\n\r\nlate");
            socket.write_all(answer.as_bytes()).await.expect("a reader");
        })
        .await;
        let other = || Outgoing { endpoint: "other@p".into(), ..ask(&url) };
        assert_eq!(read(&transport, &url).await.expect("an answer").1.concat(), "ok");
        let (_, chunks, _) = read_of(&transport, other()).await.expect("an answer");
        assert_eq!((chunks.concat().as_str(), count.load(Ordering::Relaxed)), ("ok", 2));
        assert_eq!(read(&transport, &url).await.expect("an answer").1.concat(), "late");
        assert_eq!(count.load(Ordering::Relaxed), 2, "an endpoint's own connection is reused");
    }
}

#[tokio::test]
async fn many_headers_and_interim_responses_are_read() {
    let (url, _, _server) = server(|mut socket| async move {
        request(&mut socket).await;
        let headers =
            |n: usize| (0..n).fold(String::new(), |all, i| all + &format!("x-{i}: y\r\n"));
        let interim = format!("HTTP/1.1 103 Early Hints\r\n{}\r\n", headers(256));
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n{}\r\nok", headers(255));
        let all = ["HTTP/1.1 100 Continue\r\n\r\n", &interim, &interim, &answer].concat();
        // In two writes that cut an interim response in the middle.
        for part in [&all[..60], &all[60..]] {
            socket.write_all(part.as_bytes()).await.expect("a reader");
            socket.flush().await.expect("a reader");
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (head, chunks, end) = read(&transport(), &url).await.expect("an answer");
    assert_eq!((head.status, head.headers.len()), (200, 256));
    assert_eq!((chunks.concat(), end), ("ok".to_owned(), None));
}

/// Headers that a gateway piles up: 512, of 256 KiB almost.
fn piled_up() -> Vec<(String, String)> {
    (0..511).map(|i| (format!("x-pile-{i}"), "y".repeat(450))).collect()
}

#[tokio::test]
async fn a_large_head_is_read_on_every_way() {
    for transport in [transport(), transport().via_reqwest()] {
        let (url, _, _server) = server(|mut socket| async move {
            request(&mut socket).await;
            let lines = piled_up().into_iter().map(|(name, value)| format!("{name}: {value}\r\n"));
            let lines: String = lines.collect();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n{lines}\r\nok");
            socket.write_all(answer.as_bytes()).await.expect("a reader");
        })
        .await;
        let (head, chunks, end) = read(&transport, &url).await.expect("an answer");
        assert_eq!((head.headers.len(), chunks.concat(), end), (512, "ok".to_owned(), None));
    }
    let (url, _, _server) = server(|socket| async move {
        let mut connection = h2::server::handshake(socket).await.expect("HTTP/2");
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let mut response = http::Response::builder();
            for (name, value) in piled_up() {
                response = response.header(name, value);
            }
            let response = response.body(()).expect("a response");
            let mut body = respond.send_response(response, false).expect("a client");
            body.send_data(Bytes::from("ok"), true).expect("a client");
        }
    })
    .await;
    let (head, chunks, end) = read(&speaking(HttpVersion::Http2), &url).await.expect("an answer");
    assert_eq!((head.headers.len(), chunks.concat(), end), (511, "ok".to_owned(), None));
}

/// A server that refuses a large request before it has read it, and resets the connection.
#[tokio::test]
async fn a_refusal_that_comes_before_the_request_is_read_is_read() {
    let (url, _, _server) = server(|mut socket| async move {
        let mut space = [0; 256];
        socket.read_exact(&mut space).await.expect("the beginning of a request");
        let answer = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 9\r\n\r\ntoo large";
        socket.write_all(answer.as_bytes()).await.expect("a reader");
    })
    .await;
    let request = Outgoing { body: Bytes::from(vec![b'x'; 16 << 20]), ..ask(&url) };
    let (head, chunks, end) = read_of(&transport(), request).await.expect("an answer");
    assert_eq!((head.status, chunks.concat().as_str(), end), (413, "too large", None));
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
    assert_eq!(transport.warm("p", "m@p", &url, 3).await, 3);
    for _ in 0..3 {
        let (head, ..) = read(&transport, &url).await.expect("an answer");
        assert_eq!(head.connected, None);
    }
    assert_eq!(transport.warm("nobody", "m@p", &url, 3).await, 0);
}

#[tokio::test]
async fn http_2_is_an_option() {
    let (url, _, _server) = server(|socket| async move {
        let mut connection = h2::server::handshake(socket).await.expect("HTTP/2");
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let mut body = respond.send_response(http::Response::new(()), false).expect("a client");
            body.send_data(Bytes::from("ok"), true).expect("a client");
        }
    })
    .await;
    let transport = speaking(HttpVersion::Http2);
    let (head, chunks, end) = read(&transport, &url).await.expect("an answer");
    assert_eq!((head.protocol, chunks.concat(), end), (Some(Protocol::Http2), "ok".into(), None));
    assert!(head.connected.is_some());
}
