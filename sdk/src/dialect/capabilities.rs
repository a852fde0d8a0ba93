//! What one line of OpenCode has and the other lacks.

/// What a server can do; asked before, so that nobody has to find out by an error. Everything that is not here, both lines
/// can do.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The agent keeps a list of things to do ([`ChatEvent::Todos`](crate::chat::ChatEvent::Todos)).
    pub todos: bool,
    /// A session can be published.
    pub sharing: bool,
    /// A prompt can bring a system prompt of its own.
    pub system_prompt: bool,
    /// A prompt can hold work for a sub-agent.
    pub subtasks: bool,
    /// A part of a message can be taken back, not only the whole message.
    pub revert_parts: bool,
    /// A prompt that is sent while a turn runs waits, and is shown as waiting
    /// ([`ChatEvent::Queued`](crate::chat::ChatEvent::Queued)).
    pub queue: bool,
    /// A client can write into the server's log ([`Client::log`](crate::Client::log)).
    pub log: bool,
    /// A refused permission without a message lets the turn go on; otherwise it ends the turn as stopped.
    pub survives_rejection: bool,
}

impl Capabilities {
    pub(super) const fn of_1() -> Self {
        Self {
            todos: true,
            sharing: true,
            system_prompt: true,
            subtasks: true,
            revert_parts: true,
            queue: false,
            log: true,
            survives_rejection: true,
        }
    }

    pub(super) const fn of_2() -> Self {
        Self {
            todos: false,
            sharing: false,
            system_prompt: false,
            subtasks: false,
            revert_parts: false,
            queue: true,
            log: false,
            survives_rejection: false,
        }
    }
}
