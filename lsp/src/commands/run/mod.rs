//! `nexus run`: one prompt and its answer, for scripts and CI. Nobody sits in front of it: rules answer what the agent
//! asks, and the exit code says how it ended.

mod ask;
mod done;
mod ending;
mod later;
mod prepare;
mod report;
mod rules;
mod schema;
mod show;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use opencode_nexus::Result;
use opencode_nexus::chat::{Conversation, Prompt, PromptPart};
use opencode_nexus::model::{FileDiff, Message, PartBody};
use regex::Regex;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::done::{Done, behind, texts};
use self::ending::Ending;
use self::prepare::Prepared;
use self::report::Report;
pub(crate) use self::report::fenced;
use self::rules::Rules;
use self::schema::Schema;
use self::show::Screen;
use self::watch::Watch;
use crate::connect::ServerArguments;
use crate::settings::settings;

/// How long the history may take to be complete before we go.
const KEEP_WITHIN: Duration = Duration::from_secs(5);

/// Ask once and print the answer: for scripts and CI.
#[derive(clap::Args)]
#[command(after_long_help = LONG, after_help = "`nexus run --help` shows examples and the exit codes.")]
pub(crate) struct Run {
    /// The prompt; `-` or a pipe reads standard input, which is put behind the words in a fence.
    prompt: Vec<String>,
    /// Attach a file; repeatable. Images and PDFs are sent along, texts are read by the server.
    #[arg(short, long, value_name = "PATH")]
    file: Vec<PathBuf>,
    /// Give context: what `@` names in an editor, without the `@`, like git-diff, src/lib.rs#L3-9 or what a plugin knows;
    /// repeatable. What stands in the prompt itself is never looked up.
    #[arg(long, value_name = "MENTION")]
    context: Vec<String>,
    /// Go on with a session: its id, the beginning of it, or `last`.
    #[arg(short, long, value_name = "ID", conflicts_with = "continue")]
    session: Option<String>,
    /// Go on with the latest session of the folder.
    #[arg(short, long)]
    r#continue: bool,
    /// Title of a new session; otherwise the server makes one.
    #[arg(long, conflicts_with_all = ["session", "continue"])]
    title: Option<String>,
    /// The model, as `nexus models` names it.
    #[arg(short, long, value_name = "PROVIDER/MODEL")]
    model: Option<String>,
    /// A variant of the model, for example a reasoning effort.
    #[arg(long, requires = "model")]
    variant: Option<String>,
    /// The agent, as `nexus agents` names it.
    #[arg(short, long, value_name = "NAME")]
    agent: Option<String>,
    /// Replace the agent's system prompt (OpenCode 1.x).
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    #[command(flatten)]
    rules: Rules,
    /// The answer must be JSON that follows this schema: a file, or the schema itself. Standard output holds only that.
    #[arg(long, value_name = "FILE|JSON", help_heading = "Outcome")]
    output_schema: Option<String>,
    /// How often an answer that does not follow the schema is asked for again.
    #[arg(
        long,
        value_name = "TIMES",
        default_value_t = 2,
        requires = "output_schema",
        help_heading = "Outcome"
    )]
    repair: u8,
    /// Exit code 1 when the answer matches this regular expression.
    #[arg(long, value_name = "REGEX", help_heading = "Outcome")]
    fail_on: Option<Regex>,
    /// Exit code 1 when the value at this JSON pointer is true or has something in it, like /findings.
    #[arg(long, value_name = "POINTER", requires = "output_schema", help_heading = "Outcome")]
    fail_on_field: Option<String>,
    /// Stop the agent after so many seconds, with exit code 124.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Outcome")]
    timeout: Option<u64>,
    /// Write a report in Markdown, whatever the outcome is.
    #[arg(long, value_name = "FILE", help_heading = "Outcome")]
    report: Option<PathBuf>,
    /// Keep the prompt in the outbox when the server cannot be reached, with exit code 9; `nexus history outbox send` sends
    /// it. Needs an account.
    #[arg(long, conflicts_with_all = ["output_schema", "report", "fail_on", "continue"], help_heading = "Outcome")]
    later: bool,
    /// One line of JSON for each event; the last one is the outcome.
    #[arg(long)]
    pub(crate) json: bool,
    /// Nothing on standard error but errors.
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    server: ServerArguments,
}

const LONG: &str = "\
Examples:
  nexus run \"What is in this folder?\"
  git diff | nexus run \"Review this change\" --report review.md
  nexus run \"What broke?\" --context git-diff --context src/lib.rs
  nexus run \"Fix the failing test\" --allow 'bash:cargo *' --allow edit --deny 'edit:*.lock'
  nexus run \"List the risks\" --output-schema risks.json --fail-on-field /high > risks.json
  nexus run --continue \"And now the tests\" --json | jq -r 'select(.type==\"text\").delta'

Exit codes:
  0 completed            5 recovery: the end could not be learned
  1 the answer fails     6 the turn failed, or somebody else stopped it
  2 wrong use            7 a permission was refused (--permission fail)
  3 system               8 the answer does not follow the schema
  4 security             9 kept for later (--later)
  124 timed out, 130 interrupted, 141 the reader of the output has gone

