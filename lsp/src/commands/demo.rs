//! `nexus demo`: a whole conversation with a real OpenCode server and a scripted model, so that it needs no key and
//! no account. It finds or installs the server, and stops everything it has started. What was said is kept in a history of
//! its own, locked, opened again and searched, and goes with the demo.

mod kept;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opencode_nexus::chat::{ChatEvent, Conversation, OutcomeKind, TextKind, Turn, TurnOutcome, digest};
use opencode_nexus::model::{PartBody, Permission, PermissionReply, Question, Role};
use opencode_nexus::server::{FindOptions, InstallOptions, PINNED, ensure};
use opencode_nexus::{Client, Error, ErrorKind, Result};
use opencode_nexus_testkit::expected;
use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation as Script};
use opencode_nexus_testkit::server::{SECOND, TestServer, TestServerOptions, package};
use opencode_nexus_testkit::stories::on_server;
use serde_json::json;

use self::kept::Keeper;
use crate::output;
use opencode_nexus::nexus::LOCAL;

/// A whole conversation with a real server; no key, no account.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus demo\n  nexus demo --line 2\n  nexus demo --json\n  nexus demo --server ~/bin/opencode"
)]
pub(crate) struct Demo {
    /// The OpenCode binary to use; otherwise NEXUS_OPENCODE_BIN, or the pinned version, installed with npm if needed.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Which line of OpenCode: 1, or 2 (whose server is a build of third parties, run without your environment).
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u8).range(1..=2))]
    line: u8,
    /// End with one line of JSON instead of showing the conversation.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Nothing in the demo takes long; more than this is a failure.
const BOUND: Duration = Duration::from_secs(120);

/// What was seen.
#[derive(Default)]
struct Seen {
    events: u64,
    permissions: u64,
    questions: u64,
}

