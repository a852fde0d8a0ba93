//! The executable as people run it: arguments, standard input, and what comes out.
#![allow(dead_code)] // each test file uses its part

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use opencode_nexus_testkit::server::TestServer;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// Whatever is waited for comes within this, or the test fails.
pub const BOUND: Duration = Duration::from_secs(90);

/// What a run has printed, and its exit code.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Every line of JSON on standard output.
    pub fn lines(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    /// The lines of a type.
    pub fn of(&self, kind: &str) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["type"] == kind).collect()
    }

    /// The last line.
    pub fn last(&self) -> Value {
        self.lines().pop().unwrap_or_else(|| panic!("nothing was printed: {self:?}"))
    }

    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }
}

/// `nexus`, without what the machine's own environment would change.
pub fn nexus(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexus"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
        .env_remove("RUST_LOG")
        .env_remove("NEXUS_URL")
        .env_remove("NEXUS_OPENCODE_BIN")
        .env_remove("NEXUS_ACCOUNT")
        .env_remove("NEXUS_PASSPHRASE_FD")
        .env_remove("NEXUS_HISTORY")
        // Neither the accounts nor the keyring of who runs the tests: no folder, no bus, and the setting that uses none.
        .env("NEXUS_DATA_DIR", "/nonexistent/nexus-tests")
        .env("NEXUS_KEYRING", "none")
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
        .env("NO_COLOR", "1");
    command.kill_on_drop(true);
    command
}

/// `nexus` beside a server, in its project.
pub fn beside(server: &TestServer, arguments: &[&str]) -> Command {
    let mut command = nexus(arguments);
    command.env("NEXUS_URL", &server.url).current_dir(&server.directory);
    command
}

/// Runs it to its end with this on standard input.
pub async fn feed(mut command: Command, input: &str) -> Ran {
    command.stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that needs none of it may have ended.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    finish(child).await
}

/// Runs it to its end.
pub async fn run(mut command: Command) -> Ran {
    finish(command.spawn().unwrap()).await
}

/// Waits for its end.
pub async fn finish(child: Child) -> Ran {
    let output =
        tokio::time::timeout(BOUND, child.wait_with_output()).await.expect("it ends in time").unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Sends a signal to a process that we have started.
pub async fn signal(child: &Child, name: &str) {
    let pid = child.id().expect("it runs").to_string();
    assert!(Command::new("kill").args(["-s", name, &pid]).status().await.unwrap().success());
}

/// Whether a file exists, for asserting on reports.
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A home of its own, with accounts of its own, no keyring and no bus.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// `nexus` in this home.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = nexus(arguments);
        self.put_on(&mut command);
        command.current_dir(self.folder.path());
        command
    }

    /// `nexus` in this home, beside a server and in its project.
    pub fn beside(&self, server: &TestServer, arguments: &[&str]) -> Command {
        let mut command = beside(server, arguments);
        self.put_on(&mut command);
        command
    }

    fn put_on(&self, command: &mut Command) {
        command.env("HOME", self.folder.path()).env("NEXUS_DATA_DIR", self.path("data"));
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
            command.env_remove(name);
        }
    }

    pub async fn run(&self, arguments: &[&str]) -> Ran {
        run(self.command(arguments)).await
    }

    /// With secrets on standard input, a line each, the first of them the passphrase.
    pub async fn with_secrets(&self, arguments: &[&str], secrets: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.env("NEXUS_PASSPHRASE_FD", "0");
        feed(command, &lines(secrets)).await
    }

    /// An account whose passphrase is cheap to check.
    pub async fn create(&self, name: &str, passphrase: &str) -> Ran {
        let create = ["account", "create", name, "--json", "--kdf-memory", "19", "--kdf-passes", "2"];
        self.with_secrets(&create, &[passphrase]).await.ended(0)
    }
}

/// Secrets, a line each.
pub fn lines(secrets: &[&str]) -> String {
    secrets.iter().map(|secret| format!("{secret}\n")).collect()
}
