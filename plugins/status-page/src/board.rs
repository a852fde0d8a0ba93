//! What is shown of each session. Pure.

use std::collections::{BTreeMap, BTreeSet};

use opencode_nexus_plugin::session::{EventBody, Info, Outcome, PermissionAsk, Text};
use opencode_nexus_plugin::{Event, MessageRole};
use serde_json::{Value, json};

/// So many sessions are kept; the oldest at rest go first.
const SESSIONS: usize = 50;

/// Of the last text, so many characters are kept, and so many lines shown.
const TAIL: usize = 2_000;
const LINES: usize = 4;

/// Messages of a person that are known by name, per session.
const PROMPTS: usize = 8;

/// All sessions.
#[derive(Default)]
pub struct Board {
    sessions: BTreeMap<String, Session>,
    changed: BTreeSet<String>,
    gone: BTreeSet<String>,
}

#[derive(Default)]
struct Session {
    title: String,
    parent: Option<String>,
    updated: u64,
    busy: bool,
    /// How the last turn ended.
    ended: Option<(&'static str, Option<String>)>,
    /// Messages of the person.
    prompts: Vec<String>,
    prompt: Tail,
    answer: Tail,
    /// What it is doing with a tool.
    tool: Option<String>,
    asks: BTreeMap<String, (String, String)>,
}

/// The end of a text that grows.
#[derive(Default)]
struct Tail {
    part: String,
    text: String,
}

impl Tail {
    fn put(&mut self, text: Text, anew: bool) {
        if anew || self.part != text.part {
            self.part = text.part;
            self.text.clear();
        }
        self.text.push_str(&text.text);
        let count = self.text.chars().count();
        if count > 2 * TAIL {
            self.text = self.text.chars().skip(count - TAIL).collect();
        }
    }

