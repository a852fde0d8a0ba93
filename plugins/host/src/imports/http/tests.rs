//! A server on this machine, and plugins that would like to reach what they may not.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::tests::{Playground, state};
use super::super::wit::http::{Host as _, Method, Request, Response};
use super::super::wit::types::{Error, ErrorCode, Field};
use super::addresses::Lookup;

/// Answers each request, and remembers what it has heard.
struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, heard) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let requests = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(answer(socket, Arc::clone(&requests)));
            }
        });
        Self { address, heard }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn answer(
    mut socket: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    requests: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        let read = socket.read_buf(&mut bytes).await.ok().filter(|read| *read > 0);
        read?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            break (head.to_owned(), length.map_or(0, |length| length.parse::<usize>().unwrap()));
        }
    };
    while bytes.len() < head.len() + 4 + length {
        socket.read_buf(&mut bytes).await.ok()?;
    }
    requests.lock().unwrap().push(String::from_utf8_lossy(&bytes).into_owned());
    let path = head.split(' ').nth(1)?;
    let (status, extra, body) = match path {
        "/redirect" => {
            ("302 Found", "Location: http://127.0.0.1:1/secret\r\nSet-Cookie: a=b\r\n", Vec::new())
        }
        "/large" => ("200 OK", "", vec![b'x'; 9 * 1024 * 1024]),
        "/silent" => return std::future::pending().await,
        _ => ("200 OK", "X-Made-Up: yes\r\n", b"hello".to_vec()),
    };
    let head =
        format!("HTTP/1.1 {status}\r\n{extra}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    socket.write_all(head.as_bytes()).await.ok()?;
    socket.write_all(&body).await.ok()?;
    socket.shutdown().await.ok()
}

fn get(url: impl Into<String>) -> Request {
    Request { method: Method::Get, url: url.into(), headers: Vec::new(), body: Vec::new(), timeout_ms: None }
}

fn plain(host: impl std::fmt::Display) -> String {
    format!(
        "http = [{{ host = \"{host}\", methods = [\"GET\", \"POST\"], plain = true, reason = \"test\" }}]"
    )
}

async fn fetch(play: &Playground, permissions: &str, request: Request) -> Result<Response, Error> {
    play.state(permissions).fetch(request).await.unwrap()
}

/// Answers of a name server, one after the other; the last one stays.
struct Names(Mutex<VecDeque<Vec<IpAddr>>>);

impl Names {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let answers = answers.iter().map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect());
        Arc::new(Self(Mutex::new(answers.collect())))
    }
}

#[async_trait]
impl Lookup for Names {
    async fn addresses(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        let mut answers = self.0.lock().unwrap();
        if answers.len() > 1 { Ok(answers.pop_front().unwrap()) } else { Ok(answers[0].clone()) }
    }
}

#[tokio::test]
async fn a_granted_request_says_what_the_plugin_said_and_nothing_of_the_person() {
    let (play, server) = (Playground::new(), Server::start().await);
    let mut request = get(format!("{}#fragment", server.url("/path?q=1")));
    request.method = Method::Post;
    request.body = b"body".to_vec();
    request.headers = vec![Field { key: "X-Token".into(), value: "made-up".into() }];
    let response = fetch(&play, &plain(server.address), request).await.unwrap();
    assert_eq!(
        (response.status, response.body.as_slice(), response.truncated),
        (200, b"hello".as_slice(), false)
    );
    assert!(response.headers.iter().any(|field| field.key == "x-made-up" && field.value == "yes"));
    let heard = &server.heard()[0];
    assert!(heard.starts_with("POST /path?q=1 HTTP/1.1\r\n") && heard.ends_with("\r\n\r\nbody"), "{heard}");
    let lower = heard.to_ascii_lowercase();
    assert!(lower.contains("x-token: made-up") && lower.contains(&format!("host: {}", server.address)));
    for header in ["cookie", "referer", "authorization", "proxy-", "fragment"] {
        assert!(!lower.contains(header), "{heard}");
    }
    // Neither path, query, header nor body are in the audit log.
    assert_eq!(play.audited(), [("http.fetch".to_owned(), format!("POST http://{}", server.address), true)]);
}

