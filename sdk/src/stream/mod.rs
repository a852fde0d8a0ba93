//! From bytes to events that survive the network.
//!
//! [`sse`] makes frames of bytes, `connection` makes events of one connection's frames and notices when it is dead,
//! `hub` keeps a connection alive and feeds any number of subscribers, each through a bounded `queue`.
//! `raw` is the same stream for those who want the server's own words: nothing is decoded and nothing is let go.
//! What was missed in between is not known here: a subscriber is told that there was a gap, and `chat` closes it.

mod batches;
mod connection;
mod hub;
mod patience;
mod queue;
mod raw;
mod raw_kind;
mod raw_reader;
mod seen;
pub mod sse;

pub use batches::Batches;
pub(crate) use connection::ended_by_server;
pub use hub::EventStream;
pub(crate) use hub::{Decode, EventHub, Source};
pub use queue::{EventRef, StreamItem};
pub use raw::{RawBatch, RawEvent, RawEvents, RawItem};
pub(crate) use seen::SeenEvents;
