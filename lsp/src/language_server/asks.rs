//! What an agent asks, as messages with buttons (`window/showMessageRequest`), where no watcher of the session asks itself.
//! What is settled elsewhere meanwhile counts there; an answer that comes too late changes nothing.
//!
//! One message is shown at a time, whoever asks: editors that ask in a line at the bottom could not show two. A message that
//! the person closes is not shown again: the chat in the file says how else to answer.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opencode_nexus::Result;
use opencode_nexus::chat::Conversation;
use opencode_nexus::model::{AskId, Permission, PermissionReply, Question, QuestionItem};
use tokio::sync::Notify;
use tower_lsp_server::gen_lsp_types::{
    MessageActionItem, MessageType, ShowMessageRequest, ShowMessageRequestParams,
};

use super::backend::Backend;

/// How long a message may stand. An agent waits as long.
const BOUND: Duration = Duration::from_secs(24 * 60 * 60);
/// Characters of a line that are shown.
const LINE: usize = 200;

const ALLOW: &str = "Allow once";
const ALWAYS: &str = "Always allow";
const DENY: &str = "Deny";
const DECLINE: &str = "Do not answer";

/// What an agent asks.
pub(crate) enum Ask {
    Permission(Permission),
    Question(Question),
}

impl Ask {
    fn id(&self) -> &AskId {
        match self {
            Self::Permission(ask) => &ask.id,
            Self::Question(ask) => &ask.id,
        }
    }
}

/// What is asked and waits to be shown.
#[derive(Default)]
pub(crate) struct Asks {
    state: Mutex<State>,
    /// Something was settled.
    settled: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(Conversation, Ask)>,
    /// The request whose message is shown; gone when it was settled.
    shown: Option<AskId>,
    /// Whether a task shows messages.
    runs: bool,
}

impl Asks {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next one, which is then the one that is shown.
    fn next(&self) -> Option<(Conversation, Ask)> {
        let mut state = self.lock();
        let next = state.waiting.pop_front();
        state.shown = next.as_ref().map(|(_, ask)| ask.id().clone());
        state.runs = next.is_some();
        next
    }

    /// Returns when a request is settled.
    async fn settled(&self, id: &AskId) {
        loop {
            let settled = self.settled.notified();
            if self.lock().shown.as_ref() != Some(id) {
                return;
            }
            settled.await;
        }
    }
}

/// The agent asks, and nobody who watches asks the person. Returns at once.
pub(crate) fn opened(backend: &Backend, conversation: &Conversation, ask: Ask) {
    let mut state = backend.asks.lock();
    state.waiting.push_back((conversation.clone(), ask));
    if !std::mem::replace(&mut state.runs, true) {
        let backend = backend.clone();
        tokio::spawn(async move {
            while let Some((conversation, ask)) = backend.asks.next() {
                show(&backend, &conversation, &ask).await;
            }
        });
    }
}

/// It is settled, by whomever. Returns at once.
pub(crate) fn closed(backend: &Backend, id: &AskId) {
    let mut state = backend.asks.lock();
    state.waiting.retain(|(_, ask)| ask.id() != id);
    if state.shown.as_ref() == Some(id) {
        state.shown = None;
        drop(state);
        backend.asks.settled.notify_waiters();
    }
}

async fn show(backend: &Backend, conversation: &Conversation, ask: &Ask) {
    let answered = async {
        match ask {
            Ask::Permission(permission) => ask_permission(backend, conversation, permission).await,
            Ask::Question(question) => ask_question(backend, conversation, question).await,
        }
    };
    tokio::select! {
        answered = answered => {
            if let Err(error) = answered {
                backend.editor.show_error(&error).await;
            }
        }
        () = backend.asks.settled(ask.id()) => {}
    }
}

async fn ask_permission(backend: &Backend, conversation: &Conversation, ask: &Permission) -> Result<()> {
    let message = format!("OpenCode asks for permission to {}: {}", ask.action, ask.patterns.join(", "));
    let reply = match message_request(backend, &message, &[ALLOW, ALWAYS, DENY]).await?.as_deref() {
        Some(ALLOW) => PermissionReply::Once,
        Some(ALWAYS) => PermissionReply::Always,
        Some(DENY) => PermissionReply::Reject { message: None },
        _ => return Ok(()),
    };
    conversation.reply_permission(&ask.id, reply).await?;
    Ok(())
}

/// One message for each question. A message has no room for an answer in own words, nor for several at once: those are
/// written in the chat.
async fn ask_question(backend: &Backend, conversation: &Conversation, ask: &Question) -> Result<()> {
    let mut answers = Vec::new();
    for item in &ask.items {
        let mut labels: Vec<&str> = item.options.iter().map(|option| option.label.as_str()).collect();
        labels.push(DECLINE);
        match message_request(backend, &question_text(item), &labels).await? {
            Some(label) if label == DECLINE => {
                conversation.reject_question(&ask.id).await?;
                return Ok(());
            }
            Some(label) if labels.contains(&label.as_str()) => answers.push(vec![label]),
            _ => return Ok(()),
        }
    }
    conversation.answer_question(&ask.id, answers).await?;
    Ok(())
}

fn question_text(item: &QuestionItem) -> String {
    let about = |option: &opencode_nexus::model::QuestionOption| match option.description.is_empty() {
        true => None,
        false => Some(format!("{}: {}", option.label, option.description)),
    };
    let options: Vec<String> = item.options.iter().filter_map(about).collect();
    match options.is_empty() {
        true => format!("OpenCode asks: {}", item.question),
        false => format!("OpenCode asks: {} ({})", item.question, options.join("; ")),
    }
}

async fn message_request(backend: &Backend, message: &str, labels: &[&str]) -> Result<Option<String>> {
    let action =
        |label: &&str| MessageActionItem { title: (*label).to_owned(), properties: Default::default() };
    let params = ShowMessageRequestParams {
        kind: MessageType::Info,
        message: one_line(message),
        actions: Some(labels.iter().map(action).collect()),
    };
    let answer = backend.editor.ask::<ShowMessageRequest>(params, BOUND).await?;
    Ok(answer.map(|action| action.title))
}

/// Short, and without what could drive a terminal: some editors are in one.
fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = words.chars().filter(|char| !char.is_control()).take(LINE).collect();
    if words.chars().count() > LINE { format!("{shown}…") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_short_harmless_line() {
        assert_eq!(one_line("a\n\tb\u{1b}[2J"), "a b[2J");
        assert_eq!(one_line(&"x".repeat(500)).chars().count(), LINE + 1);
    }
}
