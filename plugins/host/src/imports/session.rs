//! Sessions: each verb is a right of its own.

use std::sync::Arc;

use opencode_nexus::model::{AskId, PermissionReply, SessionId};
use wasmtime::Result;

use super::HostState;
use super::call::within;
use super::failure::{Answer, failure, failure_with, from_sdk};
use super::wit::session::{Decision, EventKind, Host, Info, Message, Prompt};
use super::wit::types::ErrorCode;
use crate::events::{self, Filter};
use crate::permissions::SessionRight;
use crate::stage::{Bounded, Stage};

/// So much is listed at once.
const PAGE: u32 = 200;

/// Messages that are given at once have about so many bytes; the first is given whatever it has.
const BYTES: usize = 4 << 20;

impl Host for HostState {
    async fn list_sessions(&mut self, after: Option<String>, limit: u32) -> Result<Answer<Vec<Info>>> {
        Ok(self.session_list(after.as_deref(), limit).await)
    }

    async fn messages(
        &mut self,
        session: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Answer<Vec<Message>>> {
        Ok(self.session_read(&session, after.as_deref(), limit).await)
    }

    async fn create(&mut self, title: Option<String>) -> Result<Answer<String>> {
        Ok(self.session_create(title.as_deref()).await)
    }

    async fn send(&mut self, session: String, prompt: Prompt) -> Result<Answer<String>> {
        Ok(self.session_send(session, prompt).await)
    }

    async fn abort(&mut self, session: String) -> Result<Answer<()>> {
        Ok(self.session_abort(session).await)
    }

    async fn reply_permission(
        &mut self,
        session: String,
        request: String,
        decision: Decision,
    ) -> Result<Answer<()>> {
        Ok(self.session_reply(session, request, decision).await)
    }

    async fn subscribe(&mut self, kinds: Vec<EventKind>, session: Option<String>) -> Result<Answer<u32>> {
        Ok(self.session_subscribe(kinds, session).await)
    }

    async fn unsubscribe(&mut self, subscription: u32) -> Result<()> {
        if let Some(stage) = &self.stage {
            stage.inbox.lock().unsubscribe(subscription);
        }
        Ok(())
    }
}

impl HostState {
    /// What a call works on, when the plugin may make it.
    fn may(&self, right: SessionRight, call: &str, what: &str) -> Answer<Arc<Stage>> {
        if !self.caller.rights.granted().session.contains(&right) {
            return Err(self.denied(call, word(right), what));
        }
        self.allowed(call, what);
        self.stage.clone().ok_or_else(|| failure(ErrorCode::Unavailable, "there are no conversations here"))
    }

    async fn session_list(&mut self, after: Option<&str>, limit: u32) -> Answer<Vec<Info>> {
        let stage = self.may(SessionRight::Read, "session.list-sessions", "")?;
        within(self.remaining(), "to list sessions", async {
            let listed = stage.sessions.list(after, limit.min(PAGE) as usize).await;
            let listed = listed.map_err(|error| from_sdk(&error))?;
            Ok(listed.iter().map(|(session, busy)| events::info(session, *busy)).collect())
        })
        .await
    }

    async fn session_read(&mut self, session: &str, after: Option<&str>, limit: u32) -> Answer<Vec<Message>> {
        let stage = self.may(SessionRight::Read, "session.messages", session)?;
        within(self.remaining(), "to read messages", async {
            let read = stage.sessions.messages(&session.into(), after, limit.min(PAGE) as usize).await;
            let read = read.map_err(|error| from_sdk(&error))?;
            let mut size = 0;
            let fits = |message: &&opencode_nexus::model::Message| {
                let before = size;
                size += message.parts.iter().filter_map(|part| part.text()).map(str::len).sum::<usize>();
                before == 0 || size <= BYTES
            };
            Ok(read.iter().take_while(fits).map(events::message).collect())
        })
        .await
    }

