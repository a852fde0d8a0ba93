//! From what a conversation tells to what a plugin is told. Pure.
//!
//! It keeps the texts of the turn that runs, so that a plugin that missed something can be told all of one; and it finds the
//! end of turns that others have begun, of which conversations say nothing.

use std::collections::{HashMap, HashSet};

use opencode_nexus::chat::{ChatEvent, OutcomeKind, TextKind, Transcript, TurnOutcome};
use opencode_nexus::model::{AskId, Message, MessageId, Part, PartBody, PartId, Role, Status, TurnError};
use serde_json::json;

use super::convert;
use super::told::{Piece, Told, failure, other};
use crate::bindings::nexus::plugin::session::{
    Closed, EventBody, Outcome, Status as Busy, ToolUpdate, TurnEnd,
};

/// What is known of one conversation and of the sessions below it.
#[derive(Default)]
pub(crate) struct Teller {
    lanes: HashMap<String, Lane>,
}

/// One session.
#[derive(Default)]
struct Lane {
    busy: bool,
    /// Texts of the turn that runs or ran last, and those that were complete before a newer prompt came.
    texts: HashMap<PartId, String>,
    complete: HashSet<PartId>,
    /// Parts that no person wrote and no chat shows.
    hidden: HashSet<PartId>,
    /// The prompt that came last.
    prompt: Option<MessageId>,
    /// Turns of ours, whose end the conversation tells.
    ours: usize,
    /// A turn of others runs.
    theirs: bool,
    error: Option<TurnError>,
}

