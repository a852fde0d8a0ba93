//! Stories of conversations, told to plugins of every speed.

use std::collections::HashMap;

use opencode_nexus::chat::{ChatEvent, OutcomeKind, TextKind, TurnOutcome};
use opencode_nexus::model::{Message, MessageId, Part, PartBody, Role, Status};
use proptest::prelude::*;

use super::inbox::Inbox;
use super::queue::{BATCH, Filter, Limits, Queue};
use super::teller::Teller;
use super::told::Told;
use crate::bindings::nexus::plugin::session::{Event, EventBody, EventKind, Outcome};

const ALL: [EventKind; 9] = [
    EventKind::Session,
    EventKind::Status,
    EventKind::Message,
    EventKind::Text,
    EventKind::Tool,
    EventKind::Permission,
    EventKind::Question,
    EventKind::TurnEnded,
    EventKind::Failure,
];

fn everything() -> Filter {
    Filter { kinds: ALL.to_vec(), session: None }
}

fn text(part: usize, delta: &str) -> ChatEvent {
    ChatEvent::Text {
        message_id: "m1".into(),
        part_id: format!("p{part}").into(),
        kind: TextKind::Text,
        delta: delta.to_owned(),
    }
}

fn replaced(part: usize, text: &str) -> ChatEvent {
    ChatEvent::TextReplaced {
        message_id: "m1".into(),
        part_id: format!("p{part}").into(),
        kind: TextKind::Text,
        text: text.to_owned(),
    }
}

fn part(number: usize) -> ChatEvent {
    ChatEvent::Part(Box::new(Part {
        id: format!("p{number}").into(),
        session_id: "s".into(),
        message_id: "m1".into(),
        body: PartBody::Text { text: String::new(), synthetic: false, ignored: false },
        started: None,
        ended: None,
        extra: Default::default(),
    }))
}

fn message(id: &str, role: Role) -> ChatEvent {
    ChatEvent::Message(Box::new(Message {
        id: id.into(),
        session_id: "s".into(),
        role,
        parent_id: None,
        created: 0,
        completed: None,
        agent: None,
        model: None,
        usage: None,
        finish: None,
        error: None,
        parts: Vec::new(),
        extra: Default::default(),
    }))
}

fn end(message: &str) -> ChatEvent {
    let outcome =
        TurnOutcome { kind: OutcomeKind::Completed, finish: None, error: None, usage: Default::default() };
    ChatEvent::TurnEnded { message_id: MessageId::from(message), outcome }
}

/// A plugin that believes what it is told.
#[derive(Default)]
struct Plugin {
    texts: HashMap<String, String>,
    last: u64,
    events: u64,
    lagged: u64,
}

