//! Event streams that are none, end at once, or send what nobody can use.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opencode_nexus::chat::{ChatEvent, ConversationOptions};
use opencode_nexus::model::Event;
use opencode_nexus::stream::{EventStream, StreamItem};
use opencode_nexus::{Client, Error, ErrorKind};

use super::{CONNECTED, Peer, Reply, assert_clear, config, connect, peer, sound, within};

/// Why the stream has ended for good.
async fn failure(events: &mut EventStream) -> Error {
    let reading = async {
        while let Some(item) = events.next().await {
            if let StreamItem::Failed(error) = item {
                return error;
            }
        }
        panic!("the stream ended without a reason");
    };
    within("the failure", reading).await
}

#[tokio::test]
async fn a_401_on_the_event_stream_alone_ends_it_and_is_not_asked_again() {
    let peer =
        peer(|path| (path == "/event").then(|| Reply::whole("401 Unauthorized", "text/plain", ""))).await;
    let client = connect(&peer.url).await.unwrap();
    assert_clear(&failure(&mut client.events()).await, "security.unauthorized");
    assert_eq!(peer.asked("/event"), 1);
    let error = within("opening", client.open("ses_1", ConversationOptions::default())).await.unwrap_err();
    assert_clear(&error, "security.unauthorized");
    drop(client);
    peer.left_alone().await;
}

#[tokio::test]
async fn a_page_in_place_of_the_event_stream_ends_it_after_a_few_attempts() {
    let peer = peer(|path| (path == "/event").then(Reply::page)).await;
    let client = connect(&peer.url).await.unwrap();
    assert_clear(&failure(&mut client.events()).await, "system.incompatible");
    assert!(peer.asked("/event") <= 5);
    drop(client);
    peer.left_alone().await;
}

#[tokio::test]
async fn a_stream_that_ends_at_once_over_and_over_is_made_again_ever_more_slowly() {
    for events in [&[][..], &[CONNECTED][..]] {
        let owned: Vec<String> = events.iter().map(|e| (*e).to_owned()).collect();
        let peer = Peer::start(move |head, _| {
            let events: Vec<&str> = owned.iter().map(String::as_str).collect();
            sound(head, |path| path.ends_with("/event").then(|| Reply::ending_events(&events)))
        })
        .await;
        let client = connect(&peer.url).await.unwrap();
        let begun = Instant::now();
        let mut stream = client.events();
        within("eight attempts", async {
            while peer.asked("/event") + peer.asked("/global/event") < 8 {
                stream.next().await.unwrap();
            }
        })
        .await;
        // Seven waits: 20, 40, 80 and four times 160 ms, of which chance may take half.
        let least = Duration::from_millis((20 + 40 + 80 + 4 * 160) / 2);
        assert!(begun.elapsed() >= least, "eight attempts within {:?}", begun.elapsed());
        drop((stream, client));
        let seen = peer.asked("/event");
        peer.left_alone().await;
        assert!(peer.asked("/event") <= seen + 1, "it goes on although nobody listens");
    }
}

#[tokio::test]
async fn a_silent_stream_is_made_again() {
    let peer = peer(|_| None).await;
    let client = connect(&peer.url).await.unwrap();
    let mut events = client.events();
    let reading = async {
        loop {
            if let StreamItem::Closed(error) = events.next().await.unwrap() {
                return error;
            }
        }
    };
    assert_eq!(within("the silence", reading).await.kind(), ErrorKind::Timeout);
    within("the next connection", async {
        while !matches!(events.next().await.unwrap(), StreamItem::Opened) {}
    })
    .await;
    assert!(peer.asked("/event") >= 2);
    drop((events, client));
    peer.left_alone().await;
}

#[tokio::test]
async fn what_nobody_knows_is_carried_through_and_what_is_no_event_is_left_out() {
    let unknown = r#"{"id":"evt_2","type":"quantum.flipped","properties":{"sessionID":"ses_1","spin":"up"}}"#;
    let odd_shape = r#"{"id":"evt_3","type":"session.idle","properties":{"sessionID":7}}"#;
    let last = r#"{"id":"evt_4","type":"session.idle","properties":{"sessionID":"ses_1"}}"#;
    let peer = peer(move |path| {
        (path == "/event")
            .then(|| Reply::events(&[CONNECTED, unknown, "{\"cut", "<html>", odd_shape, "[]", last]))
    })
    .await;
    let client = connect(&peer.url).await.unwrap();
    let mut events = client.events();
    let (mut kinds, mut missing) = (Vec::new(), 0);
    within("the last event", async {
        while !kinds.contains(&"idle".to_owned()) {
            match events.next().await.unwrap() {
                StreamItem::Lagged(n) => missing += n,
                StreamItem::Event(event) => match &*event {
                    Event::Other { kind, .. } => kinds.push(kind.clone()),
                    Event::Status { .. } => kinds.push("idle".into()),
                    _ => {}
                },
                _ => {}
            }
        }
    })
    .await;
    assert_eq!(
        (kinds, missing),
        (vec!["quantum.flipped".to_owned(), "session.idle".into(), "idle".into()], 3)
    );
    let conversation = client.open("ses_1", ConversationOptions::default()).await.unwrap();
    drop((conversation, events, client));
    peer.left_alone().await;
}

