//! The events that wait for one plugin. Pure.
//!
//! Nothing is joined while there is room. When it is full, the deltas of each part become one; what has no place then is
//! counted, and the plugin is told the number where it is missing. After that, as after subscribing, the first text of a part
//! is all of it, so that what comes later fits.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::told::{Told, kind_of, session_of};
use crate::bindings::nexus::plugin::session::{Event, EventBody, EventKind, Text};

/// At most so many events make a batch.
pub(crate) const BATCH: usize = 64;

/// At most so long the first event of a batch waits for others.
pub(crate) const TOGETHER: std::time::Duration = std::time::Duration::from_millis(16);

/// So many subscriptions a plugin may have.
const SUBSCRIPTIONS: usize = 64;

/// What may wait: events, and bytes of their texts.
const LIMITS: Limits = Limits { events: 8_192, bytes: 8 << 20 };

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

/// What a subscription lets through.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) kinds: Vec<EventKind>,
    /// Of this session only.
    pub(crate) session: Option<String>,
}

/// The events that wait for one plugin, whatever its subscriptions: what several of them want comes once.
pub(crate) struct Queue {
    limits: Limits,
    filters: BTreeMap<u32, Filter>,
    /// The name of the last subscription.
    named: u32,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Parts of which the plugin has been told everything from their beginning.
    followed: HashSet<String>,
    /// Left out since the last event that waits, and when the last of them was.
    missed: u64,
    missed_ms: u64,
    /// Since deltas were last joined, so many events were put in.
    since_joining: usize,
    /// The number of the last event that was given out.
    number: u64,
    /// All that were left out.
    left_out: u64,
}

struct Waiting {
    at_ms: u64,
    body: EventBody,
}

impl Default for Queue {
    fn default() -> Self {
        Self::with(LIMITS)
    }
}

impl Queue {
    pub(super) fn with(limits: Limits) -> Self {
        Self {
            limits,
            filters: BTreeMap::new(),
            named: 0,
            waiting: VecDeque::new(),
            bytes: 0,
            followed: HashSet::new(),
            missed: 0,
            missed_ms: 0,
            since_joining: limits.events,
            number: 0,
            left_out: 0,
        }
    }

    /// Lets more through; the name of the subscription, or none when there are too many.
    pub(crate) fn subscribe(&mut self, filter: Filter) -> Option<u32> {
        if self.filters.len() >= SUBSCRIPTIONS {
            return None;
        }
        self.named = self.named.wrapping_add(1);
        self.filters.insert(self.named, filter);
        Some(self.named)
    }

    /// What only this subscription wanted comes no more.
    pub(crate) fn unsubscribe(&mut self, subscription: u32) {
        if self.filters.remove(&subscription).is_none() {
            return;
        }
        // What is not heard from now on may be heard again later, in the middle of a text.
        self.followed.clear();
        let (filters, mut bytes) = (&self.filters, 0);
        self.waiting.retain(|waiting| {
            let stays = wanted(filters, &waiting.body);
            bytes += if stays { size(&waiting.body) } else { 0 };
            stays
        });
        self.bytes = bytes;
    }

    /// The instance that subscribed is gone. Numbers go on.
    pub(crate) fn clear(&mut self) {
        let (limits, number, named, left_out) = (self.limits, self.number, self.named, self.left_out);
        *self = Self { number, named, left_out, ..Self::with(limits) };
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.filters.is_empty()
    }

