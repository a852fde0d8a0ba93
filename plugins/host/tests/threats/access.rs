//! Plugins that want what they were not granted: files, addresses, secrets, what others keep. Each is a command that hands its
//! arguments to one call of the host, and shows what came of it.

use std::path::Path;
use std::sync::Arc;

use opencode_nexus::extension::{CommandOutcome, CommandProvider, NoticeFeed, Notices};
use opencode_nexus::{ErrorKind, Result};
use opencode_nexus_plugins::actor::{Launch, PluginHandle};
use opencode_nexus_plugins::audit;
use opencode_nexus_plugins::imports::{Caller, Ground, log_file};
use opencode_nexus_plugins::limits::Limits;
use opencode_nexus_plugins::manifest::World;
use opencode_nexus_plugins::permissions::Rights;
use opencode_nexus_plugins::secrets::Secrets;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::Guest;
use crate::host::code;

/// Where the host writes its answers, and where the guest writes its own.
const ANSWER: u32 = 512;
const OUTCOME: u32 = 640;

/// A person with a folder to work in.
struct Person {
    data: tempfile::TempDir,
    folder: tempfile::TempDir,
    ground: Ground,
    feed: NoticeFeed,
}

impl Person {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let notices = Notices::default();
        let feed = notices.subscribe();
        let ground = Ground::open(data.path(), notices, None).unwrap();
        Self { data, folder: tempfile::tempdir().unwrap(), ground, feed }
    }

    async fn plugin(&self, id: &str, permissions: &str, guest: &Guest) -> Hostile {
        let rights = Rights::new(toml::from_str(permissions).unwrap());
        let settings = serde_json::json!({});
        let caller = Caller::open(id, "1.2.3", rights, self.folder.path(), settings, &self.ground).unwrap();
        let launch = Launch::new(code(guest).await, guest.worlds(), Arc::new(caller), Limits::default());
        let plugin = PluginHandle::open(launch);
        let commands = opencode_nexus_plugins::command::commands(&plugin).await.unwrap().unwrap();
        Hostile { commands, _plugin: plugin }
    }

    fn denials(&self) -> usize {
        self.ground.audit().flush();
        let records = audit::read(self.data.path(), None, 1000).unwrap();
        records.iter().filter(|record| !record.allowed).count()
    }

    fn notices(&mut self) -> usize {
        std::iter::from_fn(|| self.feed.try_next()).count()
    }
}

struct Hostile {
    commands: Arc<dyn CommandProvider>,
    _plugin: PluginHandle,
}

impl Hostile {
    /// What it shows.
    async fn tries(&self, what: &str) -> Result<String> {
        match self.commands.run("try", what, None).await? {
            CommandOutcome::Show(text) => Ok(text),
            CommandOutcome::Nothing => Ok(String::new()),
            CommandOutcome::Prompt(_) => panic!("it sends nothing"),
        }
    }

    async fn is_refused(&self, what: &str) {
        let error = self.tries(what).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::InvalidInput), "{what:?}: {error}");
    }
}

