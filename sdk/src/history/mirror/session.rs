//! What is written of one session, what is not yet, and which writes that takes. Pure: it sees a transcript and answers
//! with operations.

use std::collections::{BTreeSet, HashMap};

use nexus_vault::{Batch, Record};

use super::copies::{copies, weight};
use crate::chat::Transcript;
use crate::error::Result;
use crate::history::chunk::{Change, Chunk, changes};
use crate::history::record::{MessageRecord, SessionRecord, group_name, to_bounded_bytes};
use crate::history::stored_state::{StoredState, Sum, is_complete, sum};
use crate::model::{Message, MessageId, Role, Session, SessionId};

/// So many messages are copied under the conversation's lock at once.
const SLICE: usize = 64;

/// No message has this name.
const GUARD: &str = "!";

/// What the history has of a message.
#[derive(PartialEq)]
enum Known {
    /// A whole record.
    Record(Sum),
    /// Pieces of ours; together they are this.
    Pieces(Box<Message>),
    /// Pieces of somebody else.
    Foreign,
}

impl Known {
    /// Whether it becomes a record when nothing runs any more.
    fn can_end(&self) -> bool {
        match self {
            Self::Record(_) => false,
            Self::Pieces(message) => !is_headless(message),
            Self::Foreign => true,
        }
    }
}

/// How well it is known what was stored before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    Unread,
    /// Everything that the server had was stored, so only what changes from now on is looked at.
    Trusted,
    Read,
}

/// One session that is being written down.
pub(super) struct Tracked {
    id: SessionId,
    base: Base,
    known: HashMap<MessageId, Known>,
    dirty: BTreeSet<MessageId>,
    dirty_session: bool,
    /// Marked since the last write began; for the next one.
    later: BTreeSet<MessageId>,
    later_session: bool,
    /// All messages must be compared.
    compare: bool,
    written: Option<SessionRecord>,
    first: Option<MessageId>,
    /// Title and directory as they stand in the records.
    shown: Option<(String, String)>,
}

/// What was taken from a transcript, to be written.
pub(super) struct Look {
    session: Session,
    idle: bool,
    /// Nothing else waits.
    last: bool,
    first: Option<MessageId>,
    messages: Vec<(MessageId, Option<Message>)>,
}

/// What becomes true when a look was written.
pub(super) struct Effect {
    record: Option<SessionRecord>,
    known: Vec<(MessageId, Option<Known>)>,
    first: Option<MessageId>,
    shown: (String, String),
}

impl Tracked {
    pub(super) fn new(id: SessionId) -> Self {
        Self {
            id,
            base: Base::Unread,
            known: HashMap::new(),
            dirty: BTreeSet::new(),
            dirty_session: true,
            later: BTreeSet::new(),
            later_session: false,
            compare: true,
            written: None,
            first: None,
            shown: None,
        }
    }

    pub(super) fn mark_message(&mut self, id: &MessageId) {
        if !self.later.contains(id) {
            self.later.insert(id.clone());
        }
    }

    pub(super) fn mark_session(&mut self) {
        self.later_session = true;
    }

    pub(super) fn is_marked(&self) -> bool {
        self.later_session || !self.later.is_empty()
    }

    /// A write begins: what was marked until now belongs to it. What grows while it runs does not, or it would never end.
    pub(super) fn begin(&mut self) {
        self.dirty.append(&mut self.later);
        self.dirty_session |= std::mem::take(&mut self.later_session);
    }

    /// Everything must be looked at.
    pub(super) fn mark_all(&mut self) {
        self.compare = true;
    }

    /// Whether [`take`](Self::take) has something to look at.
    pub(super) fn is_dirty(&self) -> bool {
        self.dirty_session || !self.dirty.is_empty() || (self.compare && self.base == Base::Read)
    }

    /// Whether [`read_base`](Self::read_base) is to be called before messages can be compared.
    pub(super) fn needs_base(&self) -> bool {
        self.compare && self.base != Base::Read
    }