    /// How many were given out, and how many left out.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.number, self.left_out)
    }

    /// How many events [`take`](Self::take) would give.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.missed > 0)
    }

    /// Puts something in; false when nobody wants it.
    pub(crate) fn push(&mut self, at_ms: u64, told: &Told<'_>) -> bool {
        let (kind, session) = told.about();
        if !self.filters.values().any(|filter| filter.lets(kind, session)) {
            return false;
        }
        if self.missed > 0 {
            // Half of the room must be free before anything is taken in again, or the gaps would be many.
            if self.waiting.len() > self.limits.events / 2 || self.bytes > self.limits.bytes / 2 {
                self.miss(at_ms);
                return true;
            }
            self.tell_missed();
        }
        match self.body(told) {
            Some(body) if self.make_room(size(&body)) => self.put(at_ms, body),
            _ => self.miss(at_ms),
        }
        true
    }

    fn miss(&mut self, at_ms: u64) {
        self.missed += 1;
        self.left_out += 1;
        self.missed_ms = at_ms;
        self.followed.clear();
    }

    fn put(&mut self, at_ms: u64, body: EventBody) {
        if let EventBody::Text(text) | EventBody::TextReplaced(text) = &body
            && !self.followed.contains(&text.part)
        {
            self.followed.insert(text.part.clone());
        }
        self.bytes += size(&body);
        self.since_joining += 1;
        self.waiting.push_back(Waiting { at_ms, body });
    }

    /// So many events were given out and did not arrive. What waits behind them does not fit any more either.
    pub(crate) fn lost(&mut self, given: &[Event]) {
        if !self.is_open() {
            return;
        }
        let count = |body: &EventBody| if let EventBody::Lagged(missed) = body { *missed } else { 1 };
        let waiting: u64 = self.waiting.iter().map(|waiting| count(&waiting.body)).sum();
        let lost = waiting + given.iter().map(|event| count(&event.body)).sum::<u64>();
        self.missed_ms = given.last().map_or(self.missed_ms, |event| event.at_ms);
        (self.missed, self.left_out) = (self.missed + lost, self.left_out + lost);
        self.waiting.clear();
        self.bytes = 0;
        self.followed.clear();
    }

    /// A delta fits only behind what was told before; none when nobody knows what that would be.
    fn body(&self, told: &Told<'_>) -> Option<EventBody> {
        let (piece, delta, whole) = match told {
            Told::Body(body) => return Some((**body).clone()),
            Told::Text { piece, delta, whole } => (piece, delta, *whole),
        };
        if self.followed.contains(piece.part) || whole.is_some_and(|whole| whole.len() == delta.len()) {
            return Some(EventBody::Text(piece.text(delta)));
        }
        whole.map(|whole| EventBody::TextReplaced(piece.text(whole)))
    }

    fn make_room(&mut self, bytes: usize) -> bool {
        let fits = |queue: &Self| {
            queue.waiting.len() < queue.limits.events && queue.bytes + bytes <= queue.limits.bytes
        };
        if !fits(&*self) && self.since_joining >= self.limits.events / 8 {
            self.join();
        }
        fits(&*self)
    }

    /// Makes one event of all deltas of a part that wait. They move to the place of the first; nothing between them is about
    /// the same part, because that would be its text as well.
    fn join(&mut self) {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut joined: VecDeque<Waiting> = VecDeque::with_capacity(self.waiting.len());
        for new in self.waiting.drain(..) {
            match &new.body {
                EventBody::Lagged(_) => places.clear(),
                EventBody::Text(text) | EventBody::TextReplaced(text) => {
                    if let Some(old) = places.get(&text.part).and_then(|at| joined.get_mut(*at)) {
                        extend(&mut old.body, new.body);
                        continue;
                    }
                    places.insert(text.part.clone(), joined.len());
                }
                _ => {}
            }
            joined.push_back(new);
        }
        self.waiting = joined;
        self.bytes = self.waiting.iter().map(|waiting| size(&waiting.body)).sum();
        self.since_joining = 0;
    }

    fn tell_missed(&mut self) {
        match std::mem::take(&mut self.missed) {
            0 => {}
            missed => {
                let body = EventBody::Lagged(missed);
                self.bytes += size(&body);
                self.waiting.push_back(Waiting { at_ms: self.missed_ms, body });
            }
        }
    }

    /// The oldest events, at most so many.
    pub(crate) fn take(&mut self, most: usize) -> Vec<Event> {
        if self.waiting.is_empty() {
            self.tell_missed();
        }
        let count = most.min(self.waiting.len());
        let mut batch = Vec::with_capacity(count);
        for Waiting { at_ms, body } in self.waiting.drain(..count) {
            self.bytes -= size(&body);
            self.number += 1;
            batch.push(Event { number: self.number, at_ms, body });
        }
        batch
    }
}

impl Filter {
    fn lets(&self, kind: EventKind, session: Option<&str>) -> bool {
        let of_session = match (self.session.as_deref(), session) {
            (Some(wanted), Some(session)) => wanted == session,
            // What is about no session is about all.
            _ => true,
        };
        of_session && self.kinds.contains(&kind)
    }
}

fn wanted(filters: &BTreeMap<u32, Filter>, body: &EventBody) -> bool {
    match kind_of(body) {
        Some(kind) => filters.values().any(|filter| filter.lets(kind, session_of(body))),
        // What was left out is told to whoever is left.
        None => !filters.is_empty(),
    }
}

/// What came behind becomes part of what came before.
fn extend(old: &mut EventBody, new: EventBody) {
    match (old, new) {
        (
            EventBody::Text(Text { text, .. }) | EventBody::TextReplaced(Text { text, .. }),
            EventBody::Text(new),
        ) => {
            text.push_str(&new.text);
        }
        (old, new) => *old = new,
    }
}

/// About what it takes in memory: its texts, and a little for itself.
fn size(body: &EventBody) -> usize {
    const ITSELF: usize = 128;
    ITSELF
        + match body {
            EventBody::Text(text) | EventBody::TextReplaced(text) => text.text.len(),
            EventBody::PermissionAsked(ask) => ask.title.len() + ask.detail.len(),
            EventBody::QuestionAsked(ask) => ask.title.len(),
            EventBody::TurnEnded(end) => end.error.as_deref().map_or(0, str::len),
            EventBody::Failure(failure) => failure.message.len(),
            EventBody::Session(info) => info.title.len(),
            EventBody::Tool(update) => update.tool.title.as_deref().map_or(0, str::len),
            EventBody::Other(field) => field.value.len(),
            EventBody::Message(_)
            | EventBody::Status(_)
            | EventBody::PermissionClosed(_)
            | EventBody::QuestionClosed(_)
            | EventBody::Lagged(_) => 0,
        }
}
