//! What the screen's state wants done in the world, and what comes back. The state itself does no I/O.

use opencode_nexus::chat::{Conversation, PromptPart};
use opencode_nexus::context::Suggestion;
use opencode_nexus::dialect::Action;
use opencode_nexus::model::{
    Agent, Catalogue, FileDiff, MessageId, ModelRef, Session, SessionId, SlashCommand,
};
use opencode_nexus::{Error, Result};

use super::ask::Answer;

/// Something to do.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Send a prompt; a session is made for it when there is none.
    Send(Outgoing),
    /// Stop what runs.
    Abort,
    Answer(Answer),
    /// Go to a session.
    Open(SessionId),
    /// Leave this session; the next prompt begins a new one.
    New,
    Fork,
    Undo,
    Redo,
    Share(bool),
    Rename(String),
    Diff,
    ReadSessions,
    ReadLists,
    /// Ask plugins for their commands, when they are there.
    ReadAdded,
    /// Look what a mention may mean, from its `@` on.
    Suggest(String),
    Suspend,
    Redraw,
    Quit,
}

/// What is on its way to the server.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub number: u64,
    /// As it stood in the input, for the person.
    pub shown: String,
    pub what: What,
    pub model: Option<ModelRef>,
    pub agent: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A text, with its mentions.
    Prompt(String),
    Action(Action),
    /// A command of a plugin, with its arguments.
    Added(String, String),
    /// What such a command has made.
    Parts(Vec<PromptPart>),
}

/// Something was done.
pub(crate) enum Done {
    /// Another conversation is shown from now on.
    Opened(Conversation),
    /// The server has it under this name; or it does not have it.
    Sent(u64, Result<MessageId>),
    /// Its turn is over; the server may not have said how.
    TurnOver(u64, Option<Error>),
    Answered(Result<bool>),
    Sessions(Vec<Session>),
    Lists(Vec<SlashCommand>, Vec<Agent>, Catalogue),
    /// The commands of plugins.
    Added(Vec<SlashCommand>),
    /// What the mention may mean that was being typed.
    Suggested(String, Vec<Suggestion>),
    /// A command was run, and said this instead of being sent.
    Shown(u64, Option<String>),
    Diff(Vec<FileDiff>),
    Note(String),
    Warning(String),
    Failed(Error),
    /// Something is there that looks different now.
    Redraw,
}
