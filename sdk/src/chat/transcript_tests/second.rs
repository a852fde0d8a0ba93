//! The same invariant for the events of OpenCode 2, which say only what is new: recorded turns are cut anywhere, the state
//! is read at any moment, and in the end the messages are those that the whole stream tells (which are the server's, as
//! the recorded cases show). Where an event cannot be understood the state is read, as the driver does.

use std::path::Path;

use proptest::prelude::*;

use super::mirror::Mirror;
use super::{Connection, connections};
use crate::chat::{PartOrder, Transcript};
use crate::dialect::v2::EventDecoder;
use crate::model::{Event, Snapshot};
use crate::stream::sse::SseDecoder;
use crate::stream::{Decode as _, SeenEvents};

/// The events of a recorded turn from the making of its session on.
fn recorded(path: &Path) -> Vec<Event> {
    let (mut decoder, mut seen, mut events) = (EventDecoder::default(), SeenEvents::default(), Vec::new());
    let body = std::fs::read(path).unwrap();
    let mut sse = SseDecoder::default();
    sse.feed(&body, |frame| events.extend(decoder.decode(frame, &mut seen).unwrap())).unwrap();
    let first = events.iter().position(|e| matches!(e, Event::Session(_))).unwrap();
    events.split_off(first)
}

fn all() -> Vec<Vec<Event>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases/v2");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "sse"));
    paths.sort();
    assert!(paths.len() >= 15, "{paths:?}");
    paths.iter().map(|path| recorded(path)).collect()
}

/// What has happened after so many events, as one sees it who has seen all.
fn whole(events: &[Event]) -> Transcript {
    let session = events.iter().find_map(Event::session_id).unwrap().clone();
    let mut transcript = Transcript::new(session, PartOrder::Arrival);
    events.iter().for_each(|event| transcript.apply(event, &mut Vec::new()));
    transcript
}

/// What the server would answer: the status after one number of events, the rest after another.
fn snapshot(events: &[Event], status: usize, rest: usize) -> Snapshot {
    let now = whole(&events[..rest.max(1)]);
    let mut messages = now.messages().to_vec();
    for part in messages.iter_mut().flat_map(|m| &mut m.parts).filter(|p| super::is_open(p)) {
        part.text_mut().into_iter().for_each(String::clear);
    }
    Snapshot {
        session: now.session().unwrap().clone(),
        status: whole(&events[..status.max(1)]).status().clone(),
        messages,
        queued: now.queued().to_vec(),
        permissions: now.permissions().to_vec(),
        questions: now.questions().to_vec(),
        todos: Vec::new(),
        children: Vec::new(),
    }
}

struct Client<'a> {
    events: &'a [Event],
    transcript: Transcript,
    mirror: Mirror,
}

impl Client<'_> {
    fn tell(
        &mut self,
        work: impl FnOnce(&mut Transcript, &mut Vec<crate::chat::ChatEvent>),
    ) -> Result<(), TestCaseError> {
        let mut out = Vec::new();
        work(&mut self.transcript, &mut out);
        self.mirror.show(&out).map_err(TestCaseError::fail)?;
        self.mirror.equals(&self.transcript).map_err(TestCaseError::fail)
    }

    fn read(&mut self, status: usize, rest: usize) -> Result<(), TestCaseError> {
        let snapshot = snapshot(self.events, status, rest);
        let settled = snapshot.status.is_idle();
        self.tell(|t, out| t.resync(&snapshot, settled, out))
    }

    /// Everything before this position has been seen. Texts that are being written are ahead of the server's record.
    fn check(&self, at: usize) -> Result<(), TestCaseError> {
        let told = |t: &Transcript| crate::chat::digest::messages(&super::without_open_texts(t.messages()));
        let server = whole(&self.events[..at.max(1)]);
        prop_assert_eq!(told(&self.transcript), told(&server));
        prop_assert_eq!(self.transcript.status(), server.status());
        Ok(())
    }

    /// Folds in what comes; what cannot be understood makes the state be read.
    fn listen(&mut self, from: usize, until: usize) -> Result<(), TestCaseError> {
        for at in from..until {
            let event = &self.events[at];
            self.tell(|t, out| t.apply(event, out))?;
            if self.transcript.take_unclear() {
                self.read(at + 1, at + 1)?;
            }
        }
        Ok(())
    }
}

fn run(events: &[Event], connections: &[Connection]) -> Result<(), TestCaseError> {
    let end = events.len();
    let session = events.iter().find_map(Event::session_id).unwrap().clone();
    let transcript = Transcript::new(session, PartOrder::Arrival);
    let mut client = Client { events, transcript, mirror: Mirror::default() };
    let mut at = 0;
    for (number, connection) in connections.iter().enumerate() {
        let from = (at + connection.lost).min(end);
        let status = (from + connection.reading[0]).min(end);
        let rest = (status + connection.reading[1]).min(end);
        let held = (rest + connection.reading[2]).min(end);
        let last = number + 1 == connections.len();
        let until = if last { end } else { (held + connection.events).min(end) };
        client.transcript.expect_asks(events[from..held].iter());
        client.read(status, rest)?;
        // Held events are folded in before anything else is read, so what is unclear in them is read at their end.
        for event in &events[from..held] {
            client.tell(|t, out| t.apply(event, out))?;
        }
        if client.transcript.take_unclear() {
            client.read(held, held)?;
        }
        client.check(held)?;
        client.listen(held, until)?;
        client.check(until)?;
        at = until;
        if !last {
            client.transcript.mark_gap();
        }
    }
    let server = whole(events);
    let shown = crate::chat::digest::messages(client.transcript.messages());
    prop_assert_eq!(shown, crate::chat::digest::messages(server.messages()));
    prop_assert_eq!(client.transcript.status(), server.status());
    prop_assert!(client.transcript.queued().is_empty());
    prop_assert!(client.transcript.permissions().is_empty() && client.transcript.questions().is_empty());
    Ok(())
}

/// Read once: they are looked at thousands of times.
static TURNS: std::sync::OnceLock<Vec<Vec<Event>>> = std::sync::OnceLock::new();

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn recorded_turns_of_the_second_line_may_be_cut_anywhere(which in any::<prop::sample::Index>(), connections in connections()) {
        let turns = TURNS.get_or_init(all);
        run(&turns[which.index(turns.len())], &connections)?;
    }
}