impl Demo {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let binary = self.binary().await?;
        let started = Instant::now();
        let story = async {
            let options = TestServerOptions {
                version: self.version().to_owned(),
                binary: Some(binary),
                behaviour: script(self.line),
                ..TestServerOptions::default()
            };
            let server = TestServer::start(options).await?;
            let result = self.story(&server, started).await;
            server.server.stop().await?;
            result
        };
        tokio::time::timeout(BOUND, story).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, format!("the demo was not done within {} s", BOUND.as_secs()))
                .with_hint("run it with -v to see where it waits"))
        })
    }

    async fn binary(&self) -> Result<PathBuf> {
        let (json, version) = (self.json, self.version());
        let install = InstallOptions {
            package: package(version),
            progress: Arc::new(move |progress| {
                if !json {
                    eprintln!("  {:?} {}…", progress.step, progress.package);
                }
            }),
            ..InstallOptions::default()
        };
        let find = FindOptions {
            explicit: self.server.clone(),
            // The variable names a server of line 1.
            environment: self.line == 1,
            version: version.to_owned(),
            ..FindOptions::default()
        };
        self.say(&format!("Looking for OpenCode (else {version} is installed with npm)"));
        let found = ensure(&find, install).await?;
        self.say(&format!("Found {}", found.path.display()));
        Ok(found.path)
    }

    fn version(&self) -> &'static str {
        if self.line == 2 { SECOND } else { PINNED }
    }

    async fn story(&self, server: &TestServer, started: Instant) -> Result<ExitCode> {
        let keeper = Keeper::new().await?;
        let builder = Client::builder(&server.url).directory(server.directory.to_string_lossy());
        let client = builder.server_name(LOCAL).history(keeper.history()).connect().await?;
        self.say(&format!("OpenCode {} answers at {}\n", client.server().version, client.address()));
        let conversation = client.create(None).await?;
        let mut seen = Seen::default();
        self.heading("A prompt with thoughts, a list, a tool that asks, and a question");
        let turn = conversation.prompt("DEMO show me what you can do").await?;
        let first = self.watch(&conversation, turn, &mut seen, None).await?;
        self.heading("A prompt that is stopped in the middle");
        let turn = conversation.prompt("DEMO stop").await?;
        let second = self.watch(&conversation, turn, &mut seen, Some("stop")).await?;

        let on_server = on_server(&client, conversation.session_id()).await?;
        let ours = conversation.with_transcript(|t| digest::messages(t.messages()));
        let equal = ours == expected::messages(&on_server);
        let outcomes = first.kind == OutcomeKind::Completed && second.kind == OutcomeKind::Aborted;
        self.heading("What was said is kept, encrypted; locked, opened again, and found");
        let kept = keeper.look(&conversation).await?;
        self.say(&format!(
            "{} files, {} bytes; in clear text: {} of {} pieces; \"{}\" {}",
            kept.files,
            kept.bytes,
            kept.plaintext_hits,
            kept.pieces,
            kept::WORDS,
            if kept.found { "found" } else { "NOT FOUND" }
        ));
        let ok = equal
            && outcomes
            && (seen.permissions, seen.questions) == (1, 1)
            && kept.found
            && kept.plaintext_hits == 0;
        let usage = first.usage;
        self.heading("The end");
        self.say(&format!(
            "cost ${:.6}, {} tokens in, {} out; the transcript equals the server's: {}",
            usage.cost,
            usage.tokens.input,
            usage.tokens.output,
            if equal { "yes" } else { "NO" }
        ));
        if self.json {
            output::print_json(&json!({
                "ok": ok,
                "server_version": client.server().version,
                "events": seen.events,
                "permissions": seen.permissions,
                "questions": seen.questions,
                "transcript_equals_server": equal,
                "history_found": kept.found,
                "plaintext_hits": kept.plaintext_hits,
                "elapsed_ms": u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            }));
        }
        Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    /// Shows a turn, answers what it asks, and stops it when its text ends with `stop_at`.
    async fn watch(
        &self,
        conversation: &Conversation,
        mut turn: Turn,
        seen: &mut Seen,
        stop_at: Option<&str>,
    ) -> Result<TurnOutcome> {
        let mut text = String::new();
        let mut kind = None;
        while let Some(event) = turn.next().await {
            seen.events += 1;
            match event? {
                ChatEvent::Text { message_id, kind: now, delta, .. } => {
                    let own = conversation.with_transcript(|t| {
                        t.messages().iter().any(|m| m.id == message_id && m.role == Role::User)
                    });
                    if own {
                        self.say(&format!("you> {delta}"));
                        continue;
                    }
                    if kind.replace(now) != Some(now) {
                        self.stream(if now == TextKind::Reasoning { "\n  (thinks) " } else { "\n  " });
                    }
                    self.stream(&delta);
                    text.push_str(&delta);
                    if stop_at.is_some_and(|word| text.ends_with(word)) {
                        self.say("\n  (we ask it to stop)");
                        turn.abort().await?;
                    }
                }
                ChatEvent::Part(part) => {
                    if let PartBody::Tool(call) = &part.body {
                        kind = None;
                        self.say(&format!(
                            "\n  [{} {}] {}",
                            call.tool,
                            call.status.word(),
                            call.title.as_deref().unwrap_or_default()
                        ));
                    }
                }
                ChatEvent::Todos { todos } => {
                    todos.iter().for_each(|t| self.say(&format!("    - {} ({})", t.content, t.status)));
                }
                ChatEvent::PermissionAsked(ask) => {
                    seen.permissions += 1;
                    self.allow(conversation, &ask).await?;
                }
                ChatEvent::QuestionAsked(ask) => {
                    seen.questions += 1;
                    self.answer(conversation, &ask).await?;
                }
                ChatEvent::Error(error) => self.say(&format!("  ! {}", error.message)),
                ChatEvent::TurnEnded { outcome, .. } => {
                    self.say(&format!(
                        "\n  => {:?} {}",
                        outcome.kind,
                        outcome.finish.as_deref().unwrap_or_default()
                    ));
                    return Ok(outcome);
                }
                _ => {}
            }
        }
        Err(Error::new(ErrorKind::TurnLost, "the turn has no end"))
    }

    async fn allow(&self, conversation: &Conversation, ask: &Permission) -> Result<()> {
        self.say(&format!("\n  ? may it use {}: {}   -> once", ask.action, ask.patterns.join(", ")));
        conversation.reply_permission(&ask.id, PermissionReply::Once).await.map(drop)
    }

    async fn answer(&self, conversation: &Conversation, ask: &Question) -> Result<()> {
        let answers: Vec<Vec<String>> = ask
            .items
            .iter()
            .map(|i| i.options.first().map(|o| o.label.clone()).into_iter().collect())
            .collect();
        for (item, answer) in ask.items.iter().zip(&answers) {
            self.say(&format!("\n  ? {}   -> {}", item.question, answer.join(", ")));
        }
        conversation.answer_question(&ask.id, answers).await.map(drop)
    }

    fn heading(&self, text: &str) {
        self.say(&format!("\n── {text}"));
    }

    fn say(&self, text: &str) {
        if !self.json {
            output::print_line(text);
        }
    }

    fn stream(&self, text: &str) {
        if !self.json {
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        }
    }
}

/// The lines call their tools differently, and the second has no list of things to do.
fn script(line: u8) -> Behaviour {
    let todo = json!({"todos": [
        {"content": "look around", "status": "completed", "priority": "high", "id": "1"},
        {"content": "ask the person", "status": "in_progress", "priority": "low", "id": "2"},
    ]});
    let question = json!({"questions": [{"question": "Which colour do you like?", "header": "Colour", "options": [
        {"label": "Blue", "description": "cold"}, {"label": "Red", "description": "warm"}]}]});
    let bash = json!({"command": "cat hello.txt", "description": "Read a file"});
    let pace = 120.0;
    let mut first = vec![
        Action::reasoning("The person wants to see everything.").at(pace),
        Action::text("I will plan, read a file and ask you something.").at(pace),
    ];
    let shell = if line == 2 {
        "shell"
    } else {
        first.push(Action::tool("todowrite", todo));
        "bash"
    };
    let mut second = vec![Action::tool(shell, bash)];
    if line == 2 {
        // Without a list there is nothing between the first words and the tool.
        first.append(&mut second);
    }
    Behaviour::new(vec![
        Script::new(
            "^DEMO show",
            [
                first,
                second,
                vec![Action::tool("question", question)],
                vec![Action::text("Thank you. That was text, thought, a tool and a question.").at(pace)],
            ]
            .into_iter()
            .filter(|turn| !turn.is_empty())
            .collect(),
        ),
        Script::new(
            "^DEMO stop",
            vec![vec![Action::text("This goes on until somebody says stop"), Action::hang()]],
        ),
    ])
}
