//! A package registry with one package, and a file at an address, both on loopback; as little HTTP as npm needs.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

/// Requests that one of them answers: far more than a test makes.
const REQUESTS: usize = 100;

/// A registry whose newest version of `package` is this archive. Gives its address.
pub fn start(package: String, version: &str, integrity: &str, archive: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let about = serde_json::json!({
        "name": package,
        "dist-tags": {"latest": version},
        "versions": {version: {
            "name": package,
            "version": version,
            "dist": {"integrity": integrity, "tarball": format!("{address}archive.tgz")},
        }},
    });
    let about = about.to_string().into_bytes();
    serve(listener, move |path| match path {
        "/archive.tgz" => Some((archive.clone(), archive.len())),
        path if path.trim_start_matches('/') == package => Some((about.clone(), about.len())),
        _ => None,
    });
    address
}

/// One file that says it is `length` bytes long. Gives its address.
pub fn file(bytes: Vec<u8>, length: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/opencode.tgz", listener.local_addr().unwrap());
    serve(listener, move |_| Some((bytes.clone(), length)));
    address
}

fn serve(listener: TcpListener, answer: impl Fn(&str) -> Option<(Vec<u8>, usize)> + Send + 'static) {
    std::thread::spawn(move || {
        for stream in listener.incoming().take(REQUESTS).flatten() {
            // A client that goes away is no matter of ours.
            reply(stream, &answer).ok();
        }
    });
}

fn reply(mut stream: TcpStream, answer: &impl Fn(&str) -> Option<(Vec<u8>, usize)>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = first.split_whitespace().nth(1).unwrap_or_default();
    let (status, body, length) = match answer(path) {
        Some((body, length)) => ("200 OK", body, length),
        None => ("404 Not Found", Vec::new(), 0),
    };
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")?;
    stream.write_all(&body)
}
