//! What goes into a turn and how one ends: several prompts, files, images, stopping and deadlines.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opencode_api::v1::bodies::SessionPromptBody;
use opencode_api::v1::operations::session::PromptAsync;
use opencode_api::v1::types::TextPartInput;
use opencode_nexus::ErrorKind;
use opencode_nexus::chat::{ChatEvent, OutcomeKind, Prompt, PromptPart, TurnOptions};
use opencode_nexus::model::{ModelRef, PartBody};
use opencode_nexus_testkit::fault_proxy::{Answer, End, Fault, FaultPlan};
use opencode_nexus_testkit::server::TestServer;
use opencode_nexus_testkit::stories::Screen;

use super::{allowed, answers, assert_same, behind, client, say, until, until_said, watch, within};

/// A picture of two by two pixels; the server decodes it.
#[rustfmt::skip]
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00,
    0x00, 0x02, 0x00, 0x00, 0x00, 0x02, 0x08, 0x02, 0x00, 0x00, 0x00, 0xfd, 0xd4, 0x9a, 0x73, 0x00, 0x00, 0x00,
    0x12, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x38, 0xc1, 0xc5, 0xc5, 0x75, 0x82, 0x8b, 0x01, 0x42, 0x01,
    0x00, 0x19, 0x9a, 0x03, 0x71, 0x23, 0xa5, 0xe4, 0x7a, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae,
    0x42, 0x60, 0x82,
];

/// The first prompt is answered and kept from the server.
fn first_prompt_kept() -> FaultPlan {
    let first = AtomicBool::new(true);
    FaultPlan::new(move |info| {
        match info.path.contains("/prompt_async") && first.swap(false, Ordering::SeqCst) {
            true => Fault::answer(Answer::Status(204)),
            false => Fault::none(),
        }
    })
}

#[tokio::test]
async fn two_prompts_follow_each_other_in_one_session() {
    let server = TestServer::start(allowed()).await.unwrap();
    let conversation = client(&server).await.create(None).await.unwrap();
    let mut screen = Screen::default();
    for (prompt, model_calls) in [("one", 1), ("BASH it", 3), ("two", 4)] {
        let turn = conversation.prompt(prompt).await.unwrap();
        let outcome = watch(turn, &mut screen).await.unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
        assert!(outcome.usage.tokens.output > 0.0 && outcome.finish.as_deref() == Some("stop"));
        assert_eq!(server.model.prompts().len(), model_calls);
    }
    assert_eq!(answers(&conversation), ["Echo: one", "I run it.", "It ran.", "Echo: two"]);
    assert_same(&conversation, &screen).await;
}

#[tokio::test]
async fn a_turn_keeps_its_conversation_and_a_feed_ends_with_it() {
    let server = TestServer::start(allowed()).await.unwrap();
    let client = client(&server).await;
    let turn = client.create(None).await.unwrap().prompt("alone").await.unwrap();
    let outcome = within("the end", turn.finish()).await.unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    let mut feed = client.create(None).await.unwrap().subscribe();
    let last = async { while feed.next().await.is_some() {} };
    within("the end of a feed whose conversation nobody holds", last).await;
}

/// 1.18.33 does it when a prompt comes just as the turn before is stopped; here the first request is kept from it, and the
/// message put there without a turn.
#[tokio::test]
async fn a_prompt_that_the_server_stores_and_overlooks_is_sent_again_and_stays_one() {
    let server = TestServer::start(allowed()).await.unwrap();
    let (_proxy, conversation) = behind(&server, first_prompt_kept()).await;
    let turn = conversation.prompt("overlooked").await.unwrap();
    let name = turn.message_id().as_str();
    let part = format!("prt_{}0000{}", &name[4..16], &name[20..]);
    let body = SessionPromptBody {
        message_id: Some(name.into()),
        no_reply: Some(true),
        parts: vec![
            TextPartInput { id: Some(part.as_str().into()), text: "overlooked".into(), ..Default::default() }
                .into(),
        ],
        ..Default::default()
    };
    let session = conversation.session_id().as_str();
    client(&server).await.call(&PromptAsync::new(session, body)).await.unwrap();
    let mut screen = Screen::default();
    let outcome = watch(turn, &mut screen).await.unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    assert_eq!(answers(&conversation), ["Echo: overlooked"]);
    let messages = conversation.read_messages().await.unwrap();
    let parts: Vec<usize> = messages.iter().map(|message| message.parts.len()).take(1).collect();
    assert_eq!((messages.len(), parts), (2, vec![1]), "one prompt with one part, and its answer");
    assert_same(&conversation, &screen).await;
}

