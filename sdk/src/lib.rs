//! Client SDK for OpenCode servers: conversations that stay complete over an unreliable network.
//!
//! [`Client`] connects to one server and finds out what it speaks. [`chat::Conversation`] is one session, kept equal to
//! the server's while it lives; [`chat::Turn`] is the stream of what happens between a prompt and its end. Whatever the
//! network does, the text deltas of a part, joined, are its text on the server.
//!
//! ```no_run
//! use opencode_nexus::Client;
//! use opencode_nexus::chat::{AskPolicy, ChatEvent, ConversationOptions, Decision};
//!
//! # async fn story() -> opencode_nexus::Result<()> {
//! let client = Client::builder("http://127.0.0.1:4096").directory("/home/me/project").connect().await?;
//! // Nobody sits in front of it: rules answer what the agent asks.
//! let policy = AskPolicy::deny_all().with_rule("bash", "git status*", Decision::Allow);
//! let options = ConversationOptions { policy, ..ConversationOptions::default() };
//! let conversation = client.create_with(Some("A look around"), options).await?;
//! let mut turn = conversation.prompt("What has changed here?").await?;
//! while let Some(event) = turn.next().await {
//!     match event? {
//!         ChatEvent::Text { delta, .. } => print!("{delta}"),
//!         ChatEvent::TurnEnded { outcome, .. } => println!("\n{:?}", outcome.kind),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The modules from the outside in: [`chat`] folds events into messages, [`stream`] makes events of bytes and survives
//! the network, [`dialect`] knows the lines of OpenCode (1.x and 2), [`transport`] speaks HTTP, [`model`] is what all
//! of them mean by a session, a message, a part. [`Nexus`] finds a server and holds a client for each folder; [`server`] finds, installs, starts and stops a local OpenCode, [`config`] reads
//! the settings of the person. Every failure is an [`Error`] with a stable code.
//!
//! All of it needs a tokio runtime with time and I/O. Deliberately not here: presentation, editors, other languages.
#![deny(missing_docs)]

pub mod auth;
pub mod chat;
mod client;
pub mod config;
pub mod context;
pub mod dialect;
pub mod error;
pub mod extension;
pub mod folders;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod history;
pub mod model;
pub mod nexus;
pub mod server;
pub mod stream;
pub mod transport;

pub use client::{Called, Client, ClientBuilder};
pub use error::{Error, ErrorKind, Result, Retry};
pub use nexus::{Nexus, NexusOptions};
