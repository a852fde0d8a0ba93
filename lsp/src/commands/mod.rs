//! The commands of `nexus`, a file each.

pub(crate) mod account;
pub(crate) mod agents;
pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod history;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod lsp;
pub(crate) mod man;
pub(crate) mod models;
#[cfg(feature = "plugins")]
pub(crate) mod plugin;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod server;
pub(crate) mod sessions;
