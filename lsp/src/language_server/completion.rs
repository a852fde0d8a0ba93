//! `textDocument/completion` in chats: `@` with everything that can be mentioned, `/` with the commands of the server and of
//! plugins, `#` behind a file with its definitions or headings. Active in chats that are files, and in the input fields of plugins, which are
//! documents of the language `nexus-prompt`.

use std::time::Duration;

use opencode_nexus::context::{code_fence, fuzzy, typed_mention};
use ropey::Rope;
use serde::{Deserialize, Serialize};
use tower_lsp_server::gen_lsp_types::{
    Command, CompletionItem, CompletionItemKind, CompletionList, CompletionParams, CompletionResponse,
    Documentation, MarkupContent, MarkupKind, Position, Range, TextEdit, Uri,
};
use tower_lsp_server::jsonrpc::Result;

use super::backend::Backend;
use super::documents::Document;
use super::position::{char_at, position_of};
use super::roots::Root;
use super::{chat_file, context};

/// The language of the input fields of our plugins.
pub(crate) const PROMPT: &str = "nexus-prompt";

/// So many items are given at once.
const ITEMS: usize = 50;

/// So much before the cursor decides what is being typed.
const LOOKED_AT: usize = 20_000;

/// Only a server knows its commands, and it may have to read the project first. Who types on does not wait.
const BOUND: Duration = Duration::from_secs(3);

/// What an item means, for who resolves it.
#[derive(Debug, Serialize, Deserialize)]
struct Meaning {
    root: Uri,
    mention: String,
}

/// `textDocument/completion`
pub(crate) async fn completion(
    backend: &Backend,
    params: CompletionParams,
) -> Result<Option<CompletionResponse>> {
    let place = params.text_document_position_params;
    let uri = place.text_document.uri;
    let Some(document) = backend.documents.get(&uri) else { return Ok(None) };
    if document.language != PROMPT && !chat_file::is_chat(&document) {
        return Ok(None);
    }
    // A field that is no file belongs to no folder; where only one is open, that is meant.
    let root = backend.roots.of(&uri).or_else(|| backend.roots.resolve(&None).ok());
    let Some(root) = root else { return Ok(None) };
    let Some((begin, typed)) = typed(&document, place.position) else { return Ok(None) };
    let range = Range { start: position_of(&document.text, begin), end: place.position };
    let list = match typed.strip_prefix('/') {
        Some(name) => commands(backend, &root, name, &typed, range).await,
        None => mentions(backend, &root, &typed, range).await,
    };
    Ok(Some(CompletionResponse::CompletionList(list)))
}

/// `completionItem/resolve`
pub(crate) async fn resolve(backend: &Backend, mut item: CompletionItem) -> Result<CompletionItem> {
    let meaning = item.data.as_ref().and_then(|data| serde_json::from_value::<Meaning>(data.clone()).ok());
    let Some(Meaning { root, mention }) = meaning else { return Ok(item) };
    let Ok(root) = backend.roots.resolve(&Some(root)) else { return Ok(item) };
    if let Some(begin) = context::preview(backend, &root, &mention).await {
        let fence = code_fence(&begin);
        let value = format!("{fence}\n{}\n{fence}", begin.trim_end());
        item.documentation =
            Some(Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value }));
    }
    Ok(item)
}

/// What is being typed before the cursor, and at which character it begins: a mention, or a command.
fn typed(document: &Document, cursor: Position) -> Option<(usize, String)> {
    let end = char_at(&document.text, cursor);
    let begin = prompt_begin(document, end);
    let text = document.text.slice(begin..end).to_string();
    if let Some(at) = typed_mention(&text) {
        return Some((begin + text[..at].chars().count(), text[at..].to_owned()));
    }
    let bare = text.trim_start();
    let is_command = bare.starts_with('/') && !bare.contains(char::is_whitespace);
    is_command.then(|| (end - bare.chars().count(), bare.to_owned()))
}

/// Where the prompt begins in which the cursor stands: in a chat behind the last heading, elsewhere at the beginning.
fn prompt_begin(document: &Document, end: usize) -> usize {
    let earliest = line_begin(&document.text, end.saturating_sub(LOOKED_AT));
    if document.language == PROMPT {
        return earliest;
    }
    let mut line = document.text.char_to_line(end);
    while line > 0 && document.text.line_to_char(line) > earliest {
        line -= 1;
        if document.text.line(line).chars().take(3).eq("## ".chars()) {
            return document.text.line_to_char(line + 1);
        }
    }
    earliest
}

fn line_begin(text: &Rope, char: usize) -> usize {
    text.line_to_char(text.char_to_line(char))
}

async fn mentions(backend: &Backend, root: &Root, typed: &str, range: Range) -> CompletionList {
    let suggestions = context::suggestions(backend, root, typed, ITEMS).await;
    let again = asks_again(backend);
    let items = suggestions.into_iter().enumerate().map(|(at, one)| {
        let is_open = one.mention.ends_with(':');
        let kind = kind(&one.mention, one.detail.as_deref());
        let mut item = item(one.label, one.detail, one.mention.clone(), (typed, range, at));
        item.kind = Some(kind);
        if is_open {
            item.command = again.clone();
        }
        let meaning = Meaning { root: root.uri.clone(), mention: one.mention };
        item.data = serde_json::to_value(meaning).ok();
        item
    });
    // What fits is decided here, by other rules than an editor has, so it asks again with each letter.
    CompletionList { is_incomplete: true, items: items.collect(), ..Default::default() }
}

