//! The same faults for a program in another language: it follows the conversation by what its package offers to everyone, and
//! says what a person saw. One JSON document a line, both ways:
//!
//! - to it: `{"url", "directory", "session", "prompt", "permission", "questions", "stop_at"}` plays a story; it answers
//!   `{"outcome", "texts", "events", "replaced", "messages"}`, or `{"error": "…"}`;
//! - `{"again": true}`: the messages as they stand by now, `{"messages"}`;
//! - `{"done": true}`: nobody looks any more; it closes what it has opened and answers `{}`.
//!
//! `messages` are those of `conversation.messages_json`, whose names are the same in every language.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::Duration;

use opencode_nexus::chat::OutcomeKind;
use opencode_nexus::model::{Message, PermissionReply};
use opencode_nexus::{Client, Error, ErrorKind};
use opencode_nexus_testkit::fault_proxy::{FaultPlan, FaultProxy};
use opencode_nexus_testkit::server::TestServer;
use opencode_nexus_testkit::stories::{Screen, compare_messages, on_server};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::Instant;

use super::{Job, Totals};

/// A turn may take so long, faults included, and some more for the program itself.
const BOUND: Duration = Duration::from_secs(70);

/// So long may both sides take to come to rest after the end of a turn.
const REST: Duration = Duration::from_secs(5);

/// Who follows the conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Through {
    Rust,
    Python,
    Node,
}

/// A program that follows conversations, ready to be started.
#[derive(Clone)]
pub struct PlayerProgram {
    program: PathBuf,
    arguments: Vec<PathBuf>,
    environment: Vec<(String, PathBuf)>,
}

impl PlayerProgram {
    /// Builds the package of the language; `None` for Rust.
    pub fn prepare(root: &Path, through: Through) -> Result<Option<Self>, String> {
        match through {
            Through::Rust => Ok(None),
            Through::Python => {
                let (program, environment) = crate::python::staged(root)?;
                Ok(Some(Self { program, arguments: vec![root.join("python/tests/player.py")], environment }))
            }
            Through::Node => {
                crate::node::built(root)?;
                let arguments = vec![root.join("node/test/player.mjs")];
                Ok(Some(Self { program: "node".into(), arguments, environment: Vec::new() }))
            }
        }
    }

    pub fn start(&self) -> Result<Player, Error> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(stdin), Some(stdout)) => {
                Ok(Player { _child: child, stdin, lines: BufReader::new(stdout).lines() })
            }
            _ => Err(Error::new(ErrorKind::Io, "the program has no pipes")),
        }
    }
}

/// A program that runs. Dropping it ends it.
pub struct Player {
    _child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

/// What a person saw.
#[derive(Deserialize)]
struct Seen {
    outcome: String,
    texts: BTreeMap<String, String>,
    events: usize,
    replaced: usize,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Again {
    messages: Vec<Message>,
}

impl Player {
    async fn ask<T: DeserializeOwned>(&mut self, question: &Value) -> Result<T, Error> {
        let asked = async {
            self.stdin.write_all(format!("{question}\n").as_bytes()).await?;
            self.stdin.flush().await?;
            self.lines.next_line().await
        };
        let line = tokio::time::timeout(BOUND, asked)
            .await
            .map_err(|_| Error::new(ErrorKind::TurnLost, "the program does not answer"))??
            .ok_or_else(|| Error::new(ErrorKind::Io, "the program has ended"))?;
        let read: Value = serde_json::from_str(&line)
            .map_err(|error| Error::new(ErrorKind::Protocol, format!("it says {line}: {error}")))?;
        if let Some(why) = read["error"].as_str() {
            return Err(Error::new(ErrorKind::TurnLost, why));
        }
        serde_json::from_value(read)
            .map_err(|error| Error::new(ErrorKind::Protocol, format!("it says {line}: {error}")))
    }
}

/// Plays one conversation through a proxy of its own and compares; says how it ended.
pub async fn one(
    server: &TestServer,
    job: &Job,
    plan: FaultPlan,
    totals: &Totals,
    player: &mut Player,
) -> Result<OutcomeKind, Error> {
    let proxy = FaultProxy::start(server.server.url(), plan).await?;
    let directory = server.directory.to_string_lossy();
    let direct = Client::builder(&server.url).directory(&*directory).connect().await?;
    // Past the faults: making a session is not safe to repeat, and so not what is tested.
    let session = direct.create(None).await?.session_id().clone();
    let story = &job.story;
    let permission = match &story.answering.permission {
        PermissionReply::Once => json!("once"),
        PermissionReply::Always => json!("always"),
        PermissionReply::Reject { message: Some(message) } => json!({ "reject": message }),
        PermissionReply::Reject { message: None } => json!("reject"),
    };
    let question = json!({
        "url": server.url_through(&proxy.url()), "directory": directory, "session": session,
        "prompt": story.prompt(job.number), "permission": permission, "questions": story.answering.questions,
        "stop_at": story.stop_at,
    });
    let seen = player.ask::<Seen>(&question).await;
    totals.faults.fetch_add(usize::try_from(proxy.injected_total()).unwrap_or(0), Ordering::Relaxed);
    let mut seen = seen?;
    let screen = Screen { texts: seen.texts.clone(), events: seen.events, replaced: seen.replaced };
    let (until, mut late) = (Instant::now() + REST, false);
    let difference = loop {
        let theirs = on_server(&direct, &session).await?;
        let difference = compare_messages(&seen.messages, &screen, &theirs);
        if difference.is_none() || Instant::now() >= until {
            break difference;
        }
        late = true;
        tokio::time::sleep(Duration::from_millis(50)).await;
        seen.messages = player.ask::<Again>(&json!({ "again": true })).await?.messages;
    };
    totals.count(job, &difference, late, screen.replaced);
    player.ask::<Value>(&json!({ "done": true })).await?;
    match seen.outcome.as_str() {
        "completed" => Ok(OutcomeKind::Completed),
        "aborted" => Ok(OutcomeKind::Aborted),
        "failed" => Ok(OutcomeKind::Failed),
        other => Err(Error::new(ErrorKind::Protocol, format!("a turn cannot end as {other}"))),
    }
}
