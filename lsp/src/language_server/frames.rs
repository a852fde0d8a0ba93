//! The messages of the editor on their way in. The library stops listening for good at the first one that it cannot read, so
//! those are found here and handed on as calls of a method that answers with the error. What is good is handed on as it is,
//! under a header that the library surely understands.

use serde::Deserialize;
use tower_lsp_server::jsonrpc::{Request, Response};

/// The method that answers with an error.
pub(super) const MALFORMED: &str = "nexus/$malformed";

/// Headers end before this.
const HEADERS: usize = 8 * 1024;

/// No message is longer.
const LONGEST: usize = 512 << 20;

const NAME: &[u8] = b"content-length:";
const END: &[u8] = b"\r\n\r\n";

/// What has come and is no whole message yet.
#[derive(Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
    /// How long the message is whose headers were read.
    length: Option<usize>,
}

impl Frames {
    /// Takes more bytes and adds the messages that are whole now to `out`.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.buffer.extend_from_slice(bytes);
        let mut read = 0;
        loop {
            let rest = &self.buffer[read..];
            match self.length {
                Some(length) if rest.len() < length => break,
                Some(length) => {
                    hand_on(&rest[..length], out);
                    read += length;
                    self.length = None;
                }
                None => match headers(rest) {
                    Headers::Incomplete => break,
                    Headers::Good { length, taken, clean } => {
                        if !clean {
                            frame(&malformed("not a header of a message", false), out);
                        }
                        read += taken;
                        self.length = Some(length);
                    }
                    Headers::Bad { taken } => {
                        frame(&malformed("not a header of a message", false), out);
                        read += taken;
                    }
                },
            }
        }
        self.buffer.drain(..read);
        if self.buffer.is_empty() {
            // A large document must not stay in memory.
            self.buffer.shrink_to(HEADERS);
        }
    }
}

enum Headers {
    Incomplete,
    /// So long is the message; so many bytes were headers; whether nothing stood before them.
    Good {
        length: usize,
        taken: usize,
        clean: bool,
    },
    /// So many bytes are none.
    Bad {
        taken: usize,
    },
}

fn headers(bytes: &[u8]) -> Headers {
    let window = &bytes[..bytes.len().min(HEADERS)];
    let Some(end) = find(window, END) else {
        return if bytes.len() < HEADERS {
            Headers::Incomplete
        } else {
            Headers::Bad { taken: HEADERS - END.len() }
        };
    };
    let taken = end + END.len();
    let block = window[..end].to_ascii_lowercase();
    // After a message that was shorter than it said, the next begins somewhere.
    let Some(at) = find_last(&block, NAME) else { return Headers::Bad { taken } };
    let value = block[at + NAME.len()..].split(|byte| *byte == b'\r').next().unwrap_or_default();
    let length = std::str::from_utf8(value).ok().and_then(|value| value.trim().parse::<usize>().ok());
    match length.filter(|length| *length <= LONGEST) {
        Some(length) => {
            let clean = are_headers(&block[..at]);
            Headers::Good { length, taken, clean }
        }
        None => Headers::Bad { taken },
    }
}

/// Whether whole header lines stand before ours.
fn are_headers(before: &[u8]) -> bool {
    let is_header = |line: &[u8]| match line.iter().position(|byte| *byte == b':') {
        Some(colon) => {
            colon > 0 && line[..colon].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        }
        None => line.is_empty(),
    };
    (before.is_empty() || before.ends_with(b"\r\n"))
        && before.split(|byte| *byte == b'\n').all(|line| is_header(line.strip_suffix(b"\r").unwrap_or(line)))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn find_last(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).rposition(|window| window == wanted)
}

/// What the library reads, in the order in which it tries. Its own types, because each message that they refuse ends it:
/// also one with half a character (VS Code can cut a pair of surrogates), a number out of range, or more levels than JSON
/// is read with.
#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Response(#[allow(dead_code)] Response), // only whether it can be read matters
    Request(Request),
}