    /// Whether what is stored of the session itself shows that nothing must be compared.
    pub(super) fn trust(&mut self, record: Option<&SessionRecord>, transcript: &Transcript) -> bool {
        let same = self.base == Base::Unread
            && transcript.status().is_idle()
            && transcript.session().is_some_and(|s| is_complete(record, s));
        if same {
            self.base = Base::Trusted;
            self.compare = false;
            self.written = record.cloned();
            self.first = transcript.messages().first().map(|m| m.id.clone());
            self.shown = transcript.session().map(shown);
        }
        same
    }

    /// Takes over what is stored.
    pub(super) fn read_base(&mut self, stored: StoredState) {
        self.base = Base::Read;
        // What we have written ourselves in the meantime is newer.
        for (id, sum) in stored.sums {
            self.known.entry(id).or_insert(Known::Record(sum));
        }
        for id in stored.unfinished.into_keys() {
            self.known.entry(id).or_insert(Known::Foreign);
        }
        if self.written.is_none() {
            self.written = stored.record;
        }
    }

    /// The group is gone: somebody has deleted it. All of it is written again.
    pub(super) fn start_over(&mut self) {
        *self = Self { base: Base::Read, ..Self::new(self.id.clone()) };
    }

    /// Takes some of what waits from the transcript. `None` when nothing waits, or nothing can be written yet.
    pub(super) fn take(&mut self, transcript: &Transcript) -> Option<Look> {
        if !self.is_dirty() {
            return None;
        }
        let session = transcript.session()?.clone();
        let idle = transcript.status().is_idle();
        if self.compare && self.base == Base::Read {
            self.dirty.extend(transcript.messages().iter().map(|m| m.id.clone()));
            self.dirty.extend(self.known.keys().cloned());
            self.compare = false;
        }
        if idle {
            let grown = self.known.iter().filter(|(_, known)| known.can_end());
            self.dirty.extend(grown.map(|(id, _)| id.clone()));
        }
        let first = transcript.messages().first().map(|m| m.id.clone());
        self.mark_shown(&session, first.as_ref(), transcript);
        let wanted: Vec<MessageId> = self.dirty.iter().take(SLICE).cloned().collect();
        let messages = copies(transcript, wanted);
        for (id, _) in &messages {
            self.dirty.remove(id);
        }
        self.dirty_session = false;
        Some(Look { session, idle, last: self.dirty.is_empty() && !self.compare, first, messages })
    }

    /// The records that show the title or the folder change with them.
    fn mark_shown(&mut self, session: &Session, first: Option<&MessageId>, transcript: &Transcript) {
        let now = shown(session);
        let Some((title, directory)) = &self.shown else { return };
        if self.first.as_ref() != first || *title != now.0 {
            self.dirty.extend(self.first.iter().chain(first).cloned());
        }
        if *directory != now.1 {
            self.dirty.extend(transcript.messages().iter().map(|m| m.id.clone()));
        }
    }

    /// Puts back what could not be written.
    pub(super) fn put_back(&mut self, look: Vec<MessageId>) {
        self.dirty.extend(look);
        self.dirty_session = true;
    }

    /// The operations that write a look. With `alone`, pieces are written that need no piece before them.
    ///
    /// # Errors
    /// `system.internal`.
    pub(super) fn plan(
        &mut self,
        server: &str,
        look: Look,
        now: u64,
        alone: bool,
        batch: &mut Batch,
    ) -> Result<Planned> {
        let mut planned = Planned::new(&look);
        match self.fill(server, &look, now, alone, &mut planned, batch) {
            Ok(()) => Ok(planned),
            Err(error) => {
                self.put_back(planned.taken);
                Err(error)
            }
        }
    }

