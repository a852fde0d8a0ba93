//! Server-sent events: bytes in, frames out, after the WHATWG rules (HTML Living Standard §9.2.5–9.2.6).
//!
//! Sans-IO: the decoder is fed chunks, cut anywhere, and calls back with borrowed frames. A frame that lies
//! wholly inside one chunk is not copied. Memory is bounded: a line or event above the limit is an error.
//! Deliberately not here: JSON, reconnecting, time.

use std::fmt;

/// Default limit of one event: 256 MiB.
pub const DEFAULT_EVENT_LIMIT: usize = 256 * 1024 * 1024;

/// Buffers that a large event left behind are given back when they hold more than this.
const KEEP_CAPACITY: usize = 1024 * 1024;

/// One dispatched event, borrowed from the decoder or from the chunk that was fed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The `event` field; empty when the server named none (the type is then `message`).
    pub event: &'a str,
    /// The `data` lines joined by one line feed. The standard decodes the stream as UTF-8 with replacement
    /// characters; that is left to the reader of the data, because JSON parsers check UTF-8 anyway.
    pub data: &'a [u8],
    /// The last `id` field seen on the stream; empty when there was none.
    pub last_event_id: &'a str,
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("event", &self.event)
            .field("data", &String::from_utf8_lossy(self.data))
            .field("last_event_id", &self.last_event_id)
            .finish()
    }
}

/// One event is larger than the decoder's limit. The stream cannot be continued after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTooLarge {
    /// The limit in bytes.
    pub limit: usize,
}

impl fmt::Display for EventTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one event is larger than the limit of {} bytes", self.limit)
    }
}

impl std::error::Error for EventTooLarge {}

/// The decoder. Feed it every chunk of the body in order; at the end of the body call [`finish`](Self::finish).
#[derive(Debug)]
pub struct SseDecoder {
    limit: usize,
    /// The beginning of a line whose end has not arrived.
    line: Vec<u8>,
    /// Data of the event that is being collected, without the last line feed.
    data: Vec<u8>,
    /// Whether the event has a `data` field at all: `data:` alone makes an event with empty data.
    has_data: bool,
    event: String,
    last_event_id: String,
    retry_ms: Option<u64>,
    /// The last byte was a carriage return: a line feed that comes next belongs to it.
    after_cr: bool,
    /// How many bytes of a byte order mark were seen at the very start; `None` when that is settled.
    bom: Option<u8>,
}

impl Default for SseDecoder {
    fn default() -> Self {
        Self::new(DEFAULT_EVENT_LIMIT)
    }
}

const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

