//! A peer that misbehaves on purpose: raw TCP, one request a connection, and a count of the connections that are open.
//! A real server cannot be made to do these things, so this is the one place where a mock is right.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// These bytes, then the end of the connection.
    Close(Vec<u8>),
    /// These bytes, and then nothing more until the client goes away.
    Stall(Vec<u8>),
    /// These bytes, and the others as soon as this path was asked for.
    Await(Vec<u8>, &'static str, Vec<u8>),
    /// These bytes, and the others again and again.
    Repeat(Vec<u8>, Vec<u8>),
}

impl Reply {
    /// A whole answer.
    pub fn whole(status: &str, kind: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        Self::Close([head.as_bytes(), body.as_bytes()].concat())
    }

    pub fn json(body: &str) -> Self {
        Self::whole("200 OK", "application/json", body)
    }

    pub fn page() -> Self {
        Self::whole("200 OK", "text/html;charset=UTF-8", "<!doctype html><html><body>Welcome\n</body></html>")
    }

    /// An event stream that stays open after these events.
    pub fn events(events: &[&str]) -> Self {
        Self::Stall(stream(events))
    }

    /// An event stream that opens, and goes on with these events when `path` was asked for.
    pub fn events_after(path: &'static str, events: &[&str]) -> Self {
        Self::Await(stream(&[super::CONNECTED]), path, frames(events))
    }

    /// An event stream that opens, and says the same ever again.
    pub fn events_over_and_over(event: &str) -> Self {
        Self::Repeat(stream(&[super::CONNECTED]), frames(&[event]))
    }

    /// An event stream that ends well after these events.
    pub fn ending_events(events: &[&str]) -> Self {
        Self::Close(stream(events))
    }
}

/// Without a length the end of the connection is the end of the body.
fn stream(events: &[&str]) -> Vec<u8> {
    let mut bytes =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".to_vec();
    bytes.extend_from_slice(&frames(events));
    bytes
}

fn frames(events: &[&str]) -> Vec<u8> {
    events.iter().flat_map(|event| format!("data: {event}\n\n").into_bytes()).collect()
}

/// Decides by the request's head (`GET /path?query HTTP/1.1` and its headers) and how often this path was asked for.
type Script = dyn Fn(&str, usize) -> Reply + Send + Sync;

pub struct Peer {
    pub url: String,
    asked: Arc<Mutex<HashMap<String, usize>>>,
    open: watch::Receiver<usize>,
    listening: tokio::task::JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Peer {
    pub async fn start(script: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (count, open) = watch::channel(0);
        let asked = Arc::new(Mutex::new(HashMap::new()));
        let script: Arc<Script> = Arc::new(script);
        let shared = asked.clone();
        let listening = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                count.send_modify(|n| *n += 1);
                let (script, asked, count) = (script.clone(), shared.clone(), count.clone());
                tokio::spawn(async move {
                    serve(socket, &*script, &asked).await;
                    count.send_modify(|n| *n -= 1);
                });
            }
        });
        Self { url, asked, open, listening }
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.asked.lock().unwrap().get(path).copied().unwrap_or_default()
    }

    /// Waits until the client has closed every connection.
    pub async fn left_alone(&self) {
        let mut open = self.open.clone();
        let alone = tokio::time::timeout(super::BOUND, open.wait_for(|n| *n == 0)).await;
        assert!(alone.is_ok(), "{} connections are still open", *self.open.borrow());
    }
}

/// Ends when everything is said, or when the client has gone.
async fn serve(mut socket: TcpStream, script: &Script, asked: &Mutex<HashMap<String, usize>>) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    let end = loop {
        match socket.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => request.extend_from_slice(&buffer[..n]),
        }
        if let Some(end) = request.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).into_owned();
    // The body is taken in, so that closing does not reset what was said.
    let length = head
        .lines()
        .find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut missing = length.unwrap_or(0_usize).saturating_sub(request.len() - end - 4);
    while missing > 0 {
        match socket.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => missing = missing.saturating_sub(n),
        }
    }
    let path = head.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
    let nth = {
        let mut asked = asked.lock().unwrap();
        let count = asked.entry(path).or_default();
        *count += 1;
        *count - 1
    };
    match script(&head, nth) {
        Reply::Close(bytes) => {
            let said = socket.write_all(&bytes).await.is_ok() && socket.shutdown().await.is_ok();
            while said && socket.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
        }
        Reply::Stall(bytes) => stall(&mut socket, &bytes).await,
        Reply::Repeat(first, again) => {
            let mut said = socket.write_all(&first).await.is_ok();
            while said {
                tokio::time::sleep(Duration::from_millis(100)).await;
                said = socket.write_all(&again).await.is_ok();
            }
        }
        Reply::Await(first, path, then) => {
            let mut said = socket.write_all(&first).await.is_ok();
            while said && !asked.lock().unwrap().contains_key(path) {
                tokio::time::sleep(Duration::from_millis(2)).await;
                said = !socket.try_read(&mut buffer).is_ok_and(|n| n == 0);
            }
            if said {
                stall(&mut socket, &then).await;
            }
        }
    }
}

async fn stall(socket: &mut TcpStream, bytes: &[u8]) {
    let mut buffer = [0; 4096];
    let said = socket.write_all(bytes).await.is_ok();
    while said && socket.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
}
