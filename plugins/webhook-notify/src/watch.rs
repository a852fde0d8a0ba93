//! Makes messages of what happens, and remembers what was asked until somebody answers it.

use std::collections::{BTreeMap, VecDeque};

use opencode_nexus_plugin::session::{EventBody, Outcome};
use serde::{Deserialize, Serialize};

/// So many titles are remembered.
const TITLES: usize = 500;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Ended,
    Asked,
    Failed,
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub kind: Kind,
    pub title: String,
    pub body: String,
    /// Nobody has answered for a while.
    pub urgent: bool,
}

/// What is known of the sessions.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Watch {
    titles: BTreeMap<String, String>,
    order: VecDeque<String>,
    /// By session and request: when to say it louder.
    open: BTreeMap<String, (u64, Message)>,
}

impl Watch {
    /// Something has happened. `louder` is how long a question may stay unanswered, in milliseconds; 0 for ever.
    pub fn see(&mut self, event: EventBody, now: u64, louder: u64) -> Option<Message> {
        match event {
            EventBody::Session(info) => {
                self.remember(info.id, info.title);
                None
            }
            EventBody::PermissionAsked(ask) => {
                let body = format!("{} asks for permission: {}", ask.tool, ask.title);
                Some(self.asked(&ask.session, &ask.request, body, now, louder))
            }
            EventBody::QuestionAsked(ask) => {
                Some(self.asked(&ask.session, &ask.request, ask.title, now, louder))
            }
            EventBody::PermissionClosed(closed) | EventBody::QuestionClosed(closed) => {
                self.open.remove(&key(&closed.session, &closed.request));
                None
            }
            EventBody::TurnEnded(end) => {
                // What was open in it is over.
                let of_it = format!("{}\n", end.session);
                self.open.retain(|key, _| !key.starts_with(&of_it));
                match end.outcome {
                    Outcome::Completed => {
                        Some(self.message(Kind::Ended, &end.session, "The turn is done.".to_owned()))
                    }
                    // Somebody who is there has stopped it.
                    Outcome::Aborted => None,
                    Outcome::Failed => {
                        let why = end.error.unwrap_or_else(|| "for no known reason".to_owned());
                        Some(self.message(Kind::Failed, &end.session, format!("The turn failed: {why}")))
                    }
                }
            }
            EventBody::Failure(failure) => Some(self.message(
                Kind::Failed,
                failure.session.as_deref().unwrap_or_default(),
                failure.message,
            )),
            _ => None,
        }
    }

    /// What nobody has answered in time; each is said once.
    pub fn due(&mut self, now: u64) -> Vec<Message> {
        let keys: Vec<String> =
            self.open.iter().filter(|(_, (at, _))| *at <= now).map(|(key, _)| key.clone()).collect();
        let messages = keys.iter().filter_map(|key| self.open.remove(key));
        messages.map(|(_, message)| Message { urgent: true, ..message }).collect()
    }

    /// When [`due`](Self::due) has something next.
    pub fn next(&self) -> Option<u64> {
        self.open.values().map(|(at, _)| *at).min()
    }

    fn asked(&mut self, session: &str, request: &str, body: String, now: u64, louder: u64) -> Message {
        let message = self.message(Kind::Asked, session, body);
        if louder > 0 {
            self.open.insert(key(session, request), (now + louder, message.clone()));
        }
        message
    }

    fn message(&self, kind: Kind, session: &str, body: String) -> Message {
        let title = match self.titles.get(session) {
            Some(title) if !title.is_empty() => title.clone(),
            _ if session.is_empty() => "OpenCode".to_owned(),
            _ => session.to_owned(),
        };
        Message { kind, title, body, urgent: false }
    }

    fn remember(&mut self, session: String, title: String) {
        if self.titles.insert(session.clone(), title).is_none() {
            self.order.push_back(session);
        }
        while self.order.len() > TITLES {
            if let Some(oldest) = self.order.pop_front() {
                self.titles.remove(&oldest);
            }
        }
    }
}

fn key(session: &str, request: &str) -> String {
    format!("{session}\n{request}")
}

#[cfg(test)]
mod tests {
    use opencode_nexus_plugin::session::{Closed, Info, PermissionAsk, TurnEnd};

    use super::*;

    fn asked(request: &str) -> EventBody {
        let (tool, title, detail) = ("bash".into(), "rm -r build".into(), String::new());
        EventBody::PermissionAsked(PermissionAsk {
            session: "s".into(),
            request: request.into(),
            tool,
            title,
            detail,
        })
    }

    fn ended(outcome: Outcome) -> EventBody {
        EventBody::TurnEnded(TurnEnd { session: "s".into(), message: "m".into(), outcome, error: None })
    }

    #[test]
    fn messages_have_the_title_of_their_session() {
        let mut watch = Watch::default();
        let info = Info { id: "s".into(), title: "Fix it".into(), parent: None, updated_ms: 0, busy: true };
        assert_eq!(watch.see(EventBody::Session(info), 0, 0), None);
        let message = watch.see(ended(Outcome::Completed), 0, 0).unwrap();
        assert_eq!((message.kind, &*message.title), (Kind::Ended, "Fix it"));
        assert_eq!(watch.see(ended(Outcome::Aborted), 0, 0), None);
        assert_eq!(watch.see(ended(Outcome::Failed), 0, 0).unwrap().kind, Kind::Failed);
    }

    #[test]
    fn what_nobody_answers_is_said_once_more_and_louder() {
        let mut watch = Watch::default();
        assert!(!watch.see(asked("1"), 1_000, 500).unwrap().urgent);
        assert_eq!(watch.next(), Some(1_500));
        assert_eq!(watch.due(1_499), []);
        assert!(watch.due(1_500)[0].urgent);
        assert_eq!(watch.due(9_000), []);
    }

    #[test]
    fn an_answer_or_the_end_of_the_turn_keeps_it_quiet() {
        let mut watch = Watch::default();
        watch.see(asked("1"), 0, 500);
        watch.see(asked("2"), 0, 500);
        watch.see(EventBody::PermissionClosed(Closed { session: "s".into(), request: "1".into() }), 1, 500);
        assert_eq!(watch.open.len(), 1);
        watch.see(ended(Outcome::Aborted), 2, 500);
        assert_eq!(watch.due(u64::MAX), []);
    }

    #[test]
    fn titles_are_remembered_within_a_bound() {
        let mut watch = Watch::default();
        for number in 0..TITLES + 10 {
            watch.remember(number.to_string(), "t".into());
        }
        assert_eq!((watch.titles.len(), watch.order.len()), (TITLES, TITLES));
    }
}
