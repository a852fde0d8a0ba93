//! Plays a story on a server and compares what was seen with what the server has.

use std::time::Duration;

use opencode_nexus::chat::{ChatEvent, Conversation, TurnOptions, TurnOutcome, digest};
use opencode_nexus::dialect::Line;
use opencode_nexus::model::{Message, SessionId};
use opencode_nexus::{Client, Error, ErrorKind, Result};
use serde_json::Value;

use super::list::Story;
use super::screen::Screen;

/// A turn of a story may take so long, faults included.
const BOUND: Duration = Duration::from_secs(60);

/// A person who wants to stop and sees nothing new for this long, stops.
const PATIENCE: Duration = Duration::from_secs(3);

/// A story that was played.
#[derive(Debug)]
pub struct Played {
    /// What the person saw.
    pub screen: Screen,
    /// How the turn ended.
    pub outcome: TurnOutcome,
}

/// How what was seen differs from what the server has.
#[derive(Debug, Default)]
pub struct Difference {
    /// The transcript is not the server's: both, for the report.
    pub transcript: Option<(Value, Value)>,
    /// Texts of which something was not shown.
    pub lost: usize,
    /// Texts of which something was shown that the server does not have there: twice, or not at all.
    pub duplicated: usize,
}

impl Difference {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.transcript.is_none() && self.lost == 0 && self.duplicated == 0
    }
}

/// Says the prompt, answers what is asked, and waits for the end.
///
/// # Errors
/// What the conversation fails with; `recovery.turn_lost` when the turn does not end within a minute.
pub async fn play(conversation: &Conversation, story: &Story, run: usize) -> Result<Played> {
    tokio::time::timeout(BOUND, told(conversation, story, run)).await.unwrap_or_else(|_| {
        let state = conversation.with_transcript(digest::transcript);
        Err(Error::new(ErrorKind::TurnLost, format!("`{}` did not end within a minute", story.name))
            .with_context("transcript", state.to_string()))
    })
}

async fn told(conversation: &Conversation, story: &Story, run: usize) -> Result<Played> {
    let mut screen = Screen::default();
    let mut turn = conversation.prompt_with(story.prompt(run), TurnOptions::default()).await?;
    let mut said = String::new();
    loop {
        let event = match tokio::time::timeout(PATIENCE, turn.next()).await {
            Ok(Some(event)) => event?,
            Ok(None) => break,
            // After a lost connection the word may not come before the text is complete: one stops all the same.
            Err(_) if story.stop_at.is_some() => {
                retried(|| turn.abort()).await?;
                continue;
            }
            Err(_) => continue,
        };
        screen.show(&event);
        let event = match event {
            ChatEvent::Child { event, .. } => *event,
            event => event,
        };
        match event {
            ChatEvent::TurnEnded { outcome, .. } => return Ok(Played { screen, outcome }),
            ChatEvent::Text { delta, .. } => {
                said.push_str(&delta);
                if story.stop_at.is_some_and(|word| word != "?" && said.contains(word)) {
                    said.clear();
                    retried(|| turn.abort()).await?;
                }
            }
            ChatEvent::PermissionAsked(_) if story.stop_at == Some("?") => retried(|| turn.abort()).await?,
            ChatEvent::PermissionAsked(ask) => {
                let reply = story.answering.permission.clone();
                retried(|| conversation.reply_permission(&ask.id, reply.clone())).await?;
            }
            ChatEvent::QuestionAsked(ask) if story.answering.questions => {
                let answers: Vec<Vec<String>> = ask
                    .items
                    .iter()
                    .map(|i| i.options.iter().take(1).map(|o| o.label.clone()).collect())
                    .collect();
                retried(|| conversation.answer_question(&ask.id, answers.clone())).await?;
            }
            ChatEvent::QuestionAsked(ask) => {
                retried(|| conversation.reject_question(&ask.id)).await?;
            }
            _ => {}
        }
    }
    Err(Error::new(ErrorKind::TurnLost, "the turn's stream ended without an end"))
}

/// A person presses the key again when the connection failed.
async fn retried<T, F: Future<Output = Result<T>>>(mut act: impl FnMut() -> F) -> Result<T> {
    let mut attempts = 0;
    loop {
        match act().await {
            Err(error) if attempts < 20 && error.retry() != opencode_nexus::Retry::Never => {
                attempts += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            result => return result,
        }
    }
}

/// So long may both sides take to come to rest after the end of a turn.
const REST: Duration = Duration::from_secs(5);

/// How what was seen differs from what the server has once both sides are at rest.
#[derive(Debug)]
pub struct Settled {
    /// The difference that stays.
    pub difference: Difference,
    /// Whether there was one at first.
    pub late: bool,
}

/// Compares until there is no difference, or until it stays: servers write after the end of a turn as well, and the
/// stream of the one who watches may be broken just then. `screen` shows what is seen by now; the server is asked through
/// `direct`.
///
/// # Errors
/// When the server cannot be asked.
pub async fn settle(
    conversation: &Conversation,
    direct: &Client,
    mut screen: impl FnMut() -> Screen,
) -> Result<Settled> {
    let until = tokio::time::Instant::now() + REST;
    let mut late = false;
    loop {
        let on_server = on_server(direct, conversation.session_id()).await?;
        let difference = compare(conversation, &screen(), &on_server);
        if difference.is_none() || tokio::time::Instant::now() >= until {
            return Ok(Settled { difference, late });
        }
        late = true;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The messages of a session as the server gives them, whichever line it is of.
///
/// # Errors
/// When the server cannot be asked.
pub async fn on_server(direct: &Client, session: &SessionId) -> Result<Value> {
    let answer = match direct.server().line {
        Line::V2 => {
            let mut list = opencode_api::v2::operations::message::List::new(session.as_str());
            // The largest page; no story has as many messages.
            (list.limit, list.order) = (Some(200), Some(opencode_api::v2::bodies::Order::Asc));
            serde_json::to_value(direct.call(&list).await?)
        }
        _ => {
            let list = opencode_api::v1::operations::session::Messages::new(session.as_str());
            serde_json::to_value(direct.call(&list).await?)
        }
    };
    Ok(answer.unwrap_or_default())
}

/// Compares with what [`on_server`] gives, asked for past all faults.
pub fn compare(conversation: &Conversation, screen: &Screen, on_server: &Value) -> Difference {
    compare_messages(&conversation.with_transcript(|t| t.messages().to_vec()), screen, on_server)
}

/// The same for messages that somebody else has folded, for example a frontend in another language.
pub fn compare_messages(messages: &[Message], screen: &Screen, on_server: &Value) -> Difference {
    let ours = digest::messages(messages);
    let theirs = crate::expected::messages(on_server);
    let mut difference = Difference::default();
    for part in
        theirs.as_array().into_iter().flatten().flat_map(|m| m["parts"].as_array().into_iter().flatten())
    {
        let (Some(id), Some(text)) = (part["id"].as_str(), part["text"].as_str()) else { continue };
        let shown = screen.texts.get(id).map(String::as_str).unwrap_or_default();
        if shown == text {
            continue;
        }
        if shown.len() < text.len() {
            difference.lost += 1;
        } else {
            difference.duplicated += 1;
        }
    }
    if ours != theirs {
        difference.transcript = Some((ours, theirs));
    }
    difference
}
