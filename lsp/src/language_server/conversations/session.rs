//! One open session without I/O and without a clock: what happens is numbered, gathered for a moment, kept for those who come
//! back, and handed to everybody who watches.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use opencode_nexus::chat::{ChatEvent, Transcript};
use opencode_nexus::model::SessionId;
use tokio::sync::Notify;

use super::elsewhere::{Elsewhere, end_error};
use super::join;
use super::log::Log;
use super::progress::Teller;
use super::watching::{Taken, Watched, Watching, is_urgent};
use crate::language_server::ext::{ChatProgress, EndReason, ErrorInfo, ProgressKind};

/// So many turns that have ended are remembered, so that none ends twice.
const ENDED: usize = 256;

/// One session.
pub(super) struct Session {
    id: String,
    epoch: String,
    seq: u64,
    root: Teller,
    children: HashMap<SessionId, Teller>,
    /// Of this moment.
    gathered: VecDeque<ChatProgress>,
    /// Something is among it that nobody should wait for.
    urgent: bool,
    log: Log,
    watching: Vec<Watching>,
    /// Turns that run, in the order in which they were begun.
    turns: Vec<String>,
    ended: VecDeque<String>,
    /// A turn has ended since it was last asked.
    has_ended: bool,
    /// Nothing more will happen.
    is_over: bool,
    elsewhere: Elsewhere,
}

impl Session {
    /// Takes what the transcripts hold as known.
    pub(super) fn new(id: String, epoch: String, transcripts: &[&Transcript]) -> Self {
        let mut session = Self {
            id,
            epoch,
            seq: 0,
            root: Teller::default(),
            children: HashMap::new(),
            gathered: VecDeque::new(),
            urgent: false,
            log: Log::default(),
            watching: Vec::new(),
            turns: Vec::new(),
            ended: VecDeque::new(),
            has_ended: false,
            is_over: false,
            elsewhere: Elsewhere::default(),
        };
        session.learn(transcripts);
        session
    }

    fn learn(&mut self, transcripts: &[&Transcript]) {
        self.children.clear();
        for (at, transcript) in transcripts.iter().enumerate() {
            match at {
                0 => {
                    self.root.learn(transcript);
                    self.elsewhere.learn(transcript);
                }
                _ => {
                    let teller = self.children.entry(transcript.session_id().clone()).or_default();
                    teller.learn(transcript);
                }
            }
        }
    }

    pub(super) fn epoch(&self) -> &str {
        &self.epoch
    }

    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// How many turns run.
    pub(super) fn turns(&self) -> usize {
        self.turns.len().max(usize::from(self.running().is_some()))
    }

    /// The turn that runs: the first of ours, else one that was begun elsewhere.
    pub(super) fn running(&self) -> Option<&str> {
        self.turns.first().map(String::as_str).or_else(|| self.elsewhere.running())
    }

    /// Whether somebody who watches asks the person when the agent asks.
    pub(super) fn shows_asks(&self) -> bool {
        self.watching.iter().any(|watching| watching.shows_asks && !watching.done)
    }

    /// Whether nobody would notice if it were closed.
    pub(super) fn is_idle(&self) -> bool {
        self.running().is_none() && self.watching.iter().all(|watching| watching.done)
    }

    /// Takes in what has happened.
    pub(super) fn fold(&mut self, event: &ChatEvent) {
        match event {
            ChatEvent::Child { session_id, event } => {
                let mut kinds = Vec::new();
                let teller = self.children.entry(session_id.clone()).or_default();
                teller.fold(event, &mut |kind| kinds.push(kind));
                for kind in kinds {
                    self.gather(kind, Some(session_id.to_string()));
                }
            }
            ChatEvent::TurnEnded { message_id, outcome } => {
                let error = outcome.error.as_ref().map(end_error);
                let (reason, finish, usage) = (outcome.kind.into(), outcome.finish.clone(), outcome.usage);
                self.end(message_id.as_str(), ProgressKind::End { reason, finish, error, usage });
            }
            ChatEvent::Reconnecting { reason } => {
                let state = "reconnecting".to_owned();
                self.gather(ProgressKind::Connection { state, reason: Some(reason.clone()) }, None);
            }
            ChatEvent::Recovered => {
                let state = "recovered".to_owned();
                self.gather(ProgressKind::Connection { state, reason: None }, None);
            }
            event => {
                let over = self.elsewhere.fold(event, self.turns.is_empty());
                let mut kinds = Vec::new();
                self.root.fold(event, &mut |kind| kinds.push(kind));
                kinds.into_iter().for_each(|kind| self.gather(kind, None));
                if let Some((turn, kind)) = over {
                    self.end(&turn, kind);
                }
            }
        }
    }

