//! Prompts with their context: what the editor knows for the providers of the SDK (`source`), and parts of the protocol as a
//! prompt.

mod source;

use std::time::Duration;

use opencode_nexus::chat::{Prompt, PromptPart};
use opencode_nexus::context::{Budget, Context, LeftOut, Mention, Scope, mentions};
use opencode_nexus::dialect::Action;
use opencode_nexus::extension::{Command, CommandOutcome};
use opencode_nexus::model::SessionId;
use opencode_nexus::{Client, Error, ErrorKind, Result};
use tower_lsp_server::gen_lsp_types::{Range, Uri};

use self::source::Source;
use super::backend::Backend;
use super::conversations::Sending;
use super::ext::{ContextSuggestParams, ContextSuggestResult, InputPart, LeftOutInfo, SuggestionInfo};
use super::roots::{Root, path_of};
use crate::plugins::STARTED;
use crate::settings::settings;

/// Larger images are refused by every provider. In base64, four letters are three bytes.
const IMAGE_LETTERS: usize = 20_000_000 / 3 * 4;

/// Suggestions that are given when nobody says how many.
const SUGGESTIONS: usize = 50;

/// Who types a mention does not wait longer for a server; files need none.
const AT_HAND: Duration = Duration::from_millis(300);

/// How long somebody who types waits for plugins that are being started.
const TYPED: Duration = Duration::from_millis(200);

/// What parts come to.
pub(crate) enum Composed {
    /// This is to be sent.
    Sending(Sending, Vec<LeftOutInfo>),
    /// A command has done it; this is to be shown to the person, as Markdown, and sent to nobody.
    Shown(Option<String>),
}

/// A prompt of parts, with everything that their mentions mean. Text that begins with `/name` is the command of that name,
/// where the server or a plugin has one; the server's come first. In what a plugin's command writes, mentions are text.
///
/// Model, agent and delivery are the caller's to set; `session` is the one in which it is written, if there is one.
///
/// # Errors
/// Parts that cannot be sent; a server that cannot be reached; what a plugin's command fails with.
pub(crate) async fn composed(
    backend: &Backend,
    root: &Root,
    session: Option<&str>,
    parts: &[InputPart],
) -> Result<Composed> {
    match command(backend, root, parts).await? {
        Some(Named::Server(action)) => return Ok(Composed::Sending(Sending::Action(action), Vec::new())),
        Some(Named::Added(command, arguments)) => {
            let session = session.map(SessionId::from);
            return Ok(match command.run(&arguments, session.as_ref()).await? {
                CommandOutcome::Prompt(parts) => {
                    Composed::Sending(Sending::Prompt(Prompt { parts, ..Prompt::default() }), Vec::new())
                }
                CommandOutcome::Show(text) => Composed::Shown(Some(text)),
                CommandOutcome::Nothing => Composed::Shown(None),
            });
        }
        None => {}
    }
    let mut prompt = Prompt::default();
    let mut named = Vec::new();
    for part in parts {
        match part {
            InputPart::Text { text, plain } => {
                prompt.parts.push(PromptPart::Text(text.clone()));
                if !plain {
                    named.extend(mentions(text));
                }
            }
            InputPart::File { uri, range } => named.push(mention(uri, range.as_ref())?),
            InputPart::Image { mime, name, data } => prompt.parts.push(image(mime, name.as_deref(), data)?),
            InputPart::Agent { name } => prompt.parts.push(PromptPart::Agent { name: name.clone() }),
        }
    }
    if named.is_empty() {
        return Ok(Composed::Sending(Sending::Prompt(prompt), Vec::new()));
    }
    let client = backend.roots.client(root).await?;
    let source = Source::new(backend, root);
    let scope = Scope { root: &root.path, client: Some(&client), editor: Some(&source) };
    let gathered = context(backend, root, STARTED).await.gather_mentions(&scope, &named, budget()).await?;
    prompt.parts.extend(gathered.parts());
    let left_out = gathered.left_out.into_iter().map(left_out).collect();
    Ok(Composed::Sending(Sending::Prompt(prompt), left_out))
}

