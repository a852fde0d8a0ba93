//! Every threat has a test here: what a hostile plugin may try, and that the host contains it. `cargo xtask plugins` counts them.

mod access;
mod guest;
mod host;
mod loops;
mod web_requests;

pub use guest::Guest;
