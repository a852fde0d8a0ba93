//! `@session:ses_…`, `@session:"login bug"`: an earlier conversation of this project, by its name or by words of it, from the
//! encrypted history, else from the server.

use std::fmt::Write as _;

use async_trait::async_trait;

use super::{info, needed, text_item};
use crate::client::Client;
use crate::context::fuzzy;
use crate::context::item::{ContextItem, Trust};
use crate::context::mention::Mention;
use crate::context::provider::{ContextProvider, ProviderInfo, Scope, Suggestion};
use crate::dialect::SessionFilter;
use crate::error::{Error, ErrorKind, Result};
use crate::history::{History, HistoryQuery, SessionQuery};
use crate::model::{Message, PartBody, Role, Session, SessionId};

/// The text of one conversation has at most so many bytes; what is in the middle is left out.
const BYTES: usize = 48 * 1024;

/// One message has at most so many.
const MESSAGE_BYTES: usize = 8 * 1024;

/// So many sessions are looked at for completion.
const SESSIONS: usize = 200;

pub(super) struct SessionProvider;

#[async_trait]
impl ContextProvider for SessionProvider {
    fn info(&self) -> ProviderInfo {
        info("session", "an earlier conversation, by words of it", Some("words"), true)
    }

    async fn suggest(&self, scope: &Scope<'_>, typed: &str, limit: usize) -> Result<Vec<Suggestion>> {
        let client = scope.client.ok_or_else(no_server)?;
        let sessions = sessions(client, scope).await?;
        let best = fuzzy::best(typed, sessions.iter(), |session| &session.title, limit);
        let made = best.into_iter().filter_map(|session| {
            let mention = Mention::written(Some("session"), session.id.as_str())?;
            let label = session.title.chars().filter(|c| !c.is_control()).take(80).collect();
            Some(Suggestion { label, detail: Some(session.id.to_string()), mention })
        });
        Ok(made.collect())
    }

    async fn provide(&self, scope: &Scope<'_>, argument: Option<&str>) -> Result<Vec<ContextItem>> {
        let words = needed(argument, "session", "\"login bug\"")?;
        let client = scope.client.ok_or_else(no_server)?;
        let (session, messages) = match client.history() {
            Some(history) => match stored(history, scope, words).await {
                // A session that is not kept may still be on the server.
                Err(error) if error.kind() == ErrorKind::NotFound => served(client, scope, words).await?,
                found => found?,
            },
            None => served(client, scope, words).await?,
        };
        let title = format!("the earlier conversation \"{}\" ({})", session.title, session.id);
        Ok(vec![text_item("session", title, "text", told(&messages), Trust::Foreign, 0.6)])
    }
}

fn no_server() -> Error {
    Error::new(ErrorKind::Unsupported, "there is no server yet that has conversations")
        .with_hint("say something first, and mention it then")
}

fn directory(scope: &Scope<'_>) -> String {
    scope.root.to_string_lossy().into_owned()
}

/// The sessions of the project, the last one first.
async fn sessions(client: &Client, scope: &Scope<'_>) -> Result<Vec<Session>> {
    if let Some(history) = client.history() {
        let query =
            SessionQuery { directory: Some(directory(scope)), limit: SESSIONS, ..SessionQuery::default() };
        let stored = history.sessions(&query).await?;
        if !stored.is_empty() {
            return Ok(stored.into_iter().map(|stored| stored.session).collect());
        }
    }
    let filter = SessionFilter { roots_only: true, limit: Some(SESSIONS), ..SessionFilter::default() };
    client.sessions(&filter).await
}

async fn stored(history: &History, scope: &Scope<'_>, words: &str) -> Result<(Session, Vec<Message>)> {
    let id = match is_id(words) {
        true => SessionId::from(words),
        false => {
            let query = HistoryQuery {
                text: words.to_owned(),
                directory: Some(directory(scope)),
                limit: 1,
                ..HistoryQuery::default()
            };
            let found = history.search(&query).await?.messages.into_iter().next();
            found.ok_or_else(|| unknown(words))?.session.session.id
        }
    };
    let stored = history.conversation(&id).await?;
    Ok((stored.session.session, stored.messages))
}

