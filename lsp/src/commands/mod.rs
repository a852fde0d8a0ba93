//! The commands of `nexus`, a file each.

pub(crate) mod demo;
pub(crate) mod replay;
pub(crate) mod server;
