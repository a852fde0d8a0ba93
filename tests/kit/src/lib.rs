//! Test your OpenCode client without a key: a scripted model, real servers around it, and a network that fails.
//!
//! - [`scripted`]: an OpenAI-compatible model on loopback that says what a script tells it.
//! - [`server`]: a real OpenCode with such a model, a home and a project of its own.
//! - [`fault_proxy`]: a proxy that breaks connections in every way we know, repeatably.
//! - [`recorder`]: a proxy that records what a server does, for replay.
//! - [`language_client`]: a plain client of the Language Server Protocol that fails on whatever it does not expect.
//! - [`cases`]: recorded traffic of real servers.
//!
//! Nothing here is for production: errors are plain and the servers listen on loopback only.
#![deny(missing_docs)]

pub mod cases;
pub mod expected;
pub mod fault_proxy;
pub mod language_client;
pub mod recorder;
pub mod scripted;
pub mod server;
pub mod stories;

/// The examples of the README run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
