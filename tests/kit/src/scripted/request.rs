//! What a chat-completions request asks: which conversation, which turn, and is it only about a title.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::Value;

/// A request that the model received.
#[derive(Clone, Debug)]
pub struct SeenRequest {
    /// The path, for example `/v1/chat/completions`.
    pub path: String,
    /// The headers in the order they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; null when it is not JSON.
    pub body: Value,
}

impl SeenRequest {
    fn messages(&self) -> &[Value] {
        self.body.get("messages").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The text of the last user message.
    pub fn user_text(&self) -> String {
        self.last_user().map(|(_, text)| text).unwrap_or_default()
    }

    fn last_user(&self) -> Option<(usize, String)> {
        self.messages()
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, m)| role(m) == "user")
            .map(|(i, m)| (i, text(m)))
            .find(|(_, text)| !text.trim().is_empty())
    }

    /// How many answers the model has given since the last user message.
    pub fn turn(&self) -> usize {
        let start = self.last_user().map_or(0, |(i, _)| i + 1);
        self.messages()[start..].iter().filter(|m| role(m) == "assistant").count()
    }

    /// Whether the answer is to be streamed.
    pub fn is_stream(&self) -> bool {
        self.body.get("stream").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether a server wants a title for the session rather than an answer: no tools, and instructions to make one.
    pub fn is_title(&self) -> bool {
        let tools = self.body.get("tools").and_then(Value::as_array).is_some_and(|t| !t.is_empty());
        !tools
            && self.messages().iter().any(|m| {
                let text = text(m);
                match role(m) {
                    "system" => text.contains("title generator"),
                    "user" => text.starts_with("Generate a title"),
                    _ => false,
                }
            })
    }

    /// The same for a request and its repetitions, other for anything else; sessions that send the same messages
    /// are told apart where the server names the session in a header.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        for message in self.messages() {
            message.to_string().hash(&mut hash);
        }
        self.headers.iter().filter(|(name, _)| name.contains("session")).for_each(|h| h.hash(&mut hash));
        hash.finish()
    }
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

fn text(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|p| p.get("text")?.as_str()).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(body: Value) -> SeenRequest {
        SeenRequest { path: String::new(), headers: Vec::new(), body }
    }

    #[test]
    fn the_turn_is_the_number_of_answers_since_the_last_user_message() {
        let seen = request(json!({"messages": [
            {"role": "system", "content": "s"}, {"role": "user", "content": "one"},
            {"role": "assistant", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": "two"}]},
            {"role": "assistant", "tool_calls": []}, {"role": "tool", "content": "r"},
            {"role": "assistant", "tool_calls": []}, {"role": "tool", "content": "r"}]}));
        assert_eq!((seen.turn(), seen.user_text().as_str()), (2, "two"));
        assert!(!seen.is_title() && !seen.is_stream());
        assert_eq!(request(json!({})).turn(), 0);
    }

    #[test]
    fn a_title_request_has_no_tools() {
        let messages = json!([{"role": "system", "content": "You are a title generator."}]);
        assert!(request(json!({"messages": messages})).is_title());
        assert!(!request(json!({"messages": messages, "tools": [{}]})).is_title());
    }
}
