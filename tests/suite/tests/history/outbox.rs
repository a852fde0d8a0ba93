//! Prompts that wait: each is sent once and in order, wherever the program or an answer is lost.

use std::future::Future as _;
use std::task::Poll;

use opencode_nexus::chat::{Prompt, PromptPart};
use opencode_nexus::history::Sent;
use opencode_nexus::model::Role;
use opencode_nexus_testkit::fault_proxy::{Answer, End, Fault, FaultPlan, FaultProxy};
use opencode_nexus_testkit::server::{SECOND, isolated_test};

use super::*;

async fn fill(history: &History, server: &TestServer, session: Option<&SessionId>, count: usize) {
    let directory = server.directory.to_string_lossy();
    for n in 0..count {
        let prompt = Prompt::text(format!("waiting {n}"));
        history.outbox().add("test", &directory, session, &prompt).await.unwrap();
    }
}

async fn named(url: &str, server: &TestServer) -> Client {
    let client = Client::builder(url).directory(server.directory.to_string_lossy()).server_name("test");
    client.connect().await.unwrap()
}

/// The prompts of a session, once nothing runs there.
async fn prompts(server: &TestServer, session: &SessionId) -> Vec<String> {
    let conversation =
        plain(server).await.open(session.clone(), ConversationOptions::default()).await.unwrap();
    within("the end of what runs", async {
        loop {
            let (idle, texts) = conversation.with_transcript(|t| {
                let by_person = t.messages().iter().filter(|m| m.role == Role::User);
                let texts: Vec<String> =
                    by_person.map(|m| m.parts.iter().filter_map(|p| p.text()).collect()).collect();
                (t.status().is_idle(), texts)
            });
            if idle {
                return texts;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

async fn prompts_are_sent_in_order(version: &str) {
    let server =
        TestServer::start(TestServerOptions { version: version.to_owned(), ..quick() }).await.unwrap();
    let folder = folder();
    let history = open(folder.path());
    let client = named(&server.url, &server).await;
    let session = client.create(Some("Waiting")).await.unwrap().session_id().clone();
    fill(&history, &server, Some(&session), 3).await;
    history.outbox().add("elsewhere", "/", None, &Prompt::text("not for us")).await.unwrap();
    fill(&history, &server, None, 1).await;
    assert_eq!(history.status().await.unwrap().outbox, 5);
    let taken_back = history.outbox().list().await.unwrap()[1].number;
    assert!(history.outbox().remove(taken_back).await.unwrap());
    assert!(!history.outbox().remove(taken_back).await.unwrap());
    let mut told = Vec::new();
    let sent = within("sending", history.outbox().send(&client, |one| told.push(one.clone()))).await.unwrap();
    assert_eq!((sent.len(), &told), (3, &sent));
    assert_eq!(prompts(&server, &session).await, ["waiting 0", "waiting 2"]);
    assert_eq!(prompts(&server, &sent[2].session).await, ["waiting 0"]);
    let left = history.outbox().list().await.unwrap();
    assert_eq!(left.iter().map(|i| i.text.as_str()).collect::<Vec<_>>(), ["not for us"]);
    // Numbers are not given again.
    let next = history.outbox().add("test", "/", None, &Prompt::text("later")).await.unwrap();
    assert_eq!(next.number, 6);
}

#[tokio::test]
async fn prompts_are_sent_in_order_on_1_18() {
    prompts_are_sent_in_order("1.18.33").await;
}

#[test]
fn prompts_are_sent_in_order_on_opencode_2() {
    isolated_test(SECOND, || prompts_are_sent_in_order(SECOND));
}

/// The future is dropped after each number of steps, as a program that is killed there; then somebody sends the rest.
async fn sending_can_be_stopped_at_every_step(version: &str) {
    let server =
        TestServer::start(TestServerOptions { version: version.to_owned(), ..quick() }).await.unwrap();
    let mut finished = false;
    let mut steps = 1;
    while !finished {
        let folder = folder();
        let history = open(folder.path());
        let existing = plain(&server).await.create(None).await.unwrap().session_id().clone();
        fill(&history, &server, Some(&existing), 1).await;
        fill(&history, &server, None, 1).await;
        let before = sessions(&server).await;
        let mut first: Vec<Sent> = Vec::new();
        {
            let client = named(&server.url, &server).await;
            let outbox = history.outbox();
            let mut work = Box::pin(outbox.send(&client, |one| first.push(one.clone())));
            let mut polled = 0;
            finished = within(
                "the step",
                std::future::poll_fn(|cx| {
                    polled += 1;
                    match work.as_mut().poll(cx) {
                        Poll::Ready(result) => Poll::Ready(result.is_ok()),
                        Poll::Pending if polled >= steps => Poll::Ready(false),
                        Poll::Pending => Poll::Pending,
                    }
                }),
            )
            .await;
        }
        let client = named(&server.url, &server).await;
        let rest = within("the rest", send_all(&history, &client)).await;
        assert_eq!(prompts(&server, &existing).await, ["waiting 0"], "after {steps} steps");
        let made: Vec<SessionId> =
            sessions(&server).await.into_iter().filter(|id| !before.contains(id)).collect();
        assert_eq!(made.len(), 1, "one session was made after {steps} steps");
        assert_eq!(prompts(&server, &made[0]).await, ["waiting 0"], "after {steps} steps");
        assert!(first.len() + rest.len() <= 2);
        assert!(history.outbox().list().await.unwrap().is_empty());
        steps += 1;
    }
    assert!(steps > 10, "it has steps at all: {steps}");
}

/// A lock of the program that was killed is given back by the system; here, when its task has ended.
async fn send_all(history: &History, client: &Client) -> Vec<Sent> {
    loop {
        match history.outbox().send(client, |_| ()).await {
            Ok(sent) => return sent,
            Err(error) if error.kind() == ErrorKind::Busy => {
                tokio::time::sleep(Duration::from_millis(10)).await
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn sessions(server: &TestServer) -> Vec<SessionId> {
    let all = plain(server).await.sessions(&Default::default()).await.unwrap();
    all.into_iter().map(|s| s.id).collect()
}

#[tokio::test]
async fn sending_can_be_stopped_at_every_step_on_1_18() {
    sending_can_be_stopped_at_every_step("1.18.33").await;
}

#[test]
fn sending_can_be_stopped_at_every_step_on_opencode_2() {
    isolated_test(SECOND, || sending_can_be_stopped_at_every_step(SECOND));
}

/// Each answer in turn is lost; what the server has done by then must be found again.
#[tokio::test]
async fn an_answer_that_is_lost_does_not_send_twice() {
    let server = TestServer::start(quick()).await.unwrap();
    for lost in 0.. {
        let folder = folder();
        let history = open(folder.path());
        fill(&history, &server, None, 2).await;
        let before = sessions(&server).await;
        let plan = FaultPlan::new(move |info| match info.is_event_stream {
            false if info.nth == lost => Fault { answer: Answer::Lose(End::Reset), ..Fault::default() },
            _ => Fault::default(),
        });
        let proxy = FaultProxy::start(&server.url, plan).await.unwrap();
        // The person tries until it works.
        for _ in 0..5 {
            let client = Client::builder(proxy.url()).directory(server.directory.to_string_lossy());
            let Ok(client) = client.server_name("test").connect().await else { continue };
            let done = within("sending", history.outbox().send(&client, |_| ())).await.is_ok();
            if done {
                break;
            }
        }
        assert!(history.outbox().list().await.unwrap().is_empty(), "answer {lost} lost");
        let made: Vec<SessionId> =
            sessions(&server).await.into_iter().filter(|id| !before.contains(id)).collect();
        assert_eq!(made.len(), 2, "answer {lost} lost");
        let mut texts = Vec::new();
        for id in made {
            texts.extend(prompts(&server, &id).await);
        }
        texts.sort_unstable();
        assert_eq!(texts, ["waiting 0", "waiting 1"], "answer {lost} lost");
        if proxy.injected_total() == 0 {
            assert!(lost > 8, "{lost} answers were lost in turn");
            break;
        }
    }
}

#[tokio::test]
async fn only_text_waits_and_only_one_sends() {
    let folder = folder();
    let history = open(folder.path());
    let outbox = history.outbox();
    let file = Prompt::text("look").with(PromptPart::image("image/png", None, b"x"));
    let error = outbox.add("test", "/", None, &file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        outbox.add("test", "/", None, &Prompt::text("")).await.unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    // Two programs add at once: no number twice.
    let other = open(folder.path());
    let adding = (0..20).map(|n| {
        let outbox = if n % 2 == 0 { outbox.clone() } else { other.outbox() };
        async move { outbox.add("test", "/", None, &Prompt::text(format!("{n}"))).await.unwrap().number }
    });
    let mut numbers = futures_util::future::join_all(adding).await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<u64>>());
}
