//! The commands of `nexus`, a file each.

pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod replay;
