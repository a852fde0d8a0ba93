//! Writes a turn into a document while it runs: what the transcript has becomes Markdown, and the document is brought there by
//! edits, one at a time. Nothing here keeps what was said: after a break it is read from the transcript again.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use opencode_nexus::chat::{Conversation, Transcript};
use opencode_nexus::model::{Permission, Question};
use opencode_nexus::{Error, ErrorKind, Result};
use tokio::sync::Notify;
use tower_lsp_server::gen_lsp_types::{
    ApplyWorkspaceEditParams, ApplyWorkspaceEditRequest, OptionalVersionedTextDocumentIdentifier, Position,
    Range as LspRange, TextDocumentEdit, TextDocumentIdentifier, TextEdit, Uri, WorkspaceEdit,
};

use super::parse::{ChatText, Speaker, newline_of, set_field};
use super::region::difference;
use super::render::{TurnView, answers, section};
use super::shadow::{Edit, Heard, Shadow};
use crate::language_server::backend::Backend;
use crate::language_server::conversations::Watcher;
use crate::language_server::ext::{ChatProgress, EndReason, ProgressKind};
use crate::language_server::work_done::WorkDone;

/// Edits come no closer than this.
const PACE: Duration = Duration::from_millis(40);
/// How long an editor may take to report what it has acknowledged, before the next edit. Neovim gathers for 150 ms.
const REPORT: Duration = Duration::from_millis(250);
/// Where changes are reported late, what takes something away waits until nobody has typed for this long.
const QUIET: Duration = Duration::from_secs(1);
/// How long an editor may take for an edit: it may show the person something that must be answered first.
const APPLY: Duration = Duration::from_secs(60);
/// So many refusals in a row are taken for an answer.
const REFUSALS: u32 = 20;

/// What a chat is told of its turn.
#[derive(Default)]
pub(super) struct Signal {
    ended: Mutex<Option<Ended>>,
    /// What the agent does now.
    doing: Mutex<Option<String>>,
    wake: Notify,
}

/// The end of a turn; with a line where the transcript does not say why.
#[derive(Clone, Debug)]
struct Ended {
    why: Option<String>,
}

#[async_trait]
impl Watcher for Signal {
    async fn tell(&self, events: Vec<ChatProgress>) {
        for event in events {
            match event.kind {
                ProgressKind::Tool { tool, status, .. } if status == "running" => {
                    *lock(&self.doing) = Some(tool);
                }
                ProgressKind::End { reason, error, .. } if event.child.is_none() => {
                    let why = error.map(|error| match error.hint {
                        Some(hint) => format!("{}: {hint}", error.message),
                        None => error.message,
                    });
                    let why = if reason == EndReason::Aborted { Some("stopped".to_owned()) } else { why };
                    *lock(&self.ended) = Some(Ended { why });
                }
                _ => {}
            }
        }
        self.wake.notify_one();
    }

    fn shows_asks(&self) -> bool {
        false
    }
}

impl Signal {
    /// The turn is over already.
    pub(super) fn end(&self) {
        *lock(&self.ended) = Some(Ended { why: None });
        self.wake.notify_one();
    }
}

/// A turn that is written into a document.
pub(super) struct Chat {
    pub uri: Uri,
    pub session: String,
    /// The prompt that is answered.
    pub prompt: String,
    signal: Arc<Signal>,
    document: Mutex<Document>,
}

/// The document, as far as it is known.
struct Document {
    shadow: Shadow,
    version: i32,
    newline: &'static str,
    /// Nothing is written any more.
    closed: bool,
    /// It reports our edits after a while.
    late: bool,
    /// When somebody else has last changed it.
    touched: Option<Instant>,
    /// All of the answer stands there; what is left is to say so.
    complete: bool,
}

/// What is to be done next.
enum Step {
    /// With the version for which it is meant, where that is known.
    Edit(Edit, Option<i32>),
    /// Until something happens, or for this long.
    Wait(Option<Duration>),
    Done,
}

impl Chat {
    pub(super) fn new(
        uri: Uri,
        (session, prompt): (String, String),
        (text, answer): (String, Vec<Range<usize>>),
        version: i32,
        signal: Arc<Signal>,
    ) -> Self {
        let newline = newline_of(&text);
        let shadow = Shadow::new(text, &answer);
        let document =
            Document { shadow, version, newline, closed: false, late: false, touched: None, complete: false };
        Self { uri, session, prompt, signal, document: Mutex::new(document) }
    }

