//! The conversations that every client must get right, whatever the network does: what the person says, what the
//! model does, how requests are answered, and how the turn ends.
//!
//! They are played on real servers, of any line, by `play`, which looks only at what a person would see; `settle`
//! holds that against the server's own answer.

mod list;
mod play;
mod screen;

pub use list::{Answering, Story, behaviour, stories};
pub use play::{Difference, Played, Settled, compare, compare_messages, on_server, play, settle};
pub use screen::Screen;
