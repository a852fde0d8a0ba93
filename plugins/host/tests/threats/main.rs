//! Every threat has a test here: what a hostile plugin may try, and that the host contains it. `cargo xtask plugins` counts them.

mod access;
mod cache;
mod components;
mod frontends;
mod guest;
mod host;
mod loops;
mod memory;
mod restarts;
mod values;
mod web_requests;

pub use guest::Guest;
