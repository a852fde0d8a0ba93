//! OpenCode 2: its wire types, operations and events. Deliberately without opinion about what a conversation is:
//! that is the neutral model of `opencode-nexus`.
//!
//! Everything in the public submodules is generated; change `spec/` or the generator (`cargo xtask api`), not the files.
//! A failed request is answered with an [`ApiError`]; a stream that fails says so in a frame of its own
//! ([`StreamFailure`]).
//!
//! ```
//! use opencode_api::EventHead;
//! use opencode_api::v2::Event;
//!
//! let frame = br#"{"id":"evt_1","created":1795331518521,"type":"session.execution.succeeded","data":{"sessionID":"ses_1"}}"#;
//! let head = EventHead::parse(frame)?;
//! assert_eq!(head.kind, "session.execution.succeeded");
//! let Event::SessionExecutionSucceeded(done) = Event::decode(&head)? else { unreachable!() };
//! assert_eq!(done.session_id, "ses_1");
//! # Ok::<(), opencode_api::DecodeError>(())
//! ```

mod failure;

#[rustfmt::skip]
pub mod bodies;
#[rustfmt::skip]
pub mod events;
#[rustfmt::skip]
pub mod operations;
#[rustfmt::skip]
pub mod types;

pub use crate::EventHead;
pub use events::{EVENTS, Event};
pub use failure::{Cause, Died, Failed, Interrupted, StreamFailure};
pub use operations::OPERATIONS;
pub use types::*;

/// A frame of `/api/event`, completely decoded.
pub type Envelope = crate::Envelope<Event>;
