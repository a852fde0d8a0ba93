//! The hands of [`Machine`]: asks, starts, ends and measures as it says, and tells everybody how the server is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::crash::{CrashReport, decoded, redacted};
use super::health::{Health, HealthEvent, VersionWarning};
use super::load::{Meter, Usage};
use super::machine::{Action, Input, Machine, Now, Probed};
use super::policy::WatchPolicy;
use crate::Result;
use crate::server::background::orphans::end_marked;
use crate::server::run::start::{LocalServer, ServerOptions};

/// Lines that a report of a crash carries.
const REPORT_LINES: usize = 200;
/// Events that a slow listener may be behind before it loses the oldest.
const EVENTS: usize = 256;

/// How a watched server is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// Its health.
    pub health: Health,
    /// Its process, if it is known and runs.
    pub pid: Option<u32>,
    /// The process group of the server and its guardian, if it is ours and runs.
    pub group: Option<u32>,
    /// Its base URL, without credentials.
    pub url: String,
    /// The version that it last reported.
    pub version: Option<String>,
    /// What that version means, when it is not one that was tested.
    pub warning: Option<VersionWarning>,
    /// How often it was started again.
    pub restarts: u32,
    /// What it takes of the machine, when it was measured.
    pub usage: Option<Usage>,
}

/// Asks the server once, without a bound.
pub(in crate::server) type Prober = Arc<dyn Fn() -> BoxFuture<'static, Probed> + Send + Sync>;

/// What a server of ours is started with, again and again.
pub(in crate::server) struct Ours {
    pub name: String,
    pub options: ServerOptions,
    pub crashes: Option<PathBuf>,
    /// Removed when it is dropped, which must be after the server.
    pub _fresh_home: Option<tempfile::TempDir>,
}

pub(in crate::server) struct Watcher {
    machine: Machine,
    prober: Prober,
    bound: Duration,
    // Before what it lives in: fields are dropped in this order.
    pending: FuturesUnordered<BoxFuture<'static, Done>>,
    server: Option<LocalServer>,
    ours: Option<Ours>,
    /// The mark of the server before: what it has left is ended before the next one starts.
    mark: Option<String>,
    meter: Option<Meter>,
    since: Instant,
    exit: Option<std::process::ExitStatus>,
    lines: Vec<String>,
    origin: Instant,
    state: watch::Sender<Watched>,
    events: broadcast::Sender<HealthEvent>,
    stopping: bool,
}

enum Done {
    Started(Result<LocalServer>),
    Probed(u64, Probed),
    Ended,
}

impl Watcher {
    pub(in crate::server) fn new(
        policy: WatchPolicy,
        prober: Prober,
        url: String,
        pid: Option<u32>,
        started: Option<(Ours, LocalServer)>,
    ) -> Self {
        let (state, _) = watch::channel(Watched {
            health: Health::Starting,
            pid,
            group: None,
            url,
            version: None,
            warning: None,
            restarts: 0,
            usage: None,
        });
        let origin = Instant::now();
        let (bound, now) = (policy.probe_bound, Now { monotonic: Duration::ZERO, wall: wall() });
        let machine =
            if started.is_some() { Machine::starting(policy) } else { Machine::adopting(policy, now) };
        let mut watcher = Self {
            machine,
            prober,
            bound,
            ours: None,
            server: None,
            mark: None,
            meter: pid.map(Meter::new),
            since: origin,
            exit: None,
            lines: Vec::new(),
            pending: FuturesUnordered::new(),
            origin,
            state,
            events: broadcast::Sender::new(EVENTS),
            stopping: false,
        };
        if let Some((ours, server)) = started {
            watcher.ours = Some(ours);
            let input = watcher.finished(Done::Started(Ok(server)));
            watcher.step(input);
        }
        watcher
    }

    pub(in crate::server) fn state(&self) -> watch::Receiver<Watched> {
        self.state.subscribe()
    }

    pub(in crate::server) fn events(&self) -> broadcast::Sender<HealthEvent> {
        self.events.clone()
    }

    /// Watches until the server is given up or `stop` is cancelled and it has ended.
    pub(in crate::server) async fn run(mut self, stop: CancellationToken) {
        while !self.machine.is_over() {
            let input = self.next(&stop).await;
            self.step(input);
        }
        // What a guardian has not ended because it was killed.
        if let Some(mark) = self.mark.take() {
            end_marked(&mark).await;
        }
    }

