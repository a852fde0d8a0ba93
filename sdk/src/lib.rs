//! Client SDK for OpenCode servers.
#![deny(missing_docs)]

pub mod error;
pub mod server;

pub use error::{Error, ErrorKind, Result, Retry};