impl Plugin {
    fn hear(&mut self, batch: Vec<Event>) {
        assert!(batch.len() <= BATCH);
        for event in batch {
            assert_eq!(event.number, self.last + 1, "numbers grow by one");
            self.last = event.number;
            match event.body {
                EventBody::Text(text) => self.texts.entry(text.part).or_default().push_str(&text.text),
                EventBody::TextReplaced(text) => drop(self.texts.insert(text.part, text.text)),
                EventBody::Lagged(missed) => {
                    // It knows nothing any more, and would read `messages`.
                    self.texts.clear();
                    self.lagged += missed;
                    continue;
                }
                _ => {}
            }
            self.events += 1;
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Grow(usize, String),
    Replace(usize, String),
    Status,
    Take(usize),
    Again,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0usize..4, "[a-zä]{1,6}").prop_map(|(part, delta)| Step::Grow(part, delta)),
        1 => (0usize..4, "[a-z]{0,9}").prop_map(|(part, text)| Step::Replace(part, text)),
        2 => Just(Step::Status),
        2 => (1usize..70).prop_map(Step::Take),
        1 => Just(Step::Again),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever a plugin misses: the texts that it has at the end are those of the transcript, for every part of which it has
    /// heard since it was last told that something is missing.
    #[test]
    fn texts_joined_are_the_transcripts_at_every_speed(
        steps in proptest::collection::vec(step(), 1..200),
        events in 4usize..40,
        bytes in 600usize..8_000,
    ) {
        let (mut queue, mut teller, mut plugin) = (Queue::with(Limits { events, bytes }), Teller::default(), Plugin::default());
        let mut subscription = queue.subscribe(everything()).unwrap();
        let mut truth: HashMap<String, String> = HashMap::new();
        let mut told = |queue: &mut Queue, event: &ChatEvent| {
            teller.tell("s", event, &mut |told| { queue.push(0, &told); });
        };
        told(&mut queue, &message("m0", Role::User));
        (0..4).for_each(|number| told(&mut queue, &part(number)));
        for step in steps {
            match step {
                Step::Grow(part, delta) => {
                    truth.entry(format!("p{part}")).or_default().push_str(&delta);
                    told(&mut queue, &text(part, &delta));
                }
                Step::Replace(part, text) => {
                    truth.insert(format!("p{part}"), text.clone());
                    told(&mut queue, &replaced(part, &text));
                }
                Step::Status => told(&mut queue, &ChatEvent::Status(Status::Busy)),
                Step::Take(most) => plugin.hear(queue.take(most.min(BATCH))),
                Step::Again => {
                    // It loses what waits, and knows it: it subscribes anew.
                    queue.unsubscribe(subscription);
                    plugin.texts.clear();
                    subscription = queue.subscribe(everything()).unwrap();
                }
            }
        }
        while queue.len() > 0 {
            plugin.hear(queue.take(BATCH));
        }
        for (part, text) in &plugin.texts {
            prop_assert_eq!(text, &truth[part], "{}", part);
        }
        if plugin.lagged == 0 && plugin.last > 0 {
            prop_assert!(plugin.texts.len() <= truth.len());
        }
    }

    /// What cannot be joined is either told or counted.
    #[test]
    fn what_is_left_out_is_counted(takes in proptest::collection::vec(0usize..30, 1..60), events in 2usize..32) {
        let (mut queue, mut plugin) = (Queue::with(Limits { events, bytes: 1 << 20 }), Plugin::default());
        queue.subscribe(everything()).unwrap();
        let mut pushed = 0;
        for take in takes {
            for _ in 0..7 {
                let told = Told::from(EventBody::Failure(crate::bindings::nexus::plugin::session::Failure {
                    session: None,
                    message: "x".to_owned(),
                }));
                prop_assert!(queue.push(0, &told));
                pushed += 1;
            }
            plugin.hear(queue.take(take));
            prop_assert!(queue.len() <= events + 2);
        }
        while queue.len() > 0 {
            plugin.hear(queue.take(BATCH));
        }
        prop_assert_eq!(plugin.events + plugin.lagged, pushed);
    }
}

#[test]
fn with_room_nothing_is_joined_and_the_deltas_are_the_text() {
    let (mut queue, mut teller, mut plugin) = (Queue::default(), Teller::default(), Plugin::default());
    queue.subscribe(everything()).unwrap();
    let mut truth = String::new();
    for number in 0..5_000 {
        let delta = format!("{number} ");
        truth.push_str(&delta);
        if number == 0 {
            teller.tell("s", &part(1), &mut |told| {
                queue.push(0, &told);
            });
        }
        teller.tell("s", &text(1, &delta), &mut |told| {
            queue.push(0, &told);
        });
    }
    while queue.len() > 0 {
        plugin.hear(queue.take(BATCH));
    }
    assert_eq!((plugin.events, plugin.lagged), (5_000, 0));
    assert_eq!(plugin.texts["p1"], truth);
}

#[test]
fn a_slow_plugin_gets_few_long_texts_before_it_misses_anything() {
    let (mut queue, mut teller, mut plugin) =
        (Queue::with(Limits { events: 64, bytes: 1 << 20 }), Teller::default(), Plugin::default());
    queue.subscribe(everything()).unwrap();
    (1..3).for_each(|number| {
        teller.tell("s", &part(number), &mut |told| {
            queue.push(0, &told);
        })
    });
    for number in 0..2_000 {
        teller.tell("s", &text(1 + number % 2, "x"), &mut |told| {
            queue.push(0, &told);
        });
    }
    while queue.len() > 0 {
        plugin.hear(queue.take(BATCH));
    }
    assert!(plugin.lagged == 0 && plugin.events < 100, "{} {}", plugin.lagged, plugin.events);
    assert_eq!((plugin.texts["p1"].len(), plugin.texts["p2"].len()), (1_000, 1_000));
}

#[test]
fn what_did_not_arrive_is_counted_and_texts_begin_anew() {
    let (mut queue, mut teller) = (Queue::default(), Teller::default());
    queue.subscribe(everything()).unwrap();
    let mut tell = |queue: &mut Queue, event: &ChatEvent| {
        teller.tell("s", event, &mut |told| {
            queue.push(0, &told);
        });
    };
    tell(&mut queue, &part(1));
    (0..5).for_each(|_| tell(&mut queue, &text(1, "x")));
    let given = queue.take(2);
    queue.lost(&given);
    tell(&mut queue, &text(1, "y"));
    let told = queue.take(BATCH);
    assert!(matches!(told[0].body, EventBody::Lagged(5)), "{told:?}");
    assert!(matches!(&told[1].body, EventBody::TextReplaced(text) if text.text == "xxxxxy"), "{told:?}");
    assert_eq!((told.len(), told[0].number, queue.counts()), (2, 3, (4, 5)));
}

#[test]
fn who_begins_in_the_middle_of_a_text_is_told_all_of_it_first() {
    let (mut queue, mut teller) = (Queue::default(), Teller::default());
    let mut tell = |queue: &mut Queue, event: &ChatEvent| {
        teller.tell("s", event, &mut |told| {
            queue.push(0, &told);
        });
    };
    tell(&mut queue, &part(1));
    tell(&mut queue, &text(1, "abc"));
    assert_eq!(queue.len(), 0, "nobody listens");
    queue.subscribe(everything()).unwrap();
    tell(&mut queue, &text(1, "d"));
    tell(&mut queue, &text(1, "e"));
    let told = queue.take(BATCH);
    assert!(matches!(&told[0].body, EventBody::TextReplaced(text) if text.text == "abcd"), "{told:?}");
    assert!(matches!(&told[1].body, EventBody::Text(text) if text.text == "e"), "{told:?}");
}

#[test]
fn a_subscription_lets_through_its_kinds_and_its_session_and_what_two_want_comes_once() {
    let (mut queue, mut teller) = (Queue::default(), Teller::default());
    queue.subscribe(Filter { kinds: vec![EventKind::Status], session: Some("s".to_owned()) }).unwrap();
    let second = queue
        .subscribe(Filter { kinds: vec![EventKind::Status, EventKind::Message], session: None })
        .unwrap();
    let tell = |queue: &mut Queue, teller: &mut Teller, session: &str| {
        for event in [ChatEvent::Status(Status::Busy), message("m5", Role::Assistant), text(1, "x")] {
            teller.tell(session, &event, &mut |told| {
                queue.push(0, &told);
            });
        }
    };
    tell(&mut queue, &mut teller, "s");
    tell(&mut queue, &mut teller, "t");
    assert_eq!(queue.len(), 4);
    queue.unsubscribe(second);
    assert_eq!(queue.len(), 1, "what only the other wanted is gone");
    queue.clear();
    assert!(!queue.is_open());
}

#[test]
fn a_turn_has_one_end_whoever_has_begun_it() {
    let mut teller = Teller::default();
    let mut ends = Vec::new();
    let mut tell = |teller: &mut Teller, event: &ChatEvent| {
        teller.tell("s", event, &mut |told| {
            if let Told::Body(body) = told
                && let EventBody::TurnEnded(end) = *body
            {
                ends.push((end.message, end.outcome));
            }
        });
    };
    // Of somebody else.
    for event in [message("m1", Role::User), ChatEvent::Status(Status::Busy), message("m2", Role::Assistant)]
    {
        tell(&mut teller, &event);
    }
    tell(&mut teller, &ChatEvent::Status(Status::Idle));
    tell(&mut teller, &ChatEvent::Status(Status::Idle));
    // Ours: nothing runs any more before the conversation says how it ended.
    teller.begins("s");
    for event in [
        message("m3", Role::User),
        ChatEvent::Status(Status::Busy),
        ChatEvent::Status(Status::Idle),
        end("m3"),
    ] {
        tell(&mut teller, &event);
    }
    // One that could not be sent leaves nothing behind.
    teller.begins("s");
    teller.failed("s");
    for event in [message("m4", Role::User), ChatEvent::Status(Status::Busy), ChatEvent::Status(Status::Idle)]
    {
        tell(&mut teller, &event);
    }
    let ends: Vec<_> = ends
        .iter()
        .map(|(message, outcome)| (message.as_str(), matches!(outcome, Outcome::Completed)))
        .collect();
    assert_eq!(ends, [("m1", true), ("m3", true), ("m4", true)]);
}

#[test]
fn what_no_person_wrote_is_not_told_as_their_words() {
    let (mut queue, mut teller) = (Queue::default(), Teller::default());
    queue.subscribe(everything()).unwrap();
    let ChatEvent::Part(mut hidden) = part(1) else { panic!("a part") };
    hidden.body = PartBody::Text { text: String::new(), synthetic: true, ignored: false };
    for event in [ChatEvent::Part(hidden), text(1, "context"), replaced(1, "more context")] {
        teller.tell("s", &event, &mut |told| {
            queue.push(0, &told);
        });
    }
    assert_eq!(queue.len(), 0);
}

#[tokio::test]
async fn a_full_batch_does_not_wait_and_a_small_one_only_a_moment() {
    let inbox = Inbox::default();
    inbox.lock().subscribe(everything()).unwrap();
    let mut teller = Teller::default();
    teller.tell("s", &part(1), &mut |told| inbox.tell(0, &told));
    for _ in 0..BATCH + 3 {
        teller.tell("s", &text(1, "x"), &mut |told| inbox.tell(0, &told));
    }
    assert_eq!(inbox.next().await.len(), BATCH);
    assert_eq!(inbox.next().await.len(), 3);
    let (told, ()) = tokio::join!(inbox.next(), async {
        teller.tell("s", &text(1, "y"), &mut |told| inbox.tell(0, &told));
    });
    assert_eq!(told.len(), 1);
}
