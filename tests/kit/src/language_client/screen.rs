//! What a person sees in an editor that shows nothing but what was told as `$/progress`, in a form that can be held against
//! the server's own answer.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A conversation as it was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatScreen {
    /// Message → part → what is known of it.
    messages: BTreeMap<String, Shown>,
    /// What the agent asks and nobody has settled, by its identifier.
    pub asks: BTreeMap<String, Value>,
    /// How many progress values were shown.
    pub told: usize,
    /// How many of them were more text.
    pub deltas: usize,
    /// How many of them were texts that had to be replaced.
    pub replaced: usize,
    /// The last `end` of a turn.
    pub end: Option<Value>,
    /// All texts of the agent in the order in which they came.
    pub said: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Shown {
    role: String,
    parts: BTreeMap<String, Map<String, Value>>,
}

impl ChatScreen {
    /// Shows one more value. What happens in sub-agents' sessions is counted and not shown.
    pub fn show(&mut self, value: &Value) {
        self.told += 1;
        if !value["child"].is_null() {
            return self.ask(value);
        }
        match value["kind"].as_str().unwrap_or_default() {
            "reset" => *self = Self { told: self.told, deltas: self.deltas, ..Self::default() },
            "message" => {
                let role = text(value, "role");
                self.messages.entry(text(value, "messageId")).or_default().role = role;
            }
            "delta" => {
                self.deltas += 1;
                let more = text(value, "text");
                let part = self.part(value);
                part.entry("type").or_insert_with(|| value["channel"].clone());
                match part.entry("text").or_insert_with(|| json!("")) {
                    Value::String(shown) => shown.push_str(&more),
                    other => *other = more.clone().into(),
                }
                self.said.push_str(&more);
            }
            "replaced" => {
                self.replaced += 1;
                let part = self.part(value);
                part.insert("type".to_owned(), value["channel"].clone());
                part.insert("text".to_owned(), value["text"].clone());
            }
            "part" => {
                let kind = value["body"]["type"].clone();
                self.part(value).insert("type".to_owned(), kind);
            }
            "tool" => self.tool(value),
            "removed" => match value["partId"].as_str() {
                Some(part) => {
                    if let Some(message) = self.messages.get_mut(&text(value, "messageId")) {
                        message.parts.remove(part);
                    }
                }
                None => {
                    self.messages.remove(&text(value, "messageId"));
                }
            },
            "end" => self.end = Some(value.clone()),
            _ => self.ask(value),
        }
    }

    /// Shows what another screen of the same session shows as well; of what both have, the other's.
    pub fn join(&mut self, other: Self) {
        self.messages.extend(other.messages);
        self.told += other.told;
        self.deltas += other.deltas;
    }

    fn ask(&mut self, value: &Value) {
        let id = |name: &str| text(value, name);
        match value["kind"].as_str().unwrap_or_default() {
            "permission" => drop(self.asks.insert(id("permissionId"), value.clone())),
            "question" => drop(self.asks.insert(id("questionId"), value.clone())),
            "permissionClosed" => drop(self.asks.remove(&id("permissionId"))),
            "questionClosed" => drop(self.asks.remove(&id("questionId"))),
            _ => {}
        }
    }

    fn part(&mut self, value: &Value) -> &mut Map<String, Value> {
        let message = self.messages.entry(text(value, "messageId")).or_default();
        message.parts.entry(text(value, "partId")).or_default()
    }

    fn tool(&mut self, value: &Value) {
        let part = self.part(value);
        part.insert("type".to_owned(), json!("tool"));
        for name in ["tool", "status", "input", "output", "error"] {
            if !value[name].is_null() {
                part.insert(name.to_owned(), value[name].clone());
            }
        }
    }

    /// The texts of one kind that the agent has said, message by message.
    pub fn texts(&self, kind: &str) -> Vec<String> {
        let parts = self.messages.values().filter(|m| m.role != "user").flat_map(|m| m.parts.values());
        parts
            .filter(|part| part.get("type").is_some_and(|own| own == kind))
            .map(|part| text_of(part, "text"))
            .collect()
    }

