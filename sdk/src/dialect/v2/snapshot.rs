//! The state of a session and its descendants, read by REST from OpenCode 2.
//!
//! The order matters: what runs first (when nothing does, what is read after it is final), then what is asked, then the
//! prompts that wait, then the messages: a prompt that is delivered in between is seen twice rather than never.

use std::collections::VecDeque;

use futures_util::future::try_join;
use opencode_api::v2;
use opencode_api::v2::operations::{message, permission, session};

use super::operations::V2;
use super::{asks, map};
use crate::dialect::{Dialect as _, unmet};
use crate::error::{ErrorKind, Result};
use crate::model::{Message, Permission, Question, Session, SessionId, Snapshot, Status};
use crate::transport::Transport;

/// The largest page that servers give.
const PAGE: u64 = 200;

pub(super) async fn read(server: &V2, root: &SessionId) -> Result<Vec<Snapshot>> {
    let running = server.running().await?;
    let mut waiting: VecDeque<Session> = [server.session(root).await?].into();
    let mut snapshots = Vec::new();
    while let Some(session) = waiting.pop_front() {
        let id = session.id.clone();
        let (permissions, questions) = asked(&server.transport, &id).await?;
        let queued = queued(&server.transport, &id).await?;
        let (messages, children) = try_join(messages(&server.transport, &id), server.children(&id)).await?;
        waiting.extend(unmet(&children, &session, &waiting, &snapshots));
        let queued = queued.into_iter().filter(|q| !messages.iter().any(|m| m.id == q.id)).collect();
        let status = if running.contains(id.as_str()) { Status::Busy } else { Status::Idle };
        snapshots.push(Snapshot {
            session,
            status,
            messages,
            queued,
            permissions,
            questions,
            todos: Vec::new(),
            children,
        });
    }
    Ok(snapshots)
}

async fn asked(transport: &Transport, id: &SessionId) -> Result<(Vec<Permission>, Vec<Question>)> {
    let (list, forms) = (permission::List::new(id.as_str()), session::form::List::new(id.as_str()));
    let (permissions, forms) = try_join(transport.call(&list, true), transport.call(&forms, true)).await?;
    Ok((
        permissions.data.into_iter().map(asks::permission).collect(),
        forms.data.into_iter().map(asks::question).collect(),
    ))
}

pub(super) async fn queued(transport: &Transport, id: &SessionId) -> Result<Vec<Message>> {
    let inbox = transport.call(&session::inbox::List::new(id.as_str()), true).await?;
    let user = |item| match item {
        v2::bodies::SessionInboxItem::User(item) => {
            let at = map::time(&item.time.created);
            Some(map::user(&map::id(item.id), id, at, item.payload))
        }
        _ => None,
    };
    Ok(inbox.data.into_iter().filter_map(user).collect())
}

/// All messages, oldest first. The last page has a cursor too; an empty one ends the list.
pub(super) async fn messages(transport: &Transport, id: &SessionId) -> Result<Vec<Message>> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut page = message::List::new(id.as_str());
        page.limit = Some(PAGE);
        match &cursor {
            // A cursor holds its order; naming one beside it is refused.
            Some(next) => page.cursor = Some(next.clone()),
            None => page.order = Some(v2::bodies::Order::Asc),
        }
        let answer = transport.call(&page, true).await?;
        let count = answer.data.len() as u64;
        all.extend(answer.data.into_iter().filter_map(|wire| map::message(wire, id)));
        match answer.cursor.next.filter(|next| count == PAGE && cursor.as_ref() != Some(next)) {
            Some(next) => cursor = Some(next),
            None => return Ok(all),
        }
    }
}

/// All sessions that `list` asks for, page by page.
pub(super) async fn sessions(
    transport: &Transport,
    list: impl Fn() -> session::List,
    limit: Option<usize>,
) -> Result<Vec<Session>> {
    let mut all: Vec<Session> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        // A cursor holds what was asked for.
        let mut page = if cursor.is_some() { session::List::new() } else { list() };
        (page.limit, page.cursor) = (Some(PAGE), cursor.clone());
        let answer = transport.call(&page, true).await?;
        let count = answer.data.len() as u64;
        all.extend(answer.data.into_iter().map(map::session));
        if let Some(limit) = limit.filter(|limit| all.len() >= *limit) {
            all.truncate(limit);
            return Ok(all);
        }
        match answer.cursor.next.filter(|next| count == PAGE && cursor.as_ref() != Some(next)) {
            Some(next) => cursor = Some(next),
            None => return Ok(all),
        }
    }
}

/// Whether the server has a prompt, waiting or delivered.
pub(super) async fn has_message(transport: &Transport, id: &SessionId, message: &str) -> Result<bool> {
    // Before and after it is delivered: in that order, so that it cannot slip through between the two.
    if queued(transport, id).await?.iter().any(|m| m.id.as_str() == message) {
        return Ok(true);
    }
    match transport.call(&session::message::Get::new(id.as_str(), message), true).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