    fn gather(&mut self, kind: ProgressKind, child: Option<String>) {
        let turn_id = self.running().map(str::to_owned);
        self.gather_of(kind, turn_id, child);
    }

    fn gather_of(&mut self, kind: ProgressKind, turn_id: Option<String>, child: Option<String>) {
        self.seq += 1;
        self.urgent |= is_urgent(&kind);
        let progress = ChatProgress { session_id: self.id.clone(), turn_id, seq: self.seq, child, kind };
        join::push(&mut self.gathered, progress);
    }

    /// Tells the end of a turn, once.
    fn end(&mut self, turn: &str, kind: ProgressKind) {
        if self.ended.iter().any(|ended| ended == turn) {
            return;
        }
        if self.ended.len() == ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(turn.to_owned());
        self.has_ended = true;
        self.turns.retain(|open| open != turn);
        self.gather_of(kind, Some(turn.to_owned()), None);
    }

    /// The end of a turn cannot be learned.
    pub(super) fn lost(&mut self, turn: &str, error: ErrorInfo) {
        let (reason, usage) = (EndReason::Lost, Default::default());
        self.end(turn, ProgressKind::End { reason, finish: None, error: Some(error), usage });
    }

    /// The ends of all turns cannot be learned.
    pub(super) fn all_lost(&mut self, error: &ErrorInfo) {
        while let Some(turn) = self.running().map(str::to_owned) {
            self.elsewhere.forget();
            self.lost(&turn, error.clone());
            self.turns.retain(|open| *open != turn);
        }
    }

    /// Nothing more will happen: those who watch may go.
    pub(super) fn finish(&mut self) {
        self.is_over = true;
        self.watching.iter().for_each(|watching| watching.wake.notify_one());
    }

    /// The conversation is over: no more will be heard of it.
    pub(super) fn closed(&mut self, error: &ErrorInfo) {
        self.all_lost(error);
        let kind =
            ProgressKind::Connection { state: "closed".to_owned(), reason: Some(error.message.clone()) };
        self.gather(kind, None);
    }

    /// Whether a turn has ended since this was asked last.
    pub(super) fn take_ended(&mut self) -> bool {
        std::mem::take(&mut self.has_ended)
    }

    /// Whether something was gathered, and whether it should be told at once.
    pub(super) fn has_gathered(&self) -> Option<bool> {
        (!self.gathered.is_empty()).then_some(self.urgent)
    }

    /// Hands out what was gathered.
    pub(super) fn flush(&mut self) {
        self.urgent = false;
        for progress in std::mem::take(&mut self.gathered) {
            self.watching.iter_mut().for_each(|watching| watching.add(&progress));
            self.log.push(progress);
        }
        for watching in &self.watching {
            watching.wake_up();
        }
    }

    /// Watches a turn whose prompt will be sent; see [`begun`](Self::begun).
    pub(super) fn watch_turn(&mut self, number: u64, shows_asks: bool) -> Arc<Notify> {
        self.flush();
        self.add(number, Watched::Beginning, shows_asks, VecDeque::new())
    }

    /// Watches from now on, to the end of the turn that runs if one does.
    pub(super) fn watch(&mut self, number: u64, shows_asks: bool) -> Arc<Notify> {
        self.flush();
        let what = self.running().map_or(Watched::Session, |turn| Watched::Turn(turn.to_owned()));
        self.add(number, what, shows_asks, VecDeque::new())
    }

    /// A turn was begun; `watcher` has watched it since before.
    pub(super) fn begun(&mut self, watcher: Option<u64>, turn: &str) {
        if !self.ended.iter().any(|ended| ended == turn) {
            if self.turns.is_empty() {
                self.root.turn_begins();
            }
            self.turns.push(turn.to_owned());
        }
        self.elsewhere.forget();
        let watching = self.watching.iter_mut().find(|watching| Some(watching.number) == watcher);
        if let Some(watching) = watching {
            watching.begun(turn);
        }
    }

    /// Watches everything from now on, after what is newer than `since` if that is still known, else after everything.
    pub(super) fn subscribe(
        &mut self,
        number: u64,
        shows_asks: bool,
        since: Option<(&str, u64)>,
        transcripts: &[&Transcript],
    ) -> Arc<Notify> {
        let events = self.since(since, transcripts);
        self.add(number, Watched::Session, shows_asks, events.into())
    }

