//! Servers that somebody else has started: the background server of OpenCode 2, by the file that it leaves about itself,
//! and those of 1.x that announce themselves on the network.

mod discover;
mod mdns;

pub use discover::{DiscoverOptions, RunningServer, discover};
pub use mdns::{Announced, discover_mdns};
