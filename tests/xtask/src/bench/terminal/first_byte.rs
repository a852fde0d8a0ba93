//! When the first byte of `nexus run` reaches the server, and when its prompt does: seen by a listener before the server
//! that passes every byte and looks at the time.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use opencode_nexus_testkit::server::TestServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::{ANSWER, milliseconds, timed};

/// Milliseconds from the start of the process.
pub(super) struct Seen {
    /// To the first byte of the first request.
    pub(super) first: f64,
    /// To the first byte of the prompt.
    pub(super) prompt: f64,
    /// How much of the time before the prompt at least one answer was awaited: the server's own time.
    pub(super) answering: f64,
}

/// Bytes from us, bytes from the server, and when.
#[derive(Clone, Copy)]
enum Moment {
    Asked(usize, Instant, bool),
    Answered(usize, Instant),
}

type Moments = Arc<Mutex<Vec<Moment>>>;

/// Runs once and looks.
pub(super) async fn measure(nexus: &Path, server: &TestServer) -> Result<Seen, String> {
    let text = |error: std::io::Error| error.to_string();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(text)?;
    let url = format!("http://{}", listener.local_addr().map_err(text)?);
    let moments = Moments::default();
    let passing = tokio::spawn(pass(listener, server.server.port(), moments.clone()));
    let mut command = tokio::process::Command::new(nexus);
    command.args(["run", "Hello", "--url", &url]).current_dir(&server.directory);
    let start = Instant::now();
    let ended = timed(command, "nexus run", ANSWER).await;
    passing.abort();
    ended?;
    let moments = moments.lock().unwrap_or_else(PoisonError::into_inner).clone();
    seen(&moments, start).ok_or_else(|| "nexus run has sent no prompt".to_owned())
}

fn seen(moments: &[Moment], start: Instant) -> Option<Seen> {
    let asked = moments.iter().filter_map(|m| if let Moment::Asked(_, at, _) = m { Some(*at) } else { None });
    let prompt = moments.iter().find_map(|m| match m {
        Moment::Asked(_, at, true) => Some(*at),
        _ => None,
    })?;
    // The time during which something was awaited, however many answers at once.
    let (mut open, mut since, mut answering) = (Vec::<usize>::new(), None::<Instant>, 0.0);
    for moment in moments {
        let (at, before) = match *moment {
            Moment::Asked(connection, at, _) => {
                let before = open.is_empty();
                if !open.contains(&connection) {
                    open.push(connection);
                }
                (at, before)
            }
            Moment::Answered(connection, at) => {
                open.retain(|other| *other != connection);
                (at, false)
            }
        };
        if at >= prompt {
            break;
        }
        if before {
            since = Some(at);
        }
        if open.is_empty()
            && let Some(since) = since.take()
        {
            answering += milliseconds(at - since);
        }
    }
    answering += since.map_or(0.0, |since| milliseconds(prompt - since));
    Some(Seen { first: milliseconds(asked.min()? - start), prompt: milliseconds(prompt - start), answering })
}

async fn pass(listener: TcpListener, port: u16, moments: Moments) {
    let mut number = 0;
    while let Ok((client, _)) = listener.accept().await {
        number += 1;
        let (connection, moments) = (number, moments.clone());
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            let asked = moments.clone();
            let up = relay(from_client, to_server, move |bytes| {
                let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
                let line = head.lines().next().unwrap_or_default();
                let prompt = line.starts_with("POST ") && line.contains("/prompt");
                push(&asked, Moment::Asked(connection, Instant::now(), prompt));
            });
            let down = relay(from_server, to_client, move |_| {
                push(&moments, Moment::Answered(connection, Instant::now()));
            });
            tokio::join!(up, down);
        });
    }
}

fn push(moments: &Moments, moment: Moment) {
    moments.lock().unwrap_or_else(PoisonError::into_inner).push(moment);
}

async fn relay(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut look: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        look(&buffer[..count]);
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
