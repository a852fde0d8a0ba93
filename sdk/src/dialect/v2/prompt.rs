//! Prompts in the words of OpenCode 2.

use opencode_api::v2::bodies::SessionPromptBody;
use opencode_api::v2::types as wire;

use crate::chat::{Delivery, Prompt, PromptPart};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{MessageId, ModelRef};

pub(super) fn model(model: &ModelRef) -> wire::ModelRef {
    wire::ModelRef {
        id: model.model.as_str().into(),
        provider_id: model.provider.as_str().into(),
        variant: model.variant.clone(),
        ..Default::default()
    }
}

/// The body of a prompt. Texts become one, a paragraph each: a prompt has one text there.
///
/// # Errors
/// What this line cannot say: work for a sub-agent, a system prompt of its own, no reply.
pub(super) fn body(id: &MessageId, prompt: &Prompt) -> Result<SessionPromptBody> {
    let lacks = |what: &str| {
        Err(Error::new(ErrorKind::Unsupported, format!("OpenCode 2 has no {what} in a prompt"))
            .with_hint("ask the client's capabilities before"))
    };
    if prompt.system.is_some() {
        return lacks("system prompt");
    }
    let (mut texts, mut files, mut agents) = (Vec::new(), Vec::new(), Vec::new());
    for part in &prompt.parts {
        match part {
            PromptPart::Text(text) | PromptPart::Context(text) => texts.push(text.as_str()),
            PromptPart::File { filename, url, .. } => files.push(wire::PromptInputFileAttachment {
                uri: url.clone(),
                name: filename.clone(),
                ..Default::default()
            }),
            PromptPart::Agent { name } => {
                agents.push(wire::PromptAgentAttachment { name: name.clone(), ..Default::default() });
            }
            PromptPart::Subtask { .. } => return lacks("work for a sub-agent"),
        }
    }
    Ok(SessionPromptBody {
        id: Some(id.as_str().into()),
        text: texts.join("\n\n"),
        files: (!files.is_empty()).then_some(files),
        agents: (!agents.is_empty()).then_some(agents),
        delivery: (prompt.delivery == Delivery::Queue).then_some(wire::Delivery::Queue),
        resume: prompt.no_reply.then_some(false),
        ..Default::default()
    })
}
