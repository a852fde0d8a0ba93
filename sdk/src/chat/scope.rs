//! A conversation's session together with the sessions that its agents have started. Pure.

use std::collections::HashMap;

use super::event::ChatEvent;
use super::transcript::{PartOrder, Transcript};
use crate::model::{AskId, Event, Permission, PermissionReply, SessionId, Snapshot};
use crate::stream::EventRef;

/// The transcripts of a session and its descendants. Events of other sessions leave no trace.
#[derive(Debug)]
pub(super) struct Scope {
    root: SessionId,
    order: PartOrder,
    idle_is_final: bool,
    transcripts: HashMap<SessionId, Transcript>,
}

impl Scope {
    pub(super) fn new(root: SessionId, order: PartOrder, idle_is_final: bool) -> Self {
        let transcripts = [(root.clone(), Transcript::new(root.clone(), order))].into();
        Self { root, order, idle_is_final, transcripts }
    }

    pub(super) fn root(&self) -> &Transcript {
        // Made in `new` and never removed.
        &self.transcripts[&self.root]
    }

    /// All transcripts, the conversation's own first.
    pub(super) fn all(&self) -> Vec<&Transcript> {
        let others = self.transcripts.iter().filter(|(id, _)| **id != self.root).map(|(_, t)| t);
        std::iter::once(self.root()).chain(others).collect()
    }

    pub(super) fn get(&self, session: &SessionId) -> Option<&Transcript> {
        self.transcripts.get(session)
    }

    /// Whether an event is about one of our sessions; a new child becomes one.
    pub(super) fn concerns(&mut self, event: &Event) -> bool {
        let Some(session) = event.session_id() else { return false };
        if self.transcripts.contains_key(session) {
            return true;
        }
        let Event::Session(new) = event else { return false };
        let ours = new.parent_id.as_ref().is_some_and(|parent| self.transcripts.contains_key(parent));
        if ours {
            self.transcripts.insert(new.id.clone(), Transcript::new(new.id.clone(), self.order));
        }
        ours
    }

    pub(super) fn apply(&mut self, event: &Event, out: &mut Vec<ChatEvent>) {
        if !self.concerns(event) {
            return;
        }
        let Some(session) = event.session_id() else { return };
        self.change(session, out, |transcript, out| transcript.apply(event, out));
    }

    pub(super) fn mark_gap(&mut self) {
        self.transcripts.values_mut().for_each(Transcript::mark_gap);
    }

    /// Takes over what the server says of all our sessions. `held` are the events that will be folded in next.
    pub(super) fn resync(
        &mut self,
        snapshots: &[Snapshot],
        held: &[EventRef],
        settled: bool,
        out: &mut Vec<ChatEvent>,
    ) {
        for snapshot in snapshots {
            let id = &snapshot.session.id;
            let transcript =
                self.transcripts.entry(id.clone()).or_insert_with(|| Transcript::new(id.clone(), self.order));
            transcript.expect_asks(held.iter().map(|event| &**event));
            let settled = settled || (self.idle_is_final && snapshot.status.is_idle());
            self.change(id, out, |transcript, out| transcript.resync(snapshot, settled, out));
        }
        let gone: Vec<SessionId> = (self.transcripts.iter())
            .filter(|(id, t)| !t.is_removed() && !snapshots.iter().any(|s| s.session.id == **id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            self.change(&id, out, |transcript, out| {
                transcript.apply(&Event::SessionRemoved(id.clone()), out)
            });
        }
    }

    /// The session that asks, for an open request.
    pub(super) fn session_of_permission(&self, id: &AskId) -> Option<SessionId> {
        self.permissions().find(|p| p.id == *id).map(|p| p.session_id.clone())
    }

    /// The session that asks, for an open question.
    pub(super) fn session_of_question(&self, id: &AskId) -> Option<SessionId> {
        (self.transcripts.values().flat_map(Transcript::questions))
            .find(|q| q.id == *id)
            .map(|q| q.session_id.clone())
    }

    pub(super) fn permissions(&self) -> impl Iterator<Item = &Permission> {
        self.transcripts.values().flat_map(Transcript::permissions)
    }

    pub(super) fn settle_permission(
        &mut self,
        session: &SessionId,
        id: &AskId,
        reply: Option<PermissionReply>,
        out: &mut Vec<ChatEvent>,
    ) {
        self.change(session, out, |transcript, out| transcript.close_permission(id, reply, out));
    }

    pub(super) fn settle_question(
        &mut self,
        session: &SessionId,
        id: &AskId,
        answers: Option<Vec<Vec<String>>>,
        out: &mut Vec<ChatEvent>,
    ) {
        self.change(session, out, |transcript, out| transcript.close_question(id, answers, out));
    }

    /// Whether an event has come that only the state can explain; asking forgets it.
    pub(super) fn take_unclear(&mut self) -> bool {
        self.transcripts.values_mut().fold(false, |unclear, t| t.take_unclear() | unclear)
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = &SessionId> {
        self.transcripts.keys()
    }

    fn change(
        &mut self,
        session: &SessionId,
        out: &mut Vec<ChatEvent>,
        work: impl FnOnce(&mut Transcript, &mut Vec<ChatEvent>),
    ) {
        let Some(transcript) = self.transcripts.get_mut(session) else { return };
        if *session == self.root {
            return work(transcript, out);
        }
        let mut inner = Vec::new();
        work(transcript, &mut inner);
        out.extend(
            inner.into_iter().map(|e| ChatEvent::Child { session_id: session.clone(), event: Box::new(e) }),
        );
    }
}
