//! Events to a frontend: ten thousand a second for two seconds, then as many as go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use opencode_nexus::chat::{ChatEvent, TextKind};
use opencode_nexus::model::{Part, PartBody, SessionId};
use opencode_nexus_plugins::actor::{Launch, PluginHandle};
use opencode_nexus_plugins::engine::Engine;
use opencode_nexus_plugins::frontend::Frontend;
use opencode_nexus_plugins::imports::Caller;
use opencode_nexus_plugins::limits::Limits;
use opencode_nexus_plugins::manifest::World;
use opencode_nexus_plugins::sessions::Sessions;
use opencode_nexus_plugins::stage::Stage;
use serde_json::{Map, Value, json};

use crate::guest::Guest;

/// So many are told in a millisecond at the steady pace.
const PACE: u64 = 10;
const STEADY: Duration = Duration::from_secs(2);

/// As many as go: never more of them wait than the queue of a plugin has room for.
const MANY: u64 = 100_000;
const ROOM: usize = 4_096;

pub async fn measure(engine: &Engine, caller: Arc<Caller>, figures: &mut Map<String, Value>) {
    let guest = listener();
    let (sessions, session) = (Sessions::rehearsal(), SessionId::from("ses_1"));
    let stage = Stage::new(sessions.clone());
    let code = engine.load(guest.build(), guest.worlds()).await.unwrap();
    let launch = Launch::new(code, guest.worlds(), caller.clone(), Limits::default());
    let plugin = PluginHandle::open(stage.launch(caller, launch));
    let frontend = Frontend::start(&plugin, stage, None).await.unwrap();
    sessions.rehearse(&session, &part());
    let delta = delta();
    let (began, mut said) = (Instant::now(), 0);
    while began.elapsed() < STEADY {
        let due = u64::try_from(began.elapsed().as_millis()).unwrap() * PACE;
        while said < due {
            sessions.rehearse(&session, &delta);
            said += 1;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    until(&frontend, said).await;
    figures.insert("steady_events_per_second".into(), json!(said as f64 / began.elapsed().as_secs_f64()));
    figures.insert("steady_left_out".into(), json!(frontend.progress().left_out));
    let began = Instant::now();
    for number in 0..MANY {
        sessions.rehearse(&session, &delta);
        while number % 256 == 0 && frontend.progress().waiting > ROOM {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
    until(&frontend, said + MANY).await;
    figures.insert("most_events_per_second".into(), json!(MANY as f64 / began.elapsed().as_secs_f64()));
    figures.insert("most_left_out".into(), json!(frontend.progress().left_out));
}

/// Waits until so many were told or left out.
async fn until(frontend: &Frontend, count: u64) {
    let wait = async {
        loop {
            let progress = frontend.progress();
            if progress.waiting == 0 && progress.told + progress.left_out >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap();
}

/// A frontend that subscribes to texts, and keeps nothing of what it hears.
fn listener() -> Guest {
    Guest::new(&[World::Frontend])
        .imports("session", "subscribe", "$subscribe", "(param i32 i32 i32 i32 i32 i32)")
        .module("(data (i32.const 300) \"\\03\")")
        .does(
            "start",
            "(call $subscribe (i32.const 300) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 400))
             (i32.const 64)",
        )
        .does("on-events", "(global.set $free (i32.const 1024))")
}

fn part() -> ChatEvent {
    ChatEvent::Part(Box::new(Part {
        id: "prt_1".into(),
        session_id: "ses_1".into(),
        message_id: "msg_1".into(),
        body: PartBody::Text { text: String::new(), synthetic: false, ignored: false },
        started: None,
        ended: None,
        extra: Default::default(),
    }))
}

fn delta() -> ChatEvent {
    ChatEvent::Text {
        message_id: "msg_1".into(),
        part_id: "prt_1".into(),
        kind: TextKind::Text,
        delta: "word ".to_owned(),
    }
}