/// An event of so many bytes of text.
fn huge(bytes: usize) -> String {
    let text = "x".repeat(bytes);
    format!(
        r#"{{"id":"evt_9","type":"message.part.updated","properties":{{"sessionID":"ses_1","time":2,"part":{{"id":"prt_2","sessionID":"ses_1","messageID":"msg_2","type":"text","text":"{text}","time":{{"start":1,"end":2}}}}}}}}"#
    )
}

const MESSAGE: &str = r#"{"id":"evt_8","type":"message.updated","properties":{"sessionID":"ses_1","info":{"id":"msg_2","sessionID":"ses_1","role":"assistant","parentID":"msg_1","modelID":"m","providerID":"p","mode":"build","agent":"build","path":{"cwd":"/","root":"/"},"cost":0,"tokens":{"input":0,"output":0,"reasoning":0,"cache":{"read":0,"write":0}},"time":{"created":1}}}}"#;

#[tokio::test]
async fn an_event_of_100_megabytes_is_received() {
    let size = 100 * 1024 * 1024;
    let event = huge(size);
    let asked = AtomicUsize::new(0);
    let peer = Peer::start(move |head, _| {
        sound(head, |path| match path {
            // The first connection brings it; a later one must not be needed.
            "/event" if asked.fetch_add(1, Ordering::Relaxed) == 0 => {
                Some(Reply::events(&[CONNECTED, MESSAGE, &event]))
            }
            _ => None,
        })
    })
    .await;
    let client = connect(&peer.url).await.unwrap();
    let mut events = client.events();
    let received = async {
        loop {
            match events.next().await.unwrap() {
                StreamItem::Event(event) => {
                    if let Event::Part(part) = &*event {
                        return part.text().map(str::len);
                    }
                }
                StreamItem::Opened => {}
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(within("the large event", received).await, Some(size));
    drop((events, client));
    peer.left_alone().await;
}

#[tokio::test]
async fn an_event_above_the_limit_is_told_and_the_conversation_goes_on_without_it() {
    let event = huge(64 * 1024);
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let peer = Peer::start(move |head, _| {
        sound(head, |path| match path {
            "/event" if counter.fetch_add(1, Ordering::Relaxed) == 0 => {
                Some(Reply::events(&[CONNECTED, MESSAGE, &event]))
            }
            _ => None,
        })
    })
    .await;
    let limited = opencode_nexus::transport::TransportConfig { body_limit: 16 * 1024, ..config() };
    let client = Client::builder(&peer.url).transport(limited).connect().await.unwrap();
    let mut events = client.events();
    let conversation = client.open("ses_1", ConversationOptions::default()).await.unwrap();
    let closed = async {
        loop {
            if let StreamItem::Closed(error) = events.next().await.unwrap() {
                return error;
            }
        }
    };
    assert_clear(&within("the end of the connection", closed).await, "system.too_large");
    let mut feed = conversation.subscribe();
    within("the recovery", async {
        while !matches!(feed.next().await.unwrap().unwrap(), ChatEvent::Recovered) {}
    })
    .await;
    assert!(asked.load(Ordering::Relaxed) >= 2);
}

#[tokio::test]
async fn events_that_are_always_above_the_limit_end_the_conversation_with_the_reason() {
    let event = huge(64 * 1024);
    let peer =
        peer(move |path| path.ends_with("/event").then(|| Reply::events(&[CONNECTED, MESSAGE, &event])))
            .await;
    let limited = opencode_nexus::transport::TransportConfig { body_limit: 16 * 1024, ..config() };
    let client = Client::builder(&peer.url).transport(limited).connect().await.unwrap();
    assert_clear(&failure(&mut client.events()).await, "system.too_large");
    assert_eq!(peer.asked("/event"), 5);
    let opening = client.open("ses_1", ConversationOptions::default());
    assert_clear(&within("opening", opening).await.unwrap_err(), "system.too_large");
    drop(client);
    peer.left_alone().await;
}
