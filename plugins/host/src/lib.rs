//! Plugin host of OpenCode Nexus: WebAssembly components that get what was granted, and nothing else.
//!
//! A plugin is a `.plugin` file: a manifest, a component and perhaps the files of a web page, signed by its author. It gives
//! context for prompts (`@name`), commands (`/name`), hooks on prompts, or a frontend. What it may do is what its manifest
//! declares **and** the person has granted; everything else is refused by the host, on each call.
//!
//! From the outside in: [`manifest`] says what a plugin is and asks for, [`permissions`] what it may do, [`imports`] are the
//! calls that it can make, `bindings` is the interface as Rust types (`plugins/wit`). [`engine`] compiles it, after [`inspect`] has
//! looked at it, and [`actor`] runs it within its [`limits`]. [`plugins`] opens all that are installed, for a program that wants them.
#![deny(missing_docs)]

// The threat tests' guests are used in here as well, where the host has this name.
#[cfg(test)]
extern crate self as opencode_nexus_plugins;

pub mod actor;
pub mod audit;
mod bindings;
pub mod bundle;
mod cache;
mod clock;
pub mod command;
mod convert;
pub mod engine;
mod events;
mod foreign;
pub mod frontend;
pub mod grants;
#[cfg(test)]
#[path = "../tests/threats/guest.rs"]
#[allow(dead_code)] // the threat tests use all of it
mod guest;
pub mod harness;
pub mod hook;
pub mod imports;
pub mod index;
pub mod inspect;
pub mod installed;
mod instance;
mod journal;
pub mod limits;
pub mod manifest;
pub mod permissions;
mod plain;
pub mod plugins;
pub mod provider;
mod rate;
mod restarts;
pub mod secrets;
pub mod sessions;
pub mod signature;
pub mod stage;
pub mod terminal;
mod timers;
pub mod toolchain;
mod voice;
mod wasi;
pub mod web;
