//! The text of an answer: what the agent said to one prompt.

use crate::model::{Message, MessageId, PartBody, Role};

/// The agent's words from a prompt to the next one. A deed that is no message of its own (a shell command) begins behind `after`,
/// with the message that the server makes of it.
pub(super) fn text(messages: &[Message], prompt: &MessageId, after: Option<&MessageId>) -> String {
    let place = |id: &MessageId| messages.iter().rposition(|message| message.id == *id);
    let (own, before) = (place(prompt), after.map(place));
    let start = match (own, before) {
        (Some(at), _) | (None, Some(Some(at))) => at + 1,
        (None, Some(None)) => messages.len(),
        (None, None) => 0,
    };
    let (mut answer, mut has_begun) = (String::new(), own.is_some());
    for message in &messages[start..] {
        match message.role {
            Role::Assistant => answer.extend(message.parts.iter().filter_map(|part| match &part.body {
                PartBody::Text { text, .. } => Some(text.as_str()),
                _ => None,
            })),
            Role::User if has_begun && is_prompt(message) => break,
            _ => {}
        }
        has_begun = true;
    }
    answer
}

/// Whether a person has said it. The server writes messages on their behalf in the middle of a turn, for example to go on after a
/// sub-agent (1.x): all their texts are synthetic.
fn is_prompt(message: &Message) -> bool {
    let is_synthetic = |body: &PartBody| matches!(body, PartBody::Text { synthetic: true, .. });
    message.parts.is_empty() || message.parts.iter().any(|part| !is_synthetic(&part.body))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(id: &str, role: &str, parts: &[(&str, bool)]) -> Message {
        let part = |(text, synthetic): &(&str, bool)| {
            json!({
                "id": format!("prt_{text}"), "session_id": "ses", "message_id": id, "started": null, "ended": null, "extra": {},
                "body": {"type": "text", "text": text, "synthetic": synthetic, "ignored": false},
            })
        };
        let parts: Vec<_> = parts.iter().map(part).collect();
        let value = json!({
            "id": id, "session_id": "ses", "role": role, "parent_id": null, "created": 0, "completed": null, "agent": null,
            "model": null, "usage": null, "finish": null, "error": null, "parts": parts, "extra": {},
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn an_answer_goes_from_its_prompt_to_the_next_one() {
        let messages = [
            message("1", "user", &[("one", false)]),
            message("2", "assistant", &[("a", false)]),
            message("3", "user", &[("go on", true)]),
            message("4", "assistant", &[("b", false), ("c", false)]),
            message("5", "user", &[("two", false)]),
            message("6", "assistant", &[("d", false)]),
        ];
        let answer = |prompt: &str, after: Option<&str>| {
            text(&messages, &MessageId::from(prompt), after.map(MessageId::from).as_ref())
        };
        assert_eq!(answer("1", None), "abc");
        assert_eq!(answer("5", Some("4")), "d");
        // A deed that has no message of its own name.
        assert_eq!(answer("x", Some("4")), "d");
        assert_eq!(answer("x", None), "abc");
        // What stood before is not known any more.
        assert_eq!(answer("x", Some("0")), "");
        assert_eq!(answer("6", Some("5")), "");
    }
}
