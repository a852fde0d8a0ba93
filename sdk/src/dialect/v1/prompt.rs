//! Prompts in the words of 1.x.

use opencode_api::v1::bodies::{PartInput, SessionPromptBody};
use opencode_api::v1::types as wire;

use crate::chat::{Prompt, PromptPart};
use crate::model::{MessageId, ModelRef};

pub(super) fn model(model: &ModelRef) -> wire::ModelChoice {
    wire::ModelChoice {
        provider_id: model.provider.as_str().into(),
        model_id: model.model.as_str().into(),
        ..Default::default()
    }
}

/// The body of a prompt. It never has a `format`: 1.18.33 cannot read the session's messages any more after one (400,
/// seen). Its parts get identifiers made from the message's, so that sending the same prompt again
/// writes the same parts again instead of more of them.
pub(super) fn body(id: &MessageId, prompt: &Prompt) -> SessionPromptBody {
    SessionPromptBody {
        message_id: Some(id.as_str().into()),
        model: prompt.model.as_ref().map(model),
        variant: prompt.model.as_ref().and_then(|m| m.variant.clone()),
        agent: prompt.agent.clone(),
        no_reply: prompt.no_reply.then_some(true),
        system: prompt.system.clone(),
        parts: prompt.parts.iter().enumerate().map(|(n, p)| part(part_id(id, n), p)).collect(),
        ..Default::default()
    }
}

/// `msg_<time><random>` gives `prt_<time><number><random>`: ordered among themselves, before all later parts.
fn part_id(message: &MessageId, number: usize) -> opencode_api::PartId {
    let text = message.as_str();
    let rest = text.split_once('_').map_or(text, |(_, rest)| rest);
    let (time, random) = rest.split_at_checked(12).unwrap_or((rest, ""));
    let random = random.get(4..).unwrap_or_default();
    format!("prt_{time}{number:04}{random}").as_str().into()
}

fn part(id: opencode_api::PartId, part: &PromptPart) -> PartInput {
    let id = Some(id);
    match part {
        PromptPart::Text(text) => wire::TextPartInput { id, text: text.clone(), ..Default::default() }.into(),
        PromptPart::Context(text) => {
            let text = text.clone();
            wire::TextPartInput { id, text, synthetic: Some(true), ..Default::default() }.into()
        }
        PromptPart::File { mime, filename, url } => wire::FilePartInput {
            id,
            mime: mime.clone(),
            filename: filename.clone(),
            url: url.clone(),
            ..Default::default()
        }
        .into(),
        PromptPart::Agent { name } => {
            wire::AgentPartInput { id, name: name.clone(), ..Default::default() }.into()
        }
        PromptPart::Subtask { agent, prompt, description } => wire::SubtaskPartInput {
            id,
            prompt: prompt.clone(),
            description: description.clone(),
            agent: agent.clone(),
            ..Default::default()
        }
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_prompt_has_the_same_parts_in_order() {
        let id = MessageId::from("msg_201f3cf8b001L0vab62WnfsZO1");
        let prompt = Prompt::text("a").with(PromptPart::Text("b".into()));
        let ids = |body: SessionPromptBody| -> Vec<String> {
            serde_json::to_value(body).unwrap()["parts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|p| p["id"].as_str().unwrap().to_owned())
                .collect()
        };
        let first = ids(body(&id, &prompt));
        assert_eq!(first, ["prt_201f3cf8b0010000b62WnfsZO1", "prt_201f3cf8b0010001b62WnfsZO1"]);
        assert_eq!(first, ids(body(&id, &prompt)));
    }
}
