//! Sessions of OpenCode, for commands and frontends. Each verb is a permission of its own.

pub use crate::bindings::imports::nexus::plugin::session::*;
