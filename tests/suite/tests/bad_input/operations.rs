//! Operations whose answers are broken.

use std::time::Duration;

use opencode_nexus::chat::{ConversationOptions, TurnOptions};
use opencode_nexus::dialect::SessionFilter;
use opencode_nexus::{Client, ErrorKind};

use super::{Peer, Reply, assert_clear, connect, peer, sound, within};

#[tokio::test]
async fn broken_answers_of_operations_are_told_apart() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n[{\"id\":";
    for (reply, code) in [
        (Reply::page(), "system.incompatible"),
        (Reply::json(r#"[{"id":"ses_1""#), "system.protocol"),
        (Reply::json(r#"{"sessions":[]}"#), "system.protocol"),
        (Reply::json(r#"[{"id":7}]"#), "system.protocol"),
        (Reply::Close(cut.into()), "system.unreachable"),
        (Reply::Stall(cut.into()), "system.timeout"),
        (Reply::whole("500 Internal Server Error", "text/plain", "Internal\nServer Error"), "system.server"),
        (
            Reply::whole(
                "404 Not Found",
                "application/json",
                r#"{"name":"NotFoundError","data":{"message":"no\nsuch"}}"#,
            ),
            "user.not_found",
        ),
        (Reply::whole("401 Unauthorized", "text/plain", ""), "security.unauthorized"),
    ] {
        let peer = peer(move |path| (path == "/session").then(|| reply.clone())).await;
        let client = connect(&peer.url).await.unwrap();
        let error = within("the list", client.sessions(&SessionFilter::default())).await.unwrap_err();
        if error.kind() == ErrorKind::Server || error.kind() == ErrorKind::NotFound {
            // The server has said why; there is nothing better to advise.
            assert!(!error.to_string().contains('\n') && error.code() == code, "{error}");
        } else {
            assert_clear(&error, code);
        }
        assert_eq!(error.operation(), Some("session.list"));
        drop(client);
        peer.left_alone().await;
    }
}

#[tokio::test]
async fn an_answer_above_the_limit_is_too_large() {
    let body = format!("[{}]", " ".repeat(4096));
    let peer = peer(move |path| (path == "/session").then(|| Reply::json(&body))).await;
    let config = opencode_nexus::transport::TransportConfig { body_limit: 1024, ..super::config() };
    let client = Client::builder(&peer.url).transport(config).connect().await.unwrap();
    let error = within("the list", client.sessions(&SessionFilter::default())).await.unwrap_err();
    assert_clear(&error, "system.too_large");
}

#[tokio::test]
async fn a_conversation_that_cannot_be_read_is_not_waited_for() {
    let peer = peer(|path| (path == "/session/ses_1/message").then(|| Reply::json("{\"cut"))).await;
    let client = connect(&peer.url).await.unwrap();
    let options =
        ConversationOptions { open_within: Duration::from_millis(600), ..ConversationOptions::default() };
    let error = within("opening", client.open("ses_1", options)).await.unwrap_err();
    assert_clear(&error, "system.timeout");
    drop(client);
    peer.left_alone().await;
}

#[tokio::test]
async fn a_prompt_that_is_answered_by_a_page_was_not_sent() {
    let peer = peer(|path| (path == "/session/ses_1/prompt_async").then(Reply::page)).await;
    let client = connect(&peer.url).await.unwrap();
    let conversation = client.open("ses_1", ConversationOptions::default()).await.unwrap();
    let error = within("the prompt", conversation.prompt("hello")).await.map(drop).unwrap_err();
    assert_clear(&error, "system.incompatible");
    assert_eq!(peer.asked("/session/ses_1/prompt_async"), 1);
}

#[tokio::test]
async fn a_prompt_that_nobody_answers_passes_its_deadline() {
    let taken = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    let busy = r#"{"ses_1":{"type":"busy"}}"#;
    let peer = peer(move |path| match path {
        "/session/ses_1/prompt_async" => Some(Reply::Close(taken.into())),
        "/session/status" => Some(Reply::json(busy)),
        _ => None,
    })
    .await;
    let client = connect(&peer.url).await.unwrap();
    let conversation = client.open("ses_1", ConversationOptions::default()).await.unwrap();
    let options = TurnOptions { deadline: Some(Duration::from_millis(400)) };
    let turn = conversation.prompt_with("hello", options).await.unwrap();
    let error = within("the turn", turn.finish()).await.unwrap_err();
    assert_eq!((error.code(), error.to_string().contains('\n')), ("system.timeout", false));
    drop((conversation, client));
    peer.left_alone().await;
}

#[tokio::test]
async fn a_turn_whose_state_can_never_be_read_again_is_given_up() {
    let taken = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    let peer = Peer::start(move |head, nth| {
        sound(head, |path| match path {
            "/session/ses_1/prompt_async" => Some(Reply::Close(taken.into())),
            // The stream comes back after its silence; the messages do not.
            "/session/ses_1/message" if nth > 0 => Some(Reply::json("[{\"cut")),
            _ => None,
        })
    })
    .await;
    let client = connect(&peer.url).await.unwrap();
    let options =
        ConversationOptions { give_up: Duration::from_millis(700), ..ConversationOptions::default() };
    let conversation = client.open("ses_1", options).await.unwrap();
    let turn = conversation.prompt("hello").await.unwrap();
    let error = within("the turn", turn.finish()).await.unwrap_err();
    assert_clear(&error, "system.unreachable");
    drop((conversation, client));
    peer.left_alone().await;
}
