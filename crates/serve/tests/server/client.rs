//! A server on a free port, and a minimal HTTP client.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use karhunen_serve::{Limits, Log, ServeOptions, Server, Token};
use serde_json::Value;

/// A timeout longer than any operation on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A running server, which ends when this is dropped.
pub struct Running {
    pub address: SocketAddr,
    pub log: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// An answer of the server.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        let of = |line: &str| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_string())
        };
        self.head.lines().find_map(of)
    }

    /// Checks that the request was refused, with a part of the reason and a help text.
    #[track_caller]
    pub fn refuses(&self, status: u16, part: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        let told = self.json();
        let error = told["error"].as_str().unwrap();
        assert!(error.contains(part), "{error}");
        assert!(!told["help"].as_str().unwrap().is_empty());
    }

    /// The names and data of the server-sent events.
    pub fn events(&self) -> Vec<(String, Value)> {
        let text = self.text();
        let one = |block: &str| {
            let of = |key: &str| block.lines().find_map(|line| line.strip_prefix(key));
            let (name, data) = (of("event: ")?, of("data: ")?);
            Some((name.to_string(), serde_json::from_str(data).unwrap()))
        };
        text.split("\n\n").filter_map(one).collect()
    }
}

pub fn options() -> ServeOptions {
    ServeOptions { port: 0, models: vec!["builtin:spinodal".into()], ..ServeOptions::default() }
}

pub fn with_limits(limits: Limits) -> ServeOptions {
    ServeOptions { limits, ..options() }
}

pub fn with_token(token: &str) -> ServeOptions {
    ServeOptions { token: Some(Token::new(token).unwrap()), ..options() }
}

impl Running {
    pub fn of(options: &ServeOptions) -> Self {
        let server = Server::open(options).unwrap();
        let (address, stop) = (server.address(), Arc::new(AtomicBool::new(false)));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (flag, told) = (Arc::clone(&stop), Arc::clone(&lines));
        let log: Log = Arc::new(move |line| told.lock().unwrap().push(line.to_string()));
        let thread = std::thread::spawn(move || server.run(&flag, &log).unwrap());
        Self { address, log: lines, stop, thread: Some(thread) }
    }

    /// Sends bytes unchanged, and returns the connection for the answer.
    pub fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Sends a request with additional headers, each as `Name: value\r\n`.
    pub fn ask(&self, what: &str, headers: &str, body: &str) -> Answer {
        read(self.send(&self.request(what, headers, body)))
    }

    pub fn request(&self, what: &str, headers: &str, body: &str) -> String {
        let told = format!("\n{}", headers.to_ascii_lowercase());
        let host = match told.contains("\nhost:") {
            true => String::new(),
            false => format!("Host: {}\r\n", self.address),
        };
        let kind = match body.is_empty() || told.contains("\ncontent-type:") {
            true => "",
            false => "Content-Type: application/json\r\n",
        };
        format!(
            "{what} HTTP/1.1\r\n{host}{kind}{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "", "")
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(&format!("POST {path}"), "", body)
    }

    /// Number of waiting and running requests.
    pub fn requests(&self) -> u64 {
        self.get("/api/state").json()["requests"].as_u64().unwrap()
    }

    pub fn wait_until(&self, requests: u64) {
        let begun = Instant::now();
        while self.requests() != requests {
            assert!(begun.elapsed() < PATIENCE, "{} requests", self.requests());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server, and returns how long that took.
    pub fn stop(&mut self) -> Duration {
        let begun = Instant::now();
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        begun.elapsed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads an answer to its end.
pub fn read(mut stream: TcpStream) -> Answer {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut body = all[end + 4..].to_vec();
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body = joined(&body);
    }
    Answer { status, head, body }
}

/// Joins the chunks of a body, without an incomplete last one.
fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = rest.windows(2).position(|w| w == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).unwrap().trim();
        let size = usize::from_str_radix(size, 16).unwrap();
        let chunk = &rest[end + 2..];
        if size == 0 || chunk.len() < size + 2 {
            break;
        }
        whole.extend_from_slice(&chunk[..size]);
        rest = &chunk[size + 2..];
    }
    whole
}
