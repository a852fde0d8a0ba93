//! The first reading: whether the file is whole, and what is in it.

use std::collections::HashSet;
use std::io::BufRead;

use super::lines::{Line, Lines};
use crate::error::Result;
use crate::model::{Message, SessionId};

/// The longest name of a server, session or message, in bytes.
const NAME: usize = 1024;

/// What is in a file that is whole. It grows with the number of sessions, not with what they hold.
pub(super) struct Manifest {
    pub(super) sessions: Vec<Facts>,
    /// Of everything before the last line.
    pub(super) digest: String,
}

/// What must be known of a session before it is read again.
pub(super) struct Facts {
    pub(super) server: String,
    pub(super) session: SessionId,
    pub(super) age: Age,
    pub(super) messages: u64,
}

/// The larger the newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Age {
    /// The session's own word.
    updated: u64,
    /// When the last message ended or began.
    last: u64,
    /// How many of them there are.
    messages: u64,
}

impl Age {
    pub(super) fn new(updated: u64) -> Self {
        Self { updated, ..Self::default() }
    }

    pub(super) fn add(&mut self, message: &Message) {
        self.last = self.last.max(message.completed.unwrap_or(message.created));
        self.messages += 1;
    }
}

/// Reads all of it.
///
/// # Errors
/// `user.invalid_input`, `system.newer_format`, `recovery.damaged` with the number of the line.
pub(super) fn verify(from: Box<dyn BufRead + Send>) -> Result<Manifest> {
    let mut lines = Lines::new(from);
    let mut reading = Reading::default();
    let mut is_first = true;
    loop {
        match lines.next()? {
            None if is_first => {
                // What is empty has no first line to complain about.
                return Err(crate::Error::new(crate::ErrorKind::InvalidInput, "this file is empty")
                    .with_hint("import what `nexus history export` wrote as JSON Lines"));
            }
            None => return Err(lines.wrong("is the last one, and no end")),
            Some(Line::Head) => {}
            Some(Line::Session(line)) => {
                let facts = Facts {
                    server: line.server,
                    session: line.session.id,
                    age: Age::new(line.session.updated),
                    messages: 0,
                };
                reading.session(facts).map_err(|what| lines.wrong(what))?;
            }
            Some(Line::Message(line)) => reading.message(&line.message).map_err(|what| lines.wrong(what))?,
            Some(Line::End(end, digest)) => {
                let messages: u64 = reading.sessions.iter().map(|facts| facts.messages).sum();
                if (end.sessions, end.messages) != (reading.sessions.len() as u64, messages) {
                    return Err(lines.wrong("counts something else than what stands before it"));
                }
                if end.sha256 != digest {
                    return Err(lines.wrong("has another checksum than what stands before it"));
                }
                if lines.next()?.is_some() {
                    return Err(lines.wrong("stands behind the end"));
                }
                return Ok(Manifest { sessions: reading.sessions, digest });
            }
        }
        is_first = false;
    }
}

#[derive(Default)]
struct Reading {
    sessions: Vec<Facts>,
    seen: HashSet<(String, SessionId)>,
    messages: HashSet<String>,
}

impl Reading {
    fn session(&mut self, facts: Facts) -> Result<(), &'static str> {
        if !is_name(&facts.server) || !is_name(facts.session.as_str()) {
            return Err("names a server or session as none is named");
        }
        if !self.seen.insert((facts.server.clone(), facts.session.clone())) {
            return Err("has a session that stands before it already");
        }
        self.messages.clear();
        self.sessions.push(facts);
        Ok(())
    }

    fn message(&mut self, message: &Message) -> Result<(), &'static str> {
        let facts = self.sessions.last_mut().ok_or("has a message before any session")?;
        if message.session_id != facts.session {
            return Err("has a message of another session than the one before it");
        }
        if !is_name(message.id.as_str()) {
            return Err("names a message as none is named");
        }
        if !self.messages.insert(message.id.to_string()) {
            return Err("has a message that stands before it already");
        }
        if message.usage.is_some_and(|usage| !usage.cost.is_finite()) {
            return Err("has a cost that is no number");
        }
        facts.age.add(message);
        facts.messages += 1;
        Ok(())
    }
}

/// Names become names of groups and records: any text of one line. They are never a part of a path.
fn is_name(text: &str) -> bool {
    (1..=NAME).contains(&text.len()) && !text.chars().any(char::is_control)
}
