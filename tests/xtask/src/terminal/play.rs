//! One story: the window, the server beside it, and what is kept of the screen.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use opencode_nexus::dialect::SessionFilter;
use opencode_nexus::model::SessionId;
use opencode_nexus::{Client, Result as NexusResult};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use opencode_nexus_testkit::stories::on_server;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::window::{Window, framed};
use super::{compare, script};

/// What a story returns: why it went wrong.
pub type Outcome = Result<(), String>;

pub const WIDE: (u16, u16) = (100, 30);
pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";
pub const ENTER: &str = "\r";
pub const DOWN: &str = "\x1b[B";

/// Keys of the keyboard go in here, and what the person must see comes out.
pub struct Play {
    handle: tokio::runtime::Handle,
    pub server: TestServer,
    client: Client,
    nexus: PathBuf,
    folder: PathBuf,
    version: &'static str,
    home: tempfile::TempDir,
    window: Option<Window>,
    known: HashSet<SessionId>,
    story: &'static str,
    shots: String,
}

fn said(error: opencode_nexus::Error) -> String {
    format!("{error:?}")
}

impl Play {
    pub fn start(runtime: &Runtime, version: &'static str, nexus: &Path, folder: &Path) -> NexusResult<Self> {
        let handle = runtime.handle().clone();
        let second = version == opencode_nexus_testkit::server::SECOND;
        let (server, client) = handle.block_on(async {
            let options = TestServerOptions {
                version: version.to_owned(),
                behaviour: script::behaviour(second),
                lasting_home: true,
                ..TestServerOptions::default()
            };
            let server = TestServer::start(options).await?;
            let directory = server.directory.to_string_lossy().into_owned();
            let client = Client::builder(&server.url).directory(directory).connect().await?;
            Ok::<_, opencode_nexus::Error>((server, client))
        })?;
        let home = tempfile::Builder::new().prefix("nexus-terminal-").tempdir()?;
        Ok(Self {
            handle,
            server,
            client,
            nexus: nexus.to_owned(),
            folder: folder.to_owned(),
            version,
            home,
            window: None,
            known: HashSet::new(),
            story: "",
            shots: String::new(),
        })
    }

    pub fn stop(self) -> NexusResult<()> {
        self.handle.block_on(self.server.server.stop())
    }

    pub fn begin(&mut self, story: &'static str) {
        (self.story, self.shots, self.window) = (story, String::new(), None);
        self.known = self.sessions().unwrap_or_default().into_iter().collect();
    }

    /// Ends the program as a person does, and keeps the screens.
    pub fn end(&mut self) -> Outcome {
        self.close()?;
        self.keep()
    }

    /// What can be seen of a story that went wrong.
    pub fn failed(&mut self) {
        if self.window.is_some() {
            self.shot("where it went wrong");
        }
        let _ = self.keep();
        self.window = None;
    }

    fn keep(&self) -> Outcome {
        let path = self.folder.join(format!("{}-{}.txt", self.version, self.story.replace(' ', "-")));
        std::fs::write(&path, &self.shots).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Opens the window with `nexus chat` in it.
    pub fn open(&mut self, size: (u16, u16), arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
        let home = self.home.path().display().to_string();
        let mut all: Vec<(String, String)> = [
            ("HOME", home.as_str()),
            ("TERM", "xterm-256color"),
            ("LANG", "C.UTF-8"),
            ("PATH", "/usr/bin:/bin"),
            ("NEXUS_URL", &self.server.url),
        ]
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
        for (name, value) in environment {
            all.retain(|(known, _)| known != name);
            all.push(((*name).to_owned(), (*value).to_owned()));
        }
        let arguments: Vec<String> =
            std::iter::once("chat").chain(arguments.iter().copied()).map(str::to_owned).collect();
        let window = Window::open(&self.nexus, &arguments, &all, &self.server.directory, size)?;
        self.window = Some(window);
        self.window().wait_for("idle")
    }

    pub fn window(&mut self) -> &mut Window {
        // Every story opens its window first; without one nothing that follows makes sense.
        self.window.as_mut().unwrap_or_else(|| panic!("the story has opened no window"))
    }

    /// Ctrl-D at an empty input: the program ends well, and the terminal is as it was.
    pub fn close(&mut self) -> Outcome {
        self.window().press(CTRL_D)?;
        let code = self.window().ended()?;
        if code != 0 {
            return Err(format!("the program ended with {code}\n{}", framed(&self.window().rows())));
        }
        if !self.window().is_given_back() {
            return Err("the terminal was not given back as it was".to_owned());
        }
        Ok(())
    }

    /// Types something and sends it.
    pub fn say(&mut self, text: &str) -> Outcome {
        self.window().press(text)?;
        let begin: String = text.chars().take(12).collect();
        self.window().wait("what was typed", |rows| rows.iter().any(|row| row.contains(&begin)))?;
        self.window().press(ENTER)
    }

    /// Chooses the entry with a number in what is asked, once it is there.
    pub fn answer(&mut self, number: usize) -> Outcome {
        self.window().wait_for("then Enter")?;
        self.window().press(&number.to_string())?;
        let marked = format!("❯ {number} ");
        self.window().wait_for(&marked)?;
        self.window().press(ENTER)
    }

    /// Waits until the turn is over and this is on the screen.
    pub fn done(&mut self, text: &str) -> Outcome {
        self.window().wait(&format!("idle, with `{text}`"), |rows| {
            rows.last().is_some_and(|row| row.contains("idle")) && rows.iter().any(|row| row.contains(text))
        })
    }

    /// Keeps the screen for people.
    pub fn shot(&mut self, label: &str) {
        let rows = self.window().rows();
        let width = usize::from(self.window().size.0);
        let line = "─".repeat(width);
        let lines: Vec<String> = rows.iter().map(|row| format!("│{row:width$}│")).collect();
        self.shots.push_str(&format!("{label}\n┌{line}┐\n{}\n└{line}┘\n\n", lines.join("\n")));
    }

    /// Scrolls through the conversation: what stands there is what the server has.
    pub fn check(&mut self) -> Outcome {
        self.check_beside(&[])
    }

    /// The same beside notes of the client's own, which stand there as well.
    pub fn check_beside(&mut self, own: &[&str]) -> Outcome {
        let session = self.session()?;
        let server = self.messages(&session)?;
        compare::equal(self.window(), &server, own)
    }

    /// The session that this story has made.
    pub fn session(&self) -> Result<SessionId, String> {
        let new = self.sessions()?.into_iter().find(|session| !self.known.contains(session));
        new.ok_or_else(|| "the server has no session of this story".to_owned())
    }

    /// The messages as the server gives them now.
    pub fn messages(&self, session: &SessionId) -> Result<Value, String> {
        self.handle.block_on(on_server(&self.client, session)).map_err(said)
    }

    fn sessions(&self) -> Result<Vec<SessionId>, String> {
        let filter = SessionFilter { roots_only: true, ..SessionFilter::default() };
        let sessions = self.handle.block_on(self.client.sessions(&filter)).map_err(said)?;
        Ok(sessions.into_iter().map(|session| session.id).collect())
    }

    /// Kills the server as the system does, and starts it again at the same address.
    pub fn kill_and_restart(&mut self) -> Outcome {
        self.handle.block_on(self.server.kill_and_restart()).map_err(said)
    }
}
