//! What can be searched of a stored message: its texts, and the labels that filters ask for.
//!
//! The text is, in this order and one below the other: the session's title (in its first message), then of each part what a
//! person reads of it, then why the message ended badly. What a tool reports about itself is left out: it repeats the
//! output. Of records that this build cannot read, for example those of a newer one, every text is taken.

use nexus_vault::{Indexed, Indexer};
use serde_json::Value;

use super::record::MessageRecord;
use crate::model::{Message, Part, PartBody, ToolCall, ToolStatus};

/// Folders above a folder that get a label. Deeper ones are found by those.
const FOLDERS: usize = 128;

/// The label of messages with an error.
pub(super) const ERROR: &str = "error";
/// The label of messages with a file.
pub(super) const FILE: &str = "file";

pub(super) struct MessageIndexer;

impl Indexer for MessageIndexer {
    /// Raise it with every change of what [`text`] or [`labels`] gives for any record: the index is made anew then.
    fn version(&self) -> u32 {
        1
    }

    fn index(&self, payload: &[u8]) -> Indexed {
        match MessageRecord::from_bytes(payload) {
            Ok(record) => Indexed { text: text(&record), labels: labels(&record) },
            // One level of nesting is one of the stack, and these bytes were not written by us: the usual limit holds.
            Err(_) => {
                serde_json::from_slice::<Value>(payload).map_or_else(|_| Indexed::default(), |v| unknown(&v))
            }
        }
    }
}

/// A label that is compared without regard to case.
pub(super) fn folded(kind: &str, value: &str) -> String {
    format!("{kind}={}", value.to_lowercase())
}

/// A label that is compared as it is.
pub(super) fn exact(kind: &str, value: &str) -> String {
    format!("{kind}={value}")
}

/// The label of a folder: the same for `/a/b` and `/a/b/`.
pub(super) fn folder(path: &str) -> String {
    exact("directory", trimmed(path))
}

/// Without the separators at its end, but for that of a root.
fn trimmed(path: &str) -> &str {
    let short = path.trim_end_matches(['/', '\\']);
    // `/` and `C:\` are folders.
    if short.is_empty() || short.ends_with(':') { &path[..path.len().min(short.len() + 1)] } else { short }
}

/// The folder and all above it.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(trimmed(path)), |path| above(path)).take(FOLDERS)
}

fn above(path: &str) -> Option<&str> {
    let cut = path.rfind(['/', '\\'])?;
    let parent = trimmed(&path[..=cut]);
    (parent.len() < path.len()).then_some(parent)
}

