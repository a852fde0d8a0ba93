//! Plugins as hooks on prompts. Only those see prompts that were granted `prompts`.

use std::sync::Arc;

use async_trait::async_trait;
use opencode_nexus::Result;
use opencode_nexus::chat::Prompt;
use opencode_nexus::extension::{PromptHook, Verdict};
use opencode_nexus::model::{Message, SessionId};

use crate::actor::PluginHandle;
use crate::bindings::exports::nexus::plugin::hook_guest as guest;
use crate::convert::{Files, message_parts, parts_of_prompt, prompt_parts};
use crate::foreign;
use crate::limits::Budget;
use crate::manifest::World;

/// How long the reason of a refusal may be.
const REASON: usize = 500;

/// The hook of a plugin; nothing when it is none, or may not see prompts. The plugin starts with the first prompt. `must_agree`: a
/// prompt is not sent when the hook fails.
pub fn hook(plugin: &PluginHandle, must_agree: bool) -> Option<Arc<dyn PromptHook>> {
    let caller = plugin.caller();
    if !plugin.is(World::Hook) || caller.rights.granted().prompts.is_none() {
        return None;
    }
    Some(Arc::new(PluginHook { plugin: plugin.clone(), name: caller.plugin.clone(), must_agree }))
}

struct PluginHook {
    plugin: PluginHandle,
    name: String,
    must_agree: bool,
}

#[async_trait]
impl PromptHook for PluginHook {
    fn name(&self) -> &str {
        &self.name
    }

    fn must_agree(&self) -> bool {
        self.must_agree
    }

    async fn before_send(&self, session: &SessionId, prompt: &Prompt) -> Result<Verdict> {
        let (session, parts) = (session.as_str().to_owned(), parts_of_prompt(&prompt.parts));
        let said = self
            .plugin
            .call("before-send", Budget::BEFORE_SEND, move |store, exports| {
                Box::pin(async move { exports.hook()?.call_before_send(store, &session, &parts).await })
            })
            .await?;
        match said.map_err(|error| self.plugin.guest_error("before-send", error))? {
            guest::Verdict::Keep => Ok(Verdict::Keep),
            guest::Verdict::Replace(parts) => {
                let parts = prompt_parts(&self.plugin, parts, &Files::GrantedOr(&prompt.parts)).await?;
                Ok(Verdict::Replace(parts))
            }
            guest::Verdict::Block(reason) => {
                let reason = foreign::line(&reason, REASON);
                let reason = if reason.is_empty() { "it gives no reason".to_owned() } else { reason };
                Ok(Verdict::Block(reason))
            }
        }
    }

    async fn after_message(&self, session: &SessionId, message: &Message) {
        let session = session.as_str().to_owned();
        let (message, parts) = (message.id.as_str().to_owned(), message_parts(message));
        let told = self
            .plugin
            .call("after-message", Budget::AFTER_MESSAGE, move |store, exports| {
                Box::pin(async move {
                    exports.hook()?.call_after_message(store, &session, &message, &parts).await
                })
            })
            .await;
        if let Err(error) = told {
            tracing::debug!(%error, "a hook was not told of a message");
        }
    }
}
