//! Frontends that are flooded, that fail, or that are slow: who talks to them is not held up, and they hear what was left out.

use std::sync::Arc;
use std::time::Duration;

use opencode_nexus::chat::{ChatEvent, TextKind};
use opencode_nexus::model::{Part, PartBody, Status};
use opencode_nexus_plugins::actor::{Launch, PluginHandle, PluginStatus};
use opencode_nexus_plugins::frontend::{Frontend, Progress};
use opencode_nexus_plugins::limits::Limits;
use opencode_nexus_plugins::manifest::World;
use opencode_nexus_plugins::permissions::{Permissions, Reason, SessionRight};
use opencode_nexus_plugins::sessions::Sessions;
use opencode_nexus_plugins::stage::Stage;
use opencode_nexus_plugins::terminal::Input;

use crate::Guest;
use crate::host::{caller_with, code};

/// No story takes longer.
const BOUND: Duration = Duration::from_secs(60);

/// So many events may wait before the test waits: the plugin's queue has room for 8,192.
const ROOM: usize = 4_096;

/// A frontend that subscribes to everything, and keeps nothing of what it hears.
fn listener() -> Guest {
    Guest::new(&[World::Frontend])
        .imports("session", "subscribe", "$subscribe", "(param i32 i32 i32 i32 i32 i32)")
        .module("(data (i32.const 300) \"\\00\\01\\02\\03\\04\\05\\06\\07\\08\")")
        .does(
            "start",
            "(call $subscribe (i32.const 300) (i32.const 9) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 400))
             (i32.const 64)",
        )
        .does("on-events", "(global.set $free (i32.const 1024))")
}

struct Shown {
    sessions: Arc<Sessions>,
    plugin: PluginHandle,
    frontend: Frontend,
}

async fn shown(id: &str, guest: &Guest) -> Shown {
    let rights = Permissions {
        session: vec![SessionRight::Events],
        session_reason: Some("hears everything".to_owned()),
        terminal: Some(Reason { reason: "gets keys".to_owned() }),
        ..Permissions::default()
    };
    let caller = caller_with(id, rights);
    let sessions = Sessions::rehearsal();
    let stage = Stage::new(sessions.clone());
    let launch = Launch::new(code(guest).await, guest.worlds(), caller.clone(), Limits::default());
    let plugin = PluginHandle::open(stage.launch(caller, launch));
    let frontend = Frontend::start(&plugin, stage, None).await.unwrap();
    Shown { sessions, plugin, frontend }
}

impl Shown {
    fn say(&self, event: &ChatEvent) {
        self.sessions.rehearse(&"ses_1".into(), event);
    }

    /// Waits for what the frontend has come to.
    async fn until(&self, what: &str, holds: impl Fn(Progress) -> bool) {
        let wait = async {
            while !holds(self.frontend.progress()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let seen = || format!("{what}: {:?} {:?}", self.frontend.progress(), self.plugin.status());
        tokio::time::timeout(BOUND, wait).await.unwrap_or_else(|_| panic!("{}", seen()));
    }
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_events_reach_a_frontend_each_by_itself() {
    let shown = shown("good.listener", &listener()).await;
    shown.say(&part());
    let delta = delta();
    for number in 0..10_000 {
        shown.say(&delta);
        if number % 1_000 == 0 {
            shown.until("room", |progress| progress.waiting < ROOM).await;
        }
    }
    shown.until("the last", |progress| progress.waiting == 0 && progress.told == 10_000).await;
    assert_eq!(shown.frontend.progress().left_out, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frontend_that_does_not_keep_up_costs_a_bounded_queue_and_hears_what_was_left_out() {
    // Nothing is told while it spins.
    let slow = listener().does("on-input", "(loop $for_ever (br $for_ever))");
    let shown = shown("bad.sloth", &slow).await;
    assert!(shown.frontend.terminal().input(Input::Paste("spin".to_owned())));
    for _ in 0..50_000 {
        shown.say(&ChatEvent::Status(Status::Busy));
    }
    let progress = shown.frontend.progress();
    assert!(progress.waiting <= 8_193, "{progress:?}");
    // The instance that spun is gone, and with it what it has subscribed to; the next one subscribes anew.
    let before = shown.frontend.progress().told;
    hears_again(&shown, before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frontend_that_fails_is_started_again_and_hears_on() {
    // A paste is its end.
    let weak = listener().does("on-input", "(if (i32.eq (local.get 0) (i32.const 1)) (then (unreachable)))");
    let shown = shown("bad.weakling", &weak).await;
    shown.say(&ChatEvent::Status(Status::Busy));
    shown.until("the first event", |progress| progress.told == 1).await;
    assert!(shown.frontend.terminal().input(Input::Paste("end".to_owned())));
    hears_again(&shown, 1).await;
    // Events count as told when they are handed over, a moment before the plugin has heard them.
    let runs = async {
        while !matches!(shown.plugin.status(), PluginStatus::Running { .. }) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(BOUND, runs).await.expect("it runs again");
}

/// Says something until it is heard.
async fn hears_again(shown: &Shown, before: u64) {
    let heard = async {
        while shown.frontend.progress().told <= before {
            shown.say(&ChatEvent::Status(Status::Busy));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let seen = || format!("{:?} {:?}", shown.frontend.progress(), shown.plugin.status());
    tokio::time::timeout(BOUND, heard).await.unwrap_or_else(|_| panic!("nothing is heard: {}", seen()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_frontend_draws_does_nothing_to_the_terminal() {
    // One row: sets the clipboard, goes home, says hello in red.
    let text = "\\1b]52;c;ZXZpbA==\\07\\1b[H\\1b[31mhello";
    let painter = listener()
        .imports("ui", "term-render", "$render", "(param i32 i32 i32)")
        .module("(data (i32.const 500) \"\\08\\02\\00\\00\\1d\\00\\00\\00\")")
        .module(&format!("(data (i32.const 520) \"{text}\")"))
        .does("on-input", "(call $render (i32.const 500) (i32.const 1) (i32.const 400))");
    let shown = shown("bad.painter", &painter).await;
    let mut terminal = shown.frontend.terminal();
    assert!(terminal.frame(80, 24).is_empty());
    assert!(terminal.input(Input::Resize(80, 24)));
    assert!(tokio::time::timeout(BOUND, terminal.changed()).await.unwrap());
    assert_eq!(terminal.frame(80, 24), ["\u{1b}[31mhello\u{1b}[0m"]);
    assert_eq!(terminal.frame(3, 24), ["\u{1b}[31mhel\u{1b}[0m"]);
    // Without the right it draws nothing, and lives on.
    let quiet = Permissions::default();
    let launch = Launch::new(
        code(&painter).await,
        painter.worlds(),
        caller_with("bad.painter", quiet.clone()),
        Limits::default(),
    );
    let stage = Stage::new(Sessions::rehearsal());
    let plugin = PluginHandle::open(stage.launch(caller_with("bad.painter", quiet), launch));
    let frontend = Frontend::start(&plugin, stage, None).await.unwrap();
    assert!(frontend.terminal().input(Input::Resize(80, 24)));
    plugin.start().await.unwrap();
    assert!(frontend.terminal().frame(80, 24).is_empty() && frontend.url().is_none());
}
