//! The recorder's own requests: the event stream, and the messages of a session.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::RecorderOptions;
use crate::fault_proxy::http::{Body, Head};

/// The server that is recorded.
pub(super) struct Server {
    address: SocketAddr,
    authority: String,
    /// Lines of the head that say who we are and where we are.
    headers: String,
    second: bool,
}

/// An answer whose body is still coming.
pub(super) struct Answer {
    from: BufReader<TcpStream>,
    body: Body,
}

impl Server {
    pub(super) async fn new(options: &RecorderOptions) -> io::Result<Self> {
        let wrong = || {
            let message = format!("{} is not an address like http://127.0.0.1:4096", options.upstream);
            io::Error::new(io::ErrorKind::InvalidInput, message)
        };
        let authority = options.upstream.strip_prefix("http://").ok_or_else(wrong)?.trim_end_matches('/');
        let address = tokio::net::lookup_host(authority).await?.next().ok_or_else(wrong)?;
        let mut headers = String::new();
        if let Some((user, password)) = &options.credentials {
            headers.push_str(&format!(
                "authorization: Basic {}\r\n",
                base64(&format!("{user}:{}", password.expose()))
            ));
        }
        if let Some(directory) = &options.directory {
            headers.push_str(&format!("x-opencode-directory: {}\r\n", encoded(directory)));
        }
        Ok(Self { address, authority: authority.to_owned(), headers, second: options.second })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The event stream of the folder.
    pub(super) async fn events(&self) -> io::Result<Answer> {
        let (head, answer) = self.get(if self.second { "/api/event" } else { "/event" }).await?;
        // Both lines answer unknown routes with a page and status 200.
        if head.word(1) != "200" || !head.says("content-type", "text/event-stream") {
            let message = format!("the server gives no event stream (status {})", head.word(1));
            return Err(io::Error::other(message));
        }
        Ok(answer)
    }

    /// The messages of a session, as the server gives them: all of them, of OpenCode 2 the first 200 (a page holds no more).
    pub(super) async fn messages(&self, session: &str) -> io::Result<Vec<u8>> {
        let path = match self.second {
            true => format!("/api/session/{session}/message?limit=200&order=asc"),
            false => format!("/session/{session}/message"),
        };
        let (head, mut answer) = self.get(&path).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = body(&mut answer).await? {
            bytes.extend_from_slice(&piece);
        }
        if head.word(1) == "200" { Ok(bytes) } else { Err(io::Error::other(head.word(1))) }
    }

    async fn get(&self, path: &str) -> io::Result<(Head, Answer)> {
        let mut stream = TcpStream::connect(self.address).await?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\naccept: */*\r\nconnection: close\r\n{}\r\n",
            self.authority, self.headers
        );
        stream.write_all(request.as_bytes()).await?;
        let mut from = BufReader::new(stream);
        let head = Head::read(&mut from).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let body = Body::new(head.response_body("GET"));
        Ok((head, Answer { from, body }))
    }
}

/// The next bytes of a body; `None` at its end.
pub(super) async fn body(answer: &mut Answer) -> io::Result<Option<Vec<u8>>> {
    Ok(answer.body.next(&mut answer.from).await?.map(|piece| piece.payload))
}

/// RFC 4648 §4, for a user and a password: not worth a dependency of a published crate.
fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// A path as servers want it in a header: everything but the plain letters of a path is percent-encoded.
fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    path.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_folders_are_written_as_servers_read_them() {
        assert_eq!(base64("opencode:secret"), "b3BlbmNvZGU6c2VjcmV0");
        assert_eq!((base64("a"), base64("ab"), base64("abc")), ("YQ==".into(), "YWI=".into(), "YWJj".into()));
        assert_eq!(encoded("/a b/é%"), "/a%20b/%C3%A9%25");
    }
}
