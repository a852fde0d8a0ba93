//! `textDocument/inlineCompletion`: ghost text. Off unless the settings turn it on, because each one is a prompt.
//!
//! One is under way at a time. A newer request, or the editor taking the request back, stops it: the turn is aborted, its
//! session deleted, and no history keeps it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opencode_nexus::chat::{AskPolicy, Conversation, ConversationOptions, Decision, OutcomeKind, Prompt};
use opencode_nexus::context::code_fence;
use opencode_nexus::model::{PartBody, Role};
use opencode_nexus::{Error, ErrorKind, Result};
use ropey::Rope;
use tokio::sync::{Mutex, Notify};
use tower_lsp_server::gen_lsp_types::{
    InlineCompletionItem, InlineCompletionParams, InlineCompletionResponse, InlineCompletionTriggerKind,
    InsertText, Range,
};
use tower_lsp_server::jsonrpc;

use super::backend::Backend;
use super::chat_file::is_chat;
use super::documents::Document;
use super::position::char_at;
use super::roots::Root;
use crate::settings::settings;

/// A person who types on within this time wanted nothing.
const DEBOUNCE: Duration = Duration::from_millis(300);

/// Later than this nobody looks at it any more.
const BOUND: Duration = Duration::from_secs(30);

/// So many characters before and behind the cursor go along.
const BEFORE: usize = 4_000;
const BEHIND: usize = 1_000;

/// Longer suggestions are cut off.
const LINES: usize = 40;

/// Marks the cursor in the prompt.
const CURSOR: &str = "<CURSOR>";

/// What is under way.
#[derive(Default)]
pub(crate) struct Ghosts {
    newest: AtomicU64,
    came: Notify,
    one: Mutex<()>,
}

/// `textDocument/inlineCompletion`
pub(crate) async fn inline_completion(
    backend: &Backend,
    params: InlineCompletionParams,
) -> jsonrpc::Result<Option<InlineCompletionResponse>> {
    let number = backend.ghosts.newest.fetch_add(1, Ordering::SeqCst) + 1;
    backend.ghosts.came.notify_waiters();
    if !settings().is_ok_and(|settings| settings.inline) {
        return Ok(None);
    }
    let at = params.text_document_position_params;
    let Some(document) = backend.documents.get(&at.text_document.uri) else { return Ok(None) };
    let Some(root) = backend.roots.of(&document.uri).filter(|_| !is_chat(&document)) else { return Ok(None) };
    let is_automatic = params.context.trigger_kind == InlineCompletionTriggerKind::Automatic;
    let wait = if is_automatic { DEBOUNCE } else { Duration::ZERO };
    let around = Around::of(&document.text, char_at(&document.text, at.position));
    let text = tokio::select! {
        text = suggest(backend, &root, &document, &around, wait) => text,
        () = overtaken(&backend.ghosts, number) => return Ok(None),
    };
    let text = match text {
        Ok(text) => text,
        Err(error) => {
            // Who types is not interrupted by what nobody has asked for.
            tracing::warn!(%error, "there is no suggestion");
            return Ok(None);
        }
    };
    let item = text.map(|text| InlineCompletionItem {
        insert_text: InsertText::String(text),
        range: Some(Range { start: at.position, end: at.position }),
        filter_text: None,
        command: None,
    });
    Ok(item.map(|item| vec![item].into()))
}

/// Returns when a newer request has come.
async fn overtaken(ghosts: &Ghosts, number: u64) {
    loop {
        let came = ghosts.came.notified();
        if ghosts.newest.load(Ordering::SeqCst) != number {
            return;
        }
        came.await;
    }
}

async fn suggest(
    backend: &Backend,
    root: &Root,
    document: &Document,
    around: &Around,
    wait: Duration,
) -> Result<Option<String>> {
    tokio::time::sleep(wait).await;
    let _one = backend.ghosts.one.lock().await;
    let bounded = tokio::time::timeout(BOUND, answer(backend, root, document, around));
    let answer =
        bounded.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, "the model was too slow")))?;
    Ok(around.trimmed(&answer))
}