async fn commands(backend: &Backend, root: &Root, name: &str, typed: &str, range: Range) -> CompletionList {
    let list = async { context::client_at_hand(backend, root, BOUND).await?.commands().await.ok() };
    let known = tokio::time::timeout(BOUND, list).await.ok().flatten();
    let is_incomplete = known.is_none();
    let mut known: Vec<(String, Option<String>)> =
        known.unwrap_or_default().into_iter().map(|command| (command.name, command.description)).collect();
    let taken = |word: &str| known.iter().any(|(name, _)| name == word);
    let added = context::added_commands(backend, root, taken).await;
    known.extend(added.into_iter().map(|command| (command.word, Some(command.spec.summary))));
    let best = fuzzy::best(name, known.iter(), |(name, _)| name, ITEMS);
    let items = best.into_iter().enumerate().map(|(at, (name, about))| {
        let text = format!("/{name}");
        let mut item = item(text.clone(), about.clone(), format!("{text} "), (typed, range, at));
        item.kind = Some(CompletionItemKind::Function);
        // The list is complete, so the editor chooses by itself.
        item.filter_text = Some(text);
        item
    });
    CompletionList { is_incomplete, items: items.collect(), ..Default::default() }
}

/// An item in the place of what was typed. Its order is ours, and it always fits what was typed.
fn item(
    label: String,
    detail: Option<String>,
    text: String,
    (typed, range, at): (&str, Range, usize),
) -> CompletionItem {
    CompletionItem {
        label,
        detail,
        sort_text: Some(format!("{at:04}")),
        filter_text: Some(typed.to_owned()),
        text_edit: Some(TextEdit { range, new_text: text }.into()),
        ..Default::default()
    }
}

fn kind(mention: &str, detail: Option<&str>) -> CompletionItemKind {
    let bare = mention.trim_end_matches('"');
    match () {
        () if mention.contains("#L") => CompletionItemKind::Reference,
        () if mention.starts_with("@symbol:") => CompletionItemKind::Function,
        () if detail.is_some_and(|detail| detail.starts_with("agent  ")) => CompletionItemKind::Value,
        () if bare.ends_with('/') => CompletionItemKind::Folder,
        () if detail.is_none() => CompletionItemKind::File,
        () => CompletionItemKind::Keyword,
    }
}

/// Behind `@file:` more is to be chosen at once. Only VS Code and its kin know how to be told that.
fn asks_again(backend: &Backend) -> Option<Command> {
    let name = backend.editor.capabilities().name.to_lowercase();
    name.contains("code").then(|| Command {
        title: "Suggest".to_owned(),
        command: "editor.action.triggerSuggest".to_owned(),
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(language: &str, text: &str) -> Document {
        Document {
            uri: Uri("file:///a".into()),
            language: language.into(),
            version: 1,
            text: Rope::from_str(text),
        }
    }

    /// What is being typed at the end of a text.
    fn at_end(language: &str, text: &str) -> Option<(usize, String)> {
        let document = document(language, text);
        let end = position_of(&document.text, document.text.len_chars());
        typed(&document, end)
    }

    #[test]
    fn mentions_and_commands_are_found_before_the_cursor() {
        assert_eq!(at_end(PROMPT, "see @src/li"), Some((4, "@src/li".into())));
        assert_eq!(at_end(PROMPT, "🦀 @"), Some((2, "@".into())));
        assert_eq!(at_end(PROMPT, "/in"), Some((0, "/in".into())));
        assert_eq!(at_end(PROMPT, "\n /"), Some((2, "/".into())));
        assert_eq!(at_end(PROMPT, "say /in"), None);
        assert_eq!(at_end(PROMPT, "/init @a"), Some((6, "@a".into())));
        assert_eq!(at_end(PROMPT, "plain"), None);
    }

    #[test]
    fn in_a_chat_a_prompt_begins_behind_its_heading() {
        assert_eq!(at_end("markdown", "# Chat\n\n## You\n\n/in"), Some((16, "/in".into())));
        // What is open in an answer above is not open here.
        assert_eq!(at_end("markdown", "```\nopen\n\n## You\n@a"), Some((17, "@a".into())));
        assert_eq!(at_end("markdown", "## You\n```\n@a"), None);
    }

    #[test]
    fn a_kind_is_told_by_the_mention() {
        assert_eq!(kind("@src/", None), CompletionItemKind::Folder);
        assert_eq!(kind("@\"a b/\"", None), CompletionItemKind::Folder);
        assert_eq!(kind("@a.rs", None), CompletionItemKind::File);
        assert_eq!(kind("@a.rs#L1-2", Some("function  1-2")), CompletionItemKind::Reference);
        assert_eq!(kind("@git-diff", Some("what has changed")), CompletionItemKind::Keyword);
    }
}
