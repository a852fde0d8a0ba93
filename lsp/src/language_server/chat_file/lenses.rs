//! What can be done in a chat, as lenses above the headings, and as code actions for editors without lenses (Helix).

use serde_json::json;
use tower_lsp_server::gen_lsp_types::{
    CodeAction, CodeActionKind, CodeActionResponse, CodeLens, CodeLensParams, Command, Position, Range,
};
use tower_lsp_server::jsonrpc::Result;

use super::is_chat;
use super::parse::{ChatText, Speaker};
use super::place::place_of;
use super::writer::asks;
use crate::language_server::backend::Backend;
use crate::language_server::commands::{RETRY, SEND, STOP};
use crate::language_server::documents::Document;
use crate::language_server::review;

/// Something that can be done, and the byte of its line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Offer {
    at: usize,
    title: &'static str,
    command: &'static str,
}

/// What a chat does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Nothing,
    Answering,
    Asking,
}

/// `textDocument/codeLens`
pub(crate) async fn code_lens(backend: &Backend, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
    let Some(document) = backend.documents.get(&params.text_document.uri) else { return Ok(None) };
    if !is_chat(&document) {
        return Ok(Some(review::code_lenses(backend, &document)));
    }
    let text = document.text.to_string();
    let lens = |offer: Offer| {
        let (line, _) = place_of(&text, offer.at);
        let start = Position { line, character: 0 };
        let command = Some(command(&offer, &document));
        CodeLens { range: Range { start, end: start }, command, data: None }
    };
    Ok(Some(offers(&text, doing(backend, &document)).into_iter().map(lens).collect()))
}

/// What can be done in a chat, for editors without lenses; nothing in other documents.
pub(crate) fn code_actions(backend: &Backend, document: &Document) -> Vec<CodeActionResponse> {
    if !is_chat(document) {
        return Vec::new();
    }
    let action = |offer: Offer| {
        CodeActionResponse::CodeAction(CodeAction {
            title: offer.title.to_owned(),
            // No kind of the protocol is this. Editors offer what has none or is empty.
            kind: Some(CodeActionKind::Empty),
            command: Some(command(&offer, document)),
            ..CodeAction::default()
        })
    };
    offers(&document.text.to_string(), doing(backend, document)).into_iter().map(action).collect()
}

fn command(offer: &Offer, document: &Document) -> Command {
    Command {
        title: offer.title.to_owned(),
        command: offer.command.to_owned(),
        arguments: Some(vec![json!(document.uri)]),
        ..Command::default()
    }
}

fn doing(backend: &Backend, document: &Document) -> Doing {
    let Some(chat) = backend.chats.writing(&document.uri) else { return Doing::Nothing };
    let waits = backend.conversations.get(&chat.session).is_some_and(|conversation| {
        let (permissions, questions) = asks(&conversation);
        !(permissions.is_empty() && questions.is_empty())
    });
    if waits { Doing::Asking } else { Doing::Answering }
}

fn offers(text: &str, doing: Doing) -> Vec<Offer> {
    let parsed = ChatText::parse(text);
    let last = parsed.sections.last();
    let you = last.filter(|section| section.speaker == Speaker::You).map(|section| section.heading.start);
    let answer = parsed.last_answer().map(|(_, section)| section.heading.start);
    let mut offers = Vec::new();
    let mut offer = |at: Option<usize>, title, command| {
        offers.extend(at.map(|at| Offer { at, title, command }));
    };
    match doing {
        Doing::Nothing => {
            let draft = if last.is_none() { Some(parsed.preamble.start) } else { you };
            offer(draft, "Send to OpenCode", SEND);
            if parsed.field("nexus").is_some() {
                offer(answer, "Retry", RETRY);
            }
        }
        Doing::Asking => {
            offer(you, "Send as the answer", SEND);
            offer(answer, "Stop", STOP);
        }
        Doing::Answering => offer(answer, "Stop", STOP),
    }
    offers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(text: &str, doing: Doing) -> Vec<(usize, &'static str)> {
        offers(text, doing)
            .into_iter()
            .map(|offer| (place_of(text, offer.at).0 as usize, offer.title))
            .collect()
    }

    #[test]
    fn a_chat_offers_what_can_be_done_now() {
        let chat = "---\nnexus: ses_1\n---\n\n## You\n\nhi\n\n## OpenCode\n\nho\n\n## You\n\n";
        assert_eq!(offered(chat, Doing::Nothing), [(12, "Send to OpenCode"), (8, "Retry")]);
        assert_eq!(offered(chat, Doing::Answering), [(8, "Stop")]);
        assert_eq!(offered(chat, Doing::Asking), [(12, "Send as the answer"), (8, "Stop")]);
        assert_eq!(offered("just this", Doing::Nothing), [(0, "Send to OpenCode")]);
        assert_eq!(offered("## OpenCode\n\nho\n", Doing::Nothing), []);
    }
}