    /// The editor has reported its text.
    pub(super) fn reported(&self, version: i32, heard: Option<&Heard>, text: &str) {
        let mut document = lock(&self.document);
        document.version = version;
        if document.shadow.reported(heard, text) {
            document.touched = Some(Instant::now());
        }
        drop(document);
        self.signal.wake.notify_one();
    }

    /// Whether all of the answer stands there, and only the front matter may not say so yet.
    pub(super) fn is_complete(&self) -> bool {
        lock(&self.document).complete
    }

    /// Nothing is written any more.
    pub(super) fn close(&self) {
        lock(&self.document).closed = true;
        self.signal.wake.notify_one();
    }

    /// All of the answer as it is now.
    pub(super) fn whole(&self, conversation: &Conversation) -> String {
        let ended = lock(&self.signal.ended).clone();
        let newline = lock(&self.document).newline;
        self.answer(conversation, ended.as_ref(), newline, false)
    }

    /// What stands below the answer, up to the next heading: where, and what.
    pub(super) fn below(&self) -> (Range<usize>, String) {
        let document = lock(&self.document);
        let text = document.shadow.text();
        let start = document.shadow.range().end;
        let parsed = ChatText::parse(text);
        let next = parsed.sections.iter().map(|section| section.heading.start).find(|at| *at >= start);
        let end = next.unwrap_or(text.len());
        (start..end, text[start..end].trim().to_owned())
    }

    /// What was written below was an answer for the agent and has been given: it goes.
    pub(super) fn take_below(&self, what: &str) {
        let mut document = lock(&self.document);
        let start = document.shadow.range().end;
        if let Some(at) = document.shadow.text()[start..].find(what) {
            document.shadow.adopt(start + at + what.len());
        }
        drop(document);
        self.signal.wake.notify_one();
    }

    /// Writes until the turn is over and all of it stands in the document, or the document is closed.
    pub(super) async fn write(&self, backend: &Backend) -> Result<()> {
        let progress = WorkDone::begin(backend, &self.session, "OpenCode").await;
        let written = self.write_all(backend, &progress).await;
        progress.end().await;
        written
    }

    async fn write_all(&self, backend: &Backend, progress: &WorkDone) -> Result<()> {
        let mut refused = 0;
        loop {
            let doing = lock(&self.signal.doing).take();
            if let Some(doing) = doing {
                progress.report(&doing).await;
            }
            match self.step(backend) {
                Step::Done => return Ok(()),
                Step::Wait(None) => self.signal.wake.notified().await,
                Step::Wait(Some(bound)) => self.wait(bound).await,
                Step::Edit(edit, version) => match self.apply(backend, &edit, version).await {
                    Ok(()) => {
                        refused = 0;
                        self.let_report().await;
                    }
                    Err(error) if refused == REFUSALS || error.kind() == ErrorKind::Timeout => {
                        return Err(error);
                    }
                    Err(_) => {
                        refused += 1;
                        self.wait(PACE * refused).await;
                    }
                },
            }
        }
    }

    async fn wait(&self, bound: Duration) {
        let _ = tokio::time::timeout(bound, self.signal.wake.notified()).await;
    }

    /// Gives the editor the time to report the edit: until then nobody knows where a person has typed meanwhile.
    async fn let_report(&self) {
        let until = Instant::now() + REPORT;
        tokio::time::sleep(PACE).await;
        while !lock(&self.document).shadow.is_reported() {
            let left = until.saturating_duration_since(Instant::now());
            lock(&self.document).late = true;
            if left.is_zero() {
                return;
            }
            self.wait(left).await;
        }
        // What came while we waited must not be lost.
        self.signal.wake.notify_one();
    }

    fn step(&self, backend: &Backend) -> Step {
        let ended = lock(&self.signal.ended).clone();
        let conversation = backend.conversations.get(&self.session);
        let mut document = lock(&self.document);
        if document.closed {
            return Step::Done;
        }
        let goes_on = goes_on(&document.shadow);
        let answer = conversation
            .map(|conversation| self.answer(&conversation, ended.as_ref(), document.newline, goes_on));
        let Some(answer) = answer else {
            // The session is gone here; what stands there stands.
            return Step::Done;
        };
        if let Some(wait) = document.must_wait(&answer) {
            return Step::Wait(Some(wait));
        }
        // What it has not reported yet, it may have counted all the same.
        let version = Some(document.version).filter(|_| document.shadow.is_reported());
        let answering = Some(self.prompt.as_str()).filter(|_| !document.complete);
        let next = document.front(&self.session, answering).or_else(|| document.shadow.next(&answer));
        match next {
            Some(edit) => Step::Edit(edit, version),
            None if ended.is_none() => Step::Wait(None),
            None if document.complete => Step::Done,
            None => {
                document.complete = true;
                Step::Wait(Some(Duration::ZERO))
            }
        }
    }

