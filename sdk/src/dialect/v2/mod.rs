//! OpenCode 2 (seen: 2.0.14): its routes under `/api` and its events, mapped to the neutral model.
//!
//! Its events say only what is new, so most of them become a [`Change`](crate::model::Change). What cannot be followed
//! by events alone becomes `Unclear`, and the state is read.

mod asks;
mod catalogue;
mod decode;
mod events;
mod map;
mod operations;
mod parts;
mod prompt;
mod snapshot;

pub(crate) use decode::EventDecoder;
pub(crate) use operations::V2;
