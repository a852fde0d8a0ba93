//! The invariant of the transcript under everything that a network does: whatever is doubled, late, out of order or
//! lost, in the end the messages are the server's, and who only watched the differences has seen the same.
//!
//! A delta that comes twice is no case here: its event has an identifier, and the stream lets the second one go.

mod mirror;
mod second;
mod world;

use std::collections::HashSet;

use proptest::prelude::*;

use self::mirror::Mirror;
use self::world::{TurnPlan, World, turns};
use super::ChatEvent;
use super::transcript::{PartOrder, Transcript, is_open};
use crate::model::{Event, Message, Part, Role};

/// One connection after a gap.
#[derive(Clone, Debug)]
struct Connection {
    /// So many events are lost before it stands.
    lost: usize,
    /// So many more happen before the status, the requests and the messages are read, and before the last answer is
    /// here. They are held meanwhile, and folded in after what was read although most of them are older.
    reading: [usize; 4],
    /// So many events follow before it breaks.
    events: usize,
    /// What is doubled or out of order, event by event.
    noise: Vec<u8>,
}

fn connections() -> impl Strategy<Value = Vec<Connection>> {
    let reading = [0..12_usize, 0..12, 0..6, 0..6];
    let noise = prop_oneof![Just(Vec::new()), prop::collection::vec(any::<u8>(), 1..24)];
    let connection = (0..20_usize, reading, 0..30_usize, noise)
        .prop_map(|(lost, reading, events, noise)| Connection { lost, reading, events, noise });
    prop::collection::vec(connection, 1..6)
}

/// A client that has only the transcript.
struct Client<'a> {
    world: &'a World,
    transcript: Transcript,
    mirror: Mirror,
}

/// Where a connection begins and until when events are held, as positions in the server's log.
struct Window {
    from: usize,
    held_until: usize,
    until: usize,
}

impl Client<'_> {
    fn tell(&mut self, work: impl FnOnce(&mut Transcript, &mut Vec<ChatEvent>)) -> Result<(), TestCaseError> {
        let mut out = Vec::new();
        work(&mut self.transcript, &mut out);
        self.mirror.show(&out).map_err(TestCaseError::fail)?;
        self.mirror.equals(&self.transcript).map_err(TestCaseError::fail)?;
        for part in self.transcript.messages().iter().flat_map(|m| &m.parts) {
            let (Some(text), Some(sent)) = (part.text(), self.world.sent.get(part.id.as_str())) else {
                continue;
            };
            prop_assert!(sent.starts_with(text), "{:?} is shown of {:?}", text, sent);
        }
        Ok(())
    }

    fn connect(&mut self, window: &Window, moments: [usize; 3], noise: &[u8]) -> Result<(), TestCaseError> {
        let Window { from, held_until, until } = *window;
        let snapshot = self.world.snapshot(moments[0], moments[1], moments[2]);
        let delivered = disturb(self.world, from, until, noise);
        let held = delivered.iter().position(|a| a.at >= held_until).unwrap_or(delivered.len());
        self.transcript.expect_asks(delivered[..held].iter().map(|a| &a.event));
        self.tell(|t, out| t.resync(&snapshot, false, out))?;
        for arrival in &delivered[..held] {
            self.tell(|t, out| t.apply(&arrival.event, out))?;
        }
        self.check(held_until, noise.is_empty())?;
        for arrival in &delivered[held..] {
            self.tell(|t, out| t.apply(&arrival.event, out))?;
        }
        self.check(until, noise.is_empty())
    }

    /// Everything until this position has been seen.
    fn check(&self, at: usize, in_order: bool) -> Result<(), TestCaseError> {
        let state = &self.world.states[at];
        let permissions = self.transcript.permissions().iter().map(|p| p.id.as_str());
        let questions = self.transcript.questions().iter().map(|q| q.id.as_str());
        let known: HashSet<&str> = permissions.chain(questions).collect();
        for ask in &state.waiting {
            prop_assert!(known.contains(ask.as_str()), "{} waits for an answer and is not shown", ask);
        }
        if in_order {
            prop_assert_eq!(
                without_open_texts(self.transcript.messages()),
                without_open_texts(&state.messages)
            );
            prop_assert_eq!(self.transcript.status(), &state.status);
            prop_assert_eq!(self.transcript.todos(), &state.todos[..]);
        }
        Ok(())
    }
}

