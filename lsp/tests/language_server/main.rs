//! The language server as an editor without any plugin meets it: the executable, its standard streams, real servers with a
//! scripted model. The client fails on every message that it does not expect. Each file is one chapter.

mod actions;
mod asks;
mod bad_input;
mod bad_messages;
mod cancelling;
mod chat;
mod editing;
mod gone;
mod growth;
mod inline;
mod many;
mod methods;
mod review;
mod roots;
mod second;
mod stories;
mod subscriptions;

use std::path::{Path, PathBuf};
use std::time::Duration;

use opencode_nexus::Client;
use opencode_nexus::model::SessionId;
use opencode_nexus_testkit::expected;
use opencode_nexus_testkit::language_client::{
    ChatScreen, ClientOptions, Failure, LanguageClient, TokenKind, Watch, address,
};
use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use opencode_nexus_testkit::stories::on_server;
use serde_json::{Value, json};
use tokio::process::Command;

/// So long may the server take to store what it has said.
const REST: Duration = Duration::from_secs(10);

/// The model of most tests: it echoes, and knows a few words that make it do more.
fn model() -> Behaviour {
    let bash =
        |command: &str| Action::tool("bash", json!({"command": command, "description": "Run a command"}));
    let options = json!([{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}]);
    let questions = json!([{"question": "Which colour?", "header": "Colour", "options": options}]);
    let question = Action::tool("question", json!({ "questions": questions }));
    let write = |path: &str| Action::tool("write", json!({"filePath": path, "content": "written\n"}));
    let says = |text: &str| vec![Action::text(text)];
    Behaviour::new(vec![
        Conversation::new("^SLOW", vec![vec![Action::text("It begins. "), Action::tokens(150, 5).at(60.0)]]),
        Conversation::new("^HANG", vec![vec![Action::text("It begins. "), Action::hang()]]),
        Conversation::new("^BASH", vec![vec![Action::text("I run it."), bash("echo done")], says("It ran.")]),
        Conversation::new("^TWICE", vec![vec![bash("echo one"), bash("echo two")], says("Both ran.")]),
        Conversation::new("^ASK", vec![vec![question], says("Thank you.")]),
        Conversation::new("^WRITE", vec![vec![write("new.txt")], says("Written.")]),
        Conversation::new("", vec![says("Echo: {{user}}")]),
    ])
}

/// A server that asks before it runs a command or writes.
fn asking() -> TestServerOptions {
    TestServerOptions { snapshot: false, ..TestServerOptions::with(model()) }
}

/// A server that asks nothing.
fn allowing() -> TestServerOptions {
    TestServerOptions { permission: json!({"bash": "allow", "edit": "allow"}), ..asking() }
}

/// Folders of a test, and the editors in them.
struct Desk {
    folder: tempfile::TempDir,
    url: Option<String>,
}

impl Desk {
    /// Beside a server.
    fn beside(server: &TestServer) -> Self {
        Self { url: Some(server.url.clone()), ..Self::alone() }
    }

    /// Without a server.
    fn alone() -> Self {
        Self { folder: tempfile::Builder::new().prefix("nexus-desk-").tempdir().unwrap(), url: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `nexus lsp`, with nothing of the machine's environment but the path, and nothing of its person's.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexus"));
        command.arg("lsp").env_clear().current_dir(self.folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, below) in [
            ("HOME", "home"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_CONFIG_HOME", "config"),
            ("NEXUS_DATA_DIR", "data"),
            ("TMPDIR", "tmp"),
        ] {
            let folder = self.path(below);
            std::fs::create_dir_all(&folder).unwrap();
            command.env(name, folder);
        }
        command.env("NEXUS_KEYRING", "none").env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
        if let Some(url) = &self.url {
            command.env("NEXUS_URL", url);
        }
        command
    }

    /// An editor with a plugin that shows chats, in a folder.
    async fn chat(&self, folder: &Path) -> LanguageClient {
        LanguageClient::start(self.command(), ClientOptions::in_folders([folder]).with_chat()).await.unwrap()
    }

    /// An editor without any plugin, in a folder.
    async fn plain(&self, folder: &Path) -> LanguageClient {
        LanguageClient::start(self.command(), ClientOptions::in_folders([folder])).await.unwrap()
    }
}

/// A turn that was begun.
struct Begun {
    session: String,
    turn: String,
    watch: Watch,
}

/// Sends a prompt, in a session or a new one; the token is the prompt and must be new.
async fn send(client: &LanguageClient, root: &Path, session: Option<&str>, prompt: &str) -> Begun {
    let token = format!("{prompt} in {}", session.unwrap_or("a new session"));
    let watch = client.watch(&token, TokenKind::Turn);
    let parts = json!([{"type": "text", "text": prompt}]);
    let params =
        json!({"sessionId": session, "root": address(root), "parts": parts, "partialResultToken": token});
    let sent = client.request("nexus/chat/send", params).await.unwrap();
    let text = |name: &str| sent[name].as_str().unwrap_or_else(|| panic!("no {name} in {sent}")).to_owned();
    assert!(!text("messageId").is_empty());
    Begun { session: text("sessionId"), turn: text("turnId"), watch }
}

/// Sends a prompt and waits for the end, which must be a good one.
async fn say(
    client: &LanguageClient,
    root: &Path,
    session: Option<&str>,
    prompt: &str,
) -> (String, ChatScreen) {
    let mut begun = send(client, root, session, prompt).await;
    let screen = begun.watch.until_end().await.unwrap();
    assert_eq!(reason(&screen), "completed", "{:?}", screen.end);
    (begun.session, screen)
}

/// Why a turn has ended.
fn reason(screen: &ChatScreen) -> &str {
    screen.end.as_ref().and_then(|end| end["reason"].as_str()).unwrap_or_default()
}

/// A client of the SDK beside the editor, for the truth.
async fn direct(server: &TestServer) -> Client {
    Client::builder(&server.url).directory(server.directory.to_string_lossy()).connect().await.unwrap()
}

/// What was told must be what the server has, once it is at rest; of the messages that were told, or of all.
async fn assert_same(direct: &Client, session: &str, screen: &ChatScreen, only_told: bool) {
    let until = tokio::time::Instant::now() + REST;
    loop {
        let answer = on_server(direct, &SessionId::from(session)).await.unwrap();
        let found = screen.differences(&expected::messages(&answer), only_told);
        if found.is_empty() {
            return;
        }
        assert!(tokio::time::Instant::now() < until, "{found:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The error that a request is answered with.
async fn refused(client: &LanguageClient, method: &str, params: Value) -> Failure {
    match client.request(method, params).await {
        Err(failure @ Failure::Answered { .. }) => failure,
        other => panic!("{method} was not refused: {other:?}"),
    }
}

/// What of a process is in memory.
fn resident_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}
