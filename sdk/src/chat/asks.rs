//! Folding of permission requests and questions: each is opened once and closed once.

use super::event::ChatEvent;
use super::transcript::Transcript;
use crate::model::{AskId, Event, Permission, PermissionReply, Question};

impl Transcript {
    /// Names the events that were held while the state was read, and that will be folded in after it. The state may
    /// list a request that is opened only in these events, behind the end of the turn before: that end must not
    /// close it.
    pub fn expect_asks<'a>(&mut self, held: impl Iterator<Item = &'a Event>) {
        self.awaited = held
            .filter_map(|event| match event {
                Event::PermissionAsked(ask) if ask.session_id == self.session_id => Some(ask.id.clone()),
                Event::QuestionAsked(ask) if ask.session_id == self.session_id => Some(ask.id.clone()),
                _ => None,
            })
            .collect();
    }

    pub(super) fn open_permission(&mut self, permission: &Permission, out: &mut Vec<ChatEvent>) {
        if !self.settled.contains(&permission.id) && !self.permissions.iter().any(|p| p.id == permission.id) {
            self.permissions.push(permission.clone());
            out.push(ChatEvent::PermissionAsked(Box::new(permission.clone())));
        }
    }

    /// Closes a request; also called when our own answer was accepted, before the server's event comes.
    pub(super) fn close_permission(
        &mut self,
        id: &AskId,
        reply: Option<PermissionReply>,
        out: &mut Vec<ChatEvent>,
    ) {
        if let Some(at) = self.permissions.iter().position(|p| p.id == *id) {
            self.permissions.remove(at);
            out.push(ChatEvent::PermissionClosed { id: id.clone(), reply });
        }
        self.remember_settled(id);
    }

    pub(super) fn open_question(&mut self, question: &Question, out: &mut Vec<ChatEvent>) {
        if !self.settled.contains(&question.id) && !self.questions.iter().any(|q| q.id == question.id) {
            self.questions.push(question.clone());
            out.push(ChatEvent::QuestionAsked(Box::new(question.clone())));
        }
    }

    pub(super) fn close_question(
        &mut self,
        id: &AskId,
        answers: Option<Vec<Vec<String>>>,
        out: &mut Vec<ChatEvent>,
    ) {
        if let Some(at) = self.questions.iter().position(|q| q.id == *id) {
            self.questions.remove(at);
            out.push(ChatEvent::QuestionClosed { id: id.clone(), answers });
        }
        self.remember_settled(id);
    }

    pub(super) fn close_all_asks(&mut self, out: &mut Vec<ChatEvent>) {
        let over = |id: &AskId| !self.awaited.contains(id);
        let permissions: Vec<AskId> = self.permissions.iter().map(|p| p.id.clone()).filter(over).collect();
        let questions: Vec<AskId> = self.questions.iter().map(|q| q.id.clone()).filter(over).collect();
        permissions.iter().for_each(|id| self.close_permission(id, None, out));
        questions.iter().for_each(|id| self.close_question(id, None, out));
    }

    /// Makes the open requests equal to what the server lists.
    pub(super) fn resync_asks(
        &mut self,
        permissions: &[Permission],
        questions: &[Question],
        out: &mut Vec<ChatEvent>,
    ) {
        for id in missing(self.permissions.iter().map(|p| &p.id), permissions.iter().map(|p| &p.id)) {
            self.close_permission(&id, None, out);
        }
        for id in missing(self.questions.iter().map(|q| &q.id), questions.iter().map(|q| &q.id)) {
            self.close_question(&id, None, out);
        }
        for permission in permissions {
            self.open_permission(permission, out);
        }
        for question in questions {
            self.open_question(question, out);
        }
    }
}

/// What we have and the server does not list.
pub(super) fn missing<'a, I: Clone + PartialEq + 'a>(
    ours: impl Iterator<Item = &'a I>,
    theirs: impl Iterator<Item = &'a I> + Clone,
) -> Vec<I> {
    ours.filter(|id| !theirs.clone().any(|other| other == *id)).cloned().collect()
}
