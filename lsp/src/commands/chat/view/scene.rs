//! What the screen shows of a conversation beside its messages, read from its transcripts at one moment.

use std::collections::{HashMap, HashSet};

use opencode_nexus::chat::{Conversation, Transcript};
use opencode_nexus::model::{AskId, Message, MessageId, ModelRef, Role, SessionId, Status, Todo, Usage};

use super::child::Child;
use crate::commands::chat::ask::Ask;

/// The state of the session and of its sub-agents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    pub title: String,
    pub status: Status,
    pub busy: bool,
    pub usage: Usage,
    pub model: Option<ModelRef>,
    pub agent: Option<String>,
    pub todos: Vec<Todo>,
    pub queued: Vec<Message>,
    /// What is asked, in the order of asking.
    pub asks: Vec<Ask>,
    /// The last message.
    pub last: Option<MessageId>,
    pub last_failed: bool,
    /// The first message that is taken back.
    pub taken_back: Option<MessageId>,
    pub children: HashMap<SessionId, Child>,
    /// Counts the changes of `children`.
    pub children_change: u64,
    pub recent: HashSet<MessageId>,
}

/// So many of the last messages are looked through for one that we have sent.
const RECENT: usize = 20;

impl Scene {
    /// Reads everything; `before` is what was read last, and `children` says whether something may have changed in
    /// the sessions of sub-agents.
    pub fn read(conversation: &Conversation, before: &Self, children: bool) -> Self {
        let mut scene = conversation.with_transcript(Self::of);
        (scene.children, scene.children_change) = if children {
            let root = conversation.session_id();
            let sessions = conversation.sessions().into_iter().filter(|id| id != root);
            let read = sessions.filter_map(|id| Some((id.clone(), conversation.with_child(&id, Child::of)?)));
            (read.collect(), before.children_change + 1)
        } else {
            (before.children.clone(), before.children_change)
        };
        for id in scene.children.keys().cloned().collect::<Vec<_>>() {
            let asks = conversation.with_child(&id, asks).unwrap_or_default();
            scene.asks.extend(asks);
        }
        scene.sort_asks(&before.asks);
        scene
    }

    fn of(transcript: &Transcript) -> Self {
        let messages = transcript.messages();
        let session = transcript.session();
        let last = messages.last();
        let answers = || messages.iter().rev().filter(|m| m.role == Role::Assistant);
        let mut usage = session.and_then(|session| session.usage).unwrap_or_default();
        if usage == Usage::default() {
            messages.iter().filter_map(|m| m.usage).for_each(|of_message| usage += of_message);
        }
        Self {
            title: session.map(|session| session.title.clone()).unwrap_or_default(),
            status: transcript.status().clone(),
            busy: !transcript.status().is_idle(),
            usage,
            model: session.and_then(|s| s.model.clone()).or_else(|| answers().find_map(|m| m.model.clone())),
            agent: session.and_then(|s| s.agent.clone()).or_else(|| answers().find_map(|m| m.agent.clone())),
            todos: transcript.todos().to_vec(),
            queued: transcript.queued().to_vec(),
            asks: asks(transcript),
            last: last.map(|message| message.id.clone()),
            last_failed: last.is_some_and(|message| message.error.is_some()),
            taken_back: session.and_then(|s| s.revert.as_ref()).map(|revert| revert.message_id.clone()),
            recent: messages.iter().rev().take(RECENT).map(|message| message.id.clone()).collect(),
            ..Self::default()
        }
    }

    /// Whether the server shows a message of that name, or has it waiting.
    pub fn has(&self, id: &MessageId) -> bool {
        self.recent.contains(id) || self.queued.iter().any(|message| message.id == *id)
    }

    /// Requests that were open before stay in front, in their order; the first must not change under the fingers.
    fn sort_asks(&mut self, before: &[Ask]) {
        let order: Vec<&AskId> = before.iter().map(Ask::id).collect();
        self.asks.sort_by_key(|ask| order.iter().position(|id| *id == ask.id()).unwrap_or(usize::MAX));
    }
}

fn asks(transcript: &Transcript) -> Vec<Ask> {
    let permissions = transcript.permissions().iter().cloned().map(Ask::Permission);
    permissions.chain(transcript.questions().iter().cloned().map(Ask::Question)).collect()
}
