//! Pages against pages: what a foreign page, a rebound name, another plugin's page or another program sends to a plugin's
//! server. Bytes are sent as they stand here, because no client of ours would send most of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opencode_nexus_plugins::web::{Assets, Pages, WebGuest, WebRequest, WebResponse, WebServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// No answer takes longer here.
const BOUND: Duration = Duration::from_secs(30);

/// A plugin that counts what reaches it.
#[derive(Default)]
struct Guest {
    asked: AtomicUsize,
}

#[async_trait]
impl WebGuest for Guest {
    async fn on_web(&self, request: WebRequest) -> opencode_nexus::Result<WebResponse> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let (status, content_type) = match request.path.as_str() {
            "/bad-status" => (99, "text/plain".to_owned()),
            "/bad-type" => (200, "text/html\r\nset-cookie: stolen=1".to_owned()),
            "/huge" => {
                return Ok(WebResponse { status: 200, content_type: String::new(), body: vec![0; 9 << 20] });
            }
            _ => (200, "text/plain".to_owned()),
        };
        let body = format!("{} {}?{} {}", request.method, request.path, request.query, request.body.len());
        Ok(WebResponse { status, content_type, body: body.into_bytes() })
    }

    async fn client_open(&self, _: u32) {}

    async fn client_close(&self, _: u32) {}
}

struct Server {
    server: WebServer,
    guest: Arc<Guest>,
    /// `127.0.0.1:PORT`
    authority: String,
    cookie: String,
}

impl Server {
    async fn start() -> Self {
        let guest = Arc::new(Guest::default());
        let assets = Assets::default().with("index.html", "<!doctype html>").with("app.js", "1");
        let server = WebServer::start(assets, Arc::new(Pages::default()), guest.clone()).await.unwrap();
        let address = server.address().to_owned();
        let authority = address.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
        let mut this = Self { server, guest, authority, cookie: String::new() };
        let first = this.send(&this.head("GET", &this.first(), &[])).await;
        let cookie = first.header("set-cookie").expect("the first page sets the cookie");
        this.cookie = cookie.split(';').next().unwrap().to_owned();
        this
    }

    /// The path with the token.
    fn first(&self) -> String {
        let address = self.server.address();
        address[address.find("/?").unwrap()..].to_owned()
    }

    fn head(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("host: {}\r\n", self.authority);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head + "connection: close\r\n\r\n"
    }

