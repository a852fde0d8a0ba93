//! The first contact: addresses that are none, ports where nobody listens, and peers that are no OpenCode server.

use opencode_nexus::dialect::Line;

use super::{Peer, Reply, assert_clear, connect, peer};

#[tokio::test]
async fn a_malformed_address_is_refused_before_anything_is_sent() {
    for address in
        ["", "nonsense", "http://", "ftp://127.0.0.1/", "http//me:hunter2@host", "http://[::1", "http://a b/"]
    {
        assert_clear(&connect(address).await.unwrap_err(), "user.invalid_input");
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    assert_clear(&connect(&address).await.unwrap_err(), "system.unreachable");
}

#[tokio::test]
async fn a_peer_that_accepts_and_never_answers_is_given_up() {
    let peer = Peer::start(|_, _| Reply::Stall(Vec::new())).await;
    assert_clear(&connect(&peer.url).await.unwrap_err(), "system.timeout");
    peer.left_alone().await;
    assert_eq!(peer.asked("/global/health"), 3, "asked again as often as allowed, and no more");
}

#[tokio::test]
async fn a_peer_that_stalls_after_its_head_or_in_its_body_is_given_up() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 36\r\n\r\n";
    for said in [head.to_owned(), format!("{head}{{\"healthy\":true,")] {
        let peer = Peer::start(move |_, _| Reply::Stall(said.clone().into_bytes())).await;
        assert_clear(&connect(&peer.url).await.unwrap_err(), "system.timeout");
        peer.left_alone().await;
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_without_a_word_or_in_the_middle_of_one_is_unreachable() {
    for said in
        ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\ncontent-type: application/json\r\n\r\n{\"heal"]
    {
        let peer = Peer::start(move |_, _| Reply::Close(said.into())).await;
        assert_clear(&connect(&peer.url).await.unwrap_err(), "system.unreachable");
        peer.left_alone().await;
    }
}

#[tokio::test]
async fn what_is_no_http_is_told_so() {
    let peer = Peer::start(|_, _| Reply::Close(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec())).await;
    assert_clear(&connect(&peer.url).await.unwrap_err(), "system.unreachable");
    peer.left_alone().await;
}

#[tokio::test]
async fn a_web_page_is_no_server() {
    let peer = Peer::start(|_, _| Reply::page()).await;
    assert_clear(&connect(&peer.url).await.unwrap_err(), "system.incompatible");
    peer.left_alone().await;
}

#[tokio::test]
async fn json_that_is_cut_short_or_something_else_is_told_apart() {
    for (body, code) in [
        (r#"{"healthy":true,"vers"#, "system.protocol"),
        (r#"["healthy"]"#, "system.incompatible"),
        (r#"{"status":"UP"}"#, "system.incompatible"),
        ("", "system.protocol"),
        ("null", "system.incompatible"),
    ] {
        let peer = Peer::start(move |_, _| Reply::json(body)).await;
        assert_clear(&connect(&peer.url).await.unwrap_err(), code);
        peer.left_alone().await;
    }
}

#[tokio::test]
async fn an_empty_401_says_what_to_do_and_is_asked_once() {
    let peer = Peer::start(|head, _| {
        assert!(head.to_ascii_lowercase().contains("authorization: basic "), "{head}");
        Reply::Close(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec())
    })
    .await;
    let error = connect(&peer.url).await.unwrap_err();
    assert_clear(&error, "security.unauthorized");
    assert!(error.hint().unwrap().contains("OPENCODE_SERVER_PASSWORD"));
    assert_eq!(peer.asked("/global/health"), 1);
    peer.left_alone().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_our_credentials() {
    let other = Peer::start(|_, _| Reply::json(super::HEALTH)).await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"] {
        let to = other.url.clone();
        let peer = Peer::start(move |_, _| {
            let head = format!("HTTP/1.1 {status}\r\nlocation: {to}/global/health\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            Reply::Close(head.into_bytes())
        })
        .await;
        let error = connect(&peer.url).await.unwrap_err();
        assert_clear(&error, "system.incompatible");
        assert!(error.to_string().contains(&other.url), "it says where the redirect leads: {error}");
    }
    assert_eq!(other.asked("/global/health"), 0);
}

#[tokio::test]
async fn a_starting_server_is_asked_again() {
    let peer = Peer::start(|_, nth| match nth {
        0 => Reply::whole("503 Service Unavailable", "text/plain", "starting"),
        _ => Reply::json(super::HEALTH),
    })
    .await;
    assert_eq!(connect(&peer.url).await.unwrap().server().version, "1.18.33");
    assert_eq!(peer.asked("/global/health"), 2);
}

#[tokio::test]
async fn opencode_2_is_recognised_by_its_own_word() {
    let info = r#"{"version":"2.0.14","pid":7,"urls":["http://127.0.0.1:4096"],"paths":{}}"#;
    let peer =
        Peer::start(
            move |head, _| if head.starts_with("GET /api/info ") { Reply::json(info) } else { Reply::page() },
        )
        .await;
    let client = connect(&peer.url).await.unwrap();
    assert_eq!((client.server().line, client.server().version.as_str()), (Line::V2, "2.0.14"));
    assert!(client.capabilities().queue && !client.capabilities().todos);
    peer.left_alone().await;
}

#[tokio::test]
async fn a_booting_opencode_2_is_asked_again() {
    let peer = Peer::start(|head, nth| match (head.starts_with("GET /api/info "), nth) {
        (true, 0) => Reply::whole("503 Service Unavailable", "application/json", "{}"),
        (true, _) => Reply::json(r#"{"version":"2.0.14","pid":7}"#),
        _ => Reply::page(),
    })
    .await;
    assert_eq!(connect(&peer.url).await.unwrap().server().line, Line::V2);
    assert_eq!(peer.asked("/api/info"), 2);
}

#[tokio::test]
async fn nothing_is_left_when_connecting_is_given_up_half_way() {
    let peer = Peer::start(|_, _| Reply::Stall(Vec::new())).await;
    let address = peer.url.clone();
    let connecting = tokio::spawn(async move { connect(&address).await.map(drop) });
    super::within("the first request", async {
        while peer.asked("/global/health") == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    connecting.abort();
    peer.left_alone().await;
}

#[tokio::test]
async fn a_sound_peer_is_connected_to() {
    let peer = peer(|_| None).await;
    assert_eq!(connect(&peer.url).await.unwrap().server().version, "1.18.33");
    peer.left_alone().await;
}