impl SseDecoder {
    /// A decoder that refuses events of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            data: Vec::new(),
            has_data: false,
            event: String::new(),
            last_event_id: String::new(),
            retry_ms: None,
            after_cr: false,
            bom: Some(0),
        }
    }

    /// The reconnection time that the server asked for by a `retry` field, in milliseconds.
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// Decodes a chunk and calls `sink` for every event that it completes, in order.
    ///
    /// # Errors
    /// [`EventTooLarge`] when a line or an event passes the limit; events before it were delivered.
    pub fn feed(&mut self, chunk: &[u8], mut sink: impl FnMut(Frame<'_>)) -> Result<(), EventTooLarge> {
        let mut rest = self.strip_bom(chunk);
        // The data of the current event while it is one line inside this chunk: not copied unless it must be.
        let mut borrowed: Option<&[u8]> = None;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.line.extend_from_slice(rest);
                break;
            };
            let head = &rest[..end];
            let mut next = end + 1;
            if rest[end] == b'\r' {
                match rest.get(next) {
                    Some(b'\n') => next += 1,
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            rest = &rest[next..];
            if !self.line.is_empty() {
                // The line began in an earlier chunk, so its bytes are ours.
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(head);
                self.keep(&mut borrowed);
                self.check(line.len())?;
                self.line_complete(&line, &mut sink);
                line.clear();
                if line.capacity() <= KEEP_CAPACITY {
                    self.line = line;
                }
            } else if head.is_empty() {
                match borrowed.take() {
                    Some(data) => {
                        self.check(data.len())?;
                        self.dispatch_borrowed(data, &mut sink);
                    }
                    None => self.dispatch(&mut sink),
                }
            } else if let (Some(value), false, None) = (data_value(head), self.has_data, borrowed) {
                borrowed = Some(value);
            } else {
                self.keep(&mut borrowed);
                self.line_complete(head, &mut sink);
            }
            self.check(self.data.len())?;
        }
        self.keep(&mut borrowed);
        self.check(self.data.len() + self.line.len())
    }

    /// The body has ended. The standard discards an event without its blank line; its data is given back here,
    /// so that a caller who can tell that it is complete (whole JSON) may still use it.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.line_complete(&line, &mut |_| {});
        }
        let data = self.has_data.then(|| std::mem::take(&mut self.data));
        self.has_data = false;
        self.event.clear();
        self.after_cr = false;
        self.bom = Some(0);
        data
    }

    fn strip_bom<'a>(&mut self, mut chunk: &'a [u8]) -> &'a [u8] {
        while let (Some(seen), [first, rest @ ..]) = (self.bom, chunk) {
            if *first == BOM[usize::from(seen)] {
                self.bom = if seen == 2 { None } else { Some(seen + 1) };
                chunk = rest;
            } else {
                // Not a mark after all: what looked like one is the start of the first line.
                self.line.extend_from_slice(&BOM[..usize::from(seen)]);
                self.bom = None;
            }
        }
        chunk
    }

    fn check(&self, size: usize) -> Result<(), EventTooLarge> {
        if size > self.limit { Err(EventTooLarge { limit: self.limit }) } else { Ok(()) }
    }

    fn keep(&mut self, borrowed: &mut Option<&[u8]>) {
        if let Some(data) = borrowed.take() {
            self.append_data(data);
        }
    }

    fn append_data(&mut self, value: &[u8]) {
        if std::mem::replace(&mut self.has_data, true) {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value);
    }

    fn line_complete(&mut self, line: &[u8], sink: &mut impl FnMut(Frame<'_>)) {
        if line.is_empty() {
            return self.dispatch(sink);
        }
        let (name, value) = match memchr::memchr(b':', line) {
            Some(0) => return, // a comment
            Some(colon) => {
                let value = &line[colon + 1..];
                (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &b""[..]),
        };
        match name {
            b"data" => self.append_data(value),
            b"event" => self.event = String::from_utf8_lossy(value).into_owned(),
            b"id" if !value.contains(&0) => self.last_event_id = String::from_utf8_lossy(value).into_owned(),
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                self.retry_ms = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
            }
            _ => {}
        }
    }

    fn dispatch_borrowed(&mut self, data: &[u8], sink: &mut impl FnMut(Frame<'_>)) {
        sink(Frame { event: &self.event, data, last_event_id: &self.last_event_id });
        self.event.clear();
    }

    fn dispatch(&mut self, sink: &mut impl FnMut(Frame<'_>)) {
        if std::mem::take(&mut self.has_data) {
            sink(Frame { event: &self.event, data: &self.data, last_event_id: &self.last_event_id });
            if self.data.capacity() > KEEP_CAPACITY {
                self.data = Vec::new();
            }
        }
        self.data.clear();
        self.event.clear();
    }
}

/// The value when the line is a `data` field.
fn data_value(line: &[u8]) -> Option<&[u8]> {
    let value = line.strip_prefix(b"data:")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Owned = (String, Vec<u8>, String);

    fn decode(chunks: &[&[u8]]) -> Vec<Owned> {
        let mut decoder = SseDecoder::default();
        let mut out = Vec::new();
        for chunk in chunks {
            decoder
                .feed(chunk, |f| out.push((f.event.into(), f.data.to_vec(), f.last_event_id.into())))
                .unwrap();
        }
        out
    }

    fn data(chunks: &[&[u8]]) -> Vec<String> {
        decode(chunks).into_iter().map(|f| String::from_utf8(f.1).unwrap()).collect()
    }

    #[test]
    fn fields_follow_the_standard() {
        let text = b": hello\ndata: first\ndata:second\ndata\nid: 7\nevent: named\nretry: 250\nother: x\n\ndata: next\n\n";
        let frames = decode(&[text]);
        assert_eq!(frames[0], ("named".into(), b"first\nsecond\n".to_vec(), "7".into()));
        assert_eq!(
            frames[1],
            (String::new(), b"next".to_vec(), "7".into()),
            "the id stays, the name does not"
        );
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn every_line_ending_and_a_mixture_make_the_same_frames() {
        for text in [
            "data: a\n\ndata: b\n\n",
            "data: a\r\n\r\ndata: b\r\n\r\n",
            "data: a\r\rdata: b\r\r",
            "data: a\r\n\ndata: b\n\r\n",
        ] {
            assert_eq!(data(&[text.as_bytes()]), ["a", "b"], "{text:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_dropped_only_at_the_start() {
        assert_eq!(data(&[b"\xEF\xBB", b"\xBFdata: a\n\n\xEF\xBB\xBFdata: b\n\ndata: c\n\n"]), ["a", "c"]);
        assert_eq!(data(&[b"\xEFdata: a\n\ndata: b\n\n"]), ["b"], "half a mark is part of the first line");
    }

    #[test]
    fn an_event_without_data_is_not_dispatched_and_an_empty_one_is() {
        assert_eq!(data(&[b"event: x\n\ndata:\n\n"]), [""]);
    }

    #[test]
    fn the_tail_without_a_blank_line_is_given_back_by_finish() {
        let mut decoder = SseDecoder::default();
        decoder.feed(b"data: {\"a\":1}", |_| panic!("not complete")).unwrap();
        assert_eq!(decoder.finish().unwrap(), b"{\"a\":1}");
        assert_eq!(decoder.finish(), None);
    }

    #[test]
    fn an_event_above_the_limit_is_an_error_wherever_it_is_cut() {
        let mut text = b"data: ".to_vec();
        text.extend_from_slice(&[b'x'; 100]);
        text.extend_from_slice(b"\n\n");
        for size in 1..text.len() {
            let mut decoder = SseDecoder::new(50);
            let result = text.chunks(size).try_for_each(|c| decoder.feed(c, |_| panic!("too large")));
            assert_eq!(result, Err(EventTooLarge { limit: 50 }), "cut every {size}");
        }
        let mut decoder = SseDecoder::new(20);
        let many = "data: 0123456789\n".repeat(9);
        assert!(decoder.feed(many.as_bytes(), |_| ()).is_err(), "many lines are one event");
    }

    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"data: ".to_vec()),
            Just(b"data".to_vec()),
            Just(b"event: e".to_vec()),
            Just(b"id: 1".to_vec()),
            Just(b":".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\n\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\r".to_vec()),
            Just("é😀".as_bytes().to_vec()),
            Just(b"\xEF\xBB\xBF".to_vec()),
            "[ -~]{0,12}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..6),
        ];
        proptest::collection::vec(piece, 0..60).prop_map(|v| v.concat())
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_frames(text in stream(), cuts in proptest::collection::vec(0usize..400, 0..40)) {
            let whole = decode(&[&text]);
            let single: Vec<&[u8]> = text.chunks(1).collect();
            prop_assert_eq!(&decode(&single), &whole);
            let mut at: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).chain([0, text.len()]).collect();
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|w| &text[w[0]..w[1]]).collect();
            prop_assert_eq!(&decode(&pieces), &whole);
        }
    }
}