    fn answer(
        &self,
        conversation: &Conversation,
        ended: Option<&Ended>,
        newline: &str,
        goes_on: bool,
    ) -> String {
        let (permissions, questions) = match ended {
            Some(_) => Default::default(),
            None => asks(conversation),
        };
        conversation.with_transcript(|transcript| {
            let said =
                answers(transcript.messages(), &self.prompt).iter().any(|answer| answer.error.is_some());
            let view = TurnView {
                messages: transcript.messages(),
                prompt: &self.prompt,
                permissions: &permissions,
                questions: &questions,
                folder: folder(transcript),
                runs: ended.is_none(),
                lost: ended.and_then(|ended| ended.why.as_deref()).filter(|_| !said),
                goes_on,
            };
            section(&view, newline)
        })
    }

    async fn apply(&self, backend: &Backend, edit: &Edit, version: Option<i32>) -> Result<()> {
        let position = |(line, character)| Position { line, character };
        let range = LspRange { start: position(edit.from), end: position(edit.to) };
        let change = TextEdit { range, new_text: edit.text.clone() };
        let is_exact = edit.is_exact && version.is_some();
        let edit = if is_exact && backend.editor.capabilities().document_changes {
            let text_document = OptionalVersionedTextDocumentIdentifier {
                version,
                text_document_identifier: TextDocumentIdentifier { uri: self.uri.clone() },
            };
            let change = TextDocumentEdit { text_document, edits: vec![change.into()] };
            WorkspaceEdit { document_changes: Some(vec![change.into()]), ..WorkspaceEdit::default() }
        } else {
            let changes = [(self.uri.clone(), vec![change])].into();
            WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }
        };
        // No label: Neovim would print it.
        let params = ApplyWorkspaceEditParams { edit, label: None, metadata: None };
        let answer = backend.editor.ask::<ApplyWorkspaceEditRequest>(params, APPLY).await;
        let applied = answer.as_ref().is_ok_and(|answer| answer.applied);
        lock(&self.document).shadow.answered(applied);
        match answer? {
            answer if answer.applied => Ok(()),
            _ => Err(Error::new(
                ErrorKind::Conflict,
                "the editor does not let the answer be written into the chat",
            )
            .with_hint("see whether the file can be changed; close and open it to try again")),
        }
    }
}

impl Document {
    /// How long an edit has to wait that takes something away.
    fn must_wait(&self, answer: &str) -> Option<Duration> {
        let touched = self.touched.filter(|_| self.late)?;
        let left = QUIET.checked_sub(touched.elapsed())?;
        self.shadow.clone().next(answer).is_some_and(|edit| edit.is_exact).then_some(left)
    }

    /// The edit that makes the front matter say to whom the chat belongs, and what is being answered.
    fn front(&mut self, session: &str, answering: Option<&str>) -> Option<Edit> {
        let mut wanted = self.shadow.text().to_owned();
        for (key, value) in [("nexus", Some(session)), ("answering", answering)] {
            if let Some((range, text)) = set_field(&wanted, key, value, self.newline) {
                wanted.replace_range(range, &text);
            }
        }
        let change = difference(self.shadow.text(), &wanted)?;
        self.shadow.edit(change.range, change.text)
    }
}

/// Whether there is a heading below the answer under which the person can go on.
fn goes_on(shadow: &Shadow) -> bool {
    let end = shadow.range().end;
    let parsed = ChatText::parse(shadow.text());
    parsed.sections.iter().any(|section| section.speaker == Speaker::You && section.heading.start >= end)
}

fn folder(transcript: &Transcript) -> &str {
    transcript.session().map(|session| session.directory.as_str()).unwrap_or_default()
}

/// What the agent asks, its sub-agents included.
pub(super) fn asks(conversation: &Conversation) -> (Vec<Permission>, Vec<Question>) {
    let (mut permissions, mut questions) = (Vec::new(), Vec::new());
    let mut add = |transcript: &Transcript| {
        permissions.extend_from_slice(transcript.permissions());
        questions.extend_from_slice(transcript.questions());
    };
    conversation.with_transcript(&mut add);
    for session in conversation.sessions() {
        if session != *conversation.session_id() {
            conversation.with_child(&session, &mut add);
        }
    }
    (permissions, questions)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
