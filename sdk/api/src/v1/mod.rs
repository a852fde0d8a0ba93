//! OpenCode 1.x: its wire types, operations and events. Deliberately without opinion about what a conversation is:
//! that is the neutral model of `opencode-nexus`.
//!
//! Everything in the public submodules is generated; change `spec/` or the generator (`cargo xtask api`), not the files.
//!
//! ```
//! use opencode_api::EventHead;
//! use opencode_api::v1::Event;
//!
//! let frame = br#"{"id":"evt_1","type":"session.idle","properties":{"sessionID":"ses_1"}}"#;
//! let head = EventHead::parse(frame)?;
//! assert_eq!(head.kind, "session.idle");
//! let Event::SessionIdle(idle) = Event::decode(&head)? else { unreachable!() };
//! assert_eq!(idle.session_id, "ses_1");
//! # Ok::<(), opencode_api::DecodeError>(())
//! ```

mod history;

#[rustfmt::skip]
pub mod bodies;
#[rustfmt::skip]
pub mod events;
#[rustfmt::skip]
pub mod operations;
#[rustfmt::skip]
pub mod types;

pub use crate::{EventHead, GlobalHead, SyncHead};
pub use events::{EVENTS, Event};
pub use operations::OPERATIONS;
pub use types::*;

/// A frame of `/event` or `/api/event`, completely decoded.
pub type Envelope = crate::Envelope<Event>;
/// A frame of `/global/event`, completely decoded.
pub type GlobalEnvelope = crate::GlobalEnvelope<Event>;
