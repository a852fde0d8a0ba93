//! From bytes to events that survive the network.
//!
//! [`sse`] makes frames of bytes, `connection` makes events of one connection's frames and notices when it is dead,
//! `hub` keeps a connection alive and feeds any number of subscribers, each through a bounded `queue`.
//! What was missed in between is not known here: a subscriber is told that there was a gap, and `chat` closes it.

mod connection;
mod hub;
mod queue;
mod seen;
pub mod sse;

pub(crate) use connection::ended_by_server;
pub use hub::EventStream;
pub(crate) use hub::{Decode, EventHub, Source};
pub use queue::{EventRef, StreamItem};
pub(crate) use seen::SeenEvents;
