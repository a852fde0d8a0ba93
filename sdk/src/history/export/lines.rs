//! The form that can be imported: JSON Lines.
//!
//! ```text
//! {"type":"head","format":"opencode-nexus-history","version":1,"created":…,"program":…,"redacted":false}
//! {"type":"session","server":…,"session":{…},"stored":…}     for each session, followed by
//! {"type":"message","message":{…}}                           its messages in order
//! {"type":"end","sessions":1,"messages":1,"sha256":…}        the digest of every byte before this line
//! ```
//!
//! Every line ends with a line feed, the last one too, so a file that lost a single byte is seen to be cut. The digest is
//! against accidents: whoever changes a file on purpose can make it anew. An encrypted archive is safe against that.

use std::io::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::StoredConversation;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Message, Session};

/// What the head says the file is.
pub(in crate::history) const FORMAT: &str = "opencode-nexus-history";
/// The version that is written.
pub(in crate::history) const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::history) struct Head {
    pub(in crate::history) format: String,
    pub(in crate::history) version: u32,
    pub(in crate::history) created: u64,
    pub(in crate::history) program: String,
    pub(in crate::history) redacted: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::history) struct SessionLine {
    pub(in crate::history) server: String,
    pub(in crate::history) session: Session,
    pub(in crate::history) stored: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::history) struct MessageLine {
    pub(in crate::history) message: Message,
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::history) struct End {
    pub(in crate::history) sessions: u64,
    pub(in crate::history) messages: u64,
    pub(in crate::history) sha256: String,
}

#[derive(Serialize)]
struct Tagged<'a, T> {
    r#type: &'a str,
    #[serde(flatten)]
    line: &'a T,
}

/// Writes lines, and knows their digest.
pub(super) struct Lines {
    digest: Sha256,
    sessions: u64,
    messages: u64,
}

impl Lines {
    pub(super) fn begin(to: &mut dyn Write, created: u64, redacted: bool) -> Result<Self> {
        let mut lines = Self { digest: Sha256::new(), sessions: 0, messages: 0 };
        let head = Head {
            format: FORMAT.to_owned(),
            version: VERSION,
            created,
            program: concat!("opencode-nexus ", env!("CARGO_PKG_VERSION")).to_owned(),
            redacted,
        };
        lines.write(to, "head", &head)?;
        Ok(lines)
    }

    pub(super) fn conversation(
        &mut self,
        to: &mut dyn Write,
        conversation: StoredConversation,
    ) -> Result<()> {
        let StoredConversation { session, messages } = conversation;
        let line = SessionLine { server: session.server, session: session.session, stored: session.stored };
        self.write(to, "session", &line)?;
        self.sessions += 1;
        for message in messages {
            self.write(to, "message", &MessageLine { message })?;
            self.messages += 1;
        }
        Ok(())
    }

    pub(super) fn end(mut self, to: &mut dyn Write) -> Result<()> {
        let sha256 = hex(&std::mem::take(&mut self.digest).finalize());
        let end = End { sessions: self.sessions, messages: self.messages, sha256 };
        self.write(to, "end", &end)
    }

    fn write(&mut self, to: &mut dyn Write, kind: &str, line: &impl Serialize) -> Result<()> {
        let mut bytes = serde_json::to_vec(&Tagged { r#type: kind, line }).map_err(|error| {
            Error::new(ErrorKind::Internal, "a line of an export could not be made").with_source(error)
        })?;
        bytes.push(b'\n');
        self.digest.update(&bytes);
        to.write_all(&bytes).map_err(super::unwritable)
    }
}

/// Lower case.
pub(in crate::history) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