async fn answer(backend: &Backend, root: &Root, document: &Document, around: &Around) -> Result<String> {
    let client = backend.roots.client(root).await?.unkept();
    let policy = AskPolicy { otherwise: Decision::Deny, questions: Decision::Deny, ..AskPolicy::default() };
    let options = ConversationOptions { policy, ..ConversationOptions::default() };
    // In a task of its own: whoever is overtaken meanwhile would leave a session behind that nobody knows.
    let created = tokio::spawn(async move {
        client
            .create_with(Some("Suggestion"), options)
            .await
            .map(|conversation| ThrownAway(Some(conversation)))
    });
    let thrown = created.await.map_err(|error| {
        Error::new(ErrorKind::Internal, "the session of a suggestion could not be made").with_source(error)
    })??;
    let Some(conversation) = &thrown.0 else { return Ok(String::new()) };
    let name = document.uri.0.rsplit('/').next().unwrap_or_default();
    let mut prompt = Prompt::text(around.prompt(name, &document.language));
    let settings = settings()?;
    prompt.model = settings.inline_model.clone().or_else(|| settings.model.clone());
    // Dropped when the editor has taken the request back; that stops it on the server.
    let outcome = conversation.prompt(prompt).await?.finish().await?;
    if let (OutcomeKind::Failed, Some(error)) = (outcome.kind, outcome.error) {
        return Err(Error::new(ErrorKind::Provider, error.message));
    }
    Ok(conversation.with_transcript(|transcript| {
        let answers = transcript.messages().iter().filter(|message| message.role == Role::Assistant);
        let texts = answers.flat_map(|message| &message.parts).filter_map(|part| match &part.body {
            PartBody::Text { text, .. } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }))
}

/// A session that is deleted when it is let go, however that comes.
struct ThrownAway(Option<Conversation>);

impl Drop for ThrownAway {
    fn drop(&mut self) {
        if let (Some(conversation), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                if let Err(error) = conversation.delete().await {
                    tracing::debug!(%error, "the session of a suggestion stays");
                }
            });
        }
    }
}

/// What stands around the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Around {
    before: String,
    behind: String,
}

impl Around {
    fn of(text: &Rope, at: usize) -> Self {
        let from = at.saturating_sub(BEFORE);
        let to = (at + BEHIND).min(text.len_chars());
        Self { before: text.slice(from..at).to_string(), behind: text.slice(at..to).to_string() }
    }

    fn prompt(&self, name: &str, language: &str) -> String {
        let code = format!("{}{CURSOR}{}", self.before, self.behind);
        let fence = code_fence(&code);
        format!(
            "Complete the text at {CURSOR}. Answer with nothing but what belongs there, without a fence, without words about it, \
             and without what stands there already. Use no tools. If nothing belongs there, answer nothing.\n\n\
             {name}:\n{fence}{language}\n{code}\n{fence}"
        )
    }

    /// The answer without what models put around it. `None` when nothing is left.
    fn trimmed(&self, answer: &str) -> Option<String> {
        let mut text = unfenced(answer).replace(CURSOR, "");
        // Some begin with the line in which the cursor stands.
        let line = self.before.rsplit('\n').next().unwrap_or_default();
        if !line.trim().is_empty()
            && let Some(rest) = text.trim_start_matches('\n').strip_prefix(line)
        {
            text = rest.to_owned();
        }
        // And some end with what follows the cursor.
        let rest = self.behind.split('\n').next().unwrap_or_default().trim_end();
        if !rest.is_empty()
            && let Some(shorter) = text.trim_end().strip_suffix(rest)
        {
            text = shorter.to_owned();
        }
        let lines: Vec<&str> = text.trim_end().split('\n').take(LINES).collect();
        let text = lines.join("\n");
        (!text.trim().is_empty()).then_some(text)
    }
}

/// The inside of an answer that is one code block.
fn unfenced(answer: &str) -> &str {
    let trimmed = answer.trim();
    let inside = trimmed.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    inside.and_then(|inside| inside.split_once('\n')).map_or(answer, |(_, code)| code.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(before: &str, behind: &str) -> Around {
        Around { before: before.into(), behind: behind.into() }
    }

    #[test]
    fn what_goes_along_is_bounded_on_both_sides() {
        let text = Rope::from_str(&"é".repeat(10_000));
        let found = Around::of(&text, 5_000);
        assert_eq!((found.before.chars().count(), found.behind.chars().count()), (BEFORE, BEHIND));
        assert_eq!(Around::of(&text, 10_000).behind, "");
        let prompt = around("```rust\nfn a() {", "}\n```").prompt("a.md", "markdown");
        assert!(prompt.contains("\n````markdown\n```rust\nfn a() {<CURSOR>}\n```\n````"), "{prompt}");
    }

    #[test]
    fn what_models_put_around_an_answer_is_taken_off() {
        let here = around("fn main() {\n    let x = ", ";\n}");
        for answer in ["1 + 2", "```rust\n1 + 2\n```", "    let x = 1 + 2;", "1 + 2;", "1 + 2<CURSOR>\n"] {
            assert_eq!(here.trimmed(answer).as_deref(), Some("1 + 2"), "{answer:?}");
        }
        for nothing in ["", " \n", "```\n```", ";"] {
            assert_eq!(here.trimmed(nothing), None, "{nothing:?}");
        }
        let long = around("", "").trimmed(&"x\n".repeat(100)).unwrap();
        assert_eq!(long.lines().count(), LINES);
    }

    #[tokio::test]
    async fn a_newer_request_overtakes_an_older_one() {
        let ghosts = Ghosts::default();
        ghosts.newest.store(1, Ordering::SeqCst);
        let waiting = overtaken(&ghosts, 1);
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        ghosts.newest.store(2, Ordering::SeqCst);
        ghosts.came.notify_waiters();
        waiting.await;
    }
}
