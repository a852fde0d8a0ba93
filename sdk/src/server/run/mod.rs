//! One server from its start to its end: the home and the environment that it sees, the wait until it answers, what it
//! prints, and the guardian that ends it, with all that it has started, when we are killed.
//!
//! A server that is to be started again when it ends is the matter of `watch`.

mod environment;
mod guard;
mod output;
pub(super) mod ready;
pub(super) mod start;
mod stop;

pub use start::{Home, LocalServer, ServerOptions};