#[tokio::test]
async fn what_is_not_granted_is_denied_told_once_and_reaches_nobody() {
    let (mut play, server) = (Playground::new(), Server::start().await);
    let port = server.address.port();
    let caller = play.caller("acme.test", &plain("127.0.0.1:1"));
    let mut host = state(&caller);
    let mut urls = vec![
        server.url("/"),
        format!("http://localhost:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://0177.0.0.1:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        format!("http://[::]:{port}/"),
        format!("http://127.0.0.1.:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fd00:ec2::254]/".to_owned(),
        "http://metadata.google.internal/".to_owned(),
        "http://127.0.0.1/".to_owned(),
        format!("http://127.0.0.1%2f:{port}/"),
        format!("http://１２７.0.0.1:{port}/"),
    ];
    urls.push(format!("http://127.0.0.1:1@127.0.0.1:{port}/"));
    for url in urls {
        let error = host.fetch(get(&url)).await.unwrap().unwrap_err();
        assert!(matches!(error.code, ErrorCode::Denied | ErrorCode::Invalid), "{url}: {error:?}");
    }
    assert_eq!(server.heard(), [""; 0]);
    assert_eq!(play.told().len(), 1);
    assert!(play.audited().iter().all(|(_, _, allowed)| !allowed));
}

#[tokio::test]
async fn addresses_that_are_none_or_hide_something_are_refused() {
    let (play, server) = (Playground::new(), Server::start().await);
    for url in [
        "",
        "/path",
        "//127.0.0.1/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "unix:/run/docker.sock",
        "data:text/plain,x",
        "http://",
        &format!("http://user@{}/", server.address),
        &format!("http://user:made-up@{}/", server.address),
        &format!("http://:x@{}/", server.address),
        &format!("{}\0", server.url("/").replace("http", "htt\0p")),
    ] {
        let error = fetch(&play, &plain(server.address), get(url)).await.unwrap_err();
        assert!(matches!(error.code, ErrorCode::Invalid | ErrorCode::Denied), "{url}: {error:?}");
        assert!(!error.message.contains("made-up"));
    }
    let long = server.url(&format!("/{}", "a".repeat(9000)));
    assert_eq!(fetch(&play, &plain(server.address), get(long)).await.unwrap_err().code, ErrorCode::Quota);
    assert_eq!(server.heard(), [""; 0]);
}

#[tokio::test]
async fn a_method_without_encryption_or_of_another_kind_needs_its_own_grant() {
    let (play, server) = (Playground::new(), Server::start().await);
    let encrypted = format!("http = [{{ host = \"{}\", reason = \"test\" }}]", server.address);
    assert_eq!(fetch(&play, &encrypted, get(server.url("/"))).await.unwrap_err().code, ErrorCode::Denied);
    let mut delete = get(server.url("/"));
    delete.method = Method::Delete;
    assert_eq!(fetch(&play, &plain(server.address), delete).await.unwrap_err().code, ErrorCode::Denied);
    assert_eq!(server.heard(), [""; 0]);
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (play, server) = (Playground::new(), Server::start().await);
    let response = fetch(&play, &plain(server.address), get(server.url("/redirect"))).await.unwrap();
    assert_eq!(response.status, 302);
    assert!(response.headers.iter().any(|field| field.key == "location"));
    // And no cookie is kept.
    fetch(&play, &plain(server.address), get(server.url("/"))).await.unwrap();
    assert!(server.heard().len() == 2 && !server.heard()[1].contains("cookie"));
}

#[tokio::test]
async fn bodies_are_bounded_both_ways() {
    let (play, server) = (Playground::new(), Server::start().await);
    let response = fetch(&play, &plain(server.address), get(server.url("/large"))).await.unwrap();
    assert!(response.truncated && response.body.len() == 8 * 1024 * 1024);
    let mut large = get(server.url("/"));
    (large.method, large.body) = (Method::Post, vec![0; 8 * 1024 * 1024 + 1]);
    assert_eq!(fetch(&play, &plain(server.address), large).await.unwrap_err().code, ErrorCode::Quota);
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn a_server_that_says_nothing_takes_no_longer_than_the_call_may() {
    let (play, server) = (Playground::new(), Server::start().await);
    let mut host = play.state(&plain(server.address));
    let mut request = get(server.url("/silent"));
    request.timeout_ms = Some(50);
    assert_eq!(host.fetch(request).await.unwrap().unwrap_err().code, ErrorCode::Timeout);
    // The guest asks for longer than it has.
    host.call_begins(Duration::from_millis(50));
    let mut request = get(server.url("/silent"));
    request.timeout_ms = Some(3_600_000);
    assert_eq!(host.fetch(request).await.unwrap().unwrap_err().code, ErrorCode::Timeout);
}

#[tokio::test]
async fn four_requests_are_under_way_at_once_and_no_more() {
    let (play, server) = (Playground::new(), Server::start().await);
    let caller = play.caller("acme.test", &plain(server.address));
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let (mut host, request) = (state(&caller), get(server.url("/silent")));
            tokio::spawn(async move { host.fetch(request).await.map(drop) })
        })
        .collect();
    while server.heard().len() < 4 {
        tokio::task::yield_now().await;
    }
    let error = state(&caller).fetch(get(server.url("/"))).await.unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Quota);
    for task in waiting {
        task.abort();
        let _ = task.await;
    }
    // A guest that was killed in a call gives its place back.
    state(&caller).fetch(get(server.url("/"))).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_granted_name_that_leads_to_a_private_address_is_denied() {
    let server = Server::start().await;
    let port = server.address.port();
    for answers in [
        &["127.0.0.1"][..],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["::ffff:127.0.0.1"],
        &["fd00:ec2::254"],
        &["1.1.1.1", "127.0.0.1"],
        &["0.0.0.0"],
    ] {
        let mut play = Playground::new();
        play.ground.lookup = Names::new(&[answers]);
        let url = format!("http://api.example.org:{port}/");
        let error = fetch(&play, &plain(format!("api.example.org:{port}")), get(&url)).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Denied, "{answers:?}: {error:?}");
        let error = fetch(&play, &plain(format!("*.example.org:{port}")), get(url)).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Denied, "{answers:?}: {error:?}");
        assert_eq!(play.told().len(), 2, "one for each plugin that was opened");
        assert!(play.audited().iter().any(|(_, what, allowed)| !allowed && what.contains("it leads to")));
    }
    assert_eq!(server.heard(), [""; 0]);
}

