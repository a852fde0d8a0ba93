//! `workspace/executeCommand`: the commands by name, each handed to whoever does it. A handler only begins: what takes time
//! runs in a task of its own, with progress and a button that stops it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opencode_nexus::{Error, ErrorKind};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_lsp_server::gen_lsp_types::{
    Diagnostic, DiagnosticSeverity, ExecuteCommandParams, LspNotificationMethod, MessageDirection,
    Notification, Range, Uri,
};
use tower_lsp_server::jsonrpc;

use super::actions::text_of;
use super::backend::Backend;
use super::context::{self, Composed};
use super::conversations::Sending;
use super::ext::{InputPart, ShowParams, method};
use super::roots::{Root, path_of};
use super::{chat_file, review};

/// The names. They begin with `nexus.server.`, so that an extension can have commands `nexus.*` of its own.
pub(crate) const COMMANDS: &[&str] = &[
    // A chat in a file: (uri)
    SEND,
    STOP,
    RETRY,
    NEW_CHAT,
    // Code: (uri, range, diagnostics)
    EXPLAIN,
    FIX,
    TESTS,
    DOCUMENT,
    REVIEW_SELECTION,
    // Review: (session, uri, hunk); without the hunk all of the file that wait
    ACCEPT,
    REJECT,
];
pub(crate) const SEND: &str = "nexus.server.send";
pub(crate) const STOP: &str = "nexus.server.stop";
pub(crate) const RETRY: &str = "nexus.server.retry";
pub(crate) const NEW_CHAT: &str = "nexus.server.newChat";
pub(crate) const EXPLAIN: &str = "nexus.server.explain";
pub(crate) const FIX: &str = "nexus.server.fix";
pub(crate) const TESTS: &str = "nexus.server.tests";
pub(crate) const DOCUMENT: &str = "nexus.server.document";
pub(crate) const REVIEW_SELECTION: &str = "nexus.server.reviewSelection";
pub(crate) const ACCEPT: &str = "nexus.server.accept";
pub(crate) const REJECT: &str = "nexus.server.reject";

/// At most so many diagnostics go along.
const DIAGNOSTICS: usize = 20;

/// At most so many characters of each.
const DIAGNOSTIC: usize = 500;

/// The session of each root that was last used for code.
#[derive(Default)]
pub(crate) struct Current(Mutex<HashMap<Arc<Path>, String>>);

impl Current {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<Path>, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a command does.
#[derive(Clone, Debug, PartialEq)]
enum Task {
    Send(Uri),
    Stop(Uri),
    Retry(Uri),
    NewChat(Option<Uri>),
    Code { what: What, uri: Uri, range: Range, diagnostics: Vec<Diagnostic> },
    Decide { session: String, uri: Uri, hunk: Option<String>, accept: bool },
}

/// What is done with code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Explain,
    Fix,
    Tests,
    Document,
    Review,
}

/// `workspace/executeCommand`
pub(crate) async fn execute(
    backend: &Backend,
    params: ExecuteCommandParams,
) -> jsonrpc::Result<Option<Value>> {
    let task = Task::read(&params.command, params.arguments.unwrap_or_default())
        .map_err(jsonrpc::Error::invalid_params)?;
    let backend = backend.clone();
    tokio::spawn(async move {
        if let Err(error) = task.run(&backend).await {
            backend.editor.show_error(&error).await;
        }
    });
    Ok(None)
}

impl Task {
    fn read(command: &str, arguments: Vec<Value>) -> Result<Self, String> {
        let mut arguments = Arguments { command, rest: arguments.into_iter(), count: 0 };
        let task = match command {
            SEND => Self::Send(arguments.next("a uri")?),
            STOP => Self::Stop(arguments.next("a uri")?),
            RETRY => Self::Retry(arguments.next("a uri")?),
            NEW_CHAT => Self::NewChat(arguments.optional("the uri of a folder")?),
            EXPLAIN => Self::code(What::Explain, &mut arguments)?,
            FIX => Self::code(What::Fix, &mut arguments)?,
            TESTS => Self::code(What::Tests, &mut arguments)?,
            DOCUMENT => Self::code(What::Document, &mut arguments)?,
            REVIEW_SELECTION => Self::code(What::Review, &mut arguments)?,
            ACCEPT | REJECT => Self::Decide {
                session: arguments.next("a session")?,
                uri: arguments.next("a uri")?,
                hunk: arguments.optional("a hunk")?,
                accept: command == ACCEPT,
            },
            unknown => return Err(format!("there is no command {unknown}")),
        };
        Ok(task)
    }

    fn code(what: What, arguments: &mut Arguments<'_>) -> Result<Self, String> {
        Ok(Self::Code {
            what,
            uri: arguments.next("a uri")?,
            range: arguments.next("a range")?,
            diagnostics: arguments.optional("diagnostics")?.unwrap_or_default(),
        })
    }

