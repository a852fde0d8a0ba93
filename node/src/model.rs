//! What the SDK has no form of JSON for.

use opencode_nexus::dialect::{Capabilities, Line};
use opencode_nexus::history::StoredConversation;
use opencode_nexus::model::{Message, Session};
use opencode_nexus::server::Progress;
use serde::Serialize;
use serde_json::{Value, json};

/// A line by its word.
pub fn line(line: Line) -> &'static str {
    match line {
        Line::V1 => "v1",
        Line::V2 => "v2",
        _ => "other",
    }
}

/// The line of a word; the package lets no other through.
pub fn named_line(word: &str) -> Line {
    if word == "v2" { Line::V2 } else { Line::V1 }
}

/// How far an installation is.
pub fn progress(of: &Progress) -> String {
    let Progress { step, package, done, total } = of;
    json!({ "step": format!("{step:?}").to_lowercase(), "package": package, "done": done, "total": total })
        .to_string()
}

/// What a server can do.
pub fn capabilities(of: Capabilities) -> Value {
    json!({
        "todos": of.todos,
        "sharing": of.sharing,
        "systemPrompt": of.system_prompt,
        "subtasks": of.subtasks,
        "revertParts": of.revert_parts,
        "queue": of.queue,
        "log": of.log,
        "survivesRejection": of.survives_rejection,
    })
}

/// A stored conversation, whose fields are renamed like all others: flattened ones would look like keys of a map.
#[derive(Serialize)]
pub struct Stored<'a> {
    server: &'a str,
    session: &'a Session,
    stored: u64,
    messages: &'a [Message],
}

impl<'a> From<&'a StoredConversation> for Stored<'a> {
    fn from(of: &'a StoredConversation) -> Self {
        let stored = &of.session;
        Self {
            server: &stored.server,
            session: &stored.session,
            stored: stored.stored,
            messages: &of.messages,
        }
    }
}