fn labels(record: &MessageRecord) -> Vec<String> {
    let message = &record.message;
    let mut labels = vec![
        exact("server", &record.server),
        exact("session", message.session_id.as_str()),
        folded("role", message.role.word()),
    ];
    labels.extend(folders(&record.directory).map(|path| exact("directory", path)));
    if let Some(model) = &message.model {
        labels.push(folded("model", &model.model));
        labels.push(folded("model", &model.to_string()));
    }
    labels.extend(message.agent.iter().map(|agent| folded("agent", agent)));
    labels.extend(message.parts.iter().filter_map(Part::tool).map(|call| folded("tool", &call.tool)));
    if has_error(message) {
        labels.push(ERROR.to_owned());
    }
    if has_file(message) {
        labels.push(FILE.to_owned());
    }
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// It ended badly, or one of its tools did. Being stopped on request is no error.
pub(super) fn has_error(message: &Message) -> bool {
    message.error.as_ref().is_some_and(|error| !error.aborted)
        || message.parts.iter().filter_map(Part::tool).any(|call| call.status == ToolStatus::Error)
}

/// A file is attached.
pub(super) fn has_file(message: &Message) -> bool {
    message.parts.iter().any(|part| matches!(part.body, PartBody::File { .. }))
}

fn text(record: &MessageRecord) -> String {
    let mut text = String::new();
    record.title.iter().for_each(|title| add(&mut text, title));
    record.message.parts.iter().for_each(|part| add_part(&mut text, part));
    if let Some(error) = &record.message.error {
        add(&mut text, &error.message);
    }
    text
}

fn add_part(text: &mut String, part: &Part) {
    match &part.body {
        PartBody::Text { text: own, .. } | PartBody::Reasoning { text: own } => add(text, own),
        PartBody::Tool(call) => add_call(text, call),
        PartBody::File { filename, url, .. } => {
            filename.iter().for_each(|name| add(text, name));
            add(text, url);
        }
        PartBody::Agent { name } => add(text, name),
        PartBody::Subtask { prompt, description, .. } => {
            add(text, description);
            add(text, prompt);
        }
        PartBody::Patch { files } => files.iter().for_each(|file| add(text, file)),
        PartBody::Other { .. } => part.extra.values().for_each(|value| add_value(text, value)),
        PartBody::StepStart | PartBody::StepFinish { .. } | PartBody::Compaction | PartBody::Retry { .. } => {
        }
    }
}

fn add_call(text: &mut String, call: &ToolCall) {
    call.title.iter().for_each(|title| add(text, title));
    add_value(text, &call.input);
    call.output.iter().for_each(|output| add(text, output));
    call.error.iter().for_each(|error| add(text, error));
}

/// All texts in a value, but not the names.
fn add_value(text: &mut String, value: &Value) {
    match value {
        Value::String(own) => add(text, own),
        Value::Array(items) => items.iter().for_each(|item| add_value(text, item)),
        Value::Object(fields) => fields.values().for_each(|value| add_value(text, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The bytes of an embedded file are no words.
fn add(text: &mut String, piece: &str) {
    if piece.is_empty() || piece.starts_with("data:") && piece.contains(";base64,") {
        return;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(piece);
}

/// A record that this build cannot read: its texts, and the labels whose places are where they have always been.
fn unknown(record: &Value) -> Indexed {
    let mut indexed = Indexed::default();
    let message = &record["message"];
    add_value(&mut indexed.text, &record["title"]);
    add_value(&mut indexed.text, &message["parts"]);
    let mut label = |make: &dyn Fn(&str) -> String, value: &Value| {
        indexed.labels.extend(value.as_str().map(make));
    };
    label(&|server| exact("server", server), &record["server"]);
    label(&|session| exact("session", session), &message["session_id"]);
    label(&|role| folded("role", role), &message["role"]);
    label(&|agent| folded("agent", agent), &message["agent"]);
    let path = record["directory"].as_str().unwrap_or_default();
    indexed.labels.extend(folders(path).filter(|p| !p.is_empty()).map(|path| exact("directory", path)));
    indexed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::history::sample::{any_message, message};

    fn index(record: &MessageRecord) -> Indexed {
        MessageIndexer.index(&serde_json::to_vec(record).unwrap())
    }

    fn record(message: Message) -> MessageRecord {
        MessageRecord {
            v: 1,
            server: "local".to_owned(),
            directory: "/home/me/project/".to_owned(),
            title: Some("A Title".to_owned()),
            message,
        }
    }

    #[test]
    fn everything_that_a_person_reads_is_found_and_nothing_else() {
        let indexed = index(&record(message("ses_1", "msg_1")));
        let text = [
            "A Title",
            "a text",
            "a thought",
            "a call",
            "ls -l",
            "deep",
            "an output",
            "a failure",
            "notes.txt",
            "file:///notes.txt",
            "explore",
            "a description",
            "a prompt",
            "src/a.rs",
            "something new",
            "it broke",
        ];
        assert_eq!(indexed.text, text.join("\n"));
        let labels = [
            "agent=build",
            "directory=/",
            "directory=/home",
            "directory=/home/me",
            "directory=/home/me/project",
            "error",
            "file",
            "model=openrouter/anthropic/claude",
            "model=anthropic/claude",
            "role=assistant",
            "server=local",
            "session=ses_1",
            "tool=bash",
        ];
        let mut wanted = labels.map(str::to_owned).to_vec();
        wanted.sort_unstable();
        assert_eq!(indexed.labels, wanted);
    }

    #[test]
    fn an_answer_that_was_stopped_is_no_error() {
        let mut stopped = message("s", "m");
        stopped.parts.clear();
        stopped.error.as_mut().unwrap().aborted = true;
        let labels = index(&record(stopped)).labels;
        assert!(!labels.iter().any(|label| label == ERROR || label == FILE), "{labels:?}");
    }

    #[test]
    fn folders_are_those_of_every_system() {
        let of = |path| folders(path).collect::<Vec<_>>();
        assert_eq!(of("/a/b/"), ["/a/b", "/a", "/"]);
        assert_eq!(of("/"), ["/"]);
        assert_eq!(of("C:\\a\\b"), ["C:\\a\\b", "C:\\a", "C:\\"]);
        assert_eq!(of("C:/a"), ["C:/a", "C:/"]);
        assert_eq!(of("//server/share"), ["//server/share", "//server", "/"]);
        assert_eq!(of(""), [""]);
        assert_eq!(of("a"), ["a"]);
        assert_eq!(folder("/a/b/"), "directory=/a/b");
        assert_eq!(of(&"/a".repeat(1000)).len(), FOLDERS);
    }

    #[test]
    fn of_a_newer_record_every_text_is_found() {
        let mut value = serde_json::to_value(record(message("ses_1", "msg_1"))).unwrap();
        value["v"] = 99.into();
        value["message"]["parts"][0]["body"] = serde_json::json!({"type": 7, "verse": ["from the future"]});
        let indexed = MessageIndexer.index(value.to_string().as_bytes());
        assert!(
            indexed.text.contains("from the future") && indexed.text.contains("an output"),
            "{indexed:?}"
        );
        assert!(indexed.labels.contains(&"directory=/home".to_owned()), "{indexed:?}");
        assert_eq!(MessageIndexer.index(b"\xff\x00{"), Indexed::default());
        assert_eq!(MessageIndexer.index("[".repeat(100_000).as_bytes()), Indexed::default());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            MessageIndexer.index(&bytes);
        }

        #[test]
        fn the_same_bytes_give_the_same_answer(message in any_message()) {
            let record = record(message);
            prop_assert_eq!(index(&record), index(&record));
            let folders = index(&record).labels.iter().filter(|l| l.starts_with("directory=")).count();
            prop_assert_eq!(folders, 4);
        }
    }
}