/// A prompt whose answer was lost may not be stored yet. Sent a second time meanwhile it can stay without an answer.
#[tokio::test]
async fn a_prompt_whose_answer_is_lost_is_looked_for_until_the_server_has_stored_it_and_is_not_sent_twice() {
    let server = TestServer::start(allowed()).await.unwrap();
    let (sent, looked) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let sendings = sent.clone();
    let plan = FaultPlan::new(move |info| {
        if info.path.contains("/prompt_async") {
            sendings.fetch_add(1, Ordering::SeqCst);
            return Fault::answer(Answer::Lose(End::Reset));
        }
        let looks = info.method == "GET" && info.path.contains("/message/");
        match looks && looked.fetch_add(1, Ordering::SeqCst) < 3 {
            true => Fault::answer(Answer::Status(404)),
            false => Fault::none(),
        }
    });
    let (_proxy, conversation) = behind(&server, plan).await;
    let mut screen = Screen::default();
    let turn = conversation.prompt("once").await.unwrap();
    let outcome = watch(turn, &mut screen).await.unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    assert_eq!((sent.load(Ordering::SeqCst), answers(&conversation)), (1, vec!["Echo: once".to_owned()]));
    assert_same(&conversation, &screen).await;
}

/// A stream that breaks is opened again at once, and each time the state is read; a server that is slow to begin is idle
/// in all of them.
#[tokio::test]
async fn a_stream_that_breaks_again_and_again_takes_no_patience_with_a_server_that_has_not_begun() {
    let server = TestServer::start(allowed()).await.unwrap();
    let (proxy, conversation) = behind(&server, first_prompt_kept()).await;
    let turn = conversation.prompt("late").await.unwrap();
    let (mut feed, mut passed_by) = (conversation.subscribe(), Screen::default());
    // On a loaded machine six of them may take longer than anybody is to wait.
    let began = Instant::now();
    for _ in 0..6 {
        if began.elapsed() > Duration::from_secs(5) {
            break;
        }
        proxy.reset_all();
        until(&mut feed, &mut passed_by, "the stream again", |event| matches!(event, ChatEvent::Recovered))
            .await;
    }
    let body = SessionPromptBody {
        message_id: Some(turn.message_id().as_str().into()),
        parts: vec![TextPartInput { text: "late".into(), ..Default::default() }.into()],
        ..Default::default()
    };
    let session = conversation.session_id().as_str();
    client(&server).await.call(&PromptAsync::new(session, body)).await.unwrap();
    let mut screen = Screen::default();
    let outcome = watch(turn, &mut screen).await.unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    assert_eq!(answers(&conversation), ["Echo: late"]);
    assert_same(&conversation, &screen).await;
}

#[tokio::test]
async fn files_and_images_reach_the_model() {
    let server = TestServer::start(allowed()).await.unwrap();
    std::fs::write(
        server.directory.join("ten é.txt"),
        (1..=10).map(|n| format!("line {n}\n")).collect::<String>(),
    )
    .unwrap();
    let conversation = client(&server).await.create(None).await.unwrap();
    let mut screen = Screen::default();
    let prompt = Prompt::text("Look at these")
        .with(PromptPart::file(server.directory.join("ten é.txt"), Some((3, 5))).unwrap())
        .with(PromptPart::image("image/png", Some("dot.png".into()), PNG));
    let turn = conversation.prompt(prompt).await.unwrap();
    let outcome = watch(turn, &mut screen).await.unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    let asked = server.model.prompts()[0].body.to_string();
    assert!(asked.contains("line 3") && asked.contains("line 5"), "{asked}");
    assert!(
        !asked.contains("line 2\\n") && !asked.contains("line 7"),
        "only the lines that were named: {asked}"
    );
    let image = conversation.with_transcript(|t| {
        t.messages()[0]
            .parts
            .iter()
            .any(|p| matches!(&p.body, PartBody::File { mime, .. } if mime == "image/png"))
    });
    assert!(image);
    assert_same(&conversation, &screen).await;
}

