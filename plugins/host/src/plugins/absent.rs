//! A hook that must agree and cannot be asked. Nothing is sent without it: otherwise to remove a file would be enough to get by.

use async_trait::async_trait;
use opencode_nexus::chat::Prompt;
use opencode_nexus::extension::{PromptHook, Verdict};
use opencode_nexus::model::{Message, SessionId};
use opencode_nexus::{Error, Result};

/// Stands for a hook, and fails with the reason why it is not there.
pub(super) struct Absent {
    pub name: String,
    pub why: Error,
}

#[async_trait]
impl PromptHook for Absent {
    fn name(&self) -> &str {
        &self.name
    }

    fn must_agree(&self) -> bool {
        true
    }

    async fn before_send(&self, _: &SessionId, _: &Prompt) -> Result<Verdict> {
        Err(self.why.duplicate())
    }

    async fn after_message(&self, _: &SessionId, _: &Message) {}
}
