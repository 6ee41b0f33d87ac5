//! A server that a test writes itself: it says whatever a provider may say, and remembers what it
//! was sent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The request line and the headers.
    pub head: String,
    /// The body.
    pub body: Value,
    /// The last message.
    pub prompt: String,
    /// How often this prompt was asked before.
    pub nth: usize,
}

impl Asked {
    /// The value of a header; names are in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = |line: &'_ str| {
            let (found, _) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(())
        };
        let line = self.head.lines().find(|l| line(l).is_some())?;
        line.split_once(':').map(|(_, value)| value.trim())
    }
}

/// The server; it ends when this is dropped.
pub struct Stub {
    /// The base URL of its one provider.
    pub url: String,
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How a connection is served: the socket, the reply to a request, the requests so far.
type Talk = fn(&mut TcpStream, &dyn Fn(&Asked) -> String, &Mutex<Vec<Asked>>);

impl Stub {
    /// Serves on a free port. What `reply` returns is sent as it is, head included; then the
    /// connection is closed.
    pub fn start(reply: impl Fn(&Asked) -> String + Send + Sync + 'static) -> Self {
        Self::serve(reply, |socket, reply, seen| {
            let Some(asked) = read(socket, seen) else { return };
            // A client that has gone away is not the server's failure.
            let _ = socket.write_all(reply(&asked).as_bytes());
        })
    }

    /// A server that keeps each connection open after an answer, reads the next request on it, and
    /// closes it without an answer.
    pub fn closing_reused(word: &'static str) -> Self {
        Self::serve(
            move |_| stream(&[word]).replace("connection: close\r\n", ""),
            |socket, reply, seen| {
                let Some(asked) = read(socket, seen) else { return };
                let _ = socket.write_all(reply(&asked).as_bytes());
                read(socket, seen);
            },
        )
    }

    fn serve(reply: impl Fn(&Asked) -> String + Send + Sync + 'static, talk: Talk) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (asked, stop) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<AtomicBool>::default());
        let (seen, stopped, reply) = (Arc::clone(&asked), Arc::clone(&stop), Arc::new(reply));
        let thread = std::thread::spawn(move || {
            for socket in listener.incoming() {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                let (Ok(mut socket), seen, reply) = (socket, Arc::clone(&seen), Arc::clone(&reply))
                else {
                    continue;
                };
                std::thread::spawn(move || talk(&mut socket, &*reply, &seen));
            }
        });
        let url = format!("http://{address}/v1");
        Self { url, address, asked, stop, thread: Some(thread) }
    }

    /// A server that answers everything with one word.
    pub fn says(word: &'static str) -> Self {
        Self::start(move |_| stream(&[word]))
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no thread of the server panics").clone()
    }

    /// A catalog of one priced endpoint, `acme/large@stub`; `more` stands below its table.
    pub fn catalog(&self, more: &str) -> String {
        format!(
            "[[provider]]\nname = \"stub\"\nbase_url = \"{}\"\n\n[[endpoint]]\n\
             model = \"acme/large\"\nprovider = \"stub\"\n\
             price = {{ input = \"1.00\", output = \"2.00\" }}\n{more}",
            self.url
        )
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Wakes the thread, which waits for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn read(socket: &mut TcpStream, seen: &Mutex<Vec<Asked>>) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut more = [0; 16_384];
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        let n = socket.read(&mut more).ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&more[..n]);
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut asked = Asked { head, body: Value::Null, prompt: String::new(), nth: 0 };
    let length: usize = asked.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    while bytes.len() < head_end + 4 + length {
        let n = socket.read(&mut more).ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&more[..n]);
    }
    // What asks for a list is answered and is no request for an answer.
    if asked.head.starts_with("GET ") {
        return Some(asked);
    }
    asked.body = serde_json::from_slice(&bytes[head_end + 4..]).ok()?;
    // Other dialects have no messages.
    let last = asked.body["messages"].as_array().and_then(|messages| messages.last());
    last.and_then(|last| last["content"].as_str())
        .unwrap_or_default()
        .clone_into(&mut asked.prompt);
    let mut seen = seen.lock().expect("no thread of the server panics");
    asked.nth = seen.iter().filter(|before| before.prompt == asked.prompt).count();
    seen.push(asked.clone());
    Some(asked)
}

/// A whole response of this status, type and body.
pub fn whole(status: &str, kind: &str, body: &str) -> String {
    let n = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {n}\r\n\
         connection: close\r\n\r\n{body}"
    )
}

/// The same with one more header.
pub fn whole_with(status: &str, header: &str, body: &str) -> String {
    whole(&format!("{status}\r\n{header}"), "application/json", body)
}

/// A response that streams these events and then ends.
pub fn events(events: &[&str]) -> String {
    let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    whole("200 OK", "text/event-stream", &body)
}

/// A streamed answer of these tokens, whole, with usage.
pub fn stream(tokens: &[&str]) -> String {
    let token = |text: &str| json!({"choices": [{"delta": {"content": text}}]}).to_string();
    let mut all: Vec<String> = tokens.iter().map(|text| token(text)).collect();
    all.push(json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}).to_string());
    let usage = json!({"prompt_tokens": 10, "completion_tokens": tokens.len()});
    all.push(json!({"choices": [], "usage": usage}).to_string());
    all.push("[DONE]".to_owned());
    events(&all.iter().map(String::as_str).collect::<Vec<_>>())
}
