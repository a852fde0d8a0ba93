//! Messages as bytes: a header with their length, an empty line, JSON (LSP 3.18, base protocol). Reading is strict: what
//! is no message is an error with its bytes, because on the standard output of a language server nothing else may stand.

use serde_json::Value;

/// No message of ours is longer; a longer one is a mistake of whoever wrote its header.
const LONGEST: usize = 256 << 20;

/// A message with its header.
pub fn encode(message: &Value) -> Vec<u8> {
    with_header(message.to_string().as_bytes())
}

/// Any bytes with the header that belongs to them.
pub fn with_header(body: &[u8]) -> Vec<u8> {
    [format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// Takes messages out of bytes that come in pieces.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// How much at the front was given away already.
    used: usize,
}

/// A message, and how many bytes it took with its header.
#[derive(Debug)]
pub struct Framed {
    /// The message.
    pub value: Value,
    /// Its length on the wire.
    pub bytes: usize,
}

impl Decoder {
    /// More bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.used > 0 {
            self.bytes.drain(..self.used);
            self.used = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// What has come and belongs to no whole message yet.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.used..]
    }

    /// The next message, if it is there.
    ///
    /// # Errors
    /// What is wrong with the bytes, and their beginning.
    pub fn next_message(&mut self) -> Result<Option<Framed>, String> {
        let rest = &self.bytes[self.used..];
        let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") else {
            // A header is short; anything else would never end.
            if rest.len() > 4096 || !(b"Content-".starts_with(rest) || rest.starts_with(b"Content-")) {
                return Err(format!("no header: {}", beginning(rest)));
            }
            return Ok(None);
        };
        let length = length(&rest[..end]).map_err(|why| format!("{why}: {}", beginning(rest)))?;
        let whole = end + 4 + length;
        if rest.len() < whole {
            return Ok(None);
        }
        let value: Value = serde_json::from_slice(&rest[end + 4..whole])
            .map_err(|error| format!("no JSON ({error}): {}", beginning(rest)))?;
        if value["jsonrpc"] != "2.0" {
            return Err(format!("no JSON-RPC 2.0: {}", beginning(rest)));
        }
        self.used += whole;
        Ok(Some(Framed { value, bytes: whole }))
    }
}

fn length(header: &[u8]) -> Result<usize, String> {
    let header = std::str::from_utf8(header).map_err(|_| "a header that is no text".to_owned())?;
    let mut length = None;
    for line in header.split("\r\n") {
        match line.split_once(": ") {
            Some(("Content-Length", number)) => length = number.parse().ok(),
            Some(("Content-Type", _)) => {}
            _ => return Err("an unknown header".to_owned()),
        }
    }
    length.filter(|length| *length <= LONGEST).ok_or_else(|| "no length in the header".to_owned())
}

fn beginning(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_are_read_however_their_bytes_are_cut() {
        let messages = [json!({"jsonrpc": "2.0", "a": "é😀\r\n\r\n"}), json!({"jsonrpc": "2.0", "b": 2})];
        let bytes: Vec<u8> = messages.iter().flat_map(encode).collect();
        for cut in 0..bytes.len() {
            let mut decoder = Decoder::default();
            let mut seen = Vec::new();
            for piece in [&bytes[..cut], &bytes[cut..]] {
                decoder.feed(piece);
                while let Some(framed) = decoder.next_message().unwrap() {
                    seen.push(framed.value);
                }
            }
            assert_eq!(seen, messages, "cut at {cut}");
            assert!(decoder.rest().is_empty());
        }
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        let bad: [&[u8]; 7] = [
            b"hello\n",
            b"Content-Length: x\r\n\r\n{}",
            b"Content-Length: 2\r\n\r\n{}",
            b"Content-Length: 3\r\n\r\nabc",
            b"Content-Type: a\r\n\r\n{}",
            b"Content-Length: 99999999999999\r\n\r\n",
            b"\r\nContent-Length: 2\r\n\r\n{}",
        ];
        for bytes in bad {
            let mut decoder = Decoder::default();
            decoder.feed(bytes);
            assert!(decoder.next_message().is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