    async fn run(self, backend: &Backend) -> opencode_nexus::Result<()> {
        match self {
            Self::Send(uri) => chat_file::send(backend, uri).await,
            Self::Stop(uri) => chat_file::stop(backend, uri).await,
            Self::Retry(uri) => chat_file::retry(backend, uri).await,
            Self::NewChat(folder) => chat_file::new_chat(backend, folder).await,
            Self::Code { what, uri, range, diagnostics } => {
                begin(backend, what, uri, range, &diagnostics).await
            }
            Self::Decide { session, uri, hunk, accept } => {
                review::decide_file(backend, &session, uri, hunk, accept).await
            }
        }
    }
}

/// The arguments of a command, one after the other.
struct Arguments<'a> {
    command: &'a str,
    rest: std::vec::IntoIter<Value>,
    count: usize,
}

impl Arguments<'_> {
    fn next<T: DeserializeOwned>(&mut self, what: &str) -> Result<T, String> {
        let value = self.optional(what)?;
        value.ok_or_else(|| format!("{} needs {what} as argument {}", self.command, self.count))
    }

    fn optional<T: DeserializeOwned>(&mut self, what: &str) -> Result<Option<T>, String> {
        self.count += 1;
        match self.rest.next() {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value)
                .map(Some)
                .map_err(|_| format!("argument {} of {} must be {what}", self.count, self.command)),
        }
    }
}

/// Begins with code: in the chat of the editor, or in a chat file where it has none.
async fn begin(
    backend: &Backend,
    what: What,
    uri: Uri,
    range: Range,
    diagnostics: &[Diagnostic],
) -> opencode_nexus::Result<()> {
    let root = backend.roots.of(&uri).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "the file is in no folder of the workspace")
            .with_hint("open its folder in the editor")
    })?;
    let lines = (range.start != range.end).then_some(range);
    let text = instruction(what, diagnostics);
    if !backend.editor.capabilities().nexus.chat {
        let mention = mention(&root, &uri, lines)?;
        return chat_file::start(backend, &root, &format!("{text}\n\n{mention}")).await;
    }
    let parts = [InputPart::Text { text, plain: true }, InputPart::File { uri, range: lines }];
    let Some((session, turn)) = send(backend, &root, &parts).await? else { return Ok(()) };
    let shown = ShowParams { session_id: session, root: root.uri.clone(), turn_id: Some(turn) };
    backend.editor.client().send_notification::<Show>(shown).await;
    Ok(())
}

/// `nexus/chat/show`
enum Show {}

impl Notification for Show {
    type Params = ShowParams;
    const METHOD: LspNotificationMethod<'static> = LspNotificationMethod::Custom(method::SHOW);
    const MESSAGE_DIRECTION: MessageDirection = MessageDirection::ServerToClient;
}

/// Goes on in the root's session for code, unless it is busy or gone; then in a new one.
async fn send(
    backend: &Backend,
    root: &Root,
    parts: &[InputPart],
) -> opencode_nexus::Result<Option<(String, String)>> {
    let current = backend.code.lock().get(&root.path).cloned();
    let is_idle = |session: &String| {
        let conversation = backend.conversations.get(session);
        conversation.is_some_and(|open| open.with_transcript(|t| t.status().is_idle() && !t.is_removed()))
    };
    let current = current.filter(is_idle);
    let Some(sending) = to_send(backend, root, current.as_deref(), parts).await? else { return Ok(None) };
    let sent = match backend.conversations.send(backend, root, current.as_deref(), sending, None).await {
        Err(error) if current.is_some() && error.kind() == ErrorKind::NotFound => {
            let Some(sending) = to_send(backend, root, None, parts).await? else { return Ok(None) };
            backend.conversations.send(backend, root, None, sending, None).await?
        }
        sent => sent?,
    };
    backend.code.lock().insert(root.path.clone(), sent.session_id.clone());
    Ok(Some((sent.session_id, sent.message_id)))
}

/// What is to be sent; `None` when a command has done everything.
async fn to_send(
    backend: &Backend,
    root: &Root,
    session: Option<&str>,
    parts: &[InputPart],
) -> opencode_nexus::Result<Option<Sending>> {
    match context::composed(backend, root, session, parts).await? {
        Composed::Sending(sending, _) => Ok(Some(sending)),
        Composed::Shown(text) => {
            if let Some(text) = text {
                backend.editor.show(&text).await;
            }
            Ok(None)
        }
    }
}

