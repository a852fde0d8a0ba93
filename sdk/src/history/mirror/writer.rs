//! Brings what waits of a conversation's sessions into the vault, one batch after the other.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nexus_vault::{Batch, Durability, Vault, Written};
use tokio::sync::oneshot;

use super::copies::BYTES;
use super::session::{Planned, Tracked};
use crate::chat::{ChatEvent, Observer};
use crate::error::{Error, ErrorKind, Result};
use crate::history::stored_state::StoredState;
use crate::history::{blocking, now, server_entry, stored_state};
use crate::model::SessionId;

/// About so many messages go into one batch.
const BATCH: usize = 256;

pub(super) struct Writer {
    vault: Vault,
    server: String,
    observer: Observer,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sessions: HashMap<SessionId, Tracked>,
    /// Whether the server is known to be on its shelf.
    listed: bool,
    /// Something was written that the loss of power could undo.
    unsure: bool,
    /// On its way: what is dirty again when it does not arrive.
    in_flight: Vec<(SessionId, Planned)>,
    /// The conversation has ended for good.
    ended: bool,
}

/// One batch with what it means.
struct Plan {
    batch: Batch,
    durability: Durability,
}

impl Writer {
    pub(super) fn new(vault: Vault, server: String, observer: Observer) -> Self {
        let writer = Self { vault, server, observer, state: Mutex::default() };
        writer.mark_everything();
        writer
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what an event has changed. `None` stands for the end of the feed.
    pub(super) fn mark(&self, event: Option<&ChatEvent>) {
        match event {
            Some(ChatEvent::Lagged { .. }) => self.mark_everything(),
            Some(event) => self.lock().mark(self.observer.root(), event),
            None => self.end(),
        }
    }

    /// Whether something was marked since the last write began.
    pub(super) fn is_marked(&self) -> bool {
        let state = self.lock();
        state.ended || state.sessions.values().any(Tracked::is_marked)
    }

    pub(super) fn end(&self) {
        self.lock().ended = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    fn mark_everything(&self) {
        let sessions = self.observer.sessions();
        let mut state = self.lock();
        for id in sessions {
            let tracked = state.tracked(&id);
            tracked.mark_session();
            tracked.mark_all();
        }
    }

    fn begin(&self) {
        self.lock().sessions.values_mut().for_each(Tracked::begin);
    }

    /// Writes until nothing waits of what was marked before. With `for_good`, everything survives the loss of power afterwards.
    ///
    /// Cancelled, it leaves what is on its way to [`queue`](Self::queue).
    pub(super) async fn write(&self, for_good: bool) -> Result<()> {
        self.begin();
        self.look_up_server().await?;
        loop {
            self.read_bases().await?;
            let Some(plan) = self.plan(false, for_good)? else { return Ok(()) };
            let result = submit(&self.vault, plan.batch, plan.durability).await;
            self.settle(result, plan.durability)?;
        }
    }

    async fn look_up_server(&self) -> Result<()> {
        if !self.lock().listed {
            let (vault, server) = (self.vault.clone(), self.server.clone());
            if blocking(move || server_entry::exists(&vault, &server)).await? {
                self.lock().listed = true;
            }
        }
        Ok(())
    }

    /// Reads what is stored of sessions that must be compared.
    async fn read_bases(&self) -> Result<()> {
        loop {
            let next = self.lock().sessions.iter().find(|(_, t)| t.needs_base()).map(|(id, _)| id.clone());
            let Some(id) = next else { return Ok(()) };
            let (vault, server, session) = (self.vault.clone(), self.server.clone(), id.clone());
            let record = blocking(move || stored_state::session(&vault, &server, &session)).await?;
            let trusted = self
                .observer
                .look(&id, |transcript| self.lock().tracked(&id).trust(record.as_ref(), transcript));
            if trusted == Some(true) {
                continue;
            }
            let stored = match record {
                None => StoredState::default(),
                Some(_) => {
                    let (vault, server, session) = (self.vault.clone(), self.server.clone(), id.clone());
                    blocking(move || stored_state::read(&vault, &server, &session)).await?
                }
            };
            self.lock().tracked(&id).read_base(stored);
        }
    }

    /// The next batch. What is in it is in flight from then on.
    fn plan(&self, alone: bool, for_good: bool) -> Result<Option<Plan>> {
        let ids: Vec<SessionId> = {
            let state = self.lock();
            state.sessions.iter().filter(|(_, t)| t.is_dirty()).map(|(id, _)| id.clone()).collect()
        };
        let (mut batch, mut planned, mut size, mut bytes) = (Batch::new(), Vec::new(), 0, 0);
        for id in ids {
            // The conversation's lock is taken first and given back before ours is used for long.
            let look =
                self.observer.look(&id, |transcript| self.lock().tracked(&id).take(transcript)).flatten();
            let Some(look) = look else { continue };
            let plan = self.lock().tracked(&id).plan(&self.server, look, now(), alone, &mut batch)?;
            size += plan.taken.len();
            bytes += plan.bytes;
            planned.push((id, plan));
            if size >= BATCH || bytes >= BYTES {
                break;
            }
        }
        let mut state = self.lock();
        if !batch.is_empty() && !state.listed {
            server_entry::put(&mut batch, &self.server, None)?;
        }
        let power = for_good || planned.iter().any(|(_, p)| p.power);
        let idle = planned.is_empty();
        state.in_flight.extend(planned);
        if batch.is_empty() && for_good && state.unsure {
            // Any write for good makes those before it sure.
            server_entry::touch(&mut batch, now())?;
        }
        let durability = if power { Durability::Power } else { Durability::Process };
        Ok((!idle || !batch.is_empty()).then_some(Plan { batch, durability }))
    }

    /// Takes note of what became of the batch that was in flight.
    fn settle(&self, result: Result<()>, durability: Durability) -> Result<()> {
        let mut state = self.lock();
        let in_flight = std::mem::take(&mut state.in_flight);
        match result {
            Ok(()) => {
                state.listed = true;
                state.unsure = durability == Durability::Process && (state.unsure || !in_flight.is_empty());
                for (id, planned) in in_flight {
                    state.tracked(&id).written(planned.effect);
                }
                Ok(())
            }
            Err(error) => {
                for (id, planned) in in_flight {
                    let tracked = state.tracked(&id);
                    if error.kind() == ErrorKind::NotFound {
                        tracked.start_over();
                    } else {
                        tracked.put_back(planned.taken);
                    }
                }
                Err(error)
            }
        }
    }

    /// Queues everything that waits in the vault without waiting for it.
    pub(super) fn queue(&self) -> Result<()> {
        self.begin();
        {
            let mut state = self.lock();
            for (id, planned) in std::mem::take(&mut state.in_flight) {
                state.tracked(&id).put_back(planned.taken);
            }
        }
        while let Some(plan) = self.plan(true, true)? {
            self.vault.submit(plan.batch, Durability::Power, |_| ())?;
            self.settle(Ok(()), Durability::Power)?;
        }
        Ok(())
    }
}

/// Queues a batch and waits for it without holding a thread.
pub(in crate::history) async fn submit(vault: &Vault, batch: Batch, durability: Durability) -> Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let (sender, receiver) = oneshot::channel::<nexus_vault::Result<Written>>();
    vault.submit(batch, durability, move |result| drop(sender.send(result)))?;
    match receiver.await {
        Ok(result) => Ok(result.map(drop)?),
        Err(_) => Err(Error::new(ErrorKind::Locked, "the history was locked while it was written")),
    }
}

impl State {
    fn tracked(&mut self, id: &SessionId) -> &mut Tracked {
        self.sessions.entry(id.clone()).or_insert_with(|| Tracked::new(id.clone()))
    }

    fn mark(&mut self, session: &SessionId, event: &ChatEvent) {
        let tracked = match event {
            ChatEvent::Child { session_id, event } => return self.mark(session_id, event),
            ChatEvent::Todos { .. }
            | ChatEvent::Diff { .. }
            | ChatEvent::Queued(_)
            | ChatEvent::Withdrawn { .. }
            | ChatEvent::PermissionAsked(_)
            | ChatEvent::PermissionClosed { .. }
            | ChatEvent::QuestionAsked(_)
            | ChatEvent::QuestionClosed { .. }
            | ChatEvent::Reconnecting { .. }
            | ChatEvent::Other { .. } => return,
            _ => self.tracked(session),
        };
        match event {
            ChatEvent::Message(message) => tracked.mark_message(&message.id),
            ChatEvent::Part(part) => tracked.mark_message(&part.message_id),
            ChatEvent::MessageRemoved { message_id }
            | ChatEvent::Text { message_id, .. }
            | ChatEvent::TextReplaced { message_id, .. }
            | ChatEvent::PartRemoved { message_id, .. } => tracked.mark_message(message_id),
            // Session, Status, Error, SessionRemoved, TurnEnded, Recovered: what grew may be complete now.
            _ => tracked.mark_session(),
        }
    }
}
