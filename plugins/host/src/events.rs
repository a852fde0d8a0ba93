//! What happens in sessions, on its way to a frontend.
//!
//! A `teller` makes the interface's events of what conversations tell; a [`Queue`] keeps those that a plugin has subscribed to,
//! gives them out in batches, and says what was left out; an [`Inbox`] is such a queue that can be waited for. No clock and no
//! I/O, but for the waiting.

mod convert;
mod inbox;
mod queue;
mod teller;
#[cfg(test)]
mod tests;
mod told;

pub(crate) use convert::{info, message, prompt};
pub(crate) use inbox::Inbox;
pub(crate) use queue::Filter;
pub(crate) use teller::Teller;
pub(crate) use told::{Told, failure};
