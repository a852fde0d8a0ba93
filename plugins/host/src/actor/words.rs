//! What has gone wrong with a plugin, in words that name it and are fit to be shown.

use std::time::Duration;

use opencode_nexus::{Error, ErrorKind};

use super::{PluginHandle, PluginStatus, Slot};
use crate::bindings::nexus::plugin::types as wit;
use crate::foreign;
use crate::instance::Failure;
use crate::limits::Budget;

impl PluginHandle {
    /// Counts a failure, and puts it into words.
    pub(super) fn failed(&self, slot: &mut Slot, name: &str, budget: Budget, failure: Failure) -> Error {
        let kind = match failure {
            Failure::Time => ErrorKind::Timeout,
            Failure::Trap(_) | Failure::Host => ErrorKind::Plugin,
        };
        let why = said(name, budget, failure);
        tracing::warn!(plugin = %self.caller().plugin, "{why}");
        self.count_failure(slot, why.clone());
        let error = self.error(kind, why);
        if slot.restarts.is_disabled() {
            error.with_hint(format!("it failed too often and is disabled; {}", self.way_back()))
        } else {
            error.with_hint("it starts again with the next call; tell its author")
        }
    }

    pub(super) fn disabled(&self) -> Error {
        let why = match self.status() {
            PluginStatus::Disabled(why) => why,
            _ => "it failed too often".to_owned(),
        };
        self.error(
            ErrorKind::Plugin,
            format!("the plugin is disabled, because it failed three times in five minutes: {why}"),
        )
        .with_hint(self.way_back())
    }

    fn way_back(&self) -> String {
        let id = &self.caller().plugin;
        format!("see `nexus plugin logs {id}`, then start it again with `nexus plugin enable {id}`")
    }

    /// The runtime ends, or has no thread left.
    pub(super) fn gone(&self) -> Error {
        self.error(ErrorKind::Aborted, "the call was given up, because the program ends")
    }

    /// An error that names plugin and version.
    pub(crate) fn error(&self, kind: ErrorKind, message: impl std::fmt::Display) -> Error {
        let caller = self.caller();
        Error::new(kind, format!("{} {}: {message}", caller.plugin, caller.version))
            .with_context("plugin", caller.plugin.clone())
            .with_context("version", caller.version.clone())
    }

    /// What the plugin itself says has gone wrong, in words that are fit to be shown.
    pub(crate) fn guest_error(&self, name: &str, error: wit::Error) -> Error {
        let kind = match error.code {
            wit::ErrorCode::Denied => ErrorKind::Forbidden,
            wit::ErrorCode::Invalid => ErrorKind::InvalidInput,
            wit::ErrorCode::NotFound => ErrorKind::NotFound,
            wit::ErrorCode::Timeout => ErrorKind::Timeout,
            wit::ErrorCode::Quota => ErrorKind::TooLarge,
            wit::ErrorCode::Unavailable => ErrorKind::Unreachable,
            wit::ErrorCode::Conflict => ErrorKind::Conflict,
            wit::ErrorCode::Cancelled => ErrorKind::Aborted,
            wit::ErrorCode::Internal => ErrorKind::Plugin,
        };
        let message = foreign::line(&error.message, MESSAGE);
        let message =
            if message.is_empty() { format!("`{name}` failed and does not say why") } else { message };
        let new = self.error(kind, message);
        match error.hint.map(|hint| foreign::line(&hint, MESSAGE)).filter(|hint| !hint.is_empty()) {
            Some(hint) => new.with_hint(hint),
            None => new,
        }
    }
}

/// Characters of a plugin's own message that are shown: a plugin's texts have 2 KiB at most.
const MESSAGE: usize = 500;

/// A failure in words.
pub(super) fn said(name: &str, budget: Budget, failure: Failure) -> String {
    match failure {
        Failure::Time => format!("`{name}` took longer than {} and was stopped", spoken(budget.run)),
        Failure::Trap(why) => format!("`{name}` trapped: {why}"),
        Failure::Host => format!("`{name}` was ended by a defect in the host"),
    }
}

/// `300 ms`, `2 s`.
pub(super) fn spoken(time: Duration) -> String {
    match time.as_millis() {
        ms if ms >= 1_000 && ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        ms => format!("{ms} ms"),
    }
}
