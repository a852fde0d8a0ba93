//! A way between the language server and OpenCode that changes nothing and notes when it has passed on each delta.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// For each part of an answer: how long its text was after a delta, in bytes, and when that delta was passed on.
type Passed = HashMap<String, Vec<(usize, Instant)>>;

/// The way. Dropping it closes it.
pub struct Clock {
    port: u16,
    passed: Arc<Mutex<Passed>>,
    task: tokio::task::JoinHandle<()>,
}

impl Clock {
    /// Stands before the server on this port of this machine.
    pub async fn start(upstream: u16) -> Result<Self, String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let passed = Arc::new(Mutex::new(Passed::new()));
        let noted = Arc::clone(&passed);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((editor, _)) = listener.accept().await {
                let noted = Arc::clone(&noted);
                // A connection that breaks is made again by the one who made it.
                connections.spawn(async move { relay(editor, upstream, &noted).await.ok() });
            }
        });
        Ok(Self { port, passed, task })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// When each of the deltas was passed on whose text ends behind `from` and not behind `to`, in this part.
    pub fn between(&self, part: &str, from: usize, to: usize) -> Vec<Instant> {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let of_part = passed.get(part).into_iter().flatten();
        of_part.filter(|(end, _)| (from + 1..=to).contains(end)).map(|(_, at)| *at).collect()
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(editor: TcpStream, upstream: u16, passed: &Mutex<Passed>) -> std::io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", upstream)).await?;
    editor.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_editor, mut to_editor) = editor.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async { tokio::io::copy(&mut from_editor, &mut to_server).await.map(drop) };
    let down = async {
        let (mut buffer, mut line) = (vec![0; 1 << 16], Vec::new());
        loop {
            let count = from_server.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            note(&buffer[..count], &mut line, passed);
            to_editor.write_all(&buffer[..count]).await?;
        }
    };
    tokio::select! { done = up => done, done = down => done }
}

/// Looks for whole lines with a delta. The server sends each event in one piece, so no chunk begins within a line.
fn note(bytes: &[u8], line: &mut Vec<u8>, passed: &Mutex<Passed>) {
    for byte in bytes {
        if *byte != b'\n' {
            line.push(*byte);
            continue;
        }
        if let Some(json) = line.strip_prefix(b"data: ") {
            delta(json, passed);
        }
        line.clear();
    }
}

fn delta(json: &[u8], passed: &Mutex<Passed>) {
    let Ok(event) = serde_json::from_slice::<Value>(json) else { return };
    let properties = &event["properties"];
    let (Some(part), Some(text)) = (properties["partID"].as_str(), properties["delta"].as_str()) else {
        return;
    };
    let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
    let known = passed.entry(part.to_owned()).or_default();
    let end = known.last().map_or(0, |(end, _)| *end) + text.len();
    known.push((end, Instant::now()));
}
