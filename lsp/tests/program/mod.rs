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
    stdin.write_all(input.as_bytes()).await.unwrap();
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
