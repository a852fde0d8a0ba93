//! Many turns through one language server, stopped at random moments, and what went wrong with them: tails that were lost,
//! turns without an end, words out of order. The same seed makes the same choices.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use opencode_nexus::Client;
use opencode_nexus::model::SessionId;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use super::{ChatScreen, Failure, LanguageClient, TokenKind, address};
use crate::scripted::{Action, Behaviour, Conversation};
use crate::stories::on_server;

/// Turns in one session: so many that a session has a past, so few that reading it stays cheap.
const IN_SESSION: usize = 10;
/// So long may the server take to store what it has said.
const REST: Duration = Duration::from_secs(10);
/// A turn that says nothing for this long is one that does not end.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many, and how.
#[derive(Clone, Copy, Debug)]
pub struct ManyTurns {
    /// Turns in all.
    pub turns: usize,
    /// How many run at once.
    pub at_once: usize,
    /// Of the choices.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TurnsReport {
    /// Turns that were begun.
    pub turns: usize,
    /// How many of them one asked to stop.
    pub cancelled: usize,
    /// How many ended as stopped.
    pub aborted: usize,
    /// Messages that were not told as the server has them: a lost tail, or a text that is told twice.
    pub lost_tails: usize,
    /// Turns without an end, or with one that nobody asked for.
    pub not_ended: usize,
    /// Values that came in the wrong order, or after the end.
    pub out_of_order: usize,
    /// Deltas that were told.
    pub deltas: usize,
    /// What went wrong, in words.
    pub why: Vec<String>,
}

impl fmt::Display for TurnsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} turns, {} cancelled ({} ended as stopped), {} deltas: {} lost tails, {} turns not ended, {} out-of-order deltas",
            self.turns,
            self.cancelled,
            self.aborted,
            self.deltas,
            self.lost_tails,
            self.not_ended,
            self.out_of_order
        )
    }
}

impl TurnsReport {
    /// Whether nothing went wrong.
    pub fn is_clean(&self) -> bool {
        self.lost_tails == 0 && self.not_ended == 0 && self.out_of_order == 0 && self.why.is_empty()
    }

    fn add(&mut self, other: Self) {
        self.turns += other.turns;
        self.cancelled += other.cancelled;
        self.aborted += other.aborted;
        self.lost_tails += other.lost_tails;
        self.not_ended += other.not_ended;
        self.out_of_order += other.out_of_order;
        self.deltas += other.deltas;
        self.why.extend(other.why);
    }
}

/// The kinds of answers.
const KINDS: [&str; 4] = ["short", "paced", "thinking", "endless"];

/// The model of these turns.
pub fn behaviour() -> Behaviour {
    let thinking =
        Action { reasoning_tokens: Some(30), seed: Some(3), tps: Some(600.0), ..Action::default() };
    let turns = [
        vec![Action::text("Two and two is 4, naïvely; 😀 agrees.")],
        vec![Action::text("It begins. "), Action::tokens(60, 5).at(400.0)],
        vec![thinking, Action::tokens(20, 9).at(400.0)],
        vec![Action::text("It begins. "), Action::tokens(200, 6).at(800.0), Action::hang()],
    ];
    let conversations = KINDS.iter().zip(turns);
    Behaviour::new(
        conversations.map(|(kind, turn)| Conversation::new(&format!("^TURN {kind} "), vec![turn])).collect(),
    )
}

/// When a turn is stopped.
#[derive(Clone, Copy, Debug)]
enum Stop {
    Never,
    /// As soon as the server has the prompt, and so long after that.
    After(Duration),
    /// When so many deltas came.
    AtDelta(usize),
}

impl ManyTurns {
    /// Runs them, each session in a new one of the server that `direct` leads to, and compares every session with that
    /// server at its end.
    ///
    /// # Errors
    /// When the language server cannot be spoken to any more, or the server not be asked.
    pub async fn run(
        self,
        client: &LanguageClient,
        direct: &Client,
        root: &Path,
    ) -> Result<TurnsReport, Failure> {
        let before = client.faults().len();
        let root = address(root);
        let sessions = self.turns.div_ceil(IN_SESSION);
        let mut report = TurnsReport::default();
        let next = std::sync::atomic::AtomicUsize::new(0);
        let worker = || async {
            let mut report = TurnsReport::default();
            loop {
                let session = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if session >= sessions {
                    return Ok::<_, Failure>(report);
                }
                let turns = IN_SESSION.min(self.turns - session * IN_SESSION);
                report.add(self.session(client, direct, &root, session, turns).await?);
            }
        };
        let workers = (0..self.at_once.max(1)).map(|_| worker());
        for done in futures_util::future::join_all(workers).await {
            report.add(done?);
        }
        let faults = client.faults().split_off(before);
        report.out_of_order += faults.iter().filter(|fault| fault.starts_with("on token")).count();
        report.why.extend(faults);
        Ok(report)
    }

