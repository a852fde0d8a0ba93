//! As much of HTTP/1.1 as a proxy needs to know where messages begin and end. Bytes are kept as they came.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// Heads above this are refused.
const HEAD_BYTES: usize = 256 * 1024;
const PIECE_BYTES: u64 = 64 * 1024;

/// First line and headers, as they came, with the blank line.
pub(crate) struct Head {
    pub raw: Vec<u8>,
}

impl Head {
    /// Reads a head; `None` when the peer closed before its first byte.
    pub(crate) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Self>> {
        let mut raw = Vec::new();
        loop {
            let before = raw.len();
            let left = (HEAD_BYTES - before) as u64;
            if (&mut *from).take(left).read_until(b'\n', &mut raw).await? == 0 {
                return if raw.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
            let line = &raw[before..];
            if (line == b"\r\n" || line == b"\n") && before > 0 {
                return Ok(Some(Self { raw }));
            }
        }
    }

    fn first_line(&self) -> String {
        String::from_utf8_lossy(self.raw.split(|b| *b == b'\n').next().unwrap_or_default()).into_owned()
    }

    /// The word of the first line with this number.
    pub(crate) fn word(&self, number: usize) -> String {
        self.first_line().split_whitespace().nth(number).unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, wanted: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.raw);
        text.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    }

    pub(crate) fn says(&self, header: &str, word: &str) -> bool {
        self.header(header).is_some_and(|v| v.to_ascii_lowercase().contains(word))
    }

    /// How long the body of this request is.
    pub(crate) fn request_body(&self) -> Length {
        self.framed().unwrap_or(Length::Exactly(0))
    }

    /// How long the body of this answer to `method` is.
    pub(crate) fn response_body(&self, method: &str) -> Length {
        let status = self.word(1);
        if method == "HEAD" || status.starts_with('1') || status == "204" || status == "304" {
            return Length::Exactly(0);
        }
        self.framed().unwrap_or(Length::ToTheEnd)
    }

    fn framed(&self) -> Option<Length> {
        if self.says("transfer-encoding", "chunked") {
            return Some(Length::Chunked);
        }
        self.header("content-length").and_then(|v| v.parse().ok()).map(Length::Exactly)
    }
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    Exactly(u64),
    Chunked,
    ToTheEnd,
}

/// A part of a body: the bytes on the wire, and what they carry.
#[derive(Default)]
pub(crate) struct Piece {
    pub raw: Vec<u8>,
    pub payload: Vec<u8>,
}

/// Reads a body part by part.
pub(crate) struct Body {
    length: Length,
    done: bool,
}

impl Body {
    pub(crate) fn new(length: Length) -> Self {
        Self { length, done: length == Length::Exactly(0) }
    }

    /// The next piece; `None` after the last. The last chunk of a chunked body is a piece without payload.
    pub(crate) async fn next(&mut self, from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Piece>> {
        if self.done {
            return Ok(None);
        }
        if self.length == Length::Chunked {
            return self.chunk(from).await.map(Some);
        }
        let most = if let Length::Exactly(left) = self.length { left.min(PIECE_BYTES) } else { PIECE_BYTES };
        let available = from.fill_buf().await?;
        let count = available.len().min(most as usize);
        let payload = available[..count].to_vec();
        from.consume(count);
        match &mut self.length {
            Length::Exactly(_) if count == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Length::Exactly(left) => {
                *left -= count as u64;
                self.done = *left == 0;
            }
            _ if count == 0 => {
                self.done = true;
                return Ok(None);
            }
            _ => {}
        }
        Ok(Some(Piece { raw: payload.clone(), payload }))
    }

    async fn chunk(&mut self, from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Piece> {
        let mut raw = line(from).await?;
        let size = std::str::from_utf8(&raw).ok().and_then(|l| l.split(';').next());
        let size = size.and_then(|s| usize::from_str_radix(s.trim(), 16).ok());
        let size = size.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a chunk size"))?;
        let start = raw.len();
        if size == 0 {
            // Trailers, then the blank line.
            loop {
                let trailer = line(from).await?;
                raw.extend_from_slice(&trailer);
                if trailer == b"\r\n" || trailer == b"\n" {
                    self.done = true;
                    return Ok(Piece { raw, payload: Vec::new() });
                }
            }
        }
        raw.resize(start + size, 0);
        from.read_exact(&mut raw[start..]).await?;
        let payload = raw[start..].to_vec();
        raw.extend_from_slice(&line(from).await?);
        Ok(Piece { raw, payload })
    }
}

async fn line(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    from.take(HEAD_BYTES as u64).read_until(b'\n', &mut line).await?;
    if line.ends_with(b"\n") { Ok(line) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(length: Length, mut bytes: &[u8]) -> (Vec<u8>, Vec<u8>, usize) {
        let mut body = Body::new(length);
        let (mut raw, mut payload) = (Vec::new(), Vec::new());
        while let Some(piece) = body.next(&mut bytes).await.unwrap() {
            raw.extend(piece.raw);
            payload.extend(piece.payload);
        }
        (raw, payload, bytes.len())
    }

    #[tokio::test]
    async fn bodies_end_where_they_should_and_keep_their_bytes() {
        let chunked = b"5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nt: 1\r\n\r\nNEXT";
        let (raw, payload, rest) = all(Length::Chunked, chunked).await;
        assert_eq!(
            (&raw[..], &payload[..], rest),
            (&chunked[..chunked.len() - 4], &b"hello0123456789"[..], 4)
        );
        assert_eq!(all(Length::Exactly(3), b"abcdef").await, (b"abc".to_vec(), b"abc".to_vec(), 3));
        assert_eq!(all(Length::ToTheEnd, b"abc").await.2, 0);
    }

    #[tokio::test]
    async fn a_head_tells_the_length_of_its_body() {
        let mut bytes = &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nbody"[..];
        let head = Head::read(&mut bytes).await.unwrap().unwrap();
        assert_eq!((head.response_body("GET"), bytes), (Length::Chunked, &b"body"[..]));
        assert_eq!(head.response_body("HEAD"), Length::Exactly(0));
        assert!(Head::read(&mut &b""[..]).await.unwrap().is_none());
        assert!(Head::read(&mut &b"GET / HT"[..]).await.is_err());
    }
}