async fn served(client: &Client, scope: &Scope<'_>, words: &str) -> Result<(Session, Vec<Message>)> {
    let dialect = client.dialect();
    let session = match is_id(words) {
        true => dialect.session(&SessionId::from(words)).await?,
        false => {
            let sessions = sessions(client, scope).await?;
            let best = fuzzy::best(words, sessions.iter(), |session| &session.title, 1);
            best.first().map(|session| (*session).clone()).ok_or_else(|| unknown(words))?
        }
    };
    let messages = dialect.messages(&session.id).await?;
    Ok((session, messages))
}

fn unknown(words: &str) -> Error {
    let words: String = words.chars().take(100).collect();
    Error::new(
        ErrorKind::NotFound,
        format!("no conversation of this project has \"{}\"", words.escape_debug()),
    )
    .with_hint("`nexus history search` looks in all projects")
}

fn is_id(words: &str) -> bool {
    words.starts_with("ses_") && words.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// What was said, by whom; of calls of tools only which.
fn told(messages: &[Message]) -> String {
    let texts: Vec<String> = messages.iter().map(message).filter(|text| !text.is_empty()).collect();
    let all: usize = texts.iter().map(String::len).sum();
    if all <= BYTES {
        return texts.concat();
    }
    // The beginning says what it was about, the end what came of it.
    let (mut first, mut last, mut size) = (0, texts.len(), 0);
    while first < last {
        let at_front = first * 3 < texts.len() - last;
        let next = if at_front || last == 0 { &texts[first] } else { &texts[last - 1] };
        size += next.len();
        if size > BYTES {
            break;
        }
        if at_front { first += 1 } else { last -= 1 }
    }
    format!(
        "{}[{} messages are left out]\n\n{}",
        texts[..first].concat(),
        last - first,
        texts[last..].concat()
    )
}

fn message(message: &Message) -> String {
    let mut text = String::new();
    for part in &message.parts {
        // Writing into a text cannot fail.
        let _ = match &part.body {
            PartBody::Text { text: said, synthetic: false, .. } => writeln!(text, "{}", said.trim_end()),
            PartBody::Tool(call) => {
                writeln!(
                    text,
                    "[tool {}: {}]",
                    call.tool,
                    call.title.as_deref().unwrap_or(call.status.word())
                )
            }
            PartBody::File { filename, .. } => {
                writeln!(text, "[file {}]", filename.as_deref().unwrap_or("without a name"))
            }
            _ => Ok(()),
        };
    }
    if text.trim().is_empty() {
        return String::new();
    }
    if text.len() > MESSAGE_BYTES {
        let end = (0..=MESSAGE_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push_str("\n[the rest of this message is left out]\n");
    }
    let who = match &message.role {
        Role::User => "Person",
        Role::Assistant => "Agent",
        Role::Other(word) => word,
    };
    format!("{who}:\n{text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MessageId, Part, PartId};

    fn said(role: Role, text: &str) -> Message {
        let (id, session_id) = (MessageId::from("msg_1"), SessionId::from("ses_1"));
        let part = Part {
            id: PartId::from("prt_1"),
            message_id: id.clone(),
            session_id: session_id.clone(),
            body: PartBody::Text { text: text.into(), synthetic: false, ignored: false },
            started: None,
            ended: None,
            extra: Default::default(),
        };
        Message {
            id,
            session_id,
            role,
            parent_id: None,
            created: 0,
            completed: None,
            agent: None,
            model: None,
            usage: None,
            finish: None,
            error: None,
            parts: vec![part],
            extra: Default::default(),
        }
    }

    #[test]
    fn a_conversation_is_told_and_its_middle_is_left_out_when_it_is_long() {
        let short = [said(Role::User, "Why?"), said(Role::Assistant, "Because.")];
        assert_eq!(told(&short), "Person:\nWhy?\n\nAgent:\nBecause.\n\n");
        let long: Vec<Message> =
            (0..100).map(|n| said(Role::User, &format!("{n} {}", "x".repeat(5000)))).collect();
        let text = told(&long);
        assert!(text.len() < BYTES + 200);
        assert!(
            text.starts_with("Person:\n0 x")
                && text.contains("messages are left out]")
                && text.contains("\n99 x")
        );
        let huge = told(&[said(Role::User, &"é".repeat(50_000))]);
        assert!(huge.len() < MESSAGE_BYTES + 100 && huge.contains("the rest of this message"));
    }
}