    async fn session(
        self,
        client: &LanguageClient,
        direct: &Client,
        root: &str,
        session: usize,
        turns: usize,
    ) -> Result<TurnsReport, Failure> {
        let mut random = StdRng::seed_from_u64(self.seed.wrapping_add(session as u64));
        let mut report = TurnsReport::default();
        let mut screen = ChatScreen::default();
        let mut id = Value::Null;
        for turn in 0..turns {
            let kind = KINDS[random.random_range(0..KINDS.len())];
            let stop = match random.random_range(0..4) {
                0 if kind != "endless" => Stop::Never,
                0 | 1 => Stop::After(Duration::from_millis(random.random_range(0..60))),
                _ => Stop::AtDelta(random.random_range(1..6)),
            };
            let told =
                one(client, root, &mut id, &format!("TURN {kind} {session}-{turn}"), stop, &mut screen)
                    .await?;
            report.turns += 1;
            report.cancelled += usize::from(told.cancelled);
            report.aborted += usize::from(told.reason == "aborted");
            let ended = match told.reason.as_str() {
                "completed" => kind != "endless",
                "aborted" => told.cancelled,
                _ => false,
            };
            if !ended {
                report.not_ended += 1;
                report
                    .why
                    .push(format!("turn {kind} {session}-{turn}, {stop:?}: {} {}", told.reason, told.error));
            }
        }
        report.deltas = screen.deltas;
        let found = compare(direct, id.as_str().unwrap_or_default(), &screen).await?;
        report.lost_tails = found.len();
        report.why.extend(found);
        Ok(report)
    }
}

struct Done {
    cancelled: bool,
    /// Of the end; `none` without one.
    reason: String,
    /// What the end says went wrong.
    error: Value,
}

async fn one(
    client: &LanguageClient,
    root: &str,
    session: &mut Value,
    prompt: &str,
    stop: Stop,
    screen: &mut ChatScreen,
) -> Result<Done, Failure> {
    let mut watch = client.watch(prompt, TokenKind::Turn);
    let parts = json!([{"type": "text", "text": prompt, "plain": true}]);
    let params = json!({"sessionId": session, "root": root, "parts": parts, "partialResultToken": prompt});
    let sent = client.request("nexus/chat/send", params).await?;
    *session = sent["sessionId"].clone();
    let cancel = json!({"sessionId": session, "turnId": sent["turnId"]});
    let mut done = Done { cancelled: false, reason: "none".to_owned(), error: Value::Null };
    let (mut deltas, mut last) = (0, Instant::now());
    // A delta may never come: an answer that hangs before its first word is stopped after a while all the same.
    let mut until = Instant::now()
        + match stop {
            Stop::After(time) => time,
            Stop::AtDelta(_) => Duration::from_secs(5),
            Stop::Never => PATIENCE,
        };
    loop {
        let stops = !matches!(stop, Stop::Never) && !done.cancelled;
        let left = if stops { until } else { last + PATIENCE }.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, watch.next()).await {
            Ok(told) => {
                let value = told?.value;
                last = Instant::now();
                screen.show(&value);
                if value["kind"] == "end" {
                    done.reason = value["reason"].as_str().unwrap_or_default().to_owned();
                    done.error = value["error"].clone();
                    return Ok(done);
                }
                deltas += usize::from(value["kind"] == "delta");
                if matches!(stop, Stop::AtDelta(count) if deltas >= count) {
                    until = last;
                }
            }
            Err(_) if stops => {
                done.cancelled = true;
                last = Instant::now();
                client.request("nexus/chat/cancel", cancel.clone()).await?;
            }
            Err(_) => return Ok(done),
        }
    }
}

/// The messages of a session that are not as they were told, once the server is at rest.
async fn compare(direct: &Client, session: &str, screen: &ChatScreen) -> Result<Vec<String>, Failure> {
    let until = Instant::now() + REST;
    loop {
        let answer = on_server(direct, &SessionId::from(session)).await;
        let answer = answer.map_err(|error| Failure::Process(format!("{error:?}")))?;
        let found = screen.differences(&crate::expected::messages(&answer), false);
        if found.is_empty() || Instant::now() > until {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
