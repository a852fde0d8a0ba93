//! The handlers of `nexus/*`, a file for each group. They convert, begin, and answer; what takes time is done elsewhere.

pub(super) mod chat;
pub(super) mod offered;
pub(super) mod replies;
pub(super) mod sessions;
pub(super) mod status;
