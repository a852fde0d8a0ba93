//! Records what a server does while a tool talks to it: a proxy on loopback that passes every byte, and beside it a
//! subscription of its own that writes the events down. The tool notices nothing: no event is read, delayed or cut by
//! the recording.
//!
//! ```no_run
//! # async fn story() -> std::io::Result<()> {
//! use opencode_nexus_testkit::recorder::{Recorder, RecorderOptions};
//! let options = RecorderOptions::new("http://127.0.0.1:4096", "recorded");
//! let recorder = Recorder::start(options).await?;
//! println!("point your tool at {}", recorder.url());
//! // … use the tool …
//! let recording = recorder.finish().await?;
//! println!("{} events in {}", recording.events, recording.stream.display());
//! # Ok(()) }
//! ```
//!
//! `events.sse` is the body of the event stream, as `nexus replay` and [`cases`](crate::cases) read it;
//! `NAME.messages.json` is what the server says of a session's messages afterwards. A transcript folded from the first
//! equals the second.

mod redact;
mod request;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opencode_nexus::transport::Secret;
use regex::bytes::Regex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use redact::redacted;
use request::{Server, body};

/// The server is silent for this long: nothing more comes of what the tool did last.
const QUIET: Duration = Duration::from_millis(700);
/// Bound of waiting for that.
const QUIET_WITHIN: Duration = Duration::from_secs(10);
/// Bound of opening the stream and of reading the messages of a session.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// A stream that ends so often at once will not hold.
const STREAMS: usize = 50;

/// What is recorded and where it is written.
#[derive(Clone, Debug)]
pub struct RecorderOptions {
    /// The server, `http://HOST:PORT`, without credentials.
    pub upstream: String,
    /// The folder, made when it is missing.
    pub folder: PathBuf,
    /// User and password of the server. Clients of the proxy bring their own.
    pub credentials: Option<(String, Secret)>,
    /// The project's folder as the server sees it; events of others are not recorded on 1.x. Default: the server's own.
    pub directory: Option<String>,
    /// Whether the server speaks OpenCode 2. Default false.
    pub second: bool,
}

impl RecorderOptions {
    /// A server of 1.x without a password.
    pub fn new(upstream: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        let (upstream, folder) = (upstream.into(), folder.into());
        Self { upstream, folder, credentials: None, directory: None, second: false }
    }
}

/// What was recorded.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The event stream.
    pub stream: PathBuf,
    /// How many frames are in it.
    pub events: usize,
    /// The files with the messages of the sessions that the events name.
    pub messages: Vec<PathBuf>,
}

/// A recording that goes on. Dropping it ends it and writes nothing.
pub struct Recorder {
    server: Arc<Server>,
    folder: PathBuf,
    address: SocketAddr,
    taken: Arc<Taken>,
    tasks: [JoinHandle<()>; 2],
}

/// What was heard so far.
#[derive(Default)]
struct Taken {
    bytes: Mutex<Vec<u8>>,
    heard: Notify,
    failure: Mutex<Option<io::Error>>,
}

impl Recorder {
    /// Opens the event stream, and then a port on 127.0.0.1: what is done through it is recorded from the first byte on.
    ///
    /// # Errors
    /// `InvalidInput` when `upstream` is no such address (TLS is not spoken); the server cannot be reached, refuses
    /// us, or has no event stream; the folder cannot be made.
    pub async fn start(options: RecorderOptions) -> io::Result<Self> {
        std::fs::create_dir_all(&options.folder)?;
        let server = Arc::new(Server::new(&options).await?);
        let taken = Arc::new(Taken::default());
        let opened = tokio::time::timeout(ANSWER_WITHIN, server.events()).await;
        let stream = opened.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let listening = tokio::spawn(listen(server.clone(), stream, taken.clone()));
        let passing = tokio::spawn(pass(listener, server.address()));
        Ok(Self { server, folder: options.folder, address, taken, tasks: [listening, passing] })
    }