    async fn session_create(&mut self, title: Option<&str>) -> Answer<String> {
        let stage = self.may(SessionRight::Send, "session.create", title.unwrap_or_default())?;
        bounded(&stage, Bounded::Prompt, "sessions and prompts")?;
        within(self.remaining(), "to create a session", async {
            let created = stage.sessions.create(title).await.map_err(|error| from_sdk(&error))?;
            Ok(created.to_string())
        })
        .await
    }

    async fn session_send(&mut self, session: String, prompt: Prompt) -> Answer<String> {
        let stage = self.may(SessionRight::Send, "session.send", &session)?;
        let prompt = events::prompt(prompt).map_err(|error| from_sdk(&error))?;
        bounded(&stage, Bounded::Prompt, "sessions and prompts")?;
        within(self.remaining(), "to send a prompt", async {
            let sent = stage.sessions.send(&SessionId::from(session), prompt).await;
            Ok(sent.map_err(|error| from_sdk(&error))?.to_string())
        })
        .await
    }

    async fn session_abort(&mut self, session: String) -> Answer<()> {
        let stage = self.may(SessionRight::Abort, "session.abort", &session)?;
        within(self.remaining(), "to stop a turn", async {
            stage.sessions.abort(&SessionId::from(session)).await.map_err(|error| from_sdk(&error))
        })
        .await
    }

    async fn session_reply(&mut self, session: String, request: String, decision: Decision) -> Answer<()> {
        const CALL: &str = "session.reply-permission";
        let (word, reply) = match decision {
            Decision::Once => ("once", Some(PermissionReply::Once)),
            Decision::Reject => ("reject", Some(PermissionReply::Reject { message: None })),
            Decision::Always => ("always", None),
        };
        let what = format!("{word} {session} {request}");
        let Some(reply) = reply else {
            return Err(self.denied(CALL, "session:reply-permission with `always`", &what));
        };
        let stage = self.may(SessionRight::ReplyPermission, CALL, &what)?;
        bounded(&stage, Bounded::Reply, "answers to permissions")?;
        within(self.remaining(), "to answer a permission", async {
            let (session, request) = (SessionId::from(session), AskId::from(request));
            match stage.sessions.reply(&session, &request, reply).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(failure(ErrorCode::NotFound, "the request is not open any more")),
                Err(error) => Err(from_sdk(&error)),
            }
        })
        .await
    }

    async fn session_subscribe(&mut self, kinds: Vec<EventKind>, session: Option<String>) -> Answer<u32> {
        let stage =
            self.may(SessionRight::Events, "session.subscribe", session.as_deref().unwrap_or("all"))?;
        if kinds.is_empty() {
            return Err(failure_with(
                ErrorCode::Invalid,
                "a subscription without kinds would hear nothing",
                "name at least one kind of events",
            ));
        }
        let subscribed = stage.inbox.lock().subscribe(Filter { kinds, session: session.clone() });
        let Some(subscription) = subscribed else {
            return Err(failure_with(
                ErrorCode::Quota,
                "there are too many subscriptions",
                "end those that are not needed",
            ));
        };
        let session = session.map(SessionId::from);
        let listening = within(self.remaining(), "to subscribe", async {
            stage.sessions.listen(&stage.inbox, session.as_ref()).await.map_err(|error| from_sdk(&error))
        });
        match listening.await {
            Ok(()) => Ok(subscription),
            Err(error) => {
                stage.inbox.lock().unsubscribe(subscription);
                Err(error)
            }
        }
    }
}

fn word(right: SessionRight) -> &'static str {
    match right {
        SessionRight::Read => "session:read",
        SessionRight::Events => "session:events",
        SessionRight::Send => "session:send",
        SessionRight::Abort => "session:abort",
        SessionRight::ReplyPermission => "session:reply-permission",
    }
}

/// What a plugin could do without end.
pub(super) fn bounded(stage: &Stage, what: Bounded, name: &str) -> Answer<()> {
    stage.may(what).map_err(|most| {
        failure_with(
            ErrorCode::Quota,
            format!("a plugin has at most {most} {name} a minute"),
            "do less, or later",
        )
    })
}

#[cfg(test)]
mod tests;