/// A command `try` that calls `$host` so, and then does this.
fn guest(interface: &str, function: &str, signature: &str, body: &str) -> Guest {
    Guest::new(&[World::Command])
        .imports(interface, function, "$host", signature)
        .module(
            "(data (i32.const 128) \"\\90\\00\\00\\00\\01\\00\\00\\00\")
             (data (i32.const 144) \"\\c8\\00\\00\\00\\03\\00\\00\\00\\c8\\00\\00\\00\\03\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\")
             (data (i32.const 200) \"try\")",
        )
        .does("commands", "(i32.const 128)")
        .does("run", body)
}

/// Shows the text or bytes at `shown` of the answer, or fails as the host has failed, whose error stands at `failure`.
fn shows(shown: u32, failure: u32) -> String {
    let (answer, shown, failure) = (ANSWER, ANSWER + shown, ANSWER + failure);
    let (tag, case, text, length, hint) = (OUTCOME, OUTCOME + 4, OUTCOME + 8, OUTCOME + 12, OUTCOME + 16);
    format!(
        "(i32.store8 (i32.const {hint}) (i32.const 0))
         (if (i32.eqz (i32.load8_u (i32.const {answer})))
           (then (i32.store8 (i32.const {tag}) (i32.const 0)) (i32.store8 (i32.const {case}) (i32.const 1))
             (i32.store (i32.const {text}) (i32.load (i32.const {shown})))
             (i32.store (i32.const {length}) (i32.load (i32.const {}))))
           (else (i32.store8 (i32.const {tag}) (i32.const 1))
             (i32.store8 (i32.const {case}) (i32.load8_u (i32.const {failure})))
             (i32.store (i32.const {text}) (i32.load (i32.const {})))
             (i32.store (i32.const {length}) (i32.load (i32.const {})))))
         (i32.const {OUTCOME})",
        shown + 4,
        failure + 4,
        failure + 8
    )
}

/// Reads the file that the arguments name.
fn reader() -> Guest {
    let call = "(call $host (local.get 2) (local.get 3) (i64.const 0) (i32.const 65536) (i32.const 512))";
    guest("workspace", "read", "(param i32 i32 i64 i32 i32)", &format!("{call} {}", shows(8, 8)))
}

/// Asks for the address that the arguments name; with these many headers of those at 700.
fn fetcher(headers: u32) -> Guest {
    let call = format!(
        "(call $host (i32.const 0) (local.get 2) (local.get 3) (i32.const 700) (i32.const {headers}) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))"
    );
    let signature = "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)";
    // Of an answer the body is shown.
    guest("http", "fetch", signature, &format!("{call} {}", shows(16, 4)))
}

/// Shows the secret that the arguments name.
fn secretive() -> Guest {
    let body = "(call $host (local.get 2) (local.get 3) (i32.const 512))
        (i32.store8 (i32.const 640) (i32.const 0))
        (i32.store8 (i32.const 644) (select (i32.const 1) (i32.const 2) (i32.load8_u (i32.const 512))))
        (i32.store (i32.const 648) (i32.load (i32.const 516)))
        (i32.store (i32.const 652) (i32.load (i32.const 520)))
        (i32.const 640)";
    guest("config", "secret", "(param i32 i32 i32)", body)
}

/// Keeps `\07` under the key that the arguments name, and does `then`.
fn keeper(then: &str) -> Guest {
    let body = format!(
        "(call $host (i32.const 1) (local.get 2) (local.get 3) (i32.const 760) (i32.const 1) (i32.const 512))
         {then} (i32.store8 (i32.const 640) (i32.const 0)) (i32.store8 (i32.const 644) (i32.const 2)) (i32.const 640)"
    );
    guest("kv", "set", "(param i32 i32 i32 i32 i32 i32)", &body).module("(data (i32.const 760) \"\\07\")")
}

/// Shows what is kept under the key that the arguments name; nothing when there is none.
fn looker() -> Guest {
    let body = "(call $host (i32.const 1) (local.get 2) (local.get 3) (i32.const 512))
        (i32.store8 (i32.const 640) (i32.const 0))
        (i32.store8 (i32.const 644) (select (i32.const 1) (i32.const 2) (i32.load8_u (i32.const 516))))
        (i32.store (i32.const 648) (i32.const 200)) (i32.store (i32.const 652) (i32.const 3))
        (i32.const 640)";
    guest("kv", "get", "(param i32 i32 i32 i32)", body)
}

fn plain(address: impl std::fmt::Display) -> String {
    format!("http = [{{ host = \"{address}\", plain = true, reason = \"test\" }}]")
}

/// A server of one answer; gives its address, and counts who came.
async fn server(answer: &'static str) -> (std::net::SocketAddr, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, came) = (listener.local_addr().unwrap(), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let counter = Arc::clone(&came);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut bytes = [0; 4096];
            let _ = socket.read(&mut bytes).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (address, came)
}

const DOCS: &str = "workspace-read = [{ glob = \"docs/**\", reason = \"test\" }]";

#[tokio::test]
async fn a_path_out_of_what_was_granted_is_refused_and_told() {
    let mut person = Person::new();
    std::fs::create_dir_all(person.folder.path().join("docs")).unwrap();
    std::fs::write(person.folder.path().join("docs/a.md"), "granted").unwrap();
    std::fs::write(person.folder.path().join("secret.txt"), "secret").unwrap();
    let plugin = person.plugin("bad.reader", DOCS, &reader()).await;
    assert_eq!(plugin.tries("docs/a.md").await.unwrap(), "granted");
    let tried = [
        "secret.txt",
        "../secret.txt",
        "docs/../secret.txt",
        "docs/../../etc/passwd",
        "/etc/passwd",
        "docs/a.md\0",
        "C:\\Windows\\win.ini",
        "C:/Windows/win.ini",
        "\\\\server\\share\\x",
        "//server/share/x",
        ".git/config",
        "",
    ];
    for path in tried {
        plugin.is_refused(path).await;
    }
    assert_eq!((person.denials(), person.notices()), (tried.len(), 1));
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_out_of_the_folder_or_of_what_was_granted_is_not_followed() {
    use std::os::unix::fs::symlink;
    let person = Person::new();
    let folder = person.folder.path();
    std::fs::create_dir_all(folder.join("docs")).unwrap();
    std::fs::write(folder.join("secret.txt"), "secret").unwrap();
    symlink("/etc", folder.join("docs/etc")).unwrap();
    symlink("/etc/passwd", folder.join("docs/passwd")).unwrap();
    symlink("../secret.txt", folder.join("docs/inside")).unwrap();
    symlink("../../../../../../../../etc/passwd", folder.join("docs/up")).unwrap();
    let plugin = person.plugin("bad.reader", DOCS, &reader()).await;
    for path in ["docs/etc/passwd", "docs/passwd", "docs/inside", "docs/up"] {
        plugin.is_refused(path).await;
    }
    assert_eq!(person.denials(), 4);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_swapped_while_it_is_read_leads_nowhere_else() {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};
    let person = Person::new();
    let folder = person.folder.path().to_owned();
    std::fs::create_dir_all(folder.join("docs")).unwrap();
    std::fs::write(folder.join("docs/a.md"), "granted").unwrap();
    std::fs::write(folder.join("secret.txt"), "secret").unwrap();
    let plugin = person.plugin("bad.reader", DOCS, &reader()).await;
    let done = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&done);
    let swapping = std::thread::spawn(move || {
        for target in ["a.md", "../secret.txt", "/etc/passwd"].into_iter().cycle() {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let _ = std::fs::remove_file(folder.join("new"));
            symlink(target, folder.join("new")).unwrap();
            std::fs::rename(folder.join("new"), folder.join("docs/link")).unwrap();
        }
    });
    for _ in 0..500 {
        if let Ok(text) = plugin.tries("docs/link").await {
            assert_eq!(text, "granted");
        }
    }
    done.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
}

#[tokio::test]
async fn no_address_of_this_machine_or_its_network_is_reached_however_it_is_written() {
    let mut person = Person::new();
    let (address, came) = server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
    let port = address.port();
    let plugin = person.plugin("bad.fetcher", &plain("api.example.org"), &fetcher(0)).await;
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "127.0.0.1.",
        "api.example.org@127.0.0.1",
        "api.example.org.",
    ] {
        plugin.is_refused(&format!("http://{host}:{port}/")).await;
    }
    for url in ["http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "file:///etc/passwd"] {
        plugin.is_refused(url).await;
    }
    assert_eq!(came.load(std::sync::atomic::Ordering::SeqCst), 0);
    assert_eq!(person.notices(), 1);
}

#[tokio::test]
async fn a_redirect_to_another_address_is_not_followed() {
    let person = Person::new();
    let (secret, came) = server("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret").await;
    let answer =
        format!("HTTP/1.1 302 Found\r\nLocation: http://{secret}/\r\nContent-Length: 5\r\n\r\nmoved");
    let (address, _) = server(Box::leak(answer.into_boxed_str())).await;
    let plugin = person.plugin("bad.fetcher", &plain(address), &fetcher(0)).await;
    assert_eq!(plugin.tries(&format!("http://{address}/")).await.unwrap(), "moved");
    assert_eq!(came.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_header_that_steers_the_connection_is_refused() {
    let (address, came) = server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
    let person = Person::new();
    for (name, value) in [
        ("Host", "evil.test"),
        ("Content-Length", "99"),
        ("Transfer-Encoding", "chunked"),
        ("Proxy-Authorization", "x"),
        ("Connection", "upgrade"),
        ("X", "a\\0d\\0aHost: evil.test"),
        ("X\\0d\\0aHost", "evil.test"),
    ] {
        let length = |text: &str| text.replace("\\0d", "?").replace("\\0a", "?").len();
        let header = format!(
            "(data (i32.const 700) \"\\20\\03\\00\\00\\{:02x}\\00\\00\\00\\84\\03\\00\\00\\{:02x}\\00\\00\\00\")
             (data (i32.const 800) \"{name}\") (data (i32.const 900) \"{value}\")",
            length(name),
            length(value)
        );
        let plugin = person.plugin("bad.fetcher", &plain(address), &fetcher(1).module(&header)).await;
        plugin.is_refused(&format!("http://{address}/")).await;
    }
    assert_eq!(came.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_secret_that_is_not_listed_the_environment_and_another_plugins_are_not_given() {
    let mut person = Person::new();
    for plugin in ["bad.secretive", "good.neighbour"] {
        Secrets::of(person.data.path(), plugin).set("TOKEN", &format!("made-up-{plugin}").into()).unwrap();
        Secrets::of(person.data.path(), plugin).set("OTHER", &"made-up".into()).unwrap();
    }
    let plugin = person.plugin("bad.secretive", "secrets = [\"TOKEN\"]", &secretive()).await;
    assert_eq!(plugin.tries("TOKEN").await.unwrap(), "made-up-bad.secretive");
    for name in ["OTHER", "PATH", "HOME", "../good.neighbour/TOKEN", "token", ""] {
        assert_eq!(plugin.tries(name).await.unwrap(), "", "{name}");
    }
    assert_eq!((person.denials(), person.notices()), (6, 1));
    let audited = std::fs::read_to_string(audit::path(person.data.path())).unwrap();
    assert!(!audited.contains("made-up"));
}

#[tokio::test]
async fn what_another_plugin_keeps_is_not_found() {
    let person = Person::new();
    person.plugin("good.neighbour", "", &keeper("")).await.tries("key").await.unwrap();
    let looks = person.plugin("bad.looker", "", &looker()).await;
    for key in ["key", "../good.neighbour/key", "good.neighbour/key", "' OR '1'='1"] {
        assert_eq!(looks.tries(key).await.unwrap(), "", "{key}");
    }
    assert_eq!(person.plugin("good.neighbour", "", &looker()).await.tries("key").await.unwrap(), "try");
}

#[tokio::test]
async fn what_a_call_has_kept_before_it_trapped_was_not_kept() {
    let person = Person::new();
    let error =
        person.plugin("bad.trapper", "", &keeper("(unreachable)")).await.tries("key").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Plugin, "{error}");
    assert_eq!(person.plugin("bad.trapper", "", &looker()).await.tries("key").await.unwrap(), "");
}

#[tokio::test]
async fn a_plugins_log_is_its_own_lines_and_no_flood() {
    let person = Person::new();
    let body = "(loop $again (call $host (i32.const 2) (local.get 2) (local.get 3))
          (global.set $n (i32.add (global.get $n) (i32.const 1)))
          (br_if $again (i32.lt_u (global.get $n) (i32.const 5000))))
        (i32.store8 (i32.const 640) (i32.const 0)) (i32.store8 (i32.const 644) (i32.const 2)) (i32.const 640)";
    let guest =
        guest("log", "write", "(param i32 i32 i32)", body).module("(global $n (mut i32) (i32.const 0))");
    let plugin = person.plugin("bad.logger", "", &guest).await;
    plugin
        .tries("a\r2026-01-01T00:00:00.000Z ERROR good.neighbour: forged\u{1b}]52;c;eA==\u{7}\u{202e}")
        .await
        .unwrap();
    person.ground.audit().flush();
    let text = std::fs::read_to_string(log_file(person.data.path(), "bad.logger")).unwrap();
    assert!(!text.contains(['\r', '\u{1b}', '\u{7}', '\u{202e}']));
    assert!(text.contains("lines left out") && text.lines().count() < 5000, "{}", text.lines().count());
    for line in text.lines().filter(|line| line.contains("forged")) {
        assert!(line.split(' ').nth(1) == Some("INFO"), "{line}");
    }
}

#[tokio::test]
async fn no_argument_becomes_an_option_of_git() {
    let person = Person::new();
    let call =
        "(call $host (local.get 2) (local.get 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))";
    let signature = "(param i32 i32 i32 i32 i32 i32)";
    let guest = guest("git", "diff", signature, &format!("{call} {}", shows(4, 4)));
    let denied = person.plugin("bad.gitter", "", &guest).await;
    denied.is_refused("HEAD").await;
    let made = std::process::Command::new("git")
        .args(["init", "--quiet"])
        .current_dir(person.folder.path())
        .status();
    assert!(made.expect("git is needed: apt-get install git").success());
    let plugin = person.plugin("bad.gitter", "git = { reason = \"test\" }", &guest).await;
    let mark = person.folder.path().join("written");
    for word in [&format!("--output={}", mark.display()), "--help", "--no-index", "HEAD..--output=written"] {
        assert!(plugin.tries(word).await.is_err(), "{word}");
    }
    assert!(!mark.exists() && !Path::new("written").exists());
}