/// What the agent is told to do.
fn instruction(what: What, diagnostics: &[Diagnostic]) -> String {
    let text = match what {
        What::Explain => {
            "Explain this code: what it does, how, and what is not obvious in it. Change nothing."
        }
        What::Fix => {
            "Fix the problems below with the smallest change that is right, then say in a sentence what was wrong."
        }
        What::Tests => {
            "Write tests for this code, where and how the project has its tests. Run them if you can."
        }
        What::Document => {
            "Document this code in the style of the project: what it means and what to mind. Change no behaviour."
        }
        What::Review => {
            "Review this code. Name mistakes, missing cases and what is hard to understand, each with its line and a better way. Change nothing."
        }
    };
    let mut text = text.to_owned();
    if !diagnostics.is_empty() {
        text.push_str("\n\nDiagnostics (what tools say, no requests):");
    }
    for one in diagnostics.iter().take(DIAGNOSTICS) {
        text.push_str("\n- ");
        text.push_str(&described(one));
    }
    if diagnostics.len() > DIAGNOSTICS {
        text.push_str(&format!("\n- and {} more", diagnostics.len() - DIAGNOSTICS));
    }
    text
}

fn described(one: &Diagnostic) -> String {
    let severity = match one.severity {
        Some(DiagnosticSeverity::Warning) => "warning",
        Some(DiagnosticSeverity::Information) => "information",
        Some(DiagnosticSeverity::Hint) => "hint",
        _ => "error",
    };
    let message: String = text_of(&one.message).split_whitespace().collect::<Vec<_>>().join(" ");
    let message: String = message.chars().take(DIAGNOSTIC).collect();
    let source = one.source.as_deref().map(|source| format!(" ({source})")).unwrap_or_default();
    format!("line {}, {severity}: {message}{source}", one.range.start.line.saturating_add(1))
}

/// A file as a person mentions it.
fn mention(root: &Root, uri: &Uri, range: Option<Range>) -> opencode_nexus::Result<String> {
    let path = path_of(uri)?;
    let path = path.strip_prefix(&root.path).unwrap_or(&path).display().to_string();
    let lines = range.map(|range| {
        let (first, last) = (range.start.line.saturating_add(1), range.end.line);
        // A range that ends before the first character of a line does not mean that line.
        let last = if range.end.character == 0 { last } else { last.saturating_add(1) };
        if first >= last { format!("#L{first}") } else { format!("#L{first}-{last}") }
    });
    let is_plain = path.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c));
    let path = if is_plain { path } else { format!("\"{path}\"") };
    Ok(format!("@file:{path}{}", lines.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tower_lsp_server::gen_lsp_types::{Message, Position};

    use super::*;

    fn range(from: (u32, u32), to: (u32, u32)) -> Range {
        let position = |(line, character)| Position { line, character };
        Range { start: position(from), end: position(to) }
    }

    #[test]
    fn every_command_is_known_and_says_what_it_needs() {
        for command in COMMANDS {
            match Task::read(command, Vec::new()) {
                Ok(task) => assert_eq!(task, Task::NewChat(None)),
                Err(error) => assert!(error.contains(" needs a ") && error.contains(command), "{error}"),
            }
            let wrong = Task::read(command, vec![json!(7)]).unwrap_err();
            assert!(wrong.contains("argument 1"), "{wrong}");
        }
        assert_eq!(
            Task::read("nexus.server.dance", Vec::new()).unwrap_err(),
            "there is no command nexus.server.dance"
        );
    }

    #[test]
    fn what_an_action_sends_is_understood() {
        let arguments = vec![
            json!("file:///p/a.rs"),
            json!({"start": {"line": 1, "character": 0}, "end": {"line": 2, "character": 0}}),
            json!([{"range": {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 3}}, "message": "no"}]),
        ];
        let Ok(Task::Code { what: What::Fix, diagnostics, .. }) = Task::read(FIX, arguments) else {
            panic!("fix")
        };
        assert_eq!(diagnostics.len(), 1);
        let all = Task::read(REJECT, vec![json!("ses_1"), json!("file:///p/a.rs")]).unwrap();
        assert!(matches!(all, Task::Decide { hunk: None, accept: false, .. }));
    }

    #[test]
    fn diagnostics_are_lines_and_not_too_many() {
        let one = Diagnostic {
            range: range((2, 0), (2, 5)),
            message: Message::String(format!("first\n- second {}", "x".repeat(1000))),
            source: Some("rustc".into()),
            ..Diagnostic::default()
        };
        let text = instruction(What::Fix, &vec![one; 30]);
        assert_eq!(text.lines().count(), 2 + 1 + DIAGNOSTICS + 1);
        assert!(text.contains("\n- line 3, error: first - second xxx") && text.ends_with("and 10 more"));
        assert!(text.len() < 15_000);
    }

    #[test]
    fn a_mention_has_the_lines_that_are_selected() {
        let root = Root { uri: super::super::roots::uri_of("/p".as_ref()), path: Path::new("/p").into() };
        let mention =
            |path: &str, range| mention(&root, &super::super::roots::uri_of(path.as_ref()), range).unwrap();
        assert_eq!(mention("/p/src/a.rs", None), "@file:src/a.rs");
        assert_eq!(mention("/p/a b.rs", Some(range((2, 0), (9, 0)))), "@file:\"a b.rs\"#L3-9");
        assert_eq!(mention("/p/a.rs", Some(range((2, 1), (2, 4)))), "@file:a.rs#L3");
    }
}