    fn fill(
        &self,
        server: &str,
        look: &Look,
        now: u64,
        alone: bool,
        planned: &mut Planned,
        batch: &mut Batch,
    ) -> Result<()> {
        let group = group_name(server, &self.id);
        let headless = || {
            let here = look.messages.iter().filter_map(|(_, m)| m.as_ref()).any(is_headless);
            here || self.known.values().any(|known| matches!(known, Known::Pieces(m) if is_headless(m)))
        };
        let complete = look.idle && look.last && self.base != Base::Unread && !headless();
        self.plan_session(server, look, complete, now, planned, batch)?;
        for (id, message) in &look.messages {
            let known = self.known.get(id);
            let Some(message) = message else {
                if known.is_some() || self.base != Base::Read {
                    batch.remove_record(&group, id.as_str());
                    planned.power = true;
                }
                planned.effect.known.push((id.clone(), None));
                continue;
            };
            if is_growing(message, look.idle) {
                let pieces = match known {
                    Some(Known::Pieces(before)) if !alone => changes(before, message),
                    _ => vec![Change::Whole(Box::new(message.clone()))],
                };
                if !pieces.is_empty() {
                    batch.append_chunk(&group, id.as_str(), to_bounded_bytes(&Chunk::new(pieces))?);
                    planned.effect.known.push((id.clone(), Some(Known::Pieces(Box::new(message.clone())))));
                }
                continue;
            }
            let title = look.first.as_ref() == Some(id);
            let record = MessageRecord::new(server, &look.session, title, message.clone()).to_record()?;
            planned.put(id, record, known, batch);
        }
        Ok(())
    }

    fn plan_session(
        &self,
        server: &str,
        look: &Look,
        complete: bool,
        now: u64,
        planned: &mut Planned,
        batch: &mut Batch,
    ) -> Result<()> {
        let mut record = SessionRecord::new(server, look.session.clone(), now);
        record.complete = complete.then_some(look.session.updated);
        let before = self.written.as_ref().map(|w| SessionRecord { stored: now, ..w.clone() });
        if before.as_ref() != Some(&record) {
            planned.power |= self.written.is_none() || record.complete.is_some();
            if self.written.is_some() {
                // Fails where the group was deleted, which putting it would not; leaves nothing.
                let group = group_name(server, &self.id);
                batch.append_chunk(&group, GUARD, Vec::new()).remove_record(&group, GUARD);
            }
            batch.put_group(record.to_group()?);
            planned.effect.record = Some(record);
        }
        Ok(())
    }

    pub(super) fn written(&mut self, effect: Effect) {
        if effect.record.is_some() {
            self.written = effect.record;
        }
        for (id, known) in effect.known {
            match known {
                Some(known) => self.known.insert(id, known),
                None => self.known.remove(&id),
            };
        }
        self.first = effect.first;
        self.shown = Some(effect.shown);
    }
}

/// The operations of a look, and what they mean.
pub(super) struct Planned {
    /// What becomes true when they are done.
    pub(super) effect: Effect,
    /// What is dirty again when they are not.
    pub(super) taken: Vec<MessageId>,
    /// Whether something is complete with them, so that they must survive the loss of power.
    pub(super) power: bool,
    /// About how many bytes they have.
    pub(super) bytes: usize,
}

impl Planned {
    fn new(look: &Look) -> Self {
        let effect = Effect {
            record: None,
            known: Vec::new(),
            first: look.first.clone(),
            shown: shown(&look.session),
        };
        let taken = look.messages.iter().map(|(id, _)| id.clone()).collect();
        let bytes = look.messages.iter().filter_map(|(_, m)| m.as_ref()).map(weight).sum();
        Self { effect, taken, power: false, bytes }
    }

    fn put(&mut self, id: &MessageId, record: Record, known: Option<&Known>, batch: &mut Batch) {
        let now = Known::Record(sum(&record.payload));
        if known != Some(&now) {
            batch.put_record(record);
            self.power = true;
            self.effect.known.push((id.clone(), Some(now)));
        }
    }
}

fn shown(session: &Session) -> (String, String) {
    (session.title.clone(), session.directory.clone())
}

/// Whether only parts of a message were seen yet; it has the latest of all times.
fn is_headless(message: &Message) -> bool {
    message.created == u64::MAX
}

/// Whether more of a message will come.
fn is_growing(message: &Message, idle: bool) -> bool {
    is_headless(message) || (!idle && message.completed.is_none() && message.role != Role::User)
}