impl Teller {
    /// Looks at everything that there is, and tells the last turn of each session that is at work; of the first also when it
    /// has ended after `active` (Unix milliseconds), because it was what made somebody look. What was known before is forgotten.
    pub(crate) fn look(&mut self, all: &[&Transcript], active: Option<u64>, tell: &mut dyn FnMut(Told<'_>)) {
        let ours: HashMap<String, usize> =
            self.lanes.drain().map(|(session, lane)| (session, lane.ours)).collect();
        for (place, transcript) in all.iter().enumerate() {
            let session = transcript.session_id().as_str();
            let mut lane = Lane { ours: ours.get(session).copied().unwrap_or_default(), ..Lane::default() };
            lane.look(transcript, active.filter(|_| place == 0), tell);
            self.lanes.insert(session.to_owned(), lane);
        }
    }

    /// Whether anything runs.
    pub(crate) fn is_busy(&self) -> bool {
        self.lanes.values().any(|lane| lane.busy || lane.ours > 0)
    }

    /// We are about to send a prompt: its end will be told by the conversation.
    pub(crate) fn begins(&mut self, session: &str) {
        let lane = self.lane(session);
        (lane.ours, lane.theirs) = (lane.ours + 1, false);
    }

    /// It could not be sent.
    pub(crate) fn failed(&mut self, session: &str) {
        let lane = self.lane(session);
        lane.ours = lane.ours.saturating_sub(1);
    }

    fn lane(&mut self, session: &str) -> &mut Lane {
        self.lanes.entry(session.to_owned()).or_default()
    }

    /// What happened in `session`, or below it.
    pub(crate) fn tell(&mut self, session: &str, event: &ChatEvent, tell: &mut dyn FnMut(Told<'_>)) {
        match event {
            ChatEvent::Child { session_id, event } => self.tell(session_id.as_str(), event, tell),
            event => self.lane(session).tell(session, event, tell),
        }
    }
}

impl Lane {
    fn look(&mut self, transcript: &Transcript, active: Option<u64>, tell: &mut dyn FnMut(Told<'_>)) {
        let session = transcript.session_id().as_str();
        let messages = transcript.messages();
        let begin = messages.iter().rposition(|message| message.role == Role::User).unwrap_or_default();
        let busy = !transcript.status().is_idle();
        let last = messages.last().map(|message| message.completed.unwrap_or(message.created));
        let shown = busy || active.is_some_and(|active| last.is_some_and(|last| last >= active));
        if let Some(info) = transcript.session() {
            tell(EventBody::Session(convert::info(info, busy)).into());
        }
        (self.busy, self.theirs) = (busy, shown && self.ours == 0);
        for message in &messages[begin..] {
            self.message(message);
            if shown {
                tell(EventBody::Message(convert::header(message)).into());
            }
            for part in &message.parts {
                self.seed(part);
                if shown {
                    self.show(session, part, tell);
                }
            }
        }
        for ask in transcript.permissions() {
            tell(EventBody::PermissionAsked(convert::permission(ask)).into());
        }
        for ask in transcript.questions() {
            tell(EventBody::QuestionAsked(convert::question(ask)).into());
        }
        self.status(session, transcript.status(), tell);
    }

    fn seed(&mut self, part: &Part) {
        match &part.body {
            PartBody::Text { synthetic, ignored, .. } if *synthetic || *ignored => {
                self.hidden.insert(part.id.clone());
            }
            _ => {
                if let Some(text) = part.text() {
                    self.texts.insert(part.id.clone(), text.to_owned());
                }
            }
        }
    }

    /// Tells a part as it stands.
    fn show(&self, session: &str, part: &Part, tell: &mut dyn FnMut(Told<'_>)) {
        match self.texts.get(&part.id) {
            Some(text) if !text.is_empty() => {
                let reasoning = matches!(part.body, PartBody::Reasoning { .. });
                let piece =
                    Piece { session, message: part.message_id.as_str(), part: part.id.as_str(), reasoning };
                tell(EventBody::TextReplaced(piece.text(text)).into());
            }
            Some(_) => {}
            None => Self::part(session, part, tell),
        }
    }

    fn tell(&mut self, session: &str, event: &ChatEvent, tell: &mut dyn FnMut(Told<'_>)) {
        match event {
            ChatEvent::Session(info) => tell(EventBody::Session(convert::info(info, self.busy)).into()),
            ChatEvent::Status(status) => self.status(session, status, tell),
            ChatEvent::Message(message) => {
                self.message(message);
                tell(EventBody::Message(convert::header(message)).into());
            }
            ChatEvent::Part(part) => {
                if part.ended.is_some() {
                    self.complete.insert(part.id.clone());
                }
                match &part.body {
                    PartBody::Text { synthetic, ignored, .. } if *synthetic || *ignored => {
                        self.hidden.insert(part.id.clone());
                    }
                    PartBody::Text { .. } | PartBody::Reasoning { .. } => {
                        self.texts.entry(part.id.clone()).or_default();
                    }
                    _ => Self::part(session, part, tell),
                }
            }
            ChatEvent::Text { message_id, part_id, kind, delta } => {
                self.text(session, (message_id, part_id, *kind), delta, tell);
            }
            ChatEvent::TextReplaced { message_id, part_id, kind, text } => {
                self.replaced(session, (message_id, part_id, *kind), text, tell);
            }
            ChatEvent::PermissionAsked(ask) => {
                tell(EventBody::PermissionAsked(convert::permission(ask)).into())
            }
            ChatEvent::PermissionClosed { id, .. } => {
                tell(EventBody::PermissionClosed(closed(session, id)).into());
            }
            ChatEvent::QuestionAsked(ask) => tell(EventBody::QuestionAsked(convert::question(ask)).into()),
            ChatEvent::QuestionClosed { id, .. } => {
                tell(EventBody::QuestionClosed(closed(session, id)).into())
            }
            ChatEvent::Error(error) => {
                self.error = Some(error.clone());
                tell(failure(Some(session), &convert::error_text(error)));
            }
            ChatEvent::TurnEnded { message_id, outcome } => {
                (self.ours, self.theirs) = (self.ours.saturating_sub(1), false);
                tell(EventBody::TurnEnded(ended(session, message_id, outcome)).into());
            }
            event => rarer(session, event, tell),
        }
    }

    /// A status may be the end of a turn that others have begun.
    fn status(&mut self, session: &str, status: &Status, tell: &mut dyn FnMut(Told<'_>)) {
        self.busy = !status.is_idle();
        if !self.busy {
            self.complete.extend(self.texts.keys().chain(&self.hidden).cloned());
        }
        tell(EventBody::Status(Busy { session: session.to_owned(), busy: self.busy }).into());
        if self.ours > 0 {
            return;
        }
        if self.busy {
            if !self.theirs {
                (self.theirs, self.error) = (true, None);
            }
        } else if std::mem::take(&mut self.theirs)
            && let Some(message) = &self.prompt
        {
            let kind = match &self.error {
                None => OutcomeKind::Completed,
                Some(error) if error.aborted => OutcomeKind::Aborted,
                Some(_) => OutcomeKind::Failed,
            };
            let error = self.error.clone();
            let outcome = TurnOutcome { kind, finish: None, error, usage: Default::default() };
            tell(EventBody::TurnEnded(ended(session, message, &outcome)).into());
        }
    }

    fn message(&mut self, message: &Message) {
        if message.role != Role::User {
            if message.error.is_some() {
                self.error.clone_from(&message.error);
            }
        } else if self.prompt.as_ref() != Some(&message.id) {
            // A prompt of before may change as well; the newest has the greatest name.
            if self.prompt.as_ref().is_none_or(|prompt| *prompt < message.id) {
                self.prompt = Some(message.id.clone());
                self.error = None;
                // A prompt may come in the middle of an answer, which goes on.
                for part in self.complete.drain() {
                    self.texts.remove(&part);
                    self.hidden.remove(&part);
                }
            }
        }
    }

    fn part(session: &str, part: &Part, tell: &mut dyn FnMut(Told<'_>)) {
        match &part.body {
            PartBody::Tool(call) => {
                let tool = convert::tool(call);
                let message = part.message_id.to_string();
                tell(EventBody::Tool(ToolUpdate { session: session.to_owned(), message, tool }).into());
            }
            PartBody::StepStart | PartBody::StepFinish { .. } => {}
            PartBody::Text { .. } | PartBody::Reasoning { .. } => {}
            _ => tell(other("part", &convert::part_json(part))),
        }
    }

    fn text(&mut self, session: &str, of: Of<'_>, delta: &str, tell: &mut dyn FnMut(Told<'_>)) {
        if self.hidden.contains(of.1) {
            return;
        }
        let whole = self.texts.get_mut(of.1).map(|text| {
            text.push_str(delta);
            text.as_str()
        });
        tell(Told::Text { piece: piece(session, of), delta, whole });
    }

    fn replaced(&mut self, session: &str, of: Of<'_>, text: &str, tell: &mut dyn FnMut(Told<'_>)) {
        if self.hidden.contains(of.1) {
            return;
        }
        self.texts.insert(of.1.clone(), text.to_owned());
        tell(EventBody::TextReplaced(piece(session, of).text(text)).into());
    }
}

/// Message, part and kind of a text.
type Of<'a> = (&'a MessageId, &'a PartId, TextKind);

fn piece<'a>(session: &'a str, (message, part, kind): Of<'a>) -> Piece<'a> {
    let reasoning = kind == TextKind::Reasoning;
    Piece { session, message: message.as_str(), part: part.as_str(), reasoning }
}

/// What the interface has no name for.
fn rarer(session: &str, event: &ChatEvent, tell: &mut dyn FnMut(Told<'_>)) {
    match event {
        ChatEvent::Queued(message) => {
            tell(other("queued", &json!({ "session": session, "message": message.id })));
        }
        ChatEvent::Withdrawn { message_id } => {
            tell(other("withdrawn", &json!({ "session": session, "message": message_id })));
        }
        ChatEvent::MessageRemoved { message_id } => {
            tell(other("message-removed", &json!({ "session": session, "message": message_id })));
        }
        ChatEvent::PartRemoved { message_id, part_id } => {
            let what = json!({ "session": session, "message": message_id, "part": part_id });
            tell(other("part-removed", &what));
        }
        ChatEvent::Todos { todos } => tell(other("todos", &json!({ "session": session, "todos": todos }))),
        ChatEvent::Diff { files } => {
            let files: Vec<_> = (files.iter())
                .map(|file| json!({ "path": file.path, "additions": file.additions, "deletions": file.deletions }))
                .collect();
            tell(other("diff", &json!({ "session": session, "files": files })));
        }
        ChatEvent::SessionRemoved => tell(other("session-removed", &json!({ "session": session }))),
        ChatEvent::Reconnecting { reason } => {
            tell(other("reconnecting", &json!({ "session": session, "reason": reason })));
        }
        ChatEvent::Recovered => tell(other("recovered", &json!({ "session": session }))),
        // What only the server's own clients understand stays here: nobody could say what is in it.
        _ => {}
    }
}

fn closed(session: &str, id: &AskId) -> Closed {
    Closed { session: session.to_owned(), request: id.to_string() }
}

fn ended(session: &str, message: &MessageId, outcome: &TurnOutcome) -> TurnEnd {
    TurnEnd {
        session: session.to_owned(),
        message: message.to_string(),
        outcome: match outcome.kind {
            OutcomeKind::Completed => Outcome::Completed,
            OutcomeKind::Aborted => Outcome::Aborted,
            OutcomeKind::Failed => Outcome::Failed,
        },
        error: outcome.error.as_ref().map(convert::error_text),
    }
}