    /// Sends bytes and reads everything that comes.
    async fn send(&self, bytes: &str) -> Answer {
        let exchange = async {
            let mut stream = TcpStream::connect(&self.authority).await.unwrap();
            // A server that refuses may close before it has read everything.
            let _ = stream.write_all(bytes.as_bytes()).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        let answer = tokio::time::timeout(BOUND, exchange).await.expect("an answer within the bound");
        Answer(String::from_utf8_lossy(&answer).into_owned())
    }

    /// With the right cookie.
    async fn known(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![("cookie", self.cookie.as_str())];
        all.extend_from_slice(headers);
        self.send(&self.head(method, path, &all)).await
    }

    fn origin(&self) -> String {
        format!("http://{}", self.authority)
    }

    fn asked(&self) -> usize {
        self.guest.asked.load(Ordering::SeqCst)
    }
}

struct Answer(String);

impl Answer {
    fn status(&self) -> u16 {
        self.0.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let head = self.0.split("\r\n\r\n").next()?;
        head.lines().find_map(|line| {
            let (this, value) = line.split_once(':')?;
            this.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

#[tokio::test]
async fn a_cross_origin_post_reaches_no_plugin() {
    let server = Server::start().await;
    let own = server.origin();
    for headers in [
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
        vec![("origin", "http://127.0.0.1")],
        vec![("origin", "http://localhost:1")],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site"), ("origin", own.as_str())],
        vec![("sec-fetch-site", "cross-site"), ("origin", own.as_str())],
        vec![("origin", own.as_str()), ("origin", "https://evil.example")],
        // Nothing says where it comes from.
        vec![],
        vec![("sec-fetch-site", "none")],
    ] {
        let answer = server.known("POST", "/do", &headers).await;
        assert_eq!(answer.status(), 403, "{headers:?} {}", answer.0);
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let preflight = server.known("OPTIONS", "/do", &[("origin", "https://evil.example")]).await;
    assert_eq!(preflight.status(), 403);
    assert_eq!(server.asked(), 0);
    for headers in [vec![("origin", own.as_str())], vec![("sec-fetch-site", "same-origin")]] {
        assert_eq!(server.known("POST", "/do", &headers).await.status(), 200);
    }
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_rebound_host_is_another_host() {
    let server = Server::start().await;
    let port = server.authority.split(':').nth(1).unwrap().to_owned();
    for host in [
        format!("evil.example:{port}"),
        format!("localhost:{port}"),
        "127.0.0.1".to_owned(),
        format!("127.0.0.1.evil.example:{port}"),
        format!("127.0.0.1:{port}@evil.example"),
        format!("127.0.0.1:{port}."),
        format!("[::1]:{port}"),
        String::new(),
    ] {
        for path in ["/", "/do", &server.first()] {
            let answer = server.known("GET", path, &[("host", &host)]).await;
            assert!(matches!(answer.status(), 421 | 400), "{host:?} {path} {}", answer.0);
        }
    }
    let authority = server.authority.clone();
    let two = server.known("GET", "/do", &[("host", &authority), ("host", "evil.example")]).await;
    assert!(matches!(two.status(), 421 | 400), "{}", two.0);
    let absolute = server.known("GET", "http://evil.example/do", &[]).await;
    assert_eq!(absolute.status(), 421, "{}", absolute.0);
    let none = server.send(&format!("GET /do HTTP/1.0\r\ncookie: {}\r\n\r\n", server.cookie)).await;
    assert_eq!(none.status(), 421, "{}", none.0);
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn without_the_token_nobody_comes_in() {
    let server = Server::start().await;
    let (name, value) = server.cookie.split_once('=').unwrap();
    let wrong = format!("{name}={}", "A".repeat(value.len()));
    let other = format!("nexus-1={value}");
    for cookie in ["", wrong.as_str(), other.as_str(), &format!("{name}="), &format!("{name}={value}x")] {
        for path in ["/", "/app.js", "/events", "/do"] {
            let answer = server.send(&server.head("GET", path, &[("cookie", cookie)])).await;
            assert_eq!(answer.status(), 403, "{cookie} {path} {}", answer.0);
            assert!(!answer.0.contains(value));
        }
    }
    for token in ["", "A", &format!("{}A", &server.first()["/?token=".len()..])] {
        let answer = server.send(&server.head("GET", &format!("/?token={token}"), &[])).await;
        assert_eq!((answer.status(), answer.header("set-cookie")), (403, None), "{token}");
    }
    // The token opens the first page and nothing else.
    let token = server.first()[1..].to_owned();
    for (method, path) in
        [("GET", format!("/do{token}")), ("POST", server.first()), ("GET", format!("/events{token}"))]
    {
        let answer = server.send(&server.head(method, &path, &[("origin", &server.origin())])).await;
        assert_eq!(answer.status(), 403, "{method} {}", answer.0);
    }
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn a_page_of_one_plugin_calls_no_other_plugin() {
    let (one, two) = (Server::start().await, Server::start().await);
    // Browsers send cookies of one port to all ports of a host: both are there.
    let both = format!("{}; {}", one.cookie, two.cookie);
    let from_one = one.origin();
    for (method, headers) in [
        ("POST", vec![("origin", from_one.as_str()), ("sec-fetch-site", "same-site")]),
        ("POST", vec![("origin", from_one.as_str())]),
        ("GET", vec![("origin", from_one.as_str()), ("sec-fetch-site", "same-site")]),
        // Without CORS no origin is sent: a script, a picture, a frame.
        ("GET", vec![("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")]),
        ("GET", vec![("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate")]),
    ] {
        for path in ["/do", "/events", "/app.js", "/"] {
            let mut all = vec![("cookie", both.as_str())];
            all.extend_from_slice(&headers);
            let answer = two.send(&two.head(method, path, &all)).await;
            assert_eq!(answer.status(), 403, "{method} {path} {headers:?}");
        }
    }
    // The cookie of one opens nothing of the other.
    let answer = two.send(&two.head("GET", "/do", &[("cookie", &one.cookie)])).await;
    assert_eq!(answer.status(), 403);
    assert_eq!((one.asked(), two.asked()), (0, 0));
}

#[tokio::test]
async fn every_answer_forbids_frames_foreign_scripts_guessing_and_keeping() {
    let server = Server::start().await;
    let refused = server.send(&server.head("GET", "/", &[])).await;
    let first = server.send(&server.head("GET", &server.first(), &[])).await;
    let cookie = first.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    for answer in [
        refused,
        first,
        server.known("GET", "/", &[]).await,
        server.known("GET", "/do?x=1", &[]).await,
        server.known("GET", "/bad-status", &[]).await,
    ] {
        let csp = answer.header("content-security-policy").unwrap();
        assert!(csp.contains("default-src 'self'") && csp.contains("frame-ancestors 'none'"), "{csp}");
        assert!(!csp.contains("unsafe"), "{csp}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
    }
}

#[tokio::test]
async fn a_plugin_chooses_no_headers_and_no_endless_answers() {
    let server = Server::start().await;
    let answer = server.known("GET", "/bad-type", &[]).await;
    assert_eq!((answer.status(), answer.header("set-cookie")), (200, None));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(server.known("GET", "/bad-status", &[]).await.status(), 502);
    assert_eq!(server.known("GET", "/huge", &[]).await.status(), 502);
}

#[tokio::test]
async fn what_is_too_large_or_malformed_reaches_no_plugin() {
    let server = Server::start().await;
    let own = server.origin();
    let long = "x".repeat(64 << 10);
    let answer = server.known("POST", "/do", &[("origin", &own), ("x-long", &long)]).await;
    assert!(matches!(answer.status(), 431 | 400 | 0), "{}", answer.0);
    let many: Vec<(String, String)> = (0..200).map(|n| (format!("x-{n}"), "1".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert!(matches!(server.known("GET", "/do", &many).await.status(), 431 | 400 | 0));
    let body = "x".repeat((1 << 20) + 1);
    let head = server.head(
        "POST",
        "/do",
        &[("cookie", &server.cookie), ("origin", &own), ("content-length", &body.len().to_string())],
    );
    // The server may close while it is still sent to: then nothing is read, which is a refusal as well.
    assert!(matches!(server.send(&(head + &body)).await.status(), 413 | 0));
    for garbage in ["\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n"] {
        assert!(matches!(server.send(garbage).await.status(), 400 | 505 | 0), "{garbage:?}");
    }
    assert_eq!(server.asked(), 0);
    for path in ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%5c..%5cx"] {
        let answer = server.known("GET", path, &[]).await;
        assert!(answer.0.contains(" 0") && !answer.0.contains("root:"), "{}", answer.0);
    }
}

#[tokio::test]
async fn a_page_that_comes_back_gets_what_it_has_missed_and_a_full_house_is_said() {
    let server = Server::start().await;
    let pages = server.server.pages().clone();
    let read = async |last: Option<&str>, until: &str| {
        let mut stream = TcpStream::connect(&server.authority).await.unwrap();
        let mut headers = vec![("cookie", server.cookie.as_str())];
        headers.extend(last.map(|last| ("last-event-id", last)));
        stream.write_all(server.head("GET", "/events", &headers).as_bytes()).await.unwrap();
        let mut text = String::new();
        let mut buffer = [0; 4096];
        while !text.contains(until) {
            let count = tokio::time::timeout(BOUND, stream.read(&mut buffer)).await.unwrap().unwrap();
            assert!(count > 0, "the stream has ended: {text}");
            text += &String::from_utf8_lossy(&buffer[..count]);
        }
        (stream, text)
    };
    let (first, hello) = read(None, "event: nexus").await;
    assert!(
        hello.contains("text/event-stream") && hello.contains(r#"{"client":1,"resumed":false}"#),
        "{hello}"
    );
    pages.push(None, "board", "{\"a\":\n1}").unwrap();
    drop(first);
    pages.push(None, "board", "2").unwrap();
    let (_again, all) = read(None, "event: nexus").await;
    assert!(!all.contains("board"), "a new page is told nothing old: {all}");
    pages.push(None, "board", "3").unwrap();
    let (_third, text) = {
        let (stream, text) = read(None, "event: nexus").await;
        pages.push(None, "board", "4").unwrap();
        (stream, text)
    };
    drop(text);
    let (_fourth, probe) = {
        let mut probe = read(None, "event: nexus").await;
        pages.push(None, "last", "5").unwrap();
        let mut buffer = [0; 4096];
        while !probe.1.contains("event: last") {
            let count = tokio::time::timeout(BOUND, probe.0.read(&mut buffer)).await.unwrap().unwrap();
            probe.1 += &String::from_utf8_lossy(&buffer[..count]);
        }
        probe
    };
    let id = probe.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().trim();
    let (epoch, number) = id.split_once('-').unwrap();
    assert_eq!(number, "5");
    let (_fifth, back) = read(Some(&format!("{epoch}-2")), "event: last").await;
    assert!(back.contains("\"resumed\":true"), "{back}");
    for (data, there) in [("data: 2", false), ("data: 3", true), ("data: 4", true), ("data: 5", true)] {
        assert_eq!(back.contains(data), there, "{data} in {back}");
    }
    let (_sixth, lost) = read(Some("other-2"), "event: nexus").await;
    assert!(lost.contains("\"resumed\":false"), "{lost}");
    let mut open = Vec::new();
    while pages.open_count() < 16 {
        open.push(read(None, "event: nexus").await.0);
    }
    assert_eq!(server.known("GET", "/events", &[]).await.status(), 503);
}