    /// What is newer than `since` if that is still known, else a reset and everything.
    pub(super) fn since(
        &mut self,
        since: Option<(&str, u64)>,
        transcripts: &[&Transcript],
    ) -> Vec<ChatProgress> {
        self.flush();
        let known = since.filter(|(epoch, seq)| *epoch == self.epoch && *seq <= self.seq);
        match known.and_then(|(_, seq)| self.log.since(seq)) {
            Some(events) => events,
            None => self.everything(transcripts),
        }
    }

    /// A reset, and all that was told once more, with new numbers.
    fn everything(&mut self, transcripts: &[&Transcript]) -> Vec<ChatProgress> {
        let mut events = Vec::new();
        let (id, turn_id) = (self.id.clone(), self.running().map(str::to_owned));
        let mut tell = |kind, child: Option<String>| {
            events.push(ChatProgress {
                session_id: id.clone(),
                turn_id: turn_id.clone(),
                seq: 0,
                child,
                kind,
            });
        };
        tell(ProgressKind::Reset { epoch: self.epoch.clone() }, None);
        for (at, transcript) in transcripts.iter().enumerate() {
            let (teller, child) = match at {
                0 => (Some(&self.root), None),
                _ => {
                    let id = transcript.session_id();
                    (self.children.get(id), Some(id.to_string()))
                }
            };
            if let Some(teller) = teller {
                teller.again(transcript, &mut |kind| tell(kind, child.clone()));
            }
        }
        let before = self.seq;
        for progress in &mut events {
            self.seq += 1;
            progress.seq = self.seq;
        }
        self.log.told_anew(before, self.seq);
        events
    }

    /// What was told is not what there is any more: takes the transcripts as they stand, and tells everything anew.
    pub(super) fn reset(&mut self, transcripts: &[&Transcript]) {
        self.flush();
        self.learn(transcripts);
        for progress in self.everything(transcripts) {
            self.watching.iter_mut().for_each(|watching| watching.add(&progress));
        }
        self.log.forget(self.seq);
        for watching in &self.watching {
            watching.wake_up();
        }
    }

    fn add(
        &mut self,
        number: u64,
        what: Watched,
        shows_asks: bool,
        waiting: VecDeque<ChatProgress>,
    ) -> Arc<Notify> {
        let wake = Arc::new(Notify::new());
        let watching = Watching {
            number,
            what,
            shows_asks,
            waiting,
            bytes: 0,
            behind: false,
            done: false,
            wake: wake.clone(),
        };
        self.watching.push(watching);
        wake.notify_one();
        wake
    }

    /// Watches no more; whether it did.
    pub(super) fn unwatch(&mut self, number: u64) -> bool {
        let before = self.watching.len();
        self.watching.retain(|watching| {
            let stays = watching.number != number;
            if !stays {
                watching.wake.notify_one();
            }
            stays
        });
        before != self.watching.len()
    }

    /// What a watcher has not been told yet.
    pub(super) fn take(
        &mut self,
        number: u64,
        transcripts: impl FnOnce(&mut Self) -> Vec<ChatProgress>,
    ) -> Taken {
        let Some(at) = self.watching.iter().position(|watching| watching.number == number) else {
            return Taken::Over;
        };
        if self.watching[at].behind {
            let events = transcripts(self);
            let watching = &mut self.watching[at];
            let end = watching.done.then(|| watching.waiting.pop_back()).flatten();
            (watching.behind, watching.bytes) = (false, 0);
            watching.waiting = events.into();
            if let Some(mut end) = end {
                end.seq = end.seq.max(watching.waiting.back().map_or(0, |last| last.seq + 1));
                self.seq = self.seq.max(end.seq);
                self.watching[at].waiting.push_back(end);
            }
        }
        let watching = &mut self.watching[at];
        if watching.what == Watched::Beginning && !self.is_over {
            return Taken::Nothing;
        }
        watching.bytes = 0;
        match (watching.waiting.is_empty(), watching.done || self.is_over) {
            (false, _) => Taken::Events(watching.waiting.drain(..).collect()),
            (true, false) => Taken::Nothing,
            (true, true) => {
                self.watching.remove(at);
                Taken::Over
            }
        }
    }

    /// [`everything`](Self::everything) for a watcher that was too slow.
    pub(super) fn anew(&mut self, transcripts: &[&Transcript]) -> Vec<ChatProgress> {
        self.flush();
        self.everything(transcripts)
    }
}