#[tokio::test]
async fn a_prompt_without_reply_only_adds_the_message() {
    let server = TestServer::start(allowed()).await.unwrap();
    let conversation = client(&server).await.create(None).await.unwrap();
    let mut screen = Screen::default();
    let turn =
        conversation.prompt(Prompt { no_reply: true, ..Prompt::text("Just so you know") }).await.unwrap();
    assert_eq!(watch(turn, &mut screen).await.unwrap().kind, OutcomeKind::Completed);
    assert!(server.model.prompts().is_empty());
    assert_same(&conversation, &screen).await;
}

#[tokio::test]
async fn a_model_that_does_not_exist_fails_the_turn_and_naming_a_good_one_heals_the_session() {
    let server = TestServer::start(allowed()).await.unwrap();
    let conversation = client(&server).await.create(None).await.unwrap();
    let model = |name: &str| ModelRef { provider: "scripted".into(), model: name.into(), variant: None };
    let turn = conversation.prompt(Prompt::text("one").with_model(model("nobody"))).await.unwrap();
    let outcome = watch(turn, &mut Screen::default()).await.unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Failed);
    assert!(outcome.error.unwrap().message.contains("nobody"));
    let turn = conversation.prompt(Prompt::text("two").with_model(model("scripted"))).await.unwrap();
    assert_eq!(watch(turn, &mut Screen::default()).await.unwrap().kind, OutcomeKind::Completed);
}

#[tokio::test]
async fn dropping_a_turn_stops_the_agent() {
    let server = TestServer::start(allowed()).await.unwrap();
    let conversation = client(&server).await.create(None).await.unwrap();
    let mut feed = conversation.subscribe();
    let mut screen = Screen::default();
    let mut turn = conversation.prompt("HANG now").await.unwrap();
    until_said(&mut turn, "It begins.", &mut Screen::default()).await;
    drop(turn);
    until(
        &mut feed,
        &mut screen,
        "the end",
        |e| matches!(e, ChatEvent::TurnEnded { outcome, .. } if outcome.kind == OutcomeKind::Aborted),
    )
    .await;
    assert_same(&conversation, &screen).await;
    assert_eq!(say(&conversation, "still there?").await.kind, OutcomeKind::Completed);
}

/// On several threads, where the end of the conversation may be faster than the request that stops the turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_a_conversation_with_its_turn_stops_the_agent() {
    let server = TestServer::start(allowed()).await.unwrap();
    let client = client(&server).await;
    for _ in 0..5 {
        let conversation = client.create(None).await.unwrap();
        let mut turn = conversation.prompt("HANG now").await.unwrap();
        until_said(&mut turn, "It begins.", &mut Screen::default()).await;
        drop((conversation, turn));
        let idle = async {
            while !client.running().await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), idle).await.unwrap();
    }
}

#[tokio::test]
async fn a_turn_that_passes_its_deadline_fails_and_is_stopped() {
    let server = TestServer::start(allowed()).await.unwrap();
    let conversation = client(&server).await.create(None).await.unwrap();
    let mut feed = conversation.subscribe();
    let options = TurnOptions { deadline: Some(Duration::from_secs(3)) };
    let turn = conversation.prompt_with("HANG now", options).await.unwrap();
    let error = watch(turn, &mut Screen::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    until(
        &mut feed,
        &mut Screen::default(),
        "the server to be idle",
        |e| matches!(e, ChatEvent::Status(s) if s.is_idle()),
    )
    .await;
    assert_eq!(say(&conversation, "still there?").await.kind, OutcomeKind::Completed);
}