    fn lines(&self) -> String {
        let lines: Vec<&str> = self.text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

impl Board {
    /// Takes an event in; true when events are missing.
    pub fn hear(&mut self, event: Event) -> bool {
        let at = event.at_ms;
        match event.body {
            EventBody::Session(info) => self.session(info),
            EventBody::Status(status) => self.of(&status.session, at).busy = status.busy,
            EventBody::Message(message) if message.role == MessageRole::User => {
                let session = self.of(&message.session, at);
                if !session.prompts.contains(&message.id) {
                    session.prompts.push(message.id);
                    (session.ended, session.tool) = (None, None);
                    if session.prompts.len() > PROMPTS {
                        session.prompts.remove(0);
                    }
                }
            }
            EventBody::Text(text) => self.text(text, false, at),
            EventBody::TextReplaced(text) => self.text(text, true, at),
            EventBody::Tool(update) => {
                let works = matches!(update.tool.state.as_str(), "pending" | "running");
                let name = update.tool.title.filter(|title| !title.is_empty()).unwrap_or(update.tool.tool);
                self.of(&update.session, at).tool = works.then_some(name);
            }
            EventBody::PermissionAsked(ask) => self.asked(ask, at),
            EventBody::PermissionClosed(closed) => {
                drop(self.of(&closed.session, at).asks.remove(&closed.request))
            }
            EventBody::TurnEnded(end) => {
                let word = match end.outcome {
                    Outcome::Completed => "completed",
                    Outcome::Aborted => "aborted",
                    Outcome::Failed => "failed",
                };
                let session = self.of(&end.session, at);
                (session.ended, session.tool) = (Some((word, end.error)), None);
            }
            EventBody::Other(field) if field.key == "session-removed" => {
                let value: Value = serde_json::from_str(&field.value).unwrap_or_default();
                if let Some(session) = value["session"].as_str() {
                    self.remove(session);
                }
            }
            EventBody::Lagged(_) => return true,
            _ => {}
        }
        false
    }

    /// A session as it is listed.
    pub fn session(&mut self, info: Info) {
        let session = self.of(&info.id, info.updated_ms);
        session.title = info.title;
        session.parent = info.parent;
        session.busy = info.busy;
    }

    fn of(&mut self, id: &str, at: u64) -> &mut Session {
        if !self.sessions.contains_key(id) && self.sessions.len() >= SESSIONS {
            let rests = self.sessions.iter().filter(|(_, session)| !session.busy && session.asks.is_empty());
            if let Some(oldest) = rests.min_by_key(|(_, session)| session.updated).map(|(id, _)| id.clone()) {
                self.remove(&oldest);
            }
        }
        self.changed.insert(id.to_owned());
        self.gone.remove(id);
        let session = self.sessions.entry(id.to_owned()).or_default();
        session.updated = session.updated.max(at);
        session
    }

    fn remove(&mut self, id: &str) {
        if self.sessions.remove(id).is_some() {
            self.changed.remove(id);
            self.gone.insert(id.to_owned());
        }
    }

    fn text(&mut self, text: Text, anew: bool, at: u64) {
        if text.reasoning {
            return;
        }
        let session = self.of(&text.session, at);
        if session.prompts.contains(&text.message) {
            session.prompt.put(text, anew);
        } else {
            session.answer.put(text, anew);
        }
    }

    fn asked(&mut self, ask: PermissionAsk, at: u64) {
        self.of(&ask.session, at).asks.insert(ask.request, (ask.title, ask.detail));
    }

    /// Whether something is to be sent.
    pub fn has_changes(&self) -> bool {
        !(self.changed.is_empty() && self.gone.is_empty())
    }

    /// What has changed since this was asked last.
    pub fn changes(&mut self) -> Option<Value> {
        if !self.has_changes() {
            return None;
        }
        let sessions: Vec<Value> =
            std::mem::take(&mut self.changed).iter().filter_map(|id| self.shown(id)).collect();
        Some(json!({ "sessions": sessions, "gone": std::mem::take(&mut self.gone) }))
    }

    /// Everything.
    pub fn whole(&self) -> Value {
        let sessions: Vec<Value> = self.sessions.keys().filter_map(|id| self.shown(id)).collect();
        json!({ "all": true, "sessions": sessions, "gone": [] })
    }

    fn shown(&self, id: &str) -> Option<Value> {
        let session = self.sessions.get(id)?;
        let (ended, error) = session.ended.clone().map_or((None, None), |(word, error)| (Some(word), error));
        let asks: Vec<Value> = (session.asks.iter())
            .map(|(request, (title, detail))| json!({ "request": request, "title": title, "detail": detail }))
            .collect();
        let state = match (asks.is_empty(), session.busy) {
            (false, _) => "asks",
            (true, true) => "busy",
            (true, false) => ended.unwrap_or("idle"),
        };
        Some(json!({
            "id": id,
            "title": session.title,
            "parent": session.parent,
            "updated": session.updated,
            "state": state,
            "error": error,
            "prompt": session.prompt.lines(),
            "answer": session.answer.lines(),
            "tool": session.tool,
            "asks": asks,
        }))
    }
}

#[cfg(test)]
mod tests {
    use opencode_nexus_plugin::session::{Closed, Status, TurnEnd};

    use super::*;

    fn hear(board: &mut Board, body: EventBody) -> bool {
        board.hear(Event { number: 1, at_ms: 5, body })
    }

    fn text(part: &str, text: &str) -> Text {
        Text {
            session: "s".into(),
            message: "m".into(),
            part: part.into(),
            reasoning: false,
            text: text.into(),
        }
    }

    fn state(board: &Board) -> Value {
        board.shown("s").unwrap()["state"].clone()
    }

    #[test]
    fn a_session_goes_from_work_over_a_question_to_its_end() {
        let mut board = Board::default();
        hear(&mut board, EventBody::Status(Status { session: "s".into(), busy: true }));
        assert_eq!(state(&board), "busy");
        let ask = PermissionAsk {
            session: "s".into(),
            request: "p".into(),
            tool: "bash".into(),
            title: "bash ls".into(),
            detail: "ls".into(),
        };
        hear(&mut board, EventBody::PermissionAsked(ask));
        assert_eq!(state(&board), "asks");
        hear(&mut board, EventBody::PermissionClosed(Closed { session: "s".into(), request: "p".into() }));
        hear(&mut board, EventBody::Status(Status { session: "s".into(), busy: false }));
        let end = TurnEnd {
            session: "s".into(),
            message: "m".into(),
            outcome: Outcome::Failed,
            error: Some("no".into()),
        };
        hear(&mut board, EventBody::TurnEnded(end));
        assert_eq!(state(&board), "failed");
        assert_eq!(board.changes().unwrap()["sessions"].as_array().unwrap().len(), 1);
        assert!(board.changes().is_none());
    }

    #[test]
    fn the_last_lines_are_shown_and_no_text_grows_without_end() {
        let mut board = Board::default();
        hear(&mut board, EventBody::TextReplaced(text("a", "old")));
        for line in 0..5_000 {
            hear(&mut board, EventBody::Text(text("b", &format!("line {line}\n\n"))));
        }
        assert_eq!(board.shown("s").unwrap()["answer"], "line 4996\nline 4997\nline 4998\nline 4999");
        assert!(board.sessions["s"].answer.text.len() <= 4 * TAIL);
    }

    #[test]
    fn the_board_is_bounded_and_who_works_stays() {
        let mut board = Board::default();
        hear(&mut board, EventBody::Status(Status { session: "s".into(), busy: true }));
        for number in 0..200 {
            let status = Status { session: format!("t{number}"), busy: false };
            board.hear(Event { number, at_ms: 10 + number, body: EventBody::Status(status) });
        }
        assert!(board.sessions.len() <= SESSIONS && board.sessions.contains_key("s"));
        assert!(hear(&mut board, EventBody::Lagged(3)));
    }
}
