//! Prompts that were written while the server was away. Each is sent once, in order, when the person says so.
//!
//! **Once.** Before a prompt leaves, the name under which it is sent is on disk for good. Whoever sends after a death asks the
//! server for that name first. A new session gets a mark of ours in its metadata, which is on disk before as well, and is found
//! again by it. Servers before 1.18 keep no mark: there a lost answer leaves an empty session behind, and the prompt is still
//! sent once. What cannot be excluded: a prompt of a program that was killed reaches the server after the server was asked for
//! it, and its name was given up because other messages came in between.
//!
//! **In order.** A prompt is sent when nothing runs in its session, so it is answered by itself; where the server keeps a queue
//! ([`Capabilities::queue`](crate::dialect::Capabilities)), the server waits instead.
//!
//! **One sender.** Programs exclude each other by locks on files in the vault's folder.

mod send;
mod shelf;

pub(super) use shelf::waiting;

use super::{History, blocking, now};
use crate::chat::{Prompt, PromptPart};
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{MessageId, ModelRef, SessionId};

/// The prompts that wait.
#[derive(Clone, Debug)]
pub struct Outbox {
    history: History,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OutboxItem {
    /// Its number: they are sent in this order. No number is given twice.
    pub number: u64,
    /// The server for which it is meant, as in `StoredSession::server`.
    pub server: String,
    /// The folder.
    pub directory: String,
    /// The session; `None` for a new one.
    pub session: Option<SessionId>,
    /// The name under which it is sent, so that it cannot be sent twice.
    pub message: Option<MessageId>,
    /// The text.
    pub text: String,
    /// The model, when one was chosen.
    #[serde(default)]
    pub model: Option<ModelRef>,
    /// The agent, when one was chosen.
    #[serde(default)]
    pub agent: Option<String>,
    /// When it was written, Unix milliseconds.
    pub written: u64,
}

/// One that was sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Sent {
    /// Its number.
    pub number: u64,
    /// The session in which it stands now.
    pub session: SessionId,
    /// Its message.
    pub message: MessageId,
}

impl History {
    /// The prompts that wait.
    pub fn outbox(&self) -> Outbox {
        Outbox { history: self.clone() }
    }
}

impl Outbox {
    /// Keeps a prompt for later: its text, its model and its agent. It is on disk for good when this returns.
    ///
    /// # Errors
    /// `user.unsupported` for a prompt with more than that, `user.invalid_input` for an empty one, those of writing.
    pub async fn add(
        &self,
        server: &str,
        directory: &str,
        session: Option<&SessionId>,
        prompt: &Prompt,
    ) -> Result<OutboxItem> {
        prompt.check()?;
        let item = OutboxItem {
            number: 0,
            server: server.to_owned(),
            directory: directory.to_owned(),
            session: session.cloned(),
            message: None,
            text: text_of(prompt)?,
            model: prompt.model.clone(),
            agent: prompt.agent.clone(),
            written: now(),
        };
        let vault = self.history.vault.clone();
        blocking(move || shelf::add(&vault, item)).await
    }

    /// Those that wait, in order.
    ///
    /// # Errors
    /// `security.locked`, `recovery.damaged`.
    pub async fn list(&self) -> Result<Vec<OutboxItem>> {
        let vault = self.history.vault.clone();
        let entries = blocking(move || shelf::entries(&vault)).await?;
        Ok(entries.into_iter().map(|entry| entry.item).collect())
    }

    /// Takes one back; whether it was there. One that is being sent at this moment may be sent all the same.
    ///
    /// # Errors
    /// Those of writing.
    pub async fn remove(&self, number: u64) -> Result<bool> {
        let vault = self.history.vault.clone();
        blocking(move || shelf::remove(&vault, number)).await
    }

    /// Sends those that are meant for this client's server and directory, in order, each once: also when a program was
    /// killed in between. Ends at the first that cannot be sent. Returns when the server has taken the last one, not when it
    /// is answered. Dropping the future stops it; what was taken up is finished by the next call.
    ///
    /// # Errors
    /// What the server says; what was sent before stays sent. `user.busy` when another program sends, or a session is busy for
    /// ten minutes.
    pub async fn send(&self, client: &Client, mut sent: impl FnMut(&Sent) + Send) -> Result<Vec<Sent>> {
        let vault = self.history.vault.clone();
        let _one_sender = blocking(move || shelf::lock_sending(&vault)).await?;
        let mut all = Vec::new();
        while let Some(entry) = self.next_for(client).await? {
            // Without an answer it was taken back meanwhile.
            if let Some(one) = self.send_one(client, entry).await? {
                sent(&one);
                all.push(one);
            }
        }
        Ok(all)
    }
}

fn text_of(prompt: &Prompt) -> Result<String> {
    let texts: Option<Vec<&str>> = (prompt.parts.iter())
        .map(|part| match part {
            PromptPart::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    match texts {
        Some(texts) if prompt.system.is_none() && !prompt.no_reply => Ok(texts.join("\n\n")),
        _ => Err(Error::new(ErrorKind::Unsupported, "only text can wait in the outbox")
            .with_hint("send files and system prompts when the server is there")),
    }
}
