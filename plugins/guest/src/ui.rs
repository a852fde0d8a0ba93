//! How a frontend shows things: notices, pages, a terminal, timers.

pub use crate::bindings::imports::nexus::plugin::ui::*;