    async fn next(&mut self, stop: &CancellationToken) -> Input {
        let wake = self.machine.wake().map(|at| self.origin + at);
        let server = self.server.as_ref();
        let exited = async {
            match server {
                Some(server) => server.exited().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled(), if !self.stopping => {
                self.stopping = true;
                Input::Stop
            }
            Some(done) = self.pending.next(), if !self.pending.is_empty() => self.finished(done),
            () = exited => self.exited().await,
            () = tokio::time::sleep_until(wake.unwrap_or(self.origin)), if wake.is_some() => Input::Woke,
        }
    }

    fn finished(&mut self, done: Done) -> Input {
        match done {
            Done::Started(Ok(server)) => {
                let version = server.version().to_owned();
                self.mark = Some(server.mark().to_owned());
                self.meter = server.pid().map(Meter::new);
                self.since = Instant::now();
                self.server = Some(server);
                self.exit = None;
                Input::Started { version }
            }
            Done::Started(Err(error)) => {
                let lines = error.context("output").unwrap_or_default();
                self.lines = lines.lines().map(|line| line.trim().to_owned()).collect();
                self.exit = None;
                self.since = Instant::now();
                Input::StartFailed(error.message().to_owned())
            }
            Done::Probed(number, probed) => Input::Probed(number, probed),
            Done::Ended => Input::Ended,
        }
    }

    async fn exited(&mut self) -> Input {
        let Some(server) = self.server.take() else { return Input::Ended };
        server.drained().await;
        self.exit = server.exit_status();
        self.lines = server.output_tail(REPORT_LINES);
        let (code, signal) = self.exit.map_or((None, None), decoded);
        Input::Exited(match (code, signal) {
            (_, Some(signal)) => format!("it was ended by signal {signal}"),
            (Some(code), None) => format!("it ended by itself with exit status {code}"),
            (None, None) => "it ended".to_owned(),
        })
    }

    fn step(&mut self, input: Input) {
        let was_probed = matches!(input, Input::Probed(..));
        if let Input::Probed(_, Probed::Healthy { version }) | Input::Started { version } = &input {
            self.state
                .send_if_modified(|state| state.version.replace(version.clone()).as_ref() != Some(version));
        }
        let mut actions = self.machine.on(self.now(), input);
        if was_probed && let Some(usage) = self.meter.as_mut().and_then(Meter::measure) {
            self.state.send_modify(|state| state.usage = Some(usage));
            self.tell(HealthEvent::Usage(usage));
            actions.extend(self.machine.on(self.now(), Input::Measured(usage)));
        }
        for action in actions {
            self.perform(action);
        }
        self.publish();
    }

    fn now(&self) -> Now {
        Now { monotonic: self.origin.elapsed(), wall: wall() }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Start => self.start(),
            Action::Probe(number) => {
                let (asked, bound) = ((self.prober)(), self.bound);
                self.pending.push(Box::pin(async move {
                    let probed = tokio::time::timeout(bound, asked).await;
                    let silent = || Probed::Silent(format!("no answer within {} s", bound.as_secs_f32()));
                    Done::Probed(number, probed.unwrap_or_else(|_| silent()))
                }));
            }
            Action::End { politely } => self.end(politely),
            Action::Report(reason) => self.report(reason),
            Action::Warn(warning) => {
                tracing::warn!("{warning}");
                self.state.send_modify(|state| state.warning = Some(warning.clone()));
                self.tell(HealthEvent::Version(warning));
            }
        }
    }

    fn start(&mut self) {
        let Some(ours) = &self.ours else { return };
        let (options, mark) = (ours.options.clone(), self.mark.take());
        self.tell(HealthEvent::Restarting { times: self.machine.restarts() });
        self.pending.push(Box::pin(async move {
            if let Some(mark) = mark {
                // A server whose guardian was killed still has the port.
                end_marked(&mark).await;
            }
            Done::Started(LocalServer::start(options).await)
        }));
    }

    fn end(&mut self, politely: bool) {
        // Questions that are open mean nothing any more, and a start that is under way ends by being dropped.
        self.pending.clear();
        let server = self.server.take();
        self.pending.push(Box::pin(async move {
            let ended = match server {
                Some(server) if politely => server.stop().await,
                Some(server) => server.kill().await,
                None => Ok(()),
            };
            if let Err(error) = ended {
                tracing::warn!(%error, "a local server did not end");
            }
            Done::Ended
        }));
    }

    fn report(&mut self, reason: String) {
        let Some(ours) = &self.ours else { return };
        let lines = match &self.server {
            Some(server) => server.output_tail(REPORT_LINES),
            None => std::mem::take(&mut self.lines),
        };
        let secrets = secrets(&ours.options);
        let (exit_code, signal) = self.exit.map_or((None, None), decoded);
        let report = CrashReport {
            name: ours.name.clone(),
            time: millis(wall()),
            reason: reason.clone(),
            exit_code,
            signal,
            version: self.state.borrow().version.clone(),
            uptime: millis(self.since.elapsed()),
            lines: lines.iter().map(|line| redacted(line, &secrets)).collect(),
        };
        tracing::warn!(name = ours.name, "the local server is started again: {reason}");
        let saved = ours.crashes.as_deref().map(|folder| report.save(folder)).transpose();
        let report = saved.unwrap_or_else(|error| {
            tracing::warn!(%error, "the report of a crash cannot be kept");
            None
        });
        self.tell(HealthEvent::Crashed { reason, report });
    }

    fn publish(&self) {
        let health = self.machine.health().clone();
        let restarts = self.machine.restarts();
        let mut is_new = false;
        self.state.send_if_modified(|state| {
            let before = state.clone();
            is_new = state.health != health;
            state.health = health.clone();
            state.restarts = restarts;
            if self.ours.is_some() {
                state.pid = self.server.as_ref().and_then(LocalServer::pid);
                state.group = self.server.as_ref().map(LocalServer::group);
            }
            *state != before
        });
        if is_new {
            tracing::debug!(%health, "a watched server");
            self.tell(HealthEvent::Health(health));
        }
    }

    fn tell(&self, event: HealthEvent) {
        // Nobody has to listen.
        self.events.send(event).ok();
    }
}

/// What must not stand in a report: the password, and every variable that a key could be in.
fn secrets(options: &ServerOptions) -> Vec<String> {
    let suspicious = |name: &str| {
        let name = name.to_uppercase();
        ["KEY", "TOKEN", "SECRET", "PASSWORD"].iter().any(|word| name.contains(word))
    };
    let inherited = std::env::vars().filter(|_| options.inherit_environment);
    let all = inherited.chain(options.environment.iter().cloned());
    let values = all.filter(|(name, value)| suspicious(name) && value.len() >= 8).map(|(_, value)| value);
    values.chain(options.password.clone()).collect()
}

pub(in crate::server) fn wall() -> Duration {
    // A clock before 1970 is a wrong one; what is counted are differences.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
