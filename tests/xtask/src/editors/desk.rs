//! What one editor is played on: a real server with a scripted model, a workspace with two roots, a home, and a place for
//! screenshots.

use std::path::{Path, PathBuf};
use std::process::Command;

use opencode_nexus::Client;
use opencode_nexus::dialect::SessionFilter;
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use opencode_nexus_testkit::stories::on_server;
use serde_json::{Value, json};

use super::script;

/// The files of the first root, beside `hello.txt`. The model changes `poem.md`, and puts `broken.json` right.
const FIRST: &[(&str, &str)] = &[
    ("poem.md", script::POEM),
    ("broken.json", script::BROKEN),
    ("src/sum.js", "export function sum(a, b) {\n    return a + b;\n}\n"),
];
/// The files of the second root.
const SECOND: &[(&str, &str)] = &[("second.txt", "the second root\n")];

/// One editor's place.
pub struct Desk {
    server: TestServer,
    /// The repository.
    pub root: PathBuf,
    /// What the editor starts.
    pub nexus: PathBuf,
    /// The roots of the workspace, each a git repository.
    pub roots: [PathBuf; 2],
    /// The home of the editor; empty.
    pub home: tempfile::TempDir,
    /// Where screenshots go; there, and empty.
    pub shots: PathBuf,
    /// Only stories whose name holds this.
    pub only: Option<String>,
    /// Whether `git-context` is installed in the home; then its stories are played, and no others.
    pub has_plugin: bool,
}

impl Desk {
    /// Starts the server and makes the roots.
    pub async fn set(root: &Path, editor: &str, nexus: &Path, only: Option<&str>) -> Result<Self, String> {
        let options = TestServerOptions {
            // What a story asks about is a shell command; edits go through, to be reviewed afterwards.
            permission: json!({"bash": "ask", "edit": "allow"}),
            ..TestServerOptions::with(script::behaviour())
        };
        let server = TestServer::start(options).await.map_err(|error| format!("{error:?}"))?;
        let first = server.directory.clone();
        let second = first.with_file_name("second");
        std::fs::create_dir(&second).map_err(text)?;
        fill(&first, FIRST)?;
        fill(&second, SECOND)?;
        let shots = root.join("target/editors").join(editor);
        if shots.exists() {
            std::fs::remove_dir_all(&shots).map_err(text)?;
        }
        std::fs::create_dir_all(&shots).map_err(text)?;
        let home = tempfile::Builder::new().prefix("nexus-editor-").tempdir().map_err(text)?;
        // Under its own name, wherever and however it is called.
        std::fs::create_dir(home.path().join("bin")).map_err(text)?;
        std::os::unix::fs::symlink(nexus, home.path().join("bin/nexus")).map_err(text)?;
        Ok(Self {
            server,
            root: root.to_owned(),
            nexus: nexus.to_owned(),
            roots: [first, second],
            home,
            shots,
            only: only.map(str::to_owned),
            has_plugin: false,
        })
    }

    /// The address of the server.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// All messages of all sessions of the first root, as the server has them.
    pub async fn messages(&self) -> Result<Vec<Value>, String> {
        let client = Client::builder(&self.server.url).directory(self.roots[0].to_string_lossy()).connect();
        let client = client.await.map_err(|error| format!("{error:?}"))?;
        let sessions =
            client.sessions(&SessionFilter::default()).await.map_err(|error| format!("{error:?}"))?;
        let mut all = Vec::new();
        for session in sessions {
            let messages = on_server(&client, &session.id).await.map_err(|error| format!("{error:?}"))?;
            all.extend(messages.as_array().cloned().unwrap_or_default());
        }
        Ok(all)
    }

    /// What a driver is told in `NEXUS_DESK`: JSON with `url`, `nexus`, `roots`, `home`, `shots`, `only`, `plugin`.
    pub fn described(&self) -> String {
        json!({
            "url": self.server.url, "nexus": self.nexus, "roots": self.roots, "home": self.home.path(),
            "shots": self.shots, "only": self.only, "plugin": self.has_plugin,
        })
        .to_string()
    }

    /// A driver's process, with nothing of the person who runs the tests in its environment. `path` comes first on its
    /// `PATH`; `nexus` is on it as well.
    pub fn command(&self, program: &Path, path: &[&Path]) -> Command {
        let mut command = Command::new(program);
        let bin = self.home.path().join("bin");
        let search: Vec<String> = path
            .iter()
            .chain([&bin.as_path(), &Path::new("/usr/local/bin"), &Path::new("/usr/bin"), &Path::new("/bin")])
            .map(|folder| folder.display().to_string())
            .collect();
        command
            .env_clear()
            .env("PATH", search.join(":"))
            .env("HOME", self.home.path())
            .env("LANG", "C.UTF-8")
            .env("NEXUS_URL", &self.server.url)
            .env("NEXUS_DESK", self.described());
        command
    }

    /// Ends the server. What the driver has left running was ended before.
    pub async fn clear(self) -> Result<(), String> {
        self.server.server.stop().await.map_err(|error| format!("{error:?}"))
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Writes files and commits them.
fn fill(folder: &Path, files: &[(&str, &str)]) -> Result<(), String> {
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(text)?;
        std::fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    git(folder, &["init", "--quiet"])?;
    git(folder, &["add", "--all"])?;
    let identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"];
    git(folder, &[&identity[..], &["commit", "--quiet", "--message", "Files for editors"]].concat())
}

fn git(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        // The settings of the person who runs the tests must not count.
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .map_err(|error| format!("cannot run git: {error}; install it with: apt-get install git"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
}
