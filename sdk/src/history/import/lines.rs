//! Lines of an export, one at a time, each checked on its own: its length, its nesting, its type.

use std::io::BufRead;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::source::broken;
use crate::error::{Error, ErrorKind, Result};
use crate::history::export::lines::{End, FORMAT, Head, MessageLine, SessionLine, VERSION, hex};

/// The longest line, in bytes: a message may have 16 MiB, and hiding secrets makes it longer.
const LINE: usize = 64 << 20;
/// How deeply a line may be nested. JSON of servers is read to a depth of 127, and stands a few levels deeper here.
const DEPTH: usize = 160;

/// What a line says.
pub(super) enum Line {
    Head,
    Session(Box<SessionLine>),
    Message(Box<MessageLine>),
    /// With the digest of everything before it.
    End(End, String),
}

/// Reads them.
pub(super) struct Lines {
    from: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
    digest: Sha256,
    /// The number of the last line that was read, from 1.
    number: u64,
}

impl Lines {
    pub(super) fn new(from: Box<dyn BufRead + Send>) -> Self {
        Self { from, buffer: Vec::new(), digest: Sha256::new(), number: 0 }
    }

    /// The next line; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Line>> {
        if !self.read()? {
            return Ok(None);
        }
        if self.number == 1 {
            return self.head().map(Some);
        }
        let line = self.parse()?;
        if !matches!(line, Line::End(..)) {
            self.digest.update(&self.buffer);
        }
        Ok(Some(line))
    }

    /// An error about the line that was read last.
    pub(super) fn wrong(&self, what: &str) -> Error {
        Error::new(ErrorKind::Damaged, format!("line {} of the export {what}", self.number))
            .with_hint("the file was changed or cut; take another copy, or export again")
    }

    /// Reads a line with its line feed; `false` at the end.
    fn read(&mut self) -> Result<bool> {
        // A long line was an exception: its memory is given back.
        if self.buffer.capacity() > 1 << 20 {
            self.buffer = Vec::new();
        }
        self.buffer.clear();
        loop {
            let more = self.from.fill_buf().map_err(broken)?;
            if more.is_empty() {
                break;
            }
            let end = memchr::memchr(b'\n', more);
            let taken = end.map_or(more.len(), |at| at + 1);
            if self.buffer.len() + taken > LINE {
                self.number += 1;
                return Err(self.wrong("is longer than any that is written"));
            }
            self.buffer.extend_from_slice(&more[..taken]);
            self.from.consume(taken);
            if end.is_some() {
                self.number += 1;
                return Ok(true);
            }
        }
        if self.buffer.is_empty() {
            return Ok(false);
        }
        self.number += 1;
        // The first line tells what the file is, so it is looked at even when it is cut.
        if self.number == 1 { Ok(true) } else { Err(self.wrong("is cut")) }
    }

    fn head(&mut self) -> Result<Line> {
        let foreign = || {
            Error::new(ErrorKind::InvalidInput, "this file is no export of conversations").with_hint(
                "import what `nexus history export` wrote as JSON Lines; Markdown is for reading alone",
            )
        };
        let begins = format!("{{\"type\":\"head\",\"format\":\"{FORMAT}\"");
        if !self.buffer.starts_with(begins.as_bytes()) {
            return Err(foreign());
        }
        #[derive(Deserialize)]
        struct Version {
            version: u64,
        }
        let version = serde_json::from_slice::<Version>(&self.buffer).map(|head| head.version);
        if let Some(version) = version.ok().filter(|version| *version > u64::from(VERSION)) {
            let message = format!("this export has format {version}, and this program knows {VERSION}");
            return Err(Error::new(ErrorKind::NewerFormat, message).with_hint("use a newer `nexus`"));
        }
        if self.buffer.last() != Some(&b'\n') {
            return Err(self.wrong("is cut"));
        }
        self.typed::<Head>("head")?;
        self.digest.update(&self.buffer);
        Ok(Line::Head)
    }

    fn parse(&mut self) -> Result<Line> {
        #[derive(Deserialize)]
        struct Tag {
            r#type: Tagged,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Tagged {
            Session,
            Message,
            End,
        }
        if nesting(&self.buffer) > DEPTH {
            return Err(self.wrong("is nested more deeply than any that is written"));
        }
        let tag: Tag = self.typed("session, message or end")?;
        Ok(match tag.r#type {
            Tagged::Session => Line::Session(Box::new(self.typed("session")?)),
            Tagged::Message => Line::Message(Box::new(self.typed("message")?)),
            Tagged::End => {
                let before = hex(&std::mem::take(&mut self.digest).finalize());
                Line::End(self.typed("end")?, before)
            }
        })
    }

    /// The cause is left out: it could quote what somebody said.
    fn typed<T: DeserializeOwned>(&self, what: &str) -> Result<T> {
        let mut json = serde_json::Deserializer::from_slice(&self.buffer);
        json.disable_recursion_limit();
        let read = T::deserialize(&mut json).and_then(|value| json.end().map(|()| value));
        read.map_err(|_| self.wrong(&format!("is no {what}")))
    }
}

/// How deeply objects and lists are nested, without building any of them.
fn nesting(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'{' | b'[') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod unit {
    use super::nesting;

    #[test]
    fn brackets_in_texts_do_not_nest() {
        assert_eq!(nesting(br#"{"a":[{"b":"[[[[\"[[[["}]}"#), 3);
        assert_eq!(nesting(br#""\\"[[]]"#), 2);
        assert_eq!(nesting(b"]]]]["), 1);
        assert_eq!(nesting(b""), 0);
    }
}