/// Texts that are being written are on record before the server has stored them.
fn without_open_texts(messages: &[Message]) -> Vec<Message> {
    let mut messages = messages.to_vec();
    for part in messages.iter_mut().flat_map(|m| &mut m.parts).filter(|p| is_open(p)) {
        part.text_mut().into_iter().for_each(String::clear);
    }
    messages
}

/// An event as it arrives.
struct Arrival {
    /// Its place in the server's log, or that of the one among which it arrives.
    at: usize,
    event: Event,
    copy: bool,
}

/// The events of one connection, as they arrive.
fn disturb(world: &World, from: usize, until: usize, noise: &[u8]) -> Vec<Arrival> {
    let arrival = |at: usize| Arrival { at, event: world.log[at].clone(), copy: false };
    let mut events: Vec<Arrival> = (from..until).map(arrival).collect();
    let mut noise = noise.iter().cycle();
    let mut next = 0;
    while next < events.len() {
        let Some(what) = noise.next() else { break };
        let Arrival { at, ref event, copy } = events[next];
        match what % 8 {
            _ if copy => {}
            0 if !matches!(event, Event::Delta { .. }) => {
                let event = event.clone();
                events.insert(next + 1, Arrival { at, event, copy: true });
            }
            1 if can_come_late(event) => {
                let removal = |a: &Arrival| matches!(a.event, Event::MessageRemoved { .. });
                let rest = &events[next + 1..];
                let later = usize::from(what / 8 % 8).min(rest.len());
                let later = rest.iter().position(removal).unwrap_or(rest.len()).min(later);
                let (at, event) = (events[next + later].at, event.clone());
                events.insert(next + 1 + later, Arrival { at, event, copy: true });
            }
            2 if events.get(next + 1).is_some_and(|second| may_overtake(&second.event, event)) => {
                let at = events[next + 1].at;
                events.swap(next, next + 1);
                (events[next].at, events[next + 1].at) = (at, at);
            }
            _ => {}
        }
        next += 1;
    }
    events
}

/// A second copy of these can be told from news.
fn can_come_late(event: &Event) -> bool {
    match event {
        Event::Part(part) => part.text().is_some(),
        Event::Message(message) => message.role == Role::Assistant,
        _ => false,
    }
}

/// What real servers send in either order.
fn may_overtake(next: &Event, event: &Event) -> bool {
    match (next, event) {
        (Event::Delta { part_id, .. }, Event::Part(start)) => start.id == *part_id && is_open(start),
        (Event::Part(part), Event::Message(message)) => part.message_id == message.id && !is_prompt(part),
        (Event::Status { status, .. }, Event::Part(_) | Event::Message(_)) => status.is_idle(),
        _ => false,
    }
}

fn is_prompt(part: &Part) -> bool {
    part.started.is_none()
}

fn run(turns: &[TurnPlan], connections: &[Connection]) -> Result<(), TestCaseError> {
    let world = World::play(turns);
    let end = world.log.len();
    let transcript = Transcript::new(world.session_id(), PartOrder::Identifier);
    let mut client = Client { world: &world, transcript, mirror: Mirror::default() };
    let mut at = 0;
    for (number, connection) in connections.iter().enumerate() {
        let from = (at + connection.lost).min(end);
        let mut moment = from;
        let moments = connection.reading.map(|later| {
            moment = (moment + later).min(end);
            moment
        });
        let last = number + 1 == connections.len();
        let until = if last { end } else { (moment + connection.events).min(end) };
        let window = Window { from, held_until: moment, until };
        client.connect(&window, [moments[0], moments[1], moments[2]], &connection.noise)?;
        at = until;
        if !last {
            client.transcript.mark_gap();
        }
    }
    prop_assert_eq!(client.transcript.messages(), &world.last().messages[..]);
    prop_assert!(client.transcript.status().is_idle());
    prop_assert_eq!(client.transcript.todos(), &world.last().todos[..]);
    prop_assert!(client.transcript.permissions().is_empty() && client.transcript.questions().is_empty());
    let once = |counts: &std::collections::HashMap<String, usize>| counts.values().all(|n| *n == 1);
    prop_assert!(once(&client.mirror.opened), "opened {:?}", client.mirror.opened);
    prop_assert_eq!(&client.mirror.opened, &client.mirror.closed);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn after_anything_the_transcript_is_the_servers(turns in turns(), connections in connections()) {
        run(&turns, &connections)?;
    }
}
