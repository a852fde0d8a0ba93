//! Client SDK for OpenCode servers.
#![deny(missing_docs)]

pub mod chat;
pub mod error;
pub mod server;

pub use error::{Error, ErrorKind, Result, Retry};
pub mod model;
pub mod stream;