/// The name means something good when it is checked, and this machine afterwards: only one look is ever taken for a connection.
#[tokio::test]
async fn a_name_that_changes_its_address_is_reached_where_it_was_checked_or_not_at_all() {
    let server = Server::start().await;
    let port = server.address.port();
    let mut play = Playground::new();
    let names = Names::new(&[&["127.0.0.1"], &["10.0.0.1"], &["169.254.169.254"]]);
    play.ground.lookup = names.clone();
    let caller = play.caller("acme.test", &plain(format!("localhost:{port}")));
    let url = format!("http://localhost:{port}/");
    // `localhost` is granted literally, so its first address is a good one; the second look of another library would be 10.0.0.1.
    let response = state(&caller).fetch(get(&url)).await.unwrap().unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(names.0.lock().unwrap().len(), 2, "one look for one connection");
    for _ in 0..2 {
        let error = state(&caller).fetch(get(&url)).await.unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::Denied, "{error:?}");
    }
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_told_without_the_address() {
    let play = Playground::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = fetch(&play, &plain(address), get(format!("http://{address}/?made-up"))).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable);
    assert!(!error.message.contains("made-up"), "{}", error.message);
}

#[tokio::test]
async fn with_encryption_the_certificate_has_to_be_believed_and_has_to_be_of_that_host() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, requests) = (acceptor.clone(), Arc::clone(&requests));
            tokio::spawn(async move {
                if let Ok(socket) = acceptor.accept(socket).await {
                    answer(socket, requests).await;
                }
            });
        }
    });
    let mut play = Playground::new();
    play.ground.lookup = Names::new(&[&["127.0.0.1"]]);
    let rules = format!(
        "http = [{{ host = \"localhost:{port}\", reason = \"test\" }}, {{ host = \"127.0.0.1:{port}\", reason = \"test\" }}]"
    );
    let url = format!("https://localhost:{port}/");
    let error = fetch(&play, &rules, get(&url)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable, "nobody has vouched for it: {error:?}");
    let file = play.data.path().join("ca.pem");
    std::fs::write(&file, made.cert.pem()).unwrap();
    play.ground.ca_file = Some(file);
    assert_eq!(fetch(&play, &rules, get(&url)).await.unwrap().body, b"hello");
    let other = fetch(&play, &rules, get(format!("https://127.0.0.1:{port}/"))).await.unwrap_err();
    assert_eq!(other.code, ErrorCode::Unavailable, "{other:?}");
    assert_eq!(heard.lock().unwrap().len(), 1);
}