Lines of --json, by `type`: session {session, title, server, line} · text and reasoning {message, part, delta | replaced}
· tool {message, part, call, tool, status, title, input, output, error} · permission {id, action, patterns, decision}
· question {id, items, answers} · status {status} · todos {todos} · error {name, message} · reconnecting {reason}
· recovered · lagged {missed} · queued {message} · removed {message, part} · repair {mistakes}; those of a sub-agent have
`child`. The last line: outcome {ok, outcome, exit_code, session, answer, output, finish, usage, refused, files, message}.
Fields may be added; none is renamed or taken away.";

impl Run {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let json = self.json;
        match self.perform().await {
            Ok(ending) => Ok(ExitCode::from(ending.exit_code())),
            // With --json the last line is the outcome, also of what never began.
            Err(error) if json => {
                let code = error.kind().exit_code();
                let value = json!({
                    "type": "outcome", "ok": false, "outcome": "error", "exit_code": code,
                    "message": error.message(),
                    "error": {"code": error.code(), "message": error.message(), "hint": error.hint()},
                });
                crate::output::print_json(&value);
                Ok(ExitCode::from(code))
            }
            Err(error) => Err(error),
        }
    }

    async fn perform(self) -> Result<Ending> {
        let until = self.timeout.map(|seconds| (Instant::now() + Duration::from_secs(seconds), seconds));
        let schema = self.output_schema.as_deref().map(Schema::load).transpose()?;
        let mut screen = Screen::new(self.json, self.quiet, schema.is_some());
        let mut interrupted = Box::pin(crate::interrupted());
        let late = async {
            match until {
                Some((at, _)) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let prepared = tokio::select! {
            prepared = self.prepare_or_keep(schema.as_ref()) => match prepared? {
                Ok(prepared) => prepared,
                Err(ending) => return Ok(self.early(&mut screen, ending)),
            },
            () = &mut interrupted => return Ok(self.early(&mut screen, Ending::Interrupted)),
            () = late => return Ok(self.early(&mut screen, Ending::TimedOut(self.timeout.unwrap_or_default()))),
        };
        let Prepared { connected, plugins, conversation, prompt } = prepared;
        let server = connected.client.server();
        let _ = screen.line(&json!({
            "type": "session", "session": conversation.session_id(),
            "title": conversation.with_transcript(|t| t.session().map(|s| s.title.clone())),
            "server": server.version, "line": format!("{:?}", server.line).to_lowercase(),
        }));
        let mut refused = Vec::new();
        let rules = self.rules.clone().over(&settings()?.policy);
        let watch = Watch {
            conversation: &conversation,
            rules: &rules,
            screen: &mut screen,
            refused: &mut refused,
            until,
            interrupted: interrupted.as_mut(),
        };
        let turned = self.turns(watch, &prompt, schema.as_ref()).await;
        let mut done = match turned {
            Ok(done) => done,
            Err(error) => {
                // The report is for those who were not there; they want to know of this most of all.
                let done = Done { refused, ..Done::lost(&error) };
                let _ = self.write_report(&conversation, &prompt, &done, &[]);
                keep(&conversation).await;
                plugins.close().await;
                return Err(error);
            }
        };
        done.refused = refused;
        self.judge(&mut done);
        let files = self.files(&conversation, &done).await;
        self.tell(&mut screen, &conversation, &done, &files);
        let written = self.write_report(&conversation, &prompt, &done, &files);
        keep(&conversation).await;
        drop(conversation);
        tokio::join!(plugins.close(), connected.close()).1?;
        written?;
        Ok(done.ending)
    }

    /// Ended before there was a turn.
    fn early(&self, screen: &mut Screen, ending: Ending) -> Ending {
        let _ = screen.line(&json!({
            "type": "outcome", "ok": false, "outcome": ending.word(), "exit_code": ending.exit_code(),
            "message": ending.line(),
        }));
        if !self.json {
            eprintln!("{}", crate::output::clean(&ending.line().unwrap_or_default()));
        }
        ending
    }

    /// The turn, and those in which the answer is repaired.
    async fn turns(&self, mut watch: Watch<'_>, prompt: &Prompt, schema: Option<&Schema>) -> Result<Done> {
        let conversation = watch.conversation;
        let mut done = Done::new(Ending::Completed);
        let mut next = prompt.clone();
        for left in (0..=if schema.is_some() { self.repair } else { 0 }).rev() {
            let turn = conversation.prompt(next).await?;
            let id = turn.message_id().clone();
            let (ending, outcome) = watch.turn(turn).await?;
            if let Some(outcome) = outcome {
                done.usage += outcome.usage;
                done.finish = outcome.finish;
            }
            done.first.get_or_insert(id.clone());
            let answers = texts(conversation, &id);
            done.answer = answers.join("\n\n");
            done.ending = ending;
            let Some(schema) = schema.filter(|_| done.ending == Ending::Completed) else { break };
            match schema.check(answers.last().map_or("", String::as_str)) {
                Ok(value) => {
                    watch.screen.value(&value);
                    done.output = Some(value);
                    break;
                }
                Err(mistakes) => {
                    done.ending = Ending::SchemaBroken(mistakes.clone());
                    if left > 0 {
                        watch.screen.note("  the answer does not follow the schema; asking again");
                        let _ = watch.screen.line(&json!({"type": "repair", "mistakes": mistakes}));
                    }
                    next = Prompt::text(schema.complaint(&mistakes));
                    next.model.clone_from(&prompt.model);
                    next.agent.clone_from(&prompt.agent);
                }
            }
        }
        Ok(done)
    }

    /// Whether the answer says that the run fails.
    fn judge(&self, done: &mut Done) {
        if done.ending != Ending::Completed {
            return;
        }
        if let Some(found) = self.fail_on.as_ref().and_then(|regex| regex.find(&done.answer)) {
            done.ending = Ending::AnswerFails(format!("it says {:?}", found.as_str()));
        }
        if let (Some(pointer), Some(value)) = (&self.fail_on_field, &done.output)
            && schema::is_set(value, pointer)
        {
            done.ending = Ending::AnswerFails(format!("{pointer} is set"));
        }
    }

    /// What the run has changed. Servers of 1.x work it out some time after the turn and say nothing then (1.18.33, seen),
    /// so it is asked for a few times when a tool has changed something.
    async fn files(&self, conversation: &Conversation, done: &Done) -> Vec<FileDiff> {
        let Some(first) = done.first.as_ref().filter(|_| self.report.is_some() || self.json) else {
            return Vec::new();
        };
        let changed = conversation.with_transcript(|t| {
            behind(t.messages(), first).iter().flat_map(|m| &m.parts).any(|part| {
                let tool =
                    part.tool().is_some_and(|call| !matches!(&*call.tool, "read" | "glob" | "grep" | "list"));
                tool || matches!(part.body, PartBody::Patch { .. })
            })
        });
        let asking = async {
            for _ in 0..if changed { 20 } else { 0 } {
                match conversation.diff(Some(first)).await {
                    Ok(files) if files.is_empty() => tokio::time::sleep(Duration::from_millis(100)).await,
                    Ok(files) => return files,
                    Err(_) => break,
                }
            }
            Vec::new()
        };
        tokio::time::timeout(Duration::from_secs(5), asking).await.unwrap_or_default()
    }

    fn tell(&self, screen: &mut Screen, conversation: &Conversation, done: &Done, files: &[FileDiff]) {
        screen.end_line();
        if !self.json
            && let Some(line) = done.ending.line()
        {
            eprintln!("{}", crate::output::clean(&line));
        }
        let changed: Vec<Value> = (files.iter())
            .map(|f| json!({"path": f.path, "additions": f.additions, "deletions": f.deletions}))
            .collect();
        let _ = screen.line(&json!({
            "type": "outcome",
            "ok": done.ending == Ending::Completed,
            "outcome": done.ending.word(),
            "exit_code": done.ending.exit_code(),
            "session": conversation.session_id(),
            "answer": done.answer,
            "output": done.output,
            "finish": done.finish,
            "usage": done.usage,
            "refused": done.refused,
            "files": changed,
            "message": done.ending.line(),
        }));
    }

    fn write_report(
        &self,
        conversation: &Conversation,
        prompt: &Prompt,
        done: &Done,
        files: &[FileDiff],
    ) -> Result<()> {
        let Some(path) = &self.report else { return Ok(()) };
        let said: Vec<&str> = (prompt.parts.iter())
            .filter_map(|part| if let PromptPart::Text(text) = part { Some(text.as_str()) } else { None })
            .collect();
        let messages: Vec<Message> = match &done.first {
            Some(first) => conversation.with_transcript(|t| behind(t.messages(), first).to_vec()),
            None => Vec::new(),
        };
        let title = conversation.with_transcript(|t| t.session().map(|s| s.title.clone()));
        let answer = match &done.output {
            Some(value) => fenced("json", &serde_json::to_string_pretty(value).unwrap_or_default()),
            None => done.answer.clone(),
        };
        Report {
            title: title.as_deref().filter(|t| !t.is_empty()).unwrap_or("A run of the agent"),
            prompt: &said.join("\n\n"),
            messages: &messages,
            answer: &answer,
            files,
            refused: &done.refused,
            usage: &done.usage,
            ending: &done.ending,
            session: conversation.session_id().as_str(),
            server: &conversation.client().server().version,
        }
        .write(path)
    }
}

/// Waits until hooks have heard and the history has all of it. A run whose answer is there does not fail for it.
async fn keep(conversation: &Conversation) {
    if !conversation.flush_hooks(KEEP_WITHIN).await {
        eprintln!("warning: not every plugin has heard the end of the conversation");
    }
    if let Err(error) = conversation.flush_history(KEEP_WITHIN).await {
        eprintln!("warning: {}", crate::output::clean(&format!("the history is not complete: {error}")));
    }
}