/// `nexus/context/suggest`: what a mention that is being typed may mean.
///
/// # Errors
/// When the root is not clear.
pub(crate) async fn suggest(backend: &Backend, params: ContextSuggestParams) -> Result<ContextSuggestResult> {
    let root = backend.roots.resolve(&params.root)?;
    let suggestions = suggestions(backend, &root, &params.typed, params.limit.unwrap_or(SUGGESTIONS)).await;
    let info = |one: opencode_nexus::context::Suggestion| SuggestionInfo {
        label: one.label,
        detail: one.detail,
        mention: one.mention,
    };
    Ok(ContextSuggestResult { suggestions: suggestions.into_iter().map(info).collect() })
}

/// What a mention that is being typed may mean, for who types in a document.
pub(crate) async fn suggestions(
    backend: &Backend,
    root: &Root,
    typed: &str,
    limit: usize,
) -> Vec<opencode_nexus::context::Suggestion> {
    let client = client_at_hand(backend, root, AT_HAND).await;
    let source = Source::new(backend, root);
    let scope = Scope { root: &root.path, client: client.as_ref(), editor: Some(&source) };
    context(backend, root, TYPED).await.suggest(&scope, typed, limit).await
}

/// How what a suggestion means begins.
pub(crate) async fn preview(backend: &Backend, root: &Root, mention: &str) -> Option<String> {
    let source = Source::new(backend, root);
    let scope = Scope { root: &root.path, client: None, editor: Some(&source) };
    backend.context.preview(&scope, mention).await
}

/// A client, if there is one in a moment: nobody who types waits until a server is installed. Being asked for makes it start.
pub(crate) async fn client_at_hand(backend: &Backend, root: &Root, bound: Duration) -> Option<Client> {
    let (asked, of) = (backend.clone(), root.clone());
    let asking = tokio::spawn(async move { asked.roots.client(&of).await.ok() });
    tokio::time::timeout(bound, asking).await.ok()?.ok()?
}

/// The providers, with what the settings say now, and those of plugins. Plugins that are being started are waited for.
async fn context(backend: &Backend, root: &Root, bound: Duration) -> Context {
    let own = match settings() {
        Ok(settings) if !settings.context_hosts.is_empty() => {
            backend.context.clone().with_hosts(&settings.context_hosts)
        }
        _ => backend.context.clone(),
    };
    let plugins = backend.roots.plugins(root);
    plugins.extensions().settled(bound).await;
    plugins.extensions().context_with(own)
}

fn budget() -> Budget {
    settings().map(|settings| settings.context_budget).unwrap_or_default()
}

fn left_out(left: LeftOut) -> LeftOutInfo {
    LeftOutInfo { title: left.title, reason: left.reason }
}

/// A command that somebody has.
enum Named {
    /// The server, with the arguments.
    Server(Action),
    /// A plugin, with the arguments.
    Added(Command, String),
}

/// The command that parts mean: `/name` at the very beginning, where the server or a plugin has one of that name.
async fn command(backend: &Backend, root: &Root, parts: &[InputPart]) -> Result<Option<Named>> {
    let Some((name, arguments)) = written_command(parts, &root.path) else { return Ok(None) };
    let of_server = backend.roots.client(root).await?.commands().await?;
    let is_of_server = |word: &str| of_server.iter().any(|command| command.name == word);
    if is_of_server(&name) {
        return Ok(Some(Named::Server(Action::Command { name, arguments })));
    }
    let plugins = backend.roots.plugins(root);
    plugins.extensions().settled(STARTED).await;
    Ok(plugins.extensions().command(&name, is_of_server).map(|command| Named::Added(command, arguments)))
}

/// The commands of plugins, by the words that the server leaves them.
pub(crate) async fn added_commands(
    backend: &Backend,
    root: &Root,
    is_of_server: impl Fn(&str) -> bool,
) -> Vec<Command> {
    let plugins = backend.roots.plugins(root);
    plugins.extensions().settled(TYPED).await;
    plugins.extensions().commands(is_of_server)
}

/// The name and the arguments that stand in parts. Files become `@path`, which servers look up in what a command says.
fn written_command(parts: &[InputPart], root: &std::path::Path) -> Option<(String, String)> {
    let [InputPart::Text { text, plain: false }, rest @ ..] = parts else { return None };
    let line = text.strip_prefix('/')?;
    let (name, arguments) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if name.is_empty() {
        return None;
    }
    let mut arguments = vec![arguments.trim().to_owned()];
    for part in rest {
        match part {
            InputPart::Text { text, .. } => arguments.push(text.trim().to_owned()),
            InputPart::File { uri, .. } => {
                let path = path_of(uri).ok()?;
                arguments.push(format!("@{}", path.strip_prefix(root).unwrap_or(&path).display()));
            }
            // A command takes no such things, so this is a prompt.
            InputPart::Image { .. } | InputPart::Agent { .. } => return None,
        }
    }
    arguments.retain(|argument| !argument.is_empty());
    Some((name.to_owned(), arguments.join(" ")))
}

