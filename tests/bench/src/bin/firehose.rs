//! `firehose CORPUS SESSION`: a server that is never the bottleneck. Everything is rendered before it listens; its port
//! is the first line that it prints. It ends when its standard input is closed.
//!
//! - `GET /event`: the corpus, one event in each HTTP chunk as OpenCode sends it, then `server.instance.disposed` and
//!   silence until the client leaves.
//! - `GET /paced/event`: 5,000 deltas, 1,000 a second; the text of each is the time just before it was written.
//! - `GET /session/ID` and `GET /global/health`: small JSON. A prefix `/paced` may stand before each path.
#![allow(clippy::print_stdout)] // the runner reads it

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use opencode_nexus_bench::now;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
const FIRST: &str =
    "data: {\"id\":\"evt_100000000001connectedconn\",\"type\":\"server.connected\",\"properties\":{}}\n\n";
/// What clients take as the end.
const LAST: &str = "data: {\"id\":\"evt_100000000001disposeddispo\",\"type\":\"server.instance.disposed\",\"properties\":{\"directory\":\"/home/dev/project\"}}\n\n";
const PACED: u32 = 5_000;

struct Rendered {
    events: Vec<u8>,
    session: Vec<u8>,
}

fn chunk(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// The corpus as chunks of the wire: an event ends at an empty line.
fn render(corpus: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(corpus.len() + corpus.len() / 10);
    let mut rest = corpus;
    while let Some(end) = memchr::memmem::find(rest, b"\n\n") {
        chunk(&mut out, &rest[..end + 2]);
        rest = &rest[end + 2..];
    }
    chunk(&mut out, LAST.as_bytes());
    out
}

fn paced(socket: &mut TcpStream) -> std::io::Result<()> {
    let mut out = Vec::new();
    chunk(&mut out, FIRST.as_bytes());
    socket.write_all(&out)?;
    let start = Instant::now();
    for number in 0..PACED {
        let due = start + Duration::from_millis(u64::from(number) + 100);
        while let Some(left) = due.checked_duration_since(Instant::now()) {
            std::thread::sleep(left);
        }
        let event = format!(
            "data: {{\"id\":\"evt_10000000{number:06}pacedevent\",\"type\":\"message.part.delta\",\"properties\":{{\
             \"sessionID\":\"ses_200000000000pacedsessio\",\"messageID\":\"msg_300000000000pacedmessag\",\
             \"partID\":\"prt_400000000000pacedpartpa\",\"field\":\"text\",\"delta\":\"{}\"}}}}\n\n",
            now()
        );
        out.clear();
        chunk(&mut out, event.as_bytes());
        socket.write_all(&out)?;
    }
    out.clear();
    chunk(&mut out, LAST.as_bytes());
    socket.write_all(&out)
}

fn serve(mut socket: TcpStream, rendered: &Rendered) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut reader = BufReader::new(socket.try_clone()?);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path =
            line.split(' ').nth(1).and_then(|target| target.split('?').next()).unwrap_or_default().to_owned();
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
        }
        if path.ends_with("/event") {
            socket.write_all(HEAD.as_bytes())?;
            if path.starts_with("/paced") {
                paced(&mut socket)?
            } else {
                socket.write_all(&rendered.events)?
            }
            // The stream stays open, as a real one does; the client decides that it has enough.
            let _ = reader.read(&mut [0; 64])?;
            return Ok(());
        }
        let (status, body): (&str, &[u8]) = if path.contains("/session/") {
            ("200 OK", &rendered.session)
        } else if path.ends_with("/global/health") {
            ("200 OK", b"{\"healthy\":true,\"version\":\"1.18.33\"}")
        } else {
            ("404 Not Found", b"{\"name\":\"NotFoundError\",\"data\":{\"message\":\"not in this stub\"}}")
        };
        let mut out = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        out.extend_from_slice(body);
        socket.write_all(&out)?;
    }
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(corpus), Some(session)) = (arguments.next(), arguments.next()) else {
        return Err(std::io::Error::other("usage: firehose CORPUS SESSION"));
    };
    let rendered =
        Arc::new(Rendered { events: render(&std::fs::read(corpus)?), session: std::fs::read(session)? });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    std::io::stdout().flush()?;
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    for socket in listener.incoming().flatten() {
        let rendered = rendered.clone();
        // A client that leaves is how every measurement ends.
        std::thread::spawn(move || drop(serve(socket, &rendered)));
    }
    Ok(())
}
