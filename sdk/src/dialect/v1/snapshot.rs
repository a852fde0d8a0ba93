//! The state of a session and its descendants, read by REST.
//!
//! The order matters: status first (when it says idle, the messages read after it are final), then what is asked,
//! then the messages.

use std::collections::VecDeque;

use futures_util::future::{try_join, try_join3};
use opencode_api::v1::operations::{permission, question, session};
use opencode_api::{Operation as _, v1};

use super::operations::V1;
use super::{asks, map, parts};
use crate::dialect::{Dialect as _, unmet};
use crate::error::Result;
use crate::model::{Message, Permission, Question, Session, SessionId, Snapshot, Status};
use crate::transport::Transport;

pub(super) async fn read(server: &V1, root: &SessionId) -> Result<Vec<Snapshot>> {
    let transport = &server.transport;
    let statuses = transport.call(&session::Status::new(), true).await?;
    let (permissions, questions) = try_join(
        transport.call(&permission::List::new(), true),
        transport.call(&question::List::new(), true),
    )
    .await?;
    let permissions: Vec<Permission> = permissions.into_iter().map(asks::permission).collect();
    let questions: Vec<Question> = questions.into_iter().map(asks::question).collect();
    let mut waiting: VecDeque<Session> = [server.session(root).await?].into();
    let mut snapshots = Vec::new();
    while let Some(session) = waiting.pop_front() {
        let (messages, todos, children) = try_join3(
            messages(transport, &session.id),
            server.todos(&session.id),
            server.children(&session.id),
        )
        .await?;
        waiting.extend(unmet(&children, &session, &waiting, &snapshots));
        let id = &session.id;
        snapshots.push(Snapshot {
            status: statuses.get(id.as_str()).map_or(Status::Idle, map::status),
            permissions: permissions.iter().filter(|p| p.session_id == *id).cloned().collect(),
            questions: questions.iter().filter(|q| q.session_id == *id).cloned().collect(),
            messages,
            queued: Vec::new(),
            todos,
            children,
            session,
        });
    }
    Ok(snapshots)
}

/// All messages. The server answers with all of them unless a page size is asked for; should it page all the same,
/// the pages (newest first) are followed by its cursor.
pub(super) async fn messages(transport: &Transport, id: &SessionId) -> Result<Vec<Message>> {
    let mut all: Vec<Message> = Vec::new();
    let mut before = None;
    loop {
        let mut page = session::Messages::new(id.as_str());
        page.before = before;
        let (entries, answer) = transport.call_with_answer(&page, true).await?;
        let next = answer.header("x-next-cursor").map(str::to_owned);
        let empty = entries.is_empty();
        let wire_id = opencode_api::SessionId::from(id.as_str());
        let older = entries.into_iter().filter_map(|entry| message(entry, &wire_id));
        all = older.chain(all).collect();
        match next.filter(|_| !empty) {
            Some(cursor) if page.before.as_ref() != Some(&cursor) => before = Some(cursor),
            _ => break,
        }
    }
    tracing::trace!(operation = session::Messages::ID, count = all.len(), "read");
    Ok(all)
}

fn message(entry: v1::bodies::MessageWithParts, session: &opencode_api::SessionId) -> Option<Message> {
    let mut message = map::message(entry.info, session)?;
    message.parts = entry.parts.into_iter().filter_map(parts::part).collect();
    Some(message)
}