    /// The states of the tool calls, message by message.
    pub fn tool_states(&self) -> Vec<String> {
        let parts = self.messages.values().flat_map(|m| m.parts.values());
        parts
            .filter(|part| part.get("type").is_some_and(|kind| kind == "tool"))
            .map(|part| text_of(part, "status"))
            .collect()
    }

    /// How this differs from the server's answer (in the form of [`expected::messages`](crate::expected::messages)):
    /// messages that are missing on one side, and texts and tool calls that are not the same. Only messages that were told
    /// are compared when `only_told`, which is right for one turn of several.
    pub fn differences(&self, server: &Value, only_told: bool) -> Vec<String> {
        let mut found = Vec::new();
        let mut known = Vec::new();
        for message in server.as_array().into_iter().flatten() {
            let id = text(message, "id");
            match self.messages.get(&id) {
                Some(shown) => compare(shown, message, &mut found),
                None if only_told => {}
                None => found.push(format!("message {id} was never told")),
            }
            known.push(id);
        }
        let unknown = self.messages.keys().filter(|id| !known.contains(id));
        found.extend(unknown.map(|id| format!("the server has no message {id}")));
        found
    }
}

/// Parts without text and tool calls are only looked for: how they are shown is each editor's own matter.
fn compare(shown: &Shown, message: &Value, found: &mut Vec<String>) {
    if shown.role != text(message, "role") {
        found.push(format!("role {} of {message}", shown.role));
    }
    let mut known = Vec::new();
    for part in message["parts"].as_array().into_iter().flatten() {
        let id = text(part, "id");
        known.push(id.clone());
        let ours = shown.parts.get(&id);
        for name in ["type", "text", "tool", "status", "input", "output", "error"] {
            let theirs = &part[name];
            let empty = theirs.is_null() || theirs == "" || *theirs == json!({});
            let told = ours.and_then(|part| part.get(name));
            // A text without anything in it has nothing to be told.
            if !empty && told != Some(theirs) && !(name == "type" && part["text"] == "") {
                let told = told.unwrap_or(&Value::Null);
                found.push(format!("part {id}, {name}: told {told}, the server has {theirs}"));
            }
        }
    }
    found.extend(
        shown.parts.keys().filter(|id| !known.contains(id)).map(|id| format!("the server has no {id}")),
    );
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn text_of(part: &Map<String, Value>, name: &str) -> String {
    part.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_compared_part_by_part() {
        let mut screen = ChatScreen::default();
        for value in [
            json!({"kind": "message", "messageId": "m", "role": "assistant"}),
            json!({"kind": "delta", "messageId": "m", "partId": "p", "channel": "text", "text": "Hel"}),
            json!({"kind": "delta", "messageId": "m", "partId": "p", "channel": "text", "text": "lo"}),
            json!({"kind": "tool", "messageId": "m", "partId": "q", "tool": "bash", "status": "running"}),
            json!({"kind": "tool", "messageId": "m", "partId": "q", "tool": "bash", "status": "completed", "output": "x"}),
        ] {
            screen.show(&value);
        }
        let mut server = json!([{"id": "m", "role": "assistant", "parts": [
            {"id": "p", "type": "text", "text": "Hello"},
            {"id": "q", "type": "tool", "tool": "bash", "status": "completed", "output": "x"}]}]);
        assert_eq!(screen.differences(&server, false), Vec::<String>::new());
        assert_eq!((screen.texts("text"), screen.said.as_str()), (vec!["Hello".to_owned()], "Hello"));
        server[0]["parts"][0]["text"] = json!("Hello!");
        server.as_array_mut().unwrap().push(json!({"id": "n", "role": "user", "parts": []}));
        assert_eq!(screen.differences(&server, true).len(), 1);
        assert_eq!(screen.differences(&server, false).len(), 2);
    }
}