    /// The address for the tool.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the server is silent (at most 10 s), reads the messages of every session that was heard of, and
    /// writes everything.
    ///
    /// # Errors
    /// A file cannot be written, or the event stream could not be kept up.
    pub async fn finish(self) -> io::Result<Recording> {
        let quiet = async { while tokio::time::timeout(QUIET, self.taken.heard.notified()).await.is_ok() {} };
        let _ = tokio::time::timeout(QUIET_WITHIN, quiet).await;
        if let Some(error) = self.taken.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        let bytes = self.taken.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sessions = sessions(&bytes);
        let stream = self.folder.join("events.sse");
        std::fs::write(&stream, redacted(&bytes))?;
        let mut messages = Vec::new();
        for session in &sessions {
            // A session may be gone by now, or belong to somebody else; the others are worth having.
            let reading = tokio::time::timeout(ANSWER_WITHIN, self.server.messages(session)).await;
            let Ok(Ok(answer)) = reading else {
                tracing::warn!(session, "its messages could not be read");
                continue;
            };
            let name = if sessions.len() == 1 { "events" } else { session };
            let path = self.folder.join(format!("{name}.messages.json"));
            std::fs::write(&path, redacted(&answer))?;
            messages.push(path);
        }
        let events = bytes.windows(2).filter(|pair| pair == b"\n\n").count();
        Ok(Recording { stream, events, messages })
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The sessions that events name, each once. Their names become file names, so nothing but letters and digits counts.
fn sessions(stream: &[u8]) -> Vec<String> {
    let Ok(pattern) = Regex::new(r#""sessionID"\s*:\s*"(ses_?[A-Za-z0-9]{1,64})""#) else {
        return Vec::new();
    };
    let names: BTreeSet<String> = (pattern.captures_iter(stream))
        .map(|found| String::from_utf8_lossy(&found[1]).into_owned())
        .collect();
    names.into_iter().collect()
}

/// Writes the events down, also those of the streams that come after the first: a server that drops its state for a folder
/// ends the stream.
async fn listen(server: Arc<Server>, first: request::Answer, taken: Arc<Taken>) {
    let mut stream = Some(first);
    let mut failure = None;
    for _ in 0..STREAMS {
        let mut answer = match stream.take() {
            Some(answer) => answer,
            None => match server.events().await {
                Ok(answer) => answer,
                Err(error) => {
                    failure = Some(error);
                    tokio::time::sleep(QUIET).await;
                    continue;
                }
            },
        };
        failure = None;
        while let Ok(Some(piece)) = body(&mut answer).await {
            taken.bytes.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece);
            taken.heard.notify_one();
        }
        trim(&taken);
    }
    let failure = failure.unwrap_or_else(|| io::Error::other("the event stream ends again and again"));
    *taken.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
}

/// A stream that was cut within a frame leaves a piece of it, which must not become the beginning of the next one.
fn trim(taken: &Taken) {
    let mut bytes = taken.bytes.lock().unwrap_or_else(PoisonError::into_inner);
    let end = bytes.windows(2).rposition(|pair| pair == b"\n\n").map_or(0, |at| at + 2);
    bytes.truncate(end);
}

/// Passes bytes in both directions until either side is gone.
async fn pass(listener: TcpListener, server: SocketAddr) {
    while let Ok((mut client, _)) = listener.accept().await {
        tokio::spawn(async move {
            let Ok(mut upstream) = TcpStream::connect(server).await else { return };
            // An event must not wait in a buffer for the next one.
            let _ = (client.set_nodelay(true), upstream.set_nodelay(true));
            let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sessions_of_a_stream_are_found_and_cannot_name_other_files() {
        let stream = br#"data: {"properties":{"sessionID":"ses_1"}}

data: {"data":{"sessionID" : "ses_2"},"sessionID":"../../ses_3","x":"ses_4"}

"#;
        assert_eq!(sessions(stream), ["ses_1", "ses_2"]);
    }
}
