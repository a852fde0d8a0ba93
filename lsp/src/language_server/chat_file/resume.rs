//! Chats that are opened while their answer is not complete: the rest of it is written, and what is new in it.

use std::ops::Range;
use std::sync::Arc;

use opencode_nexus::Result;
use opencode_nexus::model::Status;
use similar::{ChangeTag, TextDiff};
use tower_lsp_server::gen_lsp_types::Uri;

use super::parse::ChatText;
use super::send::{answer_of, draft_end, root};
use super::spawn;
use super::writer::{Chat, Signal};
use crate::language_server::backend::Backend;
use crate::language_server::documents::Document;
use crate::language_server::roots::Root;

/// A chat was opened. Returns at once.
pub(super) fn opened(backend: &Backend, document: &Document) {
    let parsed = ChatText::parse(&document.text.to_string());
    let (Some(session), Some(prompt)) = (parsed.field("nexus"), parsed.field("answering")) else { return };
    let (session, prompt) = (session.to_owned(), prompt.to_owned());
    let (backend, uri) = (backend.clone(), document.uri.clone());
    tokio::spawn(async move {
        let resumed = async {
            let root = root(&backend, &uri)?;
            resume(&backend, &uri, root, session, prompt).await
        };
        if let Err(error) = resumed.await {
            backend.editor.show_error(&error).await;
        }
    });
}

async fn resume(backend: &Backend, uri: &Uri, root: Root, session: String, prompt: String) -> Result<()> {
    let signal = Arc::new(Signal::default());
    let conversation = backend.conversations.watch(backend, &root, &session, signal.clone()).await?;
    if conversation.with_transcript(|transcript| *transcript.status() == Status::Idle) {
        signal.end();
    }
    let mut state = backend.chats.lock();
    // It may have been closed, or sent from, meanwhile.
    let Some(document) = backend.documents.get(uri) else { return Ok(()) };
    if state.writing.contains_key(uri) {
        return Ok(());
    }
    let text = document.text.to_string();
    let parsed = ChatText::parse(&text);
    let range = answer_of(&text, &parsed).map(|(_, range)| range).unwrap_or_else(|| {
        let at = draft_end(&text);
        at..at
    });
    let make = |text: String, ours: Vec<Range<usize>>| {
        let turn = (session.clone(), prompt.clone());
        Chat::new(uri.clone(), turn, (text, ours), document.version, signal.clone())
    };
    let whole = make(text.clone(), vec![range.clone()]).whole(&conversation);
    let ours = ours(&text, range, &whole);
    let chat = Arc::new(make(text, ours));
    state.writing.insert(uri.clone(), chat.clone());
    drop(state);
    spawn(backend, chat);
    Ok(())
}

/// Which bytes of what stands there are the answer's: the lines that the answer has, the beginning of one that was not
/// complete, and what we say while the agent asks. The others may be the person's.
fn ours(text: &str, range: Range<usize>, answer: &str) -> Vec<Range<usize>> {
    let diff = TextDiff::from_lines(&text[range.clone()], answer);
    let wanted: Vec<&str> = answer.lines().collect();
    let (mut at, mut ours) = (range.start, Vec::new());
    for change in diff.iter_all_changes() {
        let length = change.value().len();
        let line = change.value().trim_end_matches(['\n', '\r']);
        let known = match change.tag() {
            ChangeTag::Insert => continue,
            ChangeTag::Equal => true,
            ChangeTag::Delete => {
                line.starts_with("> ") || wanted.iter().any(|wanted| wanted.starts_with(line))
            }
        };
        if known {
            ours.push(at..at + length);
        }
        at += length;
    }
    if ours.is_empty() {
        ours.push(range.start..range.start);
    }
    ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_answer_has_not_is_the_persons() {
        let text = "hi\n\n## OpenCode\n\none\nMINE\ntw";
        let range = ours(text, 2..text.len(), "\n\n## OpenCode\n\none\ntwo\n\n## You\n");
        let joined: String = range.into_iter().map(|range| &text[range]).collect();
        assert_eq!(joined, "\n\n## OpenCode\n\none\ntw");
    }
}