fn hand_on(message: &[u8], out: &mut Vec<u8>) {
    if message.is_empty() {
        return frame(&malformed("an empty message", false), out);
    }
    let Ok(text) = std::str::from_utf8(message) else {
        return frame(&malformed("not UTF-8", false), out);
    };
    match serde_json::from_str::<Message>(text) {
        Ok(Message::Response(_)) => frame(message, out),
        Ok(Message::Request(request)) if !matches!(request.method(), "" | MALFORMED) => frame(message, out),
        Err(error) if error.is_syntax() || error.is_eof() => frame(&malformed("not JSON", false), out),
        _ => frame(&malformed("not a message of JSON-RPC 2.0", true), out),
    }
}

/// A call of [`MALFORMED`].
fn malformed(why: &str, is_json: bool) -> Vec<u8> {
    let call = serde_json::json!({
        "jsonrpc": "2.0", "id": 0, "method": MALFORMED, "params": { "why": why, "isJson": is_json },
    });
    call.to_string().into_bytes()
}

fn frame(message: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", message.len()).as_bytes());
    out.extend_from_slice(message);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"nexus/ping"}"#;

    fn framed(message: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{message}", message.len())
    }

    fn passed(bytes: &[u8], piece: usize) -> String {
        let (mut frames, mut out) = (Frames::default(), Vec::new());
        bytes.chunks(piece.max(1)).for_each(|piece| frames.push(piece, &mut out));
        String::from_utf8(out).unwrap()
    }

    fn is_malformed_then_ping(out: &str) -> bool {
        out.contains(MALFORMED) && out.ends_with(&framed(PING))
    }

    #[test]
    fn good_messages_pass_in_whatever_pieces_they_come() {
        let typed = format!("Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n{}", framed(PING));
        let small = framed(PING).replace("Content-Length", "content-length");
        let bytes = framed(PING) + &typed + &small;
        for piece in 1..bytes.len() {
            assert_eq!(passed(bytes.as_bytes(), piece), framed(PING).repeat(3), "{piece}");
        }
    }

    #[test]
    fn whatever_is_malformed_is_one_error_and_the_next_message_is_heard() {
        let levels = ["[".repeat(200), "]".repeat(200)].concat();
        let deep = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{levels}}}");
        for bad in [
            "{\"jsonrpc\": broken",
            "",
            "[]",
            "null",
            "{}",
            "{\"jsonrpc\":\"1.0\",\"method\":\"x\"}",
            "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"x\"}",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nexus/$malformed\"}",
            "{\"jsonrpc\":\"2.0\"}",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":7}",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":[\"\\ud83d\"]}",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":[1e999]}",
            deep.as_str(),
        ] {
            let out = passed((framed(bad) + &framed(PING)).as_bytes(), 7);
            assert!(is_malformed_then_ping(&out), "{bad}: {out}");
            assert_eq!(out.matches("Content-Length").count(), 2, "{bad}: {out}");
        }
        let in_a_text: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":[\"\xff\"]}";
        for body in [&b"\xff\xfe"[..], in_a_text] {
            let mut not_text = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
            not_text.extend([body, framed(PING).as_bytes()].concat());
            assert!(is_malformed_then_ping(&passed(&not_text, 3)));
        }
    }

    #[test]
    fn bad_headers_are_one_error_and_the_next_message_is_heard() {
        for bad in
            ["hello\r\n\r\n", "Content-Length: x\r\n\r\n", "Content-Length: 99999999999\r\n\r\n", "garbage"]
        {
            let out = passed((bad.to_owned() + &framed(PING)).as_bytes(), 5);
            assert!(is_malformed_then_ping(&out), "{bad}: {out}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400), piece in 1usize..50) {
            let (mut frames, mut out) = (Frames::default(), Vec::new());
            bytes.chunks(piece).for_each(|piece| frames.push(piece, &mut out));
        }
    }
}
