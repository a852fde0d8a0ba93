//! OpenCode 1.x (seen: 1.14.48, 1.17.19, 1.18.33): its routes and events, mapped to the neutral model.
//!
//! Nothing here asks for a version; what differs between them is read leniently.

mod asks;
mod catalogue;
mod configuration;
mod decode;
mod delta;
mod events;
mod map;
mod operations;
mod parts;
mod prompt;
mod snapshot;
mod symbols;

pub(crate) use decode::EventDecoder;
pub(crate) use operations::V1;
