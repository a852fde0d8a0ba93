//! Sending one prompt of the outbox: each step is on disk before the next one is made.

use std::time::Duration;

use tokio::time::Instant;

use super::shelf::{self, Entry};
use super::{Outbox, Sent, blocking};
use crate::chat::{ChatEvent, Conversation, ConversationOptions, Delivery, Prompt, Transcript};
use crate::client::Client;
use crate::dialect::marked;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{MessageId, SessionId};

/// How long a session may be busy before its next prompt is given up for this time.
const IDLE_WITHIN: Duration = Duration::from_secs(600);

/// How long a server may take from its answer to a prompt until it has the prompt.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// How long it may take until it begins with it.
const BEGUN_WITHIN: Duration = Duration::from_secs(5);

/// So often it is asked meanwhile.
const ASK_EVERY: Duration = Duration::from_millis(50);

impl Outbox {
    /// The first prompt that is meant for a client.
    pub(super) async fn next_for(&self, client: &Client) -> Result<Option<Entry>> {
        let (vault, server) = (self.history.vault.clone(), client.server_name());
        let directory = client.directory().unwrap_or_default().to_owned();
        blocking(move || {
            let mut all = shelf::entries(&vault)?.into_iter();
            Ok(all.find(|e| e.item.server == server && e.item.directory == directory))
        })
        .await
    }

    /// Sends a prompt, or finds that it was sent. `None` when it was taken back.
    pub(super) async fn send_one(&self, client: &Client, mut entry: Entry) -> Result<Option<Sent>> {
        let Some(session) = self.session_for(client, &mut entry).await? else { return Ok(None) };
        let conversation = client.open(session.clone(), ConversationOptions::default()).await?;
        if !self.was_taken(&conversation, &entry).await? {
            let delivery = wait_for_turn(client, &conversation).await?;
            let message = name_for(&conversation, entry.item.message.as_ref());
            if entry.item.message.as_ref() != Some(&message) {
                entry.item.message = Some(message.clone());
                if !self.note(&entry).await? {
                    return Ok(None);
                }
            }
            let prompt = conversation.agreed(prompt_of(&entry, delivery)).await?;
            conversation.send(&message, &prompt).await?;
            wait_until_begun(&conversation, &message, delivery).await?;
        }
        let (vault, number) = (self.history.vault.clone(), entry.item.number);
        blocking(move || shelf::remove(&vault, number)).await?;
        let sent = |message| Sent { number, session, message };
        Ok(entry.item.message.map(sent))
    }

    /// Whether the server has the prompt from an earlier attempt.
    async fn was_taken(&self, conversation: &Conversation, entry: &Entry) -> Result<bool> {
        match &entry.item.message {
            Some(message) => conversation.has_message(message).await,
            None => Ok(false),
        }
    }

    /// The session of a prompt, made if it is to be a new one.
    async fn session_for(&self, client: &Client, entry: &mut Entry) -> Result<Option<SessionId>> {
        if let Some(session) = &entry.item.session {
            return Ok(Some(session.clone()));
        }
        let dialect = client.dialect();
        let (mark, found) = match entry.mark.clone() {
            // The answer to an earlier attempt was lost, or its program was.
            Some(mark) => {
                let all = dialect.sessions(&Default::default()).await?;
                let found = all.into_iter().find(|session| marked(session, &mark));
                (mark, found)
            }
            None => (format!("{:032x}", rand::random::<u128>()), None),
        };
        if entry.mark.is_none() {
            entry.mark = Some(mark.clone());
            if !self.note(entry).await? {
                return Ok(None);
            }
        }
        let session = match found {
            Some(session) => session,
            None => dialect.create_marked(&mark).await?,
        };
        entry.item.session = Some(session.id.clone());
        Ok(self.note(entry).await?.then_some(session.id))
    }

    async fn note(&self, entry: &Entry) -> Result<bool> {
        let (vault, entry) = (self.history.vault.clone(), entry.clone());
        blocking(move || shelf::note(&vault, &entry)).await
    }
}

/// Waits until nothing runs in the session, or leaves the waiting to the server where it has a queue.
async fn wait_for_turn(client: &Client, conversation: &Conversation) -> Result<Delivery> {
    if client.capabilities().queue {
        return Ok(Delivery::Queue);
    }
    let (idle, mut feed) = conversation.watch(|t| t.status().is_idle());
    let until = Instant::now() + IDLE_WITHIN;
    let mut idle = idle;
    while !idle {
        let event = tokio::time::timeout_at(until, feed.next()).await.map_err(|_| {
            let message = format!("session {} is busy", conversation.session_id());
            Error::new(ErrorKind::Busy, message).with_hint("send the rest when its turn has ended")
        })?;
        match event {
            Some(Ok(ChatEvent::Status(_) | ChatEvent::Lagged { .. } | ChatEvent::Recovered)) => {
                idle = conversation.with_transcript(|t| t.status().is_idle());
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error),
            None => return Err(Error::new(ErrorKind::Aborted, "the conversation was closed")),
        }
    }
    Ok(Delivery::default())
}

/// Servers of 1.x answer before they have stored the prompt, and store it before they begin. Until then it would be lost with
/// the server, and the next prompt could overtake it.
async fn wait_until_begun(conversation: &Conversation, id: &MessageId, delivery: Delivery) -> Result<()> {
    let until = Instant::now() + TAKEN_WITHIN;
    while !conversation.has_message(id).await? {
        if Instant::now() >= until {
            let message = "the server has taken a prompt and does not have it";
            return Err(
                Error::new(ErrorKind::Timeout, message).with_hint("look at the session, then send again")
            );
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    if delivery == Delivery::Queue {
        return Ok(());
    }
    let begun = |t: &Transcript| {
        !t.status().is_idle() || t.messages().iter().any(|m| m.parent_id.as_ref() == Some(id))
    };
    let (mut done, mut feed) = conversation.watch(begun);
    let until = Instant::now() + BEGUN_WITHIN;
    while !done {
        // One that is refused by its provider at once may be over already; then the bound ends this.
        match tokio::time::timeout_at(until, feed.next()).await {
            Ok(Some(Ok(_))) => done = conversation.with_transcript(begun),
            Ok(Some(Err(error))) => return Err(error),
            Ok(None) | Err(_) => return Ok(()),
        }
    }
    Ok(())
}

/// The name of an earlier attempt, while the server would still take it for the newest message: it decides by that whether a
/// prompt is answered already.
fn name_for(conversation: &Conversation, before: Option<&MessageId>) -> MessageId {
    let newest = conversation.with_transcript(|t| t.messages().iter().map(|m| &m.id).max().cloned());
    match before {
        Some(before) if newest.as_ref().is_none_or(|newest| newest < before) => before.clone(),
        _ => conversation.new_message_id(),
    }
}

fn prompt_of(entry: &Entry, delivery: Delivery) -> Prompt {
    let mut prompt = Prompt::text(entry.item.text.clone()).with_delivery(delivery);
    prompt.model = entry.item.model.clone();
    prompt.agent = entry.item.agent.clone();
    prompt
}