/// A file that was chosen instead of written.
fn mention(uri: &Uri, range: Option<&Range>) -> Result<Mention> {
    let path = path_of(uri)?;
    let provider = if path.is_dir() { "folder" } else { "file" };
    let mut argument = path.to_str().map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "a path that is no Unicode cannot be sent")
            .with_hint("rename the file")
    })?;
    if let Some(range) = range {
        let (first, last) = lines(range);
        argument.push_str(&format!("#L{first}-{last}"));
    }
    Ok(Mention { range: 0..0, provider: Some(provider.to_owned()), argument: Some(argument) })
}

/// The lines of a range, from 1, both ends included. One that ends before the first character of a line does not hold it.
pub(crate) fn lines(range: &Range) -> (u32, u32) {
    let first = range.start.line.saturating_add(1);
    let ends_before = range.end.character == 0 && range.end.line > range.start.line;
    let last = if ends_before { range.end.line } else { range.end.line.saturating_add(1) };
    (first, last.max(first))
}

fn image(mime: &str, name: Option<&str>, data: &str) -> Result<PromptPart> {
    let wrong =
        |what: &str, hint: &'static str| Err(Error::new(ErrorKind::InvalidInput, what).with_hint(hint));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    if !mime.strip_prefix("image/").is_some_and(|kind| !kind.is_empty() && kind.chars().all(plain)) {
        return wrong("that is no image", "name its type, for example image/png");
    }
    if data.len() > IMAGE_LETTERS {
        return wrong("an image is larger than 20 MB", "make it smaller");
    }
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if data.is_empty() || !data.as_bytes().iter().all(letter) {
        return wrong(
            "an image is not encoded in base64",
            "encode it with the standard alphabet, without line breaks",
        );
    }
    let url = format!("data:{mime};base64,{data}");
    Ok(PromptPart::File { mime: mime.to_owned(), filename: name.map(str::to_owned), url })
}

#[cfg(test)]
mod tests {
    use tower_lsp_server::gen_lsp_types::Position;

    use super::*;

    fn text(text: &str) -> InputPart {
        InputPart::Text { text: text.into(), plain: false }
    }

    #[test]
    fn a_command_takes_everything_behind_its_name() {
        let root = std::path::Path::new("/p");
        let named = |name: &str, arguments: &str| Some((name.to_owned(), arguments.to_owned()));
        assert_eq!(written_command(&[text("/init  now ")], root), named("init", "now"));
        assert_eq!(
            written_command(&[text("/review\nall of it"), text("more")], root),
            named("review", "all of it more")
        );
        let file = InputPart::File { uri: Uri("file:///p/src/a.rs".into()), range: None };
        assert_eq!(written_command(&[text("/review"), file], root), named("review", "@src/a.rs"));
        assert_eq!(written_command(&[text("say /init")], root), None);
        assert_eq!(written_command(&[text("/")], root), None);
        assert_eq!(written_command(&[InputPart::Text { text: "/init".into(), plain: true }], root), None);
    }

    #[test]
    fn a_range_is_the_lines_that_it_holds() {
        let range = |from: (u32, u32), to: (u32, u32)| {
            let position = |(line, character)| Position { line, character };
            lines(&Range { start: position(from), end: position(to) })
        };
        assert_eq!(range((2, 0), (4, 0)), (3, 4));
        assert_eq!(range((2, 5), (4, 1)), (3, 5));
        assert_eq!(range((2, 5), (2, 5)), (3, 3));
        assert_eq!(range((u32::MAX, 0), (0, 0)), (u32::MAX, u32::MAX));
    }

    #[test]
    fn an_image_is_an_image() {
        assert!(image("image/png", None, "eA==").is_ok());
        for (mime, data) in [
            ("text/html", "eA=="),
            ("image/", "eA=="),
            ("image/png,x", "eA=="),
            ("image/png", ""),
            ("image/png", "e A"),
        ] {
            assert!(image(mime, None, data).unwrap_err().hint().is_some(), "{mime} {data}");
        }
    }
}
