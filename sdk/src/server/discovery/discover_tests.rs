//! Files of servers that run, have ended, or never were, and peers that answer in their place.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A peer that answers every request with these bytes and then holds the connection; and the requests it got.
async fn peer(answer: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = socket.read(&mut request).await.unwrap();
            heard.lock().unwrap().push(String::from_utf8_lossy(&request[..length]).into_owned());
            socket.write_all(answer.as_bytes()).await.unwrap();
            if answer.is_empty() {
                held.push(socket);
            }
        }
    });
    (url, asked)
}

fn info(pid: u32, version: &str) -> String {
    let body = json!({"version": version, "pid": pid, "urls": [], "paths": {}}).to_string();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn service(url: &str, pid: u32) -> Value {
    json!({"id": "x", "version": "2.0.14", "url": url, "pid": pid, "password": "hunter2"})
}

struct State {
    folder: tempfile::TempDir,
}

impl State {
    fn new(text: &str) -> Self {
        let state = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(state.folder.path().join("opencode")).unwrap();
        std::fs::write(state.file(), text).unwrap();
        state.allow(0o600);
        state
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("opencode/service.json")
    }

    fn allow(&self, mode: u32) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(self.file(), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        #[cfg(not(unix))]
        let _ = mode;
    }

    async fn discover(&self) -> Result<Option<RunningServer>> {
        let state_home = Some(self.folder.path().to_owned());
        discover(&DiscoverOptions { state_home, ..DiscoverOptions::default() }).await
    }
}

fn assert_clear(error: &Error, code: &str) {
    assert_eq!(error.code(), code, "{error}");
    assert!(error.hint().is_some(), "{error}");
    assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_confirms_its_file_is_found() {
    let pid = std::process::id();
    let (url, asked) = peer(info(pid, "2.0.14")).await;
    let found = State::new(&service(&url, pid).to_string()).discover().await.unwrap().unwrap();
    let password = Secret::from("hunter2");
    assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    assert_eq!(found, RunningServer { address: url, version: "2.0.14".into(), pid, password });
    let request = asked.lock().unwrap()[0].clone();
    assert!(request.starts_with("GET /api/info "), "{request}");
    assert!(
        request.contains(&format!("authorization: {}\r\n", ready::basic("opencode", "hunter2"))),
        "{request}"
    );
}

#[tokio::test]
async fn a_file_whose_server_is_another_one_is_a_left_over() {
    let pid = std::process::id();
    let unauthorized = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".to_owned();
    let page = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>".to_owned();
    for answer in [info(pid + 1, "2.0.14"), info(pid, "2.0.15"), unauthorized, page] {
        let (url, _) = peer(answer.clone()).await;
        let found = State::new(&service(&url, pid).to_string()).discover().await.unwrap();
        assert_eq!(found, None, "{answer}");
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_or_answers_is_a_left_over_in_bounded_time() {
    let pid = std::process::id();
    let begun = Instant::now();
    let (silent, _) = peer(String::new()).await;
    // Bound and dropped: free again.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for url in [silent, format!("http://{free}")] {
        assert_eq!(State::new(&service(&url, pid).to_string()).discover().await.unwrap(), None, "{url}");
    }
    assert!(begun.elapsed() < BOUND * 5);
}

#[cfg(unix)]
#[tokio::test]
async fn a_password_is_not_told_to_who_listens_where_a_dead_server_was() {
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let pid = child.id();
    child.wait().unwrap();
    let (url, asked) = peer(info(pid, "2.0.14")).await;
    for pid in [pid, 0, u32::MAX] {
        assert_eq!(State::new(&service(&url, pid).to_string()).discover().await.unwrap(), None);
    }
    assert!(asked.lock().unwrap().is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_others_may_open_or_that_is_none_is_refused() {
    let pid = std::process::id();
    let (url, asked) = peer(info(pid, "2.0.14")).await;
    let state = State::new(&service(&url, pid).to_string());
    for mode in [0o644, 0o640, 0o602, 0o606] {
        state.allow(mode);
        let error = state.discover().await.unwrap_err();
        assert_clear(&error, "security.forbidden");
        assert!(error.hint().unwrap().contains("chmod 600"), "{error}");
    }
    std::fs::remove_file(state.file()).unwrap();
    std::fs::create_dir(state.file()).unwrap();
    assert_clear(&state.discover().await.unwrap_err(), "security.forbidden");
    assert!(asked.lock().unwrap().is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_of_another_user_is_refused() {
    let state = State::new(&service("http://127.0.0.1:1", std::process::id()).to_string());
    // Only root can give a file away; whoever else runs this looks at a file of root that nobody may write.
    if std::os::unix::fs::chown(state.file(), Some(65534), None).is_err() {
        let error = check(Path::new("/etc/passwd"), &open(Path::new("/etc/passwd")).unwrap()).unwrap_err();
        return assert_clear(&error, "security.forbidden");
    }
    let error = state.discover().await.unwrap_err();
    assert_clear(&error, "security.forbidden");
    assert!(error.to_string().contains("another user"), "{error}");
}

#[tokio::test]
async fn an_address_elsewhere_is_refused_and_a_broken_file_is_named() {
    let pid = std::process::id();
    for url in [
        "http://192.0.2.1:80",
        "https://127.0.0.1:1",
        "http://localhost.example.org",
        "http://0.0.0.0:1",
        "x",
        "",
    ] {
        let error = State::new(&service(url, pid).to_string()).discover().await.unwrap_err();
        assert_clear(&error, "security.forbidden");
    }
    let whole = service("http://127.0.0.1:1", pid).to_string();
    for text in [&whole[..whole.len() - 3], "", "[]", r#"{"password":"hunter2","pid":"hunter2"}"#] {
        assert_clear(&State::new(text).discover().await.unwrap_err(), "system.protocol");
    }
}

#[tokio::test]
async fn without_a_file_there_is_no_server() {
    let empty = tempfile::tempdir().unwrap();
    let state_home = Some(empty.path().to_owned());
    let found = discover(&DiscoverOptions { state_home, folder: "elsewhere".into() }).await.unwrap();
    assert_eq!(found, None);
}

#[test]
fn addresses_of_this_machine_are_known() {
    for (address, host) in [
        ("http://127.0.0.1:4096", Some("127.0.0.1:4096")),
        ("http://127.0.0.1:4096/", Some("127.0.0.1:4096")),
        ("http://[::1]:4096", Some("[::1]:4096")),
        ("http://localhost", Some("localhost:80")),
        ("http://[::2]:4096", None),
        ("http://me:hunter2@127.0.0.1:4096", None),
    ] {
        assert_eq!(loopback(address).as_deref(), host, "{address}");
    }
}
