//! Client SDK for OpenCode servers.
#![deny(missing_docs)]

pub mod chat;
mod client;
pub mod dialect;
pub mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod model;
pub mod server;
pub mod stream;
pub mod transport;

pub use client::{Client, ClientBuilder};
pub use error::{Error, ErrorKind, Result, Retry};
